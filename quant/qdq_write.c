/*
 * qdq_write.c - the int8 graph as QDQ ONNX.
 *
 * Of tensor T, "T/float" is what its operator computes, "T/int8" what QuantizeLinear makes of it, and "T"
 * what DequantizeLinear gives to the readers (the graph input is "T" itself, dequantised as "T/dequantized").
 * Clip stands before QuantizeLinear where the int8 clamp is tighter than the range of int8. Fully connected
 * layers and what follows them have rank 2, everything else rank 4.
 */
#include "quant/qdq.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/onnx_resize.h"
#include "quant/qdq_tables.h"
#include "quant/qmodel.h"

struct qdq_writer {
    struct onnx_builder builder;
    const struct qmodel *qmodel;
    const char **real; /* per tensor: the dequantised value */
    int *rank;         /* per tensor: 2 or 4 */
};

static const char *unique(struct qdq_writer *w, const char *base, const char *suffix)
{
    return onnx_unique_name(&w->builder, arena_printf(w->builder.arena, "%s%s", base, suffix));
}

static const char *add_scalar(struct qdq_writer *w, const char *base, const char *suffix, int type,
                              const void *value, size_t bytes)
{
    const struct shape shape = shape_of(0);
    const char *name = unique(w, base, suffix);
    onnx_add_initializer(&w->builder, name, &shape, type, value, bytes);
    return name;
}

static const char *add_float(struct qdq_writer *w, const char *base, const char *suffix, float value)
{
    return add_scalar(w, base, suffix, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &value, sizeof(value));
}

static const char *add_operator(struct qdq_writer *w, const char *op, const char *base, const char *suffix,
                                const char *const *inputs, int n_inputs, const char *output,
                                Onnx__NodeProto **node)
{
    *node = onnx_add_node(&w->builder, op, unique(w, base, suffix), inputs, n_inputs, output);
    return output;
}

/* QuantizeLinear and DequantizeLinear around the value `from` of tensor t; the result is `to`. */
static void write_pair(struct qdq_writer *w, int t, const char *from, const char *to)
{
    const struct qtensor *tensor = &w->qmodel->tensors[t];
    const int8_t zero_point = (int8_t)tensor->zero_point;
    const char *scale = add_float(w, tensor->name, "/scale", tensor->scale);
    const char *zero =
        add_scalar(w, tensor->name, "/zero_point", ONNX__TENSOR_PROTO__DATA_TYPE__INT8, &zero_point, 1);
    const char *quantized = unique(w, tensor->name, "/int8");
    Onnx__NodeProto *node;
    add_operator(w, "QuantizeLinear", tensor->name, "/QuantizeLinear", (const char *[]){from, scale, zero}, 3,
                 quantized, &node);
    add_operator(w, "DequantizeLinear", tensor->name, "/DequantizeLinear",
                 (const char *[]){quantized, scale, zero}, 3, to, &node);
    w->real[t] = to;
}

/* DequantizeLinear over axis 0 of an initializer; symmetric. */
static const char *write_constant(struct qdq_writer *w, const char *name, const char *what,
                                  const struct shape *shape, int type, const void *data, size_t element_bytes,
                                  const float *scales)
{
    struct arena *arena = w->builder.arena;
    const char *base = arena_printf(arena, "%s/%s", name, what);
    const struct shape channels = shape_of(1, shape->dim[0]);
    const char *values = unique(w, base, type == ONNX__TENSOR_PROTO__DATA_TYPE__INT8 ? "/int8" : "/int32");
    const char *scale = unique(w, base, "/scale"), *zero = unique(w, base, "/zero_point"),
               *real = unique(w, base, "");
    onnx_add_initializer(&w->builder, values, shape, type, data,
                         (size_t)shape_elements(shape) * element_bytes);
    onnx_add_initializer(&w->builder, scale, &channels, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, scales,
                         (size_t)shape->dim[0] * sizeof(float));
    onnx_add_initializer(&w->builder, zero, &channels, type,
                         arena_alloc(arena, (size_t)shape->dim[0] * element_bytes),
                         (size_t)shape->dim[0] * element_bytes);
    Onnx__NodeProto *node;
    add_operator(w, "DequantizeLinear", base, "/DequantizeLinear", (const char *[]){values, scale, zero}, 3,
                 real, &node);
    onnx_set_int(&w->builder, node, "axis", 0);
    return real;
}

