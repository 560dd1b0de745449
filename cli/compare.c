#include "cli/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/progress.h"
#include "cli/network.h"
#include "datasets/dataset.h"
#include "model/exec.h"
#include "model/model.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"

/* A network that runs one image at a time and keeps every tensor. */
struct side {
    const struct network *network;
    struct exec *exec;        /* float */
    int8_t **tensors, *input; /* int8: every tensor of the qmodel */
    float *pixels;
};

static int side_open(struct side *side, const struct network *network, int threads, struct arena *arena)
{
    *side = (struct side){.network = network};
    const size_t pixels = (size_t)network->resolution * (size_t)network->resolution * 3;
    side->pixels = ARENA_ARRAY(arena, float, pixels);
    if (network->model)
        return exec_create(&side->exec, network->model,
                           &(struct exec_options){.batch = 1, .threads = threads, .keep_all = true});
    const struct qmodel *q = network->qmodel;
    side->tensors = ARENA_ARRAY(arena, int8_t *, (size_t)q->n_tensors);
    for (int t = 0; t < q->n_tensors; t++)
        side->tensors[t] = arena_alloc(arena, (size_t)qtensor_bytes(&q->tensors[t]));
    side->input = side->tensors[q->input];
    return 0;
}

static void side_close(struct side *side)
{
    if (side->exec)
        exec_destroy(side->exec);
}

static int side_run(struct side *side, const struct dataset *images, int index)
{
    const struct network *network = side->network;
    int rc = dataset_load(images, index, 1, &network->preprocess, network->resolution, side->pixels, 1);
    if (rc)
        return rc;
    if (side->exec)
        return exec_run(side->exec, side->pixels);
    const struct qmodel *q = network->qmodel;
    qexec_quantize_input(q, side->pixels, side->input);
    return qexec_run(q, side->input, side->tensors[q->output], side->tensors);
}

/* Index of a tensor that is computed (or the input), by name; -1: none. */
static int side_find(const struct side *side, const char *name)
{
    const struct model *model = side->network->model;
    const struct qmodel *q = side->network->qmodel;
    const int n = model ? model->n_tensors : q->n_tensors;
    for (int t = 0; t < n; t++) {
        const char *other = model ? model->tensors[t].name : q->tensors[t].name;
        if ((!model || !model->tensors[t].constant) && strcmp(name, other) == 0)
            return t;
    }
    return -1;
}

static int64_t side_elements(const struct side *side, int tensor)
{
    return side->exec ? shape_elements(&side->network->model->tensors[tensor].shape)
                      : qtensor_bytes(&side->network->qmodel->tensors[tensor]);
}

/* The tensor's values after the last run, as reals. */
static void side_values(const struct side *side, int tensor, float *out)
{
    const int64_t n = side_elements(side, tensor);
    if (side->exec) {
        memcpy(out, exec_tensor(side->exec, tensor), (size_t)n * sizeof *out);
        return;
    }
    const struct qtensor *t = &side->network->qmodel->tensors[tensor];
    for (int64_t i = 0; i < n; i++)
        out[i] = t->scale * (float)(side->tensors[tensor][i] - t->zero_point);
}

static int side_output(const struct side *side)
{
    return side->exec ? side->network->model->outputs[0] : side->network->qmodel->output;
}

/* A pair of tensors of the same name, and its sums per channel: a.a, a.b, b.b */
struct pair {
    int a, b, channels;
    double *aa, *ab, *bb;
};

static double decibels(double signal, double noise)
{
    /* Rounding of the sums leaves about 1e-15 of the signal. */
    if (noise <= 1e-14 * signal)
        return HUGE_VAL;
    return signal > 0 ? 10 * log10(signal / noise) : -HUGE_VAL;
}

static void pair_add(struct pair *pair, const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const int c = (int)(i % pair->channels);
        pair->aa[c] += (double)a[i] * a[i];
        pair->ab[c] += (double)a[i] * b[i];
        pair->bb[c] += (double)b[i] * b[i];
    }
}

static double pair_sqnr(const struct pair *pair)
{
    double signal = 0, noise = 0;
    for (int c = 0; c < pair->channels; c++) {
        const double explained = pair->bb[c] > 0 ? pair->ab[c] * pair->ab[c] / pair->bb[c] : 0;
        signal += pair->aa[c];
        noise += fmax(pair->aa[c] - explained, 0);
    }
    return decibels(signal, noise);
}

static void describe_tensor(struct compared_tensor *out, const struct side *side, int tensor)
{
    if (side->exec) {
        const struct model *model = side->network->model;
        const struct tensor *t = &model->tensors[tensor];
        const int rank = t->shape.rank, *dim = t->shape.dim;
        *out = (struct compared_tensor){
            t->name, t->producer < 0 ? "input" : op_name(model->nodes[t->producer].op), 1, 1, 1, 0};
        out->c = rank > 0 ? dim[rank - 1] : 1;
        if (rank == 4) {
            out->h = dim[1];
            out->w = dim[2];
        }
        return;
    }
    const struct qmodel *q = side->network->qmodel;
    const struct qtensor *t = &q->tensors[tensor];
    *out = (struct compared_tensor){
        t->name, t->producer < 0 ? "input" : qop_name(q->nodes[t->producer].op), t->h, t->w, t->c, 0};
}

