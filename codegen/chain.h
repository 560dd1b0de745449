/*
 * chain.h - a chain: consecutive operators computed depth-first, row by row, between one whole tensor and the
 * next. What it costs in memory and in calls. Private to codegen/.
 *
 * Only the chain's first input and last output are whole. Every other tensor has a line buffer of as many
 * rows as are alive at once; rows are computed when a later operator asks for them (order of calls below), so
 * each row of each tensor is computed exactly once, or never if nobody reads it.
 *
 *     run(i, p0, p1):   for each input: ensure(its producer, last row that step p1 reads)
 *                       call the kernel for steps [p0, p1]
 *     ensure(j, row):   while j has not computed `row`: run(j, next, min(row, next + inner_rows - 1))
 *     chain:            run(last, 0, rows - 1), run(last, rows, 2 rows - 1), ...
 *
 * Bottom-up chains do the same with rows counted from the bottom.
 *
 * Line buffers. Operators that may write where they read share a store with their input. The rows of a store
 * are numbered v = step * row + phase, such that rows alive at the same time have different v, and live in
 * slot v mod ring. ring = the largest span of v alive at any write, so two live rows never share a slot.
 *
 * Output over input. When the last operator has written w bytes, the input is still needed from byte n on:
 * `distance` is the maximum of w - n over all calls. Top-down the output must begin at least `distance` below
 * the input, bottom-up it must end at least `distance` above. It may be negative. Inside a call nothing is
 * assumed about the kernel's order: its inputs are needed until its last row is written.
 *
 * Block. Scratch and stores are one block: [scratch | stores] in front of the input, or mirrored behind it
 * for bottom-up chains. A store is first written when some input rows are already consumed: the block may
 * reach `reach` bytes into the input.
 *
 * Scratch is [sums that live through the chain | what one call after the other uses]. The size of the latter
 * is a choice: more of it lets kernels work in larger tiles, which is all that it changes.
 */
#ifndef CODEGEN_CHAIN_H
#define CODEGEN_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/implement.h"

struct arena;
struct row_graph;

enum {
    CHAIN_MAX_OPS = 32, /* the firmware keeps a few bytes of stack for each (engine/rows.h) */
    CHAIN_ALL_ROWS = 32767,
};

struct chain_shape {
    int begin, end; /* operators [begin, end) of the graph */
    int input;      /* tensor */
    int rows;       /* steps of the last operator per round */
    int inner_rows; /* steps of the others per call, at most */
    bool bottom_up;
};

struct chain_cost {
    int64_t distance; /* INT64_MIN: the output may lie anywhere */
    bool exact;       /* the output may also lie exactly on the input: element-wise, equal shapes */
    int64_t stores_bytes, sums_bytes;
    int64_t reach;
};

/* Sizes of the scratch that the calls share, ascending, and the instructions of all calls with it,
 * descending. */
struct chain_scratch {
    int n; /* at least 1 */
    int32_t bytes[TILE_LEVELS];
    int64_t cost[TILE_LEVELS];
};

struct chain_store {
    int64_t offset; /* from the input's far side: the store with the largest offset lies next to the input */
    int64_t row_bytes;
    int ring;
};

/* Where a line-buffered tensor lives: row r (from the bottom in bottom-up chains) is in slot
 * (row * step + phase) mod ring of its store. */
struct chain_row {
    int store; /* index; -1: no line buffer */
    int step, phase;
};

/* Working memory for analyses of chains of one graph, and the details of the latest one. */
struct chain_work;
struct chain_work *chain_work_create(const struct row_graph *graph, struct arena *arena);

/* Always possible, for operators between two tensors that are the only ones alive there. The call's details
 * remain in work until the next one. */
void chain_analyse(struct chain_cost *out, const struct chain_shape *shape, struct chain_work *work);

/* The same without the details, and chain_scratch_choices of it. Worked out once for each shape; after
 * layouts have changed (row_graph_set_layouts), only the choices are worked out again. */
void chain_measure(struct chain_cost *out, struct chain_scratch *choices, const struct chain_shape *shape,
                   struct chain_work *work);

const struct chain_store *chain_store(const struct chain_work *work, int store);
int chain_n_stores(const struct chain_work *work);
/* Of the output of an operator inside the chain. */
struct chain_row chain_row(const struct chain_work *work, int op);
/* Offset of an operator's scratch in the chain's scratch. */
int64_t chain_scratch_offset(const struct chain_work *work, int op);
/* Steps of an operator's largest call. */
int chain_most_rows(const struct chain_work *work, int op);
void chain_scratch_choices(struct chain_scratch *out, struct chain_work *work);
/* Instructions of all calls of an operator with this tile. */
int64_t chain_op_cost(const struct chain_work *work, int op, int tile);

#endif
