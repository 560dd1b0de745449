#include "codegen/schedule_chains.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/chain_plan.h"
#include "codegen/kernels.h"
#include "codegen/row_graph.h"
#include "codegen/schedule.h"

struct range {
    int64_t begin, end;
};

static int64_t union_bytes(const struct range *a, const struct range *b, const struct range *c)
{
    const struct range *sorted[3] = {a, b, c};
    for (int i = 1; i < 3; i++)
        for (int k = i; k > 0 && sorted[k]->begin < sorted[k - 1]->begin; k--) {
            const struct range *t = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = t;
        }
    int64_t sum = 0, end = 0;
    for (int i = 0; i < 3; i++) {
        int64_t begin = sorted[i]->begin > end ? sorted[i]->begin : end;
        if (sorted[i]->end > begin) {
            sum += sorted[i]->end - begin;
            end = sorted[i]->end;
        }
    }
    return sum;
}

static struct range store_whole(struct storage *storage, const struct row_tensor *tensor, int64_t offset)
{
    int64_t end = offset + tensor->h * tensor->row_bytes;
    storage->offset = storage->begin = (int32_t)offset;
    storage->end = (int32_t)end;
    storage->row_stride = (int32_t)tensor->row_bytes;
    storage->ring = (int16_t)tensor->h;
    storage->row_step = 1;
    return (struct range){offset, end};
}

/* Rows of bottom-up chains are numbered from the bottom, and their block is mirrored: row y of the tensor is
 * row h - 1 - y of the chain, and slots go downwards from the block's end. */
static void store_rows(struct storage *storage, const struct chain_work *work, const struct chain_row *row,
                       int h, int64_t stores_offset, int64_t stores_bytes, bool bottom_up)
{
    const struct chain_store *store = chain_store(work, row->store);
    int ring = store->ring, step = row->step % ring, phase = row->phase % ring;
    int64_t begin = stores_offset + store->offset, bytes = store->row_bytes * ring;
    storage->row_stride = (int32_t)store->row_bytes;
    if (bottom_up) {
        phase = (int)(((int64_t)row->step * (h - 1) + row->phase) % ring);
        step = -step;
        begin = stores_offset + stores_bytes - store->offset - bytes;
        storage->row_stride = -storage->row_stride;
    }
    storage->ring = (int16_t)ring;
    storage->row_step = (int16_t)(step < 0 ? step + ring : step);
    storage->row_phase = (int16_t)(phase < 0 ? phase + ring : phase);
    storage->begin = (int32_t)begin;
    storage->end = (int32_t)(begin + bytes);
    storage->offset = (int32_t)(bottom_up ? begin + bytes - store->row_bytes : begin);
}

/* May a whole operator with this tile write its output where the step puts it? */
static bool tile_is_legal(const struct row_graph *graph, const struct chain_step *step, int tile)
{
    const struct row_op *op = &graph->ops[step->shape.begin];
    const struct implementation implementation = {op->layout, (int16_t)tile};
    int64_t delta = step->output_offset - step->input_offset;
    const struct row_tensor *in = &graph->tensors[step->shape.input], *out = &graph->tensors[op->output];
    if (delta >= in->h * in->row_bytes || -delta >= out->h * out->row_bytes)
        return true;
    for (int i = 0; i < op->n_inputs; i++) {
        struct overlap overlap;
        if (!node_overlap(&overlap, &implementation, graph->qmodel, op->node, i) ||
            !(-delta >= overlap.distance || (overlap.exact && delta == 0) ||
              (overlap.shifted && delta == -overlap.shift)))
            return false;
    }
    return true;
}

/* The fastest tile of an operator in so much scratch. */
static int best_tile(const struct row_graph *graph, const struct chain_work *work,
                     const struct chain_step *step, int op, int32_t scratch_bytes)
{
    const struct row_op *o = &graph->ops[op];
    if (o->accumulates)
        return 0;
    int rows = chain_most_rows(work, op);
    const struct row_tiles *tiles = row_tiles(graph, op, rows);
    int best = step->whole ? step->tile : tiles->tile[row_tile_within(tiles, scratch_bytes)];
    int64_t cost = chain_op_cost(work, op, best);
    for (int i = -1; i < tiles->n; i++) {
        int tile =
            i < 0 ? tile_within(o->layout, graph->qmodel, o->node, rows, scratch_bytes) : tiles->tile[i];
        if (i >= 0 && tiles->scratch_bytes[i] > scratch_bytes)
            break;
        int64_t trial = chain_op_cost(work, op, tile);
        if (trial < cost && (!step->whole || tile_is_legal(graph, step, tile))) {
            best = tile;
            cost = trial;
        }
    }
    return best;
}

/* Chooses the tiles; returns how much scratch the calls share. */
static int32_t choose_tiles(struct schedule *out, const struct row_graph *graph,
                            const struct chain_work *work, const struct chain_step *from, int64_t bytes)
{
    int32_t most = 0;
    for (int i = from->shape.begin; i < from->shape.end; i++) {
        struct implementation *implementation = &out->implementations[out->order[i]];
        const struct row_op *op = &graph->ops[i];
        out->most_rows[i] = (int16_t)chain_most_rows(work, i);
        int32_t within = bytes > INT32_MAX ? INT32_MAX : (int32_t)bytes;
        *implementation =
            (struct implementation){op->layout, (int16_t)best_tile(graph, work, from, i, within)};
        out->instructions[i] = chain_op_cost(work, i, implementation->tile);
        if (op->accumulates)
            continue;
        int32_t scratch = implementation_scratch_bytes(implementation, graph->qmodel, op->node);
        most = scratch > most ? scratch : most;
    }
    return most;
}

