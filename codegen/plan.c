/*
 * plan.c - where every tensor and scratch buffer lives in the arena.
 *
 * Lifetimes in steps make buffers conflict; place.c finds offsets. Networks with branches are planned in two
 * orders, the given one and one that computes first what frees most (order.c), and the smaller arena wins.
 * With fusion, a plan of depth-first chains (chain_plan.c) competes with that.
 */
#include "codegen/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codegen/kernels.h"
#include "codegen/layouts.h"
#include "codegen/order.h"
#include "codegen/place.h"
#include "codegen/row_graph.h"
#include "codegen/schedule_chains.h"

enum { BUFFER_ALIGNMENT = 4, ARENA_ALIGNMENT = 8 };

static int64_t round_up(int64_t n, int64_t multiple)
{
    int64_t rest = ((n % multiple) + multiple) % multiple;
    return rest == 0 ? n : n + multiple - rest;
}

/* ---- the problem ------------------------------------------------------------------------------------------
 */

static void set_lifetimes(struct schedule *schedule, const struct qmodel *qmodel)
{
    for (int t = 0; t < qmodel->n_tensors; t++)
        schedule->storage[t].first_step = schedule->storage[t].last_step = -2; /* no step touches it */
    schedule->storage[qmodel->input].first_step = schedule->storage[qmodel->input].last_step = -1;
    for (int s = 0; s < schedule->n_order; s++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[s]];
        schedule->storage[node->output].first_step = schedule->storage[node->output].last_step = s;
        for (int i = 0; i < node->n_inputs; i++)
            schedule->storage[node->inputs[i]].last_step = s;
    }
    schedule->storage[qmodel->output].last_step = schedule->n_order;
}

static bool alive(const struct buffer *buffer, int step)
{
    return buffer->first <= step && step <= buffer->last;
}

/* How the output of its first step may reach into `dying`, if dying is an input that ends there. */
static bool overlap_allowed(struct overlap *overlap, const struct qmodel *qmodel,
                            const struct schedule *schedule, const struct buffer *dying,
                            const struct buffer *output)
{
    if (dying->tensor < 0 || output->tensor < 0 || output->first < 0 || dying->last != output->first ||
        dying->first >= output->first)
        return false;
    const struct qnode *node = &qmodel->nodes[schedule->order[output->first]];
    const struct implementation *implementation = &schedule->implementations[schedule->order[output->first]];
    bool found = false;
    for (int i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] != dying->tensor)
            continue;
        struct overlap one;
        if (!node_overlap(&one, implementation, qmodel, node,
                          i)) /* read twice: the stricter reading counts */
            return false;
        *overlap = one;
        found = true;
    }
    return found;
}

static struct conflict conflict_of(const struct problem *problem, const struct qmodel *qmodel,
                                   const struct schedule *schedule, int self, int other)
{
    const struct buffer *a = &problem->buffers[self], *b = &problem->buffers[other];
    struct conflict conflict = {other, -a->bytes, b->bytes, false, 0};
    struct overlap overlap;
    if (overlap_allowed(&overlap, qmodel, schedule, b, a)) { /* self is written over other */
        conflict.low = -round_up(overlap.distance, BUFFER_ALIGNMENT);
        conflict.exact = overlap.exact || overlap.shifted;
        conflict.at = -overlap.shift;
    } else if (overlap_allowed(&overlap, qmodel, schedule, a, b)) { /* other is written over self */
        conflict.high = round_up(overlap.distance, BUFFER_ALIGNMENT);
        conflict.exact = overlap.exact || overlap.shifted;
        conflict.at = overlap.shift;
    }
    return conflict;
}

/* Bytes that step s needs at least: all live buffers, less what its output can share with one dying input.
 * Sharing with two inputs saves no more than sharing exactly with one, and only exact operators have two. */
