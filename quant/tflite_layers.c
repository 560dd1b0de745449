/*
 * tflite_layers.c - operators with weights or windows, from a TFLite file to the int8 graph. Weights stay
 * where they are in the file: (oc, kh, kw, ic), (1, kh, kw, oc) and (oc, inputs) are the engine's own orders.
 */
#include "quant/tflite_import.h"

/* One scale per output channel, all symmetric; NULL after a problem. */
static float *weight_scales(struct tflite_import *im, const struct tflite_tensor *weights, int dimension,
                            int out_c)
{
    const size_t n = weights->scale.n;
    if (n != 1 && (n != (size_t)out_c || weights->quantized_dimension != dimension)) {
        tflite_problem(&im->walk, "weights need one scale, or one per output channel");
        return NULL;
    }
    float *scales = ARENA_ARRAY(im->arena, float, (size_t)out_c);
    for (int c = 0; c < out_c; c++) {
        scales[c] = tflite_scale(weights, n > 1 ? (size_t)c : 0);
        if (tflite_zero_point(weights, n > 1 ? (size_t)c : 0) != 0) {
            tflite_problem(&im->walk,
                           "weights with a zero point; int8 weights are symmetric in TFLite's specification");
            return NULL;
        }
    }
    return scales;
}

/*
 * Some converters folded batch normalization with a negative factor into a negative scale. TFLite's
 * arithmetic depends on the product of accumulator and multiplier only, so the channel with its sign turned
 * gives the same answers.
 */
static bool turn_signs(struct tflite_import *im, struct qnode *node, float *scales, int32_t *bias, int out_c)
{
    const int64_t depth = node->n_weights / out_c;
    int8_t *copy = NULL;
    for (int c = 0; c < out_c; c++) {
        if (!(scales[c] < 0))
            continue;
        if (!copy)
            node->weights = copy = arena_copy(im->arena, node->weights, (size_t)node->n_weights);
        bool fits = bias[c] > INT32_MIN;
        for (int64_t i = 0; i < depth; i++) {
            int8_t *w = &copy[node->op == QOP_DEPTHWISE ? i * out_c + c : c * depth + i];
            fits = fits && *w > INT8_MIN;
            *w = (int8_t) - *w;
        }
        if (!fits) {
            tflite_problem(&im->walk,
                           "a negative weight scale with weights of -128; convert the network again");
            return false;
        }
        bias[c] = -bias[c];
        scales[c] = -scales[c];
    }
    return true;
}

/* Sets weights, scales and bias; false after a problem. */
static bool set_constants(struct tflite_import *im, const struct tflite_operator *op, struct qnode *node,
                          int dimension)
{
    const struct tflite_tensor *weights = tflite_operand(&im->walk, op, 1),
                               *bias = tflite_operand(&im->walk, op, 2);
    const int out_c = im->qmodel->tensors[node->output].c;
    node->weights = (const int8_t *)weights->data;
    node->n_weights = shape_elements(&weights->shape);
    float *scales = weight_scales(im, weights, dimension, out_c);
    if (!scales)
        return false;
    node->weight_scale = scales;
    int32_t *values = ARENA_ARRAY(im->arena, int32_t, (size_t)out_c);
    node->bias = values;
    if (bias && (!bias->data || bias->type != TFLITE_INT32)) {
        tflite_problem(&im->walk, "the bias must be a constant of int32");
        return false;
    }
    if (bias && shape_elements(&bias->shape) != out_c) {
        tflite_contradiction(&im->walk, "the bias does not have one value per output channel");
        return false;
    }
    for (int c = 0; bias && c < out_c; c++)
        values[c] = (int32_t)tflite_int(bias, (size_t)c);
    return turn_signs(im, node, scales, values, out_c);
}

static const struct tflite_tensor *constant_weights(struct tflite_import *im,
                                                    const struct tflite_operator *op, int rank)
{
    const struct tflite_tensor *weights = tflite_operand(&im->walk, op, 1);
    if (!weights || !weights->data || weights->type != TFLITE_INT8 || weights->shape.rank != rank ||
        weights->scale.n == 0) {
        tflite_problem(&im->walk,
                       "weights must be constants of int8; convert with full-integer quantization");
        return NULL;
    }
    return weights;
}

static bool window_fits_engine(struct tflite_import *im, const struct window *w)
{
    const bool fits = w->kernel_h <= 255 && w->kernel_w <= 255 && w->stride_h <= 255 && w->stride_w <= 255 &&
                      w->dilation_h <= 255 && w->dilation_w <= 255 && w->pad_top <= 127 && w->pad_left <= 127;
    if (!fits)
        tflite_problem(&im->walk, "window too large: kernel, stride, dilation up to 255, padding up to 127");
    return fits;
}

