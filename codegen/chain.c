/*
 * chain.c - which calls a chain makes, and what is alive at each of them.
 *
 * Plans ask for hundreds of chains, of dozens of calls each: the calls are replayed once, with what they do
 * to stores and distance, and once more only until every slot has been written (chain_block.c). What an
 * analysis found is kept, since weights in another layout change nothing of it.
 */
#include "codegen/chain.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/chain_work.h"
#include "codegen/row_graph.h"
#include "quant/qmodel.h"

/* ---- links and readers ----------------------------------------------------------------------------------
 */

static void link_inputs(struct chain_work *work)
{
    const struct row_graph *graph = work->graph;
    int n_links = 0, n_tensors = graph->qmodel->n_tensors;
    work->first_link = ARENA_ARRAY(work->arena, int, (size_t)graph->n_ops + 1);
    work->first_reader = ARENA_ARRAY(work->arena, int, (size_t)n_tensors + 1);
    for (int i = 0; i < graph->n_ops; i++) {
        n_links += graph->ops[i].n_inputs;
        work->first_link[i + 1] = n_links;
    }
    for (int t = 0; t < n_tensors; t++)
        work->first_reader[t + 1] = work->first_reader[t] + graph->tensors[t].n_readers;
    for (int up = 0; up < 2; up++) {
        struct chain_direction *direction = &work->directions[up];
        direction->links = ARENA_ARRAY(work->arena, struct chain_link, (size_t)n_links + 1);
        direction->readers = ARENA_ARRAY(work->arena, struct chain_reader, (size_t)n_links + 1);
        for (int i = 0; i < graph->n_ops; i++)
            for (int k = 0; k < graph->ops[i].n_inputs; k++) {
                const struct row_input *in = &graph->ops[i].inputs[k];
                direction->links[work->first_link[i] + k] =
                    (struct chain_link){graph->tensors[in->tensor].producer, in->stride,
                                        up ? in->pad_mirrored : in->pad, in->extent};
            }
        for (int t = 0; t < n_tensors; t++)
            for (int r = 0; r < graph->tensors[t].n_readers; r++) {
                const struct row_reader *reader = &graph->tensors[t].readers[r];
                const struct row_input *in = &graph->ops[reader->op].inputs[reader->input];
                direction->readers[work->first_reader[t] + r] =
                    (struct chain_reader){reader->op, in->stride, up ? in->pad_mirrored : in->pad};
            }
    }
}

struct chain_work *chain_work_create(const struct row_graph *graph, struct arena *arena)
{
    struct chain_work *work = ARENA_NEW(arena, struct chain_work);
    work->graph = graph;
    work->arena = arena;
    work->ops = ARENA_ARRAY(arena, struct chain_op, (size_t)graph->n_ops + 1);
    for (int i = 0; i < graph->n_ops; i++) {
        work->ops[i].steps = graph->ops[i].steps;
        work->ops[i].accumulates = graph->ops[i].accumulates;
    }
    work->patterns = ARENA_ARRAY(arena, struct chain_pattern *, (size_t)1 << LOG2_PATTERNS);
    link_inputs(work);
    return work;
}

/* ---- who shares a store ---------------------------------------------------------------------------------
 */

static bool same_rows(const struct row_tensor *a, const struct row_tensor *b)
{
    return a->h == b->h && a->row_bytes == b->row_bytes;
}

