/*
 * cost_network.h - networks whose firmware is measured for the cost table (codegen/cost_table.h). What they
 * answer does not matter: their constants are drawn.
 */
#ifndef CLI_COST_NETWORK_H
#define CLI_COST_NETWORK_H

#include <stdint.h>

struct arena;
struct qmodel;

/* Scales, weights and tables for a skeleton of qmodel_lower(). */
int cost_network_constants(struct qmodel *qmodel, uint64_t seed);

/* A convolutional network with sizes drawn from stream `index`, without constants; smaller for a larger
 * `shrink`. */
struct qmodel *cost_network_drawn(int index, int shrink, struct arena *arena);

#endif
