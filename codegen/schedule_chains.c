#include "codegen/schedule_chains.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/chain_plan.h"
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

static void add_step(struct schedule *out, const struct row_graph *graph, struct chain_work *work,
                     const struct chain_step *from, int index)
{
    const struct chain_shape *shape = &from->shape;
    const struct row_op *last = &graph->ops[shape->end - 1];
    int h = graph->tensors[last->output].h;
    struct chain_cost cost;
    chain_analyse(&cost, shape, work);
    /* [scratch | stores], or mirrored */
    int64_t scratch = from->block_offset + (shape->bottom_up ? cost.stores_bytes : 0);
    int64_t stores = from->block_offset + (shape->bottom_up ? 0 : cost.scratch_bytes);

    struct step *step = &out->steps[index];
    *step = (struct step){.first_node = shape->begin,
                          .n_nodes = shape->end - shape->begin,
                          .depth_first = !from->whole,
                          .bottom_up = shape->bottom_up,
                          .rows = shape->rows < h ? shape->rows : h,
                          .inner_rows = shape->inner_rows,
                          .scratch_offset = cost.scratch_bytes ? (int32_t)scratch : 0,
                          .scratch_bytes = (int32_t)cost.scratch_bytes};
    for (int i = shape->begin; i < shape->end; i++) {
        struct storage *storage = &out->storage[graph->ops[i].output];
        storage->first_step = storage->last_step = index;
        if (graph->ops[i].scratch_bytes)
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
    struct range block = {from->block_offset, from->block_offset + cost.stores_bytes + cost.scratch_bytes};
    step->live_bytes = union_bytes(&input, &output, &block);
}

void schedule_of_chain_plan(struct schedule *out, const struct row_graph *graph, const int *order,
                            const struct chain_plan *plan, struct arena *arena)
{
    const struct qmodel *qmodel = graph->qmodel;
    *out = (struct schedule){
        .order = ARENA_ARRAY(arena, int, (size_t)qmodel->n_nodes + 1),
        .n_order = qmodel->n_nodes,
        .scratch = ARENA_ARRAY(arena, int32_t, (size_t)qmodel->n_nodes + 1),
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
    struct arena temporary = ARENA_INIT;
    struct chain_work *work = chain_work_create(graph, &temporary);
    for (int s = 0; s < plan->n_steps; s++)
        add_step(out, graph, work, &plan->steps[s], s);
    arena_release(&temporary);
    out->storage[qmodel->input].first_step = -1;
    out->storage[qmodel->output].last_step = plan->n_steps;
}

bool schedule_chains(struct schedule *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, int64_t *call_cost, int64_t *least_bytes,
                     struct arena *arena)
{
    struct arena temporary = ARENA_INIT;
    struct row_graph graph;
    struct chain_plan plan;
    bool found = row_graph_build(&graph, qmodel, order, &temporary) &&
                 chain_plan(&plan, &graph, options, &temporary) && plan.arena_bytes <= INT32_MAX;
    if (found) {
        schedule_of_chain_plan(out, &graph, order, &plan, arena);
        *call_cost = plan.call_cost;
        *least_bytes = plan.least_bytes;
    }
    arena_release(&temporary);
    return found;
}
