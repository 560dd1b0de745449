/*
 * Firmware of generated projects: built for every board, run in QEMU, compared with the host bit for bit;
 * sizes compared with what was predicted; what goes wrong ends with a message.
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
#include "base/hash.h"
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
#include "codegen/schedule_json.h"
#include "networks.h"
#include "quant/qexec.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

static const char *const boards[] = {"stm32f412", "stm32f746", "stm32h743"};
enum { BOARDS = 3, IMAGES = 7 };

static const struct emit_options options = {
    "0000000000000000000000000000000000000000000000000000000000000000", "mcunet codegen int8.onnx"};

/* A network, planned and written for a board. */
struct project {
    struct arena arena;
    struct scratch scratch;
    struct board *board;
    const struct qmodel *qmodel;
    struct plan_options plan;
    struct schedule schedule;
    struct footprint footprint;
};

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

static void project_plan(struct project *project, const struct qmodel *qmodel, const char *board)
{
    assert_int_equal(board_load(&project->board, board, &project->arena), 0);
    project->qmodel = qmodel;
    schedule_for_board(&project->schedule, &project->footprint, qmodel, project->board, &project->plan,
                       project->board->flash_bytes, &project->arena);
    assert_int_equal(schedule_check(&project->schedule, qmodel), 0);
}

static void project_emit(struct project *project)
{
    scratch_create(&project->scratch);
    assert_int_equal(
        emit_project(project->scratch.folder, project->qmodel, &project->schedule, project->board, &options),
        0);
}

static void project_release(struct project *project)
{
    if (*project->scratch.folder)
        scratch_remove(&project->scratch);
    arena_release(&project->arena);
}

static const char *in_project(struct project *project, const char *name)
{
    return path_join(&project->arena, project->scratch.folder, name);
}

static void draw_images(int8_t *images, int64_t bytes)
{
    struct rng rng = rng_seeded(3);
    for (int64_t i = 0; i < bytes; i++)
        images[i] = (int8_t)rng_below(&rng, 256);
}

static struct emulate_run run_of(struct project *project)
{
    return (struct emulate_run){
        .elf = in_project(project, "emulator.elf"),
        .machine = project->board->emulator.machine,
        .input_bytes = qtensor_bytes(&project->qmodel->tensors[project->qmodel->input]),
        .output_bytes = qtensor_bytes(&project->qmodel->tensors[project->qmodel->output]),
        .timeout_s = 120,
        .quiet = true};
}

static void emulator_equals_host(struct project *project)
{
    struct emulate_run run = run_of(project);
    int8_t *inputs = arena_alloc(&project->arena, (size_t)(IMAGES * run.input_bytes));
    int8_t *expected = arena_alloc(&project->arena, (size_t)(IMAGES * run.output_bytes));
    draw_images(inputs, IMAGES * run.input_bytes);
    run.inputs = inputs;
    run.n = IMAGES;
    run.outputs = arena_alloc(&project->arena, (size_t)(IMAGES * run.output_bytes));
    assert_int_equal(qexec_run_batch(project->qmodel, inputs, IMAGES, expected, 1), 0);
    assert_int_equal(emulate(&run, &project->arena), 0);
    assert_memory_equal(run.outputs, expected, (size_t)(IMAGES * run.output_bytes));
    assert_true(memcmp(expected, expected + run.output_bytes, (size_t)run.output_bytes) !=
                0); /* images differ */
    assert_int_equal(run.stack_reserved_bytes, FIRMWARE_STACK_BYTES);
    print_message("%s, %s: stack %d of %d bytes\n", project->board->name, project->qmodel->name,
                  (int)run.stack_used_bytes, (int)run.stack_reserved_bytes);

    uint32_t crc;
    for (int64_t i = 0; i < run.input_bytes; i++)
        inputs[i] = (int8_t)((i * 37 + 11) % 256 - 128);
    assert_int_equal(qexec_run(project->qmodel, inputs, expected, NULL), 0);
    assert_int_equal(emulate_selftest(&run, &crc, &project->arena), 0);
    assert_int_equal(crc, crc32_of(0, expected, (size_t)run.output_bytes));
}

