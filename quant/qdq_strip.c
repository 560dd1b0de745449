#include "quant/qdq_strip.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/name_table.h"
#include "quant/qdq_constants.h"

enum { MAX_NODES = 1 << 16, MAX_RANK = 6 };

/* What a name in the QDQ graph stands for. */
enum kind {
    KIND_CONSTANT,  /* an initializer, dequantised or not */
    KIND_REAL,      /* a float the int8 graph knows: graph input, or what DequantizeLinear gave */
    KIND_RAW,       /* what an operator computed, before QuantizeLinear */
    KIND_QUANTIZED, /* what QuantizeLinear gave */
};

struct value {
    const char *name;
    enum kind kind;
    const char *real; /* KIND_REAL, KIND_CONSTANT: the name in the stripped graph */
    int source; /* KIND_RAW: index of the kept node that computes it; KIND_QUANTIZED: value that was quantised
                 */
    float clip_min, clip_max; /* KIND_RAW */
    float scale;              /* KIND_QUANTIZED */
    int zero_point;
    bool read_raw;  /* KIND_RAW: another operator has read it */
    bool quantized; /* KIND_RAW: has its QuantizeLinear */
    bool graph_input;
};

struct stripper {
    struct arena *arena;
    Onnx__GraphProto *graph;
    struct strip *strip;
    struct value *values;
    int n_values;
    struct name_table *value_names;
    struct qdq_constants constants;
    Onnx__NodeProto **nodes; /* kept */
    int n_nodes;
};

static struct value *find_value(const struct stripper *s, const char *name)
{
    int index = name ? name_table_find(s->value_names, name) : -1;
    return index < 0 ? NULL : &s->values[index];
}

static struct value *add_value(struct stripper *s, const char *name, enum kind kind)
{
    struct value *value = &s->values[s->n_values];
    *value = (struct value){.name = name, .kind = kind, .real = name, .source = -1};
    value->clip_min = -INFINITY;
    value->clip_max = INFINITY;
    name_table_set(s->value_names, name, s->n_values++);
    return value;
}

static int quantize_node(struct stripper *s, const Onnx__NodeProto *node)
{
    struct value *in = find_value(s, node->input[0]);
    struct qdq_parameters parameters;
    int rc = qdq_parameters_read(&parameters, &s->constants, node);
    if (rc)
        return rc;
    if (parameters.n != 1 || (parameters.type != ONNX__TENSOR_PROTO__DATA_TYPE__INT8 &&
                              parameters.type != ONNX__TENSOR_PROTO__DATA_TYPE__UINT8))
        return error_unsupported("%s: layer '%s': activations need one scale and int8 or uint8",
                                 s->constants.path, qdq_node_name(node));
    if (!in || in->kind == KIND_CONSTANT || in->kind == KIND_QUANTIZED)
        return error_unsupported("%s: layer '%s': does not quantize a computed float value",
                                 s->constants.path, qdq_node_name(node));
    if (in->kind == KIND_RAW && (in->quantized || in->read_raw))
        return error_unsupported(
            "%s: layer '%s': '%s' is also read another way; quantize it once, for all readers",
            s->constants.path, qdq_node_name(node), in->name);
    in->quantized = in->kind == KIND_RAW;
    const int source = (int)(in - s->values);
    struct value *out = add_value(s, node->output[0], KIND_QUANTIZED);
    out->source = source;
    out->scale = parameters.scales[0];
    out->zero_point = qdq_zero_point(&parameters);
    return 0;
}

static struct strip_tensor *record_tensor(struct stripper *s, const char *name, const struct value *quantized)
{
    struct strip_tensor *tensor = &s->strip->tensors[s->strip->n_tensors];
    *tensor = (struct strip_tensor){name, quantized->scale, quantized->zero_point, -INFINITY, INFINITY};
    name_table_set(s->strip->tensor_names, tensor->name, s->strip->n_tensors++);
    return tensor;
}

/* An operator that hands its input on: one scale before and after. */
static bool is_view(const Onnx__NodeProto *node)
{
    static const char *const views[] = {"Flatten",   "Reshape",  "Transpose", "Squeeze",
                                        "Unsqueeze", "Identity", "Dropout"};
    for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
        if (strcmp(node->op_type, views[i]) == 0)
            return true;
    return false;
}

