/* search: evolution under limits, its random baseline, and the journal */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "nas/search.h"
#include "nas/search_report.h"
#include "nas/supernet.h"
#include "tests/unit/capture.h"
#include "tests/unit/nas_tiny.h"
#include "tests/unit/scratch.h"

static struct arena arena;
static struct supernet tiny;
static struct board *board;
static struct capture capture;

static int set_up(void **state)
{
    (void)state;
    return fixture_load(&tiny, &board, &arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* A stand-in for accuracy: every choice helps by its own amount, with falling returns, and a little that is
 * the subnet's own. */
static double accuracy_of(const struct subnet *subnet)
{
    double sum = subnet->resolution / 8.0 + 4.0 * subnet->width;
    for (int s = 0; s < subnet->n_stages; s++)
        for (int b = 0; b < subnet->depth[s]; b++)
            sum += (1 + s) * (0.5 + 0.1 * subnet->kernel[s][b] * (b == 0 ? 1 : -0.5) +
                              0.2 * sqrt(subnet->expand[s][b]));
    return 100 * (1 - exp(-sum / 20)) + (double)(subnet_hash(subnet) % 1000) * 1e-4;
}

struct counted {
    int calls, subnets;
    int fail_after; /* subnets; 0: never */
};

static int fitness(void *context, const struct subnet *subnets, int n, double *accuracy)
{
    struct counted *counted = context;
    assert_in_range(n, 1, SEARCH_BATCH);
    if (counted->fail_after && counted->subnets + n > counted->fail_after)
        return EXIT_IO;
    counted->calls++;
    counted->subnets += n;
    for (int i = 0; i < n; i++)
        accuracy[i] = accuracy_of(&subnets[i]);
    return 0;
}

static struct search_options small_search(uint64_t seed)
{
    struct search_options options = SEARCH_DEFAULTS;
    options.population = 20;
    options.parents = 5;
    options.crossover = options.mutation = 6;
    options.iterations = 5;
    options.seed = seed;
    options.quiet = true;
    options.threads = 1;
    return options;
}

static const struct limits tight = {.sram_bytes = 16000, .flash_bytes = 70000};

static struct search_report search(const struct limits *limits, const struct search_options *options)
{
    struct search_report report;
    struct counted counted = {0};
    assert_int_equal(search_subnets(&report, &tiny, board, limits, options, fitness, &counted, &arena), 0);
    assert_int_equal(counted.subnets, report.n_history);
    return report;
}

static const char *all_reports(const struct search_report *report, const struct limits *limits,
                               const struct search_options *options)
{
    struct strbuf text = STRBUF_INIT;
    json_t *json = search_report_json(report, &tiny, board, limits, options);
    assert_non_null(json);
    char *dumped = json_text(json);
    strbuf_adds(&text, dumped);
    free(dumped);
    json_decref(json);
    search_report_csv(&text, report);
    search_report_svg(&text, report, AXIS_MACS, &tiny, board);
    search_report_svg(&text, report, AXIS_SRAM, &tiny, board);
    const char *copy = arena_strdup(&arena, strbuf_text(&text));
    strbuf_release(&text);
    return copy;
}

static void test_history(void **state)
{
    (void)state;
    struct search_options options = small_search(1);
    struct search_report report = search(&tight, &options);
    assert_int_equal(report.n_history, 20 + 5 * 12);
    int best = 0, bred = 0;
    for (int i = 0; i < report.n_history; i++) {
        const struct evaluated *e = &report.history[i];
        struct candidate_cost cost;
        assert_true(subnet_valid(&e->subnet, &tiny));
        assert_int_equal(candidate_evaluate(&cost, &tiny, &e->subnet, board, &tight), 0);
        assert_true(cost.fits && cost.sram_bytes == e->cost.sram_bytes &&
                    cost.flash_bytes == e->cost.flash_bytes);
        assert_true(cost.sram_bytes <= tight.sram_bytes && cost.flash_bytes <= tight.flash_bytes);
        assert_true(e->accuracy == accuracy_of(&e->subnet));
        assert_int_equal(e->iteration, i < 20 ? 0 : (i - 20) / 12 + 1);
        if (i < 20)
            assert_int_equal(e->origin, ORIGIN_RANDOM);
        bred += e->origin != ORIGIN_RANDOM;
        for (int j = 0; j < i; j++)
            assert_false(subnet_equal(&e->subnet, &report.history[j].subnet));
        if (e->accuracy > report.history[best].accuracy)
            best = i;
    }
    assert_int_equal(report.best, best);
    assert_true(bred > 50);
}

static void test_threads(void **state)
{
    (void)state;
    struct search_options options = small_search(3);
    options.threads = 1;
    struct search_report one = search(&tight, &options);
    options.threads = 2;
    struct search_report two = search(&tight, &options);
    const char *text = all_reports(&one, &tight, &options);
    assert_string_equal(text, all_reports(&two, &tight, &options));
    options.seed = 4;
    struct search_report other = search(&tight, &options);
    assert_string_not_equal(text, all_reports(&other, &tight, &options));
    assert_non_null(strstr(text, "\"best\": {"));
    assert_non_null(strstr(text, "evaluation,iteration,origin,accuracy,"));
}

/* Over ten seeds evolution finds better subnets than as many random ones, by the mean and nearly always. */
static void test_beats_random(void **state)
{
    (void)state;
    double gain = 0;
    int wins = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct search_options options = small_search(seed);
        struct search_report evolved = search(&tight, &options);
        options.random = true;
        struct search_report drawn = search(&tight, &options);
        assert_int_equal(drawn.n_history, evolved.n_history);
        for (int i = 0; i < options.population; i++) /* same seed, same first population */
            assert_true(subnet_equal(&drawn.history[i].subnet, &evolved.history[i].subnet));
        double difference = evolved.history[evolved.best].accuracy - drawn.history[drawn.best].accuracy;
        gain += difference / 10;
        wins += difference > 0;
    }
    assert_true(gain > 1);
    assert_true(wins >= 8);
}

static void test_space_kept(void **state)
{
    (void)state;
    struct search_options options = small_search(5);
    options.width = 1;
    options.resolution = 24;
    struct search_report report = search(&(struct limits){0}, &options);
    for (int i = 0; i < report.n_history; i++)
        assert_true(report.history[i].subnet.width == 1 && report.history[i].subnet.resolution == 24);
    options.resolution = -1;
    report = search(&(struct limits){0}, &options);
    int resolutions = 0;
    for (int i = 0; i < report.n_history; i++) {
        assert_int_equal(report.history[i].subnet.width, 1);
        resolutions |= report.history[i].subnet.resolution;
    }
    assert_int_equal(resolutions, 16 | 24 | 32);
}

static int refused(const struct limits *limits, const struct search_options *options, const char *message)
{
    struct search_report report;
    struct counted counted = {0};
    capture_start(&capture, STDERR_FILENO);
    int rc = search_subnets(&report, &tiny, board, limits, options, fitness, &counted, &arena);
    const char *said = capture_end(&capture);
    if (!strstr(said, message))
        fail_msg("wanted '%s', code %d, said: %s", message, rc, said);
    assert_int_equal(counted.calls, 0);
    return rc;
}

static void test_nothing_fits(void **state)
{
    (void)state;
    struct search_options options = small_search(1);
    struct subnet smallest;
    struct candidate_cost cost;
    const struct limits none = {.flash_bytes = 9000};
    subnet_smallest(&smallest, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &smallest, board, &none), 0);
    const char *message = arena_printf(&arena, "%lld bytes of flash, %lld more than the limit of 9000",
                                       (long long)cost.flash_bytes, (long long)cost.flash_bytes - 9000);
    assert_int_equal(refused(&none, &options, message), EXIT_FIT);
    options.random = true;
    assert_int_equal(refused(&none, &options, "no subnet fits 'stm32f746'"), EXIT_FIT);
}

