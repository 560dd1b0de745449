/* Translators of activations and elementwise arithmetic. */
#include <math.h>

#include "model/onnx_import.h"

static int activation(struct onnx_import *im, struct import_node *node, enum op op, float alpha, float beta)
{
    const int in = import_tensor(im, node, 0);
    struct node draft = import_draft(op, 1, &in);
    draft.alpha = alpha;
    draft.beta = beta;
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

static int clip(struct onnx_import *im, struct import_node *node, float min, float max)
{
    const int in = import_tensor(im, node, 0);
    struct node draft = import_draft(OP_CLIP, 1, &in);
    draft.act_min = min;
    draft.act_max = max;
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

int import_relu(struct onnx_import *im, struct import_node *node)
{
    return clip(im, node, 0, INFINITY);
}

int import_clip(struct onnx_import *im, struct import_node *node)
{
    float min = -INFINITY, max = INFINITY;
    if (im->opset < 11) {
        min = import_float(im, node, "min", min);
        max = import_float(im, node, "max", max);
    } else {
        if (import_has_input(node, 1))
            min = import_constant_float(im, node, 1);
        if (import_has_input(node, 2))
            max = import_constant_float(im, node, 2);
    }
    if (isnan(min) || isnan(max))
        return import_fail(im, node, "limits %g, %g", (double)min, (double)max);
    if (min > max)
        min = max; /* as ONNX defines it: min(max, max(x, min)) */
    return clip(im, node, min, max);
}

int import_sigmoid(struct onnx_import *im, struct import_node *node)
{
    return activation(im, node, OP_SIGMOID, 0, 0);
}

int import_tanh(struct onnx_import *im, struct import_node *node)
{
    return activation(im, node, OP_TANH, 0, 0);
}

int import_hard_sigmoid(struct onnx_import *im, struct import_node *node)
{
    const float alpha = import_float(im, node, "alpha", 0.2f), beta = import_float(im, node, "beta", 0.5f);
    return activation(im, node, OP_HARD_SIGMOID, alpha, beta);
}

int import_hard_swish(struct onnx_import *im, struct import_node *node)
{
    return activation(im, node, OP_HARD_SWISH, 0, 0);
}

int import_identity(struct onnx_import *im, struct import_node *node)
{
    const struct import_value *value = import_value_of(im, node, 0);
    if (!value)
        return node->rc;
    if (value->tensor < 0)
        import_bind_ints(im, node, value->ints, value->n_ints, value->scalar);
    else if (im->model->tensors[value->tensor].constant)
        import_bind(im, node, value->tensor);
    else
        import_bind(im, node, import_unary(im, node, OP_IDENTITY, value->tensor));
    return node->rc;
}

int import_dropout(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    if (im->opset >= 12 && import_has_input(node, 2)) {
        int64_t n;
        const int64_t *training = import_ints(im, node, 2, &n);
        if (n && training[0])
            return import_unsupported(im, node, "training_mode; export the network in evaluation mode");
    }
    import_bind(im, node, import_unary(im, node, OP_IDENTITY, in));
    return node->rc;
}

/* An input of lower rank than the rank-4 other one, as rank 4 with the channel axis last. */
static int raised_to_rank_4(struct onnx_import *im, struct import_node *node, int tensor)
{
    const struct shape *in = import_shape(im, tensor);
    if (in->rank == 4 || shape_elements(in) == 1)
        return tensor;
    struct shape shape = shape_of(4, 1, 1, 1, 1);
    for (int i = 0; i < in->rank; i++)
        shape.dim[4 - in->rank + i] = in->dim[i];
    return import_from_onnx_order(im, node, import_reshape(im, node, tensor, &shape));
}

/* op of two tensors, brought to a common axis order. */
static int arithmetic(struct onnx_import *im, struct import_node *node, enum op op, int a, int b)
{
    if (node->rc)
        return node->rc;
    const int rank_a = import_shape(im, a)->rank, rank_b = import_shape(im, b)->rank;
    const int rank = rank_a > rank_b ? rank_a : rank_b;
    if (rank == 4) {
        a = raised_to_rank_4(im, node, a);
        b = raised_to_rank_4(im, node, b);
    } else {
        a = import_to_onnx_order(im, node, a); /* beside rank 5 or 6 */
        b = import_to_onnx_order(im, node, b);
    }
    import_bind(im, node, import_binary(im, node, op, a, b));
    return node->rc;
}

int import_add(struct onnx_import *im, struct import_node *node)
{
    return arithmetic(im, node, OP_ADD, import_tensor(im, node, 0), import_tensor(im, node, 1));
}

int import_sub(struct onnx_import *im, struct import_node *node)
{
    return arithmetic(im, node, OP_SUB, import_tensor(im, node, 0), import_tensor(im, node, 1));
}

int import_mul(struct onnx_import *im, struct import_node *node)
{
    return arithmetic(im, node, OP_MUL, import_tensor(im, node, 0), import_tensor(im, node, 1));
}

/* Only by constants, as a product with their reciprocals. */
int import_div(struct onnx_import *im, struct import_node *node)
{
    const int a = import_tensor(im, node, 0), b = import_tensor(im, node, 1);
    if (node->rc)
        return node->rc;
    const struct tensor divisor = im->model->tensors[b];
    if (!divisor.constant)
        return import_unsupported(im, node, "by '%s', which is not a constant", divisor.name);
    const int64_t n = shape_elements(&divisor.shape);
    float *data = ARENA_ARRAY(im->arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        if (divisor.data[i] == 0)
            return import_fail(im, node, "by zero");
        data[i] = 1 / divisor.data[i];
    }
    return arithmetic(im, node, OP_MUL, a, import_constant(im, node, "reciprocal", divisor.shape, data));
}