static int check_view(const struct stripper *s, const Onnx__NodeProto *view, const struct value *quantized)
{
    const int index = name_table_find(s->strip->tensor_names, view->input[0]);
    if (index >= 0 && (s->strip->tensors[index].scale != quantized->scale ||
                       s->strip->tensors[index].zero_point != quantized->zero_point))
        return error_unsupported("%s: layer '%s': changes the scale of what it only moves", s->constants.path,
                                 qdq_node_name(view));
    return 0;
}

/* int8 -> int8 with another scale: a Clip without bounds stands for it. */
static Onnx__NodeProto *requantization(struct stripper *s, const Onnx__NodeProto *node, const char *from,
                                       char *to)
{
    Onnx__NodeProto *clip = ARENA_NEW(s->arena, Onnx__NodeProto);
    onnx__node_proto__init(clip);
    clip->op_type = arena_strdup(s->arena, "Clip");
    clip->name = node->name;
    clip->n_input = clip->n_output = 1;
    clip->input = ARENA_NEW(s->arena, char *);
    clip->output = ARENA_NEW(s->arena, char *);
    clip->input[0] = arena_strdup(s->arena, from);
    clip->output[0] = to;
    return clip;
}

static int dequantize_activation(struct stripper *s, const Onnx__NodeProto *node,
                                 const struct value *quantized)
{
    const struct value *source = &s->values[quantized->source];
    struct qdq_parameters parameters;
    int rc = qdq_parameters_read(&parameters, &s->constants, node);
    if (rc)
        return rc;
    if (parameters.n != 1 || parameters.scales[0] != quantized->scale ||
        qdq_zero_point(&parameters) != quantized->zero_point)
        return error_unsupported("%s: layer '%s': scale or zero point differ from its QuantizeLinear",
                                 s->constants.path, qdq_node_name(node));
    if (source->kind == KIND_RAW) {
        Onnx__NodeProto *producer = s->nodes[source->source];
        if (source->real != source->name) /* a second DequantizeLinear of the same value */
            return add_value(s, node->output[0], KIND_REAL)->real = source->real, 0;
        rc = is_view(producer) ? check_view(s, producer, quantized) : 0;
        if (rc)
            return rc;
        struct strip_tensor *tensor = record_tensor(s, node->output[0], quantized);
        tensor->clip_min = source->clip_min;
        tensor->clip_max = source->clip_max;
        producer->output[0] = node->output[0];
        s->values[quantized->source].real = node->output[0];
        add_value(s, node->output[0], KIND_REAL);
        return 0;
    }
    const int known = name_table_find(s->strip->tensor_names, source->real);
    if (known < 0 && source->graph_input) {
        record_tensor(s, source->real, quantized);
        add_value(s, node->output[0], KIND_REAL)->real = source->real;
        return 0;
    }
    if (known >= 0 && s->strip->tensors[known].scale == quantized->scale &&
        s->strip->tensors[known].zero_point == quantized->zero_point) {
        add_value(s, node->output[0], KIND_REAL)->real = source->real;
        return 0;
    }
    if (source->graph_input)
        return error_unsupported("%s: input '%s' is quantized in two ways", s->constants.path, source->name);
    s->nodes[s->n_nodes++] = requantization(s, node, source->real, node->output[0]);
    record_tensor(s, node->output[0], quantized);
    add_value(s, node->output[0], KIND_REAL);
    return 0;
}

