#include "quant/quantize.h"

#include <math.h>
#include <omp.h>

#include "base/error.h"
#include "quant/calibrate.h"

/* The op that computes a fused activation alone; OP_COUNT: the engine's clamp does. */
static enum op activation_op(enum activation activation)
{
    switch (activation) {
    case ACT_HARD_SWISH:
        return OP_HARD_SWISH;
    case ACT_HARD_SIGMOID:
        return OP_HARD_SIGMOID;
    case ACT_SIGMOID:
        return OP_SIGMOID;
    case ACT_TANH:
        return OP_TANH;
    case ACT_NONE:
    case ACT_CLIP:
    case ACT_LINEAR:
        break;
    }
    return OP_COUNT;
}

/*
 * A copy in which activations that become TABLE nodes are nodes of their own, so that the float network shows
 * the value before them. Names are qmodel_lower's. An activation keeps the tensor it wrote; its layer gets a
 * new one.
 */
static struct model *unfuse(const struct model *model, struct arena *arena)
{
    struct model *copy = model_clone(model, arena);
    struct node *nodes = ARENA_ARRAY(arena, struct node, 2 * (size_t)copy->n_nodes + 1);
    int n = 0;
    for (int i = 0; i < copy->n_nodes; i++) {
        struct node node = copy->nodes[i];
        const enum op op = activation_op(node.act);
        if (op == OP_COUNT) {
            nodes[n++] = node;
            continue;
        }
        struct node activation = {.op = op,
                                  .name = arena_printf(arena, "%s/activation", node.name),
                                  .n_inputs = 1,
                                  .output = node.output,
                                  .group = 1,
                                  .alpha = node.alpha,
                                  .beta = node.beta};
        node.act = ACT_NONE;
        node.output =
            model_add_tensor(copy, arena_printf(arena, "%s/linear", copy->tensors[node.output].name),
                             copy->tensors[node.output].shape);
        activation.inputs[0] = node.output;
        nodes[n++] = node;
        nodes[n++] = activation;
    }
    copy->nodes = nodes;
    copy->nodes_capacity = 2 * copy->n_nodes + 1;
    copy->n_nodes = n;
    for (int i = 0; i < n; i++)
        copy->tensors[nodes[i].output].producer = i;
    return copy;
}

/* max |w| / 127, but never so small that the bias leaves int32, and a usable one for a channel of zeros. */
static double weight_scale(double max_weight, double bias, double in_scale, double out_scale)
{
    const double scale = fmax(max_weight / 127, fabs(bias) / in_scale / (1 << 30));
    return scale > out_scale / in_scale * 1e-8 ? scale : out_scale / in_scale / 1024;
}

/* Round to nearest, per output channel. Fills weights, weight_scale and bias; returns the writable bias. */
static int32_t *quantize_layer(struct qmodel *q, struct qnode *node, const struct layer *layer)
{
    int8_t *weights = arena_alloc(q->arena, (size_t)node->n_weights);
    float *scales = ARENA_ARRAY(q->arena, float, (size_t)layer->out_c);
    int32_t *bias = ARENA_ARRAY(q->arena, int32_t, (size_t)layer->out_c);
    const double in_scale = (double)q->tensors[node->inputs[0]].scale,
                 out_scale = (double)q->tensors[node->output].scale;
    for (int c = 0; c < layer->out_c; c++) {
        const float *row = layer->weights + (int64_t)c * layer->depth;
        const double float_bias = layer->bias ? (double)layer->bias[c] : 0;
        double max = 0;
        for (int i = 0; i < layer->depth; i++)
            max = fmax(max, fabs((double)row[i]));
        scales[c] = (float)weight_scale(max, float_bias, in_scale, out_scale);
        for (int i = 0; i < layer->depth; i++) {
            const double w = round((double)row[i] / (double)scales[c]);
            const int64_t at =
                layer->depthwise ? (int64_t)i * layer->out_c + c : (int64_t)c * layer->depth + i;
            weights[at] = (int8_t)fmin(fmax(w, -127), 127);
        }
        bias[c] = (int32_t)llround(float_bias / (in_scale * (double)scales[c]));
    }
    node->weights = weights;
    node->weight_scale = scales;
    node->bias = bias;
    return bias;
}

