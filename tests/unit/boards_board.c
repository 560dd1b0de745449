/*
 * Board files: the shipped ones with the figures of their reference manuals, and what a bad one is told.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/emulate.h"
#include "tests/unit/capture.h"
#include "tests/unit/scratch.h"

static void shipped_boards_are_listed(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const char *const *names;
    int n;
    assert_int_equal(board_list(&names, &n, &arena), 0);
    assert_int_equal(n, 7);
    for (int i = 0; i < n; i++) {
        struct board *board;
        assert_int_equal(board_check(&board, names[i], &arena), 0);
        assert_string_equal(board->name, names[i]);
        assert_true(board->timing.known && board->timing.error_percent > 0);
        assert_true(*board->port != '\0');
        assert_true(strstr(board->source, "RM0") != NULL);
        assert_non_null(board_region(board, "code"));
        assert_non_null(board_region(board, "arena"));
        assert_non_null(board_region(board, "stack"));
        assert_true(board->emulator.ram.bytes >= board->sram_bytes);
        assert_true(board->emulator.flash.bytes >= board->flash_bytes);
    }
    arena_release(&arena);
}

static void figures_are_the_manuals(void **state)
{
    (void)state;
    static const struct {
        const char *name, *core, *machine;
        int clock_mhz, wait_states;
        int64_t sram_bytes, flash_bytes;
        uint32_t arena_origin, stack_origin;
    } expected[] = {
        {"stm32f412", "cortex-m4", "mps2-an386", 100, 3, 256 << 10, 1 << 20, 0x20000000, 0x20000000},
        {"stm32f746", "cortex-m7", "mps2-an500", 216, 7, 320 << 10, 1 << 20, 0x20000000, 0x20000000},
        {"stm32f765", "cortex-m7", "mps2-an500", 216, 7, 512 << 10, 2 << 20, 0x20000000, 0x20000000},
        {"stm32h743", "cortex-m7", "mps2-an500", 480, 4, 512 << 10, 2 << 20, 0x24000000, 0x20000000},
        {"stm32h7a3", "cortex-m7", "mps2-an500", 280, 6, 1 << 20, 2 << 20, 0x24000000, 0x20000000},
        {"stm32l4r5", "cortex-m4", "mps2-an386", 120, 5, 640 << 10, 2 << 20, 0x20000000, 0x20000000},
        {"stm32u575", "cortex-m33", "mps2-an505", 160, 4, 768 << 10, 2 << 20, 0x20000000, 0x20000000},
    };
    struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct board *board;
        assert_int_equal(board_load(&board, expected[i].name, &arena), 0);
        assert_string_equal(board->core, expected[i].core);
        assert_string_equal(board->emulator.machine, expected[i].machine);
        assert_int_equal(board->clock_mhz, expected[i].clock_mhz);
        assert_int_equal(board->flash_wait_states, expected[i].wait_states);
        assert_int_equal(board->sram_bytes, expected[i].sram_bytes);
        assert_int_equal(board->flash_bytes, expected[i].flash_bytes);
        assert_int_equal(board_region(board, "code")->origin, 0x08000000);
        assert_int_equal(board_region(board, "arena")->origin, expected[i].arena_origin);
        assert_int_equal(board_region(board, "stack")->origin, expected[i].stack_origin);
    }
    arena_release(&arena);
}

static const char good[] = "name: mine\n"
                           "title: My board\n"
                           "source: its manual\n"
                           "core: cortex-m4\n"
                           "fpu: fpv4-sp-d16\n"
                           "clock_mhz: 100\n"
                           "flash_wait_states: 3\n"
                           "memory:\n"
                           "  - {name: flash, kind: flash, origin: 0x08000000, bytes: 1048576, holds: code}\n"
                           "  - {name: low, kind: ram, origin: 0x20000000, bytes: 65536, holds: stack}\n"
                           "  - {name: high, kind: ram, origin: 0x20010000, bytes: 65536, holds: arena}\n"
                           "flash_method: openocd\n"
                           "flash_config: board/mine.cfg\n"
                           "emulator:\n"
                           "  machine: mps2-an386\n"
                           "  flash: {name: ssram1, kind: flash, origin: 0, bytes: 4194304}\n"
                           "  ram: {name: ssram2, kind: ram, origin: 0x20000000, bytes: 4194304}\n";

/* What board_check() wants beside what board_load() does. */
static const char full[] = "port: stm32f4\n"                                                /* 18 */
                           "uart_instance: USART3\n"                                        /* 19 */
                           "uart_tx: PD8 AF7\n"                                             /* 20 */
                           "uart_rx: PD9 AF7\n"                                             /* 21 */
                           "uart_baud: 460800\n"                                            /* 22 */
                           "energy: {nj_per_cycle: 0.5, error_percent: 8}\n"                /* 23 */
                           "timing:\n"                                                      /* 24 */
                           "  flash_word_bytes: 16\n"                                       /* 25 */
                           "  icache: {bytes: 1024, ways: 64, line_bytes: 16}\n"            /* 26 */
                           "  dcache: {bytes: 128, ways: 8, line_bytes: 16}\n"              /* 27 */
                           "  bus_divider: 1\n"                                             /* 28 */
                           "  flash_fetch_cycles: 0\n"                                      /* 29 */
                           "  sequential_fetch_saving: 0.8\n"                               /* 30 */
                           "  flash_read_cycles: 0\n"                                       /* 31 */
                           "  taken_branch_cycles: 2.1\n"                                   /* 32 */
                           "  load_cycles: 1\n"                                             /* 33 */
                           "  multiple_cycles: 1\n"                                         /* 34 */
                           "  unaligned_cycles: 1\n"                                        /* 35 */
                           "  error_percent: 4\n"                                           /* 36 */
                           "sources: {core: a, clock: b, memory: c, caches: d, timing: e, " /* 37 */
                           "energy: f, flashing: g, uart: h, emulator: i}\n";

