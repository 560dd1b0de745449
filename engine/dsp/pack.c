/*
 * pack.c - layouts and requantisation words for the DSP kernels.
 */
#include "pack.h"

#include "depthwise_row.h"
#include "fully_connected.h"
#include "requant_dsp.h"
#include "tile_4x2.h"
#include "winograd.h"

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

/* |y| is below; an x that wraps may be anything. */
static int64_t bound_of_y(const struct channel *channel)
{
    return sum_fits(channel) ? ((channel->magnitude * channel->multiplier) >> 31) + 2 : INT64_C(1) << 32;
}

/* Is every output the zero point? True of channels that training has switched off. */
static bool always_zero(const struct channel *channel)
{
    const int32_t e = -channel->shift;
    return channel->multiplier == 0 || (e > 0 && e <= 31 && bound_of_y(channel) <= INT64_C(1) << (e - 1));
}

static bool mode_possible(const struct channel *channel, enum mcu_requant_mode mode)
{
    const int32_t e = -channel->shift;
    const int64_t y = bound_of_y(channel);
    if (mode == MCU_REQUANT_EXACT)
        return true;
    if (always_zero(channel)) /* m may be 0, then y is x */
        return mode != MCU_REQUANT_SHIFT || channel->magnitude < 1 << 27;
    if (channel->multiplier < 1 << 30 || e < 0 || e > 30)
        return false;
    if (mode == MCU_REQUANT_FAST)
        return e >= 2 && (e <= 12 || y <= INT64_C(1) << (32 - e));
    if (mode == MCU_REQUANT_ROUND)
        return e >= 2;
    return y <= 1 << 29 && (e <= 9 || (e <= 28 && 8 * y <= INT64_C(1) << (30 - e)));
}

/* The fastest mode that serves all of n channels. */
static enum mcu_requant_mode common_mode(const struct channel *channels, int32_t n)
{
    enum mcu_requant_mode mode = MCU_REQUANT_FAST;
    for (int32_t i = 0; i < n;)
        if (mode_possible(&channels[i], mode)) {
            i++;
        } else {
            mode++;
            i = 0;
        }
    return mode;
}

/* { a, b } of dsp.h */
static void requant_words(const struct channel *channel, enum mcu_requant_mode mode, int32_t *words)
{
    if (mode == MCU_REQUANT_EXACT) {
        words[0] = channel->multiplier;
        words[1] = channel->shift - MCU_REQUANT_SHIFT_OFFSET;
        return;
    }
    static const int8_t tilt[] = {[MCU_REQUANT_FAST] = MCU_REQUANT_FAST_TILT,
                                  [MCU_REQUANT_ROUND] = 0,
                                  [MCU_REQUANT_SHIFT] = MCU_REQUANT_SHIFT_TILT};
    const int32_t one = mode == MCU_REQUANT_SHIFT ? 30 : 32; /* the exponent of 1 in b */
    words[0] = (int32_t)((uint32_t)channel->multiplier << 1);
    words[1] = tilt[mode];
    if (!always_zero(channel))
        words[1] += (int32_t)(UINT32_C(1) << (one + channel->shift));
}

