/*
 * softmax_s8__ref.c - softmax over the channels of one pixel, int8. TFLite: reference_ops::Softmax in fixed
 * point (as TFLite Micro runs it; output scale 1/256, zero point -128), on gemmlowp's exp_on_negative_values
 * and one_over_one_plus_x_for_x_in_0_1.
 *
 * Numbers are Q<i>: i integer bits, 31 - i fraction bits. A product of Q<i> and Q<j> by mcu_high_mul is
 * Q<i+j>.
 */
#include "ref.h"

/* x * 2^exponent, saturating. */
static int32_t shift_left(int32_t x, int32_t exponent)
{
    const int32_t max = INT32_MAX >> exponent;
    return x > max ? INT32_MAX : x < -max - 1 ? INT32_MIN : x * (1 << exponent);
}

/* exp(a) as Q0 for a <= 0 in Q5: a Taylor polynomial around -1/8 on [-1/4, 0), times exp(-2^k) for each bit
 * of the rest. */
static int32_t exp_negative(int32_t a)
{
    static const int32_t factors[7] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int32_t quarter = 1 << 24, exp_eighth = 1895147668, third = 715827883;
    const int32_t low = (a & (quarter - 1)) - quarter;
    const int32_t rest = low - a;
    const int32_t x = shift_left(low, 5) + (1 << 28);
    const int32_t x2 = mcu_high_mul(x, x), x3 = mcu_high_mul(x2, x), x4 = mcu_high_mul(x2, x2);
    const int32_t tail = mcu_divide_by_pot(mcu_high_mul(mcu_divide_by_pot(x4, 2) + x3, third) + x2, 1);
    int32_t result = exp_eighth + mcu_high_mul(exp_eighth, x + tail);
    for (int32_t k = 0; k < 7; k++)
        if (rest & (quarter << k))
            result = mcu_high_mul(result, factors[k]);
    return a ? result : INT32_MAX;
}

/* 1 / (1 + a) as Q0 for a in [0, 1) Q0: three Newton-Raphson steps on half the denominator, in Q2. */
static int32_t reciprocal(int32_t a)
{
    const int32_t half_denominator = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + mcu_high_mul(half_denominator, -1010580540); /* 48/17 - 32/17 d */
    for (int32_t i = 0; i < 3; i++)
        x += shift_left(mcu_high_mul(x, (1 << 29) - mcu_high_mul(half_denominator, x)), 2);
    return shift_left(x, 1);
}

void mcu_softmax_s8__ref(const struct mcu_softmax *op, int32_t y0, int32_t y1)
{
    if (y0 >= y1)
        return;
    const int8_t *in = mcu_row(&op->in, 0);
    int8_t *out = mcu_row(&op->out, 0);
    int32_t max = INT8_MIN, sum = 0; /* sum: Q12 */
    for (int32_t i = 0; i < op->in.c; i++)
        max = in[i] > max ? in[i] : max;
    for (int32_t i = 0; i < op->in.c; i++)
        if (in[i] - max >= op->diff_min)
            sum +=
                mcu_divide_by_pot(exp_negative(mcu_requantize(in[i] - max, op->multiplier, op->shift)), 12);
    int32_t headroom = 0;
    while (!((uint32_t)sum << headroom & 0x80000000u))
        headroom++;
    const int32_t scale = reciprocal((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
    for (int32_t i = 0; i < op->in.c; i++) {
        int32_t value = INT8_MIN;
        if (in[i] - max >= op->diff_min) {
            const int32_t e = exp_negative(mcu_requantize(in[i] - max, op->multiplier, op->shift));
            /* More than 256 equal inputs: less than half a step. */
            const int32_t exponent = 12 - headroom + 31 - 8;
            value += exponent > 31 ? 0 : mcu_divide_by_pot(mcu_high_mul(scale, e), exponent);
        }
        out[i] = (int8_t)mcu_clamp(value, INT8_MIN, INT8_MAX);
    }
}
