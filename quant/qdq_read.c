/*
 * qdq_read.c - QDQ ONNX to the int8 graph: the graph is stripped of its Q and DQ nodes and read like any
 * float model (so all that model/onnx.h accepts is accepted here), lowered, and given the recorded scales and
 * integers.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/name_table.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "quant/qdq.h"
#include "quant/qdq_strip.h"
#include "quant/qdq_tables.h"
#include "quant/qmodel.h"

struct reading {
    const char *path;
    const struct strip *strip;
    const struct model *model;
    struct qmodel *qmodel;
    const int *node_of, *tensor_of;
};

static const struct strip_constant *find_constant(const struct reading *r, const struct node *node, int input)
{
    if (node->n_inputs <= input)
        return NULL;
    const int index = name_table_find(r->strip->constant_names, r->model->tensors[node->inputs[input]].name);
    return index < 0 ? NULL : &r->strip->constants[index];
}

static int set_scales(const struct reading *r)
{
    struct qmodel *q = r->qmodel;
    for (int t = 0; t < q->n_tensors; t++) {
        const int index = name_table_find(r->strip->tensor_names, q->tensors[t].name);
        if (index < 0)
            return error_unsupported(
                "%s: tensor '%s' has no QuantizeLinear and DequantizeLinear; quantize every operator's "
                "inputs and output",
                r->path, q->tensors[t].name);
        const struct strip_tensor *tensor = &r->strip->tensors[index];
        q->tensors[t].scale = tensor->scale;
        q->tensors[t].zero_point = tensor->zero_point;
        if (q->tensors[t].producer < 0)
            continue;
        struct qnode *node = &q->nodes[q->tensors[t].producer];
        node->clip_min = fminf(fmaxf(node->clip_min, tensor->clip_min), tensor->clip_max);
        node->clip_max = fminf(fmaxf(node->clip_max, tensor->clip_min), tensor->clip_max);
    }
    return 0;
}

/* The float weights are int8 times scale, in the model's order: dividing gives the integers back. */
static int read_weights(const struct reading *r, struct qnode *node, const struct node *source)
{
    const struct strip_constant *constant = find_constant(r, source, 1);
    const struct tensor *tensor = &r->model->tensors[source->inputs[1]];
    const int out_c = r->qmodel->tensors[node->output].c;
    const int64_t depth = node->n_weights / out_c;
    if (!constant || constant->type != ONNX__TENSOR_PROTO__DATA_TYPE__INT8)
        return error_unsupported("%s: layer '%s': weights are not int8 (DequantizeLinear of an initializer)",
                                 r->path, node->name);
    if (constant->n_scales != 1 && constant->n_scales != out_c)
        return error_unsupported("%s: layer '%s': weights need one scale, or one per output channel", r->path,
                                 node->name);
    int8_t *weights = arena_alloc(r->qmodel->arena, (size_t)node->n_weights);
    float *scales = ARENA_ARRAY(r->qmodel->arena, float, (size_t)out_c);
    for (int c = 0; c < out_c; c++) {
        scales[c] = constant->scales[constant->n_scales > 1 ? c : 0];
        for (int64_t i = 0; i < depth; i++) {
            const double w = round((double)tensor->data[c * depth + i] / (double)scales[c]);
            if (!(fabs(w) <= 128))
                return error_input("%s: layer '%s': weight scale %g is too large or too small", r->path,
                                   node->name, (double)scales[c]);
            weights[node->op == QOP_DEPTHWISE ? i * out_c + c : c * depth + i] = (int8_t)fmin(w, 127);
        }
    }
    node->weights = weights;
    node->weight_scale = scales;
    return 0;
}

