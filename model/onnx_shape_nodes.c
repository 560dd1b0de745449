/*
 * Translators of what exporters build shapes from: integers that are known at import, because every shape is.
 * Nothing of this reaches the model.
 */
#include <string.h>

#include "model/onnx_import.h"
#include "model/transpose.h"

int import_constant_node(struct onnx_import *im, struct import_node *node)
{
    const Onnx__AttributeProto *attribute;
    if ((attribute = import_attribute(node, "value")) && attribute->t) {
        const Onnx__TensorProto *proto = attribute->t;
        if (proto->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
            const int64_t *ints;
            int64_t n;
            node->rc = onnx_tensor_ints(&ints, &n, proto, im->path, im->scratch);
            if (!node->rc)
                import_bind_ints(im, node, ints, n, proto->n_dims == 0);
            return node->rc;
        }
        struct shape shape;
        const float *data;
        node->rc = onnx_tensor_shape(&shape, proto, im->path);
        if (!node->rc)
            node->rc = onnx_tensor_floats(&data, proto, im->path, im->arena);
        if (node->rc)
            return node->rc;
        const char *name =
            onnx_proto_text(node->proto->n_output ? node->proto->output[0] : NULL, im->scratch);
        const int tensor = model_add_constant(im->model, name, shape, data);
        import_bind(im, node, import_from_onnx_order(im, node, tensor));
        return node->rc;
    }
    if ((attribute = import_attribute(node, "value_float"))) {
        const float *data = arena_copy(im->arena, &attribute->f, sizeof attribute->f);
        import_bind(im, node, import_constant(im, node, "value", shape_of(0), data));
        return node->rc;
    }
    if ((attribute = import_attribute(node, "value_int"))) {
        import_bind_ints(im, node, &attribute->i, 1, true);
        return node->rc;
    }
    if ((attribute = import_attribute(node, "value_ints"))) {
        import_bind_ints(im, node, attribute->ints, (int64_t)attribute->n_ints, false);
        return node->rc;
    }
    if ((attribute = import_attribute(node, "value_floats")) && attribute->n_floats) {
        const struct shape shape = {.rank = 1, .dim = {(int)attribute->n_floats}};
        if (attribute->n_floats > SHAPE_MAX_ELEMENTS)
            return import_fail(im, node, "too large");
        const float *data = arena_copy(im->arena, attribute->floats, attribute->n_floats * sizeof *data);
        import_bind(im, node, import_constant(im, node, "value", shape, data));
        return node->rc;
    }
    return import_unsupported(im, node, "no float or integer value");
}

int import_shape_node(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    if (node->rc)
        return node->rc;
    const struct shape shape = import_onnx_shape(im, in);
    int64_t start = import_int(im, node, "start", 0), end = import_int(im, node, "end", shape.rank);
    start = start < 0 ? start + shape.rank : start;
    end = end < 0 ? end + shape.rank : end;
    start = start < 0 ? 0 : start > shape.rank ? shape.rank : start;
    end = end < start ? start : end > shape.rank ? shape.rank : end;
    int64_t *ints = ARENA_ARRAY(im->scratch, int64_t, (size_t)(end - start));
    for (int64_t i = start; i < end; i++)
        ints[i - start] = shape.dim[i];
    import_bind_ints(im, node, ints, end - start, false);
    return node->rc;
}

int import_gather(struct onnx_import *im, struct import_node *node)
{
    int64_t n, n_indices;
    const int64_t *ints = import_ints(im, node, 0, &n), *indices = import_ints(im, node, 1, &n_indices);
    const struct import_value *index = import_value_of(im, node, 1);
    import_axis(im, node, import_int(im, node, "axis", 0), 1);
    if (node->rc)
        return node->rc;
    int64_t *picked = ARENA_ARRAY(im->scratch, int64_t, (size_t)n_indices);
    for (int64_t i = 0; i < n_indices; i++) {
        if (indices[i] < -n || indices[i] >= n)
            return import_fail(im, node, "index %lld of %lld", (long long)indices[i], (long long)n);
        picked[i] = ints[indices[i] < 0 ? indices[i] + n : indices[i]];
    }
    import_bind_ints(im, node, picked, n_indices, index->scalar);
    return node->rc;
}

