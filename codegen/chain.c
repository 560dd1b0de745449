#include "codegen/chain.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/row_graph.h"

struct event {
    int op, first, last; /* steps, counted from the bottom in bottom-up chains */
};

/* Calls of an operator that compute equally many steps. */
struct calls {
    struct calls *next;
    int rows, count;
};

/* Per operator of the graph; of the chain's operators only. */
struct op_state {
    struct calls *calls;
    int done;        /* steps computed */
    int total;       /* steps in the end: the last ones may be of no use to anybody */
    int leader;      /* operator whose output began the store of this one's output; -1: no line buffer */
    int step, phase; /* v = step * row + phase */
    int ring;        /* of leaders */
    int store;       /* of leaders: index */
    int64_t scratch_offset;
};

struct chain_work {
    const struct row_graph *graph;
    struct arena *arena;
    struct op_state *ops;
    struct event *events;
    int n_events, max_events;
    int64_t *first_use; /* per slot of a store: input bytes already consumed when it is first written */
    int max_slots;
    struct chain_store stores[CHAIN_MAX_OPS];
    int store_op[CHAIN_MAX_OPS];   /* leader */
    int store_slot[CHAIN_MAX_OPS]; /* first index in first_use */
    int n_stores;
    struct calls *spare_calls;
    struct chain_shape shape; /* of the analysis that is running, or was the latest */
};

struct chain_work *chain_work_create(const struct row_graph *graph, struct arena *arena)
{
    struct chain_work *work = ARENA_NEW(arena, struct chain_work);
    work->graph = graph;
    work->arena = arena;
    work->ops = ARENA_ARRAY(arena, struct op_state, (size_t)graph->n_ops + 1);
    return work;
}

static int64_t round_up_4(int64_t n)
{
    return (n + 3) & ~(int64_t)3;
}

static int first_row(const struct chain_work *work, const struct row_input *input, int step)
{
    return step * input->stride - (work->shape.bottom_up ? input->pad_mirrored : input->pad);
}

/* ---- the calls --------------------------------------------------------------------------------------------
 */

static void run(struct chain_work *work, int op, int last);

static void ensure(struct chain_work *work, int op, int row)
{
    const struct row_op *o = &work->graph->ops[op];
    struct op_state *state = &work->ops[op];
    int end = o->accumulates ? o->steps : row + 1 < o->steps ? row + 1 : o->steps;
    while (state->done < end) {
        int left = end - state->done;
        run(work, op, state->done + (left < work->shape.inner_rows ? left : work->shape.inner_rows) - 1);
    }
}

static void add_event(struct chain_work *work, struct event event)
{
    if (work->n_events == work->max_events) {
        int n = work->max_events ? work->max_events * 2 : 1024;
        struct event *events = ARENA_ARRAY(work->arena, struct event, (size_t)n);
        if (work->n_events)
            memcpy(events, work->events, (size_t)work->n_events * sizeof *events);
        work->events = events;
        work->max_events = n;
    }
    work->events[work->n_events++] = event;
}

static void count_call(struct chain_work *work, struct op_state *state, int rows)
{
    struct calls *calls = state->calls;
    while (calls && calls->rows != rows)
        calls = calls->next;
    if (!calls) {
        calls = work->spare_calls ? work->spare_calls : ARENA_NEW(work->arena, struct calls);
        work->spare_calls = calls->next;
        *calls = (struct calls){state->calls, rows, 0};
        state->calls = calls;
    }
    calls->count++;
}

static void forget_calls(struct chain_work *work)
{
    for (int i = work->shape.begin; i < work->shape.end; i++)
        while (work->ops[i].calls) {
            struct calls *calls = work->ops[i].calls;
            work->ops[i].calls = calls->next;
            calls->next = work->spare_calls;
            work->spare_calls = calls;
        }
}

