/*
 * mlperf.c - main() of firmware that MLPerf Tiny's runner (EEMBC EnergyRunner, or the Python runner of
 * mlcommons/tiny) can drive in performance mode: text commands that end with '%', answers as lines that end
 * with "m-ready". Our own code after the behaviour of benchmark/api/internally_implemented.cpp and
 * submitter_implemented.h there.
 *
 *     name              m-name-dut-[mcunet]
 *     profile           m-profile-[...], m-model-[kws01 | vww01 | ic01 | ad01 | mcunet]
 *     timestamp         m-lap-us-MICROSECONDS
 *     db load N         begins an input of N bytes; db HEX... fills it (m-load-done); db print shows it
 *     infer N [W]       N inferences after W (default 10) for warming up, between two time stamps; then
 * results results           m-results-[0.123,...]: the dequantised output; ad01: the mean squared difference
 *     help
 *
 * Inputs as the runner's data sets have them: pixels of uint8 for images (3 channels), floats where the
 * output has the input's shape (anomaly detection), else int8. The input is copied into the arena before
 * every inference, within the time that is taken: inference overwrites its input, and every result is that of
 * the data that were loaded. Energy mode (9600 baud, a pin as time stamp) is not supported.
 */
#include "model.h"
#include "port.h"
#include "protocol.h"
#include "startup.h"

/* An autoencoder; nets of a few bytes are something else. */
#define IS_ANOMALY (MCU_INPUT_BYTES == MCU_OUTPUT_BYTES && MCU_INPUT_BYTES >= 64)
#define IS_IMAGE   (MCU_INPUT_C == 3 && !IS_ANOMALY)

#ifndef MCU_MLPERF_MODEL
#if IS_ANOMALY && MCU_INPUT_BYTES == 640
#define MCU_MLPERF_MODEL "ad01"
#elif IS_IMAGE && MCU_INPUT_H == 96 && MCU_INPUT_W == 96 && MCU_OUTPUT_BYTES == 2
#define MCU_MLPERF_MODEL "vww01"
#elif IS_IMAGE && MCU_INPUT_H == 32 && MCU_INPUT_W == 32 && MCU_OUTPUT_BYTES == 10
#define MCU_MLPERF_MODEL "ic01"
#elif MCU_INPUT_BYTES == 490 && MCU_OUTPUT_BYTES == 12
#define MCU_MLPERF_MODEL "kws01"
#else
#define MCU_MLPERF_MODEL "mcunet"
#endif
#endif

enum {
    COMMAND_BYTES = 80, /* longer ones lose their end */
    DEFAULT_WARMUPS = 10,
    BYTES_A_LINE = 8,
    BUFFER_BYTES = MCU_INPUT_BYTES * (IS_ANOMALY ? 4 : 1),
};

static struct {
    char command[COMMAND_BYTES + 1];
    uint32_t length;
    char *rest; /* of the command, behind the word that was read last */
    uint32_t buffer_size, buffer_at;
    uint64_t ticks; /* since the start */
    uint32_t last_ticks;
} mlperf;

static union {
    uint8_t bytes[BUFFER_BYTES];
    uint32_t words[(BUFFER_BYTES + 3) / 4];
    float floats[(BUFFER_BYTES + 3) / 4];
} buffer;

/* ---- text -------------------------------------------------------------------------------------------------
 */

static void print(const char *text)
{
    while (*text)
        mcu_port_put((uint8_t)*text++);
}

static void print_number(uint32_t number)
{
    char text[11], *at = text + sizeof text - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    print(at);
}

static void print_line(const char *before, uint32_t number, const char *after)
{
    print(before);
    print_number(number);
    print(after);
}

static void print_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    mcu_port_put((uint8_t)digits[byte >> 4]);
    mcu_port_put((uint8_t)digits[byte & 15]);
}