/* Tensors of b that a has too, with as many elements. Returns how many. */
static int match_tensors(struct pair *pairs, struct comparison *out, const struct side *a,
                         const struct side *b, struct arena *arena)
{
    const struct model *model = b->network->model;
    const struct qmodel *q = b->network->qmodel;
    const int nodes = model ? model->n_nodes : q->n_nodes;
    int n = 0;
    for (int i = -1; i < nodes; i++) {
        const int t = i < 0   ? (model ? model->inputs[0] : q->input)
                      : model ? model->nodes[i].output
                              : q->nodes[i].output;
        const int other = side_find(a, model ? model->tensors[t].name : q->tensors[t].name);
        if (other < 0 || side_elements(a, other) != side_elements(b, t))
            continue;
        describe_tensor(&out->tensors[n], b, t);
        struct pair *pair = &pairs[n++];
        *pair = (struct pair){.a = other, .b = t, .channels = out->tensors[n - 1].c};
        pair->aa = ARENA_ARRAY(arena, double, (size_t)pair->channels);
        pair->ab = ARENA_ARRAY(arena, double, (size_t)pair->channels);
        pair->bb = ARENA_ARRAY(arena, double, (size_t)pair->channels);
    }
    return n;
}

static int argmax(const float *values, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* Sums over the logits, gain 1. */
struct logits {
    double signal, noise, max;
};

static void count_answers(struct comparison *out, struct logits *logits, const float *a, const float *b,
                          int classes, int label)
{
    const int answer_a = argmax(a, classes), answer_b = argmax(b, classes);
    out->images++;
    out->same_argmax += answer_a == answer_b;
    out->correct_a += answer_a == label;
    out->correct_b += answer_b == label;
    for (int i = 0; i < classes; i++) {
        const double difference = (double)a[i] - b[i];
        logits->signal += (double)a[i] * a[i];
        logits->noise += difference * difference;
        logits->max = fmax(logits->max, fabs(difference));
    }
}

static int64_t largest_tensor(const struct side *side)
{
    const int n = side->exec ? side->network->model->n_tensors : side->network->qmodel->n_tensors;
    int64_t largest = 0;
    for (int t = 0; t < n; t++)
        if (side_elements(side, t) > largest)
            largest = side_elements(side, t);
    return largest;
}

static int compare_images(struct comparison *out, struct side *a, struct side *b,
                          const struct dataset *images, bool quiet, struct arena *arena)
{
    const int nodes = b->exec ? b->network->model->n_nodes : b->network->qmodel->n_nodes;
    out->tensors = ARENA_ARRAY(arena, struct compared_tensor, (size_t)nodes + 1);
    struct pair *pairs = ARENA_ARRAY(arena, struct pair, (size_t)nodes + 1);
    out->n_tensors = match_tensors(pairs, out, a, b, arena);
    float *values_a = ARENA_ARRAY(arena, float, (size_t)largest_tensor(a));
    float *values_b = ARENA_ARRAY(arena, float, (size_t)largest_tensor(b));
    struct logits logits = {0};

    const int n = dataset_count(images);
    int rc = 0;
    struct progress progress;
    progress_start(&progress, quiet, "compare", n, "images");
    for (int i = 0; i < n && !rc; i++) {
        rc = side_run(a, images, i);
        if (!rc)
            rc = side_run(b, images, i);
        for (int p = 0; p < out->n_tensors && !rc; p++) {
            side_values(a, pairs[p].a, values_a);
            side_values(b, pairs[p].b, values_b);
            pair_add(&pairs[p], values_a, values_b, side_elements(b, pairs[p].b));
        }
        if (!rc) {
            side_values(a, side_output(a), values_a);
            side_values(b, side_output(b), values_b);
            count_answers(out, &logits, values_a, values_b, b->network->classes, dataset_label(images, i));
        }
        progress_step(&progress, 1);
    }
    progress_end(&progress);
    for (int p = 0; p < out->n_tensors; p++)
        out->tensors[p].sqnr_db = pair_sqnr(&pairs[p]);
    out->logits_sqnr_db = decibels(logits.signal, logits.noise);
    out->logits_max_difference = logits.max;
    return rc;
}

int compare_networks(struct comparison *out, const struct network *a, const struct network *b,
                     const struct dataset *images, int threads, bool quiet, struct arena *arena)
{
    *out = (struct comparison){0};
    int rc = network_check_images(a);
    if (!rc)
        rc = network_check_images(b);
    if (rc)
        return rc;
    if (a->resolution != b->resolution || a->classes != b->classes)
        return error_input("'%s' (%d x %d, %d classes) and '%s' (%d x %d, %d classes) cannot be compared",
                           a->path, a->resolution, a->resolution, a->classes, b->path, b->resolution,
                           b->resolution, b->classes);
    struct side side_a = {0}, side_b = {0};
    rc = side_open(&side_a, a, threads, arena);
    if (!rc)
        rc = side_open(&side_b, b, threads, arena);
    if (!rc)
        rc = compare_images(out, &side_a, &side_b, images, quiet, arena);
    side_close(&side_a);
    side_close(&side_b);
    return rc;
}
