#include "boards/measure.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

enum { ATTEMPTS = 3, MAX_LAYERS = 65536 };

static const double answer_s = 1.5, repeat_s = 1.5, write_s = 5;

/* ---- request and reply ------------------------------------------------------------------------------------
 */

struct wire {
    uint8_t bytes[MCU_FRAME_MAX];
    size_t n;
};

static void put(void *to, uint8_t byte)
{
    struct wire *wire = to;
    wire->bytes[wire->n++] = byte;
}

static const char *fault_name(uint32_t exception)
{
    static const char *const names[] = {"HardFault", "MemManage", "BusFault", "UsageFault"};
    return exception >= 3 && exception < 7 ? names[exception - 3] : "unexpected exception";
}

static int report_fault(const struct measure *measure, const struct mcu_frame *frame)
{
    uint32_t facts[6] = {0};
    for (int i = 0; i < 6 && 4 * (i + 1) <= frame->length; i++)
        facts[i] = mcu_frame_number(frame->payload + 4 * i, 4);
    return error(
        "the firmware on '%s' stopped: %s, cfsr 0x%08x, hfsr 0x%08x, address 0x%08x, pc 0x%08x, lr 0x%08x",
        measure->serial.path, fault_name(facts[0]), facts[1], facts[2], facts[3], facts[4], facts[5]);
}

/* Bytes into the reader until the reply to the request is there (*found), or the time is over. */
static int receive(struct measure *measure, const struct mcu_frame *request, double timeout_s, bool *found)
{
    const double deadline = clock_now_s() + timeout_s;
    const struct mcu_frame *frame = &measure->reader.frame;
    *found = false;
    for (double left = timeout_s; left > 0; left = deadline - clock_now_s()) {
        uint8_t byte;
        size_t n;
        int rc = serial_read(&measure->serial, &byte, 1, left, &n);
        if (rc)
            return rc;
        if (n == 0)
            continue;
        measure->strange_bytes++;
        if (!mcu_frame_read(&measure->reader, byte))
            continue;
        measure->strange_bytes -= frame->length + MCU_FRAME_OVERHEAD;
        if (frame->command == (MCU_FAULT | MCU_REPLY))
            return report_fault(measure, frame);
        if (frame->command == (request->command | MCU_REPLY) && frame->sequence == request->sequence) {
            *found = true;
            return 0;
        }
    }
    return 0;
}

static int report_silence(const struct measure *measure, double waited_s)
{
    if (measure->strange_bytes > 0)
        return error_tool(
            "the board at '%s' sent %lld bytes that are no answer of mcunet's measuring firmware: is "
            "harness.elf flashed, and the speed right?",
            measure->serial.path, (long long)measure->strange_bytes);
    return error_tool(
        "the board at '%s' did not answer within %.0f s: is harness.elf flashed, and is this its port?",
        measure->serial.path, waited_s);
}

static int report_status(const struct measure *measure, const struct mcu_frame *request, int status)
{
    static const char *const names[] = {"done",        "unknown command",  "wrong length",
                                        "wrong range", "input not loaded", "no output yet"};
    const char *name = status < (int)(sizeof names / sizeof *names) ? names[status] : "unknown status";
    return error("the firmware on '%s' refused command %d: %s (%d)", measure->serial.path, request->command,
                 name, status);
}

/* Sends the request until it is answered; measure->reader.frame is the reply, of at least `length` bytes with
 * status MCU_OK. */
static int ask(struct measure *measure, struct mcu_frame *request, double timeout_s, int length)
{
    static const uint8_t zeros[MCU_FRAME_MAX];
    struct wire wire = {.n = 0};
    request->sequence = ++measure->sequence;
    mcu_frame_send(request, put, &wire);
    measure->strange_bytes = 0;
    double waited_s = 0;
    bool found = false;
    for (int attempt = 0; attempt < ATTEMPTS && !found; attempt++) {
        int rc = attempt ? serial_write(&measure->serial, zeros, sizeof zeros, write_s) : 0;
        if (!rc)
            rc = serial_write(&measure->serial, wire.bytes, wire.n, write_s);
        const double wait_s = attempt ? repeat_s : timeout_s;
        if (!rc)
            rc = receive(measure, request, wait_s, &found);
        if (rc)
            return rc;
        waited_s += wait_s;
    }
    if (!found)
        return report_silence(measure, waited_s);
    const struct mcu_frame *reply = &measure->reader.frame;
    if (reply->length >= 1 && reply->payload[0] != MCU_OK)
        return report_status(measure, request, reply->payload[0]);
    if (reply->length < length)
        return error_differ(
            "the firmware on '%s' answered command %d with %d bytes, not %d: it is of another version",
            measure->serial.path, request->command, reply->length, length);
    return 0;
}

