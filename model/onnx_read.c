#include "model/onnx.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "model/name_table.h"
#include "model/onnx_import.h"
#include "model/rewrite.h"
#include "model/transpose.h"

enum { OPSET_MIN = 7, OPSET_MAX = 22, MAX_NODES = 1 << 14, MAX_TENSORS = 1 << 16, MAX_METADATA = 1 << 10 };

struct translator {
    const char *op;
    int (*translate)(struct onnx_import *im, struct import_node *node);
};

static const struct translator translators[] = {
#define IMPORT(onnx_op, function) {#onnx_op, function},
#include "model/onnx_ops.inc"
#undef IMPORT
};

static const char onnx_supported[] =
#define IMPORT(onnx_op, function) " " #onnx_op
#include "model/onnx_ops.inc"
#undef IMPORT
    ;

static const struct translator *find_translator(const Onnx__NodeProto *node)
{
    const char *domain = node->domain;
    if (!node->op_type || (domain && *domain && strcmp(domain, "ai.onnx") != 0))
        return NULL;
    for (size_t i = 0; i < sizeof translators / sizeof *translators; i++)
        if (strcmp(translators[i].op, node->op_type) == 0)
            return &translators[i];
    return NULL;
}

/* A node's name for messages, and for the model when it has one: exporters may leave it out. */
static const char *node_name(const Onnx__NodeProto *node, size_t index, struct arena *arena)
{
    if (node->name && *node->name)
        return onnx_proto_text(node->name, arena);
    return arena_printf(arena, "%s_%zu", onnx_proto_text(node->op_type, arena), index);
}

/* One message that names every layer that cannot be read, so that a user sees the whole task at once. */
static int check_operators(const struct onnx_import *im, const Onnx__GraphProto *graph)
{
    struct strbuf list = STRBUF_INIT;
    size_t n = 0;
    for (size_t i = 0; i < graph->n_node; i++) {
        const Onnx__NodeProto *node = graph->node[i];
        if (find_translator(node))
            continue;
        if (n++ < 100)
            strbuf_addf(&list, "\n  layer '%s': %s", node_name(node, i, im->scratch),
                        onnx_proto_text(node->op_type, im->scratch));
    }
    if (n > 100)
        strbuf_addf(&list, "\n  and %zu more", n - 100);
    int rc = 0;
    if (n)
        rc = error_unsupported(
            "%s: %zu layer%s with an unsupported operator:%s\n  express %s with these, or cut the "
            "network before %s:%s",
            im->path, n, n == 1 ? "" : "s", strbuf_text(&list), n == 1 ? "it" : "them",
            n == 1 ? "it" : "them", onnx_supported);
    strbuf_release(&list);
    return rc;
}

/* Names a value of the graph that no node makes: an input or initializer. */
static int define(struct onnx_import *im, struct import_value value)
{
    if (!*value.name)
        return error_input("%s: a tensor has no name", im->path);
    if (name_table_find(im->value_names, value.name) >= 0)
        return error_input("%s: tensor '%s' is defined twice", im->path, value.name);
    name_table_set(im->value_names, value.name, im->n_values);
    im->values[im->n_values++] = value;
    return 0;
}

static int read_initializer(struct onnx_import *im, const Onnx__TensorProto *proto)
{
    struct import_value value = {.name = onnx_proto_text(proto->name, im->arena), .tensor = -1};
    if (proto->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT) {
        const int rc = onnx_tensor_ints(&value.ints, &value.n_ints, proto, im->path, im->scratch);
        value.scalar = proto->n_dims == 0;
        return rc ? rc : define(im, value);
    }
    struct shape shape;
    const float *data;
    int rc = onnx_tensor_shape(&shape, proto, im->path);
    if (!rc)
        rc = onnx_tensor_floats(&data, proto, im->path, im->arena);
    if (rc)
        return rc;
    if (shape.rank == 4) {
        float *stored = ARENA_ARRAY(im->arena, float, (size_t)shape_elements(&shape));
        transpose_floats(stored, data, &shape, NCHW_TO_NHWC);
        shape = shape_transposed(&shape, NCHW_TO_NHWC);
        data = stored;
    }
    value.tensor = model_add_constant(im->model, value.name, shape, data);
    return define(im, value);
}

