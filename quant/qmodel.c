#include "quant/qmodel.h"

#include <math.h>

#include "base/error.h"
#include "engine/requant.h"
#include "quant/qnode.h"

const char *qop_name(enum qop op)
{
    static const char *const names[] = {
#define QOP(id, name, min, max) [QOP_##id] = name,
#include "quant/qops.inc"
#undef QOP
    };
    return op < QOP_COUNT ? names[op] : "?";
}

int64_t qtensor_bytes(const struct qtensor *tensor)
{
    return (int64_t)tensor->h * tensor->w * tensor->c;
}

void quantize_multiplier(double real, int32_t *multiplier, int8_t *shift)
{
    int exponent = 0;
    int64_t q = llround(frexp(real, &exponent) * 2147483648.0);
    if (q == (int64_t)1 << 31) {
        q /= 2;
        exponent++;
    }
    if (exponent < -31) { /* smaller than any product can show */
        exponent = 0;
        q = 0;
    }
    if (exponent > 30) {
        exponent = 30;
        q = INT32_MAX;
    }
    *multiplier = (int32_t)q;
    *shift = (int8_t)exponent;
}

/* A real bound in the units of a tensor, within int8 (TFLite: CalculateActivationRangeQuantized, in float).
 */
static int quantized_bound(float bound, const struct qtensor *tensor)
{
    float q = roundf(bound / tensor->scale) + (float)tensor->zero_point;
    return q < -128 ? -128 : q > 127 ? 127 : (int)q;
}

static double table_value(const struct qnode *node, double x)
{
    switch (node->table_function) {
    case ACT_CLIP:
        return fmin(fmax(x, node->clip_min), node->clip_max);
    case ACT_HARD_SWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    case ACT_HARD_SIGMOID:
        return fmin(fmax(node->alpha * x + node->beta, 0), 1);
    case ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case ACT_TANH:
        return tanh(x);
    case ACT_LINEAR:
        return fmin(fmax(node->alpha * x + node->beta, node->clip_min), node->clip_max);
    case ACT_NONE:
        break;
    }
    return x;
}

static void finish_table(struct qmodel *qmodel, struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    int8_t *table = arena_alloc(qmodel->arena, 256);
    for (int q = -128; q < 128; q++) {
        double y = table_value(node, (double)in->scale * (q - in->zero_point));
        y = round(y / out->scale) + out->zero_point;
        table[q + 128] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
    }
    node->table = table;
}

/* The kernels add up in int32: no input may overflow it. */
static int check_accumulators(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *out = &qmodel->tensors[node->output];
    const int64_t depth = node->n_weights / out->c;
    for (int c = 0; c < out->c; c++) {
        int64_t sum = node->bias[c] < 0 ? -(int64_t)node->bias[c] : node->bias[c];
        for (int64_t i = 0; i < depth; i++) {
            const int w = node->weights[node->op == QOP_DEPTHWISE ? i * out->c + c : c * depth + i];
            sum += 255 * (w < 0 ? -w : w);
        }
        if (sum > INT32_MAX)
            return error_input("%s: channel %d: the sum may leave int32 (bias %d)", node->name, c,
                               (int)node->bias[c]);
    }
    return 0;
}

/* One multiplier per output channel (TFLite: PopulateConvolutionQuantizationParams). */
static int finish_channels(struct qmodel *qmodel, struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    int32_t *multiplier = ARENA_ARRAY(qmodel->arena, int32_t, (size_t)out->c);
    int8_t *shift = ARENA_ARRAY(qmodel->arena, int8_t, (size_t)out->c);
    bool one_scale = node->op == QOP_FULLY_CONNECTED;
    for (int c = 1; c < out->c; c++)
        one_scale = one_scale && node->weight_scale[c] == node->weight_scale[0];
    for (int c = 0; c < out->c; c++) {
        /* One scale for all of a fully connected layer: TFLite multiplies in float
         * (GetQuantizedConvolutionMultipler). */
        const double product = one_scale ? (double)(in->scale * node->weight_scale[c])
                                         : (double)in->scale * (double)node->weight_scale[c];
        const double real = product / (double)out->scale;
        if (!(real > 0) || !isfinite(real))
            return error_input("%s: weight scale %g of channel %d is not usable", node->name,
                               (double)node->weight_scale[c], c);
        quantize_multiplier(real, &multiplier[c], &shift[c]);
        if (shift[c] > 20) /* multiplier 0: a channel so small that it is its zero point, as TFLite has it */
            return error_input("%s: channel %d: the ratio of scales %g cannot be expressed", node->name, c,
                               real);
    }
    node->multiplier = multiplier;
    node->shift = shift;
    return check_accumulators(qmodel, node);
}

