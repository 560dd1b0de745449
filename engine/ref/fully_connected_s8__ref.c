/*
 * fully_connected_s8__ref.c - matrix times the whole input map, int8. TFLite:
 * reference_integer_ops::FullyConnectedPerChannel.
 */
#include "ref.h"

MCU_HOST_CLONES void mcu_fully_connected_s8__ref(const struct mcu_fully_connected *op, int32_t y0, int32_t y1)
{
    if (y0 >= y1)
        return;
    const int32_t row = op->in.w * op->in.c;
    int8_t *out = mcu_row(&op->out, 0);
    const int16_t zero_point = op->in_zero_point;
    for (int32_t c = 0; c < op->out.c; c++) {
        int32_t acc = op->bias[c];
        for (int32_t y = 0; y < op->in.h; y++) {
            const int8_t *in = mcu_row(&op->in, y);
            const int8_t *weights = op->weights + (c * op->in.h + y) * row;
            for (int32_t i = 0; i < row; i++)
                acc += (int16_t)(in[i] - zero_point) * (int16_t)weights[i];
        }
        acc = mcu_requantize(acc, op->multiplier[c], op->shift[c]) + op->out_zero_point;
        out[c] = (int8_t)mcu_clamp(acc, op->act_min, op->act_max);
    }
}