static bool has_scratch(const struct schedule *schedule, const struct row_graph *graph, int op)
{
    return implementation_scratch_bytes(&schedule->implementations[schedule->order[op]], graph->qmodel,
                                        graph->ops[op].node) > 0;
}

static void add_step(struct schedule *out, const struct row_graph *graph, struct chain_work *work,
                     const struct chain_step *from, int index)
{
    const struct chain_shape *shape = &from->shape;
    const struct row_op *last = &graph->ops[shape->end - 1];
    int h = graph->tensors[last->output].h;
    struct chain_cost cost;
    chain_analyse(&cost, shape, work);
    int64_t shared =
        choose_tiles(out, graph, work, from, from->block_bytes - cost.stores_bytes - cost.sums_bytes);
    int64_t scratch_bytes = cost.sums_bytes + shared, block_bytes = cost.stores_bytes + scratch_bytes;
    int64_t block = from->block_offset + (from->block_at_end ? from->block_bytes - block_bytes : 0);
    /* [scratch | stores], or mirrored */
    int64_t scratch = block + (shape->bottom_up ? cost.stores_bytes : 0);
    int64_t stores = block + (shape->bottom_up ? 0 : scratch_bytes);

    struct step *step = &out->steps[index];
    *step = (struct step){.first_node = shape->begin,
                          .n_nodes = shape->end - shape->begin,
                          .depth_first = !from->whole,
                          .bottom_up = shape->bottom_up,
                          .rows = shape->rows < h ? shape->rows : h,
                          .inner_rows = shape->inner_rows,
                          .scratch_offset = scratch_bytes ? (int32_t)scratch : 0,
                          .scratch_bytes = (int32_t)scratch_bytes};
    for (int i = shape->begin; i < shape->end; i++) {
        struct storage *storage = &out->storage[graph->ops[i].output];
        storage->first_step = storage->last_step = index;
        if (has_scratch(out, graph, i))
            out->scratch[i] = (int32_t)(scratch + chain_scratch_offset(work, i));
        if (i == shape->end - 1)
            break;
        struct chain_row row = chain_row(work, i);
        store_rows(storage, work, &row, graph->tensors[graph->ops[i].output].h, stores, cost.stores_bytes,
                   shape->bottom_up);
    }
    out->storage[shape->input].last_step = index;
    struct range input =
        store_whole(&out->storage[shape->input], &graph->tensors[shape->input], from->input_offset);
    struct range output =
        store_whole(&out->storage[last->output], &graph->tensors[last->output], from->output_offset);
    struct range all = {block, block + block_bytes};
    step->live_bytes = union_bytes(&input, &output, &all);
}

void schedule_of_chain_plan(struct schedule *out, const struct row_graph *graph, struct chain_work *work,
                            const int *order, const struct chain_plan *plan, struct arena *arena)
{
    const struct qmodel *qmodel = graph->qmodel;
    *out = (struct schedule){
        .order = ARENA_ARRAY(arena, int, (size_t)qmodel->n_nodes + 1),
        .n_order = qmodel->n_nodes,
        .scratch = ARENA_ARRAY(arena, int32_t, (size_t)qmodel->n_nodes + 1),
        .implementations = ARENA_ARRAY(arena, struct implementation, (size_t)qmodel->n_nodes + 1),
        .instructions = ARENA_ARRAY(arena, int64_t, (size_t)qmodel->n_nodes + 1),
        .most_rows = ARENA_ARRAY(arena, int16_t, (size_t)qmodel->n_nodes + 1),
        .steps = ARENA_ARRAY(arena, struct step, (size_t)plan->n_steps + 1),
        .n_steps = plan->n_steps,
        .storage = ARENA_ARRAY(arena, struct storage, (size_t)qmodel->n_tensors + 1),
        .n_storage = qmodel->n_tensors,
        .arena_bytes = plan->arena_bytes,
        .lower_bound_bytes = plan->lower_bound,
    };
    memcpy(out->order, order, (size_t)qmodel->n_nodes * sizeof *order);
    for (int t = 0; t < qmodel->n_tensors; t++)
        out->storage[t].first_step = out->storage[t].last_step = -2; /* no step touches it */
    for (int s = 0; s < plan->n_steps; s++)
        add_step(out, graph, work, &plan->steps[s], s);
    out->storage[qmodel->input].first_step = -1;
    out->storage[qmodel->output].last_step = plan->n_steps;
}

/* The graph with these layouts: the one of the plan before, where that is possible. */
static bool remember(struct chain_memory *memory, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options)
{
    if (memory->work && row_graph_set_layouts(&memory->graph, order, options))
        return true;
    memory->work = NULL;
    if (!row_graph_build(&memory->graph, qmodel, order, options, memory->arena))
        return false;
    memory->work = chain_work_create(&memory->graph, memory->arena);
    return true;
}

bool schedule_chains(struct schedule *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, int64_t most_bytes, int64_t *least_bytes,
                     struct chain_memory *memory, struct arena *arena)
{
    struct arena temporary = ARENA_INIT;
    struct chain_plan plan;
    bool found = remember(memory, qmodel, order, options) &&
                 chain_plan(&plan, &memory->graph, memory->work, options, most_bytes, &temporary) &&
                 plan.arena_bytes <= INT32_MAX;
    if (found) {
        schedule_of_chain_plan(out, &memory->graph, memory->work, order, &plan, arena);
        *least_bytes = plan.least_bytes;
    }
    arena_release(&temporary);
    return found;
}
