#include "model/cost.h"

#include "model/model.h"

static int64_t input_elements(const struct model *model, const struct node *node, int input)
{
    return shape_elements(&model->tensors[node->inputs[input]].shape);
}

struct cost node_cost(const struct model *model, int index)
{
    const struct node *node = &model->nodes[index];
    const struct shape *out = &model->tensors[node->output].shape;
    struct cost cost = {0};

    switch (node->op) {
    case OP_CONV: {
        /* every output element takes kernel_h * kernel_w * channels / group products */
        const struct shape *weights = &model->tensors[node->inputs[1]].shape;
        cost.macs = shape_elements(out) * (shape_elements(weights) / weights->dim[0]);
        break;
    }
    case OP_GEMM:
    case OP_MATMUL: {
        const struct shape *in = &model->tensors[node->inputs[0]].shape;
        cost.macs = shape_elements(out) * in->dim[in->rank - 1];
        break;
    }
    default:
        break;
    }
    if (node->op == OP_CONV || node->op == OP_GEMM || node->op == OP_BATCH_NORM)
        for (int i = 1; i < node->n_inputs; i++)
            if (model->tensors[node->inputs[i]].constant)
                cost.params += input_elements(model, node, i);
    return cost;
}

struct cost model_cost(const struct model *model)
{
    struct cost total = {0};
    for (int i = 0; i < model->n_nodes; i++) {
        const struct cost cost = node_cost(model, i);
        total.macs += cost.macs;
        total.params += cost.params;
    }
    return total;
}
