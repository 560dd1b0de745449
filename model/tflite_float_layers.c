/*
 * tflite_float_layers.c - operators that compute, from a float TensorFlow Lite file to the model.
 */
#include "model/tflite_float.h"

static bool set_window(struct tflite_float *im, const struct tflite_operator *op, struct window *window)
{
    const struct shape *in = &tflite_operand(&im->walk, op, 0)->shape,
                       *out = &im->walk.file->tensors[op->outputs[0]].shape;
    if (in->rank != 4 || out->rank != 4 ||
        !tflite_window(window, op, in->dim[1], in->dim[2], out->dim[1], out->dim[2])) {
        tflite_contradiction(&im->walk, "input, window and output sizes do not agree");
        return false;
    }
    return true;
}

static int bias_of(struct tflite_float *im, const struct tflite_operator *op, int *inputs)
{
    if (!tflite_operand(&im->walk, op, 2))
        return 2;
    inputs[2] = float_input(im, op, 2);
    return 3;
}

void tflite_float_conv(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const bool depthwise = op->code == TFLITE_DEPTHWISE_CONV_2D;
    int inputs[3] = {float_input(im, op, 0), -1, -1};
    const struct tflite_tensor *weights = tflite_operand(&im->walk, op, 1);
    if (inputs[0] < 0)
        return;
    if (!weights || weights->shape.rank != 4 || tflite_operand(&im->walk, op, 0)->shape.rank != 4) {
        tflite_contradiction(&im->walk, "input and weights must have four dimensions");
        return;
    }
    const int *dim = weights->shape.dim, in_c = tflite_operand(&im->walk, op, 0)->shape.dim[3];
    const int out_c = depthwise ? dim[3] : dim[0], kh = dim[1], kw = dim[2];
    struct window window = {.kernel_h = kh, .kernel_w = kw};
    if (depthwise ? dim[0] != 1 || out_c % in_c != 0 : in_c % dim[3] != 0 || out_c % (in_c / dim[3]) != 0) {
        tflite_contradiction(&im->walk, "weights and channels do not agree");
        return;
    }
    if (!set_window(im, op, &window))
        return;
    if (depthwise) {
        const float *data = float_constant(im, weights);
        if (!data)
            return;
        float *turned = ARENA_ARRAY(im->walk.arena, float, (size_t)kh *(size_t)kw *(size_t)out_c);
        for (int c = 0; c < out_c; c++)
            for (int tap = 0; tap < kh * kw; tap++)
                turned[(int64_t)c * kh * kw + tap] = data[(int64_t)tap * out_c + c];
        inputs[1] = model_add_constant(im->model, tflite_unique_name(&im->walk, weights->name),
                                       shape_of(4, out_c, kh, kw, 1), turned);
    } else {
        inputs[1] = float_input(im, op, 1);
    }
    const int n = bias_of(im, op, inputs);
    if (inputs[1] < 0 || (n > 2 && inputs[2] < 0))
        return;
    struct node *node = float_emit(im, op, OP_CONV, inputs, n);
    node->window = window;
    node->group = depthwise ? in_c : in_c / dim[3];
    float_activate(im, op);
}

void tflite_float_fully_connected(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    int inputs[3] = {float_input(im, op, 0), float_input(im, op, 1), -1};
    const int n = bias_of(im, op, inputs);
    if (inputs[0] < 0 || inputs[1] < 0 || (n > 2 && inputs[2] < 0))
        return;
    const struct shape *in = &im->model->tensors[inputs[0]].shape,
                       *weights = &im->model->tensors[inputs[1]].shape;
    const int64_t elements = shape_elements(in);
    if (weights->rank != 2 || elements % weights->dim[1] != 0 || op->weights_format) {
        tflite_problem(&im->walk, "only rows of plain weights can be multiplied");
        return;
    }
    const struct shape rows = shape_of(2, (int)(elements / weights->dim[1]), weights->dim[1]);
    const struct shape out = shape_of(2, rows.dim[0], weights->dim[0]);
    if (!shape_equal(in, &rows)) {
        struct node *flat = model_add_node(
            im->model, OP_RESHAPE,
            tflite_unique_name(
                &im->walk, arena_printf(im->walk.arena, "%s/flat", tflite_operand(&im->walk, op, 1)->name)),
            inputs, 1);
        im->model->tensors[flat->output].shape = rows;
        inputs[0] = flat->output;
    }
    if (!shape_equal(&out, &im->walk.file->tensors[op->outputs[0]].shape)) {
        tflite_problem(&im->walk, "more than two dimensions come out; reshape after it");
        return;
    }
    float_emit(im, op, OP_GEMM, inputs, n);
    float_activate(im, op);
}

void tflite_float_binary(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int inputs[2] = {float_input(im, op, 0), float_input(im, op, 1)};
    if (inputs[0] < 0 || inputs[1] < 0)
        return;
    float_emit(im, op, op->code == TFLITE_ADD ? OP_ADD : op->code == TFLITE_MUL ? OP_MUL : OP_SUB, inputs, 2);
    float_activate(im, op);
}

void tflite_float_pool(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    struct window window = {.kernel_h = op->kernel_h, .kernel_w = op->kernel_w};
    struct tflite_operator plain = *op;
    plain.dilation_h = plain.dilation_w = 1;
    if (in < 0 || !set_window(im, &plain, &window))
        return;
    float_emit(im, op, op->code == TFLITE_MAX_POOL_2D ? OP_MAX_POOL : OP_AVERAGE_POOL, &in, 1)->window =
        window;
    float_activate(im, op);
}

void tflite_float_mean(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    const struct tflite_tensor *axes = in < 0 ? NULL : float_ints(im, op, 1, -1);
    bool reduced[MODEL_MAX_RANK] = {false};
    if (!axes)
        return;
    const int rank = tflite_operand(&im->walk, op, 0)->shape.rank;
    for (int64_t i = 0; i < shape_elements(&axes->shape); i++) {
        int64_t axis = tflite_int(axes, (size_t)i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank) {
            tflite_contradiction(&im->walk, "an axis is outside the input's dimensions");
            return;
        }
        reduced[axis] = true;
    }
    struct node *node = float_emit(im, op, OP_REDUCE_MEAN, &in, 1);
    node->keep_dims = op->keep_dims;
    for (int i = 0; i < rank; i++)
        if (reduced[i])
            node->axes[node->n_axes++] = i;
}

void tflite_float_unary(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    struct node *node;
    if (in < 0)
        return;
    switch (op->code) {
    case TFLITE_LOGISTIC:
        float_emit(im, op, OP_SIGMOID, &in, 1);
        return;
    case TFLITE_HARD_SWISH:
        float_emit(im, op, OP_HARD_SWISH, &in, 1);
        return;
    case TFLITE_TANH:
        float_emit(im, op, OP_TANH, &in, 1);
        return;
    case TFLITE_SOFTMAX:
        if (op->beta != 1) {
            tflite_problem(&im->walk, "beta must be 1");
            return;
        }
        node = float_emit(im, op, OP_SOFTMAX, &in, 1);
        node->axis = im->model->tensors[in].shape.rank - 1;
        return;
    }
    node = float_emit(im, op, OP_CLIP, &in, 1);
    tflite_clip(op->code == TFLITE_RELU6          ? TFLITE_ACT_RELU6
                : op->code == TFLITE_RELU_N1_TO_1 ? TFLITE_ACT_RELU_N1_TO_1
                                                  : TFLITE_ACT_RELU,
                &node->act_min, &node->act_max);
}
