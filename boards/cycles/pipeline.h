/*
 * pipeline.h - core cycles of straight-line code with memory that never stalls; one model per core.
 *
 * Cortex-M4: every instruction one cycle, and what 100166 section 3.3 adds for loads, multiple transfers,
 * divisions and jumps. Cortex-M33: the same form with fitted numbers, and a price for using a loaded value at
 * once. Cortex-M7: in-order dual issue, replayed instruction by instruction (pipeline_m7.c).
 */
#ifndef BOARDS_CYCLES_PIPELINE_H
#define BOARDS_CYCLES_PIPELINE_H

#include <stdbool.h>

struct board;
struct instruction;
struct timing_spec;

struct block_view {
    const struct instruction *instructions;
    int n;
};

struct pipeline_cycles {
    double issue;    /* instructions entering the pipeline */
    double pipeline; /* waiting for operands, instructions that take several cycles */
    double branch;   /* refilling the pipeline after taken branches */
};

/* Cycles of `block` when it follows `before` (n 0: nothing is known), over a taken branch or by falling
 * through. */
typedef struct pipeline_cycles pipeline_model(const struct timing_spec *timing, struct block_view before,
                                              bool taken, struct block_view block);

pipeline_model pipeline_m4, pipeline_m33, pipeline_m7;

/* The model of a core ("cortex-m7"), or NULL. */
pipeline_model *pipeline_of(const char *core);

#endif
