/*
 * mean_s8__dsp.c - mean over h and w, or over w alone, int8, one input row per step: the sums stay in scratch
 * (in.c int32), as in mcu_mean_s8__ref.
 */
#include "pool.h"
#include "requant_dsp.h"

void mcu_mean_s8__dsp(const struct mcu_mean *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->in.c, w = op->in.w, last = op->in.h - 1;
    const int rows_stay = op->out.h > 1;
    int32_t *sums = op->scratch;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *in = mcu_row(&op->in, y);
        int32_t i = 0;
        if (y == 0 || rows_stay)
            for (int32_t k = 0; k < c; k++)
                sums[k] = -((rows_stay ? 1 : op->in.h) * w * op->in_zero_point);
        for (; i + 4 <= c; i += 4)
            mcu_sum4(in + i, w, c, sums + i);
        for (; i < c; i++)
            for (int32_t x = 0; x < w; x++)
                sums[i] += in[x * c + i];
        if (y < last && !rows_stay)
            continue;
        int8_t *out = mcu_row(&op->out, rows_stay ? y : 0);
        for (i = 0; i < c; i++)
            out[i] =
                (int8_t)mcu_ssat8(mcu_requantize(sums[i], op->multiplier, op->shift) + op->out_zero_point);
    }
}
