/*
 * mul_s8__ref.c - elementwise product, int8. TFLite: reference_integer_ops::Mul. in[1] may be one pixel, (1,
 * 1, c).
 */
#include "ref.h"

void mcu_mul_s8__ref(const struct mcu_mul *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->out.c;
    const int one_pixel = op->in[1].h == 1 && op->in[1].w == 1;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *a = mcu_row(&op->in[0], y), *b = mcu_row(&op->in[1], one_pixel ? 0 : y);
        int8_t *out = mcu_row(&op->out, y);
        for (int32_t x = 0; x < op->out.w; x++) {
            for (int32_t i = 0; i < c; i++) {
                const int32_t product = (*a++ - op->in_zero_point[0]) * (b[i] - op->in_zero_point[1]);
                const int32_t value =
                    mcu_requantize(product, op->out_multiplier, op->out_shift) + op->out_zero_point;
                *out++ = (int8_t)mcu_clamp(value, op->act_min, op->act_max);
            }
            if (!one_pixel)
                b += c;
        }
    }
}
