/* yaml: what a schema accepts, and the line and words of every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "capture.h"
#include "scratch.h"

struct part {
    char *name;
    uint32_t origin;
    int8_t small;
    double ratio;
    bool on;
    int mode;
    char *note;
};

struct thing {
    char *name;
    int clock;
    struct part *parts;
    unsigned parts_count;
    struct part main;
    int pair[2];
};

static const cyaml_strval_t modes[] = {{"sram", 0}, {"latency", 1}};
static const cyaml_schema_value_t number = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};

static const cyaml_schema_field_t part_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct part, name, 1, 8),
    CYAML_FIELD_UINT("origin", CYAML_FLAG_DEFAULT, struct part, origin),
    CYAML_FIELD_INT("small", CYAML_FLAG_OPTIONAL, struct part, small),
    CYAML_FIELD_FLOAT("ratio", CYAML_FLAG_OPTIONAL, struct part, ratio),
    CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, struct part, on),
    CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct part, mode, modes, 2),
    CYAML_FIELD_STRING_PTR("note", CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, struct part, note, 0,
                           80),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t part = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct part, part_fields)};

static const cyaml_schema_field_t thing_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct thing, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_INT("clock", CYAML_FLAG_DEFAULT, struct thing, clock),
    CYAML_FIELD_SEQUENCE("parts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct thing, parts, &part, 1, 2),
    CYAML_FIELD_MAPPING("main", CYAML_FLAG_OPTIONAL, struct thing, main, part_fields),
    CYAML_FIELD_SEQUENCE_FIXED("pair", CYAML_FLAG_OPTIONAL, struct thing, pair, &number, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct thing, thing_fields)};

static void test_accepts(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n"
                               "name: a thing\n"
                               "clock: -5\n"
                               "parts:\n"
                               "  - {name: x, origin: 0x20000000, small: -128}\n"
                               "  - name: 'y'\n"
                               "    origin: 4294967295\n"
                               "    ratio: 1e-3\n"
                               "    on: yes\n"
                               "    mode: latency\n"
                               "    note: ~\n"
                               "pair: [1, 2]\n";
    void *data = NULL;
    assert_int_equal(yaml_parse(&data, text, strlen(text), "t.yml", &schema), 0);
    struct thing *thing = data;
    assert_string_equal(thing->name, "a thing");
    assert_int_equal(thing->clock, -5);
    assert_int_equal(thing->parts_count, 2);
    assert_int_equal(thing->parts[0].origin, 0x20000000);
    assert_int_equal(thing->parts[0].small, -128);
    assert_int_equal(thing->parts[1].origin, 4294967295u);
    assert_true(thing->parts[1].ratio == 1e-3);
    assert_true(thing->parts[1].on);
    assert_int_equal(thing->parts[1].mode, 1);
    assert_null(thing->parts[1].note);
    assert_int_equal(thing->pair[1], 2);
    yaml_release(&schema, data);
}

static void assert_refused(const char *text, size_t size, const char *message)
{
    struct capture capture;
    void *data = NULL;
    capture_start(&capture, STDERR_FILENO);
    const int rc = yaml_parse(&data, text, size, "t.yml", &schema);
    const char *printed = capture_end(&capture);
    char expected[400];
    snprintf(expected, sizeof expected, "error: t.yml%s\n", message);
    assert_string_equal(printed, expected);
    assert_int_equal(rc, 3);
    assert_null(data);
}

static void test_refusals(void **state)
{
    (void)state;
#define HEAD "name: a\nclock: 5\n"
#define MAIN HEAD "main:\n  name: x\n  origin: 1\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        {HEAD "\n# gap\nclok: 3\n", ":5: unknown key 'clok'; did you mean 'clock'?"},
        {HEAD "sram: 3\n", ":3: unknown key 'sram'; known here: name, clock, parts, main, pair"},
        {MAIN "  smal: 2\n", ":6: unknown key 'main.smal'; did you mean 'small'?"},
        {HEAD "parts:\n- name: x\n  origin: 1\n- name: y\n  orgin: 2\n",
         ":7: unknown key 'parts[1].orgin'; did you mean 'origin'?"},
        {"name: a\nclock: fast\n", ":2: 'clock' must be an integer, not 'fast'"},
        {"name: a\nclock: 1.5\n", ":2: 'clock' must be an integer, not '1.5'"},
        {"name: a\nclock:\n", ":2: 'clock' has no value; it must be an integer"},
        {"name: a\nclock: [1]\n", ":2: 'clock' must be an integer, not a list"},
        {"name: a\nclock: {a: 1}\n", ":2: 'clock' must be an integer, not a mapping"},
        {"name: a\nclock: 99999999999\n", ":2: 'clock' is out of range: 99999999999"},
        {"name: a\n", ":1: the key 'clock' is missing"},
        {HEAD "main:\n  name: x\n", ":4: 'main' lacks the key 'origin'"},
        {HEAD "main:\n  name: x\n  origin: -3\n",
         ":5: 'main.origin' must be an integer of 0 or more, not '-3'"},
        {HEAD "main:\n  name: x\n  origin: 4294967296\n", ":5: 'main.origin' is out of range: 4294967296"},
        {MAIN "  small: 128\n", ":6: 'main.small' is out of range: 128"},
        {MAIN "  ratio: half\n", ":6: 'main.ratio' must be a number, not 'half'"},
        {MAIN "  ratio: 1e999\n", ":6: 'main.ratio' must be a number, not '1e999'"},
        {MAIN "  on: maybe\n", ":6: 'main.on' must be true or false, not 'maybe'"},
        {MAIN "  mode: fast\n", ":6: 'main.mode' must be one of sram, latency, not 'fast'"},
        {MAIN "  name: y\n", ":6: key 'main.name' is given twice"},
        {HEAD "main: 3\n", ":3: 'main' must be a mapping, not '3'"},
        {HEAD "main:\n  name: ''\n  origin: 1\n", ":4: 'main.name' must have at least 1 characters"},
        {HEAD "main:\n  name: abcdefghi\n  origin: 1\n", ":4: 'main.name' must have at most 8 characters"},
        {HEAD "parts: 3\n", ":3: 'parts' must be a list, not '3'"},
        {HEAD "parts: []\n", ":3: 'parts' must have at least 1 entry, not 0"},
        {HEAD "parts:\n- {name: x, origin: 1}\n- {name: x, origin: 1}\n- {name: x, origin: 1}\n",
         ":4: 'parts' must have at most 2 entries, not 3"},
        {HEAD "pair: [1]\n", ":3: 'pair' must have exactly 2 entries, not 1"},
        {HEAD "pair: [1, x]\n", ":3: 'pair[1]' must be an integer, not 'x'"},
        {HEAD "? [a]\n: b\n", ":3: a key must be a plain word"},
        {"", ":1: the file is empty"},
        {"# nothing\n", ":1: the file is empty"},
        {"- a\n- b\n", ":1: the file must be a mapping, not a list"},
        {HEAD "---\nname: b\nclock: 1\n", ":4: a second document in one file"},
        {"name: a\nclock: &x 5\npair: [*x, *x]\n", ":2: 'pair[0]' is an alias, which is not supported"},
        {HEAD "\tmain: 3\n", ":3: not valid YAML: found a tab character that violates indentation"},
        {"name: 'abc\nclock: 5\n", ":3: not valid YAML: found unexpected end of stream"},
        {"name: *y\nclock: 5\n", ":1: not valid YAML: found undefined alias"},
        {"name: a\nclock: \xff\n", ":2: not valid YAML: invalid leading UTF-8 octet"},
        {HEAD "---\n'x", ":4: not valid YAML: found unexpected end of stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].message);
    assert_refused("name: a\0b\n", 10, ": contains a NUL");
}

/* No prefix of a good text crashes or is taken for a different good text silently: each gives a value or one
 * message. */
