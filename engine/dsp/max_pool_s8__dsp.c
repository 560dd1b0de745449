/*
 * max_pool_s8__dsp.c - windowed maximum, int8, four channels at a time.
 */
#include "pool_window.h"
#include "requant_dsp.h"

static void max_pixel(const struct mcu_pool *op, const struct mcu_pool_window *window, int8_t *out)
{
    const int32_t c = op->in.c, step = op->window.dilation_w * c;
    const uint32_t low = (uint8_t)op->act_min * 0x01010101u, high = (uint8_t)op->act_max * 0x01010101u;
    int32_t i = 0;
    for (; i + 4 <= c; i += 4) {
        uint32_t max = low;
        for (int32_t ky = 0; ky < window->rows; ky++) {
            const int8_t *in = mcu_pool_row(op, window, ky) + i;
            for (int32_t kx = window->columns; kx > 0; kx--, in += step)
                max = mcu_max_s8x4(max, mcu_load4(in));
        }
        mcu_store4(out + i, mcu_min_s8x4(max, high));
    }
    for (; i < c; i++) {
        int32_t max = op->act_min;
        for (int32_t ky = 0; ky < window->rows; ky++)
            for (int32_t kx = 0; kx < window->columns; kx++) {
                const int32_t q = mcu_pool_row(op, window, ky)[kx * step + i];
                max = q > max ? q : max;
            }
        out[i] = (int8_t)(max > op->act_max ? op->act_max : max);
    }
}

void mcu_max_pool_s8__dsp(const struct mcu_pool *op, int32_t y0, int32_t y1)
{
    mcu_pool_rows(op, y0, y1, max_pixel);
}
