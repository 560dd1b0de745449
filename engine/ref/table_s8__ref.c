/*
 * table_s8__ref.c - any int8 -> int8 function, elementwise.
 */
#include "ref.h"

void mcu_table_s8__ref(const struct mcu_table *op, int32_t y0, int32_t y1)
{
    const int32_t n = op->out.w * op->out.c;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *in = mcu_row(&op->in, y);
        int8_t *out = mcu_row(&op->out, y);
        for (int32_t i = 0; i < n; i++)
            out[i] = op->table[in[i] + 128];
    }
}
