/*
 * tflite_float.c - a float TensorFlow Lite file as a model. Both keep feature maps as (n, h, w, c) and
 * convolution weights as (oc, kh, kw, ic), so only depthwise weights, (1, kh, kw, oc) in the file, are
 * turned. Weights that a converter stored in 16 bits or as int8 with scales become floats.
 */
#include "model/tflite_float.h"

#include "base/error.h"
#include "model/name_table.h"

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

float *float_constant(struct tflite_float *im, const struct tflite_tensor *tensor)
{
    const int64_t n = shape_elements(&tensor->shape);
    if (!convertible(tensor)) {
        tflite_problem(&im->walk,
                       arena_printf(im->walk.arena,
                                    "'%s' must be a constant of FLOAT32, FLOAT16, or INT8 with scales",
                                    tensor->name));
        return NULL;
    }
    if (im->floats + n > SHAPE_MAX_ELEMENTS) {
        tflite_contradiction(&im->walk, "the constants are larger than any network");
        return NULL;
    }
    im->floats += n;
    float *data = ARENA_ARRAY(im->walk.arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        data[i] = value_of(tensor, i);
    return data;
}

int float_input(struct tflite_float *im, const struct tflite_operator *op, int i)
{
    const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, i);
    if (!tensor) {
        tflite_contradiction(&im->walk, "an input is missing");
        return -1;
    }
    const int at = op->inputs[i];
    if (im->id[at] < 0 && tensor->data) {
        const float *data = float_constant(im, tensor);
        if (data)
            im->id[at] = model_add_constant(im->model, tflite_unique_name(&im->walk, tensor->name),
                                            tensor->shape, data);
    }
    return im->id[at]; /* what an unsupported operator should have written was reported there */
}

const struct tflite_tensor *float_ints(struct tflite_float *im, const struct tflite_operator *op, int i,
                                       int64_t n)
{
    const struct tflite_tensor *tensor = tflite_operand(&im->walk, op, i);
    if (tensor && tensor->data && (tensor->type == TFLITE_INT32 || tensor->type == TFLITE_INT64) &&
        (n < 0 || shape_elements(&tensor->shape) == n))
        return tensor;
    tflite_problem(&im->walk, "its parameters must be constants");
    return NULL;
}

struct node *float_emit(struct tflite_float *im, const struct tflite_operator *op, enum op kind,
                        const int *inputs, int n)
{
    const int id = op->outputs[0];
    const char *name = tflite_unique_name(&im->walk, im->walk.file->tensors[id].name);
    struct node *node = model_add_node(im->model, kind, name, inputs, n);
    struct tensor *out = &im->model->tensors[node->output];
    out->name = name;
    out->shape = im->walk.file->tensors[id].shape;
    im->id[id] = node->output;
    return node;
}

void float_activate(struct tflite_float *im, const struct tflite_operator *op)
{
    float min, max;
    const int id = op->outputs[0];
    if (op->activation == TFLITE_ACT_NONE)
        return;
    if (!tflite_clip(op->activation, &min, &max)) {
        tflite_problem(&im->walk, "fused activation; RELU and RELU6 can be fused");
        return;
    }
    struct node *node = &im->model->nodes[im->model->n_nodes - 1];
    if (node->op != OP_CONV && node->op != OP_GEMM && node->op != OP_ADD && node->op != OP_MUL) {
        const int before = node->output;
        im->model->tensors[before].name =
            tflite_unique_name(&im->walk, arena_printf(im->walk.arena, "%s/linear", node->name));
        node->name = im->model->tensors[before].name;
        name_table_set(im->walk.names, node->name, 1);
        struct tflite_operator plain = *op;
        node = float_emit(im, &plain, OP_CLIP, &before, 1);
    } else {
        node->act = ACT_CLIP;
    }
    node->act_min = min;
    node->act_max = max;
    im->id[id] = node->output;
}

