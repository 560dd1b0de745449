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

#include "codegen/implement.h"

struct arena;
struct plan_options;
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
    bool in_channel_group; /* depthwise: may write a row over the first one of its window (kernels.h),
                              whatever the tile */
    enum layout layout;
    int changed;        /* the graph's version when the layout was set */
    int32_t sums_bytes; /* scratch of one that accumulates; it lives from the first call to the last */
};

/* The tiles worth a choice for calls of at most `rows` steps, from the least scratch upwards. At least one.
 */
struct row_tiles {
    struct row_tiles *next;
    int rows, n;
    int16_t tile[TILE_LEVELS];
    int32_t scratch_bytes[TILE_LEVELS]; /* 0 of operators that accumulate */
    int64_t whole_cost[TILE_LEVELS];    /* instructions of a call of `rows` */
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

/* What a call was found to cost. */
struct row_call {
    uint64_t key; /* 0: free */
    int64_t cost;
};

struct row_calls {
    struct row_call *table; /* by hash; 2^log2 entries */
    int log2, n;
};

struct row_graph {
    const struct qmodel *qmodel;
    struct row_op *ops; /* in execution order */
    int n_ops;
    struct row_tensor *tensors; /* per qtensor */
    struct row_tiles **tiles;   /* per operator: what row_tiles has worked out */
    struct row_calls *calls;    /* what row_call_cost has */
    int version;                /* how often layouts were set again */
    struct arena *arena;
};

/* order: qnode indices. Layouts are those of options. Returns false when the graph cannot be computed on
 * demand: somebody's output is nobody's input. */
bool row_graph_build(struct row_graph *out, const struct qmodel *qmodel, const int *order,
                     const struct plan_options *options, struct arena *arena);

/* The same graph with the layouts of these options. Returns false when it is another one: build it again. */
bool row_graph_set_layouts(struct row_graph *graph, const int *order, const struct plan_options *options);

/* Worked out once for each operator and number of rows. */
const struct row_tiles *row_tiles(const struct row_graph *graph, int op, int rows);
/* Instructions of a call of so many steps with this tile. Worked out once. */
int64_t row_call_cost(const struct row_graph *graph, int op, int tile, int rows);
/* Index of the largest tile with at most so much scratch; 0 if none. */
int row_tile_within(const struct row_tiles *tiles, int32_t scratch_bytes);
/* The layout of a node under these options. */
enum layout planned_layout(const struct plan_options *options, const struct qmodel *qmodel, int node);

/* The inputs of one node, as in struct row_op. Returns how many; inputs has room for node->n_inputs. */
int row_inputs(struct row_input *inputs, const struct qmodel *qmodel, const struct qnode *node);
/* Steps of a node. */
int row_steps(const struct qmodel *qmodel, const struct qnode *node);

#endif
