/*
 * model.h - one int8 image in, one int8 tensor out. Written by mcunet; do not edit.
 *
 * Maps are (h, w, c), channels innermost; real = scale * (q - zero_point). Fill mcu_model_input(), call
 * mcu_model_run(), read mcu_model_output(). Both are parts of mcu_arena: running overwrites the input, and
 * the output lasts until the input is filled again.
 */
#ifndef MCU_MODEL_H
#define MCU_MODEL_H

#include <stdint.h>

#define MCU_INPUT_H 8
#define MCU_INPUT_W 8
#define MCU_INPUT_C 3
#define MCU_INPUT_BYTES 192
#define MCU_INPUT_SCALE 0.0078125f
#define MCU_INPUT_ZERO_POINT (0)

#define MCU_OUTPUT_H 1
#define MCU_OUTPUT_W 1
#define MCU_OUTPUT_C 5
#define MCU_OUTPUT_BYTES 5
#define MCU_OUTPUT_SCALE 0.023777835f
#define MCU_OUTPUT_ZERO_POINT (9)

/* All tensors and scratch. */
#define MCU_ARENA_BYTES 576
/* Operators, numbered in the order of model.c: what MCU_LAYER() is told. */
#define MCU_LAYERS 7

int8_t *mcu_model_input(void);
const int8_t *mcu_model_output(void);
void mcu_model_run(void);

#endif