/* The next steps of an operator, up to step `last`. */
static void run(struct chain_work *work, int op, int last)
{
    const struct row_op *o = &work->graph->ops[op];
    struct op_state *state = &work->ops[op];
    for (int i = 0; i < o->n_inputs; i++) {
        int tensor = o->inputs[i].tensor;
        if (tensor != work->shape.input)
            ensure(work, work->graph->tensors[tensor].producer,
                   first_row(work, &o->inputs[i], last) + o->inputs[i].extent - 1);
    }
    add_event(work, (struct event){op, state->done, last});
    count_call(work, state, last + 1 - state->done);
    state->done = last + 1;
}

static void list_calls(struct chain_work *work)
{
    const struct chain_shape *shape = &work->shape;
    int last = shape->end - 1, steps = work->graph->ops[last].steps;
    int rows = work->graph->ops[last].accumulates ? shape->inner_rows : shape->rows;
    work->n_events = 0;
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i] = (struct op_state){0};
    while (work->ops[last].done < steps) {
        int left = steps - work->ops[last].done;
        run(work, last, work->ops[last].done + (left < rows ? left : rows) - 1);
    }
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].total = work->ops[i].done;
}

/* ---- who shares a store -----------------------------------------------------------------------------------
 */

static bool same_rows(const struct row_tensor *a, const struct row_tensor *b)
{
    return a->h == b->h && a->row_bytes == b->row_bytes;
}

static void share_with_input(struct chain_work *work, int op)
{
    const struct row_graph *graph = work->graph;
    const struct row_op *o = &graph->ops[op];
    struct op_state *state = &work->ops[op];
    *state = (struct op_state){.calls = state->calls, .total = state->total, .leader = op, .step = 1};
    for (int i = 0; i < o->n_inputs; i++) {
        const struct row_tensor *in = &graph->tensors[o->inputs[i].tensor];
        if (o->inputs[i].tensor == work->shape.input)
            continue;
        const struct op_state *producer = &work->ops[in->producer];
        /* Row y over the first row of its window, which later windows do not reach. Calls of several rows run
         * from the top even in bottom-up chains: there one row at a time. */
        if (o->in_channel_group && in->n_readers == 1 &&
            (!work->shape.bottom_up || work->shape.inner_rows == 1)) {
            state->leader = producer->leader;
            state->step = producer->step * o->inputs[i].stride;
            state->phase = producer->phase + first_row(work, &o->inputs[i], 0) * producer->step;
            return;
        }
        if (o->element_wise && same_rows(in, &graph->tensors[o->output])) {
            state->leader = producer->leader;
            state->step = producer->step;
            state->phase = producer->phase;
            return;
        }
    }
}

/* ---- what is alive ----------------------------------------------------------------------------------------
 */

enum { DEAD = INT32_MAX };

/* First row of a tensor that somebody still has to read; DEAD: none. An operator whose call is being made
 * counts as before the call. */
static int needed_from(const struct chain_work *work, int tensor)
{
    const struct row_tensor *t = &work->graph->tensors[tensor];
    int needed = DEAD;
    for (int i = 0; i < t->n_readers; i++) {
        const struct row_op *reader = &work->graph->ops[t->readers[i].op];
        int step = work->ops[t->readers[i].op].done;
        if (step >= work->ops[t->readers[i].op].total)
            continue;
        int row = first_row(work, &reader->inputs[t->readers[i].input], step);
        if (row < needed)
            needed = row;
    }
    return needed;
}

/* May `op` write steps up to `last` over its input in the same store: is everybody else past those rows? */
static bool others_are_past(const struct chain_work *work, int op, int tensor, int last)
{
    const struct row_tensor *t = &work->graph->tensors[tensor];
    for (int i = 0; i < t->n_readers; i++) {
        int reader = t->readers[i].op, step = work->ops[reader].done;
        if (reader != op && step < work->ops[reader].total &&
            first_row(work, &work->graph->ops[reader].inputs[t->readers[i].input], step) <= last)
            return false;
    }
    return true;
}

