/* known: the shipped datasets/<name>.yml, and messages about bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "capture.h"
#include "datasets/fetch.h"
#include "datasets/known.h"
#include "datasets_fixture.h"

static void test_shipped(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const struct known_dataset *sets, *one;
    int n;
    assert_int_equal(dataset_known_list(&sets, &n, &arena), 0);
    static const char *const names[] = {"cifar10", "imagenet", "synthetic", "tiny-imagenet-200", "vww"};
    assert_int_equal(n, 5);
    for (int i = 0; i < n; i++) {
        assert_string_equal(sets[i].name, names[i]);
        assert_true(*sets[i].title && *sets[i].licence && *sets[i].layout && *sets[i].notes);
        assert_int_equal(sets[i].n_urls > 0, sets[i].kind == KNOWN_ARCHIVE);
    }
    assert_int_equal(dataset_known_find(&one, "vww", &arena), 0);
    assert_int_equal(one->classes, 2);
    assert_int_equal(dataset_known_find(&one, "../datasets/vww", &arena), 0);
    assert_null(one);
    arena_release(&arena);
}

static void test_place(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const struct known_dataset *cifar, *imagenet;
    const char *path;
    assert_int_equal(dataset_known_find(&cifar, "cifar10", &arena), 0);
    assert_int_equal(dataset_known_find(&imagenet, "imagenet", &arena), 0);
    setenv("XDG_CACHE_HOME", "/cache", 1);
    assert_int_equal(dataset_known_place(&path, cifar, &arena), 0);
    assert_string_equal(path, "/cache/mcunet/datasets/cifar10/cifar-10-binary.tar.gz");
    assert_false(dataset_known_here(cifar, &arena));
    setenv("XDG_CACHE_HOME", "relative", 1);
    setenv("HOME", "/home/me", 1);
    assert_int_equal(dataset_known_place(&path, imagenet, &arena), 0);
    assert_string_equal(path, "/home/me/.cache/mcunet/datasets/imagenet");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = dataset_known_place(&path, imagenet, &arena);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_IO);
    assert_non_null(strstr(capture.text, "neither XDG_CACHE_HOME nor HOME"));
    arena_release(&arena);
}

static void test_bad_yml(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"name: x\ntitle: t\nkind: own\nclasses: 2\nurll: u\n", "x.yml:5: unknown key 'urll'"},
        {"name: y\ntitle: t\nkind: own\nclasses: 2\n", "'name' is 'y'"},
        {"name: x\ntitle: t\nkind: archive\nclasses: 2\n", "'url' belongs to sets of kind archive"},
        {"name: x\ntitle: t\nkind: zip\nclasses: 2\n", "x.yml:3: "},
        {"name: x\ntitle: t\nkind: own\nclasses: 1\n", "'classes' must be at least 2"},
        {"name: x\ntitle: t\nkind: archive\nclasses: 2\nurl: http://a/b\nsha256: ABC\n",
         "'sha256' must be 64"},
    };
    struct scratch scratch;
    scratch_create(&scratch);
    char *home = strdup(getenv("MCUNET_HOME"));
    setenv("MCUNET_HOME", scratch.folder, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena arena = ARENA_INIT;
        fixture_write(&scratch, "datasets/x.yml", bad[i].text, strlen(bad[i].text));
        const struct known_dataset *known;
        struct capture capture;
        capture_start(&capture, 2);
        const int rc = dataset_known_find(&known, "x", &arena);
        capture_end(&capture);
        assert_null(known);
        if (!strstr(capture.text, bad[i].message))
            fail_msg("expected '%s', got '%s'", bad[i].message, capture.text);
        assert_int_equal(rc, EXIT_INPUT);
        arena_release(&arena);
    }
    setenv("MCUNET_HOME", home, 1);
    free(home);
    scratch_remove(&scratch);
}

static void test_fetch_by_name(void **state)
{
    (void)state;
    struct capture capture;
    capture_start(&capture, 2);
    const int unknown = dataset_fetch("vvw", true), no_name = dataset_fetch("zzzzzzzz", true);
    capture_end(&capture);
    assert_int_equal(unknown, EXIT_INPUT);
    assert_int_equal(no_name, EXIT_INPUT);
    assert_non_null(strstr(capture.text, "did you mean 'vww'?"));
    assert_non_null(strstr(capture.text, "cifar10, imagenet, synthetic, tiny-imagenet-200, vww"));
    capture_start(&capture, 1);
    const int rendered = dataset_fetch("synthetic", true);
    capture_end(&capture);
    assert_int_equal(rendered, 0);
    assert_string_equal(capture.text, "synthetic: rendered on the fly, nothing to fetch\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_bad_yml),
        cmocka_unit_test(test_fetch_by_name),
        cmocka_unit_test(test_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