/* The window over the map as it is stored, folded padding included. VALID windows that end early need less
 * padding than the PAD before them gave. */
static bool set_window(struct tflite_import *im, const struct tflite_operator *op, struct window *window)
{
    const struct tflite_view *view = &im->views[op->inputs[0]];
    const struct tflite_tensor *in = tflite_operand(&im->walk, op, 0),
                               *out = &im->file->tensors[op->outputs[0]];
    int in_h, in_w, out_h, out_w, c;
    if (!tflite_import_as_map(&in->shape, &in_h, &in_w, &c) ||
        !tflite_import_as_map(&out->shape, &out_h, &out_w, &c) ||
        !tflite_window(window, op, in_h, in_w, out_h, out_w)) {
        tflite_contradiction(&im->walk, "input, window and output sizes do not agree");
        return false;
    }
    const struct qtensor *q = &im->qmodel->tensors[view->qtensor];
    window->pad_top += view->pad_top;
    window->pad_left += view->pad_left;
    const int end_h = (out_h - 1) * window->stride_h + (window->kernel_h - 1) * window->dilation_h + 1 -
                      window->pad_top - q->h;
    const int end_w = (out_w - 1) * window->stride_w + (window->kernel_w - 1) * window->dilation_w + 1 -
                      window->pad_left - q->w;
    window->pad_bottom = end_h > 0 ? end_h : 0;
    window->pad_right = end_w > 0 ? end_w : 0;
    return window_fits_engine(im, window);
}

void tflite_import_conv(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const bool depthwise = op->code == TFLITE_DEPTHWISE_CONV_2D;
    const int in = tflite_import_map(im, op, 0, true);
    const struct tflite_tensor *weights = in >= 0 ? constant_weights(im, op, 4) : NULL;
    const int out = weights ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const int in_c = im->qmodel->tensors[in].c, out_c = im->qmodel->tensors[out].c;
    const int *dim = weights->shape.dim;
    if (depthwise ? dim[0] != 1 || dim[3] != out_c || out_c % in_c != 0 : dim[0] != out_c) {
        tflite_contradiction(&im->walk, "weights and output channels do not agree");
        return;
    }
    if (!depthwise && dim[3] != in_c) {
        tflite_problem(&im->walk,
                       "grouped convolution; split it into one convolution per group and a CONCATENATION");
        return;
    }
    struct window window = {.kernel_h = dim[1], .kernel_w = dim[2]};
    if (!set_window(im, op, &window))
        return;
    struct qnode *node = tflite_import_node(im, op, depthwise ? QOP_DEPTHWISE : QOP_CONV, &in, 1, out);
    if (node) {
        node->window = window;
        set_constants(im, op, node, depthwise ? 3 : 0);
    }
}

/* Any view of the map will do, as long as its bytes are in order. */
static int flat_input(struct tflite_import *im, const struct tflite_operator *op)
{
    const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, 0);
    const struct tflite_view *view = tensor ? &im->views[op->inputs[0]] : NULL;
    if (!view || view->qtensor < 0)
        return tflite_import_map(im, op, 0, false); /* says why */
    enum tflite_axis last = AXIS_N;
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (tensor->shape.dim[i] == 1)
            continue;
        if (view->axis[i] < last) {
            tflite_problem(&im->walk, "reads a transposed feature map; keep (n, h, w, c)");
            return -1;
        }
        last = view->axis[i];
    }
    return view->qtensor;
}

void tflite_import_fully_connected(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const int in = flat_input(im, op);
    const struct tflite_tensor *weights = in >= 0 ? constant_weights(im, op, 2) : NULL;
    const int out = weights ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const struct qtensor *q = &im->qmodel->tensors[out];
    if (q->h != 1 || q->w != 1 || qtensor_bytes(&im->qmodel->tensors[in]) != weights->shape.dim[1] ||
        op->weights_format) {
        tflite_problem(&im->walk, "only a single row (1, k) can be multiplied, by plain weights");
        return;
    }
    if (q->c != weights->shape.dim[0]) {
        tflite_contradiction(&im->walk, "weights and output channels do not agree");
        return;
    }
    struct qnode *node = tflite_import_node(im, op, QOP_FULLY_CONNECTED, &in, 1, out);
    if (node)
        set_constants(im, op, node, 0);
}

