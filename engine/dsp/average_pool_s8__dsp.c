/*
 * average_pool_s8__dsp.c - windowed mean, int8, four channels at a time; the divisor counts the taps inside
 * the map.
 */
#include "pool.h"
#include "pool_window.h"
#include "requant_dsp.h"

static int8_t mean_of(int32_t sum, int32_t count, const struct mcu_pool *op)
{
    if (count)
        sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
    return (int8_t)mcu_clamp(sum, op->act_min, op->act_max);
}

static void average_pixel(const struct mcu_pool *op, const struct mcu_pool_window *window, int8_t *out)
{
    const int32_t c = op->in.c, step = op->window.dilation_w * c;
    const int32_t columns = window->columns, count = window->rows * columns;
    int32_t i = 0;
    for (; i + 4 <= c; i += 4) {
        int32_t sums[4] = {0};
        if (count <= MCU_SUM4_MOST) {
            uint32_t c02 = 0, c13 = 0;
            for (int32_t ky = 0; ky < window->rows; ky++)
                mcu_sum4_lanes(mcu_pool_row(op, window, ky) + i, columns, step, &c02, &c13);
            mcu_sum4_add(c02, c13, sums);
        } else {
            for (int32_t ky = 0; ky < window->rows; ky++)
                mcu_sum4(mcu_pool_row(op, window, ky) + i, columns, step, sums);
        }
        for (int32_t j = 0; j < 4; j++)
            out[i + j] = mean_of(sums[j], count, op);
    }
    for (; i < c; i++) {
        int32_t sum = 0;
        for (int32_t ky = 0; ky < window->rows; ky++)
            for (int32_t kx = 0; kx < columns; kx++)
                sum += mcu_pool_row(op, window, ky)[kx * step + i];
        out[i] = mean_of(sum, count, op);
    }
}

void mcu_average_pool_s8__dsp(const struct mcu_pool *op, int32_t y0, int32_t y1)
{
    mcu_pool_rows(op, y0, y1, average_pixel);
}
