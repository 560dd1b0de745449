/*
 * schedule_chains.h - a schedule of chains and whole operators (chain_plan.h) in schedule.h's terms. Private
 * to codegen/.
 */
#ifndef CODEGEN_SCHEDULE_CHAINS_H
#define CODEGEN_SCHEDULE_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/row_graph.h"

struct arena;
struct chain_plan;
struct chain_work;
struct plan_options;
struct qmodel;
struct schedule;

/* What plans of the same network in the same order have in common. Zeroed before the first one. */
struct chain_memory {
    struct row_graph graph;
    struct chain_work *work; /* NULL: nothing yet */
    struct arena *arena;     /* not owned; outlives all plans */
};

/* Returns false when there is no such plan in most_bytes. least_bytes: of the smallest plan found. */
bool schedule_chains(struct schedule *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, int64_t most_bytes, int64_t *least_bytes,
                     struct chain_memory *memory, struct arena *arena);
/* order: the one the graph was built with; work: of the graph. */
void schedule_of_chain_plan(struct schedule *out, const struct row_graph *graph, struct chain_work *work,
                            const int *order, const struct chain_plan *plan, struct arena *arena);

#endif
