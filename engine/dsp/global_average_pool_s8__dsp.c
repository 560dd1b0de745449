/*
 * global_average_pool_s8__dsp.c - the mean of every channel, int8, as mcu_global_average_pool_s8__ref.
 */
#include "dsp.h"
#include "sum_rows.h"

void mcu_global_average_pool_s8__dsp(const struct mcu_global_pool *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->in.c, count = op->in.h * op->in.w, half = count / 2;
    const int32_t act_min = op->act_min, act_max = op->act_max;
    int32_t *sums = op->scratch;
    if (y0 == 0)
        for (int32_t i = 0; i < c; i++)
            sums[i] = 0;
    mcu_sum_rows(&op->in, y0, y1, sums);
    if (y1 < op->in.h)
        return;
    int8_t *out = mcu_row(&op->out, 0);
    for (int32_t i = 0; i < c; i++) {
        const int32_t mean = (sums[i] > 0 ? sums[i] + half : sums[i] - half) / count;
        out[i] = (int8_t)(mean < act_min ? act_min : mean > act_max ? act_max : mean);
    }
}
