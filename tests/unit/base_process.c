/* process: output, exit codes, deadlines, missing programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/process.h"
#include "capture.h"
#include "scratch.h"

static int run_shell(struct process *process, const char *script, struct arena *arena)
{
    const char **argv = ARENA_ARRAY(arena, const char *, 4);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = script;
    process->argv = argv;
    return process_run(process, arena);
}

static void test_capture(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true, .folder = "/"};
    assert_int_equal(run_shell(&process, "echo out; echo err >&2; pwd; exit 5", &arena), 0);
    assert_int_equal(process.exit_code, 5);
    assert_int_equal(process.signal, 0);
    assert_string_equal(process.out, "out\n/\n");
    assert_string_equal(process.err, "err\n");
    arena_release(&arena);
}

/* More on both pipes than they hold: neither side may wait for the other. */
static void test_large_output(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true};
    assert_int_equal(
        run_shell(&process,
                  "head -c 1000000 /dev/zero | tr '\\0' e >&2; head -c 20000000 /dev/zero | tr '\\0' o",
                  &arena),
        0);
    assert_int_equal(process.exit_code, 0);
    assert_int_equal(strlen(process.err), 1000000);
    assert_int_equal(strlen(process.out), 16 << 20); /* bounded */
    arena_release(&arena);
}

static void test_stdin_is_empty(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true, .timeout_s = 20};
    assert_int_equal(run_shell(&process, "wc -c", &arena), 0);
    assert_int_equal(atoi(process.out), 0);
    assert_int_equal(process.exit_code, 0);
    arena_release(&arena);
}

static void test_timeout_kills_group(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true, .timeout_s = 0.3};
    const double start = clock_now_s();
    assert_int_equal(run_shell(&process, "sleep 60 & echo $!; wait", &arena), 0);
    assert_true(clock_now_s() - start < 10);
    assert_true(process.timed_out);
    assert_int_equal(process.exit_code, -1);
    const pid_t grandchild = (pid_t)atoi(process.out);
    assert_true(grandchild > 1);
    /* Dead, or a zombie that nobody waits for: the signal was sent. */
    char path[64], line[256] = "";
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
        FILE *file = fopen(path, "r");
        if (!file)
            break;
        const char *got = fgets(line, sizeof line, file);
        fclose(file);
        if (!got || strstr(line, ") Z"))
            break;
        assert_int_not_equal(i, 99);
        usleep(20000);
    }
    arena_release(&arena);
}

/* A descendant that keeps the pipe open after the program's end must not hold us up. */
static void test_background_holder(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true};
    const double start = clock_now_s();
    assert_int_equal(run_shell(&process, "sleep 60 & echo done", &arena), 0);
    assert_true(clock_now_s() - start < 20);
    assert_int_equal(process.exit_code, 0);
    assert_string_equal(process.out, "done\n");
    arena_release(&arena);
}

static void test_signal(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct process process = {.capture = true};
    assert_int_equal(run_shell(&process, "kill -SEGV $$", &arena), 0);
    assert_int_equal(process.exit_code, -1);
    assert_int_equal(process.signal, SIGSEGV);
    assert_false(process.timed_out);
    arena_release(&arena);
}

static void test_failures(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    scratch_create(&scratch);
    const char *missing[] = {"no-such-program", NULL}, *plain[] = {"true", NULL};
    const char *text_file[] = {scratch_file(&scratch, "broken",
                                            "\x7f"
                                            "ELFgarbage"),
                               NULL};
    chmod(scratch.path, 0755);
    struct process a = {.argv = missing}, b = {.argv = plain, .folder = "/nowhere"}, c = {.argv = text_file};
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc_a = process_run(&a, &arena), rc_b = process_run(&b, &arena), rc_c = process_run(&c, &arena);
    const char *text = capture_end(&capture);
    assert_int_equal(rc_a, 7);
    assert_int_equal(rc_b, 1);
    assert_int_equal(rc_c, 1);
    assert_non_null(strstr(text, "error: 'no-such-program' is not installed or not in PATH\n"));
    assert_non_null(strstr(text, "error: cannot run 'true' in '/nowhere': No such file or directory\n"));
    assert_non_null(strstr(text, "broken': Exec format error\n"));
    scratch_remove(&scratch);
    arena_release(&arena);
}

/* A relative program is found from our folder, although it runs in another. */
static void test_relative_program(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    scratch_create(&scratch);
    chmod(scratch_file(&scratch, "tool", "#!/bin/sh\npwd\n"), 0755);
    char old[4096];
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(scratch.folder), 0);
    const char *argv[] = {"./tool", NULL};
    struct process process = {.argv = argv, .folder = "/", .capture = true};
    const int rc = process_run(&process, &arena);
    assert_int_equal(chdir(old), 0);
    assert_int_equal(rc, 0);
    assert_string_equal(process.out, "/\n");
    scratch_remove(&scratch);
    arena_release(&arena);
}

static void test_find(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const char *sh = process_find("sh", &arena);
    assert_non_null(sh);
    assert_int_equal(sh[0], '/');
    assert_null(process_find("no-such-program", &arena));
    assert_null(process_find("/tmp", &arena));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture),
        cmocka_unit_test(test_large_output),
        cmocka_unit_test(test_stdin_is_empty),
        cmocka_unit_test(test_timeout_kills_group),
        cmocka_unit_test(test_background_holder),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_relative_program),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
