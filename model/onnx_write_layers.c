#include "model/onnx_writer.h"

#include <math.h>

#include "model/onnx_resize.h"
#include "model/transpose.h"

static const char *transposed(struct onnx_writer *w, const struct node *node, const char *value, int rank,
                              const int *permutation, const char *output)
{
    const char *name =
        onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s/Transpose", node->name));
    const char *to =
        output ? output : onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s:out", name));
    onnx_set_ints(&w->builder, onnx_add_node(&w->builder, "Transpose", name, &value, 1, to), "perm", rank,
                  permutation);
    return to;
}

static const char *reshaped(struct onnx_writer *w, const struct node *node, const char *value,
                            const struct shape *shape, const char *output)
{
    const char *name =
        onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s/Reshape", node->name));
    const char *to =
        output ? output : onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s:out", name));
    int64_t dims[MODEL_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    const char *target =
        onnx_add_ints(&w->builder, arena_printf(w->builder.arena, "%s/shape", node->name), shape->rank, dims);
    onnx_add_node(&w->builder, "Reshape", name, (const char *[]){value, target}, 2, to);
    return to;
}

static const struct shape *shape_at(const struct onnx_writer *w, const struct node *node, int input)
{
    return &w->model->tensors[node->inputs[input]].shape;
}

static const char *value_at(const struct onnx_writer *w, const struct node *node, int input)
{
    return w->values[node->inputs[input]];
}

/* Whether ONNX order and stored order are the same sequence of elements. */
static bool same_order(const struct shape *stored)
{
    return stored->rank != 4 || transpose_moves_nothing(stored, NHWC_TO_NCHW);
}

/* An input as a value whose dims are the stored ones; skip_still: only the sequence of elements matters. */
static const char *stored_input(struct onnx_writer *w, const struct node *node, int input, bool skip_still)
{
    const struct shape *shape = shape_at(w, node, input);
    if (shape->rank != 4 || (skip_still && same_order(shape)))
        return value_at(w, node, input);
    return transposed(w, node, value_at(w, node, input), 4, NCHW_TO_NHWC, NULL);
}

static void write_window(struct onnx_writer *w, const struct node *node, Onnx__NodeProto *proto)
{
    const struct window *window = &node->window;
    onnx_set_ints(&w->builder, proto, "kernel_shape", 2, (int[]){window->kernel_h, window->kernel_w});
    onnx_set_ints(&w->builder, proto, "strides", 2, (int[]){window->stride_h, window->stride_w});
    onnx_set_ints(&w->builder, proto, "pads", 4,
                  (int[]){window->pad_top, window->pad_left, window->pad_bottom, window->pad_right});
    if (node->op == OP_CONV || window->dilation_h != 1 || window->dilation_w != 1)
        onnx_set_ints(&w->builder, proto, "dilations", 2, (int[]){window->dilation_h, window->dilation_w});
}

static const char *scalar(struct onnx_writer *w, const struct node *node, const char *what, float value)
{
    const struct shape shape = shape_of(0);
    return onnx_add_floats(&w->builder, arena_printf(w->builder.arena, "%s/%s", node->name, what), &shape,
                           &value);
}

/* HardSwish came with opset 14; HardSigmoid and Mul say the same before. */
static void write_activation(struct onnx_writer *w, const struct node *node, enum activation act,
                             const char *name, const char *in, const char *out)
{
    Onnx__NodeProto *proto;
    switch (act) {
    case ACT_NONE:
    case ACT_LINEAR: /* only of int8 graphs */
        break;
    case ACT_CLIP:
        if (node->act_min == 0 && isinf(node->act_max)) {
            onnx_add_node(&w->builder, "Relu", name, &in, 1, out);
        } else {
            const char *inputs[3] = {in, "", ""};
            if (!isinf(node->act_min))
                inputs[1] = scalar(w, node, "min", node->act_min);
            if (!isinf(node->act_max))
                inputs[2] = scalar(w, node, "max", node->act_max);
            onnx_add_node(&w->builder, "Clip", name, inputs,
                          isinf(node->act_max) ? isinf(node->act_min) ? 1 : 2 : 3, out);
        }
        break;
    case ACT_HARD_SWISH: {
        const char *gate = onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s/gate", name));
        proto = onnx_add_node(&w->builder, "HardSigmoid", gate, &in, 1, gate);
        onnx_set_float(&w->builder, proto, "alpha", 1.0f / 6);
        onnx_set_float(&w->builder, proto, "beta", 0.5f);
        onnx_add_node(&w->builder, "Mul", name, (const char *[]){in, gate}, 2, out);
        break;
    }
    case ACT_HARD_SIGMOID:
        proto = onnx_add_node(&w->builder, "HardSigmoid", name, &in, 1, out);
        onnx_set_float(&w->builder, proto, "alpha", node->alpha);
        onnx_set_float(&w->builder, proto, "beta", node->beta);
        break;
    case ACT_SIGMOID:
        onnx_add_node(&w->builder, "Sigmoid", name, &in, 1, out);
        break;
    case ACT_TANH:
        onnx_add_node(&w->builder, "Tanh", name, &in, 1, out);
        break;
    }
}

/* An operand beside a rank-4 result, as rank 4 in ONNX order: of lower rank it lines up with the stored axes.
 */
static const char *operand(struct onnx_writer *w, const struct node *node, int input)
{
    const struct shape *shape = shape_at(w, node, input);
    const struct shape *out = &w->model->tensors[node->output].shape;
    if (out->rank > 4)
        return stored_input(w, node, input, false);
    if (out->rank < 4 || shape->rank == 4 || shape_elements(shape) == 1)
        return value_at(w, node, input);
    struct shape raised = shape_of(4, 1, 1, 1, 1);
    for (int i = 0; i < shape->rank; i++)
        raised.dim[4 - shape->rank + i] = shape->dim[i];
    const char *value = reshaped(w, node, value_at(w, node, input), &raised, NULL);
    return transposed(w, node, value, 4, NHWC_TO_NCHW, NULL);
}

/* Reshape, Flatten and MatMul: computed in stored order, brought back where the result is a feature map. */
static void write_reshape(struct onnx_writer *w, const struct node *node, const char *out)
{
    const struct shape *shape = &w->model->tensors[node->output].shape;
    const char *in = stored_input(w, node, 0, true);
    if (node->op == OP_FLATTEN && node->axis == 1) {
        onnx_set_int(&w->builder, onnx_add_node(&w->builder, "Flatten", node->name, &in, 1, out), "axis", 1);
    } else if (same_order(shape)) {
        const struct shape target = onnx_shape_of(shape);
        reshaped(w, node, in, &target, out);
    } else {
        transposed(w, node, reshaped(w, node, in, shape, NULL), 4, NHWC_TO_NCHW, out);
    }
}

static void write_matmul(struct onnx_writer *w, const struct node *node, const char *out)
{
    const bool map = w->model->tensors[node->output].shape.rank == 4;
    const char *inputs[2] = {stored_input(w, node, 0, false), stored_input(w, node, 1, false)};
    const char *product =
        map ? onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s:stored", node->name)) : out;
    onnx_add_node(&w->builder, "MatMul", node->name, inputs, 2, product);
    if (map)
        transposed(w, node, product, 4, NHWC_TO_NCHW, out);
}

/* With kept axes the result is in place; without, what is left must be in stored order. */
static void write_reduce_mean(struct onnx_writer *w, const struct node *node, const char *out)
{
    const int rank = shape_at(w, node, 0)->rank;
    const bool map = w->model->tensors[node->output].shape.rank == 4 && rank != 4;
    const char *in = node->keep_dims ? value_at(w, node, 0) : stored_input(w, node, 0, false);
    const char *mean =
        map ? onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s:stored", node->name)) : out;
    int axes[MODEL_MAX_RANK];
    for (int i = 0; i < node->n_axes; i++)
        axes[i] = node->keep_dims ? onnx_axis_of(node->axes[i], rank) : node->axes[i];
    Onnx__NodeProto *proto = onnx_add_node(&w->builder, "ReduceMean", node->name, &in, 1, mean);
    onnx_set_ints(&w->builder, proto, "axes", node->n_axes, axes);
    onnx_set_int(&w->builder, proto, "keepdims", node->keep_dims);
    if (map)
        transposed(w, node, mean, 4, NHWC_TO_NCHW, out);
}

static void write_transpose(struct onnx_writer *w, const struct node *node, const char *out)
{
    const int rank = shape_at(w, node, 0)->rank;
    const char *in = value_at(w, node, 0);
    int permutation[MODEL_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        const int stored = rank == 4 ? NHWC_TO_NCHW[i] : i;
        permutation[i] = onnx_axis_of(node->permutation[stored], rank);
    }
    onnx_set_ints(&w->builder, onnx_add_node(&w->builder, "Transpose", node->name, &in, 1, out), "perm", rank,
                  permutation);
}

static void write_pad(struct onnx_writer *w, const struct node *node, const char *out)
{
    const int rank = shape_at(w, node, 0)->rank;
    int64_t pads[2 * MODEL_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        pads[onnx_axis_of(i, rank)] = node->pads[i];
        pads[rank + onnx_axis_of(i, rank)] = node->pads[rank + i];
    }
    const char *inputs[3] = {
        value_at(w, node, 0),
        onnx_add_ints(&w->builder, arena_printf(w->builder.arena, "%s/pads", node->name), 2 * rank, pads),
        scalar(w, node, "value", node->pad_value)};
    onnx_add_node(&w->builder, "Pad", node->name, inputs, 3, out);
}

static void write_resize(struct onnx_writer *w, const struct node *node, const char *out)
{
    const struct shape shape = onnx_shape_of(&w->model->tensors[node->output].shape);
    onnx_add_resize(&w->builder, node->name, value_at(w, node, 0), &shape, node->coordinates, node->rounding,
                    out);
}

static void write_plain(struct onnx_writer *w, const struct node *node, const char *out)
{
    const char *inputs[MODEL_MAX_INPUTS];
    const bool arithmetic = node->op == OP_ADD || node->op == OP_SUB || node->op == OP_MUL;
    for (int i = 0; i < node->n_inputs; i++)
        inputs[i] = arithmetic ? operand(w, node, i) : value_at(w, node, i);
    Onnx__NodeProto *proto =
        onnx_add_node(&w->builder, op_name(node->op), node->name, inputs, node->n_inputs, out);
    const int rank = shape_at(w, node, 0)->rank;
    switch (node->op) {
    case OP_CONV:
        write_window(w, node, proto);
        onnx_set_int(&w->builder, proto, "group", node->group);
        break;
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
        write_window(w, node, proto);
        if (node->count_include_pad && node->op == OP_AVERAGE_POOL)
            onnx_set_int(&w->builder, proto, "count_include_pad", 1);
        break;
    case OP_BATCH_NORM:
        onnx_set_float(&w->builder, proto, "epsilon", node->epsilon);
        break;
    case OP_GEMM:
        onnx_set_int(&w->builder, proto, "transB", 1);
        break;
    case OP_CONCAT:
    case OP_SOFTMAX:
        onnx_set_int(&w->builder, proto, "axis", onnx_axis_of(node->axis, rank));
        break;
    default:
        break;
    }
}

static void write_layer(struct onnx_writer *w, const struct node *node, const char *out)
{
    const char *in = value_at(w, node, 0);
    switch (node->op) {
    case OP_CLIP:
        write_activation(w, node, ACT_CLIP, node->name, in, out);
        break;
    case OP_HARD_SWISH:
        write_activation(w, node, ACT_HARD_SWISH, node->name, in, out);
        break;
    case OP_HARD_SIGMOID:
        write_activation(w, node, ACT_HARD_SIGMOID, node->name, in, out);
        break;
    case OP_SIGMOID:
        write_activation(w, node, ACT_SIGMOID, node->name, in, out);
        break;
    case OP_TANH:
        write_activation(w, node, ACT_TANH, node->name, in, out);
        break;
    case OP_RESIZE:
        write_resize(w, node, out);
        break;
    case OP_FLATTEN:
    case OP_RESHAPE:
        write_reshape(w, node, out);
        break;
    case OP_MATMUL:
        write_matmul(w, node, out);
        break;
    case OP_REDUCE_MEAN:
        write_reduce_mean(w, node, out);
        break;
    case OP_TRANSPOSE:
        write_transpose(w, node, out);
        break;
    case OP_PAD:
        write_pad(w, node, out);
        break;
    default:
        write_plain(w, node, out);
    }
}

void onnx_write_node(struct onnx_writer *w, const struct node *node)
{
    if (!w->values[node->output])
        w->values[node->output] = onnx_unique_name(&w->builder, w->model->tensors[node->output].name);
    const char *out = w->values[node->output];
    if (node->act == ACT_NONE) {
        write_layer(w, node, out);
        return;
    }
    const char *before =
        onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s:linear", node->name));
    write_layer(w, node, before);
    write_activation(w, node, node->act,
                     onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s/act", node->name)),
                     before, out);
}
