/*
 * ranges.c - scale and zero point of every tensor.
 *
 * Two float passes: minima and maxima, then a histogram between them, of which `tail` is clipped at each end.
 * What a clamp at 0 begins keeps its 0. The logits keep their whole range and a margin: clipping the winner
 * costs more than a coarser step. Tensors that an operator needs in one scale (pools, padding, concatenation)
 * form a group with the range of all of them.
 */
#include <math.h>

#include "base/error.h"
#include "model/exec.h"
#include "quant/calibrate.h"
#include "quant/taps.h"

enum { BINS = 2048 };

struct range {
    float min, max;
    bool finite;
    int64_t *bins; /* BINS */
};

struct ranging {
    const struct calibration *calibration;
    struct range *ranges; /* per qtensor */
    double **tap_means;   /* sums, until the end */
};

static void visit_min_max(void *context, const struct exec *exec, int first, int count)
{
    struct ranging *r = context;
    const struct calibration *calibration = r->calibration;
    const struct qmodel *q = calibration->qmodel;
#pragma omp parallel for schedule(dynamic) num_threads(calibration->threads)
    for (int t = 0; t < q->n_tensors; t++) {
        const float *x = calibration_tensor(calibration, exec, t, first);
        const int64_t n = (int64_t)count * qtensor_bytes(&q->tensors[t]);
        float min = INFINITY, max = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++) {
            min = x[i] < min ? x[i] : min;
            max = x[i] > max ? x[i] : max;
            sum += x[i] - x[i]; /* not 0 when infinite or not a number */
        }
        struct range *range = &r->ranges[t];
        range->min = min < range->min ? min : range->min;
        range->max = max > range->max ? max : range->max;
        range->finite = range->finite && sum == 0;
    }
    if (!r->tap_means)
        return;
#pragma omp parallel for schedule(dynamic) num_threads(calibration->threads)
    for (int i = 0; i < q->n_nodes; i++) {
        struct layer layer;
        if (!calibration_layer(calibration, i, &layer))
            continue;
        const float *x = calibration_tensor(calibration, exec, q->nodes[i].inputs[0], first);
        for (int k = 0; k < count; k++, x += qtensor_bytes(&q->tensors[q->nodes[i].inputs[0]]))
            tap_sums_float(&layer, x, r->tap_means[i]);
    }
}

static void visit_histogram(void *context, const struct exec *exec, int first, int count)
{
    struct ranging *r = context;
    const struct calibration *calibration = r->calibration;
    const struct qmodel *q = calibration->qmodel;
#pragma omp parallel for schedule(dynamic) num_threads(calibration->threads)
    for (int t = 0; t < q->n_tensors; t++) {
        const float *x = calibration_tensor(calibration, exec, t, first);
        const int64_t n = (int64_t)count * qtensor_bytes(&q->tensors[t]);
        struct range *range = &r->ranges[t];
        const float min = range->min, per_unit = range->max > min ? (float)BINS / (range->max - min) : 0;
        for (int64_t i = 0; i < n; i++) {
            int bin = (int)((x[i] - min) * per_unit);
            range->bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
        }
    }
}

/* Moves min and max inwards past at most `tail` of the values each. */
static void clip_tails(struct range *range, double tail, bool keep_min)
{
    int64_t total = 0;
    for (int i = 0; i < BINS; i++)
        total += range->bins[i];
    const double width = ((double)range->max - (double)range->min) / BINS, allowed = tail * (double)total;
    int low = 0, high = BINS;
    for (int64_t passed = 0; high > 1 && (double)(passed + range->bins[high - 1]) <= allowed; high--)
        passed += range->bins[high - 1];
    for (int64_t passed = 0; low < high - 1 && (double)(passed + range->bins[low]) <= allowed; low++)
        passed += range->bins[low];
    const double min = (double)range->min;
    if (high < BINS)
        range->max = (float)(min + width * high);
    if (!keep_min && low > 0)
        range->min = (float)(min + width * low);
}

/* Sets of tensors that share scale and zero point: group[t] is the smallest member. */
static int *group_tensors(const struct qmodel *q, struct arena *arena)
{
    int *group = ARENA_ARRAY(arena, int, (size_t)q->n_tensors);
    for (int t = 0; t < q->n_tensors; t++)
        group[t] = t;
    for (int i = 0; i < q->n_nodes; i++) {
        const struct qnode *node = &q->nodes[i];
        if (node->op != QOP_AVERAGE_POOL && node->op != QOP_MAX_POOL && node->op != QOP_MEAN &&
            node->op != QOP_CONCAT && node->op != QOP_PAD && node->op != QOP_RESIZE_NEAREST)
            continue;
        for (int k = 0; k < node->n_inputs; k++) {
            const int a = group[node->inputs[k]], b = group[node->output];
            for (int t = 0; t < q->n_tensors; t++)
                if (group[t] == a || group[t] == b)
                    group[t] = a < b ? a : b;
        }
    }
    return group;
}

/* Pools, padding and resizing stay within the range of their input; a concatenation is its inputs. */
static bool is_derived(const struct qmodel *q, int tensor)
{
    const int producer = q->tensors[tensor].producer;
    const enum qop op = producer < 0 ? QOP_COUNT : q->nodes[producer].op;
    return op == QOP_AVERAGE_POOL || op == QOP_MAX_POOL || op == QOP_MEAN || op == QOP_CONCAT ||
           op == QOP_PAD || op == QOP_RESIZE_NEAREST;
}

