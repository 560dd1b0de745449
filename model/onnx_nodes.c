/* Translators of layers: convolution, pooling, normalisation, matrix products. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/onnx_import.h"
#include "model/transpose.h"

/* ---- sliding windows ---- */

static bool is_2d(struct onnx_import *im, struct import_node *node, int tensor)
{
    const int rank = import_shape(im, tensor)->rank;
    if (!node->rc && rank != 4)
        import_unsupported(im, node, "input of rank %d; only 2-D (rank 4) is supported", rank);
    return !node->rc;
}

/* Two values of an integer list attribute, or the fallback. */
static void pair(struct onnx_import *im, struct import_node *node, const char *name, int *h, int *w)
{
    size_t n;
    const int64_t *list = import_int_list(im, node, name, &n);
    *h = *w = 1;
    if (n == 0)
        return;
    if (n != 2) {
        import_fail(im, node, "attribute '%s' has %zu values, expected 2", name, n);
        return;
    }
    *h = import_ranged(im, node, list[0], 1, SHAPE_MAX_DIM, name);
    *w = import_ranged(im, node, list[1], 1, SHAPE_MAX_DIM, name);
}

/* auto_pad SAME: the output has ceil(in / stride); an odd pixel of padding goes after (upper) or before
 * (lower). */
static void same_padding(int in, int kernel, int stride, int dilation, bool upper, int *before, int *after)
{
    const int64_t out = (in + (int64_t)stride - 1) / stride;
    const int64_t span = (int64_t)(kernel - 1) * dilation + 1;
    int64_t total = (out - 1) * stride + span - in;
    if (total < 0)
        total = 0;
    if (total > SHAPE_MAX_DIM)
        total = SHAPE_MAX_DIM; /* refused by shape inference */
    const int half = (int)(total / 2);
    *before = upper ? half : (int)total - half;
    *after = (int)total - *before;
}

/* Everything but the kernel, which the caller has set. */
static void read_window(struct onnx_import *im, struct import_node *node, int tensor, struct window *w)
{
    size_t n;
    const struct shape *in = import_shape(im, tensor);
    const char *auto_pad = import_string(im, node, "auto_pad", "NOTSET");
    pair(im, node, "strides", &w->stride_h, &w->stride_w);
    pair(im, node, "dilations", &w->dilation_h, &w->dilation_w);
    const int64_t *pads = import_int_list(im, node, "pads", &n);

    if (strcmp(auto_pad, "SAME_UPPER") == 0 || strcmp(auto_pad, "SAME_LOWER") == 0) {
        const bool upper = strcmp(auto_pad, "SAME_UPPER") == 0;
        same_padding(in->dim[1], w->kernel_h, w->stride_h, w->dilation_h, upper, &w->pad_top, &w->pad_bottom);
        same_padding(in->dim[2], w->kernel_w, w->stride_w, w->dilation_w, upper, &w->pad_left, &w->pad_right);
    } else if (strcmp(auto_pad, "NOTSET") == 0 || *auto_pad == '\0') {
        if (n != 0 && n != 4) {
            import_fail(im, node, "attribute 'pads' has %zu values, expected 4", n);
            return;
        }
        int *const sides[] = {&w->pad_top, &w->pad_left, &w->pad_bottom, &w->pad_right};
        for (size_t i = 0; i < n; i++)
            *sides[i] = import_ranged(im, node, pads[i], 0, SHAPE_MAX_DIM, "pads");
    } else if (strcmp(auto_pad, "VALID") != 0) {
        import_fail(im, node, "auto_pad '%s' is not known", auto_pad);
    }
}