static int read_input(struct onnx_import *im, const Onnx__ValueInfoProto *proto)
{
    const char *name = onnx_proto_text(proto->name, im->arena);
    if (name_table_find(im->value_names, name) >= 0)
        return 0; /* files before IR version 4 list initializers as inputs, too */
    const Onnx__TypeProto__Tensor *type = NULL;
    if (proto->type && proto->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        type = proto->type->tensor_type;
    if (!type || type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return error_unsupported("%s: input '%s' is not a float32 tensor", im->path, name);
    if (!type->shape)
        return error_input("%s: input '%s' has no shape", im->path, name);
    if (type->shape->n_dim > MODEL_MAX_RANK)
        return error_input("%s: input '%s' has rank %zu", im->path, name, type->shape->n_dim);

    struct shape shape = {.rank = (int)type->shape->n_dim};
    for (int i = 0; i < shape.rank; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[i];
        const bool known = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (!known && i > 0)
            return error_input("%s: input '%s': axis %d has no fixed size; only the batch may be symbolic",
                               im->path, name, i);
        if (known && (dim->dim_value < 1 || dim->dim_value > SHAPE_MAX_ELEMENTS) &&
            !(i == 0 && dim->dim_value <= 0))
            return error_input("%s: input '%s': axis %d has size %lld", im->path, name, i,
                               (long long)dim->dim_value);
        shape.dim[i] = known && dim->dim_value > 0 ? (int)dim->dim_value : 1;
    }
    if (shape_check(&shape))
        return error_input("%s: input '%s' is too large", im->path, name);
    if (shape.rank == 4)
        shape = shape_transposed(&shape, NCHW_TO_NHWC);
    const int tensor = model_add_tensor(im->model, name, shape);
    model_set_input(im->model, tensor);
    return define(im, (struct import_value){.name = name, .tensor = tensor});
}

static int read_nodes(struct onnx_import *im, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++) {
        struct import_node node = {
            .proto = graph->node[i],
            .name = node_name(graph->node[i], i, im->arena),
            .op = graph->node[i]->op_type,
        };
        const int rc = find_translator(graph->node[i])->translate(im, &node);
        if (rc)
            return rc;
    }
    return 0;
}

static int read_outputs(struct onnx_import *im, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = onnx_proto_text(graph->output[i]->name, im->scratch);
        const int found = name_table_find(im->value_names, name);
        if (found < 0)
            return error_input("%s: no layer writes the output '%s'", im->path, name);
        if (im->values[found].tensor < 0)
            return error_unsupported("%s: output '%s' is an integer tensor", im->path, name);
        model_set_output(im->model, im->values[found].tensor);
    }
    return 0;
}

/* Whether every reader of a tensor takes it for a feature map; none counts as no. */
static bool is_read_as_map(const struct model *model, int tensor)
{
    int readers = 0;
    for (int i = 0; i < model->n_nodes; i++) {
        const struct node *node = &model->nodes[i];
        if (node->n_inputs < 1 || node->inputs[0] != tensor)
            continue;
        readers++;
        if (node->op != OP_CONV && node->op != OP_PAD && node->op != OP_BATCH_NORM &&
            node->op != OP_MAX_POOL && node->op != OP_AVERAGE_POOL)
            return false;
    }
    return readers > 0 && readers == model_uses(model, tensor);
}

/* TensorFlow's networks take (n, h, w, c) and begin with Transpose(0, 3, 1, 2) before the first Conv. Read by
 * the rule their input would be a map of h channels; what they mean is the order that maps have here anyway.
 */
