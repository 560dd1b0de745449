#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cli/inspect.h"
#include "model/cost.h"
#include "model/model.h"
#include "quant/qmodel.h"

static json_t *shape_json(const struct shape *shape)
{
    json_t *list = json_array();
    for (int i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(shape->dim[i]));
    return list;
}

/* A string from a file that need not be UTF-8. */
static json_t *text_json(const char *text)
{
    json_t *value = json_string(text ? text : "");
    return value ? value : json_string("(not UTF-8)");
}

static json_t *metadata_json(const struct metadata *metadata, int n)
{
    json_t *object = json_object();
    for (int i = 0; i < n; i++)
        if (json_object_set_new(object, metadata[i].key, text_json(metadata[i].value)) != 0)
            json_object_set_new(object, "(not UTF-8)", text_json(metadata[i].value));
    return object;
}

/* "3x3 s2 d2 pad 1,1,1,1": a sliding window; what is usual is left out. */
static const char *window_text(const struct window *w, struct arena *arena)
{
    const char *text = arena_printf(arena, "%dx%d", w->kernel_h, w->kernel_w);
    if (w->stride_h != 1 || w->stride_w != 1)
        text = w->stride_h == w->stride_w ? arena_printf(arena, "%s s%d", text, w->stride_h)
                                          : arena_printf(arena, "%s s%dx%d", text, w->stride_h, w->stride_w);
    if (w->dilation_h > 1 || w->dilation_w > 1)
        text = arena_printf(arena, "%s d%dx%d", text, w->dilation_h, w->dilation_w);
    const bool even = w->pad_top == w->pad_left && w->pad_top == w->pad_bottom && w->pad_top == w->pad_right;
    if (!even)
        text = arena_printf(arena, "%s pad %d,%d,%d,%d", text, w->pad_top, w->pad_left, w->pad_bottom,
                            w->pad_right);
    else if (w->pad_top)
        text = arena_printf(arena, "%s pad %d", text, w->pad_top);
    return text;
}

static const char *activation_text(const struct node *node, struct arena *arena)
{
    switch (node->act) {
    case ACT_NONE:
        return "";
    case ACT_HARD_SWISH:
        return "hswish";
    case ACT_HARD_SIGMOID:
        return "hsigmoid";
    case ACT_SIGMOID:
        return "sigmoid";
    case ACT_TANH:
        return "tanh";
    case ACT_LINEAR:
        return "linear";
    case ACT_CLIP:
        break;
    }
    if (node->act_min == 0 && node->act_max == 6)
        return "relu6";
    if (node->act_min == 0 && isinf(node->act_max))
        return "relu";
    return arena_printf(arena, "clip %g..%g", (double)node->act_min, (double)node->act_max);
}

static const char *node_detail(const struct model *model, const struct node *node, struct arena *arena)
{
    const char *text = "";
    switch (node->op) {
    case OP_CONV: {
        text = window_text(&node->window, arena);
        const struct shape *out = &model->tensors[node->output].shape;
        const int channels = out->rank == 4 ? out->dim[3] : 0;
        if (node->group > 1)
            text = node->group == channels ? arena_printf(arena, "%s depthwise", text)
                                           : arena_printf(arena, "%s group %d", text, node->group);
        break;
    }
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
        text = window_text(&node->window, arena);
        break;
    case OP_BATCH_NORM:
        text = arena_printf(arena, "epsilon %g", (double)node->epsilon);
        break;
    case OP_CLIP:
        return arena_printf(arena, "%g..%g", (double)node->act_min, (double)node->act_max);
    default:
        break;
    }
    const char *act = activation_text(node, arena);
    return *act ? arena_printf(arena, "%s%s%s", text, *text ? " " : "", act) : text;
}

