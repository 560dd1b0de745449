/* What a generated project is compiled with, read from its build.ninja. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/toolchain.h"
#include "capture.h"
#include "scratch.h"

static int read_project(struct toolchain *out, const char *ninja, struct arena *arena,
                        struct capture *capture)
{
    struct scratch scratch;
    scratch_create(&scratch);
    if (ninja)
        scratch_file(&scratch, "build.ninja", ninja);
    capture_start(capture, STDERR_FILENO);
    int rc = toolchain_of_project(out, scratch.folder, arena);
    capture_end(capture);
    scratch_remove(&scratch);
    return rc;
}

/* echo says what a compiler would be asked. */
static void flags_that_decide_about_code(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct capture capture;
    struct toolchain toolchain;
    assert_int_equal(read_project(&toolchain,
                                  "# cc = gcc\n"
                                  "cc = echo\n"
                                  "target = -mcpu=cortex-m4 -mthumb\n"
                                  "cflags = $target -std=c11 -O2 -ffreestanding -fdata-sections $\n"
                                  "    -funroll-loops -ffile-prefix-map=./= -Wall -I. -DX=1\n"
                                  "ldflags = $target -O0\n",
                                  &arena, &capture),
                     0);
    assert_string_equal(toolchain.compiler, "echo -dumpfullversion");
    assert_string_equal(toolchain.flags, "-mcpu=cortex-m4 -mthumb -O2 -ffreestanding -funroll-loops");
    arena_release(&arena);
}

static void other_projects(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct capture capture;
    struct toolchain toolchain;
    assert_int_equal(read_project(&toolchain, NULL, &arena, &capture), EXIT_INPUT);
    assert_non_null(strstr(capture.text, "holds no build.ninja"));
    assert_int_equal(read_project(&toolchain, "cc = echo\n", &arena, &capture), EXIT_INPUT);
    assert_non_null(strstr(capture.text, "'target' and 'cflags'"));
    assert_int_equal(
        read_project(&toolchain, "cc = no-such-compiler\ntarget = -mthumb\ncflags = -O2\n", &arena, &capture),
        EXIT_TOOL);
    assert_non_null(strstr(capture.text, "no-such-compiler"));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_that_decide_about_code),
        cmocka_unit_test(other_projects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
