/*
 * conv2d_winograd_s8__dsp.c - 3 x 3 convolution of stride 1, int8, by exact integer Winograd: winograd.h.
 *
 * Per block of 4 x 4 output tiles: the input rows are copied with their border (the input's zero point, so
 * that its share of the sum is the one folded into the bias), every 6 x 6 patch is transformed to 36 values
 * per channel, for every 4 output channels each of the 36 positions is a small matrix product over input
 * channels (tile_4x2.h), and its sums are transformed back.
 */
#include "panel.h"
#include "requant_dsp.h"
#include "winograd.h"

/* B^T times six values, two channels in each */
MCU_DSP_INLINE void transform_six(uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t d4,
                                  uint32_t d5, uint32_t *out, int32_t step)
{
    const uint32_t a = mcu_ssub16(d4, d2), b = mcu_ssub16(d3, d1);
    uint32_t c = mcu_ssub16(d0, d2), b2 = mcu_sadd16(b, b);
    c = mcu_sadd16(c, c);
    out[0] = mcu_sadd16(mcu_sadd16(c, c), a);
    out[3 * step] = mcu_sadd16(a, b2);
    out[4 * step] = mcu_ssub16(a, b2);
    b2 = mcu_sadd16(b2, b2);
    out[5 * step] = mcu_ssub16(mcu_ssub16(d5, d3), b2);
    d2 = mcu_sadd16(d2, d2);
    d2 = mcu_ssub16(d4, mcu_sadd16(d2, d2));
    d1 = mcu_sadd16(d1, d1);
    d1 = mcu_ssub16(d3, mcu_sadd16(d1, d1));
    out[step] = mcu_sadd16(d2, d1);
    out[2 * step] = mcu_ssub16(d2, d1);
}

/* A patch, two of four channels: bytes 0 2 (odd 0) or 1 3. in: its first pixel; v: position 0. */
MCU_DSP_INLINE void transform_patch(const int8_t *in, int32_t row_bytes, int32_t c, uint32_t *v, int32_t step,
                                    int odd)
{
    uint32_t t[36];
    for (int32_t x = 0; x < 6; x++, in += c) {
        uint32_t d[6];
#pragma GCC unroll 6
        for (int32_t y = 0; y < 6; y++) {
            const uint32_t word = mcu_load4(in + y * row_bytes);
            d[y] = odd ? mcu_sxtb16_ror8(word) : mcu_sxtb16(word);
        }
        transform_six(d[0], d[1], d[2], d[3], d[4], d[5], t + x, 6);
    }
    for (int32_t y = 0; y < 6; y++, v += 6 * step) {
        const uint32_t *u = t + 6 * y;
        transform_six(u[0], u[1], u[2], u[3], u[4], u[5], v, step);
    }
}

static __attribute__((noinline)) void transform_even(const int8_t *in, int32_t row_bytes, int32_t c,
                                                     uint32_t *v, int32_t step)
{
    transform_patch(in, row_bytes, c, v, step, 0);
}

static __attribute__((noinline)) void transform_odd(const int8_t *in, int32_t row_bytes, int32_t c,
                                                    uint32_t *v, int32_t step)
{
    transform_patch(in, row_bytes, c, v, step, 1);
}

/* A'^T times six sums, modulo 2^32 */
MCU_DSP_INLINE void transform_back(uint32_t m0, uint32_t m1, uint32_t m2, uint32_t m3, uint32_t m4,
                                   uint32_t m5, uint32_t *y0, uint32_t *y1, uint32_t *y2, uint32_t *y3)
{
    const uint32_t s = m1 + m2, d = m1 - m2, p = m3 + m4, q = m3 - m4;
    *y0 = p + 2 * (3 * m0) - 4 * s;
    *y1 = 2 * (q - 2 * d);
    *y2 = 4 * (p - s);
    *y3 = 8 * (q + 3 * m5) - 4 * d;
}

/* What the output transform needs of one channel. */
struct channel {
    int32_t bias, words[2];
    int32_t zero_point, out_row, out_step; /* bytes between rows and pixels of the output */
};

