#include "model/onnx_build.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "model/name_table.h"
#include "model/transpose.h"

enum { OPSET_WRITTEN = 13, IR_WRITTEN = 8 };

struct onnx_builder onnx_builder_create(struct arena *arena, const char *graph_name)
{
    struct onnx_builder b = {.arena = arena, .graph = ARENA_NEW(arena, Onnx__GraphProto)};
    onnx__graph_proto__init(b.graph);
    b.graph->name = arena_strdup(arena, graph_name);
    b.names = name_table_create(arena);
    return b;
}

static void *grown(struct arena *arena, void *array, size_t n, size_t *capacity)
{
    if (n < *capacity)
        return array;
    const size_t larger = *capacity ? 2 * *capacity : 64;
    void **copy = ARENA_ARRAY(arena, void *, larger);
    if (n)
        memcpy(copy, array, n * sizeof *copy);
    *capacity = larger;
    return copy;
}

const char *onnx_unique_name(struct onnx_builder *b, const char *wanted)
{
    const char *name = wanted;
    for (int suffix = 1; !*name || name_table_find(b->names, name) >= 0; suffix++)
        name = arena_printf(b->arena, "%s_%d", wanted, suffix);
    name_table_set(b->names, name, 0);
    return name;
}

Onnx__NodeProto *onnx_add_node(struct onnx_builder *b, const char *op, const char *name,
                               const char *const *inputs, int n_inputs, const char *output)
{
    Onnx__NodeProto *node = ARENA_NEW(b->arena, Onnx__NodeProto);
    onnx__node_proto__init(node);
    node->op_type = arena_strdup(b->arena, op);
    node->name = arena_strdup(b->arena, name);
    node->n_input = (size_t)n_inputs;
    node->input = ARENA_ARRAY(b->arena, char *, (size_t)n_inputs);
    for (int i = 0; i < n_inputs; i++)
        node->input[i] = arena_strdup(b->arena, inputs[i]);
    node->n_output = 1;
    node->output = ARENA_ARRAY(b->arena, char *, 1);
    node->output[0] = arena_strdup(b->arena, output);
    b->graph->node = grown(b->arena, b->graph->node, b->graph->n_node, &b->nodes_capacity);
    b->graph->node[b->graph->n_node++] = node;
    return node;
}

static Onnx__AttributeProto *add_attribute(struct onnx_builder *b, Onnx__NodeProto *node, const char *name,
                                           Onnx__AttributeProto__AttributeType type)
{
    enum { MOST_ATTRIBUTES = 8 };
    Onnx__AttributeProto *attribute = ARENA_NEW(b->arena, Onnx__AttributeProto);
    onnx__attribute_proto__init(attribute);
    attribute->name = arena_strdup(b->arena, name);
    attribute->has_type = 1;
    attribute->type = type;
    if (!node->attribute)
        node->attribute = ARENA_ARRAY(b->arena, Onnx__AttributeProto *, MOST_ATTRIBUTES);
    if (node->n_attribute == MOST_ATTRIBUTES)
        die("node '%s' has too many attributes", node->name);
    node->attribute[node->n_attribute++] = attribute;
    return attribute;
}

void onnx_set_int(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    attribute->has_i = 1;
    attribute->i = value;
}

void onnx_set_string(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, const char *value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    attribute->has_s = 1;
    attribute->s.len = strlen(value);
    attribute->s.data = (uint8_t *)arena_strdup(b->arena, value);
}

void onnx_set_float(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, float value)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    attribute->has_f = 1;
    attribute->f = value;
}