static void sizes_are_as_predicted(struct project *project)
{
    const struct footprint *f = &project->footprint;
    struct elf_size size;
    assert_int_equal(elf_measure(&size, in_project(project, "firmware.elf"), &project->arena), 0);
    assert_int_equal(size.arena_bytes, f->arena_bytes);
    assert_int_equal(size.stack_bytes, f->stack_bytes);
    assert_int_equal(size.ram_bytes - size.arena_bytes, f->runtime_bytes);
    assert_int_equal(size.ram_bytes + size.stack_bytes, f->sram_bytes);
    assert_int_equal(size.weights_bytes, f->weights_bytes);
    assert_int_equal(size.constants_bytes, f->constants_bytes);
    double off = 100.0 * (double)(f->code_bytes - size.code_bytes) / (double)size.code_bytes;
    print_message("%s, %s: code predicted %d, linked %d bytes (%+.2f %%)\n", project->board->name,
                  project->qmodel->name, (int)f->code_bytes, (int)size.code_bytes, off);
    assert_true(fabs(off) < code_size_margin(project->scratch.folder, &project->arena));
    assert_int_equal(firmware_check(&size, project->board), 0);
    assert_int_equal(footprint_check(f, project->board, "network"), 0);

    /* schedule.json says the same. */
    struct footprint read;
    assert_int_equal(schedule_json_read_footprint(&read, in_project(project, "schedule.json")), 0);
    assert_memory_equal(&read, f, sizeof read);
    /* So does the plan of the network without constants, as search sees it. */
    struct schedule schedule;
    const struct qmodel *skeleton = network_skeleton(project->qmodel, &project->arena);
    schedule_for_board(&schedule, &read, skeleton, project->board, &project->plan,
                       project->board->flash_bytes, &project->arena);
    assert_memory_equal(&read, f, sizeof read);
}

static void firmware_runs_everywhere(void **state)
{
    (void)state;
    need_tools();
    for (int b = 0; b < BOARDS; b++)
        for (int which = 0; which < 3; which++) {
            struct project project = {ARENA_INIT};
            project.plan.fusion = (b + which) % 2 == 0; /* each network with and without */
            project.plan.optimize = which == 2 && b % 2 ? OPTIMIZE_LATENCY : OPTIMIZE_SRAM;
            project_plan(&project,
                         which == 0   ? network_tiny(&project.arena)
                         : which == 1 ? network_all_operators(&project.arena)
                                      : network_blocks(48, 9, &project.arena),
                         boards[b]);
            project_emit(&project);
            assert_int_equal(firmware_build(project.scratch.folder, false, 2, true), 0);
            assert_int_equal(firmware_build(project.scratch.folder, true, 2, true), 0);
            sizes_are_as_predicted(&project);
            emulator_equals_host(&project);
            project_release(&project);
        }
}

/* The engine compiled for the host must give what the plan's overlapping buffers promise, too; and the
 * generated C is clean. */
static void generated_c_compiles_alone(void **state)
{
    (void)state;
    static const char *const compilers[] = {"arm-none-eabi-gcc", "gcc", "clang"};
    struct project project = {ARENA_INIT};
    project_plan(&project, network_all_operators(&project.arena), "stm32f746");
    project_emit(&project);
    int compiled = 0;
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        if (!process_find(compilers[i], &project.arena)) {
            print_message("SKIPPED: %s is not installed\n", compilers[i]);
            continue;
        }
        static const char *const files[] = {"model.c", "weights.c"};
        for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
            const char *argv[] = {compilers[i], "-std=c11", "-Wall",  "-Wextra", "-Wpedantic", "-Werror",
                                  "-I.",        "-c",       files[k], "-o",      "alone.o",    NULL};
            struct process compiler = {.argv = argv, .folder = project.scratch.folder, .timeout_s = 60};
            assert_int_equal(process_run(&compiler, &project.arena), 0);
            assert_int_equal(compiler.exit_code, 0);
            compiled++;
        }
    }
    assert_true(compiled > 0);
    project_release(&project);
}