/* What the file says must be what follows from the operators. */
static int check_shapes(struct tflite_float *im)
{
    int rc = shape_infer(im->model);
    for (int i = 0; i < im->walk.file->n_tensors && !rc; i++) {
        const struct tflite_tensor *tensor = &im->walk.file->tensors[i];
        if (im->id[i] < 0 || tensor->data)
            continue;
        const struct shape *shape = &im->model->tensors[im->id[i]].shape;
        if (!shape_equal(shape, &tensor->shape))
            rc = error_input("%s: tensor '%s' is said to have shape %s, but has %s", im->walk.file->path,
                             tensor->name, shape_text(&tensor->shape, im->walk.arena),
                             shape_text(shape, im->walk.arena));
    }
    return rc;
}

static int set_outputs(struct tflite_float *im)
{
    const struct tflite *file = im->walk.file;
    for (int i = 0; i < file->n_outputs; i++) {
        if (im->id[file->outputs[i]] < 0)
            return error_input("%s: output '%s' is a constant", file->path,
                               file->tensors[file->outputs[i]].name);
        model_set_output(im->model, im->id[file->outputs[i]]);
    }
    return check_shapes(im);
}

static tflite_handler *const handlers[TFLITE_HANDLERS] = {
    [TFLITE_CONV_2D] = tflite_float_conv,
    [TFLITE_DEPTHWISE_CONV_2D] = tflite_float_conv,
    [TFLITE_FULLY_CONNECTED] = tflite_float_fully_connected,
    [TFLITE_ADD] = tflite_float_binary,
    [TFLITE_SUB] = tflite_float_binary,
    [TFLITE_MUL] = tflite_float_binary,
    [TFLITE_AVERAGE_POOL_2D] = tflite_float_pool,
    [TFLITE_MAX_POOL_2D] = tflite_float_pool,
    [TFLITE_MEAN] = tflite_float_mean,
    [TFLITE_PAD] = tflite_float_pad,
    [TFLITE_RESHAPE] = tflite_float_reshape,
    [TFLITE_SQUEEZE] = tflite_float_reshape,
    [TFLITE_EXPAND_DIMS] = tflite_float_reshape,
    [TFLITE_TRANSPOSE] = tflite_float_transpose,
    [TFLITE_CONCATENATION] = tflite_float_concat,
    [TFLITE_LOGISTIC] = tflite_float_unary,
    [TFLITE_TANH] = tflite_float_unary,
    [TFLITE_HARD_SWISH] = tflite_float_unary,
    [TFLITE_SOFTMAX] = tflite_float_unary,
    [TFLITE_RELU] = tflite_float_unary,
    [TFLITE_RELU6] = tflite_float_unary,
    [TFLITE_RELU_N1_TO_1] = tflite_float_unary,
    [TFLITE_DEQUANTIZE] = tflite_float_dequantize,
    [TFLITE_RESIZE_NEAREST_NEIGHBOR] = tflite_float_resize,
    [TFLITE_STRIDED_SLICE] = tflite_float_slice,
};

int tflite_to_model(struct model **out, const struct tflite *file, struct arena *arena)
{
    struct tflite_float im = {.walk = tflite_walk_begin(file, arena),
                              .model = model_create(arena, "main"),
                              .id = ARENA_ARRAY(arena, int, (size_t)file->n_tensors + 1)};
    for (int i = 0; i < file->n_tensors; i++)
        im.id[i] = -1;
    for (int i = 0; i < file->n_inputs; i++) {
        const struct tflite_tensor *tensor = &file->tensors[file->inputs[i]];
        if (tensor->type != TFLITE_FLOAT32 || tensor->data)
            return error_unsupported("%s: input '%s' is %s, expected FLOAT32 (or an int8 network throughout)",
                                     file->path, tensor->name, tflite_type_name(tensor->type));
        im.id[file->inputs[i]] =
            model_add_tensor(im.model, tflite_unique_name(&im.walk, tensor->name), tensor->shape);
        model_set_input(im.model, im.id[file->inputs[i]]);
    }
    tflite_walk_run(&im.walk, handlers,
                    "not an operator mcunet knows; run it outside the network, or train without it", &im);
    int rc = tflite_walk_end(&im.walk, "float");
    if (!rc)
        rc = set_outputs(&im);
    if (!rc)
        *out = im.model;
    return rc;
}