static int64_t step_lower_bound(const struct problem *problem, int step)
{
    int64_t sum = 0, saving = 0;
    for (int i = 0; i < problem->n_buffers; i++) {
        const struct buffer *buffer = &problem->buffers[i];
        if (!alive(buffer, step))
            continue;
        sum += buffer->bytes;
        if (buffer->tensor < 0 || buffer->first != step)
            continue;
        for (int k = problem->start[i]; k < problem->start[i + 1]; k++) {
            const struct conflict *conflict = &problem->conflicts[k];
            const struct buffer *dying = &problem->buffers[conflict->other];
            if (dying->last != step || (!conflict->exact && conflict->low == -buffer->bytes))
                continue;
            int64_t distance = -conflict->low < 0 ? 0 : -conflict->low;
            int64_t together =
                dying->bytes + distance > buffer->bytes ? dying->bytes + distance : buffer->bytes;
            if (conflict->exact) {
                int64_t begin = conflict->at < 0 ? conflict->at : 0,
                        end = conflict->at + buffer->bytes > dying->bytes ? conflict->at + buffer->bytes
                                                                          : dying->bytes;
                together = end - begin < together ? end - begin : together;
            }
            int64_t saved = dying->bytes + buffer->bytes - together;
            if (saved > saving)
                saving = saved;
        }
    }
    return sum - saving;
}

static int32_t scratch_bytes(const struct schedule *schedule, const struct qmodel *qmodel, int step)
{
    int node = schedule->order[step];
    return implementation_scratch_bytes(&schedule->implementations[node], qmodel, &qmodel->nodes[node]);
}

static void problem_build(struct problem *problem, const struct qmodel *qmodel,
                          const struct schedule *schedule, struct arena *arena)
{
    problem->buffers = ARENA_ARRAY(arena, struct buffer, (size_t)(qmodel->n_tensors + schedule->n_order));
    problem->n_buffers = 0;
    for (int t = 0; t < qmodel->n_tensors; t++) {
        const struct storage *storage = &schedule->storage[t];
        if (storage->first_step == -2)
            continue;
        problem->buffers[problem->n_buffers++] =
            (struct buffer){t, storage->first_step, storage->last_step,
                            round_up(qtensor_bytes(&qmodel->tensors[t]), BUFFER_ALIGNMENT), 0};
    }
    for (int s = 0; s < schedule->n_order; s++) {
        int32_t scratch = scratch_bytes(schedule, qmodel, s);
        if (scratch > 0)
            problem->buffers[problem->n_buffers++] =
                (struct buffer){-1, s, s, round_up(scratch, BUFFER_ALIGNMENT), 0};
    }

    int n = problem->n_buffers, n_conflicts = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            n_conflicts += i != j &&
                           alive(&problem->buffers[j], problem->buffers[i].first < problem->buffers[j].first
                                                           ? problem->buffers[j].first
                                                           : problem->buffers[i].first) &&
                           alive(&problem->buffers[i], problem->buffers[i].first < problem->buffers[j].first
                                                           ? problem->buffers[j].first
                                                           : problem->buffers[i].first);
    problem->start = ARENA_ARRAY(arena, int, (size_t)n + 1);
    problem->conflicts = ARENA_ARRAY(arena, struct conflict, (size_t)n_conflicts + 1);
    n_conflicts = 0;
    for (int i = 0; i < n; i++) {
        problem->start[i] = n_conflicts;
        for (int j = 0; j < n; j++) {
            const struct buffer *a = &problem->buffers[i], *b = &problem->buffers[j];
            int later = a->first < b->first ? b->first : a->first;
            if (i != j && alive(a, later) && alive(b, later))
                problem->conflicts[n_conflicts++] = conflict_of(problem, qmodel, schedule, i, j);
        }
    }
    problem->start[n] = n_conflicts;

    problem->lower_bound = 0;
    for (int s = -1; s <= schedule->n_order; s++) {
        int64_t bound = step_lower_bound(problem, s);
        if (bound > problem->lower_bound)
            problem->lower_bound = bound;
        for (int i = 0; i < n; i++)
            if (alive(&problem->buffers[i], s) && problem->buffers[i].weight < bound)
                problem->buffers[i].weight = bound;
    }
}

/* ---- the schedule -----------------------------------------------------------------------------------------
 */

static int32_t clip_int32(int64_t n)
{
    return n > INT32_MAX ? INT32_MAX
                         : (int32_t)n; /* such an arena fits no board; arena_bytes says how large it is */
}

static int compare_ranges(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : x[1] > y[1];
}