static void replace_in_file(struct project *project, const char *name, const char *from, const char *to)
{
    struct file file;
    const char *path = in_project(project, name);
    assert_int_equal(file_read(&file, path, 1 << 20, &project->arena), 0);
    const char *text = (const char *)file.data, *at = strstr(text, from);
    assert_non_null(at);
    const char *changed =
        arena_printf(&project->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(file_write(path, changed, strlen(changed)), 0);
}

/* What is put into mcu_model_run(), and what emulate() must say about it. */
static const struct sabotage {
    const char *code, *message;
    double timeout_s;
} sabotages[] = {
    {"void mcu_model_run(void)\n{\n    *(volatile int *)0x50000000 = 1;\n",
     "fault: BusFault, cfsr 0x00008200, hfsr 0x00000000, address 0x50000000, pc 0x0000", 60},
    {"void mcu_model_run(void)\n{\n    __asm volatile(\"udf #1\");\n", "fault: UsageFault, cfsr 0x00010000",
     60},
    {"static int deeper(int n);\nstatic int (*volatile again)(int) = deeper;\n"
     "static int deeper(int n)\n{\n    volatile int here[8] = {n};\n    return again(n + 1) + here[n & "
     "7];\n}\n"
     "void mcu_model_run(void)\n{\n    deeper(0);\n",
     "stack overflow", 60},
    {"void mcu_model_run(void)\n{\n    for (volatile int on = 1; on;) {\n    }\n",
     "did not finish within 2 s", 2},
};

static int stack_used(struct project *project)
{
    struct emulate_run run = run_of(project);
    run.inputs = arena_alloc(&project->arena, (size_t)run.input_bytes);
    run.outputs = arena_alloc(&project->arena, (size_t)run.output_bytes);
    run.n = 1;
    assert_int_equal(firmware_build(project->scratch.folder, true, 2, true), 0);
    assert_int_equal(emulate(&run, &project->arena), 0);
    return (int)run.stack_used_bytes;
}

/* Takes so much stack that half of the guard is left; `used`: what the firmware takes by itself. */
static const char *deep_stack(int used, struct arena *arena)
{
    const int more = FIRMWARE_STACK_BYTES - EMULATE_STACK_GUARD_BYTES / 2 - used;
    return arena_printf(arena,
                        "void mcu_model_run(void)\n{\n    volatile char deep[%d];\n"
                        "    for (int i = 0; i < %d; i++)\n        deep[i] = 1;\n",
                        more, more);
}

/* Builds and emulates a sabotaged project: it must fail with this message, and end. */
static void expect_failure(struct project *project, const char *expected, double timeout_s)
{
    static struct capture capture;
    struct emulate_run run = run_of(project);
    run.inputs = arena_alloc(&project->arena, (size_t)run.input_bytes);
    run.outputs = arena_alloc(&project->arena, (size_t)run.output_bytes);
    run.n = 1;
    run.timeout_s = timeout_s;
    assert_int_equal(firmware_build(project->scratch.folder, true, 2, true), 0);
    capture_start(&capture, STDERR_FILENO);
    int rc = emulate(&run, &project->arena);
    const char *message = capture_end(&capture);
    assert_int_equal(rc, EXIT_IO);
    if (!strstr(message, "error: ") || !strstr(message, expected))
        fail_msg("expected '%s' in: %s", expected, message);
}

static void faults_end_with_a_message(void **state)
{
    (void)state;
    need_tools();
    for (int b = 0; b < BOARDS; b += BOARDS - 1) { /* one of each core */
        struct project project = {ARENA_INIT};
        struct file model;
        project_plan(&project, network_tiny(&project.arena), boards[b]);
        project_emit(&project);
        assert_int_equal(file_read(&model, in_project(&project, "model.c"), 1 << 20, &project.arena), 0);
        for (size_t i = 0; i < sizeof sabotages / sizeof *sabotages; i++) {
            replace_in_file(&project, "model.c", "void mcu_model_run(void)\n{", sabotages[i].code);
            expect_failure(&project, sabotages[i].message, sabotages[i].timeout_s);
            assert_int_equal(file_write(in_project(&project, "model.c"), model.data, model.size), 0);
        }
        replace_in_file(&project, "model.c", "void mcu_model_run(void)\n{",
                        deep_stack(stack_used(&project), &project.arena));
        expect_failure(&project, "less than the guard of 256 bytes is left", 60);
        assert_int_equal(file_write(in_project(&project, "model.c"), model.data, model.size), 0);
        /* A fault inside the fault handler locks the core up. */
        replace_in_file(&project, "model.c", "void mcu_model_run(void)\n{", sabotages[0].code);
        replace_in_file(&project, "arm/emulator.c", "void mcu_fault_stop(void)\n{",
                        "void mcu_fault_stop(void)\n{\n    *(volatile int *)0x50000000 = 1;\n");
        expect_failure(&project, "locked up", 60);
        project_release(&project);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    need_tools();
    struct project project = {ARENA_INIT};
    static struct capture capture;
    project_plan(&project, network_of_arena(400000, &project.arena), "stm32f746");
    int64_t missing = project.footprint.sram_bytes - 327680;
    assert_true(missing > 0);

    capture_start(&capture, STDERR_FILENO);
    int rc = footprint_check(&project.footprint, project.board, "network 'large'");
    const char *message = capture_end(&capture);
    assert_int_equal(rc, EXIT_FIT);
    assert_string_equal(
        message,
        "error: network 'large' needs 406 640 bytes of SRAM, stm32f746 has 327 680: 78 960 too many\n");

    /* The linker refuses too, for the board and for its stand-in, whose memory is larger. */
    project_emit(&project);
    for (int emulator = 0; emulator < 2; emulator++) {
        capture_start(&capture, STDERR_FILENO);
        rc = firmware_build(project.scratch.folder, emulator, 2, true);
        message = capture_end(&capture);
        assert_int_equal(rc, EXIT_FIT);
        if (!strstr(message, arena_printf(&project.arena, "needs %d bytes more 'ram' than the board has",
                                          (int)missing)))
            fail_msg("%s", message);
    }
    struct elf_size size = {
        .flash_bytes = 1048577, .ram_bytes = 1000, .arena_bytes = 900, .stack_bytes = 100};
    capture_start(&capture, STDERR_FILENO);
    rc = firmware_check(&size, project.board);
    assert_string_equal(
        capture_end(&capture),
        "error: the firmware needs 1048577 bytes of flash, stm32f746 has 1048576: 1 too many\n");
    assert_int_equal(rc, EXIT_FIT);
    project_release(&project);
}

static void broken_projects_are_reported(void **state)
{
    (void)state;
    need_tools();
    struct project project = {ARENA_INIT};
    static struct capture capture;
    project_plan(&project, network_tiny(&project.arena), "stm32f412");
    project_emit(&project);
    replace_in_file(&project, "engine/engine.h", "#define MCU_ENGINE_VERSION 1",
                    "#define MCU_ENGINE_VERSION 9");
    capture_start(&capture, STDERR_FILENO);
    int rc = firmware_build(project.scratch.folder, false, 2, true);
    const char *message = capture_end(&capture);
    assert_int_equal(rc, EXIT_IO);
    assert_non_null(strstr(message, "model.c was generated for version 1 of engine/"));

    capture_start(&capture, STDERR_FILENO);
    rc = firmware_build("/nowhere", false, 2, true);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_INPUT);
    struct elf_size size;
    capture_start(&capture, STDERR_FILENO);
    rc = elf_measure(&size, in_project(&project, "model.c"), &project.arena);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_INPUT);
    project_release(&project);
}

