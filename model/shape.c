#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "model/model.h"

/* "layer 'name' (Conv): <why>" */
static int fail(const struct node *node, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int fail(const struct node *node, const char *fmt, ...)
{
    char why[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return error_input("layer '%s' (%s): %s", node->name, op_name(node->op), why);
}

static int need_rank(const struct model *model, const struct node *node, int input, int rank)
{
    const struct shape *shape = &model->tensors[node->inputs[input]].shape;
    if (shape->rank != rank)
        return fail(node, "input %d has shape %s, expected rank %d", input, shape_text(shape, model->arena),
                    rank);
    return 0;
}

static int need_vector(const struct model *model, const struct node *node, int input, int length)
{
    const struct shape *shape = &model->tensors[node->inputs[input]].shape;
    if (shape->rank != 1 || shape->dim[0] != length)
        return fail(node, "input %d has shape %s, expected (%d)", input, shape_text(shape, model->arena),
                    length);
    return 0;
}

/* Sizes reach here from files: everything in 64 bits, every field at most SHAPE_MAX_DIM (checked by
 * check_window). */
static int window_extent(const struct node *node, int in, int before, int after, int kernel, int dilation,
                         int stride, int *out)
{
    const int64_t span = (int64_t)(kernel - 1) * dilation + 1;
    const int64_t padded = (int64_t)in + before + after;
    if (padded < span)
        return fail(node, "window of %lld does not fit the padded input of %lld", (long long)span,
                    (long long)padded);
    *out = (int)((padded - span) / stride + 1);
    return 0;
}

static int check_window(const struct node *node)
{
    const struct window *w = &node->window;
    const int positive[] = {w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w};
    const int padding[] = {w->pad_top, w->pad_left, w->pad_bottom, w->pad_right};
    for (int i = 0; i < 6; i++)
        if (positive[i] < 1 || positive[i] > SHAPE_MAX_DIM)
            return fail(node, "kernel, stride or dilation %d out of range", positive[i]);
    for (int i = 0; i < 4; i++)
        if (padding[i] < 0 || padding[i] > SHAPE_MAX_DIM)
            return fail(node, "padding %d out of range", padding[i]);
    return 0;
}

static int infer_window(const struct model *model, const struct node *node, int channels, struct shape *out)
{
    const struct window *w = &node->window;
    int rc = need_rank(model, node, 0, 4);
    if (!rc)
        rc = check_window(node);
    if (rc)
        return rc;
    const struct shape *in = &model->tensors[node->inputs[0]].shape;
    *out = shape_of(4, in->dim[0], 0, 0, channels);
    rc = window_extent(node, in->dim[1], w->pad_top, w->pad_bottom, w->kernel_h, w->dilation_h, w->stride_h,
                       &out->dim[1]);
    if (!rc)
        rc = window_extent(node, in->dim[2], w->pad_left, w->pad_right, w->kernel_w, w->dilation_w,
                           w->stride_w, &out->dim[2]);
    return rc;
}

static int infer_conv(const struct model *model, struct node *node, struct shape *out)
{
    int rc = need_rank(model, node, 0, 4);
    if (!rc)
        rc = need_rank(model, node, 1, 4);
    if (rc)
        return rc;
    const struct shape *in = &model->tensors[node->inputs[0]].shape;
    const struct shape *weights = &model->tensors[node->inputs[1]].shape;
    const int channels = in->dim[3], out_channels = weights->dim[0];
    if (node->group < 1 || channels % node->group || out_channels % node->group)
        return fail(node, "group %d does not divide %d input and %d output channels", node->group, channels,
                    out_channels);
    if (weights->dim[3] != channels / node->group)
        return fail(node, "weights %s do not match input %s with group %d", shape_text(weights, model->arena),
                    shape_text(in, model->arena), node->group);
    node->window.kernel_h = weights->dim[1];
    node->window.kernel_w = weights->dim[2];
    if (node->n_inputs == 3 && (rc = need_vector(model, node, 2, out_channels)))
        return rc;
    return infer_window(model, node, out_channels, out);
}

static int infer_batch_norm(const struct model *model, const struct node *node, struct shape *out)
{
    *out = model->tensors[node->inputs[0]].shape;
    if (out->rank < 2)
        return fail(node, "input has shape %s", shape_text(out, model->arena));
    for (int i = 1; i < 5; i++) {
        const int rc = need_vector(model, node, i, out->dim[out->rank - 1]);
        if (rc)
            return rc;
    }
    return 0;
}

/* numpy broadcasting of the leading axes (all but the last `kept`) of inputs 0 and 1 into out's leading axes.
 */
static int broadcast(const struct model *model, const struct node *node, int kept, struct shape *out)
{
    const struct shape *a = &model->tensors[node->inputs[0]].shape,
                       *b = &model->tensors[node->inputs[1]].shape;
    out->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < out->rank - kept; i++) {
        const int ia = i - (out->rank - a->rank), ib = i - (out->rank - b->rank);
        const int da = ia < 0 ? 1 : a->dim[ia], db = ib < 0 ? 1 : b->dim[ib];
        if (da != db && da != 1 && db != 1)
            return fail(node, "shapes %s and %s do not broadcast", shape_text(a, model->arena),
                        shape_text(b, model->arena));
        out->dim[i] = da == 1 ? db : da;
    }
    return 0;
}

static int infer_gemm(const struct model *model, const struct node *node, struct shape *out)
{
    int rc = need_rank(model, node, 0, 2);
    if (!rc)
        rc = need_rank(model, node, 1, 2);
    if (rc)
        return rc;
    const struct shape *in = &model->tensors[node->inputs[0]].shape;
    const struct shape *weights = &model->tensors[node->inputs[1]].shape;
    if (in->dim[1] != weights->dim[1])
        return fail(node, "input %s does not match weights %s", shape_text(in, model->arena),
                    shape_text(weights, model->arena));
    *out = shape_of(2, in->dim[0], weights->dim[0]);
    return node->n_inputs == 3 ? need_vector(model, node, 2, weights->dim[0]) : 0;
}

static int infer_matmul(const struct model *model, const struct node *node, struct shape *out)
{
    const struct shape *a = &model->tensors[node->inputs[0]].shape,
                       *b = &model->tensors[node->inputs[1]].shape;
    if (a->rank < 2 || b->rank < 2 || a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return fail(node, "shapes %s and %s do not multiply", shape_text(a, model->arena),
                    shape_text(b, model->arena));
    const int rc = broadcast(model, node, 2, out);
    if (rc)
        return rc;
    out->dim[out->rank - 2] = a->dim[a->rank - 2];
    out->dim[out->rank - 1] = b->dim[b->rank - 1];
    return 0;
}

static int infer_reduce_mean(const struct node *node, const struct shape *in, struct shape *out)
{
    bool reduced[MODEL_MAX_RANK] = {0};
    if (node->n_axes < 0 || node->n_axes > in->rank)
        return fail(node, "%d axes over rank %d", node->n_axes, in->rank);
    for (int i = 0; i < node->n_axes; i++) {
        if (node->axes[i] < 0 || node->axes[i] >= in->rank || reduced[node->axes[i]])
            return fail(node, "axis %d of rank %d", node->axes[i], in->rank);
        reduced[node->axes[i]] = true;
    }
    out->rank = 0;
    for (int i = 0; i < in->rank; i++)
        if (!reduced[i] || node->keep_dims)
            out->dim[out->rank++] = reduced[i] ? 1 : in->dim[i];
    return 0;
}

static int infer_flatten(const struct node *node, const struct shape *in, struct shape *out)
{
    if (node->axis < 0 || node->axis > in->rank)
        return fail(node, "axis %d of rank %d", node->axis, in->rank);
    *out = shape_of(2, 1, 1);
    for (int i = 0; i < in->rank; i++)
        out->dim[i >= node->axis] *= in->dim[i]; /* no overflow: in's elements are bounded */
    return 0;
}

static int infer_transpose(const struct node *node, const struct shape *in, struct shape *out)
{
    bool seen[MODEL_MAX_RANK] = {0};
    out->rank = in->rank;
    for (int i = 0; i < in->rank; i++) {
        const int axis = node->permutation[i];
        if (axis < 0 || axis >= in->rank || seen[axis])
            return fail(node, "axis %d twice or out of rank %d", axis, in->rank);
        seen[axis] = true;
        out->dim[i] = in->dim[axis];
    }
    return 0;
}

static int infer_pad(const struct node *node, const struct shape *in, struct shape *out)
{
    out->rank = in->rank;
    for (int i = 0; i < in->rank; i++) {
        const int before = node->pads[i], after = node->pads[in->rank + i];
        if (before < 0 || after < 0 || before > SHAPE_MAX_DIM || after > SHAPE_MAX_DIM)
            return fail(node, "padding (%d, %d) out of range", before, after);
        out->dim[i] = in->dim[i] + before + after;
    }
    return 0;
}

static int infer_concat(const struct model *model, const struct node *node, struct shape *out)
{
    *out = model->tensors[node->inputs[0]].shape;
    if (node->axis < 0 || node->axis >= out->rank)
        return fail(node, "axis %d of rank %d", node->axis, out->rank);
    int64_t length = out->dim[node->axis];
    for (int i = 1; i < node->n_inputs; i++) {
        const struct shape *in = &model->tensors[node->inputs[i]].shape;
        bool fits = in->rank == out->rank;
        for (int axis = 0; fits && axis < out->rank; axis++)
            fits = axis == node->axis || in->dim[axis] == out->dim[axis];
        if (!fits)
            return fail(node, "input %d has shape %s beside %s", i, shape_text(in, model->arena),
                        shape_text(out, model->arena));
        length += in->dim[node->axis];
    }
    if (length > SHAPE_MAX_ELEMENTS)
        return fail(node, "output has %lld rows", (long long)length);
    out->dim[node->axis] = (int)length;
    return 0;
}

/* The output of these has the input's shape. */
static int infer_same(const struct node *node, const struct shape *in, struct shape *out)
{
    *out = *in;
    if (node->op == OP_SOFTMAX && (node->axis < 0 || node->axis >= in->rank))
        return fail(node, "axis %d of rank %d", node->axis, in->rank);
    return 0;
}

static int infer_reshape(const struct model *model, const struct node *node, const struct shape *in,
                         struct shape *out)
{
    *out = model->tensors[node->output].shape;
    if (shape_elements(out) != shape_elements(in))
        return fail(node, "%s does not reshape to %s", shape_text(in, model->arena),
                    shape_text(out, model->arena));
    return 0;
}

static int infer_resize(const struct model *model, const struct node *node, const struct shape *in,
                        struct shape *out)
{
    *out = model->tensors[node->output].shape;
    if (in->rank != 4 || out->rank != 4 || out->dim[0] != in->dim[0] || out->dim[3] != in->dim[3])
        return fail(node, "%s does not resize to %s: only rows and columns of a feature map do",
                    shape_text(in, model->arena), shape_text(out, model->arena));
    return 0;
}

static int infer_output(const struct model *model, struct node *node, struct shape *out)
{
    const struct shape *in = &model->tensors[node->inputs[0]].shape;
    int rc;
    switch (node->op) {
    case OP_CONV:
        return infer_conv(model, node, out);
    case OP_BATCH_NORM:
        return infer_batch_norm(model, node, out);
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        return broadcast(model, node, 0, out);
    case OP_GEMM:
        return infer_gemm(model, node, out);
    case OP_MATMUL:
        return infer_matmul(model, node, out);
    case OP_GLOBAL_AVERAGE_POOL:
        rc = need_rank(model, node, 0, 4);
        *out = shape_of(4, in->dim[0], 1, 1, in->dim[3]);
        return rc;
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
        return infer_window(model, node, in->dim[3], out);
    case OP_REDUCE_MEAN:
        return infer_reduce_mean(node, in, out);
    case OP_FLATTEN:
        return infer_flatten(node, in, out);
    case OP_RESHAPE:
        return infer_reshape(model, node, in, out);
    case OP_TRANSPOSE:
        return infer_transpose(node, in, out);
    case OP_PAD:
        return infer_pad(node, in, out);
    case OP_RESIZE:
        return infer_resize(model, node, in, out);
    case OP_CONCAT:
        return infer_concat(model, node, out);
    case OP_CLIP:
    case OP_HARD_SWISH:
    case OP_HARD_SIGMOID:
    case OP_SIGMOID:
    case OP_TANH:
    case OP_SOFTMAX:
    case OP_IDENTITY:
        return infer_same(node, in, out);
    case OP_COUNT:
        break;
    }
    die("layer '%s': op %d", node->name, (int)node->op);
}

int shape_check(const struct shape *shape)
{
    int64_t n = 1;
    if (shape->rank < 0 || shape->rank > MODEL_MAX_RANK)
        return -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > SHAPE_MAX_ELEMENTS)
            return -1;
        n *= shape->dim[i];
        if (n > SHAPE_MAX_ELEMENTS)
            return -1;
    }
    return 0;
}