/* Bytes of the arena that hold something live in this step: overlapping buffers count once. */
static int64_t live_bytes(const struct problem *problem, const int64_t *offset, int step,
                          int64_t (*ranges)[2])
{
    int n = 0;
    for (int i = 0; i < problem->n_buffers; i++)
        if (alive(&problem->buffers[i], step)) {
            ranges[n][0] = offset[i];
            ranges[n++][1] = offset[i] + problem->buffers[i].bytes;
        }
    qsort(ranges, (size_t)n, sizeof *ranges, compare_ranges);
    int64_t sum = 0, end = 0;
    for (int i = 0; i < n; i++) {
        int64_t begin = ranges[i][0] > end ? ranges[i][0] : end;
        if (ranges[i][1] > begin)
            sum += ranges[i][1] - begin;
        end = ranges[i][1] > end ? ranges[i][1] : end;
    }
    return sum;
}

/* ---- tiles ------------------------------------------------------------------------------------------------
 */

static void set_tiles(struct schedule *out, const struct qmodel *qmodel, const struct plan_options *options,
                      int level)
{
    for (int n = 0; n < qmodel->n_nodes; n++) {
        enum layout layout = planned_layout(options, qmodel, n);
        out->implementations[n] = (struct implementation){
            layout, (int16_t)tile_at_level(layout, qmodel, &qmodel->nodes[n],
                                           row_steps(qmodel, &qmodel->nodes[n]), level)};
    }
}

/* Do the addresses allow the output of this implementation? */
static bool addresses_allow(const struct schedule *schedule, const struct qmodel *qmodel,
                            const struct qnode *node, const struct implementation *implementation)
{
    const struct storage *out = &schedule->storage[node->output];
    for (int i = 0; i < node->n_inputs; i++) {
        const struct storage *in = &schedule->storage[node->inputs[i]];
        int64_t delta = (int64_t)out->begin - in->begin;
        struct overlap overlap;
        if (out->begin >= in->end || in->begin >= out->end)
            continue;
        if (!node_overlap(&overlap, implementation, qmodel, node, i) ||
            !(-delta >= overlap.distance || (overlap.exact && delta == 0) ||
              (overlap.shifted && delta == -overlap.shift)))
            return false;
    }
    return true;
}

/* The bytes around the scratch of a step that no live buffer has. */
static void find_room(int64_t *begin, int64_t *end, const struct problem *problem, const int64_t *offset,
                      int scratch, int64_t arena_bytes)
{
    int step = problem->buffers[scratch].first;
    int64_t low = offset[scratch], high = low + problem->buffers[scratch].bytes;
    *begin = 0;
    *end = arena_bytes;
    for (int i = 0; i < problem->n_buffers; i++) {
        if (i == scratch || !alive(&problem->buffers[i], step))
            continue;
        int64_t first = offset[i], last = first + problem->buffers[i].bytes;
        if (last <= low && last > *begin)
            *begin = last;
        if (first >= high && first < *end)
            *end = first;
    }
}

/* A larger tile, as far as there is room for its scratch. */
static void grow_tile(struct schedule *out, const struct qmodel *qmodel, const struct problem *problem,
                      int64_t *offset, int scratch)
{
    int step = problem->buffers[scratch].first, n = out->order[step];
    const struct qnode *node = &qmodel->nodes[n];
    struct implementation *best = &out->implementations[n];
    int64_t begin, end;
    if (node_accumulates(qmodel, node))
        return;
    find_room(&begin, &end, problem, offset, scratch, out->arena_bytes);
    int steps = row_steps(qmodel, node);
    int64_t cost = implementation_instructions(best, qmodel, node, steps);
    int64_t room = end - begin;
    for (int level = -1; level < TILE_LEVELS; level++) {
        struct implementation trial = {best->layout, 0};
        trial.tile = (int16_t)(level < 0 ? tile_within(best->layout, qmodel, node, steps, clip_int32(room))
                                         : tile_at_level(best->layout, qmodel, node, steps, level));
        int32_t bytes = implementation_scratch_bytes(&trial, qmodel, node);
        int64_t trial_cost = implementation_instructions(&trial, qmodel, node, steps);
        if (bytes > room || trial_cost >= cost || !addresses_allow(out, qmodel, node, &trial))
            continue;
        *best = trial;
        cost = trial_cost;
        problem->buffers[scratch].bytes = round_up(bytes, BUFFER_ALIGNMENT);
        offset[scratch] = begin;
    }
}