/* TFLite: AddElementwise's parameters; left_shift 20 keeps the summands' fractions. */
static int finish_add(struct qmodel *qmodel, struct qnode *node)
{
    const float a = qmodel->tensors[node->inputs[0]].scale, b = qmodel->tensors[node->inputs[1]].scale;
    const float out = qmodel->tensors[node->output].scale;
    const double twice_max = 2 * (a > b ? a : b);
    const double real[3] = {a / twice_max, b / twice_max, twice_max / ((1 << 20) * out)};
    int32_t *multiplier = ARENA_ARRAY(qmodel->arena, int32_t, 3);
    int8_t *shift = ARENA_ARRAY(qmodel->arena, int8_t, 3);
    for (int i = 0; i < 3; i++) {
        if (!(real[i] > 0 && real[i] < 1))
            return error_input("%s: scales %g + %g -> %g are too far apart", node->name, (double)a, (double)b,
                               (double)out);
        quantize_multiplier(real[i], &multiplier[i], &shift[i]);
    }
    if (node->subtract)
        multiplier[1] = -multiplier[1];
    node->multiplier = multiplier;
    node->shift = shift;
    return 0;
}

void qmodel_set_summands(struct qmodel *qmodel, struct qnode *node, const float *values)
{
    const int n = qmodel->tensors[node->output].c;
    int32_t *constants = ARENA_ARRAY(qmodel->arena, int32_t, (size_t)n);
    float *scale = ARENA_NEW(qmodel->arena, float);
    double max = 0;
    for (int c = 0; c < n; c++)
        max = fmax(max, fabs((double)values[c]));
    *scale = max > 0 ? (float)(max / 127) : 1;
    for (int c = 0; c < n; c++)
        constants[c] = (int32_t)fmin(fmax(round((double)values[c] / (double)*scale), -127), 127);
    node->bias = constants;
    node->weight_scale = scale;
}

/* As finish_add, the constants' share worked out. */
static int finish_add_constant(struct qmodel *qmodel, struct qnode *node)
{
    enum { LEFT_SHIFT = 20 };
    const int channels = qmodel->tensors[node->output].c;
    const float in = qmodel->tensors[node->inputs[0]].scale, out = qmodel->tensors[node->output].scale;
    const float constant = *node->weight_scale;
    const double twice_max = 2 * (in > constant ? in : constant);
    const double real[3] = {in / twice_max, twice_max / ((1 << LEFT_SHIFT) * out), constant / twice_max};
    int32_t *multiplier = ARENA_ARRAY(qmodel->arena, int32_t, 3);
    int8_t *shift = ARENA_ARRAY(qmodel->arena, int8_t, 3);
    int32_t *summands = ARENA_ARRAY(qmodel->arena, int32_t, (size_t)channels);
    for (int i = 0; i < 3; i++) {
        if (!(real[i] > 0 && real[i] < 1))
            return error_input("%s: scales %g + %g -> %g are too far apart", node->name, (double)in,
                               (double)constant, (double)out);
        quantize_multiplier(real[i], &multiplier[i], &shift[i]);
    }
    for (int c = 0; c < channels; c++) {
        const int32_t share = mcu_requantize(node->bias[c] * (1 << LEFT_SHIFT), multiplier[2], shift[2]);
        summands[c] = node->subtract && !node->constant_first ? -share : share;
    }
    if (node->subtract && node->constant_first)
        multiplier[0] = -multiplier[0];
    node->multiplier = multiplier;
    node->shift = shift;
    node->summands = summands;
    return 0;
}

static int finish_single(struct qmodel *qmodel, struct qnode *node, double real)
{
    if (!(real > 0) || !isfinite(real))
        return error_input("%s: the ratio of scales %g cannot be expressed", node->name, real);
    int32_t *multiplier = ARENA_NEW(qmodel->arena, int32_t);
    int8_t *shift = ARENA_NEW(qmodel->arena, int8_t);
    quantize_multiplier(real, multiplier, shift);
    node->multiplier = multiplier;
    node->shift = shift;
    return 0;
}

/* TFLite: reference_ops::QuantizedMeanOrSum makes 1 / (h * w) part of the multiplier: exact to 2^-30 of it,
 * whatever h * w. */
