/* file: atomic writes, and every way in which they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "capture.h"
#include "scratch.h"

enum { NOBODY = 65534 };

static int count_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void assert_file(const char *path, const char *text)
{
    struct arena arena = ARENA_INIT;
    struct file file;
    assert_int_equal(file_read(&file, path, 1000, &arena), 0);
    assert_int_equal(file.size, strlen(text));
    assert_string_equal((const char *)file.data, text);
    arena_release(&arena);
}

static void test_write_and_read(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    const char *path = scratch_path(&scratch, "a");
    bool changed = false;
    assert_int_equal(file_write(path, "one", 3), 0);
    assert_file(path, "one");
    assert_int_equal(file_write_if_changed(path, "one", 3, &changed), 0);
    assert_false(changed);
    assert_int_equal(file_write_if_changed(path, "two", 3, &changed), 0);
    assert_true(changed);
    assert_file(path, "two");
    assert_int_equal(file_write_if_changed(path, "two and more", 12, NULL), 0);
    assert_file(path, "two and more");
    assert_int_equal(file_write(path, NULL, 0), 0);
    assert_file(path, "");
    assert_int_equal(count_entries(scratch.folder), 1);
    scratch_remove(&scratch);
}

static void test_unchanged_keeps_time(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    const char *path = scratch_file(&scratch, "a", "same");
    const struct timespec past[2] = {{1000, 0}, {1000, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
    struct stat st;
    assert_int_equal(file_write_if_changed(path, "same", 4, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mtime, 1000);
    scratch_remove(&scratch);
}

static void test_read_failures(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    struct arena arena = ARENA_INIT;
    struct file file;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int missing = file_read(&file, "/nowhere/x", 10, &arena);
    const int folder = file_read(&file, "/tmp", 10, &arena);
    const int device = file_read(&file, "/dev/zero", 10, &arena);
    const int large = file_read(&file, scratch_file(&scratch, "large", "12345678901"), 10, &arena);
    const char *text = capture_end(&capture);
    assert_int_equal(missing, 3);
    assert_int_equal(folder, 1);
    assert_int_equal(device, 1);
    assert_int_equal(large, 3);
    assert_non_null(strstr(text, "error: cannot open '/nowhere/x': No such file or directory\n"));
    assert_non_null(strstr(text, "error: cannot read '/tmp': is a folder\n"));
    assert_non_null(strstr(text, "error: cannot read '/dev/zero': not a regular file\n"));
    assert_non_null(strstr(text, "large' has 11 bytes, more than the limit of 10\n"));
    arena_release(&arena);
    scratch_remove(&scratch);
}

/* Writes 1 MiB over a file that holds "old"; the caller made that fail with the given message. */
static void assert_write_fails(struct scratch *scratch, const char *reason)
{
    static char block[1 << 20];
    struct capture capture;
    const int before = count_entries(scratch->folder);
    capture_start(&capture, STDERR_FILENO);
    const int rc = file_write(scratch_path(scratch, "a"), block, sizeof block);
    const char *text = capture_end(&capture);
    char expected[400];
    snprintf(expected, sizeof expected, "error: cannot write '%s': %s\n", scratch->path, reason);
    assert_string_equal(text, expected);
    assert_int_equal(rc, 1);
    assert_file(scratch->path, "old");
    assert_int_equal(count_entries(scratch->folder), before); /* no temporary is left */
}

static void test_file_size_limit(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    scratch_file(&scratch, "a", "old");
    struct rlimit old, small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = 4096, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_write_fails(&scratch, "File too large");
    setrlimit(RLIMIT_FSIZE, &old);
    scratch_remove(&scratch);
}

/* A file system of 64 kB in a mount namespace of a child, where that is allowed. */
static void test_full_disk(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    const pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", scratch.folder, "tmpfs", 0, "size=64k") != 0)
            _exit(77);
        scratch_file(&scratch, "a", "old");
        assert_write_fails(&scratch, "No space left on device");
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    scratch_remove(&scratch);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("skipped: this machine does not let us mount a small tmpfs\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_read_only_folder(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    chmod(scratch_file(&scratch, "a", "old"), 0644);
    chmod(scratch.folder, 0555);
    /* root may write anywhere: step down. */
    const bool root = geteuid() == 0;
    if (root)
        assert_int_equal(seteuid(NOBODY), 0);
    assert_write_fails(&scratch, "Permission denied");
    if (root)
        assert_int_equal(seteuid(0), 0);
    chmod(scratch.folder, 0755);
    scratch_remove(&scratch);
}

static void test_target_is_folder(void **state)
{
    (void)state;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = file_write("/tmp", "x", 1), gone = file_write("/nowhere/x", "x", 1);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 1);
    assert_int_equal(gone, 1);
    assert_string_equal(text, "error: cannot write '/tmp': is a folder\n"
                              "error: cannot write '/nowhere/x': No such file or directory\n");
}

static void test_folders(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    assert_int_equal(folder_create(scratch_path(&scratch, "a/b//c/")), 0);
    assert_true(folder_exists(scratch_path(&scratch, "a/b/c")));
    assert_int_equal(folder_create(scratch_path(&scratch, "a/b")), 0);
    assert_true(file_exists(scratch_file(&scratch, "a/file", "")));
    assert_false(folder_exists(scratch.path));
    assert_false(file_exists(scratch_path(&scratch, "a/b")));
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = folder_create(scratch_path(&scratch, "a/file/below"));
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 1);
    assert_non_null(strstr(text, "Not a directory"));
    scratch_remove(&scratch);
}

static void test_paths(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    assert_string_equal(path_join(&arena, "a", "b"), "a/b");
    assert_string_equal(path_join(&arena, "a/", "b"), "a/b");
    assert_string_equal(path_join(&arena, "", "b"), "b");
    assert_string_equal(path_join(&arena, ".", "b"), "b");
    assert_string_equal(path_join(&arena, "a", "/b"), "/b");
    assert_string_equal(path_folder(&arena, "a/b/c"), "a/b");
    assert_string_equal(path_folder(&arena, "c"), ".");
    assert_string_equal(path_folder(&arena, "/c"), "/");
    assert_string_equal(path_name("a/b/c"), "c");
    assert_string_equal(path_name("c"), "c");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_unchanged_keeps_time),
        cmocka_unit_test(test_read_failures),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only_folder),
        cmocka_unit_test(test_target_is_folder),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
