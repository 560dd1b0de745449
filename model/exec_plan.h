/*
 * exec_plan.h - offsets of a run's intermediate tensors in one workspace; tensors whose lifetimes do not meet
 * share memory.
 */
#ifndef MODEL_EXEC_PLAN_H
#define MODEL_EXEC_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

/* Whether a layer's output may lie where its first input lay. */
bool exec_in_place(enum op op);

/* Fills offsets[tensor] (in floats, each a multiple of 16: 64 bytes) for every tensor with planned[tensor];
 * returns the workspace's size in floats. */
int64_t exec_plan(int64_t *offsets, const struct model *model, const bool *planned);

#endif