/* Engine weights in ONNX's order: (oc, ic or 1, kh, kw); fully connected (oc, c * h * w). */
static const char *write_weights(struct qdq_writer *w, const struct qnode *node)
{
    const struct qtensor *in = &w->qmodel->tensors[node->inputs[0]], *out = &w->qmodel->tensors[node->output];
    const bool fully_connected = node->op == QOP_FULLY_CONNECTED, depthwise = node->op == QOP_DEPTHWISE;
    const int kh = fully_connected ? in->h : node->window.kernel_h,
              kw = fully_connected ? in->w : node->window.kernel_w;
    const int ic = depthwise ? 1 : in->c, oc = out->c;
    int8_t *data = arena_alloc(w->builder.arena, (size_t)node->n_weights);
    int64_t to = 0;
    for (int o = 0; o < oc; o++)
        for (int i = 0; i < ic; i++)
            for (int tap = 0; tap < kh * kw; tap++)
                data[to++] =
                    node->weights[depthwise ? (int64_t)tap * oc + o : ((int64_t)o * kh * kw + tap) * ic + i];
    const struct shape shape = fully_connected ? shape_of(2, oc, ic * kh * kw) : shape_of(4, oc, ic, kh, kw);
    return write_constant(w, node->name, "weights", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, data, 1,
                          node->weight_scale);
}

static const char *write_bias(struct qdq_writer *w, const struct qnode *node)
{
    const struct qtensor *in = &w->qmodel->tensors[node->inputs[0]], *out = &w->qmodel->tensors[node->output];
    const struct shape shape = shape_of(1, out->c);
    float *scales = ARENA_ARRAY(w->builder.arena, float, (size_t)out->c);
    for (int c = 0; c < out->c; c++)
        scales[c] = in->scale * node->weight_scale[c];
    return write_constant(w, node->name, "bias", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, node->bias, 4,
                          scales);
}

/* The constants as int32: less their zero point, they may need nine bits. */
static const char *write_sum(struct qdq_writer *w, const struct qnode *node, const char *in, int rank,
                             const char *out)
{
    const int c = w->qmodel->tensors[node->output].c;
    const struct shape shape = rank == 2 ? shape_of(2, 1, c) : shape_of(4, 1, c, 1, 1);
    const char *constants =
        write_constant(w, node->name, "constants", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, node->bias,
                       4, node->weight_scale);
    const char *inputs[2] = {node->constant_first ? constants : in, node->constant_first ? in : constants};
    Onnx__NodeProto *proto;
    return add_operator(w, node->subtract ? "Sub" : "Add", node->name, "", inputs, 2, out, &proto);
}

static void set_window(struct qdq_writer *w, const struct qnode *node, Onnx__NodeProto *proto, bool dilations)
{
    const struct window *window = &node->window;
    onnx_set_ints(&w->builder, proto, "kernel_shape", 2, (int[]){window->kernel_h, window->kernel_w});
    onnx_set_ints(&w->builder, proto, "strides", 2, (int[]){window->stride_h, window->stride_w});
    onnx_set_ints(&w->builder, proto, "pads", 4,
                  (int[]){window->pad_top, window->pad_left, window->pad_bottom, window->pad_right});
    if (dilations)
        onnx_set_ints(&w->builder, proto, "dilations", 2, (int[]){window->dilation_h, window->dilation_w});
}

