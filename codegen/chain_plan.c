#include "codegen/chain_plan.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/chain_edges.h"
#include "codegen/chain_place.h"
#include "codegen/row_graph.h"

enum { TRIED_ARENAS = 60, CLOSE_ENOUGH = 256, NEARBY = 2 };

/* ---- the lower bound --------------------------------------------------------------------------------------
 */

/* Is there a path with steps of at most `limit` bytes? next: the smallest limit above that could change the
 * answer. */
static bool path_within(struct chain_planner *planner, int64_t limit, int64_t *next, bool *reached)
{
    int last = planner->n_cuts - 1;
    memset(reached, 0, (size_t)planner->n_cuts * sizeof *reached);
    reached[0] = true;
    *next = never;
    bool *expanded = reached + planner->n_cuts;
    memset(expanded, 0, (size_t)planner->n_cuts * sizeof *expanded);
    for (int from = 0; from >= 0 && !reached[last];) {
        expanded[from] = true;
        int to = from + 1;
        for (; to <= last; to++) {
            struct edge *edge = edge_of(planner, from, to);
            if (reached[to])
                continue;
            if (edge->footprint <= limit)
                edge_analyse(planner, from, to);
            if (edge->footprint <= limit) {
                reached[to] = true;
                break;
            }
            *next = smaller(*next, edge->footprint);
        }
        if (to <= last) { /* go on from the far end; come back to `from` if that leads nowhere */
            expanded[from] = false;
            from = to;
            continue;
        }
        for (from = last; from >= 0 && !(reached[from] && !expanded[from]); from--)
            ;
    }
    return reached[last];
}

/* `never`: more than most_bytes. */
static int64_t lower_bound(struct chain_planner *planner, int64_t most_bytes)
{
    bool *reached = ARENA_ARRAY(planner->arena, bool, 2 * (size_t)planner->n_cuts);
    int64_t limit = round_up(planner->cuts[0].bytes, CHAIN_ALIGNMENT), next;
    while (!path_within(planner, limit, &next, reached)) {
        if (next >= never || next > most_bytes)
            return never;
        limit = next;
    }
    return limit;
}

/* ---- objectives -------------------------------------------------------------------------------------------
 */

/* Which cuts lie on a way over edges whose footprints are within a limit. */
struct ways {
    bool *to;   /* per cut: is there one from the first cut to it? */
    bool *on;   /* and one from it to the last? */
    bool *fits; /* per cut: can the operators since the cut before be called once each? */
};

static struct ways ways_create(const struct chain_planner *planner)
{
    size_t n = (size_t)planner->n_cuts;
    bool *flags = ARENA_ARRAY(planner->arena, bool, 3 * n);
    return (struct ways){flags, flags + n, flags + 2 * n};
}

/* analysed: only over edges that are. */
static void find_ways_on(struct ways *ways, const struct chain_planner *planner, int64_t limit, bool analysed)
{
    int last = planner->n_cuts - 1;
    memset(ways->on, 0, (size_t)planner->n_cuts * sizeof *ways->on);
    ways->on[last] = true;
    for (int from = last - 1; from >= 0; from--)
        for (int to = from + 1; to <= last && !ways->on[from]; to++) {
            const struct edge *edge = edge_of(planner, from, to);
            ways->on[from] =
                ways->on[to] && edge->footprint <= limit && (!analysed || edge->state != NOT_ANALYSED);
        }
}

/* Analyses the edges that a plan within the limit could have; only_needed: of those over several cuts, the
 * ones with operators that do not fit with the fewest calls. */
static void analyse_within(struct ways *ways, struct chain_planner *planner, int64_t limit, bool only_needed)
{
    find_ways_on(ways, planner, limit, false);
    memset(ways->to, 0, (size_t)planner->n_cuts * sizeof *ways->to);
    ways->to[0] = true;
    for (int from = 0; from + 1 < planner->n_cuts; from++) {
        bool needed = !only_needed;
        for (int to = from + 1; to < planner->n_cuts && ways->to[from]; to++) {
            struct edge *edge = edge_of(planner, from, to);
            needed = needed || !ways->fits[to];
            if (needed && ways->on[to] && edge->footprint <= limit)
                edge_analyse(planner, from, to);
            ways->to[to] = ways->to[to] || (edge->state != NOT_ANALYSED && edge->footprint <= limit);
        }
    }
    find_ways_on(ways, planner, limit, true);
}

static bool plan_least(struct chain_plan *out, struct chain_planner *planner, int64_t bound,
                       int64_t most_bytes)
{
    if (chain_place(out, planner, bound, false, never))
        return true;
    int64_t low = bound, step = CHAIN_ALIGNMENT * 8, high = 0;
    struct ways ways = ways_create(planner);
    if (most_bytes < never) { /* is there any at all? */
        analyse_within(&ways, planner, most_bytes, false);
        if (!chain_place(out, planner, most_bytes, false, never))
            return false;
    }
    analyse_within(&ways, planner, bound, false);
    for (int i = 0; i < TRIED_ARENAS && !high; i++, step *= 2) {
        analyse_within(&ways, planner, low + step, false);
        if (chain_place(out, planner, low + step, false, never))
            high = low + step;
        else
            low += step;
    }
    if (!high)
        return false;
    while (high - low > CHAIN_ALIGNMENT) {
        int64_t middle = low + (high - low) / 2 / CHAIN_ALIGNMENT * CHAIN_ALIGNMENT;
        struct chain_plan trial;
        if (chain_place(&trial, planner, middle, false, never)) {
            *out = trial;
            high = middle;
        } else {
            low = middle;
        }
    }
    return true;
}

