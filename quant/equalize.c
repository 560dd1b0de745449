/*
 * equalize.c - activation equalization under ReLU and ReLU6.
 *
 * One scale serves all channels of a map, so a channel that stays small is quantised coarsely. For a
 * convolution with ReLU6 (or ReLU) that only one other convolution reads, channel c can be made s_c times
 * larger on the way out and s_c times smaller on the way in; the network stays the same as long as no channel
 * passes 6 / s_c. With m_c the channel's maximum over the calibration images and T = max m_c,
 *
 *     s_c = clamp(T / (margin * m_c), 1, cap) ^ alpha
 */
#include <math.h>
#include <string.h>

#include "model/exec.h"
#include "quant/calibrate.h"

static const double margin = 1.1, cap = 8, alpha = 0.5;

struct pair {
    int from, to;   /* qnodes */
    float *maximum; /* per channel of the tensor between them */
};

struct pairs {
    const struct calibration *calibration;
    struct pair *pairs;
    int n;
};

static bool is_conv(const struct qnode *node)
{
    return node->op == QOP_CONV || node->op == QOP_DEPTHWISE;
}

/* Weights and bias are the node's own and may be replaced. */
static bool owns_constants(const struct model *model, const struct node *node)
{
    for (int i = 1; i < node->n_inputs; i++)
        if (model_uses(model, node->inputs[i]) != 1)
            return false;
    return true;
}

static int only_reader(const struct qmodel *q, int tensor)
{
    int reader = -1, uses = tensor == q->output;
    for (int i = 0; i < q->n_nodes; i++)
        for (int k = 0; k < q->nodes[i].n_inputs; k++)
            if (q->nodes[i].inputs[k] == tensor) {
                reader = i;
                uses++;
            }
    return uses == 1 ? reader : -1;
}

static void find_pairs(struct pairs *pairs, const struct calibration *calibration)
{
    const struct qmodel *q = calibration->qmodel;
    const struct model *model = calibration->model;
    pairs->calibration = calibration;
    pairs->pairs = ARENA_ARRAY(calibration->arena, struct pair, (size_t)q->n_nodes);
    for (int i = 0; i < q->n_nodes; i++) {
        const struct qnode *node = &q->nodes[i];
        if (!is_conv(node) || node->clip_min != 0 || !(node->clip_max > 0))
            continue;
        int reader = only_reader(q, node->output);
        if (reader < 0 || !is_conv(&q->nodes[reader]) ||
            !owns_constants(model, &model->nodes[calibration->node_of[i]]) ||
            !owns_constants(model, &model->nodes[calibration->node_of[reader]]))
            continue;
        const size_t channels = (size_t)q->tensors[node->output].c;
        pairs->pairs[pairs->n++] = (struct pair){
            .from = i, .to = reader, .maximum = ARENA_ARRAY(calibration->arena, float, channels)};
    }
}

static void visit_maxima(void *context, const struct exec *exec, int first, int count)
{
    struct pairs *pairs = context;
    const struct qmodel *q = pairs->calibration->qmodel;
#pragma omp parallel for schedule(dynamic) num_threads(pairs->calibration->threads)
    for (int i = 0; i < pairs->n; i++) {
        const int tensor = q->nodes[pairs->pairs[i].from].output, c = q->tensors[tensor].c;
        const float *x = calibration_tensor(pairs->calibration, exec, tensor, first);
        const int64_t pixels = (int64_t)count * q->tensors[tensor].h * q->tensors[tensor].w;
        float *maximum = pairs->pairs[i].maximum;
        for (int64_t p = 0; p < pixels; p++, x += c)
            for (int k = 0; k < c; k++)
                maximum[k] = x[k] > maximum[k] ? x[k] : maximum[k];
    }
}

static float *own_copy(const struct calibration *calibration, int tensor)
{
    struct tensor *constant = &calibration->model->tensors[tensor];
    float *copy = arena_copy(calibration->arena, constant->data,
                             (size_t)shape_elements(&constant->shape) * sizeof(float));
    constant->data = copy;
    return copy;
}

static void apply(const struct calibration *calibration, const struct pair *pair)
{
    const struct model *model = calibration->model;
    const struct node *from = &model->nodes[calibration->node_of[pair->from]];
    const struct node *to = &model->nodes[calibration->node_of[pair->to]];
    struct layer a, b;
    calibration_layer(calibration, pair->from, &a);
    calibration_layer(calibration, pair->to, &b);
    float top = 0;
    for (int c = 0; c < a.out_c; c++)
        top = pair->maximum[c] > top ? pair->maximum[c] : top;
    if (!(top > 0) || !isfinite(top))
        return;
    float *out_weights = own_copy(calibration, from->inputs[1]),
          *in_weights = own_copy(calibration, to->inputs[1]);
    float *bias = from->n_inputs > 2 ? own_copy(calibration, from->inputs[2]) : NULL;
    for (int c = 0; c < a.out_c; c++) {
        const double ratio = pair->maximum[c] > 0 ? (double)top / (margin * (double)pair->maximum[c]) : cap;
        const float s = (float)pow(fmin(fmax(ratio, 1), cap), alpha), inverse = 1 / s;
        for (int i = 0; i < a.depth; i++)
            out_weights[(int64_t)c * a.depth + i] *= s;
        if (bias)
            bias[c] *= s;
        if (b.depthwise) {
            const int multiplier = b.out_c / b.in_c;
            for (int i = 0; i < multiplier * b.depth; i++)
                in_weights[(int64_t)c * multiplier * b.depth + i] *= inverse;
        } else {
            for (int64_t i = 0; i < (int64_t)b.out_c * b.taps; i++)
                in_weights[i * b.in_c + c] *= inverse;
        }
    }
}

int equalize(struct calibration *calibration)
{
    struct pairs pairs = {0};
    find_pairs(&pairs, calibration);
    if (!pairs.n)
        return 0;
    int rc = calibration_run(calibration, "equalization", visit_maxima, &pairs);
    for (int i = 0; i < pairs.n && !rc; i++)
        apply(calibration, &pairs.pairs[i]);
    return rc;
}
