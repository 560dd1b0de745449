/*
 * correct.c - sequential empirical bias correction.
 *
 * Rounded weights and inputs shift the mean of a layer's output. Layer by layer, in execution order, with the
 * int8 inputs that the already corrected layers before it give,
 *
 *     bias[c] += mean over images and positions of (W x - W_q x_q)[c]
 *
 * before the activation, where W x is the float network's. All images go through a layer together. Sums are
 * integers: any order of threads gives the same.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "quant/calibrate.h"
#include "quant/qexec.h"
#include "quant/qnode.h"
#include "quant/taps.h"

struct correcting {
    const struct calibration *calibration;
    int8_t ***tensors; /* per image, per qtensor */
    void **scratch;    /* per image */
};

static void correct_layer(const struct correcting *correcting, int index, const struct layer *layer,
                          const double *float_means, int32_t *bias)
{
    const struct calibration *calibration = correcting->calibration;
    const struct qmodel *q = calibration->qmodel;
    const struct qnode *node = &q->nodes[index];
    const struct qtensor *in = &q->tensors[node->inputs[0]];
    const size_t n_sums = (size_t)layer->taps * (size_t)layer->in_c;
    struct arena arena = ARENA_INIT;
    int64_t *sums = ARENA_ARRAY(&arena, int64_t, n_sums);
#pragma omp parallel num_threads(calibration->threads)
    {
        struct arena own = ARENA_INIT;
        int64_t *partial = ARENA_ARRAY(&own, int64_t, n_sums);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < calibration->n; i++)
            tap_sums_int8(layer, correcting->tensors[i][node->inputs[0]], in->zero_point, partial);
#pragma omp critical(correct_layer)
        for (size_t k = 0; k < n_sums; k++)
            sums[k] += partial[k];
        arena_release(&own);
    }
    const double count = (double)calibration->n * layer->out_h * layer->out_w;
    for (int c = 0; c < layer->out_c; c++) {
        const double unit = (double)in->scale * (double)node->weight_scale[c];
        double difference = 0;
        for (int tap = 0; tap < layer->taps; tap++) {
            if (layer->depthwise) { /* int8 weights are (taps, out_c) */
                const int channel = c / (layer->out_c / layer->in_c);
                const int64_t at = (int64_t)tap * layer->in_c + channel;
                difference +=
                    (double)layer->weights[(int64_t)c * layer->taps + tap] * float_means[at] -
                    unit * node->weights[(int64_t)tap * layer->out_c + c] * ((double)sums[at] / count);
                continue;
            }
            for (int i = 0; i < layer->in_c; i++) {
                const int64_t at = (int64_t)tap * layer->in_c + i, weight = (int64_t)c * layer->depth + at;
                difference += (double)layer->weights[weight] * float_means[at] -
                              unit * node->weights[weight] * ((double)sums[at] / count);
            }
        }
        const double value = ((layer->bias ? (double)layer->bias[c] : 0) + difference) / unit;
        bias[c] = (int32_t)llround(fmin(fmax(value, -(1 << 30)), 1 << 30));
    }
    arena_release(&arena);
}

static void run_node(const struct correcting *correcting, const struct qnode *node)
{
    const struct calibration *calibration = correcting->calibration;
#pragma omp parallel for schedule(dynamic) num_threads(calibration->threads)
    for (int i = 0; i < calibration->n; i++)
        qnode_run(calibration->qmodel, node, correcting->tensors[i], correcting->scratch[i]);
}

int correct_biases(const struct calibration *calibration, double *const *tap_means, int32_t *const *biases)
{
    const struct qmodel *q = calibration->qmodel;
    const int64_t elements = qtensor_bytes(&q->tensors[q->input]);
    const size_t n = (size_t)calibration->n;
    struct arena arena = ARENA_INIT;
    struct progress progress;
    const struct qmemory memory = qmemory_plan(q, &arena);
    struct correcting correcting = {.calibration = calibration,
                                    .tensors = ARENA_ARRAY(&arena, int8_t **, n),
                                    .scratch = ARENA_ARRAY(&arena, void *, n)};
    for (size_t i = 0; i < n; i++) {
        int8_t *block = arena_alloc(&arena, memory.bytes);
        correcting.tensors[i] = ARENA_ARRAY(&arena, int8_t *, (size_t)q->n_tensors);
        correcting.scratch[i] = arena_alloc(&arena, qmodel_scratch_bytes(q) + 64);
        for (int t = 0; t < q->n_tensors; t++)
            correcting.tensors[i][t] = block + memory.offset[t];
        qexec_quantize_input(q, calibration->images + (int64_t)i * elements, correcting.tensors[i][q->input]);
    }
    progress_start(&progress, calibration->options->quiet, "bias correction", q->n_nodes, "layers");
    for (int i = 0; i < q->n_nodes; i++) {
        const struct qnode *node = &q->nodes[i];
        struct layer layer;
        /* Without correction of everything, at least the input's: its rounding is systematic (pixels lie on
         * ties). */
        if (calibration_layer(calibration, i, &layer) &&
            (calibration->options->correct_bias || node->inputs[0] == q->input))
            correct_layer(&correcting, i, &layer, tap_means[i], biases[i]);
        run_node(&correcting, node);
        progress_step(&progress, 1);
    }
    progress_end(&progress);
    arena_release(&arena);
    return 0;
}