static const char *write_clip(struct qdq_writer *w, const struct qnode *node, const char *suffix,
                              const char *from, const char *to)
{
    Onnx__NodeProto *proto;
    if (node->clip_min == 0 && isinf(node->clip_max))
        return add_operator(w, "Relu", node->name, suffix, &from, 1, to, &proto);
    const char *inputs[3] = {from, "", ""};
    if (!isinf(node->clip_min))
        inputs[1] = add_float(w, node->name, "/min", node->clip_min);
    if (!isinf(node->clip_max))
        inputs[2] = add_float(w, node->name, "/max", node->clip_max);
    return add_operator(w, "Clip", node->name, suffix, inputs, 3, to, &proto);
}

/* x * alpha, x - number or number - x: what arithmetic with one number can be. Sums are written as
 * differences, because readers make an Add after a Conv part of its bias. */
static const char *write_linear(struct qdq_writer *w, const struct qnode *node, const char *in,
                                const char *out)
{
    Onnx__NodeProto *proto;
    const bool turned = node->alpha == -1;
    if (node->alpha != 1 && !(turned && node->beta != 0))
        return add_operator(w, "Mul", node->name, "",
                            (const char *[]){in, add_float(w, node->name, "/factor", node->alpha)}, 2, out,
                            &proto);
    const char *number = add_float(w, node->name, "/number", turned ? node->beta : -node->beta);
    return add_operator(w, "Sub", node->name, "",
                        turned ? (const char *[]){number, in} : (const char *[]){in, number}, 2, out, &proto);
}

/* HardSwish came with opset 14: x * HardSigmoid(x) before. A requantisation is the next QuantizeLinear alone.
 */
static const char *write_table(struct qdq_writer *w, const struct qnode *node, const char *in,
                               const char *out)
{
    Onnx__NodeProto *proto;
    switch (node->table_function) {
    case ACT_NONE:
        return in;
    case ACT_CLIP:
        return isinf(node->clip_min) && isinf(node->clip_max) ? in : write_clip(w, node, "", in, out);
    case ACT_SIGMOID:
        return add_operator(w, "Sigmoid", node->name, "", &in, 1, out, &proto);
    case ACT_TANH:
        return add_operator(w, "Tanh", node->name, "", &in, 1, out, &proto);
    case ACT_LINEAR:
        return write_linear(w, node, in, out);
    case ACT_HARD_SIGMOID:
    case ACT_HARD_SWISH:
        break;
    }
    const bool swish = node->table_function == ACT_HARD_SWISH;
    const char *gate = swish ? unique(w, node->name, "/gate") : out;
    add_operator(w, "HardSigmoid", node->name, swish ? "/HardSigmoid" : "", &in, 1, gate, &proto);
    onnx_set_float(&w->builder, proto, "alpha", swish ? 1.0f / 6 : node->alpha);
    onnx_set_float(&w->builder, proto, "beta", swish ? 0.5f : node->beta);
    if (swish)
        add_operator(w, "Mul", node->name, "", (const char *[]){in, gate}, 2, out, &proto);
    return out;
}

/* An input of the rank that the operator takes. */
static const char *input_of_rank(struct qdq_writer *w, const struct qnode *node, int i, int rank)
{
    const int t = node->inputs[i];
    const struct qtensor *tensor = &w->qmodel->tensors[t];
    const char *real = w->real[t];
    Onnx__NodeProto *proto;
    if (w->rank[t] == rank)
        return real;
    const char *to = unique(w, node->name, rank == 2 ? "/flat" : "/map");
    if (rank == 2) {
        add_operator(w, "Flatten", node->name, "/Flatten", &real, 1, to, &proto);
        onnx_set_int(&w->builder, proto, "axis", 1);
        return to;
    }
    const char *shape = onnx_add_ints(&w->builder, arena_printf(w->builder.arena, "%s/shape", node->name), 4,
                                      (int64_t[]){1, tensor->c, tensor->h, tensor->w});
    return add_operator(w, "Reshape", node->name, "/Reshape", (const char *[]){real, shape}, 2, to, &proto);
}

