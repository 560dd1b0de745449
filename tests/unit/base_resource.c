/* resource: where shipped files are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/resource.h"
#include "capture.h"
#include "scratch.h"

static void test_home(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    scratch_create(&scratch);
    setenv("MCUNET_HOME", scratch.folder, 1);
    assert_int_equal(folder_create(scratch_path(&scratch, "demo")), 0);
    scratch_file(&scratch, "demo/b.yml", "");
    scratch_file(&scratch, "demo/a.yml", "");
    scratch_file(&scratch, "demo/.hidden.yml", "");
    scratch_file(&scratch, "demo/c.txt", "");
    scratch_file(&scratch, "demo/.yml", "");

    const char *path = resource_find("demo/a.yml", &arena);
    assert_string_equal(path, scratch_path(&scratch, "demo/a.yml"));
    assert_null(resource_find("demo/z.yml", &arena));

    const char *const *names;
    int n;
    assert_int_equal(resource_list(&names, &n, "demo", ".yml", &arena), 0);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");

    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = resource_path(&path, "no-such-thing", &arena);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 1);
    assert_non_null(strstr(text, "error: cannot find mcunet's own 'no-such-thing' in '"));
    assert_non_null(strstr(text, scratch.folder));
    scratch_remove(&scratch);
    arena_release(&arena);
}

/* Without MCUNET_HOME: beside the executable's folder. */
static void test_beside_executable(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    unsetenv("MCUNET_HOME");
    char exe[4096];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    assert_true(length > 0);
    exe[length] = '\0';
    const char *folder = path_name(path_folder(&arena, exe));
    const char *name = path_join(&arena, folder, path_name(exe)), *found = resource_find(name, &arena);
    assert_non_null(found);
    assert_string_equal(found, exe);
    arena_release(&arena);
}

/* Modules: MCUNET_MODULES first, then the executable's own folder; else what to do. */
static void test_modules(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    const char *path;
    scratch_create(&scratch);
    scratch_file(&scratch, "x.so", "");
    setenv("MCUNET_MODULES", scratch.folder, 1);
    assert_int_equal(resource_module(&path, "x.so", &arena), 0);
    assert_string_equal(path, scratch_path(&scratch, "x.so"));

    char exe[4096];
    const ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    assert_true(length > 0);
    exe[length] = '\0';
    assert_int_equal(resource_module(&path, path_name(exe), &arena), 0);
    assert_string_equal(path, exe);

    assert_string_equal(resource_find_module("x.so", &arena), scratch_path(&scratch, "x.so"));
    assert_null(resource_find_module("y.so", &arena));
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = resource_module(&path, "y.so", &arena);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 7);
    assert_non_null(strstr(text, "error: mcunet's module 'y.so' is missing in '"));
    assert_non_null(strstr(text, "lib/mcunet'"));
    scratch_remove(&scratch);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_home),
        cmocka_unit_test(test_beside_executable),
        cmocka_unit_test(test_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
