/* json: canonical output, messages with lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "capture.h"
#include "scratch.h"

static void test_canonical(void **state)
{
    (void)state;
    json_t *value = json_pack("{s:[i,i,i], s:f, s:f, s:s, s:{s:b, s:n}, s:[], s:{}, s:[{s:i}], s:f, s:f}",
                              "shape", 1, 2, 3, "a", 0.1, "b", 2.0, "text", "q\"\\\n\x01", "nested", "z", 1,
                              "y", "none", "void", "list", "k", 1, "tiny", 1e-300, "third", 1.0 / 3);
    char *text = json_text(value);
    assert_string_equal(text, "{\n"
                              "  \"a\": 0.1,\n"
                              "  \"b\": 2.0,\n"
                              "  \"list\": [\n"
                              "    {\n"
                              "      \"k\": 1\n"
                              "    }\n"
                              "  ],\n"
                              "  \"nested\": {\n"
                              "    \"y\": null,\n"
                              "    \"z\": true\n"
                              "  },\n"
                              "  \"none\": [],\n"
                              "  \"shape\": [1, 2, 3],\n"
                              "  \"text\": \"q\\\"\\\\\\n\\u0001\",\n"
                              "  \"third\": 0.3333333333333333,\n"
                              "  \"tiny\": 1e-300,\n"
                              "  \"void\": {}\n"
                              "}\n");
    json_t *again = json_loads(text, 0, NULL);
    assert_true(json_equal(value, again));
    json_decref(again);
    json_decref(value);
    free(text);
}

static void assert_message(struct scratch *scratch, const char *content, const char *expected)
{
    struct capture capture;
    json_t *value = NULL;
    const char *path = scratch_file(scratch, "x.json", content);
    capture_start(&capture, STDERR_FILENO);
    const int rc = json_read(&value, path);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 3);
    char start[300];
    snprintf(start, sizeof start, "error: %s:%s", path, expected);
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("expected %s... got %s", start, text);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void test_errors(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    assert_message(&scratch, "{\n  \"a\": 1,\n  \"b\": [1, 2",
                   "3: not valid JSON: ']' expected near end of file");
    assert_message(&scratch, "{\n\"a\": tru\n}", "2: not valid JSON: invalid token");
    assert_message(&scratch, "{\"a\": 1,\n \"a\": 2}", "2: not valid JSON: duplicate object key");
    assert_message(&scratch, "", "1: not valid JSON: ");
    assert_message(&scratch, "{} x", "1: not valid JSON: end of file expected");
    assert_message(&scratch, "[\"\xff\"]", "1: not valid JSON: unable to decode byte 0xff");
    json_t *value;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = json_read(&value, "/nowhere.json");
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 3);
    assert_string_equal(text, "error: cannot open '/nowhere.json': No such file or directory\n");
    scratch_remove(&scratch);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    json_t *value = json_pack("{s:i, s:f}", "n", -5, "x", 12345.678), *again = NULL;
    assert_int_equal(json_write(scratch_path(&scratch, "a.json"), value), 0);
    assert_int_equal(json_read(&again, scratch.path), 0);
    assert_true(json_equal(value, again));
    json_decref(value);
    json_decref(again);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