static void test_truncated(void **state)
{
    (void)state;
    static const char text[] = MAIN "  mode: sram\npair: [1, 2]\nparts:\n- {name: 'x', origin: 1}\n";
    int refused = 0;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        struct capture capture;
        void *data = NULL;
        capture_start(&capture, STDERR_FILENO);
        const int rc = yaml_parse(&data, text, size, "t.yml", &schema);
        const char *printed = capture_end(&capture);
        if (rc == 0) {
            assert_string_equal(printed, "");
            yaml_release(&schema, data);
        } else {
            assert_int_equal(rc, 3);
            assert_ptr_equal(strchr(printed, '\n'), printed + strlen(printed) - 1);
            refused++;
        }
    }
    assert_true(refused > 40);
}

static void test_hostile(void **state)
{
    (void)state;
    enum { DEEP = 200000 };
    char *text = malloc(DEEP + 1);
    memset(text, '[', DEEP);
    text[DEEP] = '\0';
    struct capture capture;
    void *data = NULL;
    capture_start(&capture, STDERR_FILENO);
    const int deep = yaml_parse(&data, text, DEEP, "t.yml", &schema),
              large = yaml_parse(&data, text, 2 << 20, "t.yml", &schema);
    const char *printed = capture_end(&capture);
    assert_string_equal(printed, "error: t.yml:1: nested deeper than 32 levels\n"
                                 "error: t.yml: 2097152 bytes of YAML, more than the limit of 1048576\n");
    assert_int_equal(deep, 3);
    assert_int_equal(large, 3);
    free(text);
}

static void test_file(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    void *data = NULL;
    assert_int_equal(yaml_read(&data, scratch_file(&scratch, "a.yml", HEAD), &schema), 0);
    assert_int_equal(((struct thing *)data)->clock, 5);
    yaml_release(&schema, data);
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = yaml_read(&data, "/nowhere.yml", &schema);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, 3);
    assert_string_equal(text, "error: cannot open '/nowhere.yml': No such file or directory\n");
    scratch_remove(&scratch);
}

static void test_key_lines(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    const char *path =
        scratch_file(&scratch, "a.yml", "a: 1\nlist:\n  - {x: 2}\n  - x: 3\n    y:\n      z: 4\n");
    static const struct {
        const char *key;
        int line;
    } cases[] = {{"", 1},        {"a", 1},           {"list", 3},    {"list[0].x", 3},
                 {"list[1]", 4}, {"list[1].y.z", 6}, {"list[2]", 0}, {"list[9999999999999999999999]", 0},
                 {"b", 0},       {"a.b", 0},         {"a[0]", 0},    {"list[x]", 0},
                 {"list[", 0},   {"lis", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(yaml_key_line(path, cases[i].key), cases[i].line);
    assert_int_equal(yaml_key_line("/nowhere.yml", "a"), 0);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts), cmocka_unit_test(test_refusals), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_hostile), cmocka_unit_test(test_file),     cmocka_unit_test(test_key_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