void tflite_import_pool(void *context, const struct tflite_operator *op)
{
    struct tflite_import *im = context;
    const int in = tflite_import_map(im, op, 0, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    struct window window = {.kernel_h = op->kernel_h, .kernel_w = op->kernel_w};
    struct tflite_operator plain = *op;
    plain.dilation_h = plain.dilation_w = 1;
    if (im->qmodel->tensors[in].c != im->qmodel->tensors[out].c) {
        tflite_contradiction(&im->walk, "input and output differ in channels");
        return;
    }
    if (!set_window(im, &plain, &window))
        return;
    const struct qtensor *a = &im->qmodel->tensors[in], *b = &im->qmodel->tensors[out];
    if (a->scale != b->scale || a->zero_point != b->zero_point) {
        tflite_problem(&im->walk, "pooling with another output scale; TFLite's pools keep the scale");
        return;
    }
    struct qnode *node = tflite_import_node(
        im, op, op->code == TFLITE_MAX_POOL_2D ? QOP_MAX_POOL : QOP_AVERAGE_POOL, &in, 1, out);
    if (node)
        node->window = window;
}

/* A constant per channel of int8 with one scale, beside a map that stays as large as it is. Map and output
 * are qtensors; false: a problem. */
static bool per_channel(struct tflite_import *im, const struct tflite_tensor *constant, int in, int out)
{
    const struct qtensor *a = &im->qmodel->tensors[in], *b = &im->qmodel->tensors[out];
    const int64_t n = shape_elements(&constant->shape);
    const int rank = constant->shape.rank, c = rank ? constant->shape.dim[rank - 1] : 0;
    if (a->h == b->h && a->w == b->w && a->c == b->c && n == c && c == b->c &&
        constant->type == TFLITE_INT8 && constant->scale.n == 1)
        return true;
    tflite_problem(&im->walk, "a constant operand must be int8: one number, or one per channel");
    return false;
}

void tflite_import_channel_summands(struct tflite_import *im, const struct tflite_operator *op, int map)
{
    const struct tflite_tensor *constant = tflite_operand(&im->walk, op, 1 - map);
    const int in = tflite_import_map(im, op, map, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0 || !per_channel(im, constant, in, out))
        return;
    const int64_t n = shape_elements(&constant->shape), zero_point = tflite_zero_point(constant, 0);
    if (!(tflite_scale(constant, 0) > 0) || zero_point < -128 || zero_point > 127) {
        tflite_contradiction(&im->walk, "the scale of the constant is not usable");
        return;
    }
    struct qnode *node = tflite_import_node(im, op, QOP_ADD_CONSTANT, &in, 1, out);
    if (!node)
        return;
    int32_t *constants = ARENA_ARRAY(im->arena, int32_t, (size_t)n);
    float *scale = ARENA_NEW(im->arena, float);
    for (int64_t i = 0; i < n; i++)
        constants[i] = (int32_t)(tflite_int(constant, (size_t)i) - zero_point);
    *scale = tflite_scale(constant, 0);
    node->bias = constants;
    node->weight_scale = scale;
    node->subtract = op->code == TFLITE_SUB;
    node->constant_first = map == 1;
}

void tflite_import_channel_factors(struct tflite_import *im, const struct tflite_operator *op, int map)
{
    const struct tflite_tensor *factors = tflite_operand(&im->walk, op, 1 - map);
    const int in = tflite_import_map(im, op, map, false), out = in >= 0 ? tflite_import_output(im, op) : -1;
    if (out < 0)
        return;
    const int64_t n = shape_elements(&factors->shape);
    if (!per_channel(im, factors, in, out))
        return;
    int8_t *weights = arena_alloc(im->arena, (size_t)n);
    float *scales = ARENA_ARRAY(im->arena, float, (size_t)n);
    const int64_t zero_point = tflite_zero_point(factors, 0);
    for (int64_t i = 0; i < n; i++) {
        const int64_t weight = tflite_int(factors, (size_t)i) - zero_point;
        if (weight < -128 || weight > 127) {
            tflite_problem(&im->walk, "a constant factor with a zero point; quantize it symmetrically");
            return;
        }
        weights[i] = (int8_t)weight;
        scales[i] = tflite_scale(factors, 0);
    }
    struct qnode *node = tflite_import_node(im, op, QOP_DEPTHWISE, &in, 1, out);
    if (!node)
        return;
    node->window = (struct window){1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    node->weights = weights;
    node->n_weights = n;
    node->weight_scale = scales;
    node->bias = ARENA_ARRAY(im->arena, int32_t, (size_t)n);
}