static int read_bias(const struct reading *r, struct qnode *node, const struct node *source)
{
    const struct strip_constant *constant = find_constant(r, source, 2);
    const int out_c = r->qmodel->tensors[node->output].c;
    const double in_scale = (double)r->qmodel->tensors[node->inputs[0]].scale;
    int32_t *bias = ARENA_ARRAY(r->qmodel->arena, int32_t, (size_t)out_c);
    node->bias = bias;
    if (source->n_inputs < 3)
        return 0;
    const struct tensor *tensor = &r->model->tensors[source->inputs[2]];
    if (shape_elements(&tensor->shape) != out_c || (constant && constant->n_values != out_c) ||
        (constant && constant->n_scales != 1 && constant->n_scales != out_c))
        return error_input("%s: layer '%s': the bias does not have %d values", r->path, node->name, out_c);
    for (int c = 0; c < out_c; c++) {
        const double unit = in_scale * (double)node->weight_scale[c];
        const double scale = constant ? (double)constant->scales[constant->n_scales > 1 ? c : 0] : unit;
        if (fabs(scale / unit - 1) > 1e-5)
            return error_unsupported(
                "%s: layer '%s': bias scale %g is not input scale times weight scale, %g", r->path,
                node->name, scale, unit);
        /* The integers, unless a pass has changed what they stood for (an Add that became part of the bias).
         */
        if (constant && tensor->data[c] == (float)constant->values[c] * (float)scale) {
            bias[c] = (int32_t)constant->values[c];
            continue;
        }
        const double value = round((double)tensor->data[c] / unit);
        if (!(fabs(value) <= INT32_MAX))
            return error_input("%s: layer '%s': bias %d does not fit int32", r->path, node->name, c);
        bias[c] = (int32_t)value;
    }
    return 0;
}

/* An AveragePool over the whole map, which the passes take for a mean, rounds differently in TFLite: it stays
 * what it was written as. */
static void keep_average_pools(const struct reading *r)
{
    for (int i = 0; i < r->qmodel->n_nodes; i++) {
        struct qnode *node = &r->qmodel->nodes[i];
        const struct window *window = &r->model->nodes[r->node_of[i]].window;
        const struct qtensor *in = &r->qmodel->tensors[node->inputs[0]],
                             *out = &r->qmodel->tensors[node->output];
        if (node->op != QOP_MEAN || (in->h == 1 && in->w == 1) || window->kernel_h != in->h ||
            window->kernel_w != in->w || in->scale != out->scale || in->zero_point != out->zero_point)
            continue;
        node->op = QOP_AVERAGE_POOL;
        node->window = *window;
    }
}

/* The constants beside a map; float ones become int8. */
static int read_summands(const struct reading *r, struct qnode *node, const struct node *source)
{
    enum { MOST = 255 }; /* int8 less a zero point */
    const int k = r->model->tensors[source->inputs[0]].constant ? 0 : 1;
    const struct strip_constant *constant = find_constant(r, source, k);
    const int n = r->qmodel->tensors[node->output].c;
    if (!constant || constant->n_values != n) {
        qmodel_set_summands(r->qmodel, node, r->model->tensors[source->inputs[k]].data);
        return 0;
    }
    if (constant->n_scales != 1)
        return error_unsupported("%s: layer '%s': a constant operand needs one scale", r->path, node->name);
    int32_t *values = ARENA_ARRAY(r->qmodel->arena, int32_t, (size_t)n);
    float *scale = ARENA_NEW(r->qmodel->arena, float);
    for (int c = 0; c < n; c++) {
        if (constant->values[c] < -MOST || constant->values[c] > MOST)
            return error_input("%s: layer '%s': constant %d is outside %d..%d", r->path, node->name, c, -MOST,
                               MOST);
        values[c] = (int32_t)constant->values[c];
    }
    *scale = constant->scales[0];
    node->bias = values;
    node->weight_scale = scale;
    return *scale > 0 && isfinite(*scale) ? 0
                                          : error_input("%s: layer '%s': scale %g of its constants", r->path,
                                                        node->name, (double)*scale);
}

static int read_constants(const struct reading *r)
{
    for (int i = 0; i < r->qmodel->n_nodes; i++) {
        struct qnode *node = &r->qmodel->nodes[i];
        const struct node *source = &r->model->nodes[r->node_of[i]];
        int rc = 0;
        if (node->op == QOP_ADD_CONSTANT)
            rc = read_summands(r, node, source);
        if (!rc && node->op != QOP_CONV && node->op != QOP_DEPTHWISE && node->op != QOP_FULLY_CONNECTED)
            continue;
        if (!rc)
            rc = read_weights(r, node, source);
        if (!rc)
            rc = read_bias(r, node, source);
        if (rc)
            return rc;
    }
    return 0;
}

