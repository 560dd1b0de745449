/*
 * global_average_pool_s8__ref.c - the mean of every channel, int8, input row by input row. Same rounding as
 * average_pool_s8__ref.c: to nearest, ties away from zero.
 */
#include "ref.h"

void mcu_global_average_pool_s8__ref(const struct mcu_global_pool *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->in.c, count = op->in.h * op->in.w, half = count / 2;
    int32_t *sums = op->scratch;
    if (y0 == 0)
        for (int32_t i = 0; i < c; i++)
            sums[i] = 0;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *in = mcu_row(&op->in, y);
        for (int32_t x = 0; x < op->in.w; x++, in += c)
            for (int32_t i = 0; i < c; i++)
                sums[i] += in[i];
    }
    if (y1 < op->in.h)
        return;
    int8_t *out = mcu_row(&op->out, 0);
    for (int32_t i = 0; i < c; i++) {
        const int32_t sum = sums[i] > 0 ? (sums[i] + half) / count : (sums[i] - half) / count;
        out[i] = (int8_t)mcu_clamp(sum, op->act_min, op->act_max);
    }
}
