#include "boards/calibrate.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"

enum { ROUNDS = 10, HALVINGS = 4 };

/* Of a key's effect on the weighted residuals, per unit: below this nothing is told. With weights of one
 * network's cycles, 0.02 % of it. */
static const double least_effect = 2e-4;
/* Of that effect, what no other fitted key can do as well. */
static const double least_own_effect = 0.02;
/* Steps of the finite differences, as part of a key's range. */
static const double step_part = 1.0 / 32;
/* Board files give constants to this. */
static const double per_unit = 100;

static double *value_of(struct timing_spec *timing, const struct timing_key *key)
{
    return (double *)(void *)((char *)timing + key->offset);
}

static bool is_fitted(const struct timing_key *key, const char *core)
{
    return timing_key_applies(key, core) && strcmp(key->name, "bus_divider") != 0 &&
           strcmp(key->name, "error_percent") != 0;
}

static double rms_of(const struct calibration_problem *problem, const double *cycles)
{
    double sum = 0;
    for (int i = 0; i < problem->n_rows; i++) {
        const double r = (problem->measured[i] - cycles[i]) * problem->weights[i];
        sum += r * r;
    }
    return sqrt(sum / problem->n_rows);
}

/* ---- one linear problem -----------------------------------------------------------------------------------
 */

/* columns[k][row]: weighted change of a row per unit of key k. */
struct linear {
    int rows, keys;
    double **columns;
    double *residual;
    bool *used; /* the key is fitted */
};

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Pivoted Gram-Schmidt: takes the key with the largest effect that the ones before cannot have, until none is
 * left that can be told. order: keys in the order taken; returns how many. */
static int choose_keys(const struct linear *l, int *order, double **basis)
{
    int n = 0;
    for (int k = 0; k < l->keys; k++)
        memcpy(basis[k], l->columns[k], (size_t)l->rows * sizeof **basis);
    while (n < l->keys && n < l->rows) {
        int best = -1;
        double best_norm = 0;
        for (int k = 0; k < l->keys; k++) {
            const double norm = sqrt(dot(basis[k], basis[k], l->rows)),
                         whole = sqrt(dot(l->columns[k], l->columns[k], l->rows));
            if (!l->used[k] && norm > least_effect && norm > least_own_effect * whole && norm > best_norm) {
                best = k;
                best_norm = norm;
            }
        }
        if (best < 0)
            break;
        l->used[best] = true;
        order[n++] = best;
        for (int k = 0; k < l->keys; k++) {
            if (l->used[k])
                continue;
            const double part = dot(basis[best], basis[k], l->rows) / (best_norm * best_norm);
            for (int i = 0; i < l->rows; i++)
                basis[k][i] -= part * basis[best][i];
        }
    }
    return n;
}

/* Least squares over the chosen keys, by the triangle that Gram-Schmidt leaves. */
static void solve(const struct linear *l, const int *order, int n, double **basis, double *change)
{
    double *rest = l->residual;
    memset(change, 0, (size_t)l->keys * sizeof *change);
    for (int j = n - 1; j >= 0; j--) {
        const double *q = basis[order[j]];
        double right = dot(q, rest, l->rows);
        for (int later = j + 1; later < n; later++)
            right -= dot(q, l->columns[order[later]], l->rows) * change[order[later]];
        change[order[j]] = right / dot(q, q, l->rows);
    }
}

/* ---- rounds -----------------------------------------------------------------------------------------------
 */

struct fit {
    const struct calibration_problem *problem;
    struct calibration *out;
    struct linear linear;
    int *order;
    double **basis, *change, *cycles;
};

static double clamped(double value, const struct timing_key *key)
{
    return fmin(fmax(round(value * per_unit) / per_unit, key->minimum), key->maximum);
}

/* Columns at the constants `timing`, whose estimates are `at`. */
static int differentiate(struct fit *fit, const struct timing_spec *timing, const double *at)
{
    const struct calibration_problem *problem = fit->problem;
    for (int k = 0; k < fit->out->n_keys; k++) {
        const struct timing_key *key = fit->out->keys[k].key;
        struct timing_spec moved = *timing;
        double *value = value_of(&moved, key), step = (key->maximum - key->minimum) * step_part;
        if (*value + step > key->maximum)
            step = -step;
        *value += step;
        int rc = problem->estimate(problem->context, &moved, fit->cycles);
        if (rc)
            return rc;
        for (int i = 0; i < problem->n_rows; i++)
            fit->linear.columns[k][i] = (fit->cycles[i] - at[i]) / step * problem->weights[i];
    }
    for (int i = 0; i < problem->n_rows; i++)
        fit->linear.residual[i] = (problem->measured[i] - at[i]) * problem->weights[i];
    return 0;
}

/* Keys that would leave their limits are put there, one a time, and the others fitted again. */
static void step_within_limits(struct fit *fit, const struct timing_spec *from, struct timing_spec *to)
{
    struct linear *l = &fit->linear;
    bool at_limit[64] = {false};
    *to = *from;
    for (int pass = 0; pass <= l->keys; pass++) {
        for (int k = 0; k < l->keys; k++)
            l->used[k] = at_limit[k]; /* "used" keeps choose_keys() from taking it */
        const int n = choose_keys(l, fit->order, fit->basis);
        solve(l, fit->order, n, fit->basis, fit->change);
        int worst = -1;
        double most = 0;
        for (int j = 0; j < n; j++) {
            const struct timing_key *key = fit->out->keys[fit->order[j]].key;
            const double wanted = *value_of((struct timing_spec *)from, key) + fit->change[fit->order[j]];
            const double beyond =
                fmax(wanted - key->maximum, key->minimum - wanted) / (key->maximum - key->minimum);
            fit->out->keys[fit->order[j]].fitted = true;
            *value_of(to, key) = clamped(wanted, key);
            if (beyond > most) {
                most = beyond;
                worst = fit->order[j];
            }
        }
        if (worst < 0)
            return;
        const struct timing_key *key = fit->out->keys[worst].key;
        const double moved = *value_of(to, key) - *value_of((struct timing_spec *)from, key);
        for (int i = 0; i < l->rows; i++)
            l->residual[i] -= moved * l->columns[worst][i];
        at_limit[worst] = true;
    }
}