/* Names in the model have had their control characters replaced; names in the tables are the file's. */
static void rename_tables(struct strip *strip, struct arena *arena)
{
    strip->tensor_names = name_table_create(arena);
    strip->constant_names = name_table_create(arena);
    for (int i = 0; i < strip->n_tensors; i++)
        name_table_set(strip->tensor_names, onnx_proto_text(strip->tensors[i].name, arena), i);
    for (int i = 0; i < strip->n_constants; i++)
        name_table_set(strip->constant_names, onnx_proto_text(strip->constants[i].name, arena), i);
}

/* What was quantized after an operator has been rounded there: no pass may compute through it. */
static void mark_rounded(const struct strip *strip, struct model *model)
{
    for (int i = 0; i < model->n_tensors; i++)
        model->tensors[i].rounded = name_table_find(strip->tensor_names, model->tensors[i].name) >= 0;
}

static int read_stripped(struct qmodel **out, struct strip *strip, const Onnx__ModelProto *proto,
                         const char *path, struct arena *scratch, struct arena *arena)
{
    struct model *model;
    int *node_of, *tensor_of;
    const size_t size = onnx__model_proto__get_packed_size(proto);
    uint8_t *bytes = arena_alloc(scratch, size);
    onnx__model_proto__pack(proto, bytes);
    int rc = onnx_parse(&model, bytes, size, path, scratch);
    rename_tables(strip, scratch);
    if (!rc)
        mark_rounded(strip, model);
    if (!rc)
        rc = pass_canonicalize(model);
    if (!rc)
        rc = pass_remove_dead(model);
    if (!rc)
        rc = qmodel_lower(out, model, arena, &node_of, &tensor_of);
    if (rc)
        return rc;
    struct reading reading = {path, strip, model, *out, node_of, tensor_of};
    rc = set_scales(&reading);
    if (!rc)
        keep_average_pools(&reading);
    if (!rc)
        rc = read_constants(&reading);
    if (!rc)
        rc = qdq_tables_read(*out);
    return rc ? rc : qmodel_finish(*out);
}

int qdq_parse(struct qmodel **out, const void *data, size_t size, const char *path, struct arena *arena)
{
    Onnx__ModelProto *proto;
    int rc = onnx_proto_parse(&proto, data, size, path);
    if (rc)
        return rc;
    struct arena scratch = ARENA_INIT;
    struct strip strip;
    Onnx__ModelProto plain = *proto;
    Onnx__GraphProto graph;
    rc = qdq_strip(&strip, &graph, proto->graph, path, &scratch);
    plain.graph = &graph;
    if (!rc)
        rc = read_stripped(out, &strip, &plain, path, &scratch, arena);
    onnx_proto_free(proto);
    arena_release(&scratch);
    return rc;
}

int qdq_read(struct qmodel **out, const char *path, struct arena *arena)
{
    struct arena scratch = ARENA_INIT;
    struct file file;
    int rc = file_read(&file, path, ONNX_MAX_BYTES, &scratch);
    if (!rc)
        rc = qdq_parse(out, file.data, file.size, path, arena);
    arena_release(&scratch);
    return rc;
}

int qdq_detect(const char *path, bool *is_qdq)
{
    struct arena scratch = ARENA_INIT;
    struct file file;
    Onnx__ModelProto *proto = NULL;
    *is_qdq = false;
    int rc = file_read(&file, path, ONNX_MAX_BYTES, &scratch);
    if (!rc)
        rc = onnx_proto_parse(&proto, file.data, file.size, path);
    for (size_t i = 0; !rc && i < proto->graph->n_node && !*is_qdq; i++)
        *is_qdq =
            proto->graph->node[i]->op_type && strcmp(proto->graph->node[i]->op_type, "QuantizeLinear") == 0;
    onnx_proto_free(proto);
    arena_release(&scratch);
    return rc;
}
