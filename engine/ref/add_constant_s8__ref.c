/*
 * add_constant_s8__ref.c - sum with one constant per channel, int8: add_s8__ref.c with the second operand's
 * share of the sum given.
 */
#include "ref.h"

enum { LEFT_SHIFT = 20 };

MCU_ROW static void add_constant_row(const struct mcu_add_constant *op, const int8_t *in, int8_t *out)
{
    const int32_t c = op->out.c;
    for (int32_t x = 0; x < op->out.w; x++, in += c, out += c)
        for (int32_t i = 0; i < c; i++) {
            const int32_t shifted = (in[i] - op->in_zero_point) * (1 << LEFT_SHIFT);
            const int32_t sum = mcu_summand(shifted, op->in_multiplier, op->in_shift) + op->summands[i];
            const int32_t value = mcu_requantize(sum, op->out_multiplier, op->out_shift) + op->out_zero_point;
            out[i] = (int8_t)mcu_clamp(value, op->act_min, op->act_max);
        }
}

void mcu_add_constant_s8__ref(const struct mcu_add_constant *op, int32_t y0, int32_t y1)
{
    for (int32_t y = y0; y < y1; y++)
        add_constant_row(op, mcu_row(&op->in, y), mcu_row(&op->out, y));
}
