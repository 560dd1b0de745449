/*
 * chain_plan.h - a network as a sequence of steps between cuts: which chains, and where everything lies.
 *
 * A cut is a place in the order of operators where one tensor is alive. A step computes all operators between
 * two cuts, as one whole-map kernel call or as a chain (chain.h). Only the cuts' tensors and the block of the
 * running chain occupy the arena, so a plan is a path through the cuts plus addresses.
 *
 * Addresses: for an arena of P bytes, the set of addresses that a cut's tensor can have is a union of
 * intervals; each step maps an interval to an interval, since its conditions are differences of addresses
 * ("the output begins at least `distance` below the input"). Top-down steps move the tensor towards the low
 * end, bottom-up steps towards the high end.
 *
 * The least arena: a path's largest step, positions ignored, is a lower bound; steps are analysed only when
 * the bound cannot be decided without them. Then arenas from the bound upwards are tried. For a given arena
 * the path with the least call cost is found by carrying the cost with each interval and dropping dominated
 * ones.
 *
 * Private to codegen/.
 */
#ifndef CODEGEN_CHAIN_PLAN_H
#define CODEGEN_CHAIN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/chain.h"
#include "codegen/schedule.h"

struct arena;
struct row_graph;

/* Where the pieces of one step lie. */
struct chain_step {
    struct chain_shape shape;
    bool whole; /* one call; otherwise a chain */
    int output; /* tensor */
    int64_t input_offset, output_offset;
    /* Where the block may lie: at the begin of these bytes, or at their end. What scratch does not need of
     * them is free. */
    int64_t block_offset, block_bytes;
    bool block_at_end;
    int tile; /* of a whole operator: one that suits these addresses */
};

struct chain_plan {
    struct chain_step *steps;
    int n_steps;
    int64_t arena_bytes; /* a multiple of 8 */
    int64_t least_bytes; /* arena of the smallest plan found */
    int64_t lower_bound; /* of all plans of this kind, addresses ignored; a multiple of 8 */
    int64_t call_cost;
    int64_t cost_bound; /* of the plans that were searched, addresses ignored */
};

/* Returns false when the network has no such plan (its operators cannot be computed on demand, or a
 * branch is longer than CHAIN_MAX_OPS), or none in most_bytes. work: of the graph.
 *
 *     SRAM      the least arena; of the plans that fit in it, the cheapest found
 *     LATENCY   the cheapest plan within the limit, or the least arena if none fits
 *     BALANCED  the cheapest plan within 1.25 times the least arena, and within the limit if possible
 */
bool chain_plan(struct chain_plan *out, const struct row_graph *graph, struct chain_work *work,
                const struct plan_options *options, int64_t most_bytes, struct arena *arena);

#endif