/* 576 y to int8 */
MCU_DSP_INLINE void finish(uint32_t sum, const struct channel *channel, int fast, int8_t *out)
{
    const int32_t x =
        (int32_t)((uint32_t)((int32_t)(sum * MCU_WINOGRAD_INVERSE_OF_9) >> 6) + (uint32_t)channel->bias);
    const int32_t *words = channel->words;
    if (fast) /* *channel is local: its words stay in registers */
        *out = (int8_t)mcu_ssat8(mcu_smmlar(mcu_smmlar(x, words[0], x), words[1], channel->zero_point));
    else
        *out = (int8_t)mcu_requant(x, words, channel->zero_point);
}

/* The tile's sums m (36, step apart) to rows x columns outputs. */
MCU_DSP_INLINE void back_tile(const int32_t *m, int32_t step, const struct channel *channel, int32_t rows,
                              int32_t columns, int fast, int8_t *out)
{
    uint32_t t[24];
    for (int32_t x = 0; x < 6; x++, m += step)
        transform_back((uint32_t)m[0], (uint32_t)m[6 * step], (uint32_t)m[12 * step], (uint32_t)m[18 * step],
                       (uint32_t)m[24 * step], (uint32_t)m[30 * step], &t[x], &t[6 + x], &t[12 + x],
                       &t[18 + x]);
    const uint32_t *u = t;
    for (; rows > 0; rows--, u += 6, out += channel->out_row) {
        uint32_t y0, y1, y2, y3;
        transform_back(u[0], u[1], u[2], u[3], u[4], u[5], &y0, &y1, &y2, &y3);
        int8_t *pixel = out;
        finish(y0, channel, fast, pixel);
        if (columns > 1)
            finish(y1, channel, fast, pixel += channel->out_step);
        if (columns > 2)
            finish(y2, channel, fast, pixel += channel->out_step);
        if (columns > 3)
            finish(y3, channel, fast, pixel += channel->out_step);
    }
}

/* Whole tiles side by side, one channel. */
static __attribute__((noinline)) void back_tiles_fast(const int32_t *m, int32_t step,
                                                      const struct channel *channel, int8_t *out,
                                                      int32_t rows, int32_t tiles)
{
    const struct channel local = *channel;
    for (; tiles > 0; tiles--, m += 4, out += 4 * local.out_step)
        back_tile(m, step, &local, rows, 4, 1, out);
}

static __attribute__((noinline)) void back_tile_any(const int32_t *m, int32_t step,
                                                    const struct channel *channel, int8_t *out, int32_t rows,
                                                    int32_t columns)
{
    back_tile(m, step, channel, rows, columns, 0, out);
}

/* Input rows [top, top + rows) with `pad_left` and more columns around them. */
static void copy_strip(const struct mcu_conv2d_winograd_dsp *op, int32_t top, int32_t rows, int32_t columns,
                       int8_t *strip)
{
    const int32_t c = op->in.c, left = op->pad_left * c, row = columns * c;
    int32_t inside = op->in.w * c;
    inside = inside < row - left ? inside : row - left;
    for (int32_t y = top; y < top + rows; y++, strip += row) {
        const int8_t *in = y >= 0 && y < op->in.h ? mcu_row(&op->in, y) : 0;
        const int32_t begin = in ? left : row, end = in ? left + inside : row;
        const uint32_t border = (uint8_t)op->in_zero_point * 0x01010101u;
        int32_t i = 0;
        for (; i < begin; i += 4)
            mcu_store4(strip + i, border);
        for (; i < end; i += 4)
            mcu_store4(strip + i, mcu_load4(in + i - left));
        for (; i < row; i += 4)
            mcu_store4(strip + i, border);
    }
}