/* ---- one order of the operators ---------------------------------------------------------------------------
 */

/* The same, sooner and lower: live tensors, less all of the output or of a dying input. */
static int64_t quick_lower_bound(const struct schedule *schedule, const struct qmodel *qmodel)
{
    int64_t most = 0, live = qtensor_bytes(&qmodel->tensors[qmodel->input]);
    for (int s = 0; s < schedule->n_order; s++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[s]];
        int64_t out = qtensor_bytes(&qmodel->tensors[node->output]), dying = 0, freed = 0;
        for (int i = 0; i < node->n_inputs; i++) {
            int64_t in = qtensor_bytes(&qmodel->tensors[node->inputs[i]]);
            bool again = false;
            for (int k = 0; k < i; k++)
                again = again || node->inputs[k] == node->inputs[i];
            if (again || schedule->storage[node->inputs[i]].last_step != s)
                continue;
            freed += in;
            dying = in > dying ? in : dying;
        }
        live += out;
        int64_t bound = live - (dying < out ? dying : out);
        most = bound > most ? bound : most;
        live -= freed + (schedule->storage[node->output].last_step == s ? out : 0);
    }
    return most;
}

/* The best plan for tiles of this level. Returns false, with no more than a lower bound, when that is above
 * most_bytes. */
static bool plan_order(struct schedule *out, const struct qmodel *qmodel, const int *order,
                       const struct plan_options *options, int level, int64_t most_bytes, struct arena *arena)
{
    *out = (struct schedule){
        .n_order = qmodel->n_nodes, .n_steps = qmodel->n_nodes, .n_storage = qmodel->n_tensors};
    out->order = ARENA_ARRAY(arena, int, (size_t)out->n_order + 1);
    out->scratch = ARENA_ARRAY(arena, int32_t, (size_t)out->n_order + 1);
    out->implementations = ARENA_ARRAY(arena, struct implementation, (size_t)out->n_order + 1);
    out->instructions = ARENA_ARRAY(arena, int64_t, (size_t)out->n_order + 1);
    out->most_rows = ARENA_ARRAY(arena, int16_t, (size_t)out->n_order + 1);
    out->steps = ARENA_ARRAY(arena, struct step, (size_t)out->n_steps + 1);
    out->storage = ARENA_ARRAY(arena, struct storage, (size_t)out->n_storage + 1);
    memcpy(out->order, order, (size_t)out->n_order * sizeof *order);
    set_lifetimes(out, qmodel);
    out->lower_bound_bytes = quick_lower_bound(out, qmodel);
    if (out->lower_bound_bytes > most_bytes)
        return false;
    set_tiles(out, qmodel, options, level);

    struct arena work = ARENA_INIT;
    struct problem problem;
    problem_build(&problem, qmodel, out, &work);
    out->lower_bound_bytes = round_up(problem.lower_bound, ARENA_ALIGNMENT);
    if (out->lower_bound_bytes > most_bytes) {
        arena_release(&work);
        return false;
    }
    int64_t *offset = ARENA_ARRAY(&work, int64_t, (size_t)problem.n_buffers + 1);
    int64_t peak = place_buffers(offset, &problem, &work);
    out->arena_bytes = round_up(peak, ARENA_ALIGNMENT);

    for (int i = 0; i < problem.n_buffers; i++) {
        const struct buffer *buffer = &problem.buffers[i];
        if (buffer->tensor < 0)
            continue;
        const struct qtensor *tensor = &qmodel->tensors[buffer->tensor];
        struct storage *storage = &out->storage[buffer->tensor];
        storage->offset = storage->begin = clip_int32(offset[i]);
        storage->end = clip_int32(offset[i] + qtensor_bytes(tensor));
        storage->row_stride = clip_int32((int64_t)tensor->w * tensor->c);
        storage->ring = (int16_t)tensor->h;
        storage->row_step = 1;
    }
    for (int s = 0; s < out->n_steps; s++) {
        const struct qnode *node = &qmodel->nodes[out->order[s]];
        out->steps[s] = (struct step){.first_node = s, .n_nodes = 1, .rows = qmodel->tensors[node->output].h};
    }
    for (int i = 0; i < problem.n_buffers; i++) {
        int s = problem.buffers[i].first;
        if (problem.buffers[i].tensor >= 0)
            continue;
        grow_tile(out, qmodel, &problem, offset, i);
        out->steps[s].scratch_offset = out->scratch[s] = clip_int32(offset[i]);
        out->steps[s].scratch_bytes = scratch_bytes(out, qmodel, s);
    }
    for (int s = 0; s < out->n_order; s++) {
        const struct qnode *node = &qmodel->nodes[out->order[s]];
        out->most_rows[s] = (int16_t)row_steps(qmodel, node);
        out->instructions[s] = implementation_instructions(&out->implementations[out->order[s]], qmodel, node,
                                                           out->most_rows[s]);
    }
    int64_t(*ranges)[2] = arena_array(&work, (size_t)problem.n_buffers + 1, sizeof *ranges);
    for (int s = 0; s < out->n_steps; s++)
        out->steps[s].live_bytes = live_bytes(&problem, offset, s, ranges);
    arena_release(&work);
    return true;
}

