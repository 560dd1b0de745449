/*
 * calibrate.h - timing constants of a board file fitted to measurements on the board.
 *
 * Weighted least squares (Gauss-Newton on the estimator, derivatives by finite differences): the constants
 * that bring the estimates closest to the measured cycles. Only what the measurements can tell is changed: a
 * constant whose effect is too small, or the same as that of others together, stays as it is; each stays
 * within the limits of timing.inc. bus_divider is a fact of the clock set-up and error_percent no constant of
 * the model: both stay.
 */
#ifndef BOARDS_CALIBRATE_H
#define BOARDS_CALIBRATE_H

#include <stdbool.h>

struct arena;
struct board;
struct timing_key;
struct timing_spec;

/* Estimated cycles of every row with the given constants. Errors pass through calibrate(). */
typedef int calibrate_estimate(void *context, const struct timing_spec *timing, double *cycles);

struct calibration_problem {
    const struct board *board; /* constants to start from */
    int n_rows;
    const double *measured; /* core cycles, > 0 */
    const double *weights;  /* of a row's residual in cycles, e.g. 1 / cycles of the whole network */
    calibrate_estimate *estimate;
    void *context;
};

struct calibrated_key {
    const struct timing_key *key;
    double before, after;
    bool fitted; /* the measurements tell it */
};

struct calibration {
    struct calibrated_key *keys; /* those of the board's core */
    int n_keys;
    double *before, *after;       /* estimated cycles by row */
    double rms_before, rms_after; /* of the weighted residuals */
    struct timing_spec *timing;   /* the fitted one */
};

/* error_input when nothing can be fitted: no row, or no constant that the rows tell. Never worse than before:
 * rms_after
 * <= rms_before. */
int calibrate(struct calibration *out, const struct calibration_problem *problem, struct arena *arena);

/* The text of a board file with the fitted numbers in place; all else stays, comments too. error_input when a
 * key is not on a line of its own. */
int calibrate_text(const char **out, const char *text, const char *path,
                   const struct calibration *calibration, struct arena *arena);

#endif