/* Every element-wise operator that writes over an input, checked at one of its calls. */
static bool in_place_is_legal(const struct chain_work *work, const struct event *event)
{
    const struct row_op *op = &work->graph->ops[event->op];
    if (!op->element_wise || work->ops[event->op].leader == event->op)
        return true;
    for (int i = 0; i < op->n_inputs; i++) {
        int tensor = op->inputs[i].tensor, producer = work->graph->tensors[tensor].producer;
        if (tensor == work->shape.input || work->ops[producer].leader != work->ops[event->op].leader)
            continue;
        if (!others_are_past(work, event->op, tensor, event->last))
            return false;
    }
    return true;
}

/* Span of live virtual rows in the store that a call writes. */
static int live_span(const struct chain_work *work, const struct event *event)
{
    const struct row_graph *graph = work->graph;
    int low = INT32_MAX, high = INT32_MIN;
    for (int i = work->shape.begin; i < work->shape.end - 1; i++) {
        const struct op_state *state = &work->ops[i];
        if (state->leader != work->ops[event->op].leader)
            continue;
        int from = needed_from(work, graph->ops[i].output), to = state->done - 1;
        if (graph->ops[i].accumulates)
            to = state->done == graph->ops[i].steps || i == event->op ? 0 : -1;
        else if (i == event->op)
            to = event->last;
        if (i == event->op)
            from = from < event->first ? from : graph->ops[i].accumulates ? 0 : event->first;
        if (from < 0)
            from = 0;
        if (from > to)
            continue;
        int v0 = state->step * from + state->phase, v1 = state->step * to + state->phase;
        low = v0 < low ? v0 : low;
        high = v1 > high ? v1 : high;
    }
    return high - low + 1;
}

/* Is the exact place of the input still free of later readers, at one call of the last operator? */
static bool exact_is_legal(const struct chain_work *work, const struct event *event)
{
    const struct row_graph *graph = work->graph;
    const struct row_op *op = &graph->ops[event->op];
    int input = work->shape.input;
    bool reads_it = false;
    for (int i = 0; i < op->n_inputs; i++)
        reads_it = reads_it || op->inputs[i].tensor == input;
    return reads_it && op->element_wise && same_rows(&graph->tensors[input], &graph->tensors[op->output]) &&
           others_are_past(work, event->op, input, event->last);
}

static void measure_last(struct chain_cost *out, const struct chain_work *work, const struct event *event)
{
    const struct row_op *op = &work->graph->ops[event->op];
    const struct row_tensor *in = &work->graph->tensors[work->shape.input];
    const struct row_tensor *to = &work->graph->tensors[op->output];
    out->exact = out->exact && exact_is_legal(work, event);
    int rows = op->accumulates ? event->last == op->steps - 1 : event->last + 1;
    int needed = needed_from(work, work->shape.input);
    if (rows == 0 || needed >= in->h)
        return;
    int64_t distance = rows * to->row_bytes - (needed > 0 ? needed : 0) * in->row_bytes;
    if (distance > out->distance)
        out->distance = distance;
}

/* Replays the calls: rings, distance. Returns false after an operator that may not write in place has been
 * given a store of its own; then measure again. */
static bool measure(struct chain_cost *out, struct chain_work *work)
{
    const struct chain_shape *shape = &work->shape;
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].done = work->ops[i].ring = 0;
    out->distance = INT64_MIN;
    out->exact = true;
    for (int e = 0; e < work->n_events; e++) {
        const struct event *event = &work->events[e];
        struct op_state *state = &work->ops[event->op];
        if (event->op == shape->end - 1) {
            measure_last(out, work, event);
        } else {
            if (!in_place_is_legal(work, event)) {
                state->leader = event->op;
                state->step = 1;
                state->phase = 0;
                /* those after it that shared through it choose again */
                for (int i = event->op + 1; i < shape->end - 1; i++)
                    if (work->ops[i].leader != i)
                        share_with_input(work, i);
                return false;
            }
            int span = live_span(work, event);
            if (span > work->ops[state->leader].ring)
                work->ops[state->leader].ring = span;
        }
        state->done = event->last + 1;
    }
    return true;
}