static int check_constants(const struct calibration *calibration)
{
    struct layer layer;
    for (int i = 0; i < calibration->qmodel->n_nodes; i++) {
        if (!calibration_layer(calibration, i, &layer))
            continue;
        const char *name = calibration->qmodel->nodes[i].name;
        if (!layer.weights)
            return error("%s: has no weights: a shape-only model cannot be quantized", name);
        for (int64_t k = 0; k < (int64_t)layer.out_c * layer.depth; k++)
            if (!isfinite(layer.weights[k]))
                return error_input("%s: weight %lld is not finite", name, (long long)k);
        for (int c = 0; c < layer.out_c && layer.bias; c++)
            if (!isfinite(layer.bias[c]))
                return error_input("%s: bias %d is not finite", name, c);
    }
    return 0;
}

/* Constants that are added per channel. */
static int quantize_summands(struct calibration *calibration)
{
    struct qmodel *q = calibration->qmodel;
    for (int i = 0; i < q->n_nodes; i++) {
        if (q->nodes[i].op != QOP_ADD_CONSTANT)
            continue;
        const struct node *source = &calibration->model->nodes[calibration->node_of[i]];
        const struct tensor *first = &calibration->model->tensors[source->inputs[0]];
        const float *values =
            first->constant ? first->data : calibration->model->tensors[source->inputs[1]].data;
        if (!values)
            return error("%s: has no constants: a shape-only model cannot be quantized", q->nodes[i].name);
        for (int c = 0; c < q->tensors[q->nodes[i].output].c; c++)
            if (!isfinite(values[c]))
                return error_input("%s: constant %d is not finite", q->nodes[i].name, c);
        qmodel_set_summands(q, &q->nodes[i], values);
    }
    return 0;
}

static int quantize_in(struct calibration *calibration)
{
    struct qmodel *q = calibration->qmodel;
    double **tap_means = ARENA_ARRAY(calibration->arena, double *, (size_t)q->n_nodes);
    int32_t **biases = ARENA_ARRAY(calibration->arena, int32_t *, (size_t)q->n_nodes);
    struct layer layer;
    int rc = check_constants(calibration);
    if (!rc && calibration->options->equalize)
        rc = equalize(calibration);
    for (int i = 0; i < q->n_nodes && !rc; i++)
        if (calibration_layer(calibration, i, &layer))
            tap_means[i] = ARENA_ARRAY(calibration->arena, double, (size_t)layer.taps *(size_t)layer.in_c);
    if (!rc)
        rc = choose_ranges(calibration, tap_means);
    for (int i = 0; i < q->n_nodes && !rc; i++)
        if (calibration_layer(calibration, i, &layer))
            biases[i] = quantize_layer(q, &q->nodes[i], &layer);
    if (!rc)
        rc = quantize_summands(calibration);
    if (!rc)
        rc = qmodel_finish(q);
    if (!rc)
        rc = correct_biases(calibration, tap_means, biases);
    return rc;
}

int quantize(struct qmodel **out, const struct model *model, const float *images, int n,
             const struct quantize_options *options, struct arena *arena)
{
    if (n <= 0)
        return error_input("%s: no calibration images", model->name);
    struct arena scratch = ARENA_INIT;
    struct calibration calibration = {.model = unfuse(model, &scratch),
                                      .images = images,
                                      .n = n,
                                      .options = options,
                                      .threads =
                                          options->threads > 0 ? options->threads : omp_get_max_threads(),
                                      .arena = &scratch};
    int *node_of, *tensor_of;
    int rc = qmodel_lower(&calibration.qmodel, calibration.model, arena, &node_of, &tensor_of);
    if (!rc) {
        calibration.node_of = node_of;
        calibration.tensor_of = tensor_of;
        rc = quantize_in(&calibration);
    }
    if (!rc)
        *out = calibration.qmodel;
    arena_release(&scratch);
    return rc;
}
