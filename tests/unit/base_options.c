/* options and nearest: one table parses, helps and suggests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/nearest.h"
#include "base/options.h"
#include "capture.h"

static const char usage[] = "mcunet demo FILE [options]\n\nShows what options do.";

struct demo {
    bool json, quiet;
    const char *output;
    int jobs;
    uint64_t seed;
    double ratio;
    struct option_list sets;
    int argc;
    char **argv;
};

enum { MAX_WORDS = 200 };

/* Parses words (separated by one space) as the arguments of `demo`. */
static int parse(struct demo *demo, const char *words)
{
    static char text[4096], *argv[MAX_WORDS];
    *demo = (struct demo){.jobs = -1};
    snprintf(text, sizeof text, "demo %s", words);
    int argc = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    const struct option_spec options[] = {
        OPTION_FLAG(0, "json", &demo->json, "print JSON on stdout"),
        OPTION_FLAG('q', "quiet", &demo->quiet, "no progress"),
        OPTION_STRING('o', "output", "DIR", &demo->output,
                      "where artifacts go, which is a long story that takes more than one line to tell"),
        OPTION_INT('j', "jobs", "N", &demo->jobs, "threads"),
        OPTION_U64(0, "seed", "N", &demo->seed, "of every random choice"),
        OPTION_DOUBLE(0, "a-very-long-option-name", "RATIO", &demo->ratio, "a number"),
        OPTION_LIST(0, "set", "KEY=VALUE", &demo->sets, "override; may repeat"),
        OPTION_END,
    };
    demo->argc = argc;
    demo->argv = argv;
    return options_parse(&demo->argc, &demo->argv, usage, options);
}

static void test_forms(void **state)
{
    (void)state;
    struct demo demo;
    assert_int_equal(
        parse(&demo, "a -qj4 --output=x b --seed 0x10 --a-very-long-option-name -2.5 -- --json -"), 0);
    assert_true(demo.quiet);
    assert_false(demo.json);
    assert_int_equal(demo.jobs, 4);
    assert_string_equal(demo.output, "x");
    assert_int_equal(demo.seed, 16);
    assert_true(demo.ratio == -2.5);
    assert_int_equal(demo.argc, 4);
    assert_string_equal(demo.argv[0], "a");
    assert_string_equal(demo.argv[1], "b");
    assert_string_equal(demo.argv[2], "--json");
    assert_string_equal(demo.argv[3], "-");
    assert_null(demo.argv[4]);

    assert_int_equal(parse(&demo, "-j 7 -oy --set a=1 --set=b=2 -"), 0);
    assert_int_equal(demo.jobs, 7);
    assert_string_equal(demo.output, "y");
    assert_int_equal(demo.sets.n, 2);
    assert_string_equal(demo.sets.values[1], "b=2");
    assert_int_equal(demo.argc, 1);

    assert_int_equal(parse(&demo, ""), 0);
    assert_int_equal(demo.argc, 0);
}

static void assert_refused(const char *words, const char *message)
{
    struct demo demo;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = parse(&demo, words);
    const char *text = capture_end(&capture);
    assert_string_equal(text, message);
    assert_int_equal(rc, 2);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("--otput x",
                   "error: unknown option '--otput'; did you mean '--output'? (see mcunet demo -h)\n");
    assert_refused("--xyzzy=1", "error: unknown option '--xyzzy' (see mcunet demo -h)\n");
    assert_refused("-qx", "error: unknown option '-x' (see mcunet demo -h)\n");
    assert_refused("--jobs", "error: --jobs needs an argument: N\n");
    assert_refused("-o", "error: -o needs an argument: DIR\n");
    assert_refused("--jobs four", "error: --jobs: expected a whole number, not 'four'\n");
    assert_refused("-j4x", "error: -j: expected a whole number, not '4x'\n");
    assert_refused("-j99999999999", "error: -j: '99999999999' is out of range\n");
    assert_refused("--seed -1", "error: --seed: expected a whole number of 0 or more, not '-1'\n");
    assert_refused("--a-very-long-option-name nan",
                   "error: --a-very-long-option-name: expected a number, not 'nan'\n");
    assert_refused("--json=yes", "error: --json takes no argument\n");

    char words[1024] = "";
    for (int i = 0; i < 65; i++)
        strcat(words, "--set a=1 ");
    assert_refused(words, "error: --set: given more than 64 times\n");
}

static void test_help(void **state)
{
    (void)state;
    struct demo demo;
    struct capture capture;
    capture_start(&capture, STDOUT_FILENO);
    const int rc = parse(&demo, "--help");
    const char *text = capture_end(&capture);
    assert_int_equal(rc, OPTIONS_HELP);
    assert_string_equal(text,
                        "usage: mcunet demo FILE [options]\n"
                        "\n"
                        "Shows what options do.\n"
                        "\n"
                        "      --json              print JSON on stdout\n"
                        "  -q, --quiet             no progress\n"
                        "  -o, --output DIR        where artifacts go, which is a long story that takes\n"
                        "                          more than one line to tell\n"
                        "  -j, --jobs N            threads\n"
                        "      --seed N            of every random choice\n"
                        "      --a-very-long-option-name RATIO\n"
                        "                          a number\n"
                        "      --set KEY=VALUE     override; may repeat\n"
                        "  -h, --help              print this help\n");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"population", "parents", "sram", "seed"};
    assert_string_equal(nearest_name("populatoin", names, 4), "population");
    assert_string_equal(nearest_name("SRAM", names, 4), "sram");
    assert_string_equal(nearest_name("sead", names, 4), "seed");
    assert_string_equal(nearest_name("parent", names, 4), "parents");
    assert_null(nearest_name("latency", names, 4));
    assert_null(nearest_name("", names, 4));
    assert_null(nearest_name("x", names, 4));
    assert_null(nearest_name("seed", names, 0));
    char endless[300];
    memset(endless, 'a', sizeof endless);
    endless[299] = '\0';
    assert_null(nearest_name(endless, names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
