/*
 * conv2d_s8__ref.c - 2-D convolution, int8. TFLite: reference_integer_ops::ConvPerChannel.
 *
 * Weights are (oc, kernel_h, kernel_w, ic), so the taps of one output lie in one run of `depth` = kernel_h *
 * kernel_w * ic bytes. Two pixels whose inputs are in one run each (1x1, or a small window gathered into a
 * patch) are computed against four channels at a time; larger windows go tap row by tap row. Taps in the
 * padding count as the zero point, i.e. add nothing.
 */
#include "ref.h"

enum { PATCH = 96, CHANNELS = 8 };

/* acc_p[c] += sum of (x_p[i] - zero_point) * w_c[i], for two pixels and four channels. The differences fit 9
 * bits, products 16. */
MCU_INLINE void dot_2x4(const int8_t *x0, const int8_t *x1, const int8_t *w0, const int8_t *w1,
                        const int8_t *w2, const int8_t *w3, int32_t n, int16_t zero_point, int32_t *acc0,
                        int32_t *acc1)
{
    int32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
    for (int32_t i = 0; i < n; i++) {
        int16_t a = (int16_t)(x0[i] - zero_point), b = (int16_t)(x1[i] - zero_point);
        int16_t p = w0[i], q = w1[i], r = w2[i], s = w3[i];
        s00 += a * p;
        s01 += a * q;
        s02 += a * r;
        s03 += a * s;
        s10 += b * p;
        s11 += b * q;
        s12 += b * r;
        s13 += b * s;
    }
    acc0[0] += s00, acc0[1] += s01, acc0[2] += s02, acc0[3] += s03;
    acc1[0] += s10, acc1[1] += s11, acc1[2] += s12, acc1[3] += s13;
}

MCU_INLINE int32_t dot(const int8_t *x, const int8_t *w, int32_t n, int16_t zero_point)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += (int16_t)(x[i] - zero_point) * (int16_t)w[i];
    return sum;
}

/* All output channels of two pixels, whose inputs are x0 and x1 (depth bytes each). out1 may equal out0. */
MCU_INLINE void conv_two_pixels(const struct mcu_conv2d *op, const int8_t *x0, const int8_t *x1,
                                int32_t depth, int8_t *out0, int8_t *out1)
{
    const int32_t out_c = op->out.c;
    for (int32_t c = 0; c < out_c; c += CHANNELS) {
        int32_t acc0[CHANNELS] = {0}, acc1[CHANNELS] = {0}; /* fewer than CHANNELS are used at the end */
        const int32_t n = out_c - c < CHANNELS ? out_c - c : CHANNELS;
        for (int32_t i = 0; i < n; i++)
            acc0[i] = acc1[i] = op->bias[c + i];
        for (int32_t i = 0; i < n; i += 4) {
            /* Past the last channel: the last one again, into slots that are not read. */
            const int8_t *w = op->weights + (c + i) * depth;
            const int32_t left = n - i - 1;
            dot_2x4(x0, x1, w, w + (left < 1 ? left : 1) * depth, w + (left < 2 ? left : 2) * depth,
                    w + (left < 3 ? left : 3) * depth, depth, op->in_zero_point, acc0 + i, acc1 + i);
        }
        mcu_requantize_channels(acc0, op->multiplier + c, op->shift + c, n, op->out_zero_point, op->act_min,
                                op->act_max, out0 + c);
        mcu_requantize_channels(acc1, op->multiplier + c, op->shift + c, n, op->out_zero_point, op->act_min,
                                op->act_max, out1 + c);
    }
}

MCU_ROW static void conv_1x1_row(const struct mcu_conv2d *op, const int8_t *in, int8_t *out)
{
    const int32_t in_c = op->in.c, out_c = op->out.c, step = in_c * op->window.stride_w, last = op->out.w - 1;
    for (int32_t x = 0; x <= last; x += 2) {
        const int32_t next = x < last ? 1 : 0;
        conv_two_pixels(op, in + x * step, in + (x + next) * step, in_c, out + x * out_c,
                        out + (x + next) * out_c);
    }
}