static void adopt_channels_last_inputs(struct model *model)
{
    for (int i = 0; i < model->n_inputs; i++) {
        struct tensor *input = &model->tensors[model->inputs[i]];
        if (input->shape.rank != 4 || model_uses(model, model->inputs[i]) != 1)
            continue;
        for (int j = 0; j < model->n_nodes; j++) {
            struct node *node = &model->nodes[j];
            /* (0, 3, 1, 2) between two tensors stored channels last is itself */
            if (node->op != OP_TRANSPOSE || node->inputs[0] != model->inputs[i] ||
                memcmp(node->permutation, NHWC_TO_NCHW, sizeof NHWC_TO_NCHW) != 0 ||
                !is_read_as_map(model, node->output))
                continue;
            input->shape = model->tensors[node->output].shape;
            rewrite_bypass(model, node);
            break;
        }
    }
    rewrite_finish(model);
}

static int read_metadata(struct onnx_import *im, const Onnx__ModelProto *proto)
{
    if (proto->n_metadata_props > MAX_METADATA)
        return error_input("%s: %zu metadata entries, at most %d", im->path, proto->n_metadata_props,
                           MAX_METADATA);
    for (size_t i = 0; i < proto->n_metadata_props; i++) {
        const Onnx__StringStringEntryProto *entry = proto->metadata_props[i];
        model_set_metadata(im->model, entry->key ? entry->key : "", entry->value ? entry->value : "");
    }
    return 0;
}

static int read_graph(struct onnx_import *im, const Onnx__ModelProto *proto)
{
    const Onnx__GraphProto *graph = proto->graph;
    im->opset = onnx_proto_opset(proto);
    if (im->opset < OPSET_MIN || im->opset > OPSET_MAX)
        return error_input("%s: operator set %lld; %d to %d are read", im->path, (long long)im->opset,
                           OPSET_MIN, OPSET_MAX);
    if (graph->n_node > MAX_NODES || graph->n_initializer > MAX_TENSORS || graph->n_input > MAX_TENSORS ||
        graph->n_output > MAX_TENSORS)
        return error_input("%s: the graph has more than %d nodes or tensors", im->path, MAX_NODES);
    if (graph->n_sparse_initializer)
        return error_unsupported("%s: sparse initializers", im->path);
    if (!graph->n_output)
        return error_input("%s: the graph has no output", im->path);

    im->values_capacity = (int)(graph->n_initializer + graph->n_input + graph->n_node + 1);
    im->values = ARENA_ARRAY(im->scratch, struct import_value, (size_t)im->values_capacity);
    im->value_names = name_table_create(im->scratch);
    im->node_names = name_table_create(im->scratch);
    int rc = check_operators(im, graph);
    for (size_t i = 0; !rc && i < graph->n_initializer; i++)
        rc = read_initializer(im, graph->initializer[i]);
    for (size_t i = 0; !rc && i < graph->n_input; i++)
        rc = read_input(im, graph->input[i]);
    if (!rc && !im->model->n_inputs)
        rc = error_input("%s: the graph has no input", im->path);
    if (!rc)
        rc = read_nodes(im, graph);
    if (!rc)
        rc = read_outputs(im, graph);
    if (!rc)
        adopt_channels_last_inputs(im->model);
    if (!rc)
        rc = read_metadata(im, proto);
    return rc;
}

int onnx_parse(struct model **out, const void *data, size_t size, const char *path, struct arena *arena)
{
    Onnx__ModelProto *proto;
    *out = NULL;
    int rc = onnx_proto_parse(&proto, data, size, path);
    if (rc)
        return rc;
    struct arena scratch = ARENA_INIT;
    struct onnx_import im = {
        .model = model_create(arena, onnx_proto_text(proto->graph->name, &scratch)),
        .arena = arena,
        .scratch = &scratch,
        .path = path,
    };
    rc = read_graph(&im, proto);
    if (!rc)
        *out = im.model;
    arena_release(&scratch);
    onnx_proto_free(proto);
    return rc;
}

int onnx_read(struct model **out, const char *path, struct arena *arena)
{
    struct arena bytes = ARENA_INIT;
    struct file file;
    int rc = file_read(&file, path, ONNX_MAX_BYTES, &bytes);
    if (!rc)
        rc = onnx_parse(out, file.data, file.size, path, arena);
    arena_release(&bytes);
    return rc;
}
