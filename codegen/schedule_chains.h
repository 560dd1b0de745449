/*
 * schedule_chains.h - a schedule of chains and whole operators (chain_plan.h) in schedule.h's terms. Private
 * to codegen/.
 */
#ifndef CODEGEN_SCHEDULE_CHAINS_H
#define CODEGEN_SCHEDULE_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct chain_plan;
struct plan_options;
struct qmodel;
struct row_graph;
struct schedule;

/* Returns false when there is no such plan. least_bytes: of the smallest plan found. */
bool schedule_chains(struct schedule *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, int64_t *least_bytes, struct arena *arena);
/* order: the one the graph was built with. */
void schedule_of_chain_plan(struct schedule *out, const struct row_graph *graph, const int *order,
                            const struct chain_plan *plan, struct arena *arena);

#endif
