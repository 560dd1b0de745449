/*
 * order.h - another order of the operators, for networks with branches. Private to codegen/.
 */
#ifndef CODEGEN_ORDER_H
#define CODEGEN_ORDER_H

#include <stdbool.h>

struct arena;
struct qmodel;

/* order[] becomes a topological order of the nodes: of those that are ready, always the one whose output
 * takes least beyond what its dying inputs free; of equals, the first. Returns false when that is the given
 * order. */
bool order_by_freed_bytes(int *order, const struct qmodel *qmodel, struct arena *arena);

#endif