/* Output rows [y, y + rows), rows <= 4 * tile_rows. */
static void winograd_block(const struct mcu_conv2d_winograd_dsp *op, int32_t y, int32_t rows)
{
    const int32_t c = op->in.c, out_c = op->out.c, out_w = op->out.w;
    const int32_t tiles_w = mcu_winograd_tiles(out_w), tile_rows = mcu_winograd_tiles(rows);
    const int32_t tiles = tiles_w * tile_rows, pairs = (tiles + 1) / 2;
    const int32_t columns = 4 * tiles_w + 2, row_bytes = columns * c;
    /* scratch: strip, transformed patches, sums */
    int8_t *strip = op->scratch;
    uint32_t *v = (uint32_t *)(strip + mcu_winograd_strip_bytes(tiles_w, op->tile_rows, c));
    int32_t *sums = (int32_t *)(v + MCU_WINOGRAD_POSITIONS * pairs * c) + MCU_DSP_OVERREAD_BYTES / 4;
    copy_strip(op, y - op->pad_top, 4 * tile_rows + 2, columns, strip);
    for (int32_t tile = 0, ty = 0; ty < tile_rows; ty++)
        for (int32_t tx = 0; tx < tiles_w; tx++, tile++) {
            const int8_t *patch = strip + 4 * ty * row_bytes + 4 * tx * c;
            uint32_t *to = v + (tile >> 1) * c + (tile & 1);
            for (int32_t i = 0; i < c; i += 4, to += 4) {
                transform_even(patch + i, row_bytes, c, to, pairs * c);
                transform_odd(patch + i, row_bytes, c, to + 2, pairs * c);
            }
        }
    const uint32_t *weights = op->weights;
    const int32_t *requant = op->requant;
    struct channel channel = {.zero_point = op->out_zero_point,
                              .out_row = op->out.row_stride * op->out.row_step,
                              .out_step = out_c};
    for (int32_t k = 0; k < out_c;
         k += 4, requant += MCU_REQUANT_WORDS, weights += MCU_WINOGRAD_POSITIONS * c * 2) {
        const struct mcu_tile_raw raw = {
            .pixels = v,
            .weights = weights,
            .skip_bytes = mcu_tile_skip_bytes(c),
            .entry = mcu_tile_entry(c),
            .weights_end = weights + 2 * c,
            .positions = MCU_WINOGRAD_POSITIONS,
            .out = sums,
            .pixels_bytes = 4 * pairs * c,
            .pixels_end = v + pairs * c,
            .weights_bytes = 8 * c,
        };
        mcu_tile_4x2_raw(&raw);
        const int fast = mcu_requant_mode(requant) == MCU_REQUANT_FAST;
        const int32_t whole = fast ? out_w / 4 : 0; /* tiles in a row for the fast path */
        for (int32_t ty = 0; ty < tile_rows; ty++) {
            const int32_t first = y + 4 * ty, left = y + rows - first, tall = left < 4 ? left : 4;
            for (int32_t i = 0; i < 4; i++) {
                const int32_t *m = sums + 4 * ty * tiles_w + i;
                int8_t *out = mcu_row(&op->out, first) + k + i;
                channel.bias = requant[i];
                channel.words[0] = requant[4 + 2 * i];
                channel.words[1] = requant[5 + 2 * i];
                back_tiles_fast(m, 8 * pairs, &channel, out, tall, whole);
                for (int32_t tx = whole; tx < tiles_w; tx++) {
                    const int32_t wide = out_w - 4 * tx < 4 ? out_w - 4 * tx : 4;
                    back_tile_any(m + 4 * tx, 8 * pairs, &channel, out + 4 * tx * out_c, tall, wide);
                }
            }
        }
    }
    if (op->act_min > -128 || op->act_max < 127)
        for (int32_t i = 0; i < rows; i++)
            mcu_clamp_bytes(mcu_row(&op->out, y + i), out_w * out_c, op->act_min, op->act_max);
}

/* How many rows from y on are evenly spaced in the output: up to where the ring wraps. */
static int32_t even_rows(const struct mcu_map *out, int32_t y, int32_t limit)
{
    const int32_t step = out->row_stride * out->row_step;
    int32_t n = 1;
    while (n < limit && mcu_row(out, y + n) == mcu_row(out, y) + n * step)
        n++;
    return n;
}

void mcu_conv2d_winograd_s8__dsp(const struct mcu_conv2d_winograd_dsp *op, int32_t y0, int32_t y1)
{
    for (int32_t y = y0; y < y1;) {
        const int32_t most = y1 - y < 4 * op->tile_rows ? y1 - y : 4 * op->tile_rows;
        const int32_t rows = even_rows(&op->out, y, most);
        winograd_block(op, y, rows);
        y += rows;
    }
}