/* ---- hello ------------------------------------------------------------------------------------------------
 */

/* Next NUL-terminated text of the reply, cut to capacity, printable; returns where it ends. */
static int read_text(const struct mcu_frame *reply, int at, char *text, int capacity)
{
    int n = 0;
    for (; at < reply->length && reply->payload[at]; at++)
        if (n < capacity - 1)
            text[n++] = reply->payload[at] >= 32 && reply->payload[at] < 127 ? (char)reply->payload[at] : '?';
    text[n] = '\0';
    return at + 1;
}

static void read_hello(struct measure_hello *hello, const struct mcu_frame *reply)
{
    enum { COUNTER = 2, NUMBERS = 4, SHA256 = NUMBERS + 7 * 4 };
    uint32_t *const numbers[] = {&hello->clock_hz,     &hello->tick_hz,     &hello->input_bytes,
                                 &hello->output_bytes, &hello->arena_bytes, &hello->stack_bytes,
                                 &hello->hook_ticks};
    hello->counter = reply->payload[COUNTER];
    for (int i = 0; i < 7; i++)
        *numbers[i] = mcu_frame_number(reply->payload + NUMBERS + 4 * i, 4);
    for (int i = 0; i < 32; i++) {
        static const char digits[] = "0123456789abcdef";
        hello->model_sha256[2 * i] = digits[reply->payload[SHA256 + i] >> 4];
        hello->model_sha256[2 * i + 1] = digits[reply->payload[SHA256 + i] & 15];
    }
    int at = read_text(reply, MCU_HELLO_TEXTS, hello->version, sizeof hello->version);
    at = read_text(reply, at, hello->board, sizeof hello->board);
    read_text(reply, at, hello->compiler, sizeof hello->compiler);
}

static int greet(struct measure *measure)
{
    struct mcu_frame request = {.command = MCU_HELLO};
    int rc = ask(measure, &request, answer_s, 2);
    const struct mcu_frame *reply = &measure->reader.frame;
    if (!rc && (reply->payload[1] != MCU_PROTOCOL_VERSION || reply->length < MCU_HELLO_TEXTS))
        rc = error_differ(
            "the firmware on '%s' speaks version %d of the measuring protocol, not %d: flash it again",
            measure->serial.path, reply->payload[1], MCU_PROTOCOL_VERSION);
    if (!rc)
        read_hello(&measure->hello, reply);
    return rc;
}

int measure_open(struct measure *out, const char *path, int baud)
{
    struct serial serial;
    int rc = serial_open(&serial, path, baud);
    return rc ? rc : measure_attach(out, &serial);
}

int measure_attach(struct measure *out, const struct serial *serial)
{
    *out = (struct measure){.serial = *serial};
    int rc = greet(out);
    if (rc)
        measure_close(out);
    return rc;
}

void measure_close(struct measure *measure)
{
    serial_close(&measure->serial);
}

int measure_check_model(const struct measure *measure, const char *model_sha256)
{
    if (strcmp(measure->hello.model_sha256, model_sha256) == 0)
        return 0;
    return error_differ(
        "the board at '%s' runs another network (SHA-256 %.12s..., for %s), not this one (%.12s...): flash "
        "it again",
        measure->serial.path, measure->hello.model_sha256, measure->hello.board, model_sha256);
}

/* ---- inference --------------------------------------------------------------------------------------------
 */

