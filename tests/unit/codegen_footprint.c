/*
 * Footprints, counted by hand for one network; what does not fit is said with bytes. (tests/board compares
 * footprints with linked ELFs.)
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "codegen/footprint.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
#include "engine/dsp/dsp.h"
#include "engine/engine.h"
#include "quant/qmodel.h"
#include "tests/unit/capture.h"

/* A skeleton: conv 3x3 (3 -> 5), table, mean, fully connected (5 -> 7). */
struct network {
    struct qmodel qmodel;
    struct qtensor tensors[5];
    struct qnode nodes[4];
};

static void build(struct network *n)
{
    *n = (struct network){
        .tensors =
            {{"image", 8, 8, 3}, {"conv", 8, 8, 5}, {"act", 8, 8, 5}, {"mean", 1, 1, 5}, {"logits", 1, 1, 7}},
        .nodes = {{.op = QOP_CONV, .name = "conv", .n_inputs = 1, .output = 1, .n_weights = 5 * 3 * 3 * 3},
                  {.op = QOP_TABLE, .name = "act", .inputs = {1}, .n_inputs = 1, .output = 2},
                  {.op = QOP_MEAN, .name = "mean", .inputs = {2}, .n_inputs = 1, .output = 3},
                  {.op = QOP_FULLY_CONNECTED,
                   .name = "fc",
                   .inputs = {3},
                   .n_inputs = 1,
                   .output = 4,
                   .n_weights = 35}}};
    n->nodes[0].window = (struct window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    n->qmodel =
        (struct qmodel){.tensors = n->tensors, .n_tensors = 5, .nodes = n->nodes, .n_nodes = 4, .output = 4};
}

static void every_byte_is_accounted_for(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct network n;
    struct board *board;
    struct schedule schedule;
    struct footprint f;
    build(&n);
    assert_int_equal(board_load(&board, "stm32f746", &arena), 0);
    schedule_plan(&schedule, &n.qmodel, &(struct plan_options){0}, &arena);
    footprint_of(&f, &n.qmodel, &schedule, board);

    assert_int_equal(f.arena_bytes, schedule.arena_bytes);
    assert_int_equal(f.stack_bytes, FIRMWARE_STACK_BYTES);
    assert_int_equal(f.sram_bytes, f.arena_bytes + f.stack_bytes + f.runtime_bytes);
    /* 135 and 35 weights, each rounded up to 4, and biases. */
    assert_int_equal(f.weights_bytes, 136 + 4 * 5 + 36 + 4 * 7);
    /* Multipliers, shifts rounded up to 4, the table, one argument struct a call. */
    assert_int_equal(f.constants_bytes, 4 * 5 + 8 + 4 * 7 + 8 + 256 + 76 + 44 + 56 + 68);
    assert_int_equal(f.flash_bytes, f.weights_bytes + f.constants_bytes + (f.code_bytes + 3) / 4 * 4);
    assert_true(f.code_bytes > 1000);
    arena_release(&arena);
}

static const char *check_message(const struct footprint *f, const char *board_name)
{
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct board *board;
    assert_int_equal(board_load(&board, board_name, &arena), 0);
    capture_start(&capture, STDERR_FILENO);
    int rc = footprint_check(f, board, "network 'x'");
    const char *message = capture_end(&capture);
    assert_int_equal(rc, *message ? EXIT_FIT : 0);
    arena_release(&arena);
    return message;
}

static void what_does_not_fit_is_said_in_bytes(void **state)
{
    (void)state;
    struct footprint f = {.stack_bytes = 2048, .runtime_bytes = 32, .flash_bytes = 1 << 20};
    f.arena_bytes = 327680 - 2048 - 32;
    f.sram_bytes = 327680;
    assert_string_equal(check_message(&f, "stm32f746"), "");
    f.arena_bytes += 84632;
    f.sram_bytes += 84632;
    assert_string_equal(
        check_message(&f, "stm32f746"),
        "error: network 'x' needs 412 312 bytes of SRAM, stm32f746 has 327 680: 84 632 too many\n");
    f.flash_bytes++;
    assert_string_equal(
        check_message(&f, "stm32f746"),
        "error: network 'x' needs 1 048 577 bytes of flash, stm32f746 has 1 048 576: 1 too many\n");
    /* On the H743 the arena has the AXI SRAM for itself; the stack is in DTCM. */
    f.arena_bytes = 512 << 10;
    f.sram_bytes = f.arena_bytes + 2080;
    assert_string_equal(check_message(&f, "stm32h743"), "");
    f.arena_bytes += 8;
    assert_string_equal(
        check_message(&f, "stm32h743"),
        "error: network 'x' needs 524 296 bytes of AXI SRAM, stm32h743 has 524 288: 8 too many\n");
}

/* kernels.inc states struct sizes of a 32-bit target: with 8-byte pointers they are larger by 4 a pointer,
 * and padding. */
static void argument_sizes_are_plausible(void **state)
{
    (void)state;
    static const size_t host[] = {
#define KERNEL(id, function, type, bytes) sizeof(struct type),
#include "codegen/kernels.inc"
#undef KERNEL
    };
    for (int k = 0; k < KERNEL_COUNT; k++) {
        size_t target = (size_t)kernel_info((enum kernel)k)->argument_bytes;
        assert_int_equal(target % 4, 0);
        assert_true(target < host[k] && host[k] - target <= 48);
    }
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0); /* tests run in the root of the repository */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_accounted_for),
        cmocka_unit_test(what_does_not_fit_is_said_in_bytes),
        cmocka_unit_test(argument_sizes_are_plausible),
    };
    return cmocka_run_group_tests_name("codegen_footprint", tests, NULL, NULL);
}
