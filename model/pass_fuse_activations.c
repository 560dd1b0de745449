#include <math.h>

#include "model/model.h"
#include "model/passes.h"
#include "model/rewrite.h"

static bool is_fusing(const struct node *node)
{
    return node->op == OP_CONV || node->op == OP_GEMM || node->op == OP_ADD || node->op == OP_MUL;
}

static enum activation activation_of(enum op op)
{
    switch (op) {
    case OP_CLIP:
        return ACT_CLIP;
    case OP_HARD_SWISH:
        return ACT_HARD_SWISH;
    case OP_HARD_SIGMOID:
        return ACT_HARD_SIGMOID;
    case OP_SIGMOID:
        return ACT_SIGMOID;
    case OP_TANH:
        return ACT_TANH;
    default:
        return ACT_NONE;
    }
}

static bool is_near(float value, float wanted)
{
    return fabsf(value - wanted) <= 1e-6f;
}

/* Which input of a two-input node is this one number; -1: none. */
static int input_that_is(const struct model *model, const struct node *node, float wanted)
{
    for (int i = 0; i < 2; i++) {
        const struct tensor *tensor = &model->tensors[node->inputs[i]];
        if (tensor->constant && tensor->data && shape_elements(&tensor->shape) == 1 &&
            is_near(tensor->data[0], wanted))
            return i;
    }
    return -1;
}

/* The x of Clip(x + 3, 0, 6) when that is what an input is and nobody else reads it; -1: it is not. */
static int gated(const struct model *model, const struct node *node, int input)
{
    const struct node *clip = rewrite_only_producer(model, node, input);
    if (!clip || clip->op != OP_CLIP || clip->act_min != 0 || clip->act_max != 6)
        return -1;
    const struct node *add = rewrite_only_producer(model, clip, 0);
    const int three = add && add->op == OP_ADD && add->act == ACT_NONE ? input_that_is(model, add, 3) : -1;
    return three < 0 ? -1 : add->inputs[1 - three];
}

/* `factors` is x * Clip(x + 3, 0, 6); returns x, or -1. */
static int gated_product(const struct model *model, const struct node *factors)
{
    if (!factors || factors->op != OP_MUL || factors->act != ACT_NONE)
        return -1;
    for (int i = 0; i < 2; i++)
        if (gated(model, factors, i) == factors->inputs[1 - i])
            return factors->inputs[1 - i];
    return -1;
}

static void become_unary(struct node *node, enum op op, int x)
{
    node->op = op;
    node->inputs[0] = x;
    node->n_inputs = 1;
}

/* Clip(x + 3, 0, 6) / 6 is HardSigmoid, and with another factor x HardSwish: the way both were written before
 * ONNX had them. */
static void recognise_sixths(struct model *model, struct node *mul)
{
    const int sixth = input_that_is(model, mul, 1.0f / 6);
    if (sixth < 0)
        return;
    int x = gated(model, mul, 1 - sixth);
    if (x >= 0) {
        become_unary(mul, OP_HARD_SIGMOID, x);
        mul->alpha = 1.0f / 6;
        mul->beta = 0.5f;
        return;
    }
    x = gated_product(model, rewrite_only_producer(model, mul, 1 - sixth));
    if (x >= 0)
        become_unary(mul, OP_HARD_SWISH, x);
}

/* x * HardSigmoid(x) with slope 1/6 and offset 1/2 is how exporters write HardSwish below opset 14. */
static void recognise_hard_swish(const struct model *model, struct node *mul)
{
    for (int i = 0; i < 2; i++) {
        const struct node *gate = rewrite_only_producer(model, mul, i);
        const int x = mul->inputs[1 - i];
        if (gate && gate->op == OP_HARD_SIGMOID && gate->inputs[0] == x && is_near(gate->alpha, 1.0f / 6) &&
            is_near(gate->beta, 0.5f)) {
            become_unary(mul, OP_HARD_SWISH, x);
            return;
        }
    }
}

/* What the new nodes replace is left without readers and removed. */
static int recognise(struct model *model)
{
    for (int i = 0; i < model->n_nodes; i++) {
        struct node *node = &model->nodes[i];
        if (node->op == OP_MUL && node->act == ACT_NONE)
            recognise_sixths(model, node);
        if (node->op == OP_MUL && node->act == ACT_NONE)
            recognise_hard_swish(model, node);
    }
    return pass_remove_dead(model);
}

/* A clip of a clip is one clip. */
static void fuse_clip(struct node *producer, const struct node *clip)
{
    if (producer->act == ACT_NONE) {
        producer->act_min = clip->act_min;
        producer->act_max = clip->act_max;
        return;
    }
    producer->act_min = fminf(fmaxf(producer->act_min, clip->act_min), clip->act_max);
    producer->act_max = fminf(fmaxf(producer->act_max, clip->act_min), clip->act_max);
}

int pass_fuse_activations(struct model *model)
{
    const int rc = recognise(model);
    if (rc)
        return rc;
    for (int i = 0; i < model->n_nodes; i++) {
        struct node *node = &model->nodes[i];
        const enum activation act = activation_of(node->op);
        if (act == ACT_NONE)
            continue;
        struct node *producer = rewrite_only_producer(model, node, 0);
        const bool both_clip = producer && producer->act == ACT_CLIP && act == ACT_CLIP;
        if (!producer || !is_fusing(producer) || (producer->act != ACT_NONE && !both_clip))
            continue;
        if (act == ACT_CLIP) {
            fuse_clip(producer, node);
        } else if (act == ACT_HARD_SIGMOID) {
            producer->alpha = node->alpha;
            producer->beta = node->beta;
        }
        producer->act = act;
        rewrite_absorb(model, producer, node);
    }
    rewrite_finish(model);
    return 0;
}
