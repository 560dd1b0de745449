/*
 * The estimator on programs of its own: two kernels, each told by its argument struct in model.c, cross-built
 * here and run in QEMU. Instructions and loads of the loops are known to the instruction. Skipped, visibly,
 * without cross compiler or QEMU; the comparison with the reference estimator also without
 * ../shared/tools/cycles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "boards/board.h"
#include "boards/cycles/cycles.h"
#include "capture.h"
#include "scratch.h"

enum { CONV_ELEMENTS = 1000, ADD_ELEMENTS = 300 };

static const char kernels_c[] = "#include \"work.h\"\n"
                                "int sum_bytes(const struct work *w);\n"
                                "int sum_bytes(const struct work *w)\n"
                                "{\n"
                                "    int sum = 0, n = w->n;\n"
                                "    const signed char *in = w->in;\n"
                                "    do {\n" /* ldrsb, add, subs, bne: four instructions, one load */
                                "        int x;\n"
                                "        __asm volatile(\"ldrsb %0, [%1], #1\" : \"=r\"(x), \"+r\"(in));\n"
                                "        __asm volatile(\"add %0, %0, %1\" : \"+r\"(sum) : \"r\"(x));\n"
                                "        __asm volatile(\"\" : \"+r\"(n));\n"
                                "    } while (--n);\n"
                                "    return sum;\n"
                                "}\n";

static const char work_h[] = "struct work { const signed char *in; int n; };\n";

static const char model_c[] =
    "#include \"work.h\"\n"
    "int sum_bytes(const struct work *w);\n"
    "int run(void);\n"
    "signed char data[2048];\n"
    "static const struct work conv_0 = {data, 1000}, add_1_border = {data + 1, 100}, add_1 = {data, 200};\n"
    "int run(void) { return sum_bytes(&conv_0) + sum_bytes(&add_1_border) + sum_bytes(&add_1); }\n";

static const char main_c[] =
    "#include <stdint.h>\n"
    "int run(void); void start(void); void bench_begin(void); void bench_end(void); int result;\n"
    "extern char stack_top[];\n"
    "__attribute__((section(\".vectors\"), used)) static void (*const vectors[])(void) = {(void "
    "(*)(void))stack_top, start};\n"
    "__attribute__((noinline)) void MARK_BEGIN(void) { __asm volatile(\"\" ::: \"memory\"); }\n"
    "__attribute__((noinline)) void bench_end(void) { __asm volatile(\"\" ::: \"memory\"); }\n"
    "void start(void)\n"
    "{\n"
    "    for (int i = 0; i < 2; i++) {\n"
    "        MARK_BEGIN();\n"
    "        result += run();\n"
    "        bench_end();\n"
    "    }\n"
    "    while (FOREVER) { }\n"
    "    register uint32_t r0 __asm(\"r0\") = 0x18, r1 __asm(\"r1\") = 0x20026;\n" /* SYS_EXIT, done */
    "    __asm volatile(\"bkpt 0xab\" : : \"r\"(r0), \"r\"(r1));\n"
    "    for (;;) { }\n"
    "}\n";

static const char link_ld[] =
    "ENTRY(start)\n"
    "SECTIONS {\n"
    "    . = FLASH;\n"
    "    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }\n"
    "    . = RAM;\n"
    "    .bss (NOLOAD) : { *(.data*) *(.bss*) *(COMMON) . = ALIGN(8); . += 4096; stack_top = .; }\n"
    "    /DISCARD/ : { *(.ARM.exidx*) }\n"
    "}\n";

struct fixture {
    struct scratch scratch;
    struct arena arena;
    char elf[256];
};

