/* space optimization: the winner, the limits, the reports, any number of threads */
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
#include "codegen/footprint.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "nas/space.h"
#include "nas/space_report.h"
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

static struct candidate_cost cost_of(const char *text, const struct limits *limits)
{
    struct subnet subnet;
    struct candidate_cost cost;
    assert_int_equal(subnet_parse(&subnet, text, &tiny), 0);
    assert_int_equal(candidate_evaluate(&cost, &tiny, &subnet, board, limits), 0);
    return cost;
}

/* MACs and parameters of the smallest subnet, counted by hand. */
static void test_cost(void **state)
{
    (void)state;
    struct candidate_cost cost = cost_of("smallest", &(struct limits){0});
    int64_t macs = 8 * 8 * 8 * 27                            /* stem, 16 -> 8 */
                   + 64 * 8 * 9 + 64 * 8 * 8                 /* first */
                   + 64 * 8 * 24 + 16 * 24 * 9 + 16 * 24 * 8 /* stage1.0: mid 24, 8 -> 4 */
                   + 16 * 8 * 24 + 4 * 24 * 9                /* stage2.0: mid 24, 4 -> 2 */
                   + 24 * 8 + 8 * 24 + 4 * 24 * 16           /* squeeze-excite, mid 8; project */
                   + 4 * 16 * 24 + 24 * 10;                  /* head, classifier */
    assert_int_equal(cost.macs, macs);
    assert_true(cost.fits);
    assert_true(cost.arena_bytes >= 8 * 8 * 24 && cost.sram_bytes > cost.arena_bytes);
    assert_true(cost.flash_bytes > cost.params);
}

static void test_limits(void **state)
{
    (void)state;
    struct candidate_cost cost = cost_of("largest", &(struct limits){0});
    assert_true(cost.fits);
    assert_true(cost_of("largest", &(struct limits){.sram_bytes = cost.sram_bytes}).fits);
    assert_false(cost_of("largest", &(struct limits){.sram_bytes = cost.sram_bytes - 1}).fits);
    assert_true(cost_of("largest", &(struct limits){.flash_bytes = cost.flash_bytes}).fits);
    /* With less flash the planner first does without wide weights; the parameters have to be there. */
    assert_false(cost_of("largest", &(struct limits){.flash_bytes = cost.params}).fits);
    assert_true(cost_of("largest", &(struct limits){.macs = cost.macs}).fits);
    assert_false(cost_of("largest", &(struct limits){.macs = cost.macs - 1}).fits);
    struct limits all = limits_effective(&(struct limits){.sram_bytes = INT64_MAX}, board);
    assert_int_equal(all.sram_bytes, board->sram_bytes); /* never more than the board has */
    assert_int_equal(all.flash_bytes, board->flash_bytes - FIRMWARE_FLASH_MARGIN_BYTES);
}

static void optimize(struct space_report *out, const struct limits *limits, int samples, uint64_t seed,
                     int threads)
{
    struct space_options options = {.samples = samples, .seed = seed, .threads = threads, .quiet = true};
    assert_int_equal(space_optimize(out, &tiny, board, limits, &options, &arena), 0);
}

/* Everything a report writes, as one text. */
static const char *all_reports(const struct space_report *report, const struct limits *limits, int samples,
                               uint64_t seed)
{
    struct strbuf text = STRBUF_INIT;
    json_t *json = space_report_json(report, &tiny, board, limits,
                                     &(struct space_options){.samples = samples, .seed = seed});
    assert_non_null(json);
    char *dumped = json_text(json);
    strbuf_adds(&text, dumped);
    free(dumped);
    json_decref(json);
    space_report_csv(&text, report, &tiny);
    space_report_svg(&text, report, &tiny, board);
    const char *copy = arena_strdup(&arena, strbuf_text(&text));
    strbuf_release(&text);
    return copy;
}

static void test_winner(void **state)
{
    (void)state;
    const struct limits limits = {.sram_bytes = 14000, .flash_bytes = 60000};
    struct space_report report;
    optimize(&report, &limits, 60, 11, 2);
    assert_int_equal(report.n_spaces, 6);
    int some = 0;
    for (int i = 0; i < report.n_spaces; i++) {
        const struct space *space = &report.spaces[i];
        int fitting = 0;
        int64_t sum = 0;
        for (int j = 0; j < 60; j++) {
            struct rng rng = rng_stream(11, (uint64_t)i << 32 | (uint64_t)j);
            struct subnet subnet;
            struct candidate_cost cost;
            subnet_random(&subnet, &tiny, space->resolution, space->width, &rng);
            assert_int_equal(candidate_evaluate(&cost, &tiny, &subnet, board, &limits), 0);
            if (cost.sram_bytes <= 14000 && cost.flash_bytes <= 60000) {
                fitting++;
                sum += cost.macs;
            }
        }
        assert_int_equal(space->fitting, fitting);
        assert_true(fitting == 0 ? space->mean_macs == 0 : space->mean_macs == (double)sum / fitting);
        for (int j = 1; j < fitting; j++)
            assert_true(space->macs[j - 1] <= space->macs[j]);
        assert_true(space->mean_macs <= report.spaces[report.best].mean_macs);
        some += fitting > 0 && fitting < 60;
    }
    assert_true(some > 0); /* the limits did cut */
}

static void test_threads(void **state)
{
    (void)state;
    const struct limits limits = {.sram_bytes = 14000, .flash_bytes = 60000};
    struct space_report one, two, other;
    optimize(&one, &limits, 100, 5, 1);
    optimize(&two, &limits, 100, 5, 2);
    optimize(&other, &limits, 100, 6, 2);
    const char *text = all_reports(&one, &limits, 100, 5);
    assert_string_equal(text, all_reports(&two, &limits, 100, 5));
    assert_string_not_equal(text, all_reports(&other, &limits, 100, 5));
    assert_non_null(strstr(text, "\"best\": {"));
    assert_non_null(
        strstr(text, "width,width_multiplier,resolution,samples,fitting,mean_macs,macs_p0,macs_p5"));
    assert_non_null(strstr(text, "<svg"));
}

