#include "model/onnx_import.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/name_table.h"
#include "model/transpose.h"

int import_fail(struct onnx_import *im, struct import_node *node, const char *fmt, ...)
{
    if (!node->rc) {
        va_list args;
        va_start(args, fmt);
        const char *why = arena_vprintf(im->scratch, fmt, args);
        va_end(args);
        node->rc = error_input("%s: layer '%s' (%s): %s", im->path, node->name, node->op, why);
    }
    return node->rc;
}

int import_unsupported(struct onnx_import *im, struct import_node *node, const char *fmt, ...)
{
    if (!node->rc) {
        va_list args;
        va_start(args, fmt);
        const char *why = arena_vprintf(im->scratch, fmt, args);
        va_end(args);
        node->rc = error_unsupported("%s: layer '%s' (%s): %s", im->path, node->name, node->op, why);
    }
    return node->rc;
}

/* ---- inputs ---- */

bool import_has_input(const struct import_node *node, size_t index)
{
    return index < node->proto->n_input && node->proto->input[index] && *node->proto->input[index];
}

const struct import_value *import_value_of(struct onnx_import *im, struct import_node *node, size_t index)
{
    if (!import_has_input(node, index)) {
        import_fail(im, node, "input %zu is missing", index);
        return NULL;
    }
    const int found =
        name_table_find(im->value_names, onnx_proto_text(node->proto->input[index], im->scratch));
    if (found < 0) {
        import_fail(im, node, "reads '%s', which nothing before it writes",
                    onnx_proto_text(node->proto->input[index], im->scratch));
        return NULL;
    }
    return &im->values[found];
}

int import_tensor(struct onnx_import *im, struct import_node *node, size_t index)
{
    const struct import_value *value = import_value_of(im, node, index);
    if (value && value->tensor < 0)
        import_unsupported(im, node, "input '%s' is an integer tensor, expected float", value->name);
    return node->rc ? 0 : value->tensor;
}

const int64_t *import_ints(struct onnx_import *im, struct import_node *node, size_t index, int64_t *n)
{
    const struct import_value *value = import_value_of(im, node, index);
    *n = 0;
    if (value && value->tensor >= 0)
        import_unsupported(im, node, "input '%s' must be integers known before the network runs",
                           value->name);
    if (node->rc)
        return NULL;
    *n = value->n_ints;
    return value->ints;
}

float import_constant_float(struct onnx_import *im, struct import_node *node, size_t index)
{
    const struct import_value *value = import_value_of(im, node, index);
    const struct tensor *tensor = value && value->tensor >= 0 ? &im->model->tensors[value->tensor] : NULL;
    if (value && (!tensor || !tensor->constant || shape_elements(&tensor->shape) != 1))
        import_unsupported(im, node, "input '%s' must be one float constant", value->name);
    return node->rc ? 0 : tensor->data[0];
}

const struct shape *import_shape(const struct onnx_import *im, int tensor)
{
    return &im->model->tensors[tensor].shape;
}

struct shape import_onnx_shape(const struct onnx_import *im, int tensor)
{
    const struct shape *shape = import_shape(im, tensor);
    return shape->rank == 4 ? shape_transposed(shape, NHWC_TO_NCHW) : *shape;
}

/* ---- attributes ---- */

const Onnx__AttributeProto *import_attribute(const struct import_node *node, const char *name)
{
    for (size_t i = 0; i < node->proto->n_attribute; i++)
        if (node->proto->attribute[i]->name && strcmp(node->proto->attribute[i]->name, name) == 0)
            return node->proto->attribute[i];
    return NULL;
}

/* The attribute when it is there and of this type. */
static const Onnx__AttributeProto *typed(struct onnx_import *im, struct import_node *node, const char *name,
                                         Onnx__AttributeProto__AttributeType type)
{
    const Onnx__AttributeProto *attribute = import_attribute(node, name);
    if (attribute && attribute->ref_attr_name && *attribute->ref_attr_name) {
        import_unsupported(im, node, "attribute '%s' refers to a function's", name);
        return NULL;
    }
    /* Files before IR version 2 leave the type out. */
    if (attribute && attribute->has_type && attribute->type != type) {
        import_fail(im, node, "attribute '%s' has type %d, expected %d", name, (int)attribute->type,
                    (int)type);
        return NULL;
    }
    return attribute;
}