typedef int load_function(struct board **out, const char *name, struct arena *arena);

/* Loads text with one piece replaced; returns the message after "FILE". */
static const char *message_from(load_function *load, const char *text, const char *from, const char *to,
                                int expected)
{
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    struct board *board;
    const char *at = strstr(text, from);
    assert_non_null(at);
    scratch_create(&scratch);
    const char *path =
        scratch_file(&scratch, "mine.yml",
                     arena_printf(&arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    capture_start(&capture, STDERR_FILENO);
    int rc = load(&board, path, &arena);
    const char *message = capture_end(&capture);
    scratch_remove(&scratch);
    arena_release(&arena);
    assert_int_equal(rc, expected);
    const char *name = strstr(message, "mine.yml");
    return name ? name + strlen("mine.yml") : message;
}

static const char *message_of(const char *from, const char *to, int expected)
{
    return message_from(board_load, good, from, to, expected);
}

/* board_check() of good and full together. */
static const char *check_message_of(const char *from, const char *to, int expected)
{
    static char text[sizeof good + sizeof full];
    snprintf(text, sizeof text, "%s%s", good, full);
    return message_from(board_check, text, from, to, expected);
}

static void users_own_board_loads(void **state)
{
    (void)state;
    assert_string_equal(message_of("cortex-m4", "cortex-m4", 0), "");
    assert_string_equal(check_message_of("cortex-m4", "cortex-m4", 0), "");
}

/* What loads may still be unfit to be shown or estimated with. */
static void checks_find_what_loading_lets_pass(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"name: mine", "name: yours", ":1: 'name: yours' must be the file's name without .yml\n"},
        {"port: stm32f4", "port: none_such",
         ":18: there is no boards/arm/port_none_such.c for 'port: none_such'\n"},
        {"machine: mps2-an386", "machine: mps2-an500",
         ":15: 'emulator.machine: mps2-an500' has a cortex-m7, the board a cortex-m4\n"},
        {"uart_tx: PD8 AF7\n", "", ":18: 'port' needs 'uart_instance', 'uart_tx' and 'uart_rx'\n"},
        {"port: stm32f4\n", "", ":18: 'uart_instance' is given, but no 'port'\n"},
        {"  load_cycles: 1\n", "",
         ":25: 'timing' lacks 'load_cycles' (a load that does not pipeline behind another, beyond its own "
         "cycle), which the cortex-m4 model needs\n"},
        {"  load_cycles: 1\n", "  load_cycles: 1\n  mispredict_cycles: 6\n",
         ":34: 'timing.mispredict_cycles' (a mispredicted conditional branch) is not of the cortex-m4 "
         "model\n"},
        {"  error_percent: 4", "  error_percent: 0", ":36: 'timing.error_percent' is 0: no model is exact\n"},
        {"energy: f, ", "",
         ":37: 'sources.energy' is missing: where do the numbers of 'energy' come from?\n"},
        {"memory: c, ", "",
         ":37: 'sources.memory' is missing: where do the regions of 'memory' come from?\n"},
        {"clock: b, ", "",
         ":37: 'sources.clock' is missing: where do 'clock_mhz' and 'flash_wait_states' come from?\n"},
        {"timing: e, ", "",
         ":37: 'sources.timing' is missing: where do the numbers of 'timing' come from?\n"},
        {"uart: h, ", "",
         ":37: 'sources.uart' is missing: where do 'uart_instance', 'uart_tx' and 'uart_rx' come from?\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(check_message_of(cases[i].from, cases[i].to, EXIT_INPUT), cases[i].message);

    /* Refused by both. */
    static const struct {
        const char *from, *to, *message;
    } wrong[] = {
        {"name: mine", "name: Mine-1",
         ":1: 'name' may have lower-case letters, digits and _ only, not 'Mine-1'\n"},
        {"holds: stack", "holds: stack heap",
         ":10: memory 'low': 'holds' takes the words code, arena, stack, not 'heap'\n"},
        {"ways: 64", "ways: 63",
         ":26: 'timing.icache': 'line_bytes' must be a power of two from 4 to 256, 'ways' 1 to 256, and "
         "'bytes' "
         "a multiple of both, at most 1048576\n"},
        {"flash_word_bytes: 16", "flash_word_bytes: 0",
         ":25: 'timing.flash_word_bytes' must be 4 to 64, not 0\n"},
        {"taken_branch_cycles: 2.1", "taken_branch_cycles: 9",
         ":32: 'timing.taken_branch_cycles' must be 0 to 8, not 9\n"},
        {"nj_per_cycle: 0.5", "nj_per_cycle: -1", ":23: 'energy.nj_per_cycle' must be 0 to 1000, not -1\n"},
        {"uart_tx: PD8 AF7", "uart_tx: PD8",
         ":20: 'uart_tx' must be a pin and its alternate function, as in 'PD8 AF7', not 'PD8'\n"},
        {"uart_baud: 460800", "uart_baud: 300", ":22: 'uart_baud' must be 9600 to 921600, not 300\n"},
        {"uart_instance: USART3", "uart_instance: USART 3",
         ":19: 'uart_instance' must be one word of letters, digits and _, not 'USART 3'\n"},
        {"flash_method: openocd", "flash_method: pyocd",
         ":12: 'flash_method' must be openocd, st-flash or dfu-util, not 'pyocd'\n"},
        {"flash_config: board/mine.cfg\n", "", ":12: 'flash_method: openocd' needs a 'flash_config'\n"},
        {"kind: flash, origin: 0, bytes: 4194304", "kind: flash, origin: 0, bytes: 1048576",
         ":16: 'emulator.flash' has 1048576 bytes; the board's flash and 65536 bytes of harness need "
         "1114112\n"},
        {"kind: ram, origin: 0x20000000, bytes: 4194304", "kind: ram, origin: 0x20000000, bytes: 131072",
         ":17: 'emulator.ram' has 131072 bytes; arena, stack and 65536 bytes of harness need 196608\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_string_equal(check_message_of(wrong[i].from, wrong[i].to, EXIT_INPUT), wrong[i].message);
}

static void bad_boards_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"cortex-m4", "cortex-m3",
         ":4: unknown core 'cortex-m3'; known are: cortex-m4, cortex-m7, cortex-m33\n"},
        {"fpv4-sp-d16", "fpv5-d16", ":5: 'fpu' of a cortex-m4 must be one of: fpv4-sp-d16, not 'fpv5-d16'\n"},
        {"0x20010000", "0x2000fff8",
         ":11: memory 'low' (0x20000000..0x20010000) and 'high' (0x2000fff8..0x2001fff8) overlap\n"},
        {"holds: stack", "holds: arena stack", ":9: 2 memories hold 'arena'; exactly one must\n"},
        {"holds: stack", "holds: ''", ":9: 0 memories hold 'stack'; exactly one must\n"},
        {"kind: flash, origin: 0x08000000", "kind: ram, origin: 0x08000000",
         ":9: memory 'flash' holds 'code' and must be of kind flash\n"},
        {"kind: ram, origin: 0x20000000, bytes: 65536", "kind: tape, origin: 0x20000000, bytes: 65536",
         ":10: memory 'low': 'kind' must be flash or ram, not 'tape'\n"},
        {"bytes: 65536", "bytes: 65535",
         ":10: memory 'low': 'origin' and 'bytes' must be multiples of 8, and 'bytes' not 0\n"},
        {"bytes: 65536", "bytes: 0",
         ":10: memory 'low': 'origin' and 'bytes' must be multiples of 8, and 'bytes' not 0\n"},
        {"origin: 0x20010000", "origin: 0xffffff00",
         ":11: memory 'high' ends beyond the 32-bit address space\n"},
        {"clock_mhz: 100", "clock_mhz: 0", ":6: 'clock_mhz' must be 1 to 2000, not 0\n"},
        {"flash_wait_states: 3", "flash_wait_states: 99",
         ":7: 'flash_wait_states' must be 0 to 15, not 99\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(message_of(cases[i].from, cases[i].to, EXIT_INPUT), cases[i].message);
    /* The schema's own messages carry a line. */
    assert_non_null(strstr(message_of("clock_mhz: 100", "clock_mhz: fast", EXIT_INPUT), ":6: "));
    assert_non_null(
        strstr(message_of("clock_mhz: 100", "clock_mhx: 100", EXIT_INPUT), "did you mean 'clock_mhz'?"));
    assert_non_null(strstr(message_of("  machine: mps2-an386\n", "", EXIT_INPUT), "machine"));
}

static void unknown_boards_are_refused(void **state)
{
    (void)state;
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct board *board;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(board_load(&board, "stm32f745", &arena), EXIT_INPUT);
    assert_string_equal(capture_end(&capture),
                        "error: unknown board 'stm32f745'; did you mean 'stm32f746'?\n");
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(board_load(&board, "../secret", &arena), EXIT_INPUT);
    assert_non_null(strstr(capture_end(&capture),
                           "stm32f412, stm32f746, stm32f765, stm32h743, stm32h7a3, stm32l4r5, stm32u575"));
    capture_start(&capture, STDERR_FILENO);
    assert_int_not_equal(board_load(&board, "/nowhere/x.yml", &arena), 0);
    capture_end(&capture);
    arena_release(&arena);
}

/* Without tools in PATH: the exit code for it, and the package to install. */
static void missing_tools_are_named(void **state)
{
    (void)state;
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    char *path = strdup(getenv("PATH"));
    scratch_create(&scratch);
    scratch_file(&scratch, "emulator.elf", "");
    assert_int_equal(setenv("PATH", scratch.folder, 1), 0);

    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(firmware_build(scratch.folder, false, 1, true), EXIT_TOOL);
    assert_string_equal(capture_end(&capture),
                        "error: 'ninja' is not installed, and the firmware cannot be built without it: "
                        "apt install ninja-build\n");
    struct emulate_run run = {.elf = scratch_path(&scratch, "emulator.elf"), .machine = "mps2-an386"};
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(emulate(&run, &arena), EXIT_TOOL);
    assert_string_equal(capture_end(&capture),
                        "error: 'qemu-system-arm' is not installed, and the firmware cannot be emulated "
                        "without it: apt install qemu-system-arm\n");
    setenv("PATH", path, 1);
    free(path);
    scratch_remove(&scratch);
    arena_release(&arena);
}

int main(void)
{
    setenv("MCUNET_HOME", ".", 0); /* tests run in the root of the repository */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_boards_are_listed),  cmocka_unit_test(figures_are_the_manuals),
        cmocka_unit_test(users_own_board_loads),      cmocka_unit_test(bad_boards_are_refused),
        cmocka_unit_test(unknown_boards_are_refused), cmocka_unit_test(checks_find_what_loading_lets_pass),
        cmocka_unit_test(missing_tools_are_named),
    };
    return cmocka_run_group_tests_name("boards_board", tests, NULL, NULL);
}
