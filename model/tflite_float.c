/*
 * tflite_float.c - a float TensorFlow Lite file as a model. Both keep feature maps as (n, h, w, c) and
 * convolution weights as (oc, kh, kw, ic), so only depthwise weights, (1, kh, kw, oc) in the file, are
 * turned. Weights that a converter stored in 16 bits or as int8 with scales become floats.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/name_table.h"
#include "model/tflite.h"

enum { MAX_PROBLEMS = 100 };

struct import {
    const struct tflite *file;
    struct model *model;
    struct arena *arena;
    struct name_table *names;
    int *id;        /* per tensor of the file: tensor of the model, -1: none yet */
    int64_t floats; /* converted so far: buffers may be shared by many tensors */
    int op_index;
    struct strbuf problems;
    int n_problems;
    bool failed;
};

static void problem(struct import *im, const char *what)
{
    const struct tflite_operator *op = &im->file->operators[im->op_index];
    const int out = op->n_outputs ? op->outputs[0] : -1;
    if (im->n_problems++ < MAX_PROBLEMS)
        strbuf_addf(&im->problems, "\n  operator %d, %s '%s': %s", im->op_index, op->name,
                    out >= 0 ? im->file->tensors[out].name : "", what);
}

static void contradiction(struct import *im, const char *what)
{
    if (!im->failed)
        error_input("%s: operator %d, %s: %s", im->file->path, im->op_index,
                    im->file->operators[im->op_index].name, what);
    im->failed = true;
}

/* A converter joins the names of what it fused with ';': the first says enough. Then made unique. */
static const char *unique_name(struct import *im, const char *text)
{
    char *name = arena_strdup(im->arena, text);
    if (strchr(name, ';') > name)
        *strchr(name, ';') = '\0';
    const char *unique = name;
    for (int i = 2; name_table_find(im->names, unique) >= 0; i++)
        unique = arena_printf(im->arena, "%s_%d", name, i);
    name_table_set(im->names, unique, 1);
    return unique;
}

/* Element i of a constant as a real number. */
static float value_of(const struct tflite_tensor *tensor, int64_t i)
{
    if (tensor->type == TFLITE_FLOAT32 || tensor->type == TFLITE_FLOAT16)
        return tflite_float(tensor, (size_t)i);
    size_t channel = 0;
    if (tensor->scale.n > 1) {
        int64_t inner = 1;
        for (int k = tensor->shape.rank - 1; k > tensor->quantized_dimension; k--)
            inner *= tensor->shape.dim[k];
        channel = (size_t)(i / inner % tensor->shape.dim[tensor->quantized_dimension]);
    }
    return tflite_scale(tensor, channel) *
           (float)(tflite_int(tensor, (size_t)i) - tflite_zero_point(tensor, channel));
}

static bool convertible(const struct tflite_tensor *tensor)
{
    if (!tensor->data)
        return false;
    if (tensor->type == TFLITE_FLOAT32 || tensor->type == TFLITE_FLOAT16)
        return true;
    const int dimension = tensor->quantized_dimension;
    return tensor->type == TFLITE_INT8 && tensor->scale.n > 0 &&
           (tensor->scale.n == 1 || (dimension >= 0 && dimension < tensor->shape.rank &&
                                     tensor->scale.n == (size_t)tensor->shape.dim[dimension]));
}

