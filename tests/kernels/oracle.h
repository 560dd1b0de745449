/*
 * oracle.h - what each kernel must compute: one output at a time, from dense (h, w, c) arrays, in 64-bit
 * integers, written from TFLite's definitions and not from the engine's code.
 */
#ifndef TESTS_KERNELS_ORACLE_H
#define TESTS_KERNELS_ORACLE_H

#include <stdint.h>

#include "engine/engine.h"

/* gemmlowp's own formulas. */
int32_t oracle_high_mul(int32_t a, int32_t b);
int32_t oracle_divide_by_pot(int32_t x, int exponent);
int32_t oracle_requantize(int64_t x, int32_t multiplier, int shift);

int8_t oracle_conv2d(const struct mcu_conv2d *op, const int8_t *in, int y, int x, int c);
int8_t oracle_depthwise(const struct mcu_depthwise *op, const int8_t *in, int y, int x, int c);
int8_t oracle_fully_connected(const struct mcu_fully_connected *op, const int8_t *in, int c);
int8_t oracle_add(const struct mcu_add *op, int8_t a, int8_t b);
int8_t oracle_mul(const struct mcu_mul *op, int8_t a, int8_t b);
int8_t oracle_average_pool(const struct mcu_pool *op, const int8_t *in, int y, int x, int c);
int8_t oracle_max_pool(const struct mcu_pool *op, const int8_t *in, int y, int x, int c);
int8_t oracle_mean(const struct mcu_mean *op, const int8_t *in, int c);
void oracle_softmax(const struct mcu_softmax *op, const int8_t *in, int8_t *out);

#endif