static void test_nothing_fits(void **state)
{
    (void)state;
    const struct limits limits = {.sram_bytes = 1000};
    struct space_report report;
    optimize(&report, &limits, 30, 5, 2);
    assert_int_equal(report.best, -1);
    struct candidate_cost smallest = cost_of("smallest", &limits);
    assert_int_equal(report.smallest_sram_bytes, smallest.sram_bytes);
    assert_int_equal(report.nearest_cost.sram_bytes, smallest.sram_bytes);
    capture_start(&capture, STDERR_FILENO);
    int rc = candidate_error(&report.nearest, &report.nearest_cost, &limits, board, NULL);
    const char *said = capture_end(&capture);
    assert_int_equal(rc, EXIT_FIT);
    assert_non_null(
        strstr(said, arena_printf(&arena, "needs %lld bytes of SRAM, %lld more than the limit of 1000",
                                  (long long)smallest.sram_bytes, (long long)smallest.sram_bytes - 1000)));
    assert_non_null(strstr(said, "r16 w0 | 3x1 |"));
    assert_non_null(strstr(all_reports(&report, &limits, 30, 5), "\"best\": null"));
}

/* Something that fits is found whenever there is any; what fits stays as it is. */
static void test_nearest(void **state)
{
    (void)state;
    struct subnet largest, out;
    struct candidate_cost cost;
    bool found;
    subnet_largest(&largest, &tiny);
    struct candidate_cost most = cost_of("largest", &(struct limits){0}),
                          least = cost_of("smallest", &(struct limits){0});
    for (int percent = 0; percent <= 100; percent += 20) {
        struct limits limits = {
            .sram_bytes = least.sram_bytes + (most.sram_bytes - least.sram_bytes) * percent / 100,
            .flash_bytes = least.flash_bytes + (most.flash_bytes - least.flash_bytes) * percent / 100,
        };
        assert_int_equal(candidate_nearest(&out, &cost, &found, &largest, &tiny, board, &limits), 0);
        assert_true(found && cost.fits && subnet_valid(&out, &tiny));
        assert_true(cost.sram_bytes <= limits.sram_bytes && cost.flash_bytes <= limits.flash_bytes);
        if (percent == 100)
            assert_true(subnet_equal(&out, &largest));
        if (percent == 60)
            assert_true(cost.macs > most.macs / 4); /* not simply the smallest */
    }
    const struct limits none = {.sram_bytes = least.sram_bytes - 1};
    assert_int_equal(candidate_nearest(&out, &cost, &found, &largest, &tiny, board, &none), 0);
    assert_false(found || cost.fits);
    assert_int_equal(cost.sram_bytes, least.sram_bytes);
}

static void refuse_winner(const char *path, int code, const char *message)
{
    int width, resolution;
    capture_start(&capture, STDERR_FILENO);
    int rc = space_winner_read(&width, &resolution, path, &tiny);
    const char *said = capture_end(&capture);
    if (rc != code || !strstr(said, message) || !strstr(said, path))
        fail_msg("code %d, said: %s", rc, said);
}

static void test_winner_file(void **state)
{
    (void)state;
    const struct limits limits = {.sram_bytes = 14000};
    struct space_report report;
    struct scratch scratch;
    int width = -1, resolution = -1;
    scratch_create(&scratch);
    optimize(&report, &limits, 30, 5, 2);
    json_t *json =
        space_report_json(&report, &tiny, board, &limits, &(struct space_options){.samples = 30, .seed = 5});
    const char *path = arena_strdup(&arena, scratch_path(&scratch, "space.json"));
    assert_int_equal(json_write(path, json), 0);
    assert_int_equal(space_winner_read(&width, &resolution, path, &tiny), 0);
    assert_int_equal(width, report.spaces[report.best].width);
    assert_int_equal(resolution, report.spaces[report.best].resolution);

    json_object_set_new(json_object_get(json, "best"), "width", json_integer(7));
    json_write(path, json);
    refuse_winner(path, EXIT_INPUT, "'best' is not a width and resolution");
    json_object_set_new(json, "best", json_null());
    json_write(path, json);
    refuse_winner(path, EXIT_FIT, "no space has a subnet that fits");
    json_object_set_new(json_object_get(json, "supernet"), "sha256", json_string("ff"));
    json_write(path, json);
    refuse_winner(path, EXIT_INPUT, "another supernet");
    json_object_set_new(json, "kind", json_string("search"));
    json_write(path, json);
    refuse_winner(path, EXIT_INPUT, "not a report of 'mcunet space'");
    scratch_file(&scratch, "space.json", "{\"kind\": ");
    refuse_winner(path, EXIT_INPUT, "space.json:1");
    json_decref(json);
    scratch_remove(&scratch);
}

static void test_bad_options(void **state)
{
    (void)state;
    struct space_report report;
    capture_start(&capture, STDERR_FILENO);
    int rc = space_optimize(&report, &tiny, board, &(struct limits){0}, &(struct space_options){.samples = 0},
                            &arena);
    assert_non_null(strstr(capture_end(&capture), "samples"));
    assert_int_equal(rc, EXIT_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cost),         cmocka_unit_test(test_limits),
        cmocka_unit_test(test_winner),       cmocka_unit_test(test_threads),
        cmocka_unit_test(test_nothing_fits), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_winner_file),  cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