/* Rank changes of integers: a scalar becomes a vector of one, or back. Values stay. */
static int import_rank_change(struct onnx_import *im, struct import_node *node, bool to_scalar)
{
    int64_t n;
    const int64_t *ints = import_ints(im, node, 0, &n);
    if (!node->rc && to_scalar && n != 1)
        return import_fail(im, node, "%lld integers do not squeeze", (long long)n);
    import_bind_ints(im, node, ints, n, to_scalar);
    return node->rc;
}

/* Axes as attribute (before opset 13) or input. */
static const int64_t *squeeze_axes(struct onnx_import *im, struct import_node *node, int64_t *n)
{
    if (im->opset >= 13 && import_has_input(node, 1))
        return import_ints(im, node, 1, n);
    size_t count;
    const int64_t *axes = import_int_list(im, node, "axes", &count);
    *n = (int64_t)count;
    return axes;
}

/* Squeeze and Unsqueeze of a float tensor are Reshapes between shapes in ONNX order. */
static int reshaped_to(struct onnx_import *im, struct import_node *node, int in, const struct shape *out)
{
    const int source = import_to_onnx_order(im, node, in);
    import_bind(im, node, import_from_onnx_order(im, node, import_reshape(im, node, source, out)));
    return node->rc;
}

int import_squeeze(struct onnx_import *im, struct import_node *node)
{
    const struct import_value *value = import_value_of(im, node, 0);
    if (!value || value->tensor < 0)
        return import_rank_change(im, node, true);
    int64_t n;
    const int64_t *axes = squeeze_axes(im, node, &n);
    const struct shape shape = import_onnx_shape(im, value->tensor);
    bool dropped[MODEL_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++)
        dropped[import_axis(im, node, axes[i], shape.rank)] = true;
    if (node->rc)
        return node->rc;
    struct shape out = {0};
    for (int i = 0; i < shape.rank; i++) {
        if (dropped[i] && shape.dim[i] != 1)
            return import_fail(im, node, "axis %d has %d elements", i, shape.dim[i]);
        if (!(n ? dropped[i] : shape.dim[i] == 1))
            out.dim[out.rank++] = shape.dim[i];
    }
    return reshaped_to(im, node, value->tensor, &out);
}

int import_unsqueeze(struct onnx_import *im, struct import_node *node)
{
    const struct import_value *value = import_value_of(im, node, 0);
    if (!value || value->tensor < 0)
        return import_rank_change(im, node, false);
    int64_t n;
    const int64_t *axes = squeeze_axes(im, node, &n);
    const struct shape shape = import_onnx_shape(im, value->tensor);
    if (node->rc || n > MODEL_MAX_RANK - shape.rank)
        return import_fail(im, node, "result of rank above %d", MODEL_MAX_RANK);
    struct shape out = {.rank = shape.rank + (int)n};
    bool inserted[MODEL_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++) {
        const int axis = import_axis(im, node, axes[i], out.rank);
        if (inserted[axis])
            return import_fail(im, node, "axis %d twice", axis);
        inserted[axis] = true;
    }
    for (int i = 0, from = 0; i < out.rank; i++)
        out.dim[i] = inserted[i] ? 1 : shape.dim[from++];
    return node->rc ? node->rc : reshaped_to(im, node, value->tensor, &out);
}

int import_cast(struct onnx_import *im, struct import_node *node)
{
    const struct import_value *value = import_value_of(im, node, 0);
    const int64_t to = import_int(im, node, "to", 0);
    if (node->rc)
        return node->rc;
    const bool to_float = to == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    const bool to_integer =
        to == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 || to == ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
    if (value->tensor >= 0 && to_float)
        import_bind(im, node, import_unary(im, node, OP_IDENTITY, value->tensor));
    else if (value->tensor < 0 && to_integer)
        import_bind_ints(im, node, value->ints, value->n_ints, value->scalar);
    else
        return import_unsupported(im, node, "to type %lld", (long long)to);
    return node->rc;
}
