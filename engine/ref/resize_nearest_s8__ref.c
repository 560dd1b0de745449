/*
 * resize_nearest_s8__ref.c - a map resized by repeating or leaving out rows and columns. TFLite:
 * reference_ops::ResizeNearestNeighbor. Which ones is in two lists, so that the target needs no floats.
 */
#include "ref.h"

void mcu_resize_nearest_s8__ref(const struct mcu_resize_nearest *op, int32_t y0, int32_t y1)
{
    const int32_t c = op->out.c;
    for (int32_t y = y0; y < y1; y++) {
        const int8_t *row = mcu_row(&op->in, op->rows[y]);
        int8_t *out = mcu_row(&op->out, y);
        for (int32_t x = 0; x < op->out.w; x++, out += c) {
            const int8_t *in = row + op->columns[x] * c;
            for (int32_t i = 0; i < c; i++)
                out[i] = in[i];
        }
    }
}
