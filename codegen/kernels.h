/*
 * kernels.h - from an operator of the int8 graph to the engine calls that compute it: which kernel, how many
 * calls, how much scratch, and how far its output may reach into an input that nobody reads afterwards.
 */
#ifndef CODEGEN_KERNELS_H
#define CODEGEN_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

struct implementation;
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
int node_kernels(const struct implementation *implementation, const struct qmodel *qmodel,
                 const struct qnode *node, enum kernel *kernels);

/* CONV, DEPTHWISE or FULLY_CONNECTED. */
bool node_has_weights(const struct qnode *node);
/* FULLY_CONNECTED, or a CONV over a single pixel, which is the same product of a matrix and a vector. */
bool node_is_fully_connected(const struct qmodel *qmodel, const struct qnode *node);

/* Does the kernel take input rows, one after the other, and write its only output row after the last one? Its
 * scratch must survive between its calls. MEAN and average pools over the whole map. */
bool node_accumulates(const struct qmodel *qmodel, const struct qnode *node);

/*
 * Channels that a depthwise kernel computes at a time, provided that it copies their input rows to scratch,
 * for one or more output rows, before it writes any of those rows' channels, and works through the rows of a
 * call in ascending order. Then, where in and out have equally many channels, output row y may replace the
 * first row of its window. 0: the output may not share memory with the window.
 */
int node_channel_group(const struct implementation *implementation, const struct qmodel *qmodel,
                       const struct qnode *node);

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
 *
 * A depthwise kernel that works through `tile` rows at a time needs the windows of all of them until the last
 * is written: its distance is larger. Where it computes groups of channels (node_channel_group), whatever the
 * tile, the output may also lie exactly `shift` bytes below the input.
 */
struct overlap {
    int64_t distance; /* may be negative: the output may start inside the input */
    bool exact;
    bool shifted;  /* depthwise in place: delta == -shift is allowed, too */
    int64_t shift; /* a multiple of the channels; may be 0 */
};
bool node_overlap(struct overlap *out, const struct implementation *implementation,
                  const struct qmodel *qmodel, const struct qnode *node, int input);

#endif
