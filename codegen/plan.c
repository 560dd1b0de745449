/*
 * plan.c - where every tensor and scratch buffer lives in the arena.
 *
 * Buffers have lifetimes in steps. Two buffers alive in the same step conflict: their distance must avoid an
 * open interval, normally "they overlap", a smaller one when a step's output may reach into its dying input
 * (kernels.h). Finding the smallest arena is NP-hard (dynamic storage allocation), but networks are nearly
 * chains: first-fit in a few good orders, upward and mirrored, meets the lower bound almost always; otherwise
 * the buffers at the peak are moved forward in the order for a while.
 */
#include "codegen/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "codegen/kernels.h"

enum { BUFFER_ALIGNMENT = 4, ARENA_ALIGNMENT = 8, IMPROVEMENT_ROUNDS = 120 };

struct buffer {
    int tensor; /* -1: the scratch of step `first` */
    int first, last;
    int64_t bytes;  /* a multiple of BUFFER_ALIGNMENT */
    int64_t weight; /* live bytes of its most crowded step: that step decides the peak */
};

/* offset(self) - offset(other) must not lie strictly between low and high, unless it is 0 and exact. */
struct conflict {
    int other;
    int64_t low, high;
    bool exact;
};

struct problem {
    struct buffer *buffers;
    int n_buffers;
    struct conflict *conflicts; /* of buffer i: [start[i], start[i + 1]) */
    int *start;
    int64_t lower_bound;
};

struct placement {
    int *order;      /* of placing */
    int64_t *offset; /* per buffer */
    int64_t peak;
};

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
    bool found = false;
    for (int i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] != dying->tensor)
            continue;
        struct overlap one;
        if (!node_overlap(&one, qmodel, node, i)) /* read twice: the stricter reading counts */
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
    struct conflict conflict = {other, -a->bytes, b->bytes, false};
    struct overlap overlap;
    if (overlap_allowed(&overlap, qmodel, schedule, b, a)) { /* self is written over other */
        conflict.low = -round_up(overlap.distance, BUFFER_ALIGNMENT);
        conflict.exact = overlap.exact;
    } else if (overlap_allowed(&overlap, qmodel, schedule, a, b)) { /* other is written over self */
        conflict.high = round_up(overlap.distance, BUFFER_ALIGNMENT);
        conflict.exact = overlap.exact;
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
            int64_t distance = conflict->exact || -conflict->low < 0 ? 0 : -conflict->low;
            int64_t together =
                dying->bytes + distance > buffer->bytes ? dying->bytes + distance : buffer->bytes;
            int64_t saved = dying->bytes + buffer->bytes - together;
            if (saved > saving)
                saving = saved;
        }
    }
    return sum - saving;
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
        int32_t scratch = node_scratch_bytes(qmodel, &qmodel->nodes[schedule->order[s]]);
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

/* The same problem upside down: offset' = -(offset + bytes). First-fit from the other end finds other plans.
 */
static struct problem problem_mirror(const struct problem *problem, struct arena *arena)
{
    struct problem mirror = *problem;
    int n = problem->start[problem->n_buffers];
    mirror.conflicts = ARENA_ARRAY(arena, struct conflict, (size_t)n + 1);
    for (int i = 0; i < problem->n_buffers; i++)
        for (int k = problem->start[i]; k < problem->start[i + 1]; k++) {
            const struct conflict *c = &problem->conflicts[k];
            int64_t shift = problem->buffers[c->other].bytes - problem->buffers[i].bytes;
            mirror.conflicts[k] = (struct conflict){c->other, shift - c->high, shift - c->low, c->exact};
        }
    return mirror;
}

/* ---- placing ----------------------------------------------------------------------------------------------
 */

static bool blocked(const struct conflict *conflict, int64_t delta)
{
    return delta > conflict->low && delta < conflict->high && !(conflict->exact && delta == 0);
}

static bool free_at(const struct problem *problem, const int64_t *offset, int buffer, int64_t at)
{
    for (int k = problem->start[buffer]; k < problem->start[buffer + 1]; k++) {
        const struct conflict *conflict = &problem->conflicts[k];
        if (offset[conflict->other] >= 0 && blocked(conflict, at - offset[conflict->other]))
            return false;
    }
    return true;
}

