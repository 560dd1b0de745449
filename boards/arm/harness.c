/*
 * harness.c - main() of the measuring firmware: runs the model as a host asks over the UART (protocol.h), and
 * says what it took. Links with a port (port.h) and a model.c that was compiled with layer.h.
 */
#include "frame.h"
#include "layer.h"
#include "model.h"
#include "port.h"
#include "selftest.h"
#include "startup.h"

/* From build.ninja; the host compares the hash with schedule.json's. */
#ifndef MCU_MODEL_SHA256
#define MCU_MODEL_SHA256 "0000000000000000000000000000000000000000000000000000000000000000"
#endif
#ifndef MCU_GENERATOR_VERSION
#define MCU_GENERATOR_VERSION "unknown"
#endif
#ifndef MCU_UART_BAUD
#define MCU_UART_BAUD MCU_BAUD
#endif
#ifndef MCU_BOARD_NAME
#define MCU_BOARD_NAME "unknown"
#endif

enum { SHA256_BYTES = 32, HOOK_TRIALS = 16, FRAME_TIMEOUTS_PER_S = 4 };

/* Time of the operators from `first` on, while on. */
struct layer_clock {
    uint32_t on, first;
    uint32_t slot, begin;                                                    /* whose time runs since when */
    uint32_t ticks[MCU_LAYER_TIMES_MAX + 1], calls[MCU_LAYER_TIMES_MAX + 1]; /* the last: all others */
};

static struct {
    struct mcu_frame_reader reader;
    struct mcu_frame reply;
    struct layer_clock clock;
    uint32_t last_byte; /* ticks */
    int32_t loaded;     /* bytes of input */
    uint32_t hook_ticks;
    uint8_t replied;    /* reply is one */
    uint8_t has_output; /* of the last INFER */
} harness;

void mcu_layer(uint32_t layer)
{
    struct layer_clock *clock = &harness.clock;
    if (!clock->on)
        return;
    uint32_t now = mcu_port_ticks(), slot = layer - clock->first;
    clock->ticks[clock->slot] += now - clock->begin;
    clock->slot = slot < MCU_LAYER_TIMES_MAX ? slot : MCU_LAYER_TIMES_MAX;
    clock->calls[clock->slot]++;
    clock->begin = now;
}

/* ---- the UART ---------------------------------------------------------------------------------------------
 */

static void put(void *to, uint8_t byte)
{
    (void)to;
    mcu_port_put(byte);
}

static void send_reply(void)
{
    mcu_frame_send(&harness.reply, put, 0);
}

/* 1 when a request is complete. Never waits. */
static int receive(void)
{
    int byte = mcu_port_get();
    uint32_t now = mcu_port_ticks();
    if (byte < 0) {
        if (now - harness.last_byte > mcu_port_tick_hz() / FRAME_TIMEOUTS_PER_S)
            harness.reader.part = 0;
        return 0;
    }
    harness.last_byte = now;
    return mcu_frame_read(&harness.reader, (uint8_t)byte);
}

/* ---- commands: each fills the reply after its status, or returns another status
 * -----------------------------
 */

static void add_text(const char *text)
{
    do
        mcu_frame_add(&harness.reply, (uint8_t)*text, 1);
    while (*text++);
}

static uint32_t hex_digit(char digit)
{
    return digit >= 'a' ? (uint32_t)(digit - 'a' + 10) : (uint32_t)(digit - '0');
}