/* ---- the choice -------------------------------------------------------------------------------------------
 */

/* What a plan may need, and whether less memory counts more than speed. */
struct goal {
    int64_t limit;
    bool smallest;
    int64_t most; /* plans that need more are of no use */
};

static bool is_better(const struct schedule *a, const struct schedule *b, const struct goal *goal,
                      const struct qmodel *qmodel)
{
    int64_t cost_a = schedule_instructions(a, qmodel), cost_b = schedule_instructions(b, qmodel);
    bool smaller = a->arena_bytes < b->arena_bytes || (a->arena_bytes == b->arena_bytes && cost_a < cost_b);
    bool a_fits = a->arena_bytes <= goal->limit, b_fits = b->arena_bytes <= goal->limit;
    if (goal->smallest || !(a_fits && b_fits))
        return smaller;
    return cost_a < cost_b || (cost_a == cost_b && smaller);
}

/* Can anything be cheaper than one call of every operator, with the best tile? Chains leave out rows that
 * nobody reads. */
static bool is_fastest(const struct schedule *schedule, const struct qmodel *qmodel)
{
    int64_t least = 0;
    for (int i = 0; i < schedule->n_order; i++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[i]];
        enum layout layout = schedule->implementations[schedule->order[i]].layout;
        int steps = row_steps(qmodel, node);
        const struct implementation best = {
            layout, (int16_t)tile_at_level(layout, qmodel, node, steps, TILE_LEVELS - 1)};
        least += implementation_instructions(&best, qmodel, node, steps);
        struct row_input inputs[QNODE_MAX_INPUTS];
        int n = row_inputs(inputs, qmodel, node);
        for (int k = 0; k < n; k++)
            if (inputs[k].pad_mirrored < 0) /* the last rows are not read */
                return false;
    }
    return schedule_instructions(schedule, qmodel) <= least;
}

struct plan_memory {
    struct chain_memory chains;
};

struct plan_memory *plan_memory_create(struct arena *arena)
{
    struct plan_memory *memory = ARENA_NEW(arena, struct plan_memory);
    memory->chains.arena = arena;
    return memory;
}

/* Plans that compute one operator after the other; *out, if there is one, and becomes the best. The lower
 * bound of all of them is returned. */
