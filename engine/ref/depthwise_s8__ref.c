/*
 * depthwise_s8__ref.c - depthwise convolution, int8. TFLite: reference_integer_ops::DepthwiseConvPerChannel.
 *
 * Channels are innermost in maps and in weights (kernel_h, kernel_w, out.c): a block of accumulators takes
 * one tap after the other. Output channel c reads input channel c / (out.c / in.c). Taps in the padding add
 * nothing.
 */
#include "ref.h"

enum { CHANNELS = 64 };

/* acc[i] += (in[i] - zero_point) * weights[i]; |in - zero_point| <= 255, so the product fits 16 bits. */
MCU_INLINE void tap(int32_t *acc, const int8_t *in, const int8_t *weights, int32_t n, int16_t zero_point)
{
    for (int32_t i = 0; i < n; i++)
        acc[i] += (int16_t)((int16_t)(in[i] - zero_point) * weights[i]);
}

MCU_INLINE void tap_multiplied(int32_t *acc, const int8_t *in, const int8_t *weights, int32_t n,
                               int16_t zero_point, int32_t first, int32_t channel_multiplier)
{
    for (int32_t i = 0; i < n; i++)
        acc[i] += (in[(first + i) / channel_multiplier] - zero_point) * weights[i];
}

MCU_ROW static void depthwise_row(const struct mcu_depthwise *op, int32_t y, int8_t *out)
{
    const struct mcu_window *window = &op->window;
    const int32_t in_c = op->in.c, out_c = op->out.c, channel_multiplier = out_c / in_c;
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
                const int8_t *in = mcu_row(&op->in, top + ky * window->dilation_h) + left * in_c;
                const int8_t *weights = op->weights + ky * window->kernel_w * out_c + c;
                for (int32_t kx = kx0; kx < kx1; kx++) {
                    if (channel_multiplier == 1)
                        tap(acc, in + kx * window->dilation_w * in_c + c, weights + kx * out_c, n,
                            op->in_zero_point);
                    else
                        tap_multiplied(acc, in + kx * window->dilation_w * in_c, weights + kx * out_c, n,
                                       op->in_zero_point, c, channel_multiplier);
                }
            }
            mcu_requantize_channels(acc, op->multiplier + c, op->shift + c, n, op->out_zero_point,
                                    op->act_min, op->act_max, out + x * out_c + c);
        }
    }
}

void mcu_depthwise_s8__ref(const struct mcu_depthwise *op, int32_t y0, int32_t y1)
{
    for (int32_t y = y0; y < y1; y++)
        depthwise_row(op, y, mcu_row(&op->out, y));
}
