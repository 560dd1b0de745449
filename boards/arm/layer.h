/*
 * layer.h - model.c says MCU_LAYER(k) before each call of operator k; operators that run depth-first are
 * called many times, a few rows each. That is nothing, unless model.c is compiled, as for harness.elf, with
 * this file included first: then the harness takes the time.
 */
#ifndef MCU_LAYER_H
#define MCU_LAYER_H

#include <stdint.h>

void mcu_layer(uint32_t layer);
#define MCU_LAYER(layer) mcu_layer(layer)

#endif