static int64_t first_fit(const struct problem *problem, const int64_t *offset, int buffer,
                         bool prefer_in_place)
{
    int64_t at = 0, in_place = INT64_MAX;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int k = problem->start[buffer]; k < problem->start[buffer + 1]; k++) {
            const struct conflict *conflict = &problem->conflicts[k];
            int64_t other = offset[conflict->other];
            if (other >= 0 && blocked(conflict, at - other)) {
                at = other + conflict->high;
                moved = true;
            }
        }
    }
    for (int k = problem->start[buffer]; k < problem->start[buffer + 1]; k++) {
        int64_t other = offset[problem->conflicts[k].other];
        if (problem->conflicts[k].exact && other >= 0 && other < in_place &&
            free_at(problem, offset, buffer, other))
            in_place = other;
    }
    return in_place < at || (prefer_in_place && in_place != INT64_MAX) ? in_place : at;
}

static void place(struct placement *placement, const struct problem *problem, bool prefer_in_place)
{
    placement->peak = 0;
    for (int i = 0; i < problem->n_buffers; i++)
        placement->offset[i] = -1;
    for (int i = 0; i < problem->n_buffers; i++) {
        int buffer = placement->order[i];
        int64_t at = first_fit(problem, placement->offset, buffer, prefer_in_place);
        placement->offset[buffer] = at;
        if (at + problem->buffers[buffer].bytes > placement->peak)
            placement->peak = at + problem->buffers[buffer].bytes;
    }
}

enum { ORDER_CROWDED_FIRST, ORDER_BY_SIZE, ORDER_BY_AREA, ORDER_BY_START, ORDER_BY_END, ORDER_COUNT };

static int64_t order_key(const struct buffer *buffer, int kind)
{
    switch (kind) {
    case ORDER_CROWDED_FIRST:
        return -buffer->weight;
    case ORDER_BY_SIZE:
        return -buffer->bytes;
    case ORDER_BY_AREA:
        return -buffer->bytes * (buffer->last - buffer->first + 1);
    case ORDER_BY_START:
        return buffer->first;
    default:
        return -buffer->last;
    }
}

