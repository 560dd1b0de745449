/*
 * add_s8__ref.c - elementwise sum, int8. TFLite: reference_integer_ops::Add and Sub with left_shift 20.
 */
#include "ref.h"

enum { LEFT_SHIFT = 20 };

MCU_ROW static void add_row(const struct mcu_add *op, const int8_t *a, const int8_t *b, int8_t *out)
{
    const int32_t n = op->out.w * op->out.c;
    for (int32_t i = 0; i < n; i++) {
        const int32_t x = (a[i] - op->in_zero_point[0]) * (1 << LEFT_SHIFT);
        const int32_t y = (b[i] - op->in_zero_point[1]) * (1 << LEFT_SHIFT);
        const int32_t sum = mcu_requantize(x, op->in_multiplier[0], op->in_shift[0]) +
                            mcu_summand(y, op->in_multiplier[1], op->in_shift[1]);
        const int32_t value = mcu_requantize(sum, op->out_multiplier, op->out_shift) + op->out_zero_point;
        out[i] = (int8_t)mcu_clamp(value, op->act_min, op->act_max);
    }
}

void mcu_add_s8__ref(const struct mcu_add *op, int32_t y0, int32_t y1)
{
    for (int32_t y = y0; y < y1; y++)
        add_row(op, mcu_row(&op->in[0], y), mcu_row(&op->in[1], y), mcu_row(&op->out, y));
}