static void share_with_input(struct chain_work *work, int op)
{
    const struct row_graph *graph = work->graph;
    const struct row_op *o = &graph->ops[op];
    struct chain_op *state = &work->ops[op];
    state->leader = op;
    state->step = 1;
    state->phase = 0;
    if (!o->in_channel_group && !o->element_wise)
        return;
    for (int i = 0; i < o->n_inputs; i++) {
        const struct row_tensor *in = &graph->tensors[o->inputs[i].tensor];
        const struct chain_link *link = &work->links[work->first_link[op] + i];
        if (link->producer < work->shape.begin)
            continue;
        const struct chain_op *producer = &work->ops[link->producer];
        /* Row y over the first row of its window, which later windows do not reach. Calls of several rows run
         * from the top even in bottom-up chains: there one row at a time. */
        if (o->in_channel_group && in->n_readers == 1 &&
            (!work->shape.bottom_up || work->shape.inner_rows == 1)) {
            state->leader = producer->leader;
            state->step = producer->step * link->stride;
            state->phase = producer->phase - link->pad * producer->step;
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

/* Lists the members of every store, its leader first. */
static void list_members(struct chain_work *work)
{
    for (int i = work->shape.end - 2; i >= work->shape.begin; i--) {
        struct chain_op *state = &work->ops[i];
        state->ring = 0;
        state->next_member = -1;
    }
    for (int i = work->shape.end - 2; i >= work->shape.begin; i--) {
        struct chain_op *state = &work->ops[i];
        state->shares = state->leader != i && work->graph->ops[i].element_wise;
        if (state->leader == i)
            continue;
        state->next_member = work->ops[state->leader].next_member;
        work->ops[state->leader].next_member = i;
    }
}

/* ---- what is alive --------------------------------------------------------------------------------------
 */

/* May `op` write steps up to `last` over its input in the same store: is everybody else past those rows? */
static bool others_are_past(const struct chain_work *work, int op, int tensor, int last)
{
    for (int i = work->first_reader[tensor]; i < work->first_reader[tensor + 1]; i++) {
        const struct chain_reader *reader = &work->readers[i];
        const struct chain_op *state = &work->ops[reader->op];
        if (reader->op != op && state->done < state->total &&
            state->done * reader->stride - reader->pad <= last)
            return false;
    }
    return true;
}

/* Every element-wise operator that writes over an input, checked at one of its calls. */
static bool in_place_is_legal(const struct chain_work *work, int at, int last)
{
    const struct row_op *op = &work->graph->ops[at];
    for (int i = 0; i < op->n_inputs; i++) {
        int producer = work->links[work->first_link[at] + i].producer;
        if (producer < work->shape.begin || work->ops[producer].leader != work->ops[at].leader)
            continue;
        if (!others_are_past(work, at, op->inputs[i].tensor, last))
            return false;
    }
    return true;
}

/* Live rows of a store that has one operator's rows only. */
static int live_rows(const struct chain_work *work, int at, int last)
{
    const struct chain_op *state = &work->ops[at];
    if (state->accumulates)
        return 1;
    int from = chain_needed_from(work, work->graph->ops[at].output);
    from = from < state->done ? from : state->done;
    return last + 1 - (from < 0 ? 0 : from);
}

/* Span of live virtual rows in the store that a call writes. */
static int live_span(const struct chain_work *work, int at, int last)
{
    int low = INT32_MAX, high = INT32_MIN;
    for (int i = work->ops[at].leader; i >= 0; i = work->ops[i].next_member) {
        const struct chain_op *state = &work->ops[i];
        int from = chain_needed_from(work, work->graph->ops[i].output), to = state->done - 1;
        if (state->accumulates)
            to = state->done == state->steps || i == at ? 0 : -1;
        else if (i == at)
            to = last;
        if (i == at)
            from = from < state->done ? from : state->accumulates ? 0 : state->done;
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
static bool exact_is_legal(const struct chain_work *work, int at, int last)
{
    const struct row_graph *graph = work->graph;
    const struct row_op *op = &graph->ops[at];
    int input = work->shape.input;
    bool reads_it = false;
    for (int i = 0; i < op->n_inputs; i++)
        reads_it = reads_it || op->inputs[i].tensor == input;
    return reads_it && op->element_wise && same_rows(&graph->tensors[input], &graph->tensors[op->output]) &&
           others_are_past(work, at, input, last);
}

static void measure_last(struct chain_cost *out, const struct chain_work *work, int at, int last)
{
    const struct row_op *op = &work->graph->ops[at];
    const struct row_tensor *in = &work->graph->tensors[work->shape.input];
    const struct row_tensor *to = &work->graph->tensors[op->output];
    out->exact = out->exact && exact_is_legal(work, at, last);
    int rows = op->accumulates ? last == op->steps - 1 : last + 1;
    int needed = chain_needed_from(work, work->shape.input);
    if (rows == 0 || needed >= in->h)
        return;
    int64_t distance = rows * to->row_bytes - (needed > 0 ? needed : 0) * in->row_bytes;
    if (distance > out->distance)
        out->distance = distance;
}

/* One that may not write in place gets a store of its own; those after it that shared through it choose
 * again. */
static void separate(struct chain_work *work, int op)
{
    work->illegal = true;
    work->ops[op].leader = op;
    work->ops[op].step = 1;
    work->ops[op].phase = 0;
    for (int i = op + 1; i < work->shape.end - 1; i++)
        if (work->ops[i].leader != i)
            share_with_input(work, i);
}

/* ---- the calls ------------------------------------------------------------------------------------------
 */

static int new_calls(struct chain_work *work)
{
    if (work->n_calls == work->max_calls) {
        int n = work->max_calls ? work->max_calls * 2 : 1024;
        struct chain_calls *calls = ARENA_ARRAY(work->arena, struct chain_calls, (size_t)n);
        if (work->n_calls)
            memcpy(calls, work->calls, (size_t)work->n_calls * sizeof *calls);
        work->n_calls += work->n_calls == 0; /* 0 is no entry */
        work->calls = calls;
        work->max_calls = n;
    }
    return work->n_calls++;
}

static void count_call(struct chain_work *work, struct chain_op *state, int rows)
{
    int at = state->calls;
    while (at && work->calls[at].rows != rows)
        at = work->calls[at].next;
    if (!at) {
        at = new_calls(work);
        work->calls[at] = (struct chain_calls){state->calls, rows, 0};
        state->calls = at;
    }
    work->calls[at].count++;
}

static void add_event(struct chain_work *work, struct chain_event event)
{
    if (work->n_events == work->max_events) {
        int n = work->max_events ? work->max_events * 2 : 1024;
        struct chain_event *events = ARENA_ARRAY(work->arena, struct chain_event, (size_t)n);
        if (work->n_events)
            memcpy(events, work->events, (size_t)work->n_events * sizeof *events);
        work->events = events;
        work->max_events = n;
    }
    work->events[work->n_events++] = event;
}

/* The next steps of an operator, up to step `last`. */
static void run(struct chain_cost *out, struct chain_work *work, int op, int last)
{
    struct chain_op *state = &work->ops[op];
    const struct chain_link *link = &work->links[work->first_link[op]],
                            *end = &work->links[work->first_link[op + 1]];
    for (; link < end; link++) {
        if (link->producer < work->shape.begin)
            continue;
        const struct chain_op *producer = &work->ops[link->producer];
        int rows = last * link->stride - link->pad + link->extent;
        if (producer->accumulates || rows > producer->steps)
            rows = producer->steps;
        while (producer->done < rows) {
            int left = rows - producer->done;
            run(out, work, link->producer,
                producer->done + (left < work->shape.inner_rows ? left : work->shape.inner_rows) - 1);
        }
    }
    add_event(work, (struct chain_event){op, state->done, last});
    count_call(work, state, last + 1 - state->done);
    if (op == work->shape.end - 1) {
        measure_last(out, work, op, last);
    } else if (!work->illegal) {
        if (state->shares && !in_place_is_legal(work, op, last)) {
            separate(work, op);
        } else {
            bool alone = state->leader == op && state->next_member < 0;
            int span = alone ? live_rows(work, op, last) : live_span(work, op, last);
            if (span > work->ops[state->leader].ring)
                work->ops[state->leader].ring = span;
        }
    }
    state->done = last + 1;
}

/* How many steps of each operator will have been computed in the end. */
static void count_steps(struct chain_work *work)
{
    const struct chain_shape *shape = &work->shape;
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].total = 0;
    work->ops[shape->end - 1].total = work->ops[shape->end - 1].steps;
    for (int i = shape->end - 1; i >= shape->begin; i--) {
        int last = work->ops[i].total - 1;
        for (int k = work->first_link[i]; k < work->first_link[i + 1] && last >= 0; k++) {
            const struct chain_link *link = &work->links[k];
            if (link->producer < shape->begin)
                continue;
            struct chain_op *producer = &work->ops[link->producer];
            int rows = last * link->stride - link->pad + link->extent;
            if (producer->accumulates || rows > producer->steps)
                rows = producer->steps;
            producer->total = rows > producer->total ? rows : producer->total;
        }
    }
}

/* All calls: rings, distance. Returns false after an operator that may not write in place has been given a
 * store of its own; then again. */
static bool make_calls(struct chain_cost *out, struct chain_work *work)
{
    const struct chain_shape *shape = &work->shape;
    struct chain_op *last = &work->ops[shape->end - 1];
    int rows = last->accumulates ? shape->inner_rows : shape->rows;
    list_members(work);
    for (int i = shape->begin; i < shape->end; i++)
        work->ops[i].done = work->ops[i].calls = 0;
    work->n_events = 0;
    work->illegal = false;
    out->distance = INT64_MIN;
    out->exact = true;
    while (last->done < last->steps) {
        int left = last->steps - last->done;
        run(out, work, shape->end - 1, last->done + (left < rows ? left : rows) - 1);
    }
    return !work->illegal;
}

void chain_analyse(struct chain_cost *out, const struct chain_shape *shape, struct chain_work *work)
{
    work->shape = *shape;
    work->links = work->directions[shape->bottom_up].links;
    work->readers = work->directions[shape->bottom_up].readers;
    *out = (struct chain_cost){0};
    count_steps(work);
    for (int i = shape->begin; i < shape->end - 1; i++)
        share_with_input(work, i);
    work->ops[shape->end - 1].leader = -1;
    while (!make_calls(out, work))
        ;
    chain_lay_out(out, work);
}

struct chain_row chain_row(const struct chain_work *work, int op)
{
    const struct chain_op *state = &work->ops[op];
    if (state->leader < 0)
        return (struct chain_row){.store = -1};
    return (struct chain_row){work->ops[state->leader].store, state->step, state->phase};
}
