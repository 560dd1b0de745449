/*
 * mean_s8__ref.c - mean over h and w, or over w alone, int8. TFLite: reference_ops::QuantizedMeanOrSum, in
 * which 1 / (h * w) is part of the multiplier.
 */
#include "ref.h"

void mcu_mean_s8__ref(const struct mcu_mean *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->in.c, last = op->in.h - 1;
    const int rows_stay = op->out.h > 1;
    int32_t *sums = op->scratch;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *in = mcu_row(&op->in, y);
        if (y == 0 || rows_stay)
            for (int32_t i = 0; i < c; i++)
                sums[i] = 0;
        for (int32_t x = 0; x < op->in.w; x++, in += c)
            for (int32_t i = 0; i < c; i++)
                sums[i] += in[i] - op->in_zero_point;
        if (y < last && !rows_stay)
            continue;
        int8_t *out = mcu_row(&op->out, rows_stay ? y : 0);
        for (int32_t i = 0; i < c; i++)
            out[i] = (int8_t)mcu_clamp(
                mcu_requantize(sums[i], op->multiplier, op->shift) + op->out_zero_point, INT8_MIN, INT8_MAX);
    }
}
