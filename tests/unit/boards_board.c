/*
 * Board files: the shipped ones with the figures of their reference manuals, and what a bad one is told.
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
    assert_true(n >= 3);
    for (int i = 0; i < n; i++) {
        struct board *board;
        assert_int_equal(board_load(&board, names[i], &arena), 0);
        assert_string_equal(board->name, names[i]);
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
        {"stm32h743", "cortex-m7", "mps2-an500", 480, 4, 512 << 10, 2 << 20, 0x24000000, 0x20000000},
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

/* Loads the good file with one piece replaced; returns the message after "FILE". */
static const char *message_of(const char *from, const char *to, int expected)
{
    static struct capture capture;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    struct board *board;
    const char *at = strstr(good, from);
    assert_non_null(at);
    scratch_create(&scratch);
    const char *path =
        scratch_file(&scratch, "mine.yml",
                     arena_printf(&arena, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)));
    capture_start(&capture, STDERR_FILENO);
    int rc = board_load(&board, path, &arena);
    const char *message = capture_end(&capture);
    scratch_remove(&scratch);
    arena_release(&arena);
    assert_int_equal(rc, expected);
    const char *name = strstr(message, "mine.yml");
    return name ? name + strlen("mine.yml") : message;
}

static void users_own_board_loads(void **state)
{
    (void)state;
    assert_string_equal(message_of("cortex-m4", "cortex-m4", 0), "");
}

static void bad_boards_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"cortex-m4", "cortex-m3", ":4: unknown core 'cortex-m3'; known are: cortex-m4, cortex-m7, cortex-m33\n"},
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
        {"flash_wait_states: 3", "flash_wait_states: 99", ":7: 'flash_wait_states' must be 0 to 15, not 99\n"},
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
    assert_non_null(strstr(capture_end(&capture), "stm32f412, stm32f746, stm32h743"));
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
        cmocka_unit_test(unknown_boards_are_refused), cmocka_unit_test(missing_tools_are_named),
    };
    return cmocka_run_group_tests_name("boards_board", tests, NULL, NULL);
}
