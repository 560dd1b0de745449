/* Fitting timing constants: what was put in comes out, within limits, and what cannot be told stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "boards/calibrate.h"
#include "tests/unit/capture.h"

enum { ROWS = 6 };

/* A board whose cycles are known: counts of four causes by row, a little product between two of them.
 * mispredict_cycles has no effect. */
static int estimate(void *context, const struct timing_spec *t, double *cycles)
{
    static const double counts[ROWS][4] = {{1e6, 3e4, 2e4, 1e4}, {2e6, 1e4, 5e4, 9e4}, {5e5, 2e4, 1e4, 2e4},
                                           {3e6, 9e4, 4e4, 1e5}, {1e6, 5e4, 9e4, 3e4}, {8e5, 1e4, 3e4, 5e4}};
    (void)context;
    for (int i = 0; i < ROWS; i++)
        cycles[i] = counts[i][0] + counts[i][1] * t->flash_fetch_cycles +
                    counts[i][2] * t->flash_read_cycles + counts[i][3] * t->ram_fill_cycles +
                    50 * t->ram_fill_cycles * t->flash_read_cycles;
    return 0;
}

static struct calibration fit(const struct timing_spec *truth, struct board *board, struct arena *arena)
{
    static double measured[ROWS], weights[ROWS];
    struct calibration out;
    assert_int_equal(board_load(&board, "stm32f746", arena), 0);
    assert_int_equal(estimate(NULL, truth, measured), 0);
    for (int i = 0; i < ROWS; i++)
        weights[i] = 1 / measured[i];
    const struct calibration_problem problem = {board, ROWS, measured, weights, estimate, NULL};
    assert_int_equal(calibrate(&out, &problem, arena), 0);
    return out;
}

static const struct calibrated_key *key_of(const struct calibration *calibration, const char *name)
{
    for (int k = 0; k < calibration->n_keys; k++)
        if (strcmp(calibration->keys[k].key->name, name) == 0)
            return &calibration->keys[k];
    return NULL;
}

static void test_finds_constants(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const struct timing_spec truth = {
        .flash_fetch_cycles = 6.5, .flash_read_cycles = 2.25, .ram_fill_cycles = 11};
    const struct calibration c = fit(&truth, NULL, &arena);
    assert_true(c.rms_before > 0.05 && c.rms_after < 1e-3);
    assert_float_equal(key_of(&c, "flash_fetch_cycles")->after, 6.5, 0.02);
    assert_float_equal(key_of(&c, "flash_read_cycles")->after, 2.25, 0.02);
    assert_float_equal(key_of(&c, "ram_fill_cycles")->after, 11, 0.02);
    const struct calibrated_key *untold = key_of(&c, "mispredict_cycles");
    assert_false(untold->fitted);
    assert_float_equal(untold->after, untold->before, 0);
    assert_null(key_of(&c, "bus_divider"));
    assert_null(key_of(&c, "error_percent"));
    arena_release(&arena);
}

static void test_stays_within_limits(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const struct timing_spec truth = {.flash_fetch_cycles = 5, .flash_read_cycles = 3, .ram_fill_cycles = 90};
    const struct calibration c = fit(&truth, NULL, &arena);
    assert_float_equal(key_of(&c, "ram_fill_cycles")->after, 64, 0);
    assert_true(c.rms_after < c.rms_before);
    arena_release(&arena);
}

static void test_writes_the_file(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const struct timing_spec truth = {
        .flash_fetch_cycles = 6.5, .flash_read_cycles = 4, .ram_fill_cycles = 4};
    struct calibration c = fit(&truth, NULL, &arena);
    const char *text;
    c.n_keys = 1;
    assert_string_equal(c.keys[0].key->name, "flash_fetch_cycles");
    assert_int_equal(
        calibrate_text(&text,
                       "name: x # flash_fetch_cycles: 4\ntiming:\n  flash_fetch_cycles: 4 # why\n  b: 1\n",
                       "x.yml", &c, &arena),
        0);
    assert_string_equal(
        text, "name: x # flash_fetch_cycles: 4\ntiming:\n  flash_fetch_cycles: 6.5 # why\n  b: 1\n");
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    int rc = calibrate_text(&text, "timing: {flash_fetch_cycles: 4}\n", "x.yml", &c, &arena);
    assert_string_equal(capture_end(&capture),
                        "error: x.yml: 'flash_fetch_cycles' is not on a line of its own\n");
    assert_int_equal(rc, EXIT_INPUT);
    arena_release(&arena);
}

static void test_nothing_to_fit(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct board *board;
    struct calibration out;
    struct capture capture;
    assert_int_equal(board_load(&board, "stm32f746", &arena), 0);
    const struct calibration_problem problem = {.board = board, .estimate = estimate};
    capture_start(&capture, STDERR_FILENO);
    int rc = calibrate(&out, &problem, &arena);
    assert_string_equal(capture_end(&capture),
                        "error: there is no measurement of core cycles to calibrate 'stm32f746' with\n");
    assert_int_equal(rc, EXIT_INPUT);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_constants),
        cmocka_unit_test(test_stays_within_limits),
        cmocka_unit_test(test_writes_the_file),
        cmocka_unit_test(test_nothing_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