/* The space asked for is too large, another is not: the message says so. */
static void test_other_space_fits(void **state)
{
    (void)state;
    struct search_options options = small_search(1);
    struct subnet smallest;
    struct candidate_cost cost;
    options.width = 1;
    options.resolution = 32;
    subnet_smallest(&smallest, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &smallest, board, &(struct limits){0}), 0);
    assert_int_equal(
        refused(&(struct limits){.sram_bytes = cost.sram_bytes + 500}, &options, "; in another space 'r"),
        EXIT_FIT);
}

/* Few subnets fit: all of them are found, and the search ends with fewer evaluations. */
static void test_few_fit(void **state)
{
    (void)state;
    struct search_options options = small_search(1);
    options.iterations = 1;
    struct subnet smallest;
    struct candidate_cost cost;
    subnet_smallest(&smallest, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &smallest, board, &(struct limits){0}), 0);
    struct search_report report = search(&(struct limits){.macs = cost.macs}, &options);
    assert_int_equal(report.n_history, 1);
    assert_true(subnet_equal(&report.history[0].subnet, &smallest));
    report = search(&(struct limits){.macs = cost.macs * 11 / 10}, &options);
    assert_in_range(report.n_history, 2, 40);
    for (int i = 0; i < report.n_history; i++)
        assert_true(report.history[i].cost.macs <= cost.macs * 11 / 10);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct search_options options = small_search(1);
    options.population = 0;
    assert_int_equal(refused(&tight, &options, "population"), EXIT_USAGE);
    options = small_search(1);
    options.mutation_probability = 1.5;
    assert_int_equal(refused(&tight, &options, "mutation probability"), EXIT_USAGE);
    options = small_search(1);
    options.width = 2;
    assert_int_equal(refused(&tight, &options, "width index 2"), EXIT_USAGE);
    options = small_search(1);
    options.resolution = 20;
    assert_int_equal(refused(&tight, &options, "resolution 20"), EXIT_USAGE);
}

/* ---- journal ------------------------------------------------------------------------------------------- */

/* Appends n bytes as another process would have left them. */
static void append_text(const char *path, const char *text, size_t n)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    fclose(file);
}