/* Scales that are not a matter of data. */
static bool fixed_scale(const struct calibration *calibration, int tensor, float *scale, int *zero_point)
{
    const struct qmodel *q = calibration->qmodel;
    const int producer = q->tensors[tensor].producer;
    if (tensor == q->input && calibration->options->input_scale > 0) {
        *scale = calibration->options->input_scale;
        *zero_point = calibration->options->input_zero_point;
        return true;
    }
    if (producer < 0)
        return false;
    const struct qnode *node = &q->nodes[producer];
    if (node->op == QOP_SOFTMAX || (node->op == QOP_TABLE && (node->table_function == ACT_SIGMOID ||
                                                              node->table_function == ACT_HARD_SIGMOID))) {
        *scale = 1.0f / 256; /* TFLite's for SOFTMAX and LOGISTIC */
        *zero_point = -128;
        return true;
    }
    if (node->op == QOP_TABLE && node->table_function == ACT_TANH) {
        *scale = 1.0f / 128; /* TFLite's */
        *zero_point = 0;
        return true;
    }
    return false;
}

static bool starts_at_zero(const struct qmodel *q, int tensor)
{
    const int producer = q->tensors[tensor].producer;
    return producer >= 0 && q->nodes[producer].clip_min == 0;
}

/* The logits: the output, or what the final softmax reads. */
static int logits_tensor(const struct qmodel *q)
{
    const int producer = q->tensors[q->output].producer;
    return producer >= 0 && q->nodes[producer].op == QOP_SOFTMAX ? q->nodes[producer].inputs[0] : q->output;
}

static void set_scale(struct qtensor *tensor, double min, double max)
{
    min = min < 0 ? min : 0;
    max = max > 0 ? max : 0;
    if (!(max - min > 1e-6)) /* always zero: any scale does */
        max = min + 1;
    tensor->scale = (float)((max - min) / 255);
    const double zero_point = round(-128 - min / (double)tensor->scale);
    tensor->zero_point = zero_point < -128 ? -128 : zero_point > 127 ? 127 : (int)zero_point;
}

static void set_scales(const struct calibration *calibration, const struct range *ranges)
{
    struct qmodel *q = calibration->qmodel;
    const int *group = group_tensors(q, calibration->arena), logits = logits_tensor(q);
    for (int leader = 0; leader < q->n_tensors; leader++) {
        if (group[leader] != leader)
            continue;
        double min = 0, max = 0;
        float fixed = 0;
        int fixed_zero_point = 0;
        for (int t = q->n_tensors - 1; t >= leader; t--) { /* backwards: the input's scale wins over others */
            if (group[t] != leader)
                continue;
            fixed_scale(calibration, t, &fixed, &fixed_zero_point);
            if (!is_derived(q, t)) {
                min = fmin(min, (double)ranges[t].min);
                max = fmax(max, (double)ranges[t].max);
            }
        }
        if (group[logits] == leader) {
            min *= calibration->options->logits_margin;
            max *= calibration->options->logits_margin;
        }
        struct qtensor scaled = {0};
        set_scale(&scaled, min, max);
        for (int t = leader; t < q->n_tensors; t++)
            if (group[t] == leader) {
                q->tensors[t].scale = fixed > 0 ? fixed : scaled.scale;
                q->tensors[t].zero_point = fixed > 0 ? fixed_zero_point : scaled.zero_point;
            }
    }
}

int choose_ranges(struct calibration *calibration, double **tap_means)
{
    const struct qmodel *q = calibration->qmodel;
    struct ranging r = {.calibration = calibration, .tap_means = tap_means};
    r.ranges = ARENA_ARRAY(calibration->arena, struct range, (size_t)q->n_tensors);
    for (int t = 0; t < q->n_tensors; t++) {
        r.ranges[t] = (struct range){.min = INFINITY, .max = -INFINITY, .finite = true};
        r.ranges[t].bins = ARENA_ARRAY(calibration->arena, int64_t, BINS);
    }
    int rc = calibration_run(calibration, "ranges", visit_min_max, &r);
    if (rc)
        return rc;
    for (int t = 0; t < q->n_tensors; t++)
        if (!r.ranges[t].finite)
            return error_input("tensor '%s' is not finite on the calibration images", q->tensors[t].name);
    for (int i = 0; i < q->n_nodes && tap_means; i++) {
        struct layer layer;
        if (!calibration_layer(calibration, i, &layer))
            continue;
        const double count = (double)calibration->n * layer.out_h * layer.out_w;
        for (int64_t k = 0; k < (int64_t)layer.taps * layer.in_c; k++)
            tap_means[i][k] /= count;
    }
    if (calibration->options->ranges == RANGE_PERCENTILE) {
        rc = calibration_run(calibration, "histograms", visit_histogram, &r);
        if (rc)
            return rc;
        const int logits = logits_tensor(q);
        for (int t = 0; t < q->n_tensors; t++)
            if (t != logits && t != q->input && r.ranges[t].max > r.ranges[t].min)
                clip_tails(&r.ranges[t], calibration->options->tail, starts_at_zero(q, t));
    }
    set_scales(calibration, r.ranges);
    return 0;
}
