/*
 * pass_channel_constants.c - Add, Sub and Mul of a feature map and one constant per channel become part of
 * the Conv before them, or a depthwise Conv of one tap.
 */
#include "model/model.h"
#include "model/passes.h"
#include "model/rewrite.h"

/* Which input is one constant per channel of a map (1, h, w, c) that the other one is; -1: none. */
static int channel_constant(const struct model *model, const struct node *node)
{
    for (int k = 0; k < 2; k++) {
        const struct tensor *constant = &model->tensors[node->inputs[k]],
                            *map = &model->tensors[node->inputs[1 - k]];
        const int rank = constant->shape.rank, c = rank ? constant->shape.dim[rank - 1] : 0;
        if (constant->constant && !map->constant && map->shape.rank == 4 && rank <= 4 && c > 1 &&
            shape_elements(&constant->shape) == c && map->shape.dim[3] == c)
            return k;
    }
    return -1;
}

static float *filled(struct model *model, int n, const float *like, float value)
{
    if (!like)
        return NULL; /* shape-only */
    float *data = ARENA_ARRAY(model->arena, float, (size_t)n);
    for (int i = 0; i < n; i++)
        data[i] = value;
    return data;
}

static float *negated(struct model *model, int n, const float *values)
{
    float *data = filled(model, n, values, 0);
    for (int i = 0; data && i < n; i++)
        data[i] = -values[i];
    return data;
}

static int scaled(struct model *model, int tensor, const float *factors, int channels)
{
    const struct tensor from = model->tensors[tensor];
    const int64_t each = shape_elements(&from.shape) / channels;
    float *data = NULL;
    if (from.data && factors) {
        data = ARENA_ARRAY(model->arena, float, (size_t)(each * channels));
        for (int64_t i = 0; i < each * channels; i++)
            data[i] = from.data[i] * factors[i / each];
    }
    return model_add_constant(model, from.name, from.shape, data);
}

/* The Conv before a Mul multiplies by its weights. */
static bool scale_conv(struct model *model, struct node *mul, int k)
{
    struct node *conv = rewrite_only_producer(model, mul, 1 - k);
    if (!conv || conv->op != OP_CONV || conv->act != ACT_NONE || mul->act != ACT_NONE ||
        !model->tensors[conv->inputs[1]].constant ||
        (conv->n_inputs > 2 && !model->tensors[conv->inputs[2]].constant))
        return false;
    const struct tensor factors = model->tensors[mul->inputs[k]];
    const int channels = factors.shape.dim[factors.shape.rank - 1];
    conv->inputs[1] = scaled(model, conv->inputs[1], factors.data, channels);
    if (conv->n_inputs > 2)
        conv->inputs[2] = scaled(model, conv->inputs[2], factors.data, channels);
    rewrite_absorb(model, conv, mul);
    return true;
}

static void to_depthwise(struct model *model, struct node *node, int k)
{
    const int in = node->inputs[1 - k], constant = node->inputs[k];
    const struct tensor values = model->tensors[constant];
    const int c = values.shape.dim[values.shape.rank - 1];
    const bool multiply = node->op == OP_MUL;
    const float *weights =
        multiply ? values.data : filled(model, c, values.data, node->op == OP_SUB && k == 0 ? -1 : 1);
    const float *bias = node->op == OP_SUB && k == 1 ? negated(model, c, values.data) : values.data;
    node->inputs[0] = in;
    node->inputs[1] = model_add_constant(model, arena_printf(model->arena, "%s.weights", node->name),
                                         shape_of(4, c, 1, 1, 1), weights);
    node->n_inputs = 2;
    if (!multiply) {
        node->inputs[2] = model_add_constant(model, arena_printf(model->arena, "%s.bias", node->name),
                                             shape_of(1, c), bias);
        node->n_inputs = 3;
    }
    node->op = OP_CONV;
    node->group = c;
    node->window = (struct window){1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
}

int pass_channel_constants(struct model *model)
{
    for (int sums = 0; sums < 2; sums++) {
        bool changed = false;
        for (int i = 0; i < model->n_nodes; i++) {
            struct node *node = &model->nodes[i];
            const bool sum = node->op == OP_ADD || node->op == OP_SUB;
            const int k = sum || node->op == OP_MUL ? channel_constant(model, node) : -1;
            if (k < 0)
                continue;
            if (sum && !sums) { /* x - k is x + (-k), which may become a bias */
                if (node->op == OP_SUB && k == 1) {
                    const struct tensor values = model->tensors[node->inputs[1]];
                    node->op = OP_ADD;
                    node->inputs[1] = model_add_constant(
                        model, arena_printf(model->arena, "%s.negative", node->name), values.shape,
                        negated(model, (int)shape_elements(&values.shape), values.data));
                    changed = true;
                }
                continue;
            }
            if (sum || !scale_conv(model, node, k))
                to_depthwise(model, node, k);
            changed = true;
        }
        rewrite_finish(model);
        if (changed && pass_canonicalize(model))
            return 1;
    }
    return 0;
}
