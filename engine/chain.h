/*
 * chain.h - runs a chain of kernels depth-first: rows are computed when a later stage asks for them.
 *
 * A chain computes its last stage `rows_per_call` rows at a time. Before a stage runs, each of its inputs
 * that another stage of the chain computes is brought as far as the rows to come need it; so every row is
 * computed once and line buffers of a few rows suffice. The counters live on the stack; the tables are
 * constants of the generated code.
 */
#ifndef MCU_CHAIN_H
#define MCU_CHAIN_H

#include <stdint.h>

enum { MCU_CHAIN_MAX_STAGES = 32 };

/* An input of a stage that another stage computes: row y of the reader needs rows up to y * stride + reach
 * (or the last one). */
struct mcu_chain_input {
    uint8_t stage, stride;
    int16_t reach;
};

struct mcu_chain_stage {
    int16_t rows, rows_per_call;   /* MEAN counts input rows */
    int16_t first_input, n_inputs; /* in mcu_chain.inputs */
};

struct mcu_chain {
    const struct mcu_chain_stage *stages;
    const struct mcu_chain_input *inputs;
    int16_t n_stages;
    int16_t bottom_up; /* 1: rows of reach, and the calls, count from the bottom */
};

/* Computes rows [y0, y1) of a stage. */
typedef void mcu_chain_call(int32_t stage, int32_t y0, int32_t y1);

void mcu_chain_run(const struct mcu_chain *chain, mcu_chain_call *call);

#endif