static enum mcu_status hello(void)
{
    static const char sha256[] = MCU_MODEL_SHA256;
    struct mcu_frame *reply = &harness.reply;
    mcu_frame_add(reply, MCU_PROTOCOL_VERSION, 1);
    mcu_frame_add(reply, mcu_port_counter(), 1);
    mcu_frame_add(reply, 0, 1);
    mcu_frame_add(reply, mcu_port_clock_hz(), 4);
    mcu_frame_add(reply, mcu_port_tick_hz(), 4);
    mcu_frame_add(reply, MCU_INPUT_BYTES, 4);
    mcu_frame_add(reply, MCU_OUTPUT_BYTES, 4);
    mcu_frame_add(reply, MCU_ARENA_BYTES, 4);
    mcu_frame_add(reply, mcu_stack_reserved(), 4);
    mcu_frame_add(reply, harness.hook_ticks, 4);
    for (int i = 0; i < SHA256_BYTES; i++)
        mcu_frame_add(reply, hex_digit(sha256[2 * i]) << 4 | hex_digit(sha256[2 * i + 1]), 1);
    add_text(MCU_GENERATOR_VERSION);
    add_text(MCU_BOARD_NAME);
    add_text(__VERSION__);
    return MCU_OK;
}

static enum mcu_status load(const struct mcu_frame *request)
{
    if (request->length < 5)
        return MCU_BAD_LENGTH;
    uint32_t offset = mcu_frame_number(request->payload, 4), n = request->length - 4u;
    if ((offset != 0 && offset != (uint32_t)harness.loaded) || offset > MCU_INPUT_BYTES ||
        n > MCU_INPUT_BYTES - offset)
        return MCU_BAD_RANGE;
    int8_t *input = mcu_model_input() + offset;
    for (uint32_t i = 0; i < n; i++)
        input[i] = (int8_t)request->payload[4 + i];
    harness.has_output = 0;
    harness.loaded = (int32_t)(offset + n);
    mcu_frame_add(&harness.reply, (uint32_t)harness.loaded, 4);
    return MCU_OK;
}

static uint32_t timed_run(void)
{
    uint32_t begin = mcu_port_ticks();
    mcu_model_run();
    return mcu_port_ticks() - begin;
}

static enum mcu_status infer(const struct mcu_frame *request)
{
    if (request->length != 3)
        return MCU_BAD_LENGTH;
    uint32_t source = request->payload[0], runs = mcu_frame_number(request->payload + 1, 2);
    if (source > MCU_LOADED || runs == 0 || (source == MCU_LOADED && runs > 1))
        return MCU_BAD_RANGE;
    if (source == MCU_LOADED && harness.loaded != MCU_INPUT_BYTES)
        return MCU_NOT_LOADED;
    uint32_t least = 0xFFFFFFFFu, most = 0;
    uint64_t sum = 0;
    harness.loaded = 0;
    for (uint32_t i = 0; i < runs; i++) {
        if (source == MCU_PATTERN)
            mcu_selftest_input();
        uint32_t ticks = timed_run();
        least = ticks < least ? ticks : least;
        most = ticks > most ? ticks : most;
        sum += ticks;
    }
    harness.has_output = 1;
    struct mcu_frame *reply = &harness.reply;
    mcu_frame_add(reply, runs, 4);
    mcu_frame_add(reply, least, 4);
    mcu_frame_add(reply, most, 4);
    mcu_frame_add(reply, (uint32_t)sum, 4);
    mcu_frame_add(reply, (uint32_t)(sum >> 32), 4);
    mcu_frame_add(reply, mcu_selftest_crc(), 4);
    mcu_frame_add(reply, mcu_stack_used(), 4);
    return MCU_OK;
}

static enum mcu_status fetch(const struct mcu_frame *request)
{
    if (request->length != 6)
        return MCU_BAD_LENGTH;
    uint32_t offset = mcu_frame_number(request->payload, 4), n = mcu_frame_number(request->payload + 4, 2);
    if (n > MCU_FETCH_DATA_MAX || offset > MCU_OUTPUT_BYTES || n > MCU_OUTPUT_BYTES - offset)
        return MCU_BAD_RANGE;
    if (!harness.has_output)
        return MCU_NO_OUTPUT;
    const int8_t *output = mcu_model_output() + offset;
    for (uint32_t i = 0; i < n; i++)
        mcu_frame_add(&harness.reply, (uint8_t)output[i], 1);
    return MCU_OK;
}

