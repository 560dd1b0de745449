#include "codegen/row_graph.h"

#include "base/arena.h"
#include "base/error.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
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
        case QOP_CONCAT:
            input->pad = qnode_part(qmodel, node, i).y;
            break;
        case QOP_ADD:
        case QOP_MUL:
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

enum layout planned_layout(const struct plan_options *options, const struct qmodel *qmodel, int node)
{
    return options->layouts ? options->layouts[node]
                            : layout_smallest(qmodel, &qmodel->nodes[node], options->dsp);
}

static void build_op(struct row_op *op, const struct qmodel *qmodel, const struct qnode *node,
                     enum layout layout, struct arena *arena)
{
    const struct implementation smallest = {layout, (int16_t)tile_at_level(layout, qmodel, node, 1, 0)};
    *op = (struct row_op){
        .node = node,
        .inputs = ARENA_ARRAY(arena, struct row_input, (size_t)node->n_inputs),
        .output = node->output,
        .steps = row_steps(qmodel, node),
        .accumulates = node_accumulates(qmodel, node),
        .element_wise = node->op == QOP_ADD || node->op == QOP_MUL || node->op == QOP_TABLE,
        .in_channel_group = node_channel_group(&smallest, qmodel, node) > 0,
        .layout = layout,
    };
    if (op->accumulates)
        op->sums_bytes = implementation_scratch_bytes(&smallest, qmodel, node);
    op->n_inputs = row_inputs(op->inputs, qmodel, node);
}

bool row_graph_build(struct row_graph *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, struct arena *arena)
{
    *out = (struct row_graph){.qmodel = qmodel,
                              .ops = ARENA_ARRAY(arena, struct row_op, (size_t)qmodel->n_nodes + 1),
                              .n_ops = qmodel->n_nodes,
                              .tensors = ARENA_ARRAY(arena, struct row_tensor, (size_t)qmodel->n_tensors + 1),
                              .tiles = ARENA_ARRAY(arena, struct row_tiles *, (size_t)qmodel->n_nodes + 1),
                              .arena = arena};
    int n_readers = 0;
    for (int t = 0; t < qmodel->n_tensors; t++)
        out->tensors[t] = (struct row_tensor){
            .h = qmodel->tensors[t].h,
            .row_bytes = (int64_t)qmodel->tensors[t].w * qmodel->tensors[t].c,
            .producer = -1,
        };
    for (int i = 0; i < out->n_ops; i++) {
        struct row_op *op = &out->ops[i];
        build_op(op, qmodel, &qmodel->nodes[order[i]], planned_layout(options, qmodel, order[i]), arena);
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

/* ---- tiles ------------------------------------------------------------------------------------------------
 */

static void list_tiles(struct row_tiles *out, const struct qmodel *qmodel, const struct row_op *op)
{
    for (int level = 0; level < TILE_LEVELS; level++) {
        struct implementation implementation = {
            op->layout, (int16_t)tile_at_level(op->layout, qmodel, op->node, out->rows, level)};
        bool tiled = out->n == 0 || implementation.tile != out->tile[out->n - 1];
        if (!tiled)
            continue;
        int32_t scratch =
            op->accumulates ? 0 : implementation_scratch_bytes(&implementation, qmodel, op->node);
        int64_t cost = implementation_instructions(&implementation, qmodel, op->node, out->rows);
        if (out->n > 0 && cost >= out->whole_cost[out->n - 1])
            continue;
        out->tile[out->n] = implementation.tile;
        out->scratch_bytes[out->n] = scratch;
        out->whole_cost[out->n++] = cost;
        if (implementation.tile == 0)
            break;
    }
}

const struct row_tiles *row_tiles(const struct row_graph *graph, int op, int rows)
{
    const struct row_op *o = &graph->ops[op];
    rows = rows < o->steps ? rows : o->steps;
    struct row_tiles *tiles = graph->tiles[op];
    while (tiles && tiles->rows != rows)
        tiles = tiles->next;
    if (tiles)
        return tiles;
    tiles = ARENA_NEW(graph->arena, struct row_tiles);
    tiles->rows = rows;
    list_tiles(tiles, graph->qmodel, o);
    tiles->next = graph->tiles[op];
    graph->tiles[op] = tiles;
    return tiles;
}

int row_tile_within(const struct row_tiles *tiles, int32_t scratch_bytes)
{
    int best = 0;
    for (int i = 1; i < tiles->n && tiles->scratch_bytes[i] <= scratch_bytes; i++)
        best = i;
    return best;
}
