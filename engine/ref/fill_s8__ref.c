/*
 * fill_s8__ref.c - rows of one value.
 */
#include "ref.h"

void mcu_fill_s8__ref(const struct mcu_fill *op, int32_t y0, int32_t y1)
{
    const int32_t n = op->out.w * op->out.c;
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        for (int32_t i = 0; i < n; i++)
            out[i] = (int8_t)op->value;
    }
}
