#include "codegen/row_graph.h"

#include "base/arena.h"
#include "base/error.h"
#include "codegen/kernels.h"
#include "quant/qmodel.h"

int row_steps(const struct qmodel *qmodel, const struct qnode *node)
{
    return qmodel->tensors[node_accumulates(qmodel, node) ? node->inputs[0] : node->output].h;
}

/* Every step reads every row. */
static struct row_input whole(int tensor, int h)
{
    return (struct row_input){.tensor = tensor, .stride = 0, .pad = 0, .extent = h};
}

int row_inputs(struct row_input *inputs, const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *out = &qmodel->tensors[node->output];
    for (int i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i];
        const struct qtensor *in = &qmodel->tensors[tensor];
        struct row_input *input = &inputs[i];
        *input = (struct row_input){.tensor = tensor, .stride = 1, .extent = 1};
        switch (node_accumulates(qmodel, node) ? QOP_MEAN : node->op) {
        case QOP_CONV:
        case QOP_DEPTHWISE:
        case QOP_AVERAGE_POOL:
        case QOP_MAX_POOL:
            input->stride = node->window.stride_h;
            input->pad = node->window.pad_top;
            input->extent = (node->window.kernel_h - 1) * node->window.dilation_h + 1;
            break;
        case QOP_PAD:
            input->pad = node->window.pad_top;
            break;
        case QOP_ADD:
        case QOP_MUL:
        case QOP_CONCAT:
            if (in->h != out->h) /* MUL's (1, 1, c) factor */
                *input = whole(tensor, in->h);
            break;
        case QOP_MEAN:
        case QOP_TABLE:
            break;
        default:
            *input = whole(tensor, in->h);
        }
        input->pad_mirrored =
            (row_steps(qmodel, node) - 1) * input->stride + input->extent - input->pad - in->h;
    }
    return node->n_inputs;
}

static void build_op(struct row_op *op, const struct qmodel *qmodel, const struct qnode *node,
                     struct arena *arena)
{
    *op = (struct row_op){
        .node = node,
        .inputs = ARENA_ARRAY(arena, struct row_input, (size_t)node->n_inputs),
        .output = node->output,
        .steps = row_steps(qmodel, node),
        .accumulates = node_accumulates(qmodel, node),
        .element_wise = node->op == QOP_ADD || node->op == QOP_MUL || node->op == QOP_TABLE,
        .in_channel_group = node_channel_group(qmodel, node) > 0,
        .scratch_bytes = (node_scratch_bytes(qmodel, node) + 3) & ~3,
        .call_cost = node_call_cost(qmodel, node),
    };
    op->n_inputs = row_inputs(op->inputs, qmodel, node);
}

bool row_graph_build(struct row_graph *out, const struct qmodel *qmodel, const int *order,
                     struct arena *arena)
{
    *out = (struct row_graph){qmodel, ARENA_ARRAY(arena, struct row_op, (size_t)qmodel->n_nodes + 1),
                              qmodel->n_nodes,
                              ARENA_ARRAY(arena, struct row_tensor, (size_t)qmodel->n_tensors + 1)};
    int n_readers = 0;
    for (int t = 0; t < qmodel->n_tensors; t++)
        out->tensors[t] = (struct row_tensor){
            .h = qmodel->tensors[t].h,
            .row_bytes = (int64_t)qmodel->tensors[t].w * qmodel->tensors[t].c,
            .producer = -1,
        };
    for (int i = 0; i < out->n_ops; i++) {
        struct row_op *op = &out->ops[i];
        build_op(op, qmodel, &qmodel->nodes[order[i]], arena);
        out->tensors[op->output].producer = i;
        for (int k = 0; k < op->n_inputs; k++)
            out->tensors[op->inputs[k].tensor].n_readers++;
        n_readers += op->n_inputs;
    }
    struct row_reader *readers = ARENA_ARRAY(arena, struct row_reader, (size_t)n_readers + 1);
    for (int t = 0; t < qmodel->n_tensors; t++) {
        struct row_tensor *tensor = &out->tensors[t];
        if (tensor->n_readers == 0 && t != qmodel->output && (tensor->producer >= 0 || t == qmodel->input))
            return false;
        tensor->readers = readers;
        readers += tensor->n_readers;
        tensor->n_readers = 0;
    }
    for (int i = 0; i < out->n_ops; i++)
        for (int k = 0; k < out->ops[i].n_inputs; k++) {
            struct row_tensor *tensor = &out->tensors[out->ops[i].inputs[k].tensor];
            tensor->readers[tensor->n_readers++] = (struct row_reader){i, k};
        }
    return true;
}
