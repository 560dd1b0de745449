/*
 * One board of each core, and every board that ships: a tiny network's firmware builds, and its emulator
 * build gives what the host gives. Faults and stack overflows end with the same messages on every core.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/rng.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/emulate.h"
#include "code_size.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "networks.h"
#include "quant/qexec.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

enum { IMAGES = 5 };

static const struct emit_options options = {
    "0000000000000000000000000000000000000000000000000000000000000000", "mcunet codegen int8.onnx"};

static void need_tools(void)
{
    struct arena arena = ARENA_INIT;
    static const char *const tools[] = {"arm-none-eabi-gcc", "qemu-system-arm", "ninja"};
    bool missing = false;
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
        if (!process_find(tools[i], &arena)) {
            print_message("SKIPPED: %s is not installed\n", tools[i]);
            missing = true;
        }
    arena_release(&arena);
    if (missing)
        skip();
}

/* A network planned, written and built for a board and its stand-in. */
struct project {
    struct arena arena;
    struct scratch scratch;
    struct board *board;
    const struct qmodel *qmodel;
    struct footprint footprint;
};

static void project_create(struct project *project, const char *board)
{
    struct schedule schedule;
    struct plan_options plan = {.fusion = true};
    *project = (struct project){ARENA_INIT};
    project->qmodel = network_tiny(&project->arena);
    assert_int_equal(board_load(&project->board, board, &project->arena), 0);
    schedule_for_board(&schedule, &project->footprint, project->qmodel, project->board, &plan,
                       project->board->flash_bytes, &project->arena);
    scratch_create(&project->scratch);
    assert_int_equal(
        emit_project(project->scratch.folder, project->qmodel, &schedule, project->board, &options), 0);
}

static void project_release(struct project *project)
{
    scratch_remove(&project->scratch);
    arena_release(&project->arena);
}

static struct emulate_run run_of(struct project *project)
{
    return (struct emulate_run){
        .elf = path_join(&project->arena, project->scratch.folder, "emulator.elf"),
        .machine = project->board->emulator.machine,
        .input_bytes = qtensor_bytes(&project->qmodel->tensors[project->qmodel->input]),
        .output_bytes = qtensor_bytes(&project->qmodel->tensors[project->qmodel->output]),
        .timeout_s = 60,
        .quiet = true};
}

static void equals_host(struct project *project)
{
    struct emulate_run run = run_of(project);
    struct rng rng = rng_seeded(11);
    int8_t *inputs = arena_alloc(&project->arena, (size_t)(IMAGES * run.input_bytes));
    int8_t *expected = arena_alloc(&project->arena, (size_t)(IMAGES * run.output_bytes));
    for (int64_t i = 0; i < IMAGES * run.input_bytes; i++)
        inputs[i] = (int8_t)rng_below(&rng, 256);
    run.inputs = inputs;
    run.n = IMAGES;
    run.outputs = arena_alloc(&project->arena, (size_t)(IMAGES * run.output_bytes));
    assert_int_equal(qexec_run_batch(project->qmodel, inputs, IMAGES, expected, 1), 0);
    assert_int_equal(emulate(&run, &project->arena), 0);
    assert_memory_equal(run.outputs, expected, (size_t)(IMAGES * run.output_bytes));
    assert_true(run.stack_used_bytes > 64); /* the paint was read, and the stack used */
}

static void every_board_builds_and_runs(void **state)
{
    (void)state;
    need_tools();
    struct arena arena = ARENA_INIT;
    const char *const *names;
    int n;
    assert_int_equal(board_list(&names, &n, &arena), 0);
    for (int i = 0; i < n; i++) {
        struct project project;
        struct elf_size size;
        project_create(&project, names[i]);
        assert_int_equal(firmware_build(project.scratch.folder, false, 2, true), 0);
        assert_int_equal(elf_measure(&size, path_join(&project.arena, project.scratch.folder, "firmware.elf"),
                                     &project.arena),
                         0);
        assert_int_equal(firmware_check(&size, project.board), 0);
        double off =
            100.0 * (double)(project.footprint.code_bytes - size.code_bytes) / (double)size.code_bytes;
        assert_true(fabs(off) < code_size_margin(project.scratch.folder, &project.arena));
        assert_int_equal(firmware_build(project.scratch.folder, true, 2, true), 0);
        equals_host(&project);
        print_message("%s (%s in %s): as on the host; code predicted %+.2f %%\n", names[i],
                      project.board->core, project.board->emulator.machine, off);
        project_release(&project);
    }
    arena_release(&arena);
}

static const char run_signature[] = "void mcu_model_run(void)\n{";

/* What is put into mcu_model_run(), and what emulate() must say about it. 0x90000000 is mapped in no machine.
 */
static const struct sabotage {
    const char *code, *message;
} sabotages[] = {
    {"void mcu_model_run(void)\n{\n    *(volatile int *)0x90000000 = 1;\n",
     "fault: BusFault, cfsr 0x00008200, hfsr 0x00000000, address 0x90000000, pc 0x"},
    {"void mcu_model_run(void)\n{\n    __asm volatile(\"udf #1\");\n", "fault: UsageFault, cfsr 0x00010000"},
    {"static int deeper(int n);\nstatic int (*volatile again)(int) = deeper;\n"
     "static int deeper(int n)\n{\n    volatile int here[8] = {n};\n    return again(n + 1) + here[n & "
     "7];\n}\n"
     "void mcu_model_run(void)\n{\n    deeper(0);\n",
     "stack overflow"},
};

static void faults_are_told_on_every_core(void **state)
{
    (void)state;
    need_tools();
    static const char *const boards[] = {"stm32l4r5", "stm32h7a3", "stm32u575"}; /* M4, M7, M33 */
    for (size_t b = 0; b < sizeof boards / sizeof *boards; b++) {
        static struct capture capture;
        struct project project;
        struct file model;
        project_create(&project, boards[b]);
        const char *path = path_join(&project.arena, project.scratch.folder, "model.c");
        assert_int_equal(file_read(&model, path, 1 << 20, &project.arena), 0);
        const char *text = (const char *)model.data, *at = strstr(text, run_signature);
        assert_non_null(at);
        for (size_t i = 0; i < sizeof sabotages / sizeof *sabotages; i++) {
            const char *changed = arena_printf(&project.arena, "%.*s%s%s", (int)(at - text), text,
                                               sabotages[i].code, at + strlen(run_signature));
            struct emulate_run run = run_of(&project);
            run.inputs = arena_alloc(&project.arena, (size_t)run.input_bytes);
            run.outputs = arena_alloc(&project.arena, (size_t)run.output_bytes);
            run.n = 1;
            assert_int_equal(file_write(path, changed, strlen(changed)), 0);
            assert_int_equal(firmware_build(project.scratch.folder, true, 2, true), 0);
            capture_start(&capture, STDERR_FILENO);
            int rc = emulate(&run, &project.arena);
            const char *message = capture_end(&capture);
            assert_int_equal(rc, EXIT_IO);
            if (!strstr(message, sabotages[i].message))
                fail_msg("%s: expected '%s' in: %s", boards[b], sabotages[i].message, message);
        }
        project_release(&project);
    }
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0); /* tests run in the root of the repository */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_board_builds_and_runs),
        cmocka_unit_test(faults_are_told_on_every_core),
    };
    return cmocka_run_group_tests_name("board_cores", tests, NULL, NULL);
}