/* The window of output (y, x) as one run; taps outside are the zero point. */
MCU_INLINE void gather(const struct mcu_conv2d *op, int32_t y, int32_t x, int8_t *patch)
{
    const struct mcu_window *window = &op->window;
    const int32_t in_c = op->in.c;
    for (int32_t ky = 0; ky < window->kernel_h; ky++) {
        const int32_t in_y = y * window->stride_h - window->pad_top + ky * window->dilation_h;
        const int8_t *row = in_y >= 0 && in_y < op->in.h ? mcu_row(&op->in, in_y) : 0;
        for (int32_t kx = 0; kx < window->kernel_w; kx++) {
            const int32_t in_x = x * window->stride_w - window->pad_left + kx * window->dilation_w;
            if (row && in_x >= 0 && in_x < op->in.w) {
                for (int32_t i = 0; i < in_c; i++)
                    *patch++ = row[in_x * in_c + i];
            } else {
                for (int32_t i = 0; i < in_c; i++)
                    *patch++ = (int8_t)op->in_zero_point;
            }
        }
    }
}

MCU_ROW static void conv_patch_row(const struct mcu_conv2d *op, int32_t y, int32_t depth, int8_t *out)
{
    int8_t patch0[PATCH], patch1[PATCH];
    const int32_t out_c = op->out.c, last = op->out.w - 1;
    for (int32_t x = 0; x <= last; x += 2) {
        const int32_t next = x < last ? 1 : 0;
        gather(op, y, x, patch0);
        gather(op, y, x + next, patch1);
        conv_two_pixels(op, patch0, patch1, depth, out + x * out_c, out + (x + next) * out_c);
    }
}

/* Any window: a run of taps is one tap row (dilation 1) or one tap. */
MCU_ROW static void conv_window_row(const struct mcu_conv2d *op, int32_t y, int8_t *out)
{
    const struct mcu_window *window = &op->window;
    const int32_t in_c = op->in.c, out_c = op->out.c, row_taps = window->kernel_w * in_c;
    const int32_t top = y * window->stride_h - window->pad_top;
    int32_t ky0, ky1;
    mcu_taps(top, window->kernel_h, window->dilation_h, op->in.h, &ky0, &ky1);
    for (int32_t x = 0; x < op->out.w; x++) {
        const int32_t left = x * window->stride_w - window->pad_left;
        int32_t kx0, kx1;
        mcu_taps(left, window->kernel_w, window->dilation_w, op->in.w, &kx0, &kx1);
        for (int32_t c = 0; c < out_c; c += CHANNELS) {
            int32_t acc[CHANNELS];
            const int32_t n = out_c - c < CHANNELS ? out_c - c : CHANNELS;
            for (int32_t i = 0; i < n; i++)
                acc[i] = op->bias[c + i];
            for (int32_t ky = ky0; ky < ky1; ky++) {
                const int8_t *in = mcu_row(&op->in, top + ky * window->dilation_h);
                const int8_t *weights = op->weights + (c * window->kernel_h + ky) * row_taps;
                const int32_t runs = window->dilation_w == 1 ? (kx1 > kx0) : kx1 - kx0;
                const int32_t length = window->dilation_w == 1 ? (kx1 - kx0) * in_c : in_c;
                for (int32_t run = 0; run < runs; run++) {
                    const int8_t *a = in + (left + (kx0 + run) * window->dilation_w) * in_c;
                    const int8_t *w = weights + (kx0 + run) * in_c;
                    for (int32_t i = 0; i < n; i++)
                        acc[i] += dot(a, w + i * window->kernel_h * row_taps, length, op->in_zero_point);
                }
            }
            mcu_requantize_channels(acc, op->multiplier + c, op->shift + c, n, op->out_zero_point,
                                    op->act_min, op->act_max, out + x * out_c + c);
        }
    }
}

void mcu_conv2d_s8__ref(const struct mcu_conv2d *op, int32_t y0, int32_t y1)
{
    const struct mcu_window *window = &op->window;
    const int32_t depth = window->kernel_h * window->kernel_w * op->in.c;
    const int pointwise = window->kernel_h == 1 && window->kernel_w == 1 && window->pad_top == 0 &&
                          window->pad_left == 0 && (op->out.h - 1) * window->stride_h < op->in.h &&
                          (op->out.w - 1) * window->stride_w < op->in.w;
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        if (pointwise)
            conv_1x1_row(op, mcu_row(&op->in, y * window->stride_h), out);
        else if (depth <= PATCH)
            conv_patch_row(op, y, depth, out);
        else
            conv_window_row(op, y, out);
    }
}