static size_t file_bytes(const char *path)
{
    struct file file;
    assert_int_equal(file_read(&file, path, 1 << 20, &arena), 0);
    return file.size;
}

static void test_resume(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    struct search_options options = small_search(9);
    struct search_report whole = search(&tight, &options);
    const char *expected = all_reports(&whole, &tight, &options);
    options.journal = arena_strdup(&arena, scratch_path(&scratch, "journal"));
    for (int survived = 8; survived < 80; survived += 13) {
        remove(options.journal);
        struct search_report report;
        struct counted counted = {.fail_after = survived};
        assert_int_equal(search_subnets(&report, &tiny, board, &tight, &options, fitness, &counted, &arena),
                         EXIT_IO);
        int paid = counted.subnets;
        assert_in_range(paid, 1, survived);
        const char torn[] = "{\"accuracy\": 12.5, \"key\": \"";
        append_text(options.journal, torn, survived % sizeof torn);
        append_text(options.journal, "", 0);
        counted = (struct counted){0};
        assert_int_equal(search_subnets(&report, &tiny, board, &tight, &options, fitness, &counted, &arena),
                         0);
        assert_int_equal(counted.subnets, report.n_history - paid); /* nothing is paid twice */
        assert_string_equal(all_reports(&report, &tight, &options), expected);
        /* and a third time nothing at all */
        size_t bytes = file_bytes(options.journal);
        counted = (struct counted){0};
        assert_int_equal(search_subnets(&report, &tiny, board, &tight, &options, fitness, &counted, &arena),
                         0);
        assert_int_equal(counted.subnets, 0);
        assert_string_equal(all_reports(&report, &tight, &options), expected);
        assert_int_equal(file_bytes(options.journal), bytes);
    }
    scratch_remove(&scratch);
}

/* Another seed, limit or data set is another search: its lines are not taken, nor lost. */
static void test_journal_key(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    struct search_options options = small_search(9), other = options;
    other.journal = options.journal = arena_strdup(&arena, scratch_path(&scratch, "journal"));
    other.fitness_name = "other images";
    struct search_report report;
    struct counted counted = {0};
    assert_int_equal(search_subnets(&report, &tiny, board, &tight, &options, fitness, &counted, &arena), 0);
    int n = counted.subnets;
    assert_int_equal(search_subnets(&report, &tiny, board, &tight, &other, fitness, &counted, &arena), 0);
    assert_int_equal(counted.subnets, 2 * n);
    other.seed = 10;
    assert_int_equal(search_subnets(&report, &tiny, board, &tight, &other, fitness, &counted, &arena), 0);
    assert_int_equal(counted.subnets, 2 * n + report.n_history);
    counted.subnets = 0;
    assert_int_equal(search_subnets(&report, &tiny, board, &tight, &options, fitness, &counted, &arena), 0);
    assert_int_equal(counted.subnets, 0);
    scratch_remove(&scratch);
}

static void test_journal_malformed(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    struct search_options options = small_search(9);
    const char *const bad[] = {"nonsense\n", "{\"accuracy\": \"1\", \"key\": \"\", \"subnet\": \"\"}\n",
                               "[]\n", "\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.journal = scratch_file(&scratch, "journal",
                                       "{\"accuracy\": 1, \"key\": \"another\", \"subnet\": \"any\"}\n");
        append_text(options.journal, bad[i], strlen(bad[i]));
        assert_int_equal(refused(&tight, &options, "journal:2: not a journal line"), EXIT_INPUT);
    }
    options.journal = scratch_path(&scratch, "no/such/folder");
    assert_int_equal(refused(&tight, &options, "no/such/folder"), EXIT_IO);
    scratch_remove(&scratch);
}

static void test_pareto(void **state)
{
    (void)state;
    struct evaluated history[] = {
        {.cost = {.macs = 30, .sram_bytes = 1}, .accuracy = 50},
        {.cost = {.macs = 10, .sram_bytes = 5}, .accuracy = 40},
        {.cost = {.macs = 20, .sram_bytes = 4}, .accuracy = 40},
        {.cost = {.macs = 10, .sram_bytes = 3}, .accuracy = 30},
        {.cost = {.macs = 40, .sram_bytes = 2}, .accuracy = 60},
        {.cost = {.macs = 30, .sram_bytes = 9}, .accuracy = 50},
    };
    struct search_report report = {.history = history, .n_history = 6, .best = 4};
    int front[6];
    assert_int_equal(search_pareto(&report, AXIS_MACS, front), 3);
    assert_true(front[0] == 1 && front[1] == 0 && front[2] == 4);
    assert_int_equal(search_pareto(&report, AXIS_SRAM, front), 2);
    assert_true(front[0] == 0 && front[1] == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_beats_random),
        cmocka_unit_test(test_space_kept),
        cmocka_unit_test(test_nothing_fits),
        cmocka_unit_test(test_other_space_fits),
        cmocka_unit_test(test_few_fit),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_journal_key),
        cmocka_unit_test(test_journal_malformed),
        cmocka_unit_test(test_pareto),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