void onnx_set_ints(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int n, const int *values)
{
    Onnx__AttributeProto *attribute =
        add_attribute(b, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    attribute->n_ints = (size_t)n;
    attribute->ints = ARENA_ARRAY(b->arena, int64_t, (size_t)n);
    for (int i = 0; i < n; i++)
        attribute->ints[i] = values[i];
}

Onnx__TensorProto *onnx_add_initializer(struct onnx_builder *b, const char *name, const struct shape *shape,
                                        int type, const void *data, size_t bytes)
{
    Onnx__TensorProto *tensor = ARENA_NEW(b->arena, Onnx__TensorProto);
    onnx__tensor_proto__init(tensor);
    tensor->name = arena_strdup(b->arena, name);
    tensor->has_data_type = 1;
    tensor->data_type = type;
    tensor->n_dims = (size_t)shape->rank;
    tensor->dims = ARENA_ARRAY(b->arena, int64_t, (size_t)shape->rank);
    for (int i = 0; i < shape->rank; i++)
        tensor->dims[i] = shape->dim[i];
    tensor->has_raw_data = 1;
    tensor->raw_data.len = bytes;
    tensor->raw_data.data = arena_copy(b->arena, data, bytes);
    b->graph->initializer =
        grown(b->arena, b->graph->initializer, b->graph->n_initializer, &b->initializers_capacity);
    b->graph->initializer[b->graph->n_initializer++] = tensor;
    return tensor;
}

const char *onnx_add_floats(struct onnx_builder *b, const char *wanted, const struct shape *shape,
                            const float *data)
{
    const char *name = onnx_unique_name(b, wanted);
    onnx_add_initializer(b, name, shape, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, data,
                         (size_t)shape_elements(shape) * sizeof *data);
    return name;
}

const char *onnx_add_ints(struct onnx_builder *b, const char *wanted, int n, const int64_t *data)
{
    const char *name = onnx_unique_name(b, wanted);
    const struct shape shape = shape_of(1, n);
    onnx_add_initializer(b, name, &shape, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, data,
                         (size_t)n * sizeof *data);
    return name;
}

static Onnx__ValueInfoProto *value_info(struct onnx_builder *b, const char *name, const struct shape *shape)
{
    Onnx__ValueInfoProto *info = ARENA_NEW(b->arena, Onnx__ValueInfoProto);
    Onnx__TypeProto *type = ARENA_NEW(b->arena, Onnx__TypeProto);
    Onnx__TypeProto__Tensor *tensor_type = ARENA_NEW(b->arena, Onnx__TypeProto__Tensor);
    Onnx__TensorShapeProto *dims = ARENA_NEW(b->arena, Onnx__TensorShapeProto);
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor_type);
    onnx__tensor_shape_proto__init(dims);
    info->name = arena_strdup(b->arena, name);
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor_type;
    tensor_type->has_elem_type = 1;
    tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor_type->shape = dims;
    dims->n_dim = (size_t)shape->rank;
    dims->dim = ARENA_ARRAY(b->arena, Onnx__TensorShapeProto__Dimension *, (size_t)shape->rank);
    for (int i = 0; i < shape->rank; i++) {
        dims->dim[i] = ARENA_NEW(b->arena, Onnx__TensorShapeProto__Dimension);
        onnx__tensor_shape_proto__dimension__init(dims->dim[i]);
        dims->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dims->dim[i]->dim_value = shape->dim[i];
    }
    return info;
}

static void append(struct onnx_builder *b, Onnx__ValueInfoProto ***list, size_t *n,
                   Onnx__ValueInfoProto *info)
{
    Onnx__ValueInfoProto **longer = ARENA_ARRAY(b->arena, Onnx__ValueInfoProto *, *n + 1);
    if (*n)
        memcpy(longer, *list, *n * sizeof *longer);
    longer[(*n)++] = info;
    *list = longer;
}

void onnx_add_graph_input(struct onnx_builder *b, const char *name, const struct shape *shape)
{
    append(b, &b->graph->input, &b->graph->n_input, value_info(b, name, shape));
}

void onnx_add_graph_output(struct onnx_builder *b, const char *name, const struct shape *shape)
{
    append(b, &b->graph->output, &b->graph->n_output, value_info(b, name, shape));
}

struct shape onnx_shape_of(const struct shape *stored)
{
    return stored->rank == 4 ? shape_transposed(stored, NHWC_TO_NCHW) : *stored;
}

int onnx_axis_of(int stored_axis, int rank)
{
    return rank == 4 ? NCHW_TO_NHWC[stored_axis] : stored_axis;
}

static void add_metadata(struct onnx_builder *b, Onnx__ModelProto *proto, const struct model *model)
{
    proto->n_metadata_props = (size_t)model->n_metadata;
    proto->metadata_props = ARENA_ARRAY(b->arena, Onnx__StringStringEntryProto *, proto->n_metadata_props);
    for (int i = 0; i < model->n_metadata; i++) {
        Onnx__StringStringEntryProto *entry = ARENA_NEW(b->arena, Onnx__StringStringEntryProto);
        onnx__string_string_entry_proto__init(entry);
        entry->key = arena_strdup(b->arena, model->metadata[i].key);
        entry->value = arena_strdup(b->arena, model->metadata[i].value);
        proto->metadata_props[i] = entry;
    }
}

int onnx_build_write(struct onnx_builder *b, const struct model *model, const char *path)
{
    Onnx__ModelProto proto = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
    Onnx__OperatorSetIdProto *opsets[] = {&opset};
    opset.domain = arena_strdup(b->arena, "");
    opset.has_version = 1;
    opset.version = OPSET_WRITTEN;
    proto.has_ir_version = 1;
    proto.ir_version = IR_WRITTEN;
    proto.producer_name = arena_strdup(b->arena, "mcunet");
    proto.producer_version = arena_strdup(b->arena, MCUNET_VERSION);
    proto.n_opset_import = 1;
    proto.opset_import = opsets;
    proto.graph = b->graph;
    add_metadata(b, &proto, model);

    const size_t size = onnx__model_proto__get_packed_size(&proto);
    uint8_t *bytes = arena_alloc(b->arena, size);
    onnx__model_proto__pack(&proto, bytes);
    return file_write_if_changed(path, bytes, size, NULL);
}
