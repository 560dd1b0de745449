/*
 * kernels.h - from an operator of the int8 graph to the engine calls that compute it: which kernel, how many
 * calls, how much scratch, and how far its output may reach into an input that nobody reads afterwards.
 */
#ifndef CODEGEN_KERNELS_H
#define CODEGEN_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

struct qmodel;
struct qnode;

enum kernel {
#define KERNEL(id, function, type, bytes) KERNEL_##id,
#include "codegen/kernels.inc"
#undef KERNEL
    KERNEL_COUNT
};

struct kernel_info {
    const char *function;      /* "mcu_conv2d_s8__ref" */
    const char *argument_type; /* "mcu_conv2d" */
    int argument_bytes;        /* on the target */
};

const struct kernel_info *kernel_info(enum kernel kernel);

/* The calls of one node, in order; returns how many (at most QNODE_MAX_INPUTS: CONCAT has one per input). */
int node_kernels(const struct qmodel *qmodel, const struct qnode *node, enum kernel *kernels);

/* Does the kernel take input rows, one after the other, and write its only output row after the last one? Its
 * scratch must survive between its calls. MEAN and average pools over the whole map. */
bool node_accumulates(const struct qmodel *qmodel, const struct qnode *node);

/* Working memory of the node's kernel in the arena. */
int32_t node_scratch_bytes(const struct qmodel *qmodel, const struct qnode *node);

/*
 * Channels that a depthwise kernel computes at a time, provided that it copies their input rows to scratch,
 * for one or more output rows, before it writes any of those rows' channels, and works through the rows of a
 * call in ascending order. Then, where in and out have equally many channels, output row y may replace the
 * first row of its window. 0: the output may not share memory with the window.
 */
int node_channel_group(const struct qmodel *qmodel, const struct qnode *node);
/* Instructions of a kernel call beyond those that are proportional to its rows: entry, and every weight is
 * read and unpacked once per call. */
int64_t node_call_cost(const struct qmodel *qmodel, const struct qnode *node);

/*
 * How an output may lie relative to input number `input`, provided nobody reads that input later. With
 * delta = address of the output - address of the input, allowed are
 *
 *     delta <= -distance                  the output ends below the input rows still needed, at every row
 *     delta >= bytes of the input         disjoint
 *     delta == 0                          when exact: element-wise in place
 *
 * Derived from engine.h's promise that rows are computed in ascending order. Returns false when the
 * kernel reads an input row after it wrote later output rows: then they must be disjoint.
 */
struct overlap {
    int64_t distance; /* may be negative: the output may start inside the input */
    bool exact;
};
bool node_overlap(struct overlap *out, const struct qmodel *qmodel, const struct qnode *node, int input);

#endif
