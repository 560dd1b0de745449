/*
 * chain_costs.c - what a chain's calls cost, for every size of scratch worth a choice.
 */
#include "base/arena.h"
#include "codegen/chain_work.h"
#include "codegen/row_graph.h"

int chain_most_rows(const struct chain_work *work, int op)
{
    int most = 1;
    for (int at = work->ops[op].calls; at; at = work->calls[at].next)
        most = work->calls[at].rows > most ? work->calls[at].rows : most;
    return most;
}

int64_t chain_op_cost(const struct chain_work *work, int op, int tile)
{
    int64_t cost = 0;
    for (int at = work->ops[op].calls; at; at = work->calls[at].next)
        cost += work->calls[at].count * row_call_cost(work->graph, op, tile, work->calls[at].rows);
    return cost;
}

/* Rows and count of up to two sizes; 0: there are more. */
static uint64_t pattern_key(const struct chain_work *work, int op)
{
    uint64_t key = 0;
    int sizes = 0;
    for (int at = work->ops[op].calls; at; at = work->calls[at].next, sizes++) {
        const struct chain_calls *calls = &work->calls[at];
        if (sizes == 2 || calls->count > UINT16_MAX)
            return 0;
        key = key << 32 | (uint64_t)(uint16_t)calls->rows << 16 | (uint16_t)calls->count;
    }
    return key;
}

static struct chain_pattern *pattern_of(struct chain_work *work, int op)
{
    uint64_t key = pattern_key(work, op);
    uint64_t hash = (key ^ (uint64_t)(op + 1) * 0xD1B54A32D192ED03u) * 0x9E3779B97F4A7C15u;
    struct chain_pattern **place = &work->patterns[hash >> (64 - LOG2_PATTERNS)], *known = *place;
    if (key && known && known->calls == key && known->op == op &&
        known->version >= work->graph->ops[op].changed)
        return known;
    struct chain_pattern *pattern = ARENA_NEW(work->arena, struct chain_pattern);
    *pattern = (struct chain_pattern){.calls = key, .op = op, .version = work->graph->version};
    pattern->tiles = row_tiles(work->graph, op, chain_most_rows(work, op));
    for (int i = 0; i < TILE_LEVELS; i++)
        pattern->cost[i] = -1;
    *place = pattern;
    return pattern;
}

static int64_t pattern_cost(struct chain_pattern *pattern, const struct chain_work *work, int op, int tile)
{
    if (pattern->cost[tile] < 0)
        pattern->cost[tile] = chain_op_cost(work, op, pattern->tiles->tile[tile]);
    return pattern->cost[tile];
}

void chain_scratch_choices(struct chain_scratch *out, struct chain_work *work)
{
    struct chain_pattern *patterns[CHAIN_MAX_OPS];
    int n = work->shape.end - work->shape.begin;
    out->n = 0;
    for (int i = 0; i < n; i++)
        patterns[i] = pattern_of(work, work->shape.begin + i);
    for (int level = 0; level < TILE_LEVELS; level++) {
        int32_t bytes = 0;
        for (int i = 0; i < n; i++) {
            const struct row_tiles *tiles = patterns[i]->tiles;
            int32_t one = tiles->scratch_bytes[level < tiles->n ? level : tiles->n - 1];
            bytes = one > bytes ? one : bytes;
        }
        if (out->n > 0 && bytes == out->bytes[out->n - 1])
            continue;
        int64_t cost = 0;
        for (int i = 0; i < n; i++)
            cost += pattern_cost(patterns[i], work, work->shape.begin + i,
                                 row_tile_within(patterns[i]->tiles, bytes));
        if (out->n > 0 && cost >= out->cost[out->n - 1])
            continue;
        out->bytes[out->n] = bytes;
        out->cost[out->n++] = cost;
    }
}

/* ---- analyses made before -------------------------------------------------------------------------------
 */

static uint64_t key_of(const struct chain_shape *shape)
{
    const uint64_t rows = (uint64_t)shape->rows << 15 | (uint64_t)shape->inner_rows;
    return ((uint64_t)shape->begin << 6 | (uint64_t)(shape->end - shape->begin)) << 31 | rows << 1 |
           shape->bottom_up;
}

static struct chain_known **find_known(const struct chain_work *work, uint64_t key)
{
    uint64_t mask = ((uint64_t)1 << work->log2_known) - 1;
    uint64_t at = (key * 0x9E3779B97F4A7C15u) >> (64 - work->log2_known);
    while (work->known[at] && work->known[at]->key != key)
        at = (at + 1) & mask;
    return &work->known[at];
}

static void grow_known(struct chain_work *work)
{
    enum { FIRST_LOG2 = 9 };
    struct chain_known **old = work->known;
    size_t n_old = old ? (size_t)1 << work->log2_known : 0;
    work->log2_known = old ? work->log2_known + 1 : FIRST_LOG2;
    work->known = ARENA_ARRAY(work->arena, struct chain_known *, (size_t)1 << work->log2_known);
    for (size_t i = 0; i < n_old; i++)
        if (old[i])
            *find_known(work, old[i]->key) = old[i];
}

static bool layouts_changed(const struct chain_work *work, const struct chain_shape *shape, int version)
{
    for (int i = shape->begin; i < shape->end; i++)
        if (work->graph->ops[i].changed > version)
            return true;
    return false;
}

static struct chain_known *analyse(const struct chain_shape *shape, struct chain_work *work)
{
    struct chain_known *known = ARENA_NEW(work->arena, struct chain_known);
    chain_analyse(&known->cost, shape, work);
    known->key = key_of(shape);
    known->version = -1;
    known->calls = ARENA_ARRAY(work->arena, int, (size_t)(shape->end - shape->begin));
    for (int i = shape->begin; i < shape->end; i++)
        known->calls[i - shape->begin] = work->ops[i].calls;
    return known;
}

void chain_measure(struct chain_cost *out, struct chain_scratch *choices, const struct chain_shape *shape,
                   struct chain_work *work)
{
    if (!work->known || work->n_known * 2 > 1 << work->log2_known)
        grow_known(work);
    struct chain_known **entry = find_known(work, key_of(shape)), *known = *entry;
    if (!known) {
        known = *entry = analyse(shape, work);
        work->n_known++;
    }
    if (known->version < 0 || layouts_changed(work, shape, known->version)) {
        work->shape = *shape;
        for (int i = shape->begin; i < shape->end; i++)
            work->ops[i].calls = known->calls[i - shape->begin];
        chain_scratch_choices(&known->scratch, work);
        known->version = work->graph->version;
    }
    *out = known->cost;
    *choices = known->scratch;
}
