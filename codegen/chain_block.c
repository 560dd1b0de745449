/*
 * chain_block.c - the line buffers of a chain: one block of stores, and how far it may reach into the input.
 */
#include "base/arena.h"
#include "codegen/chain_work.h"
#include "codegen/row_graph.h"

static int64_t round_up_4(int64_t n)
{
    return (n + 3) & ~(int64_t)3;
}

/* Returns the number of slots of all stores. */
static int list_stores(struct chain_cost *out, struct chain_work *work)
{
    const struct row_graph *graph = work->graph;
    const struct chain_shape *shape = &work->shape;
    work->n_stores = 0;
    int n_slots = 0;
    for (int i = shape->begin; i < shape->end - 1; i++) {
        struct chain_op *state = &work->ops[i];
        int64_t row_bytes = round_up_4(graph->tensors[graph->ops[i].output].row_bytes);
        if (state->leader == i) {
            if (state->ring == 0) /* nobody asked for a row */
                state->ring = 1;
            state->store = work->n_stores++;
            work->stores[state->store] = (struct chain_store){.row_bytes = 0, .ring = state->ring};
            work->store_slot[state->store] = n_slots;
            n_slots += state->ring;
        }
        struct chain_store *store = &work->stores[work->ops[state->leader].store];
        if (row_bytes > store->row_bytes)
            store->row_bytes = row_bytes;
    }
    out->stores_bytes = 0;
    for (int s = 0; s < work->n_stores; s++)
        out->stores_bytes += work->stores[s].row_bytes * work->stores[s].ring;
    return n_slots;
}

static void place_sums(struct chain_cost *out, struct chain_work *work)
{
    const struct row_op *ops = work->graph->ops;
    for (int i = work->shape.begin; i < work->shape.end; i++)
        if (ops[i].accumulates) {
            work->ops[i].scratch_offset = out->sums_bytes;
            out->sums_bytes += ops[i].sums_bytes;
        }
    for (int i = work->shape.begin; i < work->shape.end; i++)
        if (!ops[i].accumulates)
            work->ops[i].scratch_offset = out->sums_bytes;
}

static int slot_of(const struct chain_op *state, int ring, int row)
{
    int slot = (state->step * row + state->phase) % ring;
    return slot < 0 ? slot + ring : slot;
}

/* Fills first_use: the calls again, until all slots have been written. */
static void find_first_uses(struct chain_work *work, int n_slots)
{
    const struct chain_shape *shape = &work->shape;
    const struct row_tensor *in = &work->graph->tensors[shape->input];
    if (n_slots > work->max_slots) {
        work->max_slots = n_slots * 2;
        work->first_use = ARENA_ARRAY(work->arena, int64_t, (size_t)work->max_slots);
    }
    for (int s = 0; s < n_slots; s++)
        work->first_use[s] = -1;
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].done = 0;
    for (int e = 0; e < work->n_events && n_slots > 0; e++) {
        const struct chain_event *event = &work->events[e];
        struct chain_op *state = &work->ops[event->op];
        if (event->op != shape->end - 1) {
            const struct chain_op *leader = &work->ops[state->leader];
            int64_t *slots = work->first_use + work->store_slot[leader->store];
            int64_t used = -1;
            for (int row = event->first; row <= event->last; row++) {
                int slot = leader->ring == 1 ? 0 : slot_of(state, leader->ring, state->accumulates ? 0 : row);
                if (slots[slot] >= 0)
                    continue;
                if (used < 0) {
                    int needed = chain_needed_from(work, shape->input);
                    used = (needed < 0 ? 0 : needed < in->h ? needed : in->h) * in->row_bytes;
                }
                slots[slot] = used;
                n_slots--;
            }
        }
        state->done = event->last + 1;
    }
}

/* How far a store lets the block reach into the input if it begins at offset 0 of no other bytes, and the
 * last of its first uses. */
static int64_t reach_of_store(int64_t *last_use, const struct chain_work *work, int s)
{
    const struct chain_store *store = &work->stores[s];
    const int64_t *uses = work->first_use + work->store_slot[s];
    int64_t reach = INT64_MAX, end = 0;
    *last_use = 0;
    for (int slot = 0; slot < store->ring; slot++) {
        end += store->row_bytes;
        if (uses[slot] >= 0 && uses[slot] - end < reach)
            reach = uses[slot] - end;
        *last_use = uses[slot] > *last_use ? uses[slot] : *last_use;
    }
    return reach;
}

/* Stores by last use; the one next to the input is tried out. */
static void place_stores(struct chain_cost *out, struct chain_work *work)
{
    int by_use[CHAIN_MAX_OPS], n = work->n_stores, best = -1;
    int64_t uses[CHAIN_MAX_OPS], reaches[CHAIN_MAX_OPS], bytes = out->stores_bytes;
    for (int s = 0; s < n; s++) {
        int at = s;
        reaches[s] = reach_of_store(&uses[s], work, s);
        for (; at > 0 && uses[by_use[at - 1]] > uses[s]; at--)
            by_use[at] = by_use[at - 1];
        by_use[at] = s;
    }
    out->reach = 0;
    for (int trial = 0; trial < n; trial++) {
        int64_t offset = 0, reach = bytes;
        for (int i = 0; i <= n && reach > 0; i++) { /* the one on trial last */
            int s = by_use[i < n ? i : trial];
            if (i == trial)
                continue;
            if (reaches[s] < INT64_MAX && reaches[s] + bytes - offset < reach)
                reach = reaches[s] + bytes - offset;
            offset += work->stores[s].row_bytes * work->stores[s].ring;
        }
        reach &= ~(int64_t)3;
        if (best < 0 || reach > out->reach) {
            best = trial;
            out->reach = reach > 0 ? reach : 0;
        }
    }
    int64_t offset = 0;
    for (int i = 0; i <= n && n > 0; i++) {
        struct chain_store *store = &work->stores[by_use[i < n ? i : best]];
        if (i == best)
            continue;
        store->offset = offset;
        offset += store->row_bytes * store->ring;
    }
}

void chain_lay_out(struct chain_cost *out, struct chain_work *work)
{
    int n_slots = list_stores(out, work);
    place_sums(out, work);
    find_first_uses(work, n_slots);
    place_stores(out, work);
}

const struct chain_store *chain_store(const struct chain_work *work, int store)
{
    return &work->stores[store];
}

int chain_n_stores(const struct chain_work *work)
{
    return work->n_stores;
}

int64_t chain_scratch_offset(const struct chain_work *work, int op)
{
    return work->ops[op].scratch_offset;
}
