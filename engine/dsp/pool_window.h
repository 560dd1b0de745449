/*
 * pool_window.h - the window of one output pixel of a pool, clipped to the map. Private to engine/dsp/.
 */
#ifndef MCU_DSP_POOL_WINDOW_H
#define MCU_DSP_POOL_WINDOW_H

#include "../engine.h"
#include "intrinsics.h"

struct mcu_pool_window {
    int32_t y, x;          /* of the first tap inside */
    int32_t rows, columns; /* of taps inside; may be 0 */
    const int8_t *first;   /* tap inside */
    int32_t row_step;      /* bytes to the row below; 0: rows have to be looked up */
};

/* Taps of [0, kernel) inside [0, size) when tap 0 is at origin: how many, and at what coordinate the first.
 */
static inline int32_t mcu_pool_clip(int32_t *origin, int32_t kernel, int32_t dilation, int32_t size)
{
    for (; kernel > 0 && *origin < 0; kernel--)
        *origin += dilation;
    while (kernel > 0 && *origin + (kernel - 1) * dilation >= size)
        kernel--;
    return kernel;
}

/* The first tap of the window's row ky. */
static inline const int8_t *mcu_pool_row(const struct mcu_pool *op, const struct mcu_pool_window *window,
                                         int32_t ky)
{
    if (window->row_step)
        return window->first + ky * window->row_step;
    return mcu_row(&op->in, window->y + ky * op->window.dilation_h) + window->x * op->in.c;
}

typedef void mcu_pool_pixel(const struct mcu_pool *op, const struct mcu_pool_window *window, int8_t *out);

MCU_DSP_INLINE void mcu_pool_rows(const struct mcu_pool *op, int32_t y0, int32_t y1, mcu_pool_pixel *pixel)
{
    const int whole = op->in.ring >= op->in.h && op->in.row_step == 1 && op->in.row_phase == 0;
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        for (int32_t x = 0; x < op->out.w; x++, out += op->out.c) {
            struct mcu_pool_window window = {.y = y * op->window.stride_h - op->window.pad_top,
                                             .x = x * op->window.stride_w - op->window.pad_left};
            window.rows = mcu_pool_clip(&window.y, op->window.kernel_h, op->window.dilation_h, op->in.h);
            window.columns = mcu_pool_clip(&window.x, op->window.kernel_w, op->window.dilation_w, op->in.w);
            if (whole && window.rows && window.columns) {
                window.first = mcu_row(&op->in, window.y) + window.x * op->in.c;
                window.row_step = op->in.row_stride * op->window.dilation_h;
            }
            pixel(op, &window, out);
        }
    }
}

#endif