json_t *inspect_model(const struct model *model)
{
    struct arena arena = ARENA_INIT;
    json_t *nodes = json_array(), *inputs = json_array(), *outputs = json_array();
    for (int i = 0; i < model->n_nodes; i++) {
        const struct node *node = &model->nodes[i];
        const struct cost cost = node_cost(model, i);
        json_array_append_new(nodes,
                              json_pack("{s:o, s:s, s:s, s:o, s:I, s:I}", "name", text_json(node->name), "op",
                                        op_name(node->op), "detail", node_detail(model, node, &arena),
                                        "output", shape_json(&model->tensors[node->output].shape), "macs",
                                        (json_int_t)cost.macs, "params", (json_int_t)cost.params));
    }
    for (int i = 0; i < model->n_inputs; i++)
        json_array_append_new(inputs, json_pack("{s:o, s:o}", "name",
                                                text_json(model->tensors[model->inputs[i]].name), "shape",
                                                shape_json(&model->tensors[model->inputs[i]].shape)));
    for (int i = 0; i < model->n_outputs; i++)
        json_array_append_new(outputs, json_pack("{s:o, s:o}", "name",
                                                 text_json(model->tensors[model->outputs[i]].name), "shape",
                                                 shape_json(&model->tensors[model->outputs[i]].shape)));
    const struct cost total = model_cost(model);
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:o, s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "schema_version", 1,
                  "tool_version", MCUNET_VERSION, "kind", "model", "name", text_json(model->name),
                  "operators", model->n_nodes, "macs", (json_int_t)total.macs, "params",
                  (json_int_t)total.params, "metadata", metadata_json(model->metadata, model->n_metadata),
                  "inputs", inputs, "outputs", outputs, "nodes", nodes);
    arena_release(&arena);
    return json;
}

static const char *qnode_detail(const struct qnode *node, struct arena *arena)
{
    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        return window_text(&node->window, arena);
    case QOP_PAD:
        return arena_printf(arena, "pad %d,%d,%d,%d", node->window.pad_top, node->window.pad_left,
                            node->window.pad_bottom, node->window.pad_right);
    case QOP_CONCAT:
        return node->axis == CONCAT_ROWS ? "rows" : node->axis == CONCAT_COLUMNS ? "columns" : "";
    default:
        return "";
    }
}

static json_t *qshape_json(const struct qtensor *tensor)
{
    return json_pack("[i,i,i]", tensor->h, tensor->w, tensor->c);
}

json_t *inspect_qmodel(const struct qmodel *qmodel)
{
    struct arena arena = ARENA_INIT;
    json_t *nodes = json_array();
    int64_t macs = 0, weights = 0;
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[i];
        const struct qtensor *out = &qmodel->tensors[node->output];
        const int64_t node_macs = qnode_macs(qmodel, node);
        macs += node_macs;
        weights += node->n_weights;
        json_array_append_new(nodes,
                              json_pack("{s:o, s:s, s:s, s:o, s:f, s:i, s:[i,i], s:I, s:I}", "name",
                                        text_json(node->name), "op", qop_name(node->op), "detail",
                                        qnode_detail(node, &arena), "output", qshape_json(out), "scale",
                                        (double)out->scale, "zero_point", out->zero_point, "clamp",
                                        node->act_min, node->act_max, "macs", (json_int_t)node_macs,
                                        "weights_bytes", (json_int_t)node->n_weights));
    }
    const struct qtensor *in = &qmodel->tensors[qmodel->input], *out = &qmodel->tensors[qmodel->output];
    json_t *json = json_pack(
        "{s:i, s:s, s:s, s:o, s:i, s:I, s:I, s:{s:o, s:f, s:i}, s:{s:o, s:f, s:i}, s:o, s:o}",
        "schema_version", 1, "tool_version", MCUNET_VERSION, "kind", "qmodel", "name",
        text_json(qmodel->name), "operators", qmodel->n_nodes, "macs", (json_int_t)macs, "weights_bytes",
        (json_int_t)weights, "input", "shape", qshape_json(in), "scale", (double)in->scale, "zero_point",
        in->zero_point, "output", "shape", qshape_json(out), "scale", (double)out->scale, "zero_point",
        out->zero_point, "metadata", metadata_json(qmodel->metadata, qmodel->n_metadata), "nodes", nodes);
    arena_release(&arena);
    return json;
}
