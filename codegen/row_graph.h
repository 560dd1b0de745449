/*
 * row_graph.h - the network as the row scheduler sees it: which input rows each output row reads.
 *
 * A step of an operator computes one output row; the steps of one that adds up row after row (MEAN)
 * are its input rows, and its output is there after the last one. Step p reads the rows
 *
 *     [p * stride - pad, p * stride - pad + extent)
 *
 * of an input, as far as they exist. Private to codegen/.
 */
#ifndef CODEGEN_ROW_GRAPH_H
#define CODEGEN_ROW_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct qmodel;
struct qnode;

struct row_input {
    int tensor;
    int stride, pad, extent;
    int pad_mirrored; /* pad when rows are counted from the bottom */
};

struct row_op {
    const struct qnode *node;
    struct row_input *inputs;
    int n_inputs;
    int output;
    int steps;
    bool accumulates;      /* node_accumulates */
    bool element_wise;     /* may write each element over the one it reads */
    bool in_channel_group; /* depthwise: may write a row over the first one of its window (kernels.h) */
    int32_t scratch_bytes;
    int64_t call_cost; /* instructions of a call that do not depend on its rows */
};

struct row_reader {
    int op, input;
};

struct row_tensor {
    int h;
    int64_t row_bytes;
    int producer; /* operator, -1: the network's input */
    struct row_reader *readers;
    int n_readers;
};

struct row_graph {
    const struct qmodel *qmodel;
    struct row_op *ops; /* in execution order */
    int n_ops;
    struct row_tensor *tensors; /* per qtensor */
};

/* order: qnode indices. Returns false when the graph cannot be computed on demand: somebody's output is
 * nobody's input. */
bool row_graph_build(struct row_graph *out, const struct qmodel *qmodel, const int *order,
                     struct arena *arena);

/* The inputs of one node, as in struct row_op. Returns how many; inputs has room for node->n_inputs. */
int row_inputs(struct row_input *inputs, const struct qmodel *qmodel, const struct qnode *node);
/* Steps of a node. */
int row_steps(const struct qmodel *qmodel, const struct qnode *node);

#endif
