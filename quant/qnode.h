/*
 * qnode.h - one node of the int8 graph on the host, and the memory its tensors share. Private to quant/.
 */
#ifndef QUANT_QNODE_H
#define QUANT_QNODE_H

#include <stddef.h>
#include <stdint.h>

#include "quant/qmodel.h"

/* Multiplier, shift, act bounds, table of one node from the scales (qmodel_finish does all nodes). */
int qnode_finish(struct qmodel *qmodel, struct qnode *node);

/* Runs one node on whole dense maps; tensors[id] is the data of tensor id. scratch: qmodel_scratch_bytes().
 */
void qnode_run(const struct qmodel *qmodel, const struct qnode *node, int8_t *const *tensors, void *scratch);
size_t qmodel_scratch_bytes(const struct qmodel *qmodel);

/* Tensors whose lifetimes (in node order) are apart share memory: offset[id] in a block of `bytes`. */
struct qmemory {
    size_t *offset;
    size_t bytes;
};
struct qmemory qmemory_plan(const struct qmodel *qmodel, struct arena *arena);

#endif
