/*
 * cost_fit.c - cycles of operators that nobody measured: fits over the terms of their loops, corrected by the
 * nearest points.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codegen/cost_table.h"
#include "codegen/cost_terms.h"
#include "codegen/cost_table_parts.h"

enum { NEAREST = 4, SWEEPS = 4000 };

/* Errors of points of fewer cycles than this weigh as if they had so many: they matter to no network. */
static const double least_cycles = 4000;

struct fit {
    int class, n_terms, first, n; /* its points are by_class[first .. first + n) */
    double coefficient[COST_TERMS];
};

struct fitted_point {
    int class, point;
    double place[COST_PLACE], ratio; /* measured over fitted */
};

struct cost_fits {
    struct level {
        struct fit *fits; /* by class, ascending */
        int n;
        struct fitted_point *points;
    } levels[COST_LEVELS];
};

static double mean_cycles(const struct cost_point *point)
{
    return (double)point->cycles / (double)point->times;
}

/* ---- non-negative least squares ---- */

/* Coordinate descent on the normal equations, columns scaled to length 1. */
static void solve(double *x, double gram[COST_TERMS][COST_TERMS], const double *moment, int n)
{
    double scale[COST_TERMS];
    for (int i = 0; i < n; i++) {
        scale[i] = gram[i][i] > 0 ? 1 / sqrt(gram[i][i]) : 0;
        x[i] = 0;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double moved = 0;
        for (int i = 0; i < n; i++) {
            if (scale[i] == 0)
                continue;
            double gradient = moment[i] * scale[i];
            for (int k = 0; k < n; k++)
                gradient -= gram[i][k] * scale[i] * scale[k] * x[k];
            double next = fmax(0, x[i] + gradient);
            moved = fmax(moved, fabs(next - x[i]));
            x[i] = next;
        }
        if (moved < 1e-12)
            break;
    }
    for (int i = 0; i < n; i++)
        x[i] *= scale[i];
}

static double fitted(const struct fit *fit, const struct cost_table *table, const struct cost_point *point)
{
    double terms[COST_TERMS], sum = 0;
    int n = cost_terms(terms, point, table->dcache_bytes);
    for (int i = 0; i < n; i++)
        sum += fit->coefficient[i] * terms[i];
    return sum;
}

static void fit_class(struct fit *fit, struct fitted_point *points, const struct cost_table *table)
{
    double gram[COST_TERMS][COST_TERMS] = {{0}}, moment[COST_TERMS] = {0};
    for (int i = 0; i < fit->n; i++) {
        const struct cost_point *point = &table->points[points[i].point];
        double terms[COST_TERMS], cycles = mean_cycles(point), weight = 1 / fmax(cycles, least_cycles);
        fit->n_terms = cost_terms(terms, point, table->dcache_bytes);
        for (int a = 0; a < fit->n_terms; a++) {
            for (int b = 0; b < fit->n_terms; b++)
                gram[a][b] += weight * weight * terms[a] * terms[b];
            moment[a] += weight * weight * terms[a] * cycles;
        }
    }
    solve(fit->coefficient, gram, moment, fit->n_terms);
    for (int i = 0; i < fit->n; i++) {
        const struct cost_point *point = &table->points[points[i].point];
        double value = fitted(fit, table, point);
        points[i].ratio = value > 0 ? mean_cycles(point) / value : 1;
        cost_place(points[i].place, point);
    }
}

static int by_class(const void *a, const void *b)
{
    const struct fitted_point *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->point > y->point) - (x->point < y->point);
}

static void fit_level(struct level *out, enum cost_level level, const struct cost_table *table)
{
    out->points = ARENA_ARRAY(table->arena, struct fitted_point, (size_t)table->n_points + 1);
    out->fits = ARENA_ARRAY(table->arena, struct fit, (size_t)table->n_points + 1);
    for (int i = 0; i < table->n_points; i++) {
        out->points[i].class = cost_class(&table->points[i], level);
        out->points[i].point = i;
    }
    qsort(out->points, (size_t)table->n_points, sizeof *out->points, by_class);
    for (int first = 0, end; first < table->n_points; first = end) {
        for (end = first + 1; end < table->n_points && out->points[end].class == out->points[first].class;)
            end++;
        struct fit *fit = &out->fits[out->n++];
        *fit = (struct fit){.class = out->points[first].class, .first = first, .n = end - first};
        fit_class(fit, out->points + first, table);
    }
}

void cost_table_fit(struct cost_table *table)
{
    struct cost_fits *fits = ARENA_NEW(table->arena, struct cost_fits);
    for (int level = 0; level < COST_LEVELS; level++)
        fit_level(&fits->levels[level], (enum cost_level)level, table);
    table->fits = fits;
}

/* ---- predictions ---- */

static const struct fit *find(const struct fit *fits, int n, int class)
{
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (fits[middle].class < class)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && fits[low].class == class ? &fits[low] : NULL;
}

/* How far the nearest points are off their fit; 1 where there are none near. */
static double correction(const struct cost_table *table, const struct fit *fit,
                         const struct fitted_point *points, const struct cost_point *point, bool without_own)
{
    struct {
        double distance, ratio;
    } nearest[NEAREST];
    double place[COST_PLACE];
    int n = 0;
    cost_place(place, point);
    for (int i = 0; i < fit->n; i++) {
        const struct fitted_point *other = &points[i];
        double distance = 0;
        for (int k = 0; k < COST_PLACE; k++)
            distance += (place[k] - other->place[k]) * (place[k] - other->place[k]);
        if (n == NEAREST && distance >= nearest[NEAREST - 1].distance)
            continue;
        if (without_own && cost_point_compare(point, &table->points[other->point]) == 0)
            continue;
        int at = n < NEAREST ? n++ : NEAREST - 1;
        for (; at > 0 && nearest[at - 1].distance > distance; at--)
            nearest[at] = nearest[at - 1];
        nearest[at].distance = distance;
        nearest[at].ratio = other->ratio;
    }
    double sum = 0.5, weights = 0.5; /* of the fit itself, as if it were a point at distance 1.3 */
    for (int i = 0; i < n; i++) {
        double weight = 1 / (0.25 + nearest[i].distance);
        sum += weight * nearest[i].ratio;
        weights += weight;
    }
    return sum / weights;
}

double cost_table_interpolate(const struct cost_table *table, const struct cost_point *point,
                              bool without_own)
{
    double terms[COST_TERMS];
    int enough = cost_terms(terms, point, table->dcache_bytes) + 2;
    const struct level *level = NULL;
    const struct fit *fit = NULL;
    for (int l = 0; l < COST_LEVELS && !(fit && fit->n >= enough); l++) {
        const struct level *next = &table->fits->levels[l];
        const struct fit *wider = find(next->fits, next->n, cost_class(point, (enum cost_level)l));
        if (wider) {
            level = next;
            fit = wider;
        }
    }
    if (!fit)
        return -1;
    return fitted(fit, table, point) * correction(table, fit, level->points + fit->first, point, without_own);
}