static int64_t plan_single_steps(struct schedule *out, bool *found, const struct qmodel *qmodel, int *order,
                                 const struct plan_options *options, const struct goal *goal,
                                 struct arena *arena)
{
    static const int levels[] = {0, TILE_LEVELS - 1, TILE_LEVELS / 2};
    int64_t bound = INT64_MAX, best_order = INT64_MAX;
    bool fast = !goal->smallest && options->dsp;
    int *other_order = ARENA_ARRAY(arena, int, (size_t)qmodel->n_nodes + 1);
    int n_orders = order_by_freed_bytes(other_order, qmodel, arena) ? 2 : 1;
    for (size_t i = 0; i < (fast ? sizeof levels / sizeof *levels : 1); i++)
        for (int k = 0; k < (i == 0 ? n_orders : 1); k++) {
            struct schedule trial;
            int64_t most = goal->most;
            if (*found) /* one for more memory would have to be faster */
                most = goal->smallest || out->arena_bytes > goal->limit || is_fastest(out, qmodel)
                           ? out->arena_bytes
                           : goal->limit;
            bool placed =
                plan_order(&trial, qmodel, k ? other_order : order, options, levels[i], most, arena);
            bound = trial.lower_bound_bytes < bound ? trial.lower_bound_bytes : bound;
            if (i == 0 && (placed ? trial.arena_bytes : trial.lower_bound_bytes) < best_order) {
                best_order = placed ? trial.arena_bytes : trial.lower_bound_bytes;
                if (k)
                    memcpy(order, other_order, (size_t)qmodel->n_nodes * sizeof *order);
            }
            if (placed && (!*found || is_better(&trial, out, goal, qmodel))) {
                *out = trial;
                *found = true;
            }
            if (placed && i > 0 && trial.arena_bytes <= goal->limit)
                return bound;
        }
    return bound;
}

static int *given_order(const struct qmodel *qmodel, struct arena *arena)
{
    int *order = ARENA_ARRAY(arena, int, (size_t)qmodel->n_nodes + 1);
    for (int n = 0; n < qmodel->n_nodes; n++)
        order[n] = n;
    return order;
}

static int64_t limit_of(const struct plan_options *options)
{
    return options->sram_limit_bytes > 0 ? options->sram_limit_bytes : INT64_MAX;
}

bool schedule_plan_again(struct schedule *out, const struct qmodel *qmodel,
                         const struct plan_options *options, int64_t most_bytes, struct plan_memory *memory,
                         struct arena *arena)
{
    int *order = given_order(qmodel, arena);
    struct goal goal = {limit_of(options), options->optimize == OPTIMIZE_SRAM, most_bytes};
    int64_t least = INT64_MAX;
    bool found = options->fusion &&
                 schedule_chains(out, qmodel, order, options, most_bytes, &least, &memory->chains, arena);
    if (options->optimize == OPTIMIZE_BALANCED && !found) {
        const struct goal smallest = {INT64_MAX, true, INT64_MAX};
        plan_single_steps(out, &found, qmodel, order, options, &smallest, arena);
        least = out->arena_bytes;
    }
    if (options->optimize == OPTIMIZE_BALANCED && least * 5 / 4 < goal.limit)
        goal.limit = round_up(least * 5 / 4, ARENA_ALIGNMENT);
    int64_t chains_bound = found ? out->lower_bound_bytes : INT64_MAX;
    int64_t bound = plan_single_steps(out, &found, qmodel, order, options, &goal, arena);
    out->lower_bound_bytes = bound < chains_bound ? bound : chains_bound;
    return found && out->arena_bytes <= most_bytes;
}

bool schedule_keep_promise(struct schedule *schedule, const struct qmodel *qmodel,
                           const struct plan_options *options, struct plan_memory *memory,
                           struct arena *arena)
{
    if (!options->fusion || options->optimize != OPTIMIZE_LATENCY || is_fastest(schedule, qmodel))
        return false;
    struct plan_options smallest = *options;
    struct schedule trial;
    const struct goal goal = {limit_of(options), false, INT64_MAX};
    int64_t least, bound = schedule->lower_bound_bytes;
    smallest.optimize = OPTIMIZE_SRAM;
    if (!schedule_chains(&trial, qmodel, given_order(qmodel, arena), &smallest, INT64_MAX, &least,
                         &memory->chains, arena) ||
        !is_better(&trial, schedule, &goal, qmodel))
        return false;
    *schedule = trial;
    schedule->lower_bound_bytes = bound;
    return true;
}

void schedule_plan(struct schedule *out, const struct qmodel *qmodel, const struct plan_options *options,
                   struct arena *arena)
{
    struct arena temporary = ARENA_INIT;
    struct plan_memory *memory = plan_memory_create(&temporary);
    schedule_plan_again(out, qmodel, options, INT64_MAX, memory, arena);
    schedule_keep_promise(out, qmodel, options, memory, arena);
    arena_release(&temporary);
}