static void requant_block(const struct channel *channels, int32_t n, int32_t *words)
{
    const enum mcu_requant_mode mode = common_mode(channels, n);
    for (int32_t i = 0; i < 4; i++) {
        const struct channel *channel = &channels[i < n ? i : n - 1];
        words[i] = channel->bias;
        requant_words(channel, mode, words + 4 + 2 * i);
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
    return wide ? 2 * values + MCU_DSP_OVERREAD_BYTES : values;
}

int32_t mcu_conv2d_dsp_requant_bytes(const struct mcu_conv2d *op)
{
    return blocks_of_4(op->out.c) * MCU_REQUANT_WORDS * 4;
}

int32_t mcu_conv2d_dsp_scratch_bytes(const struct mcu_conv2d *op, int32_t panel_pixels, bool wide)
{
    const int32_t depth = mcu_conv2d_dsp_depth(&op->window, op->in.c);
    return panel_pixels * depth * 2 + MCU_DSP_OVERREAD_BYTES +
           (wide ? 0 : depth * 8 + MCU_DSP_OVERREAD_BYTES);
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
        for (int32_t i = 0; i < MCU_DSP_OVERREAD_BYTES; i++)
            *out++ = 0;
}

bool mcu_conv2d_winograd_dsp_supports(const struct mcu_conv2d *op)
{
    const struct mcu_window *w = &op->window;
    return w->kernel_h == 3 && w->kernel_w == 3 && w->stride_h == 1 && w->stride_w == 1 &&
           w->dilation_h == 1 && w->dilation_w == 1 && op->in.c % 4 == 0 &&
           op->in.c <= MCU_WINOGRAD_MAX_CHANNELS && op->out.c % 4 == 0 && w->pad_left >= 0 &&
           w->pad_left <= 2 && w->pad_top >= 0 && w->pad_top <= 2;
}

int32_t mcu_conv2d_winograd_dsp_weights_bytes(const struct mcu_conv2d *op)
{
    return op->out.c * MCU_WINOGRAD_POSITIONS * op->in.c * 2 + MCU_DSP_OVERREAD_BYTES;
}

int32_t mcu_conv2d_winograd_dsp_scratch_bytes(const struct mcu_conv2d *op, int32_t tile_rows)
{
    const int32_t tiles_w = mcu_winograd_tiles(op->out.w), pairs = (tiles_w * tile_rows + 1) / 2;
    return mcu_winograd_strip_bytes(tiles_w, tile_rows, op->in.c) +
           MCU_WINOGRAD_POSITIONS * pairs * (4 * op->in.c + 32) + MCU_DSP_OVERREAD_BYTES;
}

/* G' g G'^T of one input channel; g (3, 3), its taps in_c apart. */
static void transform_kernel(const int8_t *g, int32_t in_c, int32_t *out)
{
    static const int8_t scaled[6][3] = {{1, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 1}};
    for (int32_t i = 0; i < 6; i++)
        for (int32_t j = 0; j < 6; j++) {
            int32_t sum = 0;
            for (int32_t y = 0; y < 3; y++)
                for (int32_t x = 0; x < 3; x++)
                    sum += scaled[i][y] * scaled[j][x] * g[(3 * y + x) * in_c];
            out[6 * i + j] = sum;
        }
}

void mcu_conv2d_winograd_dsp_pack(const struct mcu_conv2d *op, void *weights, int32_t *requant)
{
    const int32_t in_c = op->in.c, taps = 9 * in_c;
    uint8_t *out = weights;
    for (int32_t c = 0; c < op->out.c;
         c += 4, out += 4 * MCU_WINOGRAD_POSITIONS * in_c * 2, requant += MCU_REQUANT_WORDS) {
        struct channel channels[4];
        for (int32_t i = 0; i < 4; i++) {
            const int8_t *w = op->weights + (c + i) * taps;
            for (int32_t k = 0; k < in_c; k++) {
                int32_t u[MCU_WINOGRAD_POSITIONS];
                transform_kernel(w + k, in_c, u);
                /* (position, in_c / 2, 4) words; of four input channels 0 and 2, then 1 and 3 share a word */
                const int32_t word = k / 4 * 2 + (k & 1), lane = k >> 1 & 1;
                for (int32_t p = 0; p < MCU_WINOGRAD_POSITIONS; p++)
                    store_lane(out + 4 * ((p * in_c / 2 + word) * 4 + i) + 2 * lane, u[p]);
            }
            channels[i] = (struct channel){
                .bias = op->bias[c + i], .multiplier = op->multiplier[c + i], .shift = op->shift[c + i]};
            fold_channel(&channels[i], w, taps, 1, op->in_zero_point);
        }
        requant_block(channels, 4, requant);
    }
    for (int32_t i = 0; i < MCU_DSP_OVERREAD_BYTES; i++)
        *out++ = 0;
}

/* All of the channel's constants; weights (taps, step apart). */
static struct channel depthwise_channel(const struct mcu_depthwise *op, int32_t c)
{
    struct channel channel = {.bias = op->bias[c], .multiplier = op->multiplier[c], .shift = op->shift[c]};
    fold_channel(&channel, op->weights + c, op->window.kernel_h * op->window.kernel_w, op->out.c,
                 op->in_zero_point);
    return channel;
}

bool mcu_depthwise_dsp_supports(const struct mcu_depthwise *op)
{
    const struct mcu_window *window = &op->window;
    const int32_t kernel = window->kernel_h, stride = window->stride_h;
    if ((kernel != 3 && kernel != 5 && kernel != 7) || window->kernel_w != kernel ||
        (stride != 1 && stride != 2) || window->stride_w != stride || window->dilation_h != 1 ||
        window->dilation_w != 1 || op->in.c != op->out.c || op->in.c % 4 != 0)
        return false;
    return window->pad_left >= 0 && window->pad_left < kernel && window->pad_top >= 0 &&
           window->pad_top < kernel && (op->out.h - 1) * stride - window->pad_top < op->in.h;
}

int32_t mcu_depthwise_dsp_weights_bytes(const struct mcu_depthwise *op, bool wide)
{
    const int32_t words = op->out.c * mcu_depthwise_channel_words(op->window.kernel_w, op->window.stride_w);
    return wide ? 4 * words : 2 * words;
}

int32_t mcu_depthwise_dsp_requant_bytes(const struct mcu_depthwise *op)
{
    return op->out.c * 3 * 4;
}

int32_t mcu_depthwise_dsp_scratch_bytes(const struct mcu_depthwise *op, int32_t batch_rows, bool wide)
{
    const int32_t kernel = op->window.kernel_w, stride = op->window.stride_w;
    const int32_t rows = (batch_rows - 1) * stride + kernel;
    const int32_t row_words =
        mcu_depthwise_plane_row_words(kernel, stride, op->window.pad_left, op->in.w, op->out.w);
    const int32_t channels = mcu_depthwise_channels(kernel, op->in.c, batch_rows, op->out.h);
    const int32_t expanded = wide ? 0 : channels * mcu_depthwise_channel_words(kernel, stride);
    const int32_t tables = batch_rows * (int32_t)(sizeof(struct mcu_depthwise_out_row) / 4) + rows;
    return 4 * (channels * rows * row_words + expanded + tables);
}

static bool needs_exact(const struct mcu_depthwise *op)
{
    for (int32_t c = 0; op->weights && c < op->out.c; c++) {
        const struct channel channel = depthwise_channel(op, c);
        if (common_mode(&channel, 1) == MCU_REQUANT_EXACT)
            return true;
    }
    return false;
}

struct mcu_depthwise_dsp_rows mcu_depthwise_dsp_rows(const struct mcu_depthwise *op)
{
#define ROWS(kernel, stride)                                                                                 \
    {                                                                                                        \
        {mcu_depthwise_rows_##kernel##_stride##stride, "mcu_depthwise_rows_" #kernel "_stride" #stride,      \
         false},                                                                                             \
            {mcu_depthwise_rows_##kernel##_stride##stride##_exact,                                           \
             "mcu_depthwise_rows_" #kernel "_stride" #stride "_exact", true},                                \
    }
    static const struct mcu_depthwise_dsp_rows all[3][2][2] = {
        {ROWS(3, 1), ROWS(3, 2)}, {ROWS(5, 1), ROWS(5, 2)}, {ROWS(7, 1), ROWS(7, 2)}};
#undef ROWS
    return all[(op->window.kernel_w - 3) / 2][op->window.stride_w - 1][needs_exact(op)];
}

/* Word i of a kernel row: its two weights. Beyond the kernel: 0. */
static void depthwise_word(const int8_t *row, int32_t step, int32_t kernel, int32_t stride, int32_t i,
                           int8_t *low, int8_t *high)
{
    const int32_t h = (kernel - 1) / 2, tap = stride == 1 && i >= h ? 2 * (i - h) + 1 : 2 * i;
    *low = row[tap * step];
    *high = (int8_t)(tap + 1 < kernel ? row[(tap + 1) * step] : 0);
}

void mcu_depthwise_dsp_pack(const struct mcu_depthwise *op, bool wide, void *weights, int32_t *requant)
{
    const int32_t kernel = op->window.kernel_w, stride = op->window.stride_w, out_c = op->out.c;
    const int32_t row_words = mcu_depthwise_row_words(kernel, stride);
    const int32_t channel_words = mcu_depthwise_channel_words(kernel, stride);
    uint8_t *out = weights;
    for (int32_t c = 0; c < out_c; c++) {
        for (int32_t i = 0; i < channel_words; i++) {
            const int32_t row = i / row_words;
            int8_t low = 0, high = 0;
            if (row < kernel)
                depthwise_word(op->weights + row * kernel * out_c + c, out_c, kernel, stride, i % row_words,
                               &low, &high);
            if (wide) {
                store_lane(out, low);
                store_lane(out + 2, high);
                out += 4;
            } else { /* bytes 0 2 of four are the first of two words, 1 3 the second */
                out[i & 1] = (uint8_t)low;
                out[(i & 1) + 2] = (uint8_t)high;
                out += i & 1 ? 4 : 0;
            }
        }
    }
    for (int32_t c = 0; c < out_c; c++, requant += 3) {
        const struct channel channel = depthwise_channel(op, c);
        requant[0] = op->bias[c]; /* planes hold pixels minus the zero point: nothing to fold */
        requant_words(&channel, common_mode(&channel, 1), requant + 1);
    }
}

bool mcu_fully_connected_dsp_supports(const struct mcu_fully_connected *op)
{
    return op->in.h == 1 || op->in.w * op->in.c % 4 == 0;
}

int32_t mcu_fully_connected_dsp_weights_bytes(const struct mcu_fully_connected *op)
{
    return blocks_of_4(op->out.c) * 4 * mcu_fully_connected_dsp_depth(&op->in);
}

int32_t mcu_fully_connected_dsp_requant_bytes(const struct mcu_fully_connected *op)
{
    return blocks_of_4(op->out.c) * MCU_REQUANT_WORDS * 4;
}

int32_t mcu_fully_connected_dsp_scratch_bytes(const struct mcu_fully_connected *op)
{
    const int32_t depth = mcu_fully_connected_dsp_depth(&op->in);
    return 2 * depth + 4 * ((depth + MCU_FULLY_CONNECTED_CHUNK - 1) / MCU_FULLY_CONNECTED_CHUNK);
}

/* A weight that has no place in the layout (fully_connected_s8__dsp.c); n channels. */
static bool has_odd_minus_128(const int8_t *weights, int32_t n, int32_t inputs)
{
    for (int32_t c = 0; c < n; c++, weights += inputs)
        for (int32_t k = 1; k < inputs; k += 2)
            if (weights[k] == -128)
                return true;
    return false;
}

void mcu_fully_connected_dsp_pack(const struct mcu_fully_connected *op, void *weights, int32_t *requant)
{
    const int32_t inputs = op->in.h * op->in.w * op->in.c, depth = mcu_fully_connected_dsp_depth(&op->in);
    uint8_t *out = weights;
    for (int32_t c = 0; c < op->out.c; c += 4, requant += MCU_REQUANT_WORDS) {
        const int32_t n = op->out.c - c < 4 ? op->out.c - c : 4;
        const bool plain = has_odd_minus_128(op->weights + c * inputs, n, inputs);
        struct channel channels[4];
        for (int32_t k = 0; k < depth; k += 4)
            for (int32_t i = 0; i < 4; i++)
                for (int32_t j = 0; j < 4; j++) {
                    const int32_t w = i < n && k + j < inputs ? op->weights[(c + i) * inputs + k + j] : 0;
                    *out++ = (uint8_t)(plain ? w : j & 1 ? -w : w + 128);
                }
        for (int32_t i = 0; i < n; i++) {
            const int8_t *w = op->weights + (c + i) * inputs;
            int32_t odd = 0;
            for (int32_t k = 1; k < inputs; k += 2)
                odd += w[k];
            channels[i] = (struct channel){
                .bias = op->bias[c + i], .multiplier = op->multiplier[c + i], .shift = op->shift[c + i]};
            fold_channel(&channels[i], w, inputs, 1, op->in_zero_point);
            channels[i].bias = (int32_t)((uint32_t)channels[i].bias - 128u * (uint32_t)odd);
        }
        requant_block(channels, n, requant);
        for (int32_t i = 0; i < 4 && plain; i++) {
            requant_words(&channels[i < n ? i : n - 1], MCU_REQUANT_EXACT, requant + 4 + 2 * i);
            requant[5 + 2 * i] -= MCU_FULLY_CONNECTED_PLAIN_OFFSET;
        }
    }
}

/* One half, or minus one half: what TFLite scales the input of the larger scale by. */
static bool is_half(int32_t multiplier, int32_t shift)
{
    return (multiplier == 1 << 30 || multiplier == -(1 << 30)) && shift == 0;
}

bool mcu_add_dsp_supports(const struct mcu_add *op)
{
    const int32_t e = -op->out_shift;
    return (is_half(op->in_multiplier[0], op->in_shift[0]) ||
            is_half(op->in_multiplier[1], op->in_shift[1])) &&
           op->out_multiplier >= 1 << 30 && e >= 2 && e <= 31;
}

void mcu_add_dsp_pack(const struct mcu_add *op, struct mcu_add_dsp *out, int32_t *table)
{
    /* the reference's left_shift */
    enum { LEFT_SHIFT = 20 };
    const int half = is_half(op->in_multiplier[1], op->in_shift[1]), other = !half;
    *out = (struct mcu_add_dsp){
        .in = {op->in[other], op->in[half]},
        .out = op->out,
        .out_zero_point = op->out_zero_point,
        .act_min = op->act_min,
        .act_max = op->act_max,
        .out_multiplier = (int32_t)((uint32_t)op->out_multiplier << 1),
        .out_shift = (int32_t)(UINT32_C(1) << (32 + op->out_shift)),
        .subtract = op->in_multiplier[half] < 0,
    };
    const int32_t sign = out->subtract ? -1 : 1;
    for (int32_t q = -128; q < 128; q++) {
        const int32_t x = (q - op->in_zero_point[other]) * (1 << LEFT_SHIFT);
        table[q & 255] = mcu_summand(x, op->in_multiplier[other], op->in_shift[other]) -
                         sign * op->in_zero_point[half] * (1 << (LEFT_SHIFT - 1));
    }
}