/* A dequantised initializer becomes a float one; its integers are kept aside. */
static int dequantize_constant(struct stripper *s, const Onnx__NodeProto *node,
                               const Onnx__TensorProto *tensor)
{
    struct strip_constant constant = {.name = node->output[0], .type = tensor->data_type};
    struct qdq_parameters parameters;
    struct shape shape;
    int rc = qdq_parameters_read(&parameters, &s->constants, node);
    if (!rc)
        rc = onnx_tensor_shape(&shape, tensor, s->constants.path);
    if (!rc && tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__INT8 &&
        tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__INT32)
        rc = error_unsupported("%s: layer '%s': constants must be int8 or int32", s->constants.path,
                               qdq_node_name(node));
    if (!rc)
        rc = onnx_tensor_ints(&constant.values, &constant.n_values, tensor, s->constants.path, s->arena);
    if (rc)
        return rc;
    constant.scales = parameters.scales;
    constant.n_scales = parameters.n;
    for (int64_t i = 0; parameters.zero_points && i < parameters.n; i++)
        if (parameters.zero_points[i] != 0)
            return error_unsupported("%s: layer '%s': weights must be symmetric (zero point 0)",
                                     s->constants.path, qdq_node_name(node));
    int64_t axis = qdq_attribute_int(node, "axis", 1), inner = 1;
    if (constant.n_scales > 1) {
        axis += axis < 0 ? shape.rank : 0;
        if (axis < 0 || axis >= shape.rank || shape.dim[axis] != constant.n_scales)
            return error_input("%s: layer '%s': %lld scales do not match axis %lld", s->constants.path,
                               qdq_node_name(node), (long long)constant.n_scales, (long long)axis);
        for (int i = (int)axis + 1; i < shape.rank; i++)
            inner *= shape.dim[i];
    }
    float *data = ARENA_ARRAY(s->arena, float, (size_t)constant.n_values);
    for (int64_t i = 0; i < constant.n_values; i++)
        data[i] = (float)constant.values[i] *
                  constant.scales[constant.n_scales > 1 ? i / inner % constant.n_scales : 0];

    Onnx__TensorProto *real = ARENA_NEW(s->arena, Onnx__TensorProto);
    onnx__tensor_proto__init(real);
    real->name = node->output[0];
    real->n_dims = tensor->n_dims;
    real->dims = tensor->dims;
    real->has_data_type = 1;
    real->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    real->has_raw_data = 1;
    real->raw_data.len = (size_t)constant.n_values * sizeof(float);
    real->raw_data.data = (uint8_t *)data;
    s->graph->initializer[s->graph->n_initializer++] = real;
    name_table_set(s->strip->constant_names, constant.name, s->strip->n_constants);
    s->strip->constants[s->strip->n_constants++] = constant;
    add_value(s, constant.name, KIND_CONSTANT);
    return 0;
}

static int dequantize_node(struct stripper *s, const Onnx__NodeProto *node)
{
    const struct value *in = find_value(s, node->input[0]);
    const Onnx__TensorProto *tensor = qdq_constants_find(&s->constants, node->input[0]);
    if (tensor)
        return dequantize_constant(s, node, tensor);
    if (!in || in->kind != KIND_QUANTIZED)
        return error_unsupported(
            "%s: layer '%s': '%s' is neither an initializer nor quantized by QuantizeLinear; only "
            "QDQ models whose inputs and outputs are float are read",
            s->constants.path, qdq_node_name(node), node->input[0]);
    return dequantize_activation(s, node, in);
}

/* A bound of Clip, from an input or (opset < 11) an attribute. */
static int clip_bound(const struct stripper *s, const Onnx__NodeProto *node, size_t input,
                      const char *attribute, float absent, float *out)
{
    *out = qdq_attribute_float(node, attribute, absent);
    if (node->n_input <= input || !*node->input[input])
        return 0;
    const Onnx__TensorProto *tensor = qdq_constants_find(&s->constants, node->input[input]);
    const float *value;
    if (!tensor)
        return error_unsupported("%s: layer '%s': the bounds of Clip must be initializers", s->constants.path,
                                 qdq_node_name(node));
    int rc = onnx_tensor_floats(&value, tensor, s->constants.path, s->arena);
    if (!rc)
        *out = value[0];
    return rc;
}

/* Clip and Relu of a raw value become its int8 clamp. */
static int fold_clip(struct stripper *s, const Onnx__NodeProto *node, struct value *in)
{
    float min = 0, max = INFINITY;
    int rc = 0;
    if (strcmp(node->op_type, "Clip") == 0) {
        rc = clip_bound(s, node, 1, "min", -INFINITY, &min);
        if (!rc)
            rc = clip_bound(s, node, 2, "max", INFINITY, &max);
    }
    if (rc)
        return rc;
    if (in->quantized || in->read_raw)
        return error_unsupported("%s: layer '%s': '%s' is also read another way", s->constants.path,
                                 qdq_node_name(node), in->name);
    in->read_raw = true;
    const struct value source = *in;
    struct value *out = add_value(s, node->output[0], KIND_RAW);
    out->source = source.source;
    out->clip_min = fminf(fmaxf(source.clip_min, min), max);
    out->clip_max = fminf(fmaxf(source.clip_max, min), max);
    return 0;
}

