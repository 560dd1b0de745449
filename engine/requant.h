/*
 * requant.h - fixed-point scaling exactly as TFLite's default build does it (double rounding).
 *
 *   MultiplyByQuantizedMultiplier(x, m, shift) =
 *       RoundingDivideByPOT(SaturatingRoundingDoublingHighMul(x * 2^max(shift, 0), m), max(-shift, 0))
 *
 * Source: gemmlowp fixedpoint.h, tensorflow/lite/kernels/internal/common.h. gemmlowp writes the high
 * multiplication as a truncating division, (ab + (ab >= 0 ? 2^30 : 1 - 2^30)) / 2^31. For ab < 0 that is
 * ceil((ab + 1 - 2^30) / 2^31) = floor((ab + 2^30) / 2^31), so both signs are one addition and one shift;
 * tests/kernels compares the two. Right shifts of negative integers are arithmetic in every compiler we
 * support.
 */
#ifndef MCU_REQUANT_H
#define MCU_REQUANT_H

#include <stdint.h>

/* round(a * b / 2^31), ties up. b > INT32_MIN: multipliers are not negative, so gemmlowp's saturation of
 * INT32_MIN^2 cannot occur. */
static inline int32_t mcu_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* round(x / 2^exponent), ties away from zero. 0 <= exponent <= 31. */
static inline int32_t mcu_divide_by_pot(int32_t x, int32_t exponent)
{
    int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1);
    int32_t remainder = x & mask;
    int32_t threshold = (mask >> 1) - (x >> 31);
    return (x >> exponent) + (remainder > threshold);
}

/* -31 <= shift <= 30; > 0: left. */
static inline int32_t mcu_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    return mcu_divide_by_pot(mcu_high_mul((int32_t)((uint32_t)x << left), multiplier), right);
}

/* What an input adds to mcu_add's sum. A negative multiplier subtracts it (TFLite's SUB), rounded as if it
 * were added. */
static inline int32_t mcu_summand(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t sign = multiplier < 0 ? -1 : 1;
    return sign * mcu_requantize(x, sign * multiplier, shift);
}

static inline int32_t mcu_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