int shape_infer_node(struct model *model, int index)
{
    static const struct {
        int min, max;
    } arity[OP_COUNT] = {
#define OP(id, name, min, max) [OP_##id] = {min, max},
#include "model/ops.inc"
#undef OP
    };
    struct node *node = &model->nodes[index];
    if (node->n_inputs < arity[node->op].min || node->n_inputs > arity[node->op].max)
        return fail(node, "%d inputs, expected %d to %d", node->n_inputs, arity[node->op].min,
                    arity[node->op].max);
    for (int i = 0; i < node->n_inputs; i++) {
        const struct tensor *in = &model->tensors[node->inputs[i]];
        if (shape_check(&in->shape))
            return fail(node, "input %d ('%s') has shape %s", i, in->name,
                        shape_text(&in->shape, model->arena));
        if (in->producer >= index)
            return fail(node, "reads '%s' before it is written", in->name);
    }
    struct shape out = {0};
    const int rc = infer_output(model, node, &out);
    if (rc)
        return rc;
    if (shape_check(&out))
        return fail(node, "output shape %s is too large", shape_text(&out, model->arena));
    model->tensors[node->output].shape = out;
    return 0;
}

int shape_infer(struct model *model)
{
    for (int i = 0; i < model->n_nodes; i++) {
        const int rc = shape_infer_node(model, i);
        if (rc)
            return rc;
    }
    return 0;
}
