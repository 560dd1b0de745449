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
    default:
        return ACT_NONE;
    }
}

/* x * HardSigmoid(x) with slope 1/6 and offset 1/2 is how exporters write HardSwish below opset 14. */
static void recognise_hard_swish(struct model *model)
{
    for (int i = 0; i < model->n_nodes; i++) {
        struct node *mul = &model->nodes[i];
        if (mul->op != OP_MUL || mul->act != ACT_NONE)
            continue;
        for (int j = 0; j < 2; j++) {
            struct node *gate = rewrite_only_producer(model, mul, j);
            const int x = mul->inputs[1 - j];
            if (!gate || gate->op != OP_HARD_SIGMOID || gate->inputs[0] != x ||
                fabsf(gate->alpha - 1.0f / 6) > 1e-6f || fabsf(gate->beta - 0.5f) > 1e-6f)
                continue;
            mul->op = OP_HARD_SWISH;
            mul->inputs[0] = x;
            mul->n_inputs = 1;
            rewrite_drop(gate);
            break;
        }
    }
    rewrite_finish(model);
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
    recognise_hard_swish(model);
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
