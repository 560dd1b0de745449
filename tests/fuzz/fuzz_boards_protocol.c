/*
 * Any bytes on the line, at both ends of the measuring protocol. The board (harness.c itself) takes them as
 * requests: it never writes outside its model, and what it answers is frames. The host takes them as answers:
 * each function of measure.h ends.
 */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/measure.h"
#include "fuzz.h"

#define main harness_main
#include "boards/arm/harness.c"
#include "boards/arm/selftest.c"
#undef main

/* ---- the board --------------------------------------------------------------------------------------------
 */

enum { GUARD_BYTES = 64, GUARD = 0x5B };

static struct {
    const uint8_t *data;
    size_t size, at;
    jmp_buf end;
    struct mcu_frame_reader replies;
    size_t sent, framed;
    int8_t input[MCU_INPUT_BYTES + GUARD_BYTES], output[MCU_OUTPUT_BYTES];
    uint32_t ticks;
} board;

volatile struct mcu_fault_record mcu_fault_record;

int8_t *mcu_model_input(void)
{
    return board.input;
}

const int8_t *mcu_model_output(void)
{
    return board.output;
}

void mcu_model_run(void)
{
    for (uint32_t layer = 0; layer < MCU_LAYERS; layer++)
        mcu_layer(layer);
    memcpy(board.output, board.input, sizeof board.output);
}

uint32_t mcu_stack_used(void)
{
    return 0;
}

uint32_t mcu_stack_reserved(void)
{
    return 0;
}

void mcu_port_init(uint32_t baud)
{
    (void)baud;
}

uint32_t mcu_port_clock_hz(void)
{
    return 0;
}

uint32_t mcu_port_tick_hz(void)
{
    return 1000;
}

enum mcu_port_counter mcu_port_counter(void)
{
    return MCU_COUNTER_NONE;
}

uint32_t mcu_port_ticks(void)
{
    return board.ticks++;
}

void mcu_port_put(uint8_t byte)
{
    board.sent++;
    if (mcu_frame_read(&board.replies, byte))
        board.framed += board.replies.frame.length + MCU_FRAME_OVERHEAD;
}

int mcu_port_get(void)
{
    if (board.at == board.size)
        longjmp(board.end, 1);
    return board.data[board.at++];
}

/* Many inferences for one request would only take time. */
static int is_long(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 9 < size; i++)
        if (data[i] == MCU_SYNC_0 && data[i + 1] == MCU_SYNC_1 && data[i + 2] == MCU_INFER &&
            data[i + 8] != 0)
            return 1;
    return 0;
}

static void run_board(const uint8_t *data, size_t size)
{
    memset(&harness, 0, sizeof harness);
    memset(&board, 0, sizeof board);
    memset(board.input + MCU_INPUT_BYTES, GUARD, GUARD_BYTES);
    board.data = data;
    board.size = size;
    if (setjmp(board.end) == 0)
        harness_main();
    for (int i = 0; i < GUARD_BYTES; i++)
        if (board.input[MCU_INPUT_BYTES + i] != GUARD)
            die("the board wrote behind its input");
    if (board.sent != board.framed)
        die("the board sent %zu bytes, %zu of them in frames", board.sent, board.framed);
}

/* ---- the host ---------------------------------------------------------------------------------------------
 */

static void run_host(const uint8_t *data, size_t size)
{
    int ends[2];
    struct measure measure;
    struct measure_times times;
    struct layer_time *layers;
    struct arena arena = ARENA_INIT;
    int n;
    if (size > 4096)
        size = 4096; /* what the line holds without a reader */
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return;
    if (write(ends[1], data, size) == (ssize_t)size && shutdown(ends[1], SHUT_WR) == 0) {
        const struct serial serial = {ends[0], "line"};
        int rc = measure_attach(&measure, &serial);
        ends[0] = rc ? -1 : ends[0];
        if (!rc && measure.hello.input_bytes <= MCU_INPUT_BYTES &&
            measure.hello.output_bytes <= MCU_OUTPUT_BYTES) {
            rc = measure_load(&measure, board.input);
            if (!rc)
                rc = measure_infer(&measure, MCU_LOADED, 1, 0.01, &times);
            if (!rc)
                rc = measure_fetch(&measure, board.output);
            if (!rc)
                rc = measure_layers(&measure, 0.01, &layers, &n, &arena);
        }
    }
    if (ends[0] >= 0)
        close(ends[0]);
    close(ends[1]);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 << 16 && !is_long(data, size))
        run_board(data, size);
    run_host(data, size);
    return 0;
}