int import_conv(struct onnx_import *im, struct import_node *node)
{
    const bool has_bias = import_has_input(node, 2);
    const int in = import_tensor(im, node, 0), weights = import_tensor(im, node, 1);
    const int bias = has_bias ? import_tensor(im, node, 2) : 0;
    if (!is_2d(im, node, in) || !is_2d(im, node, weights))
        return node->rc;
    struct node draft = import_draft(OP_CONV, has_bias ? 3 : 2, (int[]){in, weights, bias});
    draft.group = import_ranged(im, node, import_int(im, node, "group", 1), 1, SHAPE_MAX_ELEMENTS, "group");

    const struct shape *shape = import_shape(im, weights);
    struct window *w = &draft.window;
    w->kernel_h = shape->dim[1];
    w->kernel_w = shape->dim[2];
    size_t n;
    const int64_t *kernel = import_int_list(im, node, "kernel_shape", &n);
    if (n && (n != 2 || kernel[0] != w->kernel_h || kernel[1] != w->kernel_w))
        import_fail(im, node, "kernel_shape does not match the weights");
    read_window(im, node, in, w);
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

/* ceil_mode rounds the number of windows up: the last window reaches past the padding. That is more padding
 * after, unless the window would begin in it, which PyTorch and ONNX Runtime drop. Returns the pixels added.
 */
static int ceil_padding(int in, int before, int after, int kernel, int dilation, int stride)
{
    const int64_t room = (int64_t)in + before + after - ((int64_t)(kernel - 1) * dilation + 1);
    if (room < 0 || room % stride == 0)
        return 0;
    const int64_t out = room / stride + 2;
    if ((out - 1) * stride >= (int64_t)in + before)
        return 0;
    return (int)(stride - room % stride);
}

static int import_pool(struct onnx_import *im, struct import_node *node, enum op op)
{
    const int in = import_tensor(im, node, 0);
    if (!is_2d(im, node, in))
        return node->rc;
    struct node draft = import_draft(op, 1, &in);
    struct window *w = &draft.window;
    if (!import_attribute(node, "kernel_shape"))
        return import_fail(im, node, "attribute 'kernel_shape' is missing");
    if (node->proto->n_output > 1 && node->proto->output[1] && *node->proto->output[1])
        return import_unsupported(im, node, "second output (indices)");
    pair(im, node, "kernel_shape", &w->kernel_h, &w->kernel_w);
    read_window(im, node, in, w);
    draft.count_include_pad = import_int(im, node, "count_include_pad", 0) != 0;

    if (import_int(im, node, "ceil_mode", 0) && !node->rc) {
        const struct shape *shape = import_shape(im, in);
        const int bottom =
            ceil_padding(shape->dim[1], w->pad_top, w->pad_bottom, w->kernel_h, w->dilation_h, w->stride_h);
        const int right =
            ceil_padding(shape->dim[2], w->pad_left, w->pad_right, w->kernel_w, w->dilation_w, w->stride_w);
        /* Pixels past the declared padding are never counted, padding is: one window cannot say both. */
        if ((bottom || right) && draft.count_include_pad && op == OP_AVERAGE_POOL)
            return import_unsupported(im, node, "ceil_mode together with count_include_pad");
        w->pad_bottom += bottom;
        w->pad_right += right;
    }
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

int import_average_pool(struct onnx_import *im, struct import_node *node)
{
    return import_pool(im, node, OP_AVERAGE_POOL);
}

int import_max_pool(struct onnx_import *im, struct import_node *node)
{
    return import_pool(im, node, OP_MAX_POOL);
}

int import_global_average_pool(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    if (is_2d(im, node, in))
        import_bind(im, node, import_unary(im, node, OP_GLOBAL_AVERAGE_POOL, in));
    return node->rc;
}

/* ---- normalisation ---- */

int import_batch_norm(struct onnx_import *im, struct import_node *node)
{
    int inputs[5];
    for (size_t i = 0; i < 5; i++)
        inputs[i] = import_tensor(im, node, i);
    if (import_int(im, node, "training_mode", 0))
        return import_unsupported(im, node, "training_mode; export the network in evaluation mode");
    if (import_int(im, node, "spatial", 1) != 1)
        return import_unsupported(im, node, "spatial = 0");
    if (node->rc)
        return node->rc;
    const int rank = import_shape(im, inputs[0])->rank;
    if (rank == 3 || rank > 4)
        return import_unsupported(im, node, "input of rank %d", rank);
    struct node draft = import_draft(OP_BATCH_NORM, 5, inputs);
    draft.epsilon = import_float(im, node, "epsilon", 1e-5f);
    if (!(draft.epsilon >= 0))
        return import_fail(im, node, "epsilon %g is negative", (double)draft.epsilon);
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

/* ---- matrix products ---- */

static const int SWAPPED[2] = {1, 0};

static int scaled(struct onnx_import *im, struct import_node *node, int tensor, float factor)
{
    if (node->rc || factor == 1.0f)
        return tensor;
    const struct tensor *in = &im->model->tensors[tensor];
    if (!in->constant) {
        float *data = arena_copy(im->arena, &factor, sizeof factor);
        const int constant = import_constant(im, node, "scale", shape_of(0), data);
        return import_binary(im, node, OP_MUL, tensor, constant);
    }
    const int64_t n = shape_elements(&in->shape);
    float *data = ARENA_ARRAY(im->arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        data[i] = in->data[i] * factor;
    return model_add_constant(im->model, in->name, in->shape, data);
}

/* A constant C of Gemm that has one value per output channel (or one at all) as a (oc) bias; -1 when it has
 * more. */
static int gemm_bias(struct onnx_import *im, int tensor, int out_channels)
{
    const struct tensor *in = &im->model->tensors[tensor];
    const int64_t n = shape_elements(&in->shape);
    if (in->shape.rank == 1 && in->shape.dim[0] == out_channels)
        return tensor;
    const int last = in->shape.rank ? in->shape.dim[in->shape.rank - 1] : 1;
    if (!in->constant || n != last || (n != 1 && n != out_channels))
        return -1;
    float *data = ARENA_ARRAY(im->arena, float, (size_t)out_channels);
    for (int i = 0; i < out_channels; i++)
        data[i] = in->data[n == 1 ? 0 : i];
    return model_add_constant(im->model, in->name, shape_of(1, out_channels), data);
}

int import_gemm(struct onnx_import *im, struct import_node *node)
{
    int in = import_tensor(im, node, 0), weights = import_tensor(im, node, 1), addend = -1, bias = -1;
    const float alpha = import_float(im, node, "alpha", 1), beta = import_float(im, node, "beta", 1);
    const bool transpose_in = import_int(im, node, "transA", 0) != 0;
    const bool transpose_weights = import_int(im, node, "transB", 0) != 0;
    if (import_has_input(node, 2))
        addend = import_tensor(im, node, 2);
    if (node->rc)
        return node->rc;
    if (import_shape(im, in)->rank != 2 || import_shape(im, weights)->rank != 2)
        return import_fail(im, node, "inputs of rank %d and %d, expected 2", import_shape(im, in)->rank,
                           import_shape(im, weights)->rank);
    if (transpose_in)
        in = import_transpose(im, node, in, SWAPPED);
    if (!transpose_weights)
        weights = import_transpose(im, node, weights, SWAPPED);
    weights = scaled(im, node, weights, alpha);
    if (node->rc)
        return node->rc;
    if (addend >= 0) {
        if (import_shape(im, addend)->rank > 2)
            return import_fail(im, node, "addend of rank %d", import_shape(im, addend)->rank);
        addend = scaled(im, node, addend, beta);
        bias = gemm_bias(im, addend, import_shape(im, weights)->dim[0]);
    }
    const struct node draft = import_draft(OP_GEMM, bias >= 0 ? 3 : 2, (int[]){in, weights, bias});
    int out = import_emit(im, node, &draft, NULL);
    if (addend >= 0 && bias < 0)
        out = import_binary(im, node, OP_ADD, out, addend);
    import_bind(im, node, out);
    return node->rc;
}

int import_matmul(struct onnx_import *im, struct import_node *node)
{
    int a = import_tensor(im, node, 0), b = import_tensor(im, node, 1), out;
    if (node->rc)
        return node->rc;
    if (import_shape(im, a)->rank < 2 || import_shape(im, b)->rank < 2)
        return import_unsupported(im, node, "input of rank below 2");
    if (import_shape(im, a)->rank == 2 && import_shape(im, b)->rank == 2 && im->model->tensors[b].constant) {
        b = import_transpose(im, node, b, SWAPPED);
        out = import_binary(im, node, OP_GEMM, a, b);
    } else {
        a = import_to_onnx_order(im, node, a);
        b = import_to_onnx_order(im, node, b);
        out = import_binary(im, node, OP_MATMUL, a, b);
        out = import_from_onnx_order(im, node, out);
    }
    import_bind(im, node, out);
    return node->rc;
}
