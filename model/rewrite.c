#include "model/rewrite.h"

#include <string.h>

#include "base/error.h"

struct node *rewrite_producer(const struct model *model, const struct node *node, int input)
{
    const int producer = model->tensors[node->inputs[input]].producer;
    return producer < 0 ? NULL : &model->nodes[producer];
}

struct node *rewrite_only_producer(const struct model *model, const struct node *node, int input)
{
    return model_uses(model, node->inputs[input]) == 1 ? rewrite_producer(model, node, input) : NULL;
}

void rewrite_drop(struct node *node)
{
    node->op = OP_COUNT;
    node->n_inputs = 0;
}

bool rewrite_dropped(const struct node *node)
{
    return node->op == OP_COUNT;
}

void rewrite_absorb(struct model *model, struct node *producer, struct node *node)
{
    model->tensors[producer->output].producer = -1;
    producer->output = node->output;
    model->tensors[node->output].producer = (int)(producer - model->nodes);
    rewrite_drop(node);
}

bool rewrite_bypass(struct model *model, struct node *node)
{
    const int from = node->output, to = node->inputs[0];
    bool is_output = false, to_is_output = false;
    for (int i = 0; i < model->n_outputs; i++) {
        is_output |= model->outputs[i] == from;
        to_is_output |= model->outputs[i] == to;
    }
    if (is_output && (model->tensors[to].producer < 0 || to_is_output))
        return false;
    if (is_output)
        model->tensors[to].name = model->tensors[from].name;
    for (int i = 0; i < model->n_nodes; i++)
        for (int j = 0; j < model->nodes[i].n_inputs; j++)
            if (model->nodes[i].inputs[j] == from)
                model->nodes[i].inputs[j] = to;
    for (int i = 0; i < model->n_outputs; i++)
        if (model->outputs[i] == from)
            model->outputs[i] = to;
    rewrite_drop(node);
    return true;
}

static void renumber_producers(struct model *model)
{
    for (int i = 0; i < model->n_tensors; i++)
        model->tensors[i].producer = -1;
    for (int i = 0; i < model->n_nodes; i++)
        if (!rewrite_dropped(&model->nodes[i]))
            model->tensors[model->nodes[i].output].producer = i;
}

struct node *rewrite_insert(struct model *model, int index, enum op op, const char *name, int input)
{
    const struct node added = *model_add_node(model, op, name, &input, 1);
    memmove(&model->nodes[index + 1], &model->nodes[index],
            (size_t)(model->n_nodes - 1 - index) * sizeof *model->nodes);
    model->nodes[index] = added;
    renumber_producers(model);
    if (shape_infer_node(model, index))
        die("layer '%s': inserted with wrong shapes", name);
    return &model->nodes[index];
}

void rewrite_finish(struct model *model)
{
    int n = 0;
    for (int i = 0; i < model->n_nodes; i++)
        if (!rewrite_dropped(&model->nodes[i]))
            model->nodes[n++] = model->nodes[i];
    model->n_nodes = n;
    renumber_producers(model);
}
