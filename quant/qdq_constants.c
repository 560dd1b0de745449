#include "quant/qdq_constants.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/name_table.h"

struct qdq_constants qdq_constants_create(const char *path, size_t capacity, struct arena *arena)
{
    return (struct qdq_constants){.path = path,
                                  .arena = arena,
                                  .tensors = ARENA_ARRAY(arena, Onnx__TensorProto *, capacity),
                                  .names = name_table_create(arena)};
}

int qdq_constants_add(struct qdq_constants *constants, Onnx__TensorProto *tensor)
{
    if (!tensor->name || !*tensor->name)
        return error_input("%s: a tensor has no name", constants->path);
    if (qdq_constants_find(constants, tensor->name))
        return error_input("%s: tensor '%s' is defined twice", constants->path, tensor->name);
    name_table_set(constants->names, tensor->name, (int)constants->n);
    constants->tensors[constants->n++] = tensor;
    return 0;
}

const Onnx__TensorProto *qdq_constants_find(const struct qdq_constants *constants, const char *name)
{
    const int index = name ? name_table_find(constants->names, name) : -1;
    return index < 0 ? NULL : constants->tensors[index];
}

const char *qdq_node_name(const Onnx__NodeProto *node)
{
    return node->name && *node->name ? node->name : node->op_type ? node->op_type : "?";
}

static const Onnx__AttributeProto *attribute(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->name && strcmp(node->attribute[i]->name, name) == 0)
            return node->attribute[i];
    return NULL;
}

int64_t qdq_attribute_int(const Onnx__NodeProto *node, const char *name, int64_t absent)
{
    const Onnx__AttributeProto *found = attribute(node, name);
    return found ? found->i : absent;
}

float qdq_attribute_float(const Onnx__NodeProto *node, const char *name, float absent)
{
    const Onnx__AttributeProto *found = attribute(node, name);
    return found ? found->f : absent;
}

Onnx__TensorProto *qdq_constant_node(const Onnx__NodeProto *node, struct arena *arena)
{
    if (!node->op_type || strcmp(node->op_type, "Constant") != 0 || node->n_output != 1)
        return NULL;
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->t) {
            Onnx__TensorProto *tensor = arena_copy(arena, node->attribute[i]->t, sizeof(*tensor));
            tensor->name = node->output[0];
            return tensor;
        }
    return NULL;
}

int qdq_parameters_read(struct qdq_parameters *out, const struct qdq_constants *constants,
                        const Onnx__NodeProto *node)
{
    const char *path = constants->path;
    const Onnx__TensorProto *scale = node->n_input > 1 ? qdq_constants_find(constants, node->input[1]) : NULL;
    const Onnx__TensorProto *zero = node->n_input > 2 ? qdq_constants_find(constants, node->input[2]) : NULL;
    struct shape shape;
    int64_t n_zero = 0;
    if (!scale || (node->n_input > 2 && *node->input[2] && !zero))
        return error_unsupported("%s: layer '%s': scale and zero point must be initializers", path,
                                 qdq_node_name(node));
    int rc = onnx_tensor_shape(&shape, scale, path);
    if (!rc)
        rc = onnx_tensor_floats(&out->scales, scale, path, constants->arena);
    if (rc)
        return rc;
    out->n = shape_elements(&shape);
    out->zero_points = NULL;
    out->type = zero ? zero->data_type : ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    if (zero && (rc = onnx_tensor_ints(&out->zero_points, &n_zero, zero, path, constants->arena)))
        return rc;
    if (zero && n_zero != out->n)
        return error_input("%s: layer '%s': %lld scales but %lld zero points", path, qdq_node_name(node),
                           (long long)out->n, (long long)n_zero);
    for (int64_t i = 0; i < out->n; i++)
        if (!(out->scales[i] > 0) || !isfinite(out->scales[i]))
            return error_input("%s: layer '%s': scale %g is not positive", path, qdq_node_name(node),
                               (double)out->scales[i]);
    return 0;
}

int qdq_zero_point(const struct qdq_parameters *parameters)
{
    const int zero_point = parameters->zero_points ? (int)parameters->zero_points[0] : 0;
    return parameters->type == ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 ? zero_point - 128 : zero_point;
}
