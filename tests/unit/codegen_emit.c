/*
 * What the emitter refuses, and that names from a model file cannot break the C they are written into.
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
#include "base/file.h"
#include "boards/board.h"
#include "codegen/emit.h"
#include "codegen/names.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

static void names_are_plain(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_equal(plain_name(NULL, &arena), "");
    assert_string_equal(plain_name("/blocks.0/conv/Conv", &arena), "/blocks.0/conv/Conv");
    assert_string_equal(plain_name("a */ int b; /* c", &arena), "a _/ int b; _* c");
    assert_string_equal(plain_name("line\nbreak\t\"quote\" \\ ?\?/", &arena), "line_break__quote_ _ __/");
    assert_string_equal(plain_name("caf\xc3\xa9", &arena), "caf__");
    char *longer = arena_alloc(&arena, 1001);
    memset(longer, 'x', 1000);
    assert_int_equal(strlen(plain_name(longer, &arena)), 120);
    assert_string_equal(grouped(0, &arena), "0");
    assert_string_equal(grouped(999, &arena), "999");
    assert_string_equal(grouped(1000, &arena), "1 000");
    assert_string_equal(grouped(1048576, &arena), "1 048 576");
    arena_release(&arena);
}

/* One max pool; returns emit_project()'s message. */
static const char *emit(struct qnode node, int c, const char *folder, int expected)
{
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct board *board;
    struct schedule schedule;
    struct qtensor tensors[] = {{"in", 8, 8, c, 1.0f, 0, -1}, {"out", 8, 8, c, 1.0f, 0, 0}};
    node.n_inputs = 1;
    node.output = 1;
    node.name = "layer";
    struct qmodel qmodel = {.tensors = tensors, .n_tensors = 2, .nodes = &node, .n_nodes = 1, .output = 1};
    assert_int_equal(board_load(&board, "stm32f412", &arena), 0);
    schedule_plan(&schedule, &qmodel, &(struct plan_options){0}, &arena);
    capture_start(&capture, STDERR_FILENO);
    int rc = emit_project(folder, &qmodel, &schedule, board, &(struct emit_options){"-", "-"});
    const char *message = capture_end(&capture);
    assert_int_equal(rc, expected);
    arena_release(&arena);
    return message;
}

static void what_the_engine_cannot_hold_is_refused(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    struct qnode pool = {.op = QOP_MAX_POOL, .window = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0}};
    assert_string_equal(emit(pool, 3, scratch.folder, 0), "");
    assert_true(file_exists(scratch_path(&scratch, "model.c")));

    struct qnode wide = pool;
    wide.window.kernel_w = 256;
    assert_string_equal(
        emit(wide, 3, scratch.folder, EXIT_UNSUPPORTED),
        "error: operator 'layer': its window has an extent of 256, the engine's limit is 255\n");
    struct qnode padded = pool;
    padded.window.pad_top = 128;
    assert_string_equal(emit(padded, 3, scratch.folder, EXIT_UNSUPPORTED),
                        "error: operator 'layer': its padding of 128, 0 exceeds the engine's limit of 127\n");
    assert_string_equal(emit(pool, 32768, scratch.folder, EXIT_UNSUPPORTED),
                        "error: the input (8, 8, 32768) exceeds the engine's limit of 32767\n");
    struct qnode skeleton = {.op = QOP_CONV, .window = pool.window};
    assert_string_equal(emit(skeleton, 3, scratch.folder, EXIT_IO),
                        "error: codegen: operator 'layer' has no constants: the network is not quantized\n");
    assert_int_equal(strncmp(emit(pool, 3, "/proc/nowhere", EXIT_IO), "error: ", 7), 0);
    scratch_remove(&scratch);
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0); /* tests run in the root of the repository */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(what_the_engine_cannot_hold_is_refused),
    };
    return cmocka_run_group_tests_name("codegen_emit", tests, NULL, NULL);
}