static const char *write_layer(struct qdq_writer *w, const struct qnode *node, const char *in,
                               const char *out)
{
    const struct qtensor *tensor = &w->qmodel->tensors[node->inputs[0]];
    const char *inputs[3] = {in, write_weights(w, node), write_bias(w, node)};
    Onnx__NodeProto *proto;
    if (node->op == QOP_FULLY_CONNECTED) {
        add_operator(w, "Gemm", node->name, "", inputs, 3, out, &proto);
        onnx_set_int(&w->builder, proto, "transB", 1);
        return out;
    }
    add_operator(w, "Conv", node->name, "", inputs, 3, out, &proto);
    set_window(w, node, proto, true);
    onnx_set_int(&w->builder, proto, "group", node->op == QOP_DEPTHWISE ? tensor->c : 1);
    return out;
}

static const char *write_pad(struct qdq_writer *w, const struct qnode *node, const char *in, const char *out)
{
    const struct window *p = &node->window;
    const int64_t pads[8] = {0, 0, p->pad_top, p->pad_left, 0, 0, p->pad_bottom, p->pad_right};
    const char *amounts =
        onnx_add_ints(&w->builder, arena_printf(w->builder.arena, "%s/pads", node->name), 8, pads);
    Onnx__NodeProto *proto;
    return add_operator(w, "Pad", node->name, "", (const char *[]){in, amounts}, 2, out, &proto);
}

static struct shape onnx_tensor(const struct qdq_writer *w, int t)
{
    const struct qtensor *tensor = &w->qmodel->tensors[t];
    return w->rank[t] == 2 ? shape_of(2, 1, tensor->c) : shape_of(4, 1, tensor->c, tensor->h, tensor->w);
}

/* The operator itself, from dequantised inputs to a float value. */
static const char *write_operator(struct qdq_writer *w, const struct qnode *node)
{
    const struct qtensor *tensor = &w->qmodel->tensors[node->output];
    const bool flat = node->op == QOP_FULLY_CONNECTED;
    const int rank = flat ? 2 : w->rank[node->output];
    const char *inputs[QNODE_MAX_INPUTS];
    for (int i = 0; i < node->n_inputs; i++)
        inputs[i] = input_of_rank(w, node, i, rank);
    const char *out = unique(w, tensor->name, "/float");
    Onnx__NodeProto *proto;
    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_FULLY_CONNECTED:
        return write_layer(w, node, inputs[0], out);
    case QOP_ADD:
        return add_operator(w, node->subtract ? "Sub" : "Add", node->name, "", inputs, 2, out, &proto);
    case QOP_ADD_CONSTANT:
        return write_sum(w, node, inputs[0], rank, out);
    case QOP_MUL:
        return add_operator(w, "Mul", node->name, "", inputs, 2, out, &proto);
    case QOP_AVERAGE_POOL:
        add_operator(w, "AveragePool", node->name, "", inputs, 1, out, &proto);
        set_window(w, node, proto, false);
        return out;
    case QOP_MAX_POOL:
        add_operator(w, "MaxPool", node->name, "", inputs, 1, out, &proto);
        set_window(w, node, proto, true);
        return out;
    case QOP_MEAN:
        if (tensor->h == 1)
            return add_operator(w, "GlobalAveragePool", node->name, "", inputs, 1, out, &proto);
        add_operator(w, "ReduceMean", node->name, "", inputs, 1, out, &proto); /* rows stay */
        onnx_set_ints(&w->builder, proto, "axes", 1, (int[]){3});
        return out;
    case QOP_TABLE:
        return write_table(w, node, inputs[0], out);
    case QOP_SOFTMAX:
        add_operator(w, "Softmax", node->name, "", inputs, 1, out, &proto);
        onnx_set_int(&w->builder, proto, "axis", 1);
        return out;
    case QOP_CONCAT:
        add_operator(w, "Concat", node->name, "", inputs, node->n_inputs, out, &proto);
        onnx_set_int(&w->builder, proto, "axis",
                     node->axis == CONCAT_ROWS      ? 2
                     : node->axis == CONCAT_COLUMNS ? 3
                                                    : 1);
        return out;
    case QOP_PAD:
        return write_pad(w, node, inputs[0], out);
    case QOP_RESIZE_NEAREST: {
        const struct shape shape = onnx_tensor(w, node->output);
        onnx_add_resize(&w->builder, unique(w, node->name, ""), inputs[0], &shape, node->coordinates,
                        node->rounding, out);
        return out;
    }
    case QOP_COUNT:
        break;
    }
    die("qdq_write: operator %d", (int)node->op);
}

