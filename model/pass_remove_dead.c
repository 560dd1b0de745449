#include "model/passes.h"

#include "model/model.h"
#include "model/rewrite.h"

/* Readers come after writers, so one walk from the end finds all that an output depends on. */
static void drop_unreachable(struct model *model, bool *used)
{
    for (int i = 0; i < model->n_outputs; i++)
        used[model->outputs[i]] = true;
    for (int i = model->n_nodes - 1; i >= 0; i--) {
        struct node *node = &model->nodes[i];
        if (!used[node->output]) {
            rewrite_drop(node);
            continue;
        }
        for (int j = 0; j < node->n_inputs; j++)
            used[node->inputs[j]] = true;
    }
    for (int i = 0; i < model->n_inputs; i++)
        used[model->inputs[i]] = true;
}

static void drop_tensors(struct model *model, const bool *used)
{
    int *new_id = ARENA_ARRAY(model->arena, int, (size_t)model->n_tensors);
    int n = 0;
    for (int i = 0; i < model->n_tensors; i++) {
        if (!used[i])
            continue;
        new_id[i] = n;
        model->tensors[n++] = model->tensors[i];
    }
    model->n_tensors = n;
    for (int i = 0; i < model->n_nodes; i++) {
        struct node *node = &model->nodes[i];
        for (int j = 0; j < node->n_inputs; j++)
            node->inputs[j] = new_id[node->inputs[j]];
        node->output = new_id[node->output];
    }
    for (int i = 0; i < model->n_inputs; i++)
        model->inputs[i] = new_id[model->inputs[i]];
    for (int i = 0; i < model->n_outputs; i++)
        model->outputs[i] = new_id[model->outputs[i]];
}

int pass_remove_dead(struct model *model)
{
    for (int i = 0; i < model->n_nodes; i++)
        if (model->nodes[i].op == OP_IDENTITY)
            rewrite_bypass(model, &model->nodes[i]);
    rewrite_finish(model);

    bool *used = ARENA_ARRAY(model->arena, bool, (size_t)model->n_tensors);
    drop_unreachable(model, used);
    rewrite_finish(model);
    drop_tensors(model, used);
    return 0;
}

int passes_for_inference(struct model *model)
{
    int rc = pass_remove_dead(model);
    if (!rc)
        rc = pass_canonicalize(model);
    if (!rc)
        rc = pass_channel_constants(model);
    if (!rc)
        rc = pass_fold_batch_norm(model);
    if (!rc)
        rc = pass_fuse_activations(model);
    if (!rc)
        rc = pass_remove_dead(model);
    return rc ? rc : shape_infer(model);
}
