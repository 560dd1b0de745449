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
        case QOP_ADD_CONSTANT:
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

static struct implementation smallest_tile(enum layout layout, const struct qmodel *qmodel,
                                           const struct qnode *node)
{
    return (struct implementation){layout, (int16_t)tile_at_level(layout, qmodel, node, 1, 0)};
}

static void build_op(struct row_op *op, const struct qmodel *qmodel, const struct qnode *node,
                     enum layout layout, struct arena *arena)
{
    const struct implementation smallest = smallest_tile(layout, qmodel, node);
    *op = (struct row_op){
        .node = node,
        .inputs = ARENA_ARRAY(arena, struct row_input, (size_t)node->n_inputs),
        .output = node->output,
        .steps = row_steps(qmodel, node),
        .accumulates = node_accumulates(qmodel, node),
        .element_wise = node->op == QOP_ADD || node->op == QOP_ADD_CONSTANT || node->op == QOP_MUL ||
                        node->op == QOP_TABLE,
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
                              .calls = ARENA_NEW(arena, struct row_calls),
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

bool row_graph_set_layouts(struct row_graph *graph, const int *order, const struct plan_options *options)
{
    graph->version++;
    for (int i = 0; i < graph->n_ops; i++) {
        struct row_op *op = &graph->ops[i];
        enum layout layout = planned_layout(options, graph->qmodel, order[i]);
        if (op->node != &graph->qmodel->nodes[order[i]])
            return false;
        if (layout == op->layout)
            continue;
        const struct implementation smallest = smallest_tile(layout, graph->qmodel, op->node);
        if (op->accumulates ||
            (node_channel_group(&smallest, graph->qmodel, op->node) > 0) != op->in_channel_group)
            return false;
        op->layout = layout;
        op->changed = graph->version;
        graph->tiles[i] = NULL;
    }
    return true;
}

/* ---- costs -----------------------------------------------------------------------------------------------
 */

static uint64_t hash_of(uint64_t key, int log2)
{
    return (key * 0x9E3779B97F4A7C15u) >> (64 - log2);
}

static struct row_call *find_call(struct row_calls *calls, uint64_t key)
{
    uint64_t mask = ((uint64_t)1 << calls->log2) - 1, at = hash_of(key, calls->log2);
    while (calls->table[at].key && calls->table[at].key != key)
        at = (at + 1) & mask;
    return &calls->table[at];
}

static void grow_calls(struct row_calls *calls, struct arena *arena)
{
    enum { FIRST_LOG2 = 10 };
    const struct row_calls old = *calls;
    calls->log2 = old.table ? old.log2 + 1 : FIRST_LOG2;
    calls->table = ARENA_ARRAY(arena, struct row_call, (size_t)1 << calls->log2);
    for (size_t i = 0; old.table && i < (size_t)1 << old.log2; i++)
        if (old.table[i].key)
            *find_call(calls, old.table[i].key) = old.table[i];
}

int64_t row_call_cost(const struct row_graph *graph, int op, int tile, int rows)
{
    const struct row_op *o = &graph->ops[op];
    struct row_calls *calls = graph->calls;
    const uint64_t key = (uint64_t)(op + 1) << 35 | (uint64_t)o->layout << 32 |
                         (uint64_t)(uint16_t)tile << 16 | (uint16_t)rows;
    if (!calls->table || calls->n * 4 > 3 << calls->log2)
        grow_calls(calls, graph->arena);
    struct row_call *call = find_call(calls, key);
    if (!call->key) {
        const struct implementation implementation = {o->layout, (int16_t)tile};
        *call = (struct row_call){key,
                                  implementation_instructions(&implementation, graph->qmodel, o->node, rows)};
        calls->n++;
    }
    return call->cost;
}

/* ---- tiles ------------------------------------------------------------------------------------------------
 */

static void list_tiles(struct row_tiles *out, const struct row_graph *graph, int index)
{
    const struct qmodel *qmodel = graph->qmodel;
    const struct row_op *op = &graph->ops[index];
    for (int level = 0; level < TILE_LEVELS; level++) {
        struct implementation implementation = {
            op->layout, (int16_t)tile_at_level(op->layout, qmodel, op->node, out->rows, level)};
        bool tiled = out->n == 0 || implementation.tile != out->tile[out->n - 1];
        if (!tiled)
            continue;
        int32_t scratch =
            op->accumulates ? 0 : implementation_scratch_bytes(&implementation, qmodel, op->node);
        int64_t cost = row_call_cost(graph, index, implementation.tile, out->rows);
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
    list_tiles(tiles, graph, op);
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