int measure_load(struct measure *measure, const int8_t *input)
{
    const uint32_t all = measure->hello.input_bytes;
    for (uint32_t at = 0; at < all;) {
        const uint32_t n = all - at < MCU_LOAD_DATA_MAX ? all - at : MCU_LOAD_DATA_MAX;
        struct mcu_frame request = {.command = MCU_LOAD};
        mcu_frame_add(&request, at, 4);
        memcpy(request.payload + request.length, input + at, n);
        request.length = (uint16_t)(request.length + n);
        int rc = ask(measure, &request, answer_s, 5);
        if (rc)
            return rc;
        at += n;
        if (mcu_frame_number(measure->reader.frame.payload + 1, 4) != at)
            return error("the firmware on '%s' lost input bytes", measure->serial.path);
    }
    return 0;
}

int measure_infer(struct measure *measure, enum mcu_source source, int runs, double timeout_s,
                  struct measure_times *times)
{
    struct mcu_frame request = {.command = MCU_INFER};
    mcu_frame_add(&request, source, 1);
    mcu_frame_add(&request, (uint32_t)runs, 2);
    int rc = ask(measure, &request, timeout_s, 29);
    if (rc)
        return rc;
    const uint8_t *at = measure->reader.frame.payload + 1;
    const double sum = mcu_frame_number(at + 12, 4) + mcu_frame_number(at + 16, 4) * 4294967296.0;
    *times = (struct measure_times){
        .runs = runs,
        .least = mcu_frame_number(at + 4, 4),
        .most = mcu_frame_number(at + 8, 4),
        .mean = sum / runs,
        .crc = mcu_frame_number(at + 20, 4),
        .stack_used = mcu_frame_number(at + 24, 4),
    };
    return 0;
}

int measure_fetch(struct measure *measure, int8_t *output)
{
    const uint32_t all = measure->hello.output_bytes;
    for (uint32_t at = 0; at < all;) {
        const uint32_t n = all - at < MCU_FETCH_DATA_MAX ? all - at : MCU_FETCH_DATA_MAX;
        struct mcu_frame request = {.command = MCU_FETCH};
        mcu_frame_add(&request, at, 4);
        mcu_frame_add(&request, n, 2);
        int rc = ask(measure, &request, answer_s, (int)n + 1);
        if (rc)
            return rc;
        memcpy(output + at, measure->reader.frame.payload + 1, n);
        at += n;
    }
    return 0;
}

/* Checks one reply and adds its rows. */
static int take_layers(const struct measure *measure, uint32_t first, uint32_t *all,
                       struct layer_time **layers, uint32_t *n, struct arena *arena)
{
    const struct mcu_frame *reply = &measure->reader.frame;
    const uint32_t layer_count = mcu_frame_number(reply->payload + 1, 4), rows = reply->payload[5];
    if (layer_count == 0 || layer_count > MAX_LAYERS || (first && layer_count != *all) || rows == 0 ||
        rows > layer_count - first || reply->length < 6 + 8 * rows)
        return error("the firmware on '%s' gave times of %u layers from layer %u of %u", measure->serial.path,
                     rows, first, layer_count);
    if (!first)
        *layers = ARENA_ARRAY(arena, struct layer_time, layer_count);
    for (uint32_t i = 0; i < rows; i++) {
        const uint8_t *at = reply->payload + 6 + 8 * i;
        const uint32_t ticks = mcu_frame_number(at, 4), calls = mcu_frame_number(at + 4, 4);
        const double hooks = (double)calls * measure->hello.hook_ticks;
        (*layers)[first + i] = (struct layer_time){ticks > hooks ? ticks - hooks : 0, calls};
    }
    *all = layer_count;
    *n = rows;
    return 0;
}

int measure_layers(struct measure *measure, double timeout_s, struct layer_time **layers, int *n,
                   struct arena *arena)
{
    uint32_t all = 1;
    for (uint32_t first = 0, rows = 0; first < all; first += rows) {
        struct mcu_frame request = {.command = MCU_LAYER_TIMES};
        mcu_frame_add(&request, first, 4);
        int rc = ask(measure, &request, timeout_s, 6);
        if (!rc)
            rc = take_layers(measure, first, &all, layers, &rows, arena);
        if (rc)
            return rc;
    }
    *n = (int)all;
    return 0;
}