/* Same network, same bytes: sources and both ELFs, wherever they are built. */
static void projects_are_reproducible(void **state)
{
    (void)state;
    need_tools();
    static const char *const files[] = {"model.c",        "weights.c",    "build.ninja",
                                        "firmware.ld",    "emulator.ld",  "schedule.json",
                                        "memory_map.svg", "firmware.elf", "emulator.elf"};
    struct sha256 first[sizeof files / sizeof *files];
    for (int round = 0; round < 2; round++) {
        struct project project = {ARENA_INIT};
        project_plan(&project, network_all_operators(&project.arena), "stm32h743");
        project_emit(&project);
        assert_int_equal(firmware_build(project.scratch.folder, false, 1 + round, true), 0);
        assert_int_equal(firmware_build(project.scratch.folder, true, 1 + round, true), 0);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            struct sha256 hash;
            assert_int_equal(sha256_of_file(&hash, in_project(&project, files[i])), 0);
            if (round == 0)
                first[i] = hash;
            else if (strcmp(first[i].hex, hash.hex) != 0)
                fail_msg("%s differs", files[i]);
        }
        project_release(&project);
    }
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0); /* tests run in the root of the repository */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_runs_everywhere),     cmocka_unit_test(generated_c_compiles_alone),
        cmocka_unit_test(faults_end_with_a_message),    cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(broken_projects_are_reported), cmocka_unit_test(projects_are_reproducible),
    };
    return cmocka_run_group_tests_name("board_firmware", tests, NULL, NULL);
}
