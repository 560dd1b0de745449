/*
 * copy_s8__ref.c - a map into a larger one, at a row, column and channel offset. Rows [y0, y1) are the
 * input's.
 */
#include "ref.h"

void mcu_copy_s8__ref(const struct mcu_copy *op, int32_t y0, int32_t y1)
{
    const int whole = op->in.c == op->out.c; /* pixels: a row is one run of bytes */
    const int32_t runs = whole ? 1 : op->in.w, n = whole ? op->in.w * op->in.c : op->in.c;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *in = mcu_row(&op->in, y);
        int8_t *out = mcu_row(&op->out, y + op->out_y) + op->out_x * op->out.c + op->out_c;
        for (int32_t x = 0; x < runs; x++, in += op->in.c, out += op->out.c)
            for (int32_t i = 0; i < n; i++)
                out[i] = in[i];
    }
}