static int finish_mean(struct qmodel *qmodel, struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    if (finish_single(qmodel, node, (double)in->scale / (double)out->scale))
        return EXIT_INPUT;
    int32_t *multiplier = ARENA_NEW(qmodel->arena, int32_t);
    int8_t *shift = ARENA_NEW(qmodel->arena, int8_t);
    const int64_t count = (int64_t)in->h * in->w / ((int64_t)out->h * out->w);
    int fold = 0;
    while (fold < 32 && count >> (fold + 1))
        fold++;
    if (fold > 31 + node->shift[0])
        fold = 31 + node->shift[0];
    *multiplier = (int32_t)(((int64_t)node->multiplier[0] << fold) / count);
    *shift = (int8_t)(node->shift[0] - fold);
    node->multiplier = multiplier;
    node->shift = shift;
    return 0;
}

/* TFLite: PreprocessSoftmaxScaling and CalculateInputRadius with 5 integer bits, beta 1. */
static int finish_softmax(struct qmodel *qmodel, struct qnode *node)
{
    const double scaled = (double)qmodel->tensors[node->inputs[0]].scale * (1 << 26);
    const double real = scaled < 2147483647.0 ? scaled : 2147483647.0;
    if (!(real >= 1))
        return error_input("%s: input scale %g is too small for SOFTMAX", node->name, real / (1 << 26));
    if (finish_single(qmodel, node, real))
        return EXIT_INPUT;
    node->diff_min = -(int)floor(31.0 * (1 << 26) / (double)((int64_t)1 << node->shift[0]));
    return 0;
}

static const int16_t *source_list(const struct qnode *node, int in, int out, struct arena *arena)
{
    int16_t *list = ARENA_ARRAY(arena, int16_t, (size_t)out);
    for (int i = 0; i < out; i++)
        list[i] = (int16_t)resize_source(node->coordinates, node->rounding, i, in, out);
    return list;
}

void qmodel_set_resize(struct qmodel *qmodel, struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    node->rows = source_list(node, in->h, out->h, qmodel->arena);
    node->columns = source_list(node, in->w, out->w, qmodel->arena);
}

static int check_same_scale(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *out = &qmodel->tensors[node->output];
    for (int i = 0; i < node->n_inputs; i++) {
        const struct qtensor *in = &qmodel->tensors[node->inputs[i]];
        if (in->scale != out->scale || in->zero_point != out->zero_point)
            return error_input("%s: %s needs the same scale and zero point of input '%s' and output '%s'",
                               node->name, qop_name(node->op), in->name, out->name);
    }
    return 0;
}

int qnode_finish(struct qmodel *qmodel, struct qnode *node)
{
    const struct qtensor *out = &qmodel->tensors[node->output];
    node->act_min = quantized_bound(node->clip_min, out);
    node->act_max = quantized_bound(node->clip_max, out);
    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_FULLY_CONNECTED:
        return finish_channels(qmodel, node);
    case QOP_ADD:
        return finish_add(qmodel, node);
    case QOP_ADD_CONSTANT:
        return finish_add_constant(qmodel, node);
    case QOP_MUL: /* in double, as TFLite Micro; TFLite's own product of floats may differ in its last bit */
        return finish_single(qmodel, node,
                             (double)qmodel->tensors[node->inputs[0]].scale *
                                 (double)qmodel->tensors[node->inputs[1]].scale / (double)out->scale);
    case QOP_MEAN:
        return finish_mean(qmodel, node);
    case QOP_TABLE:
        if (node->table_source == TABLE_COMPUTED)
            finish_table(qmodel, node);
        return 0;
    case QOP_SOFTMAX:
        if (out->scale != 1.0f / 256 || out->zero_point != -128)
            return error_input("%s: SOFTMAX needs output scale 1/256 and zero point -128", node->name);
        return finish_softmax(qmodel, node);
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
    case QOP_CONCAT:
    case QOP_PAD:
    case QOP_RESIZE_NEAREST:
        return check_same_scale(qmodel, node);
    case QOP_COUNT:
        break;
    }
    die("qnode_finish: operator %d", (int)node->op);
}

int qmodel_finish(struct qmodel *qmodel)
{
    for (int i = 0; i < qmodel->n_tensors; i++) {
        const struct qtensor *tensor = &qmodel->tensors[i];
        if (!(tensor->scale > 0) || !isfinite(tensor->scale))
            return error_input("tensor '%s': scale %g is not positive", tensor->name, (double)tensor->scale);
        if (tensor->zero_point < -128 || tensor->zero_point > 127)
            return error_input("tensor '%s': zero point %d is outside int8", tensor->name,
                               tensor->zero_point);
    }
    for (int i = 0; i < qmodel->n_nodes; i++) {
        int rc = qnode_finish(qmodel, &qmodel->nodes[i]);
        if (rc)
            return rc;
    }
    return 0;
}