/* Floats of a constant; NULL after a problem. */
static float *floats_of(struct import *im, const struct tflite_tensor *tensor)
{
    const int64_t n = shape_elements(&tensor->shape);
    if (!convertible(tensor)) {
        problem(im,
                arena_printf(im->arena, "'%s' must be a constant of FLOAT32, FLOAT16, or INT8 with scales",
                             tensor->name));
        return NULL;
    }
    if (im->floats + n > SHAPE_MAX_ELEMENTS) {
        contradiction(im, "the constants are larger than any network");
        return NULL;
    }
    im->floats += n;
    float *data = ARENA_ARRAY(im->arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        data[i] = value_of(tensor, i);
    return data;
}

static const struct tflite_tensor *tensor_of(const struct import *im, const struct tflite_operator *op, int i)
{
    return i < op->n_inputs && op->inputs[i] >= 0 ? &im->file->tensors[op->inputs[i]] : NULL;
}

/* Model tensor of input i; -1 after a problem. */
static int input(struct import *im, const struct tflite_operator *op, int i)
{
    const struct tflite_tensor *tensor = tensor_of(im, op, i);
    if (!tensor) {
        contradiction(im, "an input is missing");
        return -1;
    }
    const int at = op->inputs[i];
    if (im->id[at] < 0 && tensor->data) {
        const float *data = floats_of(im, tensor);
        if (data)
            im->id[at] = model_add_constant(im->model, unique_name(im, tensor->name), tensor->shape, data);
    }
    return im->id[at]; /* what an unsupported operator should have written was reported there */
}

static const struct tflite_tensor *ints(struct import *im, const struct tflite_operator *op, int i, int64_t n)
{
    const struct tflite_tensor *tensor = tensor_of(im, op, i);
    if (tensor && tensor->data && (tensor->type == TFLITE_INT32 || tensor->type == TFLITE_INT64) &&
        (n < 0 || shape_elements(&tensor->shape) == n))
        return tensor;
    problem(im, "its parameters must be constants");
    return NULL;
}

static struct node *emit(struct import *im, const struct tflite_operator *op, enum op kind, const int *inputs,
                         int n)
{
    const int id = op->outputs[0];
    const char *name = unique_name(im, im->file->tensors[id].name);
    struct node *node = model_add_node(im->model, kind, name, inputs, n);
    struct tensor *out = &im->model->tensors[node->output];
    out->name = name;
    out->shape = im->file->tensors[id].shape;
    im->id[id] = node->output;
    return node;
}

static bool clip_of(int activation, float *min, float *max)
{
    *min = activation == TFLITE_ACT_RELU_N1_TO_1 ? -1 : 0;
    *max = activation == TFLITE_ACT_RELU_N1_TO_1 ? 1 : activation == TFLITE_ACT_RELU6 ? 6 : INFINITY;
    return activation == TFLITE_ACT_RELU || activation == TFLITE_ACT_RELU6 ||
           activation == TFLITE_ACT_RELU_N1_TO_1;
}

/* The operator's fused activation. */
static void activate(struct import *im, const struct tflite_operator *op)
{
    float min, max;
    const int id = op->outputs[0];
    if (op->activation == TFLITE_ACT_NONE)
        return;
    if (!clip_of(op->activation, &min, &max)) {
        problem(im, "fused activation; RELU and RELU6 can be fused");
        return;
    }
    struct node *node = &im->model->nodes[im->model->n_nodes - 1];
    if (node->op != OP_CONV && node->op != OP_GEMM && node->op != OP_ADD && node->op != OP_MUL) {
        const int before = node->output;
        im->model->tensors[before].name = unique_name(im, arena_printf(im->arena, "%s/linear", node->name));
        node->name = im->model->tensors[before].name;
        name_table_set(im->names, node->name, 1);
        struct tflite_operator plain = *op;
        node = emit(im, &plain, OP_CLIP, &before, 1);
    } else {
        node->act = ACT_CLIP;
    }
    node->act_min = min;
    node->act_max = max;
    im->id[id] = node->output;
}

static bool set_window(struct import *im, const struct tflite_operator *op, struct window *window)
{
    const struct shape *in = &tensor_of(im, op, 0)->shape, *out = &im->file->tensors[op->outputs[0]].shape;
    if (in->rank != 4 || out->rank != 4 ||
        !tflite_window(window, op, in->dim[1], in->dim[2], out->dim[1], out->dim[2])) {
        contradiction(im, "input, window and output sizes do not agree");
        return false;
    }
    return true;
}

static int bias_of(struct import *im, const struct tflite_operator *op, int *inputs)
{
    if (!tensor_of(im, op, 2))
        return 2;
    inputs[2] = input(im, op, 2);
    return 3;
}

static void import_conv(struct import *im, const struct tflite_operator *op)
{
    const bool depthwise = op->code == TFLITE_DEPTHWISE_CONV_2D;
    int inputs[3] = {input(im, op, 0), -1, -1};
    const struct tflite_tensor *weights = tensor_of(im, op, 1);
    if (inputs[0] < 0)
        return;
    if (!weights || weights->shape.rank != 4 || tensor_of(im, op, 0)->shape.rank != 4) {
        contradiction(im, "input and weights must have four dimensions");
        return;
    }
    const int *dim = weights->shape.dim, in_c = tensor_of(im, op, 0)->shape.dim[3];
    const int out_c = depthwise ? dim[3] : dim[0], kh = dim[1], kw = dim[2];
    struct window window = {.kernel_h = kh, .kernel_w = kw};
    if (depthwise ? dim[0] != 1 || out_c % in_c != 0 : in_c % dim[3] != 0 || out_c % (in_c / dim[3]) != 0) {
        contradiction(im, "weights and channels do not agree");
        return;
    }
    if (!set_window(im, op, &window))
        return;
    if (depthwise) {
        const float *data = floats_of(im, weights);
        if (!data)
            return;
        float *turned = ARENA_ARRAY(im->arena, float, (size_t)kh *(size_t)kw *(size_t)out_c);
        for (int c = 0; c < out_c; c++)
            for (int tap = 0; tap < kh * kw; tap++)
                turned[(int64_t)c * kh * kw + tap] = data[(int64_t)tap * out_c + c];
        inputs[1] = model_add_constant(im->model, unique_name(im, weights->name),
                                       shape_of(4, out_c, kh, kw, 1), turned);
    } else {
        inputs[1] = input(im, op, 1);
    }
    const int n = bias_of(im, op, inputs);
    if (inputs[1] < 0 || (n > 2 && inputs[2] < 0))
        return;
    struct node *node = emit(im, op, OP_CONV, inputs, n);
    node->window = window;
    node->group = depthwise ? in_c : in_c / dim[3];
    activate(im, op);
}

static void import_fully_connected(struct import *im, const struct tflite_operator *op)
{
    int inputs[3] = {input(im, op, 0), input(im, op, 1), -1};
    const int n = bias_of(im, op, inputs);
    if (inputs[0] < 0 || inputs[1] < 0 || (n > 2 && inputs[2] < 0))
        return;
    const struct shape *in = &im->model->tensors[inputs[0]].shape,
                       *weights = &im->model->tensors[inputs[1]].shape;
    const int64_t elements = shape_elements(in);
    if (weights->rank != 2 || elements % weights->dim[1] != 0 || op->weights_format) {
        problem(im, "only rows of plain weights can be multiplied");
        return;
    }
    const struct shape rows = shape_of(2, (int)(elements / weights->dim[1]), weights->dim[1]);
    const struct shape out = shape_of(2, rows.dim[0], weights->dim[0]);
    if (!shape_equal(in, &rows)) {
        struct node *flat = model_add_node(
            im->model, OP_RESHAPE,
            unique_name(im, arena_printf(im->arena, "%s/flat", tensor_of(im, op, 1)->name)), inputs, 1);
        im->model->tensors[flat->output].shape = rows;
        inputs[0] = flat->output;
    }
    if (!shape_equal(&out, &im->file->tensors[op->outputs[0]].shape)) {
        problem(im, "more than two dimensions come out; reshape after it");
        return;
    }
    emit(im, op, OP_GEMM, inputs, n);
    activate(im, op);
}

static void import_binary(struct import *im, const struct tflite_operator *op)
{
    const int inputs[2] = {input(im, op, 0), input(im, op, 1)};
    if (inputs[0] < 0 || inputs[1] < 0)
        return;
    emit(im, op, op->code == TFLITE_ADD ? OP_ADD : op->code == TFLITE_MUL ? OP_MUL : OP_SUB, inputs, 2);
    activate(im, op);
}

static void import_pool(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    struct window window = {.kernel_h = op->kernel_h, .kernel_w = op->kernel_w};
    struct tflite_operator plain = *op;
    plain.dilation_h = plain.dilation_w = 1;
    if (in < 0 || !set_window(im, &plain, &window))
        return;
    emit(im, op, op->code == TFLITE_MAX_POOL_2D ? OP_MAX_POOL : OP_AVERAGE_POOL, &in, 1)->window = window;
    activate(im, op);
}

static void import_mean(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    const struct tflite_tensor *axes = in < 0 ? NULL : ints(im, op, 1, -1);
    bool reduced[MODEL_MAX_RANK] = {false};
    if (!axes)
        return;
    const int rank = tensor_of(im, op, 0)->shape.rank;
    for (int64_t i = 0; i < shape_elements(&axes->shape); i++) {
        int64_t axis = tflite_int(axes, (size_t)i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank) {
            contradiction(im, "an axis is outside the input's dimensions");
            return;
        }
        reduced[axis] = true;
    }
    struct node *node = emit(im, op, OP_REDUCE_MEAN, &in, 1);
    node->keep_dims = op->keep_dims;
    for (int i = 0; i < rank; i++)
        if (reduced[i])
            node->axes[node->n_axes++] = i;
}

static void import_pad(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    const int rank = in < 0 ? 0 : tensor_of(im, op, 0)->shape.rank;
    const struct tflite_tensor *amounts = in < 0 ? NULL : ints(im, op, 1, 2 * rank);
    if (!amounts)
        return;
    struct node *node = emit(im, op, OP_PAD, &in, 1);
    for (int i = 0; i < 2 * rank; i++) {
        const int64_t amount = tflite_int(amounts, (size_t)i);
        if (amount < 0 || amount > SHAPE_MAX_DIM) {
            contradiction(im, "padding must be 0 to 65536");
            return;
        }
        node->pads[i % 2 * rank + i / 2] = (int)amount;
    }
}

static void import_reshape(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    if (in < 0)
        return;
    if (shape_elements(&im->model->tensors[in].shape) !=
        shape_elements(&im->file->tensors[op->outputs[0]].shape))
        contradiction(im, "input and output differ in size");
    else
        emit(im, op, OP_RESHAPE, &in, 1);
}

static void import_transpose(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    const int rank = in < 0 ? 0 : tensor_of(im, op, 0)->shape.rank;
    const struct tflite_tensor *order = in < 0 ? NULL : ints(im, op, 1, rank);
    unsigned seen = 0;
    if (!order)
        return;
    struct node *node = emit(im, op, OP_TRANSPOSE, &in, 1);
    for (int i = 0; i < rank; i++) {
        const int64_t from = tflite_int(order, (size_t)i);
        if (from < 0 || from >= rank || seen & 1u << from) {
            contradiction(im, "the order of dimensions is no permutation");
            return;
        }
        seen |= 1u << from;
        node->permutation[i] = (int)from;
    }
}

static void import_concat(struct import *im, const struct tflite_operator *op)
{
    int inputs[TFLITE_MAX_INPUTS];
    const int rank = im->file->tensors[op->outputs[0]].shape.rank,
              axis = op->axis + (op->axis < 0 ? rank : 0);
    for (int i = 0; i < op->n_inputs; i++)
        if ((inputs[i] = input(im, op, i)) < 0)
            return;
    if (axis < 0 || axis >= rank) {
        contradiction(im, "the axis is outside the output's dimensions");
        return;
    }
    emit(im, op, OP_CONCAT, inputs, op->n_inputs)->axis = axis;
    activate(im, op);
}

static void import_unary(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    struct node *node;
    if (in < 0)
        return;
    switch (op->code) {
    case TFLITE_LOGISTIC:
        emit(im, op, OP_SIGMOID, &in, 1);
        return;
    case TFLITE_HARD_SWISH:
        emit(im, op, OP_HARD_SWISH, &in, 1);
        return;
    case TFLITE_TANH:
        emit(im, op, OP_TANH, &in, 1);
        return;
    case TFLITE_SOFTMAX:
        if (op->beta != 1) {
            problem(im, "beta must be 1");
            return;
        }
        node = emit(im, op, OP_SOFTMAX, &in, 1);
        node->axis = im->model->tensors[in].shape.rank - 1;
        return;
    }
    node = emit(im, op, OP_CLIP, &in, 1);
    clip_of(op->code == TFLITE_RELU6          ? TFLITE_ACT_RELU6
            : op->code == TFLITE_RELU_N1_TO_1 ? TFLITE_ACT_RELU_N1_TO_1
                                              : TFLITE_ACT_RELU,
            &node->act_min, &node->act_max);
}

/* Constants stored in fewer bits. */
static void import_dequantize(struct import *im, const struct tflite_operator *op)
{
    const struct tflite_tensor *tensor = tensor_of(im, op, 0);
    const float *data = tensor && tensor->data ? floats_of(im, tensor) : NULL;
    if (data)
        im->id[op->outputs[0]] = model_add_constant(
            im->model, unique_name(im, im->file->tensors[op->outputs[0]].name), tensor->shape, data);
    else if (!tensor || !tensor->data)
        problem(im,
                "integers inside a float network; convert it as float, or with full-integer quantization");
}

static void import_slice(struct import *im, const struct tflite_operator *op)
{
    const struct tflite_tensor *strides = ints(im, op, 3, -1);
    const int in = input(im, op, 0);
    bool whole = strides && in >= 0 &&
                 shape_equal(&im->model->tensors[in].shape, &im->file->tensors[op->outputs[0]].shape);
    for (int64_t i = 0; whole && i < shape_elements(&strides->shape); i++)
        whole = tflite_int(strides, (size_t)i) == 1;
    if (whole)
        im->id[op->outputs[0]] = in;
    else if (strides && in >= 0)
        problem(im, "cuts a part out of a feature map; crop before the network");
}

static void import_resize(struct import *im, const struct tflite_operator *op)
{
    const int in = input(im, op, 0);
    const char *what = tflite_resize_problem(im->file, op);
    if (in < 0)
        return;
    if (what) {
        problem(im, what);
        return;
    }
    struct node *node = emit(im, op, OP_RESIZE, &in, 1);
    tflite_resize_rule(op, &node->coordinates, &node->rounding);
}

static void import_operator(struct import *im, const struct tflite_operator *op)
{
    if (op->truncated || op->n_outputs != 1 || op->n_inputs < 1) {
        problem(im, "only operators with one output and at most 16 inputs are read");
        return;
    }
    switch (op->code) {
    case TFLITE_CONV_2D:
    case TFLITE_DEPTHWISE_CONV_2D:
        import_conv(im, op);
        return;
    case TFLITE_FULLY_CONNECTED:
        import_fully_connected(im, op);
        return;
    case TFLITE_ADD:
    case TFLITE_SUB:
    case TFLITE_MUL:
        import_binary(im, op);
        return;
    case TFLITE_AVERAGE_POOL_2D:
    case TFLITE_MAX_POOL_2D:
        import_pool(im, op);
        return;
    case TFLITE_MEAN:
        import_mean(im, op);
        return;
    case TFLITE_PAD:
        import_pad(im, op);
        return;
    case TFLITE_RESHAPE:
    case TFLITE_SQUEEZE:
    case TFLITE_EXPAND_DIMS:
        import_reshape(im, op);
        return;
    case TFLITE_TRANSPOSE:
        import_transpose(im, op);
        return;
    case TFLITE_CONCATENATION:
        import_concat(im, op);
        return;
    case TFLITE_LOGISTIC:
    case TFLITE_TANH:
    case TFLITE_HARD_SWISH:
    case TFLITE_SOFTMAX:
    case TFLITE_RELU:
    case TFLITE_RELU6:
    case TFLITE_RELU_N1_TO_1:
        import_unary(im, op);
        return;
    case TFLITE_DEQUANTIZE:
        import_dequantize(im, op);
        return;
    case TFLITE_RESIZE_NEAREST_NEIGHBOR:
        import_resize(im, op);
        return;
    case TFLITE_STRIDED_SLICE:
        import_slice(im, op);
        return;
    }
    problem(im, "not an operator mcunet knows; run it outside the network, or train without it");
}

/* What the file says must be what follows from the operators. */
static int check_shapes(struct import *im)
{
    int rc = shape_infer(im->model);
    for (int i = 0; i < im->file->n_tensors && !rc; i++) {
        const struct tflite_tensor *tensor = &im->file->tensors[i];
        if (im->id[i] < 0 || tensor->data)
            continue;
        const struct shape *shape = &im->model->tensors[im->id[i]].shape;
        if (!shape_equal(shape, &tensor->shape))
            rc = error_input("%s: tensor '%s' is said to have shape %s, but has %s", im->file->path,
                             tensor->name, shape_text(&tensor->shape, im->arena),
                             shape_text(shape, im->arena));
    }
    return rc;
}

static int finish(struct import *im)
{
    const struct tflite *file = im->file;
    if (im->failed)
        return EXIT_INPUT;
    if (im->n_problems)
        return error_unsupported("%s: no float form for %d operator%s:%s", file->path, im->n_problems,
                                 im->n_problems > 1 ? "s" : "", strbuf_text(&im->problems));
    for (int i = 0; i < file->n_outputs; i++) {
        if (im->id[file->outputs[i]] < 0)
            return error_input("%s: output '%s' is a constant", file->path,
                               file->tensors[file->outputs[i]].name);
        model_set_output(im->model, im->id[file->outputs[i]]);
    }
    return check_shapes(im);
}

int tflite_to_model(struct model **out, const struct tflite *file, struct arena *arena)
{
    struct import im = {.file = file,
                        .model = model_create(arena, "main"),
                        .arena = arena,
                        .names = name_table_create(arena),
                        .id = ARENA_ARRAY(arena, int, (size_t)file->n_tensors + 1)};
    const bool *needed = tflite_needed(file, arena);
    for (int i = 0; i < file->n_tensors; i++)
        im.id[i] = -1;
    for (int i = 0; i < file->n_inputs; i++) {
        const struct tflite_tensor *tensor = &file->tensors[file->inputs[i]];
        if (tensor->type != TFLITE_FLOAT32 || tensor->data)
            return error_unsupported("%s: input '%s' is %s, expected FLOAT32 (or an int8 network throughout)",
                                     file->path, tensor->name, tflite_type_name(tensor->type));
        im.id[file->inputs[i]] = model_add_tensor(im.model, unique_name(&im, tensor->name), tensor->shape);
        model_set_input(im.model, im.id[file->inputs[i]]);
    }
    for (int i = 0; i < file->n_operators && !im.failed; i++) {
        im.op_index = i;
        if (needed[i])
            import_operator(&im, &file->operators[i]);
    }
    int rc = finish(&im);
    strbuf_release(&im.problems);
    if (!rc)
        *out = im.model;
    return rc;
}
