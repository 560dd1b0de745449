/*
 * implement.h - how an operator is computed: by which kernel, from weights in which layout, in tiles of what
 * size; and what that costs in flash, scratch and instructions.
 *
 * The layout decides about flash, the tile about scratch: larger tiles unpack inputs and expand weights less
 * often. Both leave the results as they are, bit for bit.
 */
#ifndef CODEGEN_IMPLEMENT_H
#define CODEGEN_IMPLEMENT_H

#include <stdbool.h>
#include <stdint.h>

struct qmodel;
struct qnode;

enum layout {
    LAYOUT_REFERENCE, /* engine/ref: weights as they are, any core; operators without weights, too, where
                         engine/dsp has no kernel */
    LAYOUT_NARROW,    /* engine/dsp: int8, expanded to int16 in scratch once per tile */
    LAYOUT_WIDE,      /* engine/dsp: int16, read in place: twice the flash, less scratch */
    LAYOUT_WINOGRAD,  /* engine/dsp: 3 x 3 convolution of stride 1, transformed: 8 times the flash */
    LAYOUT_COUNT
};

struct implementation {
    enum layout layout;
    /* Convolution: pixels per panel; Winograd: rows of 4 x 4 outputs per block; depthwise: output rows per
     * batch. 0: the kernel has no tiles. */
    int16_t tile;
};

/* ---- layouts ---- */

/* Can the node be computed so? From shapes, and from constants where the node has them; dsp: the core has the
 * DSP extension. LAYOUT_REFERENCE always. */
bool layout_possible(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, bool dsp);
/* LAYOUT_NARROW where possible, else LAYOUT_REFERENCE. */
enum layout layout_smallest(const struct qmodel *qmodel, const struct qnode *node, bool dsp);
/* "narrow", ... */
const char *layout_name(enum layout layout);

/* Bytes of flash of the node's constant arrays: weights (with biases where those stand alone), and
 * requantisation words or multipliers and shifts and tables. Each array is a multiple of 4. */
int64_t layout_weights_bytes(enum layout layout, const struct qmodel *qmodel, const struct qnode *node);
int64_t layout_constants_bytes(enum layout layout, const struct qmodel *qmodel, const struct qnode *node);

/* ---- tiles ---- */

/* Steps of tile size that a planner tries. Level 0 needs the least scratch, the last one is past where more
 * pays. */
enum { TILE_LEVELS = 6 };

/* The tile of a level for calls of at most `rows` steps (row_steps of row_graph.h: output rows, MEAN's input
 * rows): no larger than such a call can use. */
int tile_at_level(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, int rows,
                  int level);
/* The fastest tile for calls of at most `rows` steps whose scratch is at most scratch_bytes; the smallest
 * one if none is. */
int tile_within(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, int rows,
                int32_t scratch_bytes);
/* Scratch of the node's kernel, a multiple of 4. */
int32_t implementation_scratch_bytes(const struct implementation *implementation, const struct qmodel *qmodel,
                                     const struct qnode *node);

/* ---- cost ---- */

/* Instructions of one call that computes `rows` steps: the cost model, fitted to
 * tests/regression/kernels_dsp.csv (Cortex-M7; on the M4 nearly the same). */
int64_t implementation_instructions(const struct implementation *implementation, const struct qmodel *qmodel,
                                    const struct qnode *node, int rows);

#endif