/* Mul(x, HardSigmoid(x)) with slope 1/6 and offset 1/2: HardSwish, as exporters write it below opset 14. */
static bool fold_hard_swish(struct stripper *s, Onnx__NodeProto *node)
{
    if (strcmp(node->op_type, "Mul") != 0 || node->n_input != 2)
        return false;
    for (int k = 0; k < 2; k++) {
        const struct value *x = find_value(s, node->input[1 - k]);
        struct value *gate = find_value(s, node->input[k]);
        if (!x || !gate || x->kind != KIND_REAL || gate->kind != KIND_RAW || gate->quantized ||
            gate->read_raw)
            continue;
        Onnx__NodeProto *producer = s->nodes[gate->source];
        if (strcmp(producer->op_type, "HardSigmoid") != 0 || strcmp(producer->input[0], x->real) != 0 ||
            fabsf(qdq_attribute_float(producer, "alpha", 0.2f) - 1.0f / 6) > 1e-6f ||
            fabsf(qdq_attribute_float(producer, "beta", 0.5f) - 0.5f) > 1e-6f)
            continue;
        gate->read_raw = true;
        producer->op_type = arena_strdup(s->arena, "HardSwish"); /* computes the product now */
        producer->name = node->name;
        producer->n_attribute = 0;
        producer->output[0] = node->output[0];
        add_value(s, node->output[0], KIND_RAW)->source = gate->source;
        return true;
    }
    return false;
}

static int operator_node(struct stripper *s, Onnx__NodeProto *node)
{
    struct value *first = node->n_input ? find_value(s, node->input[0]) : NULL;
    const bool clip = strcmp(node->op_type, "Clip") == 0 || strcmp(node->op_type, "Relu") == 0;
    if (clip && first && first->kind == KIND_RAW)
        return fold_clip(s, node, first);
    if (fold_hard_swish(s, node))
        return 0;
    for (size_t i = 0; i < node->n_input; i++) {
        struct value *in = find_value(s, node->input[i]);
        if (!*node->input[i] || qdq_constants_find(&s->constants, node->input[i]))
            continue;
        /* What a view made may be read raw; another raw value has no scale, which is found out later. */
        if (!in || in->kind == KIND_QUANTIZED ||
            (in->kind == KIND_RAW &&
             (in->quantized || strcmp(s->nodes[in->source]->output[0], in->name) != 0)))
            return error_unsupported("%s: layer '%s': reads '%s', which is not a dequantized value",
                                     s->constants.path, qdq_node_name(node), node->input[i]);
        in->read_raw = true;
        node->input[i] = arena_strdup(s->arena, in->real);
    }
    s->nodes[s->n_nodes] = node;
    for (size_t i = 0; i < node->n_output; i++)
        add_value(s, node->output[i], KIND_RAW)->source = s->n_nodes;
    s->n_nodes++;
    return 0;
}

static int check_node(const struct stripper *s, const Onnx__NodeProto *node)
{
    if (!node->op_type || !node->n_output || !node->n_input || !*node->output[0])
        return error_input("%s: layer '%s' has no operator, input or output", s->constants.path,
                           qdq_node_name(node));
    for (size_t i = 0; i < node->n_output; i++)
        if (find_value(s, node->output[i]) || qdq_constants_find(&s->constants, node->output[i]))
            return error_input("%s: layer '%s': output '%s' is defined twice", s->constants.path,
                               qdq_node_name(node), node->output[i]);
    if (node->n_output != 1)
        return error_unsupported("%s: layer '%s': more than one output", s->constants.path,
                                 qdq_node_name(node));
    return 0;
}

/* Outputs are dequantised values under their own names. */
static int check_outputs(const struct stripper *s)
{
    for (size_t i = 0; i < s->graph->n_output; i++) {
        const char *name = s->graph->output[i]->name;
        const struct value *value = find_value(s, name);
        if (!value || value->kind != KIND_REAL || strcmp(value->real, name) != 0)
            return error_unsupported("%s: output '%s' is not what a DequantizeLinear of its own gives",
                                     s->constants.path, name ? name : "");
    }
    return 0;
}

/* The initializers that the float graph reads: integers that only Q and DQ nodes read would be loaded for
 * nothing. */
