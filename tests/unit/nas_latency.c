/* search and space under limits of latency and energy, with a cost table that only knows the planner's
 * instructions */
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
#include "base/json.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/cost_table.h"
#include "nas/search.h"
#include "nas/search_report.h"
#include "nas/supernet.h"
#include "tests/unit/capture.h"
#include "tests/unit/nas_tiny.h"

static struct arena arena;
static struct supernet tiny;
static struct board *board;
static struct cost_table costs;
static struct capture capture;

static int set_up(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    cost_table_init(&costs, "fake\n", 0, &arena);
    cost_table_text(&costs, &text);
    cost_table_fit(&costs);
    strbuf_release(&text);
    return fixture_load(&tiny, &board, &arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static double accuracy_of(const struct subnet *subnet)
{
    double sum = subnet->resolution / 8.0 + 4.0 * subnet->width;
    for (int s = 0; s < subnet->n_stages; s++)
        for (int b = 0; b < subnet->depth[s]; b++)
            sum += (1 + s) * (0.5 + 0.1 * subnet->kernel[s][b] + 0.2 * sqrt(subnet->expand[s][b]));
    return 100 * (1 - exp(-sum / 20));
}

static int fitness(void *context, const struct subnet *subnets, int n, double *accuracy)
{
    (void)context;
    for (int i = 0; i < n; i++)
        accuracy[i] = accuracy_of(&subnets[i]);
    return 0;
}

/* Full estimates: what is predicted, times `factor`. */
struct full {
    struct limits limits;
    double factor;
    int calls;
};

static int recheck(void *context, const struct subnet *subnet, int64_t *cycles)
{
    struct full *full = context;
    struct candidate_cost cost;
    full->calls++;
    int rc = candidate_evaluate(&cost, &tiny, subnet, board, &full->limits);
    *cycles = (int64_t)((double)cost.cycles * full->factor);
    return rc;
}

static struct search_options small_search(struct full *full)
{
    struct search_options options = SEARCH_DEFAULTS;
    options.population = 20;
    options.parents = 5;
    options.crossover = options.mutation = 6;
    options.iterations = 4;
    options.seed = 7;
    options.quiet = true;
    options.threads = 1;
    options.recheck = full ? recheck : NULL;
    options.recheck_context = full;
    return options;
}

/* Latencies of the smallest and the largest subnet, in microseconds. */
static void range(int64_t *low, int64_t *high)
{
    struct subnet subnet;
    struct candidate_cost cost;
    const struct limits limits = {.costs = &costs};
    subnet_smallest(&subnet, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &subnet, board, &limits), 0);
    *low = llround(cost.latency_ms * 1e3);
    subnet_largest(&subnet, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &subnet, board, &limits), 0);
    *high = llround(cost.latency_ms * 1e3);
    assert_true(*low > 0 && *high > 2 * *low);
}

static void test_limit_is_kept(void **state)
{
    (void)state;
    int64_t low, high;
    range(&low, &high);
    const struct limits limits = {.latency_us = (low + high) / 3, .costs = &costs};
    struct full full = {limits, 1, 0};
    struct search_options options = small_search(&full);
    struct search_report report, again;
    assert_int_equal(search_subnets(&report, &tiny, board, &limits, &options, fitness, NULL, &arena), 0);
    for (int i = 0; i < report.n_history; i++) {
        const struct candidate_cost *cost = &report.history[i].cost;
        assert_true(cost->fits && cost->cycles > 0);
        assert_true(cost->cycles <= limits.latency_us * board->clock_mhz);
        assert_true(fabs(cost->latency_ms - (double)cost->cycles / (board->clock_mhz * 1e3)) < 1e-9);
    }
    assert_int_equal(full.calls, 1); /* the winner only */
    assert_int_equal(report.n_rejected, 0);
    assert_int_equal(report.history[report.best].full_cycles, report.history[report.best].cost.cycles);
    options.threads = 2;
    assert_int_equal(search_subnets(&again, &tiny, board, &limits, &options, fitness, NULL, &arena), 0);
    assert_int_equal(again.n_history, report.n_history);
    for (int i = 0; i < report.n_history; i++)
        assert_true(subnet_equal(&again.history[i].subnet, &report.history[i].subnet));
}