/* Between two sets of constants. */
static void halve(struct fit *fit, const struct timing_spec *from, struct timing_spec *to)
{
    for (int k = 0; k < fit->out->n_keys; k++) {
        const struct timing_key *key = fit->out->keys[k].key;
        *value_of(to, key) = clamped((timing_value(from, key) + timing_value(to, key)) / 2, key);
    }
}

/* One step from *best, shortened until it helps; *better: it did. */
static int improve(struct fit *fit, struct timing_spec *best, bool *better)
{
    const struct calibration_problem *problem = fit->problem;
    struct calibration *out = fit->out;
    struct timing_spec next;
    int rc = differentiate(fit, best, out->after);
    *better = false;
    if (rc)
        return rc;
    step_within_limits(fit, best, &next);
    for (int i = 0; i <= HALVINGS && !*better; i++) {
        if (i)
            halve(fit, best, &next);
        rc = problem->estimate(problem->context, &next, fit->cycles);
        if (rc)
            return rc;
        const double rms = rms_of(problem, fit->cycles);
        if (rms < out->rms_after) {
            *better = true;
            out->rms_after = rms;
            memcpy(out->after, fit->cycles, (size_t)problem->n_rows * sizeof *out->after);
            *best = next;
        }
    }
    return 0;
}

static int run_rounds(struct fit *fit)
{
    const struct calibration_problem *problem = fit->problem;
    struct calibration *out = fit->out;
    struct timing_spec best = problem->board->timing;
    int rc = problem->estimate(problem->context, &best, out->before);
    if (rc)
        return rc;
    memcpy(out->after, out->before, (size_t)problem->n_rows * sizeof *out->before);
    out->rms_before = out->rms_after = rms_of(problem, out->before);
    bool better = true;
    for (int round = 0; round < ROUNDS && better; round++) {
        rc = improve(fit, &best, &better);
        if (rc)
            return rc;
    }
    *out->timing = best;
    return 0;
}

static void allocate(struct fit *fit, struct arena *arena)
{
    const int rows = fit->problem->n_rows, keys = fit->out->n_keys;
    fit->linear = (struct linear){rows, keys, ARENA_ARRAY(arena, double *, keys),
                                  ARENA_ARRAY(arena, double, rows), ARENA_ARRAY(arena, bool, keys)};
    fit->basis = ARENA_ARRAY(arena, double *, keys);
    for (int k = 0; k < keys; k++) {
        fit->linear.columns[k] = ARENA_ARRAY(arena, double, rows);
        fit->basis[k] = ARENA_ARRAY(arena, double, rows);
    }
    fit->order = ARENA_ARRAY(arena, int, keys);
    fit->change = ARENA_ARRAY(arena, double, keys);
    fit->cycles = ARENA_ARRAY(arena, double, rows);
}

int calibrate(struct calibration *out, const struct calibration_problem *problem, struct arena *arena)
{
    const struct board *board = problem->board;
    if (problem->n_rows < 1)
        return error_input("there is no measurement of core cycles to calibrate '%s' with", board->name);
    *out = (struct calibration){.keys = ARENA_ARRAY(arena, struct calibrated_key, n_timing_keys),
                                .before = ARENA_ARRAY(arena, double, problem->n_rows),
                                .after = ARENA_ARRAY(arena, double, problem->n_rows),
                                .timing = ARENA_NEW(arena, struct timing_spec)};
    for (int i = 0; i < n_timing_keys && out->n_keys < 64; i++)
        if (is_fitted(&timing_keys[i], board->core))
            out->keys[out->n_keys++].key = &timing_keys[i];
    struct fit fit = {.problem = problem, .out = out};
    allocate(&fit, arena);
    int rc = run_rounds(&fit);
    if (rc)
        return rc;
    bool any = false;
    for (int k = 0; k < out->n_keys; k++) {
        struct calibrated_key *key = &out->keys[k];
        key->before = timing_value(&board->timing, key->key);
        key->after = timing_value(out->timing, key->key);
        any = any || key->fitted;
    }
    return any ? 0 : error_input("the measurements tell none of the timing constants of '%s'", board->name);
}

/* ---- the board file ---------------------------------------------------------------------------------------
 */

/* The number of "  key: number" in the text, or NULL. */
static const char *find_number(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
        const char *at = line + strspn(line, " ");
        if (strncmp(at, key, length) == 0 && at[length] == ':' && at > line) {
            at += length + 1;
            return at + strspn(at, " ");
        }
    }
    return NULL;
}

int calibrate_text(const char **out, const char *text, const char *path,
                   const struct calibration *calibration, struct arena *arena)
{
    for (int k = 0; k < calibration->n_keys; k++) {
        const struct calibrated_key *key = &calibration->keys[k];
        const char *at = find_number(text, key->key->name);
        if (!at)
            return error_input("%s: '%s' is not on a line of its own", path, key->key->name);
        if (key->after == key->before)
            continue;
        const size_t old = strcspn(at, " \t\r\n#");
        text = arena_printf(arena, "%.*s%g%s", (int)(at - text), text, key->after, at + old);
    }
    *out = text;
    return 0;
}