/* Instructions of an operator in one call with the best tile. */
static int64_t least_cost(const struct row_graph *graph, int op)
{
    const struct row_tiles *tiles = row_tiles(graph, op, graph->ops[op].steps);
    return tiles->whole_cost[tiles->n - 1];
}

/* Can the operators between two cuts be called once each? */
static bool fits_with_fewest_calls(struct chain_planner *planner, int from, int to, int64_t limit)
{
    int64_t fewest = 0;
    for (int i = planner->cuts[from].position; i < planner->cuts[to].position; i++)
        fewest += least_cost(planner->graph, i);
    edge_analyse(planner, from, to);
    for (const struct option *o = edge_of(planner, from, to)->options; o; o = o->next)
        if (o->call_cost <= fewest && o->footprint <= limit)
            return true;
    return false;
}

/* The cheapest plan in an arena. Whole-map steps cost least: chains are needed, in several sizes, only where
 * those do not fit. */
static bool plan_cheapest(struct chain_plan *out, struct chain_planner *planner, int64_t arena_bytes,
                          int64_t most_cost)
{
    struct ways ways = ways_create(planner);
    for (int to = 1; to < planner->n_cuts; to++)
        ways.fits[to] = fits_with_fewest_calls(planner, to - 1, to, arena_bytes);
    analyse_within(&ways, planner, arena_bytes, true);
    for (int from = 0; from + 1 < planner->n_cuts; from++) {
        bool needed = false;
        for (int to = from + 1; to < planner->n_cuts && ways.to[from]; to++) {
            needed = needed || !ways.fits[to];
            if (needed && ways.on[to] && edge_of(planner, from, to)->footprint <= arena_bytes)
                edge_analyse_richly(planner, from, to, arena_bytes);
        }
    }
    bool found = chain_place(out, planner, arena_bytes, true, most_cost);
    int64_t cost = found ? out->call_cost : most_cost;
    if (found && cost - out->cost_bound <= cost / CLOSE_ENOUGH)
        return true;
    /* Steps that fit do not fit together. */
    int n_options = planner->n_options;
    for (int from = 0; from + 1 < planner->n_cuts; from++)
        for (int to = from + 1; to < planner->n_cuts && to <= from + NEARBY && ways.to[from]; to++)
            if (ways.on[to] && edge_of(planner, from, to)->footprint <= arena_bytes)
                edge_analyse_richly(planner, from, to, arena_bytes);
    struct chain_plan trial;
    if (planner->n_options > n_options && chain_place(&trial, planner, arena_bytes, true, cost)) {
        *out = trial;
        found = true;
    }
    return found;
}

/* Not more memory than the speed needs, of what is allowed; *out needs that. Bounds are quick: placing begins
 * with the least arena that they do not exclude. */
static void shrink(struct chain_plan *out, struct chain_planner *planner, int64_t least, int64_t allowed)
{
    int64_t low = least, high = allowed;
    struct chain_plan trial;
    while (high - low > CHAIN_ALIGNMENT) {
        int64_t middle = low + (high - low) / 2 / CHAIN_ALIGNMENT * CHAIN_ALIGNMENT;
        if (chain_cost_bound(planner, middle) <= out->call_cost)
            high = middle;
        else
            low = middle;
    }
    int64_t step = CHAIN_ALIGNMENT;
    for (; high < allowed; step *= 4) {
        if (chain_place(&trial, planner, high, true, out->call_cost)) {
            *out = trial;
            break;
        }
        low = high;
        high = smaller(high + step, allowed);
    }
    while (high - low > CHAIN_ALIGNMENT) {
        int64_t middle = low + (high - low) / 2 / CHAIN_ALIGNMENT * CHAIN_ALIGNMENT;
        if (chain_place(&trial, planner, middle, true, out->call_cost)) {
            *out = trial;
            high = middle;
        } else {
            low = middle;
        }
    }
}

/* An arena in which every step fits with the fewest calls, wherever its neighbours lie. */
static int64_t enough_for_everything(struct chain_planner *planner)
{
    int64_t most = 0;
    for (int to = 1; to < planner->n_cuts; to++) {
        edge_analyse(planner, to - 1, to);
        for (const struct option *o = edge_of(planner, to - 1, to)->options; o; o = o->next)
            most = larger(most, o->block + planner->cuts[to - 1].bytes + planner->cuts[to].bytes);
    }
    return 2 * round_up(most, CHAIN_ALIGNMENT);
}

bool chain_plan(struct chain_plan *out, const struct row_graph *graph, struct chain_work *work,
                const struct plan_options *options, int64_t most_bytes, struct arena *arena)
{
    struct chain_planner planner;
    if (!edges_create(&planner, graph, work, arena))
        return false;
    int64_t bound = lower_bound(&planner, most_bytes),
            limit = options->sram_limit_bytes / CHAIN_ALIGNMENT * CHAIN_ALIGNMENT;
    if (bound >= never || !plan_least(out, &planner, bound, most_bytes))
        return false;

    int64_t least = out->arena_bytes, allowed = least;
    if (options->optimize == OPTIMIZE_BALANCED)
        allowed = round_up(least * 5 / 4, CHAIN_ALIGNMENT);
    else if (options->optimize == OPTIMIZE_LATENCY)
        allowed = limit > 0 ? limit : enough_for_everything(&planner);
    if (limit > 0 && allowed > limit)
        allowed = limit;
    if (allowed < least)
        allowed = least;
    struct chain_plan trial;
    if (plan_cheapest(&trial, &planner, allowed, out->call_cost))
        *out = trial;
    shrink(out, &planner, least, allowed);
    out->lower_bound = bound;
    out->least_bytes = least;
    return true;
}