/* ---- the block --------------------------------------------------------------------------------------------
 */

static void list_stores(struct chain_cost *out, struct chain_work *work)
{
    const struct row_graph *graph = work->graph;
    const struct chain_shape *shape = &work->shape;
    work->n_stores = 0;
    int n_slots = 0;
    for (int i = shape->begin; i < shape->end - 1; i++) {
        struct op_state *state = &work->ops[i];
        int64_t row_bytes = round_up_4(graph->tensors[graph->ops[i].output].row_bytes);
        if (state->leader == i) {
            if (state->ring == 0) /* nobody asked for a row */
                state->ring = 1;
            state->store = work->n_stores++;
            work->store_op[state->store] = i;
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

    for (int i = shape->begin; i < shape->end; i++)
        if (graph->ops[i].accumulates) {
            work->ops[i].scratch_offset = out->sums_bytes;
            out->sums_bytes += graph->ops[i].sums_bytes;
        }
    for (int i = shape->begin; i < shape->end; i++)
        if (!graph->ops[i].accumulates)
            work->ops[i].scratch_offset = out->sums_bytes;

    if (n_slots > work->max_slots) {
        work->max_slots = n_slots * 2;
        work->first_use = ARENA_ARRAY(work->arena, int64_t, (size_t)work->max_slots);
    }
    for (int s = 0; s < n_slots; s++)
        work->first_use[s] = -1;
}

static int slot_of(const struct op_state *state, int ring, int row)
{
    int slot = (state->step * row + state->phase) % ring;
    return slot < 0 ? slot + ring : slot;
}

/* Fills first_use. */
static void find_first_uses(struct chain_work *work)
{
    const struct chain_shape *shape = &work->shape;
    const struct row_tensor *in = &work->graph->tensors[shape->input];
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].done = 0;
    for (int e = 0; e < work->n_events; e++) {
        const struct event *event = &work->events[e];
        struct op_state *state = &work->ops[event->op];
        if (event->op != shape->end - 1) {
            const struct op_state *leader = &work->ops[state->leader];
            int64_t *slots = work->first_use + work->store_slot[leader->store];
            bool accumulates = work->graph->ops[event->op].accumulates;
            int64_t used = -1;
            for (int row = event->first; row <= event->last; row++) {
                int slot = slot_of(state, leader->ring, accumulates ? 0 : row);
                if (slots[slot] >= 0)
                    continue;
                if (used < 0) {
                    int needed = needed_from(work, shape->input);
                    used = (needed < 0 ? 0 : needed < in->h ? needed : in->h) * in->row_bytes;
                }
                slots[slot] = used;
            }
        }
        state->done = event->last + 1;
    }
}

static int64_t last_use(const struct chain_work *work, int store)
{
    int64_t last = 0;
    for (int s = 0; s < work->stores[store].ring; s++) {
        int64_t use = work->first_use[work->store_slot[store] + s];
        last = use > last ? use : last;
    }
    return last;
}

/* Lays the stores out in this order, returns how far the block may reach into the input; stops when that is
 * not above give_up. */
static int64_t lay_out(struct chain_work *work, const int *order, int64_t bytes, int64_t give_up)
{
    int64_t offset = 0, reach = bytes;
    for (int i = 0; i < work->n_stores; i++) {
        struct chain_store *store = &work->stores[order[i]];
        store->offset = offset;
        for (int s = 0; s < store->ring; s++) {
            int64_t use = work->first_use[work->store_slot[order[i]] + s];
            offset += store->row_bytes;
            if (use >= 0 && use + bytes - offset < reach)
                reach = use + bytes - offset;
        }
        if (reach <= give_up)
            break;
    }
    return reach & ~(int64_t)3;
}

/* Stores by last use; the one next to the input is tried out. */
static void place_stores(struct chain_cost *out, struct chain_work *work)
{
    int by_use[CHAIN_MAX_OPS], order[CHAIN_MAX_OPS], n = work->n_stores, best = 0;
    int64_t uses[CHAIN_MAX_OPS];
    for (int s = 0; s < n; s++) {
        int at = s;
        uses[s] = last_use(work, s);
        for (; at > 0 && uses[by_use[at - 1]] > uses[s]; at--)
            by_use[at] = by_use[at - 1];
        by_use[at] = s;
    }
    out->reach = -1;
    for (int trial = 0; trial <= n && n > 0; trial++) { /* the last one lays out the best again */
        int outermost = by_use[trial < n ? trial : best], k = 0;
        for (int s = 0; s < n; s++)
            if (by_use[s] != outermost)
                order[k++] = by_use[s];
        order[k] = outermost;
        int64_t reach = lay_out(work, order, out->stores_bytes, trial < n ? out->reach : -1);
        if (reach > out->reach) {
            out->reach = reach;
            best = trial;
        }
    }
    if (out->reach < 0)
        out->reach = 0;
}

void chain_analyse(struct chain_cost *out, const struct chain_shape *shape, struct chain_work *work)
{
    forget_calls(work); /* of the analysis before */
    work->shape = *shape;
    *out = (struct chain_cost){0};
    list_calls(work);
    for (int i = shape->begin; i < shape->end - 1; i++)
        share_with_input(work, i);
    work->ops[shape->end - 1].leader = -1;
    while (!measure(out, work))
        ;
    list_stores(out, work);
    find_first_uses(work);
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

struct chain_row chain_row(const struct chain_work *work, int op)
{
    const struct op_state *state = &work->ops[op];
    if (state->leader < 0)
        return (struct chain_row){.store = -1};
    return (struct chain_row){work->ops[state->leader].store, state->step, state->phase};
}

int64_t chain_scratch_offset(const struct chain_work *work, int op)
{
    return work->ops[op].scratch_offset;
}

/* ---- scratch ----------------------------------------------------------------------------------------------
 */

int chain_most_rows(const struct chain_work *work, int op)
{
    int most = 1;
    for (const struct calls *calls = work->ops[op].calls; calls; calls = calls->next)
        most = calls->rows > most ? calls->rows : most;
    return most;
}

int64_t chain_op_cost(const struct chain_work *work, int op, int tile)
{
    const struct row_op *o = &work->graph->ops[op];
    const struct implementation implementation = {o->layout, (int16_t)tile};
    int64_t cost = 0;
    for (const struct calls *calls = work->ops[op].calls; calls; calls = calls->next)
        cost += calls->count *
                implementation_instructions(&implementation, work->graph->qmodel, o->node, calls->rows);
    return cost;
}

void chain_scratch_choices(struct chain_scratch *out, const struct chain_work *work)
{
    const struct row_tiles *tiles[CHAIN_MAX_OPS];
    int n = work->shape.end - work->shape.begin;
    out->n = 0;
    for (int i = 0; i < n; i++)
        tiles[i] =
            row_tiles(work->graph, work->shape.begin + i, chain_most_rows(work, work->shape.begin + i));
    for (int level = 0; level < TILE_LEVELS; level++) {
        int32_t bytes = 0;
        for (int i = 0; i < n; i++) {
            int32_t one = tiles[i]->scratch_bytes[level < tiles[i]->n ? level : tiles[i]->n - 1];
            bytes = one > bytes ? one : bytes;
        }
        if (out->n > 0 && bytes == out->bytes[out->n - 1])
            continue;
        int64_t cost = 0;
        for (int i = 0; i < n; i++)
            cost +=
                chain_op_cost(work, work->shape.begin + i, tiles[i]->tile[row_tile_within(tiles[i], bytes)]);
        if (out->n > 0 && cost >= out->cost[out->n - 1])
            continue;
        out->bytes[out->n] = bytes;
        out->cost[out->n++] = cost;
    }
}