static enum mcu_status layer_times(const struct mcu_frame *request)
{
    if (request->length != 4)
        return MCU_BAD_LENGTH;
    struct layer_clock *clock = &harness.clock;
    uint32_t first = mcu_frame_number(request->payload, 4);
    if (first >= MCU_LAYERS)
        return MCU_BAD_RANGE;
    *clock = (struct layer_clock){.first = first, .slot = MCU_LAYER_TIMES_MAX};
    harness.loaded = 0;
    harness.has_output = 0;
    mcu_selftest_input();
    clock->on = 1;
    clock->begin = mcu_port_ticks();
    mcu_model_run();
    mcu_layer(MCU_LAYERS); /* the end of the last one */
    clock->on = 0;
    uint32_t n = MCU_LAYERS - first < MCU_LAYER_TIMES_MAX ? MCU_LAYERS - first : MCU_LAYER_TIMES_MAX;
    mcu_frame_add(&harness.reply, MCU_LAYERS, 4);
    mcu_frame_add(&harness.reply, n, 1);
    for (uint32_t i = 0; i < n; i++) {
        mcu_frame_add(&harness.reply, clock->ticks[i], 4);
        mcu_frame_add(&harness.reply, clock->calls[i], 4);
    }
    return MCU_OK;
}

static enum mcu_status carry_out(const struct mcu_frame *request)
{
    switch (request->command) {
    case MCU_HELLO:
        return request->length ? MCU_BAD_LENGTH : hello();
    case MCU_LOAD:
        return load(request);
    case MCU_INFER:
        return infer(request);
    case MCU_FETCH:
        return fetch(request);
    case MCU_LAYER_TIMES:
        return layer_times(request);
    default:
        return MCU_UNKNOWN_COMMAND;
    }
}

static void answer(const struct mcu_frame *request)
{
    struct mcu_frame *reply = &harness.reply;
    uint8_t command = (uint8_t)(request->command | MCU_REPLY);
    if (request->command & MCU_REPLY)
        return; /* an echo of our own */
    if (harness.replied && reply->sequence == request->sequence && reply->command == command &&
        request->command != MCU_HELLO) {
        send_reply();
        return;
    }
    *reply = (struct mcu_frame){.command = command, .sequence = request->sequence, .length = 1};
    enum mcu_status status = carry_out(request);
    reply->payload[0] = (uint8_t)status;
    if (status != MCU_OK)
        reply->length = 1;
    harness.replied = 1;
    send_reply();
}

/* ---- main -------------------------------------------------------------------------------------------------
 */

/* What one mcu_layer() costs while the time is taken: the least of some. */
static uint32_t measure_hook(void)
{
    struct layer_clock *clock = &harness.clock;
    uint32_t least = 0xFFFFFFFFu;
    clock->on = 1;
    for (uint32_t i = 0; i < HOOK_TRIALS; i++) {
        mcu_layer(0);
        clock->ticks[0] = 0;
        mcu_layer(0);
        least = clock->ticks[0] < least ? clock->ticks[0] : least;
    }
    clock->on = 0;
    return least;
}

int main(void)
{
    mcu_port_init(MCU_UART_BAUD);
    harness.hook_ticks = measure_hook();
    for (;;)
        if (receive())
            answer(&harness.reader.frame);
}

_Noreturn void mcu_fault_stop(void)
{
    struct mcu_frame *reply = &harness.reply;
    const uint32_t facts[] = {mcu_fault_record.exception, mcu_fault_record.cfsr, mcu_fault_record.hfsr,
                              mcu_fault_record.address,   mcu_fault_record.pc,   mcu_fault_record.lr};
    *reply = (struct mcu_frame){.command = MCU_FAULT | MCU_REPLY};
    for (uint32_t i = 0; i < sizeof facts / sizeof *facts; i++)
        mcu_frame_add(reply, facts[i], 4);
    harness.reader.part = 0;
    send_reply();
    for (;;)
        if (receive())
            send_reply();
}