static void order_by(int *order, const struct problem *problem, int kind)
{
    for (int i = 0; i < problem->n_buffers; i++) { /* insertion sort: stable, and n is about 60 */
        int64_t key = order_key(&problem->buffers[i], kind);
        int at = i;
        while (at > 0) {
            int64_t before = order_key(&problem->buffers[order[at - 1]], kind);
            bool larger = problem->buffers[order[at - 1]].bytes < problem->buffers[i].bytes;
            if (before < key || (before == key && !larger))
                break;
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

static struct placement placement_create(const struct problem *problem, struct arena *arena)
{
    size_t n = (size_t)problem->n_buffers;
    return (struct placement){ARENA_ARRAY(arena, int, n + 1), ARENA_ARRAY(arena, int64_t, n + 1), INT64_MAX};
}

static void placement_copy(struct placement *to, const struct placement *from, int n)
{
    memcpy(to->order, from->order, (size_t)n * sizeof *to->order);
    memcpy(to->offset, from->offset, (size_t)n * sizeof *to->offset);
    to->peak = from->peak;
}

/* Moves a buffer that reaches the peak to a random earlier place in the order; keeps what is not worse. */
static void improve(struct placement *best, struct placement *trial, const struct problem *problem,
                    bool in_place)
{
    struct rng rng = rng_seeded(1);
    int n = problem->n_buffers;
    for (int round = 0; round < IMPROVEMENT_ROUNDS && best->peak > problem->lower_bound; round++) {
        placement_copy(trial, best, n);
        int from = 0;
        for (int i = 0; i < n; i++) {
            int buffer = best->order[i];
            if (best->offset[buffer] + problem->buffers[buffer].bytes == best->peak)
                from = i;
        }
        if (from == 0 || round % 4 == 3)
            from = (int)rng_below(&rng, (uint32_t)n);
        int to = (int)rng_below(&rng, (uint32_t)from + 1), buffer = trial->order[from];
        memmove(trial->order + to + 1, trial->order + to, (size_t)(from - to) * sizeof *trial->order);
        trial->order[to] = buffer;
        place(trial, problem, in_place);
        if (trial->peak <= best->peak)
            placement_copy(best, trial, n);
    }
}

/* Offsets of all buffers; returns the peak. */
static int64_t solve(int64_t *offset, const struct problem *problem, struct arena *arena)
{
    struct problem mirror = problem_mirror(problem, arena);
    struct placement best = placement_create(problem, arena), trial = placement_create(problem, arena);
    bool best_mirrored = false, best_in_place = false;
    for (int kind = 0; kind < ORDER_COUNT; kind++)
        for (int variant = 0; variant < 4 && best.peak > problem->lower_bound; variant++) {
            bool mirrored = variant & 1, in_place = !(variant & 2);
            order_by(trial.order, problem, kind);
            place(&trial, mirrored ? &mirror : problem, in_place);
            if (trial.peak < best.peak) {
                placement_copy(&best, &trial, problem->n_buffers);
                best_mirrored = mirrored;
                best_in_place = in_place;
            }
        }
    improve(&best, &trial, best_mirrored ? &mirror : problem, best_in_place);
    for (int i = 0; i < problem->n_buffers; i++)
        offset[i] = best_mirrored ? best.peak - best.offset[i] - problem->buffers[i].bytes : best.offset[i];
    return best.peak;
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

void schedule_plan(struct schedule *out, const struct qmodel *qmodel, const struct plan_options *options,
                   struct arena *arena)
{
    (void)options; /* single-operator steps have one best plan, whatever is optimized */
    *out = (struct schedule){
        .n_order = qmodel->n_nodes, .n_steps = qmodel->n_nodes, .n_storage = qmodel->n_tensors};
    out->order = ARENA_ARRAY(arena, int, (size_t)out->n_order + 1);
    out->steps = ARENA_ARRAY(arena, struct step, (size_t)out->n_steps + 1);
    out->storage = ARENA_ARRAY(arena, struct storage, (size_t)out->n_storage + 1);
    for (int s = 0; s < out->n_order; s++)
        out->order[s] = s;
    set_lifetimes(out, qmodel);

    struct arena work = ARENA_INIT;
    struct problem problem;
    problem_build(&problem, qmodel, out, &work);
    int64_t *offset = ARENA_ARRAY(&work, int64_t, (size_t)problem.n_buffers + 1);
    int64_t peak = solve(offset, &problem, &work);
    out->arena_bytes = round_up(peak, ARENA_ALIGNMENT);
    out->lower_bound_bytes = round_up(problem.lower_bound, ARENA_ALIGNMENT);

    for (int s = 0; s < out->n_steps; s++) {
        const struct qnode *node = &qmodel->nodes[out->order[s]];
        out->steps[s] = (struct step){.first_node = s, .n_nodes = 1, .rows = qmodel->tensors[node->output].h};
    }
    for (int i = 0; i < problem.n_buffers; i++) {
        const struct buffer *buffer = &problem.buffers[i];
        if (buffer->tensor < 0) {
            const struct qnode *node = &qmodel->nodes[out->order[buffer->first]];
            out->steps[buffer->first].scratch_offset = clip_int32(offset[i]);
            out->steps[buffer->first].scratch_bytes = node_scratch_bytes(qmodel, node);
            continue;
        }
        const struct qtensor *tensor = &qmodel->tensors[buffer->tensor];
        struct storage *storage = &out->storage[buffer->tensor];
        storage->offset = storage->begin = clip_int32(offset[i]);
        storage->end = clip_int32(offset[i] + qtensor_bytes(tensor));
        storage->row_stride = clip_int32((int64_t)tensor->w * tensor->c);
        storage->ring = (int16_t)tensor->h;
        storage->row_step = 1;
    }
    int64_t(*ranges)[2] = arena_array(&work, (size_t)problem.n_buffers + 1, sizeof *ranges);
    for (int s = 0; s < out->n_steps; s++)
        out->steps[s].live_bytes = live_bytes(&problem, offset, s, ranges);
    arena_release(&work);
}