static void keep_initializers(struct stripper *s)
{
    struct name_table *used = name_table_create(s->arena);
    Onnx__TensorProto **kept =
        ARENA_ARRAY(s->arena, Onnx__TensorProto *, s->constants.n + s->graph->n_initializer + 1);
    size_t n = 0;
    for (int i = 0; i < s->n_nodes; i++)
        for (size_t k = 0; k < s->nodes[i]->n_input; k++)
            name_table_set(used, s->nodes[i]->input[k], 0);
    for (size_t i = 0; i < s->constants.n; i++)
        if (name_table_find(used, s->constants.tensors[i]->name) >= 0)
            kept[n++] = s->constants.tensors[i];
    for (size_t i = 0; i < s->graph->n_initializer; i++)
        if (name_table_find(used, s->graph->initializer[i]->name) >= 0)
            kept[n++] = s->graph->initializer[i];
    s->graph->initializer = kept;
    s->graph->n_initializer = n;
}

/* A node whose names may be replaced. */
static Onnx__NodeProto *own_node(const Onnx__NodeProto *node, struct arena *arena)
{
    Onnx__NodeProto *copy = arena_copy(arena, node, sizeof(*node));
    copy->input = arena_copy(arena, node->input, node->n_input * sizeof(char *));
    copy->output = arena_copy(arena, node->output, node->n_output * sizeof(char *));
    return copy;
}

static int strip_nodes(struct stripper *s, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++) {
        if (qdq_constant_node(graph->node[i], s->arena))
            continue;
        Onnx__NodeProto *node = own_node(graph->node[i], s->arena);
        int rc = check_node(s, node);
        if (!rc)
            rc = strcmp(node->op_type, "QuantizeLinear") == 0     ? quantize_node(s, node)
                 : strcmp(node->op_type, "DequantizeLinear") == 0 ? dequantize_node(s, node)
                                                                  : operator_node(s, node);
        if (rc)
            return rc;
    }
    return check_outputs(s);
}

int qdq_strip(struct strip *out, Onnx__GraphProto *plain, const Onnx__GraphProto *graph, const char *path,
              struct arena *arena)
{
    if (graph->n_node > MAX_NODES || graph->n_initializer > MAX_NODES || graph->n_input > MAX_NODES)
        return error_input("%s: the graph has more than %d nodes or tensors", path, MAX_NODES);
    const size_t n = 2 * graph->n_node + graph->n_initializer + graph->n_input + 1;
    *out = (struct strip){.tensors = ARENA_ARRAY(arena, struct strip_tensor, n),
                          .tensor_names = name_table_create(arena),
                          .constants = ARENA_ARRAY(arena, struct strip_constant, n),
                          .constant_names = name_table_create(arena)};
    struct stripper s = {.arena = arena,
                         .graph = plain,
                         .strip = out,
                         .values = ARENA_ARRAY(arena, struct value, n),
                         .value_names = name_table_create(arena),
                         .constants = qdq_constants_create(path, n, arena),
                         .nodes = ARENA_ARRAY(arena, Onnx__NodeProto *, n)};
    *plain = *graph;
    plain->initializer = ARENA_ARRAY(arena, Onnx__TensorProto *, n);
    plain->n_initializer = 0;
    int rc = 0;
    for (size_t i = 0; i < graph->n_initializer && !rc; i++)
        rc = qdq_constants_add(&s.constants, graph->initializer[i]);
    for (size_t i = 0; i < graph->n_node && !rc; i++) {
        Onnx__TensorProto *constant = qdq_constant_node(graph->node[i], arena);
        rc = constant ? qdq_constants_add(&s.constants, constant) : 0;
    }
    for (size_t i = 0; i < graph->n_input && !rc; i++) {
        if (!graph->input[i]->name)
            rc = error_input("%s: a tensor has no name", path);
        else if (!qdq_constants_find(&s.constants, graph->input[i]->name) &&
                 !find_value(&s, graph->input[i]->name))
            add_value(&s, graph->input[i]->name, KIND_REAL)->graph_input = true;
    }
    if (!rc)
        rc = strip_nodes(&s, graph);
    if (rc)
        return rc;
    keep_initializers(&s);
    plain->node = s.nodes;
    plain->n_node = (size_t)s.n_nodes;
    plain->n_value_info = 0;
    plain->n_quantization_annotation = 0;
    return 0;
}
