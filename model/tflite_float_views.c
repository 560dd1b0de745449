/*
 * tflite_float_views.c - operators that move data, from a float TensorFlow Lite file to the model.
 */
#include "model/tflite_float.h"

void tflite_float_pad(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    const int rank = in < 0 ? 0 : tflite_operand(&im->walk, op, 0)->shape.rank;
    const struct tflite_tensor *amounts = in < 0 ? NULL : float_ints(im, op, 1, 2 * rank);
    if (!amounts)
        return;
    struct node *node = float_emit(im, op, OP_PAD, &in, 1);
    for (int i = 0; i < 2 * rank; i++) {
        const int64_t amount = tflite_int(amounts, (size_t)i);
        if (amount < 0 || amount > SHAPE_MAX_DIM) {
            tflite_contradiction(&im->walk, "padding must be 0 to 65536");
            return;
        }
        node->pads[i % 2 * rank + i / 2] = (int)amount;
    }
}

void tflite_float_reshape(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    if (in < 0)
        return;
    if (shape_elements(&im->model->tensors[in].shape) !=
        shape_elements(&im->walk.file->tensors[op->outputs[0]].shape))
        tflite_contradiction(&im->walk, "input and output differ in size");
    else
        float_emit(im, op, OP_RESHAPE, &in, 1);
}

void tflite_float_transpose(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    const int rank = in < 0 ? 0 : tflite_operand(&im->walk, op, 0)->shape.rank;
    const struct tflite_tensor *order = in < 0 ? NULL : float_ints(im, op, 1, rank);
    unsigned seen = 0;
    if (!order)
        return;
    struct node *node = float_emit(im, op, OP_TRANSPOSE, &in, 1);
    for (int i = 0; i < rank; i++) {
        const int64_t from = tflite_int(order, (size_t)i);
        if (from < 0 || from >= rank || seen & 1u << from) {
            tflite_contradiction(&im->walk, "the order of dimensions is no permutation");
            return;
        }
        seen |= 1u << from;
        node->permutation[i] = (int)from;
    }
}

void tflite_float_concat(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    int inputs[TFLITE_MAX_INPUTS];
    const int rank = im->walk.file->tensors[op->outputs[0]].shape.rank,
              axis = op->axis + (op->axis < 0 ? rank : 0);
    for (int i = 0; i < op->n_inputs; i++)
        if ((inputs[i] = float_input(im, op, i)) < 0)
            return;
    if (axis < 0 || axis >= rank) {
        tflite_contradiction(&im->walk, "the axis is outside the output's dimensions");
        return;
    }
    float_emit(im, op, OP_CONCAT, inputs, op->n_inputs)->axis = axis;
    float_activate(im, op);
}

/* Constants stored in fewer bits. */
void tflite_float_dequantize(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, 0);
    const float *data = tensor && tensor->data ? float_constant(im, tensor) : NULL;
    if (data)
        im->id[op->outputs[0]] = model_add_constant(
            im->model, tflite_unique_name(&im->walk, im->walk.file->tensors[op->outputs[0]].name),
            tensor->shape, data);
    else if (!tensor || !tensor->data)
        tflite_problem(
            &im->walk,
            "integers inside a float network; convert it as float, or with full-integer quantization");
}

void tflite_float_resize(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const int in = float_input(im, op, 0);
    const char *what = tflite_resize_problem(im->walk.file, op);
    if (in < 0)
        return;
    if (what) {
        tflite_problem(&im->walk, what);
        return;
    }
    struct node *node = float_emit(im, op, OP_RESIZE, &in, 1);
    tflite_resize_rule(op, &node->coordinates, &node->rounding);
}

void tflite_float_slice(void *context, const struct tflite_operator *op)
{
    struct tflite_float *im = context;
    const struct tflite_tensor *strides = float_ints(im, op, 3, -1);
    const int in = float_input(im, op, 0);
    bool whole = strides && in >= 0 &&
                 shape_equal(&im->model->tensors[in].shape, &im->walk.file->tensors[op->outputs[0]].shape);
    for (int64_t i = 0; whole && i < shape_elements(&strides->shape); i++)
        whole = tflite_int(strides, (size_t)i) == 1;
    if (whole)
        im->id[op->outputs[0]] = in;
    else if (strides && in >= 0)
        tflite_problem(&im->walk, "cuts a part out of a feature map; crop before the network");
}