static void test_winner_is_rechecked(void **state)
{
    (void)state;
    int64_t low, high;
    range(&low, &high);
    const struct limits limits = {.latency_us = (low + high) / 2, .costs = &costs};
    struct full full = {limits, 1.08, 0};
    struct search_options options = small_search(&full);
    struct search_report report;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(search_subnets(&report, &tiny, board, &limits, &options, fitness, NULL, &arena), 0);
    const char *said = capture_end(&capture);
    const struct evaluated *best = &report.history[report.best];
    assert_true(report.n_rejected > 0);
    assert_int_equal(full.calls, report.n_rejected + 1);
    assert_non_null(strstr(said, "the next best takes its place"));
    assert_true(best->full_cycles > best->cost.cycles);
    assert_true(best->full_cycles <= limits.latency_us * board->clock_mhz);
    int better = 0;
    for (int i = 0; i < report.n_history; i++) {
        if (report.history[i].accuracy <= best->accuracy)
            continue;
        better++; /* each was asked, and is above the limit */
        assert_true(report.history[i].full_cycles > limits.latency_us * board->clock_mhz);
    }
    assert_true(better <= report.n_rejected);

    json_t *json = search_report_json(&report, &tiny, board, &limits, &options);
    assert_int_equal(json_integer_value(json_object_get(json, "rejected")), report.n_rejected);
    assert_true(json_is_real(json_object_get(json_object_get(json, "best"), "full_latency_ms")));
    size_t i;
    json_t *entry;
    int64_t before = 0;
    json_array_foreach(json_object_get(json, "pareto"), i, entry)
    {
        int64_t rank = json_integer_value(json_object_get(entry, "latency_rank"));
        assert_true(rank > before && rank <= report.n_history);
        before = rank;
    }
    assert_true(i > 0);
    json_decref(json);
    struct strbuf csv = STRBUF_INIT;
    search_report_csv(&csv, &report);
    assert_non_null(strstr(strbuf_text(&csv), ",cycles,latency_ms,subnet\n"));
    strbuf_release(&csv);
}

static void test_none_passes(void **state)
{
    (void)state;
    int64_t low, high;
    range(&low, &high);
    const struct limits limits = {.latency_us = (low + high) / 2, .costs = &costs};
    struct full full = {limits, 1000, 0};
    struct search_options options = small_search(&full);
    struct search_report report;
    options.iterations = 1;
    capture_start(&capture, STDERR_FILENO);
    int rc = search_subnets(&report, &tiny, board, &limits, &options, fitness, NULL, &arena);
    const char *said = capture_end(&capture);
    assert_int_equal(rc, EXIT_FIT);
    assert_non_null(strstr(said, "by a full estimate"));
}

static void test_too_fast(void **state)
{
    (void)state;
    int64_t low, high;
    range(&low, &high);
    const struct limits limits = {.latency_us = low / 2, .costs = &costs};
    struct search_options options = small_search(NULL);
    struct search_report report;
    capture_start(&capture, STDERR_FILENO);
    int rc = search_subnets(&report, &tiny, board, &limits, &options, fitness, NULL, &arena);
    const char *said = capture_end(&capture);
    assert_int_equal(rc, EXIT_FIT);
    assert_non_null(strstr(said, "microseconds of latency (predicted)"));
}

static void test_energy(void **state)
{
    (void)state;
    struct board thrifty = *board;
    thrifty.energy.nj_per_cycle = 0.5;
    struct limits limits = {.energy_nj = 1000000, .costs = &costs};
    assert_int_equal(limits_effective(&limits, &thrifty).cycles, 2000000);
    limits.latency_us = 5000; /* tighter */
    assert_int_equal(limits_effective(&limits, &thrifty).cycles, 5000 * (int64_t)thrifty.clock_mhz);
    struct subnet subnet;
    struct candidate_cost cost;
    subnet_smallest(&subnet, &tiny);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &subnet, &thrifty, &limits), 0);
    assert_true(fabs(cost.energy_uj - (double)cost.cycles * 0.5e-3) < 1e-9);
    assert_int_equal(limits_effective(&(struct limits){0}, board).cycles, INT64_MAX);
}

static void test_space(void **state)
{
    (void)state;
    int64_t low, high;
    range(&low, &high);
    struct space_options options = {.samples = 40, .seed = 1, .threads = 1, .quiet = true};
    struct space_report all, fast;
    struct limits limits = {.costs = &costs};
    assert_int_equal(space_optimize(&all, &tiny, board, &limits, &options, &arena), 0);
    limits.latency_us = (low + high) / 3;
    assert_int_equal(space_optimize(&fast, &tiny, board, &limits, &options, &arena), 0);
    int fit_all = 0, fit_fast = 0;
    for (int i = 0; i < all.n_spaces; i++) {
        assert_true(fast.spaces[i].fitting <= all.spaces[i].fitting);
        fit_all += all.spaces[i].fitting;
        fit_fast += fast.spaces[i].fitting;
    }
    assert_true(fit_fast > 0 && fit_fast < fit_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_is_kept), cmocka_unit_test(test_winner_is_rechecked),
        cmocka_unit_test(test_none_passes),   cmocka_unit_test(test_too_fast),
        cmocka_unit_test(test_energy),        cmocka_unit_test(test_space),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