static bool has_tools(struct arena *arena)
{
    return process_find("arm-none-eabi-gcc", arena) && process_find("qemu-system-arm", arena);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    scratch_create(&f->scratch);
    scratch_file(&f->scratch, "work.h", work_h);
    scratch_file(&f->scratch, "model.c", model_c);
    scratch_file(&f->scratch, "main.c", main_c);
    scratch_file(&f->scratch, "link.ld", link_ld);
    scratch_file(&f->scratch, "kernels.c", kernels_c);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    scratch_remove(&f->scratch);
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* Builds the program for a board; begin: what bench_begin is called. */
static const struct board *build(struct fixture *f, const char *name, const char *begin, int forever)
{
    struct arena *a = &f->arena;
    struct board *board;
    if (!has_tools(a)) {
        print_message("skipped: arm-none-eabi-gcc or qemu-system-arm is not installed\n");
        skip();
    }
    assert_int_equal(board_load(&board, name, a), 0);
    snprintf(f->elf, sizeof f->elf, "%s/program.elf", f->scratch.folder);
    const char *argv[] = {"arm-none-eabi-gcc",
                          arena_printf(a, "-mcpu=%s", board->core),
                          "-mthumb",
                          "-O2",
                          "-ffreestanding",
                          "-nostdlib",
                          "-Wl,--build-id=none",
                          arena_printf(a, "-DMARK_BEGIN=%s", begin),
                          arena_printf(a, "-DFOREVER=%d", forever),
                          arena_printf(a, "-Wl,--defsym=FLASH=0x%x,--defsym=RAM=0x%x",
                                       board->emulator.flash.origin, board->emulator.ram.origin),
                          "-T",
                          "link.ld",
                          "main.c",
                          "model.c",
                          "kernels.c",
                          "-o",
                          f->elf,
                          NULL};
    struct process gcc = {.argv = argv, .folder = f->scratch.folder, .capture = true};
    assert_int_equal(process_run(&gcc, a), 0);
    if (gcc.exit_code)
        print_message("%s", gcc.err);
    assert_int_equal(gcc.exit_code, 0);
    return board;
}

static const struct cycle_row *layer(const struct cycle_estimate *estimate, const char *name)
{
    for (int i = 0; i < estimate->n_layers; i++)
        if (strcmp(estimate->layers[i].name, name) == 0)
            return &estimate->layers[i];
    fail_msg("no layer '%s'", name);
    return NULL;
}

static void check_sums(const struct cycle_estimate *e)
{
    struct cycle_row sum = {0};
    for (int i = 0; i < e->n_layers; i++) {
        const struct cycle_row *row = &e->layers[i];
        int64_t causes = 0;
        for (int c = 0; c < CYCLE_CAUSE_COUNT; c++) {
            causes += row->by_cause[c];
            sum.by_cause[c] += row->by_cause[c];
        }
        assert_int_equal(row->cycles, causes);
        sum.instructions += row->instructions;
        sum.cycles += row->cycles;
        sum.loads += row->loads;
        sum.stores += row->stores;
    }
    assert_int_equal(sum.instructions, e->whole.instructions);
    assert_int_equal(sum.cycles, e->whole.cycles);
    assert_int_equal(sum.loads, e->whole.loads);
    assert_int_equal(sum.stores, e->whole.stores);
    assert_memory_equal(sum.by_cause, e->whole.by_cause, sizeof sum.by_cause);
}

/* Four instructions and one load an element; calls, prologues and arguments come on top. */
static void check_loops(const struct cycle_estimate *e)
{
    const struct cycle_row *conv = layer(e, "conv_0"), *add = layer(e, "add_1");
    assert_in_range(conv->instructions, 4 * CONV_ELEMENTS, 4 * CONV_ELEMENTS + 20);
    assert_in_range(add->instructions, 4 * ADD_ELEMENTS, 4 * ADD_ELEMENTS + 40);
    assert_in_range(conv->loads, CONV_ELEMENTS, CONV_ELEMENTS + 6);
    assert_in_range(add->loads, ADD_ELEMENTS, ADD_ELEMENTS + 12);
    assert_in_range(layer(e, "rest")->instructions, 1, 20);
    assert_int_equal(e->n_layers, 3);
    assert_string_equal(e->layers[0].name, "conv_0");
    assert_string_equal(e->layers[2].name, "rest");
}

/* Cycles of an element by hand: cortex-m4 ldrsb 2, add 1, subs 1, bne 1 + 2.1; cortex-m33 1.39, no use right
 * behind the load but 0.89 for the add, and 1.47; cortex-m7: see there. */
static void loops_on(void **state, const char *board_name, double cycles_per_element)
{
    struct fixture *f = *state;
    const struct board *board = build(f, board_name, "bench_begin", 0);
    struct cycle_estimate first, second;
    assert_int_equal(cycle_estimate(&first, f->elf, board, 60, &f->arena), 0);
    assert_int_equal(cycle_estimate(&second, f->elf, board, 60, &f->arena), 0);
    check_sums(&first);
    check_loops(&first);
    assert_int_equal(first.n_layers, second.n_layers);
    for (int i = 0; i < first.n_layers; i++)
        assert_memory_equal(first.layers[i].by_cause, second.layers[i].by_cause, sizeof first.whole.by_cause);
    const struct cycle_row *conv = layer(&first, "conv_0");
    const double core =
        (double)(conv->by_cause[CAUSE_issue] + conv->by_cause[CAUSE_pipeline] + conv->by_cause[CAUSE_branch]);
    assert_float_equal(core / CONV_ELEMENTS, cycles_per_element, 0.03);
    assert_float_equal(first.ms, (double)first.whole.cycles / (board->clock_mhz * 1e3), 1e-9);
    assert_true(first.error_percent > 0);
    assert_true((first.uj > 0) == (board->energy.nj_per_cycle > 0));
}

static void cortex_m4(void **state)
{
    loops_on(state, "stm32l4r5", 2 + 1 + 1 + 1 + 2.1);
}

static void cortex_m33(void **state)
{
    loops_on(state, "stm32u575", 1.39 + 0.89 + 1 + 1 + 1 + 1.47);
}

/* ldrsb issues alone at 0, since add waits for the byte until 2, where subs pairs with it; bne issues at 3,
 * and the branch costs 2 more: the next ldrsb issues at 5. */
static void cortex_m7(void **state)
{
    loops_on(state, "stm32f746", 5);
}

/* ---- what goes wrong
 * ----------------------------------------------------------------------------------------- */

static int estimate_fails(struct fixture *f, const struct board *board, double timeout_s, const char *message)
{
    struct cycle_estimate estimate;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    int rc = cycle_estimate(&estimate, f->elf, board, timeout_s, &f->arena);
    const char *text = capture_end(&capture);
    if (!strstr(text, message))
        fail_msg("'%s' is not in: %s", message, text);
    return rc;
}

static void programs_without_markers(void **state)
{
    struct fixture *f = *state;
    const struct board *board = build(f, "stm32l4r5", "another_name", 0);
    assert_int_equal(estimate_fails(f, board, 60, "no function bench_begin()"), EXIT_INPUT);
}

static void programs_that_never_end(void **state)
{
    struct fixture *f = *state;
    const struct board *board = build(f, "stm32l4r5", "bench_begin", 1);
    assert_int_equal(estimate_fails(f, board, 1, "did not finish within 1 s"), EXIT_IO);
}

static void other_files(void **state)
{
    struct fixture *f = *state;
    struct board *board;
    assert_int_equal(board_load(&board, "stm32l4r5", &f->arena), 0);
    snprintf(f->elf, sizeof f->elf, "%s", scratch_file(&f->scratch, "text", "no ELF\n"));
    assert_int_equal(estimate_fails(f, board, 60, "not an ELF file for Arm"), EXIT_INPUT);
    snprintf(f->elf, sizeof f->elf, "/proc/self/exe");
    assert_int_equal(estimate_fails(f, board, 60, "not an ELF file for Arm"), EXIT_INPUT);
    snprintf(f->elf, sizeof f->elf, "%s/missing", f->scratch.folder);
    assert_int_equal(estimate_fails(f, board, 60, "missing"), EXIT_INPUT);
    board->timing.known = false;
    assert_int_equal(estimate_fails(f, board, 60, "has no 'timing:'"), EXIT_INPUT);
}

static void loads_into_qemu(void **state)
{
    struct fixture *f = *state;
    struct cycle_counter counter;
    build(f, "stm32l4r5", "bench_begin", 0); /* skips without QEMU */
    assert_int_equal(cycle_counter_probe(&counter, &f->arena), 0);
    assert_null(counter.problem);
    assert_non_null(counter.path);
    assert_true(counter.interface >= 1);
}

static void missing_plugin(void **state)
{
    struct fixture *f = *state;
    const struct board *board = build(f, "stm32l4r5", "bench_begin", 0);
    char *modules = getenv("MCUNET_MODULES");
    modules = modules ? arena_strdup(&f->arena, modules) : NULL;
    unsetenv("MCUNET_MODULES"); /* and there is none beside this test */
    assert_int_equal(estimate_fails(f, board, 60, "mcunet-cycles.so"), EXIT_TOOL);
    struct cycle_counter counter;
    assert_int_equal(cycle_counter_probe(&counter, &f->arena), 0);
    assert_null(counter.path);
    assert_non_null(strstr(counter.problem, "mcunet-cycles.so is missing"));
    if (modules)
        setenv("MCUNET_MODULES", modules, 1);
}

/* ---- the reference
 * ------------------------------------------------------------------------------------------- */

/* Total cycles that ../shared/tools/cycles prints for the ELF; skips without it. */
static double reference_cycles(struct fixture *f, const struct board *board)
{
    static const char script[] =
        "set -e; tool=$1 elf=$2 work=$3 board=$4 flash=$5\n"
        "cp \"$tool\"/* \"$work\"; chmod -R u+w \"$work\"; cd \"$work\"\n"
        "/usr/bin/python3 -c 'import capstone, elftools'\n"
        "gcc -O2 -shared -fPIC -o cyc.so cyc.c\n"
        "/usr/bin/python3 cyc.py -q \"$elf\" --board $board --out prof --flash $flash\n";
    struct arena *a = &f->arena;
    const char *shared = getenv("MCUNET_SHARED"),
               *tool = path_join(a, shared && *shared ? shared : "../shared", "tools/cycles");
    if (!folder_exists(tool)) {
        print_message("skipped: no %s\n", tool);
        skip();
    }
    const struct memory_region *flash = &board->emulator.flash;
    const char *argv[] = {"sh",
                          "-c",
                          script,
                          "sh",
                          tool,
                          f->elf,
                          f->scratch.folder,
                          board->name,
                          arena_printf(a, "0x%x-0x%x", flash->origin, flash->origin + flash->bytes - 1),
                          NULL};
    struct process process = {.argv = argv, .capture = true, .timeout_s = 120};
    assert_int_equal(process_run(&process, a), 0);
    const char *total = process.exit_code == 0 ? strstr(process.out, " total ") : NULL;
    if (!total && strstr(process.err, "No module named")) {
        print_message("skipped: %s", process.err);
        skip();
    }
    assert_non_null(total);
    return strtod(total + strlen(" total "), NULL);
}

static void agrees_with_reference(void **state, const char *board_name)
{
    struct fixture *f = *state;
    struct cycle_estimate estimate;
    const struct board *board = build(f, board_name, "bench_begin", 0);
    assert_int_equal(cycle_estimate(&estimate, f->elf, board, 60, &f->arena), 0);
    assert_float_equal((double)estimate.whole.cycles / reference_cycles(f, board), 1, 0.01);
}

static void reference_f746(void **state)
{
    agrees_with_reference(state, "stm32f746");
}

static void reference_h743(void **state)
{
    agrees_with_reference(state, "stm32h743");
}

static void reference_l4r5(void **state)
{
    agrees_with_reference(state, "stm32l4r5");
}

static void reference_u575(void **state)
{
    agrees_with_reference(state, "stm32u575");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(cortex_m4),
        TEST(cortex_m7),
        TEST(cortex_m33),
        TEST(programs_without_markers),
        TEST(programs_that_never_end),
        TEST(other_files),
        TEST(loads_into_qemu),
        TEST(missing_plugin),
        TEST(reference_f746),
        TEST(reference_h743),
        TEST(reference_l4r5),
        TEST(reference_u575),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
