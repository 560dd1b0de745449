/*
 * requant.h - fixed-point scaling exactly as TFLite's default build does it (double rounding).
 *
 *   MultiplyByQuantizedMultiplier(x, m, shift) =
 *       RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(x * 2^max(shift, 0), m), max(-shift, 0))
 *
 * Source: gemmlowp fixedpoint.h, tensorflow/lite/kernels/internal/common.h.
 */
#ifndef MCU_REQUANT_H
#define MCU_REQUANT_H

#include <stdint.h>

static inline int32_t mcu_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN)
        return INT32_MAX;
    int64_t ab = (int64_t)a * b;
    int32_t nudge = ab >= 0 ? (1 << 30) : 1 - (1 << 30);
    return (int32_t)((ab + nudge) / (1ll << 31));
}

static inline int32_t mcu_divide_by_pot(int32_t x, int exponent)
{
    int32_t mask = (int32_t)((1ll << exponent) - 1);
    int32_t remainder = x & mask;
    int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

static inline int32_t mcu_requantize(int32_t x, int32_t multiplier, int shift)
{
    int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    return mcu_divide_by_pot(mcu_high_mul((int32_t)((uint32_t)x << left), multiplier), right);
}

static inline int32_t mcu_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