/* Three decimals, rounded. */
static void print_real(float value)
{
    if (value < 0) {
        print("-");
        value = -value;
    }
    if (value > 4.0e6f)
        value = 4.0e6f;
    uint32_t thousandths = (uint32_t)(value * 1000.0f + 0.5f);
    print_number(thousandths / 1000);
    print(".");
    for (uint32_t digit = 100; digit; digit /= 10)
        mcu_port_put((uint8_t)('0' + thousandths / digit % 10));
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* The next blank-separated word of the command, or "". */
static const char *next_word(void)
{
    char *word = mlperf.rest;
    while (*word == ' ')
        word++;
    char *end = word;
    while (*end && *end != ' ')
        end++;
    mlperf.rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* Decimal number at the start of the text, as atoi has it, but not below zero and not above 10^9. */
static int32_t number_of(const char *text)
{
    int32_t number = 0;
    if (*text == '-')
        return -1;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number > 100000000 ? 1000000000 : number * 10 + (*text - '0');
    return number;
}

/* ---- time -------------------------------------------------------------------------------------------------
 */

/* To be called at least once per 2^32 ticks. */
static void keep_time(void)
{
    uint32_t now = mcu_port_ticks();
    mlperf.ticks += (uint32_t)(now - mlperf.last_ticks);
    mlperf.last_ticks = now;
}

static void timestamp(void)
{
    keep_time();
    uint32_t hz = mcu_port_tick_hz();
    uint64_t seconds = hz ? mlperf.ticks / hz : 0, part = hz ? mlperf.ticks % hz * 1000000u / hz : 0;
    print_line("m-lap-us-", (uint32_t)(seconds * 1000000u + part), "\r\n");
}

/* ---- input, inference, output
 * -------------------------------------------------------------------------------
 */

#if IS_ANOMALY
static int8_t quantized(float value)
{
    float scaled = value / MCU_INPUT_SCALE + (float)MCU_INPUT_ZERO_POINT;
    if (scaled <= -128.0f)
        return -128;
    if (scaled >= 127.0f)
        return 127;
    return (int8_t)(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
}
#endif

static void load_tensor(void)
{
    int8_t *input = mcu_model_input();
#if IS_ANOMALY
    for (int32_t i = 0; i < MCU_INPUT_BYTES; i++)
        input[i] = quantized(buffer.floats[i]);
#elif MCU_INPUT_BYTES % 4 == 0
    /* Tensors begin at multiples of four: words, so that this takes next to no time. */
    const uint32_t flip = IS_IMAGE ? 0x80808080u : 0; /* byte - 128 */
    uint32_t *out = (uint32_t *)(void *)input;
    if (((uintptr_t)input & 3u) == 0) {
        for (int32_t i = 0; i < MCU_INPUT_BYTES / 4; i++)
            out[i] = buffer.words[i] ^ flip;
        return;
    }
    for (int32_t i = 0; i < MCU_INPUT_BYTES; i++)
        input[i] = (int8_t)(buffer.bytes[i] ^ (flip & 0xFFu));
#else
    for (int32_t i = 0; i < MCU_INPUT_BYTES; i++)
        input[i] = (int8_t)(buffer.bytes[i] ^ (IS_IMAGE ? 0x80u : 0u));
#endif
}

static float real_output(int32_t i)
{
    return MCU_OUTPUT_SCALE * (float)(mcu_model_output()[i] - MCU_OUTPUT_ZERO_POINT);
}

static void results(void)
{
    print("m-results-[");
#if IS_ANOMALY
    float sum = 0;
    for (int32_t i = 0; i < MCU_OUTPUT_BYTES; i++) {
        float difference = real_output(i) - buffer.floats[i];
        sum += difference * difference;
    }
    print_real(sum / (float)MCU_OUTPUT_BYTES);
#else
    for (int32_t i = 0; i < MCU_OUTPUT_BYTES; i++) {
        if (i)
            print(",");
        print_real(real_output(i));
    }
#endif
    print("]\r\n");
}

static void run(uint32_t n)
{
    while (n-- > 0) {
        load_tensor();
        mcu_model_run();
        keep_time();
    }
}

static void infer(void)
{
    const char *word = next_word();
    int32_t n = *word ? number_of(word) : 1, warmups = DEFAULT_WARMUPS;
    if (n <= 0) {
        print("e-[Inference iterations must be >0]\r\n");
        return;
    }
    word = next_word();
    if (*word)
        warmups = number_of(word);
    if (warmups < 0) {
        print("e-[Inference warmup must be >=0]\r\n");
        return;
    }
    if (mlperf.buffer_size != BUFFER_BYTES || mlperf.buffer_at != BUFFER_BYTES) {
        print_line("e-[Input has ", mlperf.buffer_at, " bytes");
        print_line(", expected ", BUFFER_BYTES, "]\r\n");
        return;
    }
    print_line("m-warmup-start-", (uint32_t)warmups, "\r\n");
    run((uint32_t)warmups);
    print("m-warmup-done\r\n");
    print_line("m-infer-start-", (uint32_t)n, "\r\n");
    timestamp();
    run((uint32_t)n);
    timestamp();
    print("m-infer-done\r\n");
    results();
}

/* ---- db ---------------------------------------------------------------------------------------------------
 */

static void db_load(void)
{
    const char *word = next_word();
    if (!*word) {
        print("e-[Command 'db load' requires the # of bytes]\r\n");
        return;
    }
    int32_t n = number_of(word);
    mlperf.buffer_size = mlperf.buffer_at = 0;
    if (n <= 0) {
        print("e-[Command 'db load' must be >0 bytes]\r\n");
    } else if (n > BUFFER_BYTES) {
        print_line("e-[Supplied buffer size ", (uint32_t)n, " exceeds maximum of ");
        print_line("", BUFFER_BYTES, "]\r\n");
    } else {
        mlperf.buffer_size = (uint32_t)n;
        print_line("m-[Expecting ", (uint32_t)n, " bytes]\r\n");
    }
}

static void db_print(void)
{
    for (uint32_t i = 0; i < mlperf.buffer_size; i++) {
        if (i % BYTES_A_LINE == 0)
            print("m-buffer-");
        print_hex(buffer.bytes[i]);
        print((i + 1) % BYTES_A_LINE == 0 || i + 1 == mlperf.buffer_size ? "\r\n" : "-");
    }
    if (mlperf.buffer_size % BYTES_A_LINE)
        print("\r\n");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void db_data(const char *digits)
{
    uint32_t n = 0;
    while (digits[n])
        n++;
    if (n % 2) {
        print("e-[Insufficent number of hex digits]\r\n"); /* spelled as the reference does */
        return;
    }
    for (uint32_t i = 0; i < n; i += 2) {
        int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
        if (high < 0 || low < 0) {
            const char pair[] = {digits[i], digits[i + 1], '\0'};
            print("e-[Invalid hex digit '");
            print(pair);
            print("']\r\n");
            return;
        }
        if (mlperf.buffer_at >= mlperf.buffer_size)
            return; /* more than was announced */
        buffer.bytes[mlperf.buffer_at++] = (uint8_t)(high << 4 | low);
        if (mlperf.buffer_at == mlperf.buffer_size)
            print("m-load-done\r\n");
    }
}

static void db(void)
{
    const char *word = next_word();
    if (!*word)
        print("e-[Command 'db' requires a subcommand]\r\n");
    else if (same(word, "load"))
        db_load();
    else if (same(word, "print"))
        db_print();
    else
        db_data(word);
}

/* ---- commands ---------------------------------------------------------------------------------------------
 */

static void name(void)
{
    print("m-name-dut-[mcunet]\r\n");
}

static void profile(void)
{
    print("m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[" MCU_MLPERF_MODEL "]\r\n");
}

static void help(void)
{
    print("ULPMark for tinyML Firmware V0.0.1\r\n\r\n"
          "help         : this text\r\n"
          "name         : name of the device\r\n"
          "profile      : protocol and model\r\n"
          "timestamp    : time stamp in microseconds\r\n"
          "db load N    : begin an input of N bytes\r\n"
          "db HH[HH]*   : its bytes in hexadecimal\r\n"
          "db print     : show it\r\n"
          "infer N [W]  : N inferences after W for warming up\r\n"
          "results      : output of the last inference\r\n");
}

static void carry_out(void)
{
    static const struct {
        const char *word;
        void (*run)(void);
    } commands[] = {
        {"name", name}, {"timestamp", timestamp}, {"profile", profile}, {"help", help},
        {"db", db},     {"infer", infer},         {"results", results},
    };
    mlperf.rest = mlperf.command;
    const char *word = next_word();
    uint32_t i = 0, n = sizeof commands / sizeof *commands;
    while (i < n && !same(word, commands[i].word))
        i++;
    if (i < n) {
        commands[i].run();
    } else {
        print("e-[Unknown command: ");
        print(word);
        print("]\r\n");
    }
    print("m-ready\r\n");
}

static void take(char c)
{
    if (c == '%') {
        mlperf.command[mlperf.length] = '\0';
        mlperf.length = 0;
        carry_out();
    } else if (c != '\r' && c != '\n' && mlperf.length < COMMAND_BYTES) {
        mlperf.command[mlperf.length++] = c;
    }
}

int main(void)
{
    mcu_port_init(MCU_BAUD);
    mlperf.last_ticks = mcu_port_ticks();
    print("m-timestamp-mode-performance\r\n");
    timestamp();
    print("m-init-done\r\nm-ready\r\n");
    for (;;) {
        int byte = mcu_port_get();
        keep_time();
        if (byte >= 0)
            take((char)byte);
    }
}

_Noreturn void mcu_fault_stop(void)
{
    print_line("e-[Fault ", mcu_fault_record.exception, "]\r\n");
    for (;;)
        __asm volatile("" ::: "memory");
}
