/*
 * average_pool_s8__ref.c - windowed mean, int8. TFLite: reference_integer_ops::AveragePool: the divisor
 * counts the taps inside the map, the quotient is rounded to nearest, ties away from zero.
 */
#include "ref.h"

void mcu_average_pool_s8__ref(const struct mcu_pool *op, int32_t y0, int32_t y1)
{
    const struct mcu_window *window = &op->window;
    const int32_t c = op->in.c;
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        const int32_t top = y * window->stride_h - window->pad_top;
        int32_t ky0, ky1;
        mcu_taps(top, window->kernel_h, window->dilation_h, op->in.h, &ky0, &ky1);
        for (int32_t x = 0; x < op->out.w; x++) {
            const int32_t left = x * window->stride_w - window->pad_left;
            int32_t kx0, kx1;
            mcu_taps(left, window->kernel_w, window->dilation_w, op->in.w, &kx0, &kx1);
            const int32_t count = (ky1 - ky0) * (kx1 - kx0), half = count / 2;
            for (int32_t i = 0; i < c; i++) {
                int32_t sum = 0;
                for (int32_t ky = ky0; ky < ky1; ky++) {
                    const int8_t *in = mcu_row(&op->in, top + ky * window->dilation_h) + left * c + i;
                    for (int32_t kx = kx0; kx < kx1; kx++)
                        sum += in[kx * window->dilation_w * c];
                }
                if (count)
                    sum = sum > 0 ? (sum + half) / count : (sum - half) / count;
                *out++ = (int8_t)mcu_clamp(sum, op->act_min, op->act_max);
            }
        }
    }
}
