/*
 * chain_place.h - addresses for a path through the cuts, in an arena of given size. Private to codegen/.
 */
#ifndef CODEGEN_CHAIN_PLACE_H
#define CODEGEN_CHAIN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/chain_edges.h"
#include "codegen/chain_plan.h"

/* From the options analysed so far, a plan in arena_bytes: with by_cost the cheapest of those that cost at
 * most most_cost, otherwise the first found. Returns false when there is none. out->least_bytes and
 * lower_bound are not touched. */
bool chain_place(struct chain_plan *out, const struct chain_planner *planner, int64_t arena_bytes,
                 bool by_cost, int64_t most_cost);

/* No plan in arena_bytes costs less, from the same options; `never`: there is none. */
int64_t chain_cost_bound(const struct chain_planner *planner, int64_t arena_bytes);

#endif
