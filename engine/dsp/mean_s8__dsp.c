/*
 * mean_s8__dsp.c - mean over h and w, or over w alone, int8: the sums stay in scratch (in.c int32), as in
 * mcu_mean_s8__ref.
 */
#include "requant_dsp.h"
#include "sum_rows.h"

static void start(const struct mcu_mean *op, int32_t pixels)
{
    int32_t *sums = op->scratch;
    for (int32_t i = 0; i < op->in.c; i++)
        sums[i] = -(pixels * op->in_zero_point);
}

static void finish(const struct mcu_mean *op, int32_t y)
{
    const int32_t *sums = op->scratch;
    const int32_t multiplier = op->multiplier, shift = op->shift, zero_point = op->out_zero_point;
    int8_t *out = mcu_row(&op->out, y);
    for (int32_t i = 0; i < op->in.c; i++)
        out[i] = (int8_t)mcu_ssat8(mcu_requantize(sums[i], multiplier, shift) + zero_point);
}

void mcu_mean_s8__dsp(const struct mcu_mean *op, int32_t y0, int32_t y1)
{
    if (op->out.h > 1) { /* rows stay */
        for (int32_t y = y0; y < y1; y++) {
            start(op, op->in.w);
            mcu_sum_rows(&op->in, y, y + 1, op->scratch);
            finish(op, y);
        }
        return;
    }
    if (y0 == 0)
        start(op, op->in.h * op->in.w);
    mcu_sum_rows(&op->in, y0, y1, op->scratch);
    if (y1 == op->in.h)
        finish(op, 0);
}