/* The same of a row (1, c) as of a map (1, 1, 1, c). */
static bool takes_rows(const struct qnode *node)
{
    return node->op == QOP_ADD || node->op == QOP_ADD_CONSTANT || node->op == QOP_MUL ||
           node->op == QOP_TABLE || node->op == QOP_SOFTMAX ||
           (node->op == QOP_CONCAT && node->axis == CONCAT_CHANNELS);
}

static void choose_ranks(struct qdq_writer *w)
{
    const struct qmodel *q = w->qmodel;
    const struct qtensor *input = &q->tensors[q->input];
    bool flat_input = input->h == 1 && input->w == 1;
    for (int i = 0; i < q->n_nodes; i++)
        for (int k = 0; k < q->nodes[i].n_inputs; k++)
            flat_input =
                flat_input && (q->nodes[i].inputs[k] != q->input || q->nodes[i].op == QOP_FULLY_CONNECTED);
    w->rank[q->input] = flat_input ? 2 : 4;
    for (int i = 0; i < q->n_nodes; i++) {
        const struct qnode *node = &q->nodes[i];
        bool flat = node->op == QOP_FULLY_CONNECTED || takes_rows(node);
        for (int k = 0; k < node->n_inputs && node->op != QOP_FULLY_CONNECTED; k++)
            flat = flat && w->rank[node->inputs[k]] == 2;
        w->rank[node->output] = flat ? 2 : 4;
    }
}

int qdq_write(const struct qmodel *qmodel, const char *path)
{
    struct arena arena = ARENA_INIT;
    struct qdq_writer w = {.builder = onnx_builder_create(&arena, qmodel->name), .qmodel = qmodel};
    w.real = ARENA_ARRAY(&arena, const char *, (size_t)qmodel->n_tensors);
    w.rank = ARENA_ARRAY(&arena, int, (size_t)qmodel->n_tensors);
    choose_ranks(&w);
    const char **names = ARENA_ARRAY(&arena, const char *, (size_t)qmodel->n_tensors);
    for (int t = 0; t < qmodel->n_tensors; t++) /* the tensors' own names come first */
        names[t] = onnx_unique_name(&w.builder, qmodel->tensors[t].name);
    const struct shape in_shape = onnx_tensor(&w, qmodel->input), out_shape = onnx_tensor(&w, qmodel->output);
    onnx_add_graph_input(&w.builder, names[qmodel->input], &in_shape);
    write_pair(&w, qmodel->input, names[qmodel->input],
               unique(&w, qmodel->tensors[qmodel->input].name, "/dequantized"));
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[i];
        const char *value = write_operator(&w, node);
        const bool layer = node->op == QOP_CONV || node->op == QOP_DEPTHWISE ||
                           node->op == QOP_FULLY_CONNECTED || node->op == QOP_ADD ||
                           node->op == QOP_ADD_CONSTANT || node->op == QOP_MUL ||
                           node->op == QOP_AVERAGE_POOL || node->op == QOP_MAX_POOL ||
                           (node->op == QOP_TABLE && node->table_function == ACT_LINEAR);
        if (layer && (node->act_min > -128 || node->act_max < 127))
            value = write_clip(&w, node, "/Clip", value,
                               unique(&w, qmodel->tensors[node->output].name, "/clipped"));
        write_pair(&w, node->output, value, names[node->output]);
    }
    onnx_add_graph_output(&w.builder, w.real[qmodel->output], &out_shape);
    struct model metadata;
    qdq_tables_write(&metadata, qmodel, &arena);
    int rc = onnx_build_write(&w.builder, &metadata, path);
    arena_release(&arena);
    return rc;
}
