/*
 * pack.c - layouts and requantisation words for the DSP kernels.
 */
#include "pack.h"

#include "requant_dsp.h"
#include "tile_4x2.h"

static int32_t blocks_of_4(int32_t channels)
{
    return (channels + 3) / 4;
}

/* The weights of one channel and what becomes of its sum. */
struct channel {
    int32_t bias;      /* in_zero_point * sum of weights subtracted, modulo 2^32 */
    int64_t magnitude; /* no sum is larger in absolute value */
    int32_t multiplier, shift;
};

static void fold_channel(struct channel *channel, const int8_t *weights, int32_t n, int32_t step,
                         int32_t in_zero_point)
{
    int64_t sum = 0, positive = 0, negative = 0; /* of weights */
    for (int32_t i = 0; i < n; i++) {
        const int32_t w = weights[i * step];
        sum += w;
        positive += w > 0 ? w : 0;
        negative += w < 0 ? -w : 0;
    }
    const int64_t low = -128 - in_zero_point, high = 127 - in_zero_point;
    const int64_t most = positive * high - negative * low, least = positive * low - negative * high;
    const int64_t bias = channel->bias;
    const int64_t up = bias + most, down = -(bias + least);
    channel->magnitude = up > down ? up : down;
    channel->bias = (int32_t)(uint32_t)(bias - sum * in_zero_point);
}

static bool sum_fits(const struct channel *channel)
{
    return channel->magnitude < INT64_C(1) << 31;
}

static enum mcu_requant_mode channel_mode(const struct channel *channel)
{
    const int32_t e = -channel->shift;
    if (channel->multiplier < 1 << 30 || e < 2 || e > 31)
        return MCU_REQUANT_EXACT;
    /* |y| <= |x| m / 2^31 + 1 must stay below 2^(32-e); an x that wraps may be anything. */
    const int64_t y = ((channel->magnitude * channel->multiplier) >> 31) + 2;
    if (e <= 12 || (sum_fits(channel) && y < INT64_C(1) << (32 - e)))
        return MCU_REQUANT_FAST;
    return MCU_REQUANT_ROUND;
}

static void requant_block(const struct channel *channels, int32_t n, int32_t *words)
{
    enum mcu_requant_mode mode = MCU_REQUANT_FAST;
    for (int32_t i = 0; i < n; i++) {
        const enum mcu_requant_mode wanted = channel_mode(&channels[i]);
        mode = wanted > mode ? wanted : mode;
    }
    for (int32_t i = 0; i < 4; i++) {
        const struct channel *channel = &channels[i < n ? i : n - 1];
        int32_t *a = words + 4 + 2 * i, *b = a + 1;
        words[i] = channel->bias;
        if (mode == MCU_REQUANT_EXACT) {
            *a = channel->multiplier;
            *b = channel->shift - MCU_REQUANT_SHIFT_OFFSET;
        } else {
            *a = (int32_t)((uint32_t)channel->multiplier << 1);
            *b = (int32_t)(UINT32_C(1) << (32 + channel->shift)) + (mode == MCU_REQUANT_FAST);
        }
    }
}

static void store_word(uint8_t *out, const int8_t *v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)v[i];
}

static void store_lane(uint8_t *out, int32_t v)
{
    out[0] = (uint8_t)(v & 0xff);
    out[1] = (uint8_t)(v >> 8 & 0xff);
}

/* The words of `values` (4) for channel i of a block at out, little-endian whatever the host. */
static void pack_word(uint8_t *out, int32_t i, const int8_t *values, bool wide)
{
    if (!wide) {
        store_word(out + 4 * i, values);
        return;
    }
    store_lane(out + 4 * i, values[0]);
    store_lane(out + 4 * i + 2, values[2]);
    store_lane(out + 16 + 4 * i, values[1]);
    store_lane(out + 16 + 4 * i + 2, values[3]);
}

bool mcu_conv2d_dsp_supports(const struct mcu_conv2d *op)
{
    const struct mcu_window *window = &op->window;
    return window->kernel_h <= MCU_CONV2D_DSP_MAX_KERNEL && window->kernel_w <= MCU_CONV2D_DSP_MAX_KERNEL &&
           (window->dilation_w == 1 || window->kernel_w == 1) &&
           (op->in.c % 4 == 0 || window->kernel_w * op->in.c <= MCU_CONV2D_DSP_MAX_EDGE_BYTES);
}

int32_t mcu_conv2d_dsp_weights_bytes(const struct mcu_conv2d *op, bool wide)
{
    const int32_t values = blocks_of_4(op->out.c) * 4 * mcu_conv2d_dsp_depth(&op->window, op->in.c);
    return wide ? 2 * values + MCU_TILE_OVERREAD_BYTES : values;
}

int32_t mcu_conv2d_dsp_requant_bytes(const struct mcu_conv2d *op)
{
    return blocks_of_4(op->out.c) * MCU_REQUANT_WORDS * 4;
}

int32_t mcu_conv2d_dsp_scratch_bytes(const struct mcu_conv2d *op, int32_t panel_pixels, bool wide)
{
    const int32_t depth = mcu_conv2d_dsp_depth(&op->window, op->in.c);
    return panel_pixels * depth * 2 + MCU_TILE_OVERREAD_BYTES +
           (wide ? 0 : depth * 8 + MCU_TILE_OVERREAD_BYTES);
}

/* Value k of the padded dot product of one output channel; weights (kernel_h, run). */
static int8_t weight_at(const int8_t *weights, int32_t kernel_h, int32_t run, int32_t k)
{
    const int32_t rest = run & 3, whole = run - rest;
    if (k < kernel_h * whole)
        return weights[k / whole * run + k % whole];
    k -= kernel_h * whole;
    return rest && k < kernel_h * rest ? weights[k / rest * run + whole + k % rest] : 0;
}

void mcu_conv2d_dsp_pack(const struct mcu_conv2d *op, bool wide, void *weights, int32_t *requant)
{
    const int32_t run = op->window.kernel_w * op->in.c, taps = op->window.kernel_h * run;
    const int32_t depth = mcu_conv2d_dsp_depth(&op->window, op->in.c);
    uint8_t *out = weights;
    for (int32_t c = 0; c < op->out.c; c += 4, requant += MCU_REQUANT_WORDS) {
        const int32_t n = op->out.c - c < 4 ? op->out.c - c : 4;
        struct channel channels[4];
        for (int32_t k = 0; k < depth; k += 4, out += wide ? 32 : 16)
            for (int32_t i = 0; i < 4; i++) {
                int8_t values[4] = {0};
                for (int32_t j = 0; j < 4 && i < n; j++)
                    values[j] = weight_at(op->weights + (c + i) * taps, op->window.kernel_h, run, k + j);
                pack_word(out, i, values, wide);
            }
        for (int32_t i = 0; i < n; i++) {
            channels[i] = (struct channel){
                .bias = op->bias[c + i], .multiplier = op->multiplier[c + i], .shift = op->shift[c + i]};
            fold_channel(&channels[i], op->weights + (c + i) * taps, taps, 1, op->in_zero_point);
        }
        requant_block(channels, n, requant);
    }
    if (wide)
        for (int32_t i = 0; i < MCU_TILE_OVERREAD_BYTES; i++)
            *out++ = 0;
}
