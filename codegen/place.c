/*
 * place.c - first-fit in several orders, upward and mirrored, then local improvement.
 *
 * The smallest arena is NP-hard to find (dynamic storage allocation), but networks are nearly chains: a few
 * good orders meet the lower bound almost always; otherwise the buffers at the peak are moved forward in the
 * order for a while.
 */
#include "codegen/place.h"

#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

enum { IMPROVEMENT_ROUNDS = 120 };

struct placement {
    int *order;      /* of placing */
    int64_t *offset; /* per buffer */
    int64_t peak;
};

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
            mirror.conflicts[k] =
                (struct conflict){c->other, shift - c->high, shift - c->low, c->exact, shift - c->at};
        }
    return mirror;
}

static bool blocked(const struct conflict *conflict, int64_t delta)
{
    return delta > conflict->low && delta < conflict->high && !(conflict->exact && delta == conflict->at);
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
        int64_t other = offset[problem->conflicts[k].other], exactly = other + problem->conflicts[k].at;
        if (problem->conflicts[k].exact && other >= 0 && exactly >= 0 && exactly < in_place &&
            free_at(problem, offset, buffer, exactly))
            in_place = exactly;
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

int64_t place_buffers(int64_t *offset, const struct problem *problem, struct arena *arena)
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