int64_t import_int(struct onnx_import *im, struct import_node *node, const char *name, int64_t fallback)
{
    const Onnx__AttributeProto *attribute = typed(im, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    return attribute ? attribute->i : fallback;
}

float import_float(struct onnx_import *im, struct import_node *node, const char *name, float fallback)
{
    const Onnx__AttributeProto *attribute =
        typed(im, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    return attribute ? attribute->f : fallback;
}

const char *import_string(struct onnx_import *im, struct import_node *node, const char *name,
                          const char *fallback)
{
    const Onnx__AttributeProto *attribute =
        typed(im, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (!attribute)
        return fallback;
    if (!attribute->s.len)
        return "";
    const size_t length = strnlen((const char *)attribute->s.data, attribute->s.len);
    char *text = arena_alloc(im->scratch, length + 1);
    memcpy(text, attribute->s.data, length);
    return onnx_proto_text(text, im->scratch);
}

const int64_t *import_int_list(struct onnx_import *im, struct import_node *node, const char *name, size_t *n)
{
    const Onnx__AttributeProto *attribute =
        typed(im, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    *n = attribute ? attribute->n_ints : 0;
    return attribute ? attribute->ints : NULL;
}

int import_axis(struct onnx_import *im, struct import_node *node, int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank) {
        import_fail(im, node, "axis %lld of rank %d", (long long)axis, rank);
        return 0;
    }
    return (int)(axis < 0 ? axis + rank : axis);
}

int import_stored_axis(int axis, int rank)
{
    return rank == 4 ? NHWC_TO_NCHW[axis] : axis;
}

int import_ranged(struct onnx_import *im, struct import_node *node, int64_t value, int min, int max,
                  const char *what)
{
    if (value >= min && value <= max)
        return (int)value;
    import_fail(im, node, "%s %lld is not in %d..%d", what, (long long)value, min, max);
    return min;
}

/* ---- building ---- */

struct node import_draft(enum op op, int n_inputs, const int *inputs)
{
    struct node draft = {
        .op = op,
        .n_inputs = n_inputs,
        .window =
            {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
        .group = 1,
    };
    memcpy(draft.inputs, inputs, (size_t)n_inputs * sizeof *inputs);
    return draft;
}

/* ONNX names may be empty or repeat; ours are unique. */
static const char *unique_name(struct onnx_import *im, const char *wanted)
{
    const char *name = wanted;
    const int uses = name_table_find(im->node_names, wanted);
    if (uses >= 0) {
        int suffix = uses;
        do
            name = arena_printf(im->arena, "%s_%d", wanted, ++suffix);
        while (name_table_find(im->node_names, name) >= 0);
        name_table_set(im->node_names, wanted, suffix);
    }
    name_table_set(im->node_names, name, 1);
    return name;
}

int import_emit(struct onnx_import *im, struct import_node *node, const struct node *draft,
                const struct shape *shape)
{
    if (node->rc)
        return 0;
    /* The node takes the file's name; helpers beside it are told apart by their operator. */
    const bool may_help =
        draft->op == OP_TRANSPOSE || draft->op == OP_RESHAPE || draft->op == OP_MUL || draft->op == OP_ADD;
    const bool helper = may_help && strcmp(op_name(draft->op), node->op) != 0;
    const char *wanted =
        helper ? arena_printf(im->arena, "%s/%s", node->name, op_name(draft->op)) : node->name;
    struct node *added =
        model_add_node(im->model, draft->op, unique_name(im, wanted), draft->inputs, draft->n_inputs);
    const struct node identity = *added;
    *added = *draft;
    added->name = identity.name;
    added->output = identity.output;
    if (shape)
        im->model->tensors[identity.output].shape = *shape;
    node->rc = shape_infer_node(im->model, im->model->n_nodes - 1);
    return identity.output;
}

int import_unary(struct onnx_import *im, struct import_node *node, enum op op, int input)
{
    const struct node draft = import_draft(op, 1, &input);
    return import_emit(im, node, &draft, NULL);
}

int import_binary(struct onnx_import *im, struct import_node *node, enum op op, int a, int b)
{
    const struct node draft = import_draft(op, 2, (int[]){a, b});
    return import_emit(im, node, &draft, NULL);
}

int import_constant(struct onnx_import *im, const struct import_node *node, const char *suffix,
                    struct shape shape, const float *data)
{
    return model_add_constant(im->model, arena_printf(im->arena, "%s/%s", node->name, suffix), shape, data);
}

int import_reshape(struct onnx_import *im, struct import_node *node, int tensor, const struct shape *shape)
{
    if (node->rc)
        return 0;
    const struct tensor *in = &im->model->tensors[tensor];
    if (shape_equal(&in->shape, shape))
        return tensor;
    if (in->constant && shape_elements(&in->shape) == shape_elements(shape))
        return model_add_constant(im->model, in->name, *shape, in->data);
    const struct node draft = import_draft(OP_RESHAPE, 1, &tensor);
    return import_emit(im, node, &draft, shape);
}

int import_transpose(struct onnx_import *im, struct import_node *node, int tensor, const int *permutation)
{
    if (node->rc)
        return 0;
    const struct tensor *in = &im->model->tensors[tensor];
    if (in->constant) {
        float *data = ARENA_ARRAY(im->arena, float, (size_t)shape_elements(&in->shape));
        transpose_floats(data, in->data, &in->shape, permutation);
        return model_add_constant(im->model, in->name, shape_transposed(&in->shape, permutation), data);
    }
    struct node draft = import_draft(OP_TRANSPOSE, 1, &tensor);
    memcpy(draft.permutation, permutation, (size_t)in->shape.rank * sizeof *permutation);
    return import_emit(im, node, &draft, NULL);
}

int import_to_onnx_order(struct onnx_import *im, struct import_node *node, int tensor)
{
    return import_shape(im, tensor)->rank == 4 ? import_transpose(im, node, tensor, NHWC_TO_NCHW) : tensor;
}

int import_from_onnx_order(struct onnx_import *im, struct import_node *node, int tensor)
{
    return import_shape(im, tensor)->rank == 4 ? import_transpose(im, node, tensor, NCHW_TO_NHWC) : tensor;
}

/* ---- outputs ---- */

static void bind_value(struct onnx_import *im, struct import_node *node, struct import_value value)
{
    const Onnx__NodeProto *proto = node->proto;
    if (node->rc)
        return;
    if (proto->n_output < 1 || !proto->output[0] || !*proto->output[0]) {
        import_fail(im, node, "has no output");
        return;
    }
    value.name = onnx_proto_text(proto->output[0], im->arena);
    if (name_table_find(im->value_names, value.name) >= 0) {
        import_fail(im, node, "writes '%s' a second time", value.name);
        return;
    }
    if (im->n_values == im->values_capacity) {
        im->values_capacity *= 2;
        struct import_value *larger =
            ARENA_ARRAY(im->scratch, struct import_value, (size_t)im->values_capacity);
        memcpy(larger, im->values, (size_t)im->n_values * sizeof *larger);
        im->values = larger;
    }
    name_table_set(im->value_names, value.name, im->n_values);
    im->values[im->n_values++] = value;
}

void import_bind(struct onnx_import *im, struct import_node *node, int tensor)
{
    bind_value(im, node, (struct import_value){.tensor = tensor});
    /* The tensor takes the file's name unless it is another value's (Identity of an input or constant). */
    struct tensor *bound = &im->model->tensors[tensor];
    if (!node->rc && bound->producer == im->model->n_nodes - 1 && bound->producer >= 0)
        bound->name = im->values[im->n_values - 1].name;
}

void import_bind_ints(struct onnx_import *im, struct import_node *node, const int64_t *ints, int64_t n,
                      bool scalar)
{
    bind_value(im, node, (struct import_value){.tensor = -1, .ints = ints, .n_ints = n, .scalar = scalar});
}
