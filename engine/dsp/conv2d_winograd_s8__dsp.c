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

/*
 * mcu_winograd_transform_even, _odd: a patch, two of four channels, which are bytes 0 2 or 1 3. in: its first
 * pixel; v: position 0, step words between positions.
 */
#ifdef MCU_DSP_ASM

/*
 * Two passes of six, columns to rows on the stack, then the rows. First: r0 patch, r1 r2 r3 1, 3 and 5 rows,
 * r12 a pixel, lr to. Second: r0 rows, r3 v, r1 r2 r12 1, 3 and 5 positions, lr 6.
 */
#define FRAME "144"
#ifdef MCU_CORTEX_M7
#define UNROLL "2"
#else
#define UNROLL "1" /* both functions stay in the 1 KiB instruction cache of a flash accelerator */
#endif
/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    /* B^T times r4 .. r9, two channels in each, to r4 r10 r6 r7 r8 r9 */
    ".macro winograd_six\n"
    " ssub16 r10, r8, r6\n ssub16 r11, r7, r5\n ssub16 r4, r4, r6\n ssub16 r9, r9, r7\n sadd16 r6, r6, r6\n"
    " sadd16 r5, r5, r5\n sadd16 r4, r4, r4\n sadd16 r11, r11, r11\n sadd16 r6, r6, r6\n sadd16 r5, r5, r5\n"
    " sadd16 r4, r4, r4\n ssub16 r6, r8, r6\n ssub16 r5, r7, r5\n sadd16 r7, r10, r11\n ssub16 r8, r10, r11\n"
    " sadd16 r11, r11, r11\n sadd16 r4, r4, r10\n sadd16 r10, r6, r5\n ssub16 r6, r6, r5\n ssub16 r9, r9, r11\n"
    ".endm\n"
    ".macro winograd_transform name, rotate\n"
    " .section .text.\\name, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global \\name\n"
    " .thumb_func\n"
    " .type \\name, %function\n"
    "\\name:\n"
    " push {r3-r11, lr}\n sub sp, sp, #" FRAME "\n mov r12, r2\n add r2, r1, r1, lsl #1\n"
    " add r3, r1, r1, lsl #2\n mov lr, sp\n"
    "1:\n"
    " .rept " UNROLL "\n"
    " ldr r4, [r0]\n ldr r5, [r0, r1]\n ldr r6, [r0, r1, lsl #1]\n ldr r7, [r0, r2]\n"
    " ldr r8, [r0, r1, lsl #2]\n ldr r9, [r0, r3]\n add r0, r0, r12\n sxtb16 r6, r6\\rotate\n"
    " sxtb16 r8, r8\\rotate\n sxtb16 r5, r5\\rotate\n sxtb16 r7, r7\\rotate\n sxtb16 r4, r4\\rotate\n"
    " sxtb16 r9, r9\\rotate\n winograd_six\n str r4, [lr], #4\n str r10, [lr, #20]\n str r6, [lr, #44]\n"
    " str r7, [lr, #68]\n str r8, [lr, #92]\n str r9, [lr, #116]\n"
    " .endr\n"
    " add r4, sp, #24\n cmp lr, r4\n bne 1b\n"
    " ldr r3, [sp, #" FRAME "]\n ldr r1, [sp, #" FRAME " + 40]\n mov r0, sp\n lsl r1, r1, #2\n"
    " add r2, r1, r1, lsl #1\n add r12, r1, r1, lsl #2\n lsl lr, r2, #1\n"
    "2:\n"
    " .rept " UNROLL "\n"
    " ldm r0!, {r4-r9}\n winograd_six\n str r4, [r3]\n str r10, [r3, r1]\n str r6, [r3, r1, lsl #1]\n"
    " str r7, [r3, r2]\n str r8, [r3, r1, lsl #2]\n str r9, [r3, r12]\n add r3, r3, lr\n"
    " .endr\n"
    " add r4, sp, #144\n cmp r0, r4\n bne 2b\n add sp, sp, #" FRAME "\n pop {r3-r11, pc}\n"
    " .size \\name, . - \\name\n"
    " .text\n"
    ".endm\n"
    " winograd_transform mcu_winograd_transform_even,\n"
    " winograd_transform mcu_winograd_transform_odd, \", ror #8\"\n"
);
/* clang-format on */
#undef FRAME

void mcu_winograd_transform_even(const int8_t *in, int32_t row_bytes, int32_t c, uint32_t *v, int32_t step);
void mcu_winograd_transform_odd(const int8_t *in, int32_t row_bytes, int32_t c, uint32_t *v, int32_t step);

#else

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

static void mcu_winograd_transform_even(const int8_t *in, int32_t row_bytes, int32_t c, uint32_t *v,
                                        int32_t step)
{
    transform_patch(in, row_bytes, c, v, step, 0);
}

static void mcu_winograd_transform_odd(const int8_t *in, int32_t row_bytes, int32_t c, uint32_t *v,
                                       int32_t step)
{
    transform_patch(in, row_bytes, c, v, step, 1);
}

#endif

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

/* What the output transform needs of one channel. Read by the assembly: order matters. */
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

#ifdef MCU_DSP_ASM

/*
 * back_tile, two passes of transform_back: columns to four rows of six on the stack, each with what it is to
 * be multiplied by behind it, then the rows. A pass leaves out the factors 1 2 4 4 of its results: the first
 * one's are in those multipliers.
 *
 * First pass: r0 sums, r1 r2 r3 1, 3 and 5 steps from row to row, r12 from column to column, lr to. Second:
 * r0 rows, r1 bias, r2 r3 a and b, r10 multiplier, r11 out_step, r12 zero point, lr out.
 */
#define ROW_WORDS   "7"
#define FIRST       "112" /* m, 6 steps, 18 steps, 30 steps, 1 step */
#define SECOND      "132" /* bias, a, b, out_step, zero point, out */
#define OUT         "152"
#define ROW_ADVANCE "156" /* from the third pixel to the next row */
#define ROWS_END    "160"
#define TILES       "164"
#define FRAME       "168"
/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    /* r4 .. r9 to r4, r7 / 2, r5 / 4, r6 / 4 */
    ".macro winograd_back\n"
    " add r5, r5, r6\n add r7, r7, r8\n sub r6, r5, r6, lsl #1\n sub r8, r7, r8, lsl #1\n"
    " add r4, r4, r4, lsl #1\n add r9, r9, r9, lsl #1\n add r4, r7, r4, lsl #1\n add r9, r9, r8\n"
    " sub r4, r4, r5, lsl #2\n sub r5, r7, r5\n sub r7, r8, r6, lsl #1\n rsb r6, r6, r9, lsl #1\n"
    ".endm\n"
    " .section .text.mcu_winograd_back_tiles, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_winograd_back_tiles\n"
    " .thumb_func\n"
    " .type mcu_winograd_back_tiles, %function\n"
    "mcu_winograd_back_tiles:\n"
    " push {r4-r11, lr}\n sub sp, sp, #" FRAME "\n"
    " movw r4, #0x8e39\n movt r4, #0x38e3\n lsl r5, r4, #1\n lsl r6, r4, #2\n str r4, [sp, #24]\n"
    " str r5, [sp, #52]\n str r6, [sp, #80]\n str r6, [sp, #108]\n"
    " lsl r12, r1, #2\n add r4, r1, r1, lsl #1\n lsl r7, r4, #3\n add r8, r7, r7, lsl #1\n"
    " add r9, r7, r7, lsl #2\n mov r6, r0\n add r5, sp, #" FIRST "\n stm r5, {r6, r7, r8, r9, r12}\n"
    " ldm r2, {r4, r5, r6, r7, r8, r9}\n"  /* bias a b zero_point out_row out_step */
    " sub r8, r8, r9, lsl #1\n mov r10, r7\n mov r11, r3\n mov r7, r9\n"
    " strd r8, r8, [sp, #" ROW_ADVANCE "]\n add r12, sp, #" SECOND "\n stm r12, {r4, r5, r6, r7, r10, r11}\n"
    " ldr r8, [sp, #" FRAME " + 36]\n ldr r9, [sp, #" FRAME " + 40]\n rsb r8, r8, r8, lsl #3\n"
    " add r8, sp, r8, lsl #2\n strd r8, r9, [sp, #" ROWS_END "]\n"
    "1:\n"
    " add r0, sp, #" FIRST "\n mov lr, sp\n add r11, sp, #24\n ldm r0, {r0, r1, r2, r3, r12}\n"
    "2:\n"
    " .rept 2\n"
    " ldr r4, [r0]\n ldr r5, [r0, r1]\n ldr r6, [r0, r1, lsl #1]\n ldr r7, [r0, r2]\n"
    " ldr r8, [r0, r1, lsl #2]\n ldr r9, [r0, r3]\n add r0, r0, r12\n winograd_back\n str r4, [lr], #4\n"
    " str r7, [lr, #24]\n str r5, [lr, #52]\n str r6, [lr, #80]\n"
    " .endr\n"
    " cmp lr, r11\n bne 2b\n"
    " add r1, sp, #" SECOND "\n ldm r1, {r1, r2, r3, r11, r12, lr}\n mov r0, sp\n"
    "3:\n"
    " ldm r0!, {r4-r10}\n winograd_back\n lsl r7, r7, #1\n lsl r5, r5, #2\n lsl r6, r6, #2\n"
    " mul r4, r4, r10\n mul r7, r7, r10\n mul r5, r5, r10\n mul r6, r6, r10\n ldrd r8, r9, [sp, #" ROW_ADVANCE "]\n"
    " add r4, r1, r4, asr #6\n add r7, r1, r7, asr #6\n add r5, r1, r5, asr #6\n add r6, r1, r6, asr #6\n"
    " smmlar r4, r4, r2, r4\n smmlar r7, r7, r2, r7\n smmlar r5, r5, r2, r5\n smmlar r6, r6, r2, r6\n"
    " smmlar r4, r4, r3, r12\n smmlar r7, r7, r3, r12\n smmlar r5, r5, r3, r12\n smmlar r6, r6, r3, r12\n"
    " ssat r4, #8, r4\n ssat r7, #8, r7\n ssat r5, #8, r5\n ssat r6, #8, r6\n strb r4, [lr]\n"
    " strb r7, [lr, r11]\n add lr, lr, r11, lsl #1\n cmp r0, r9\n strb r5, [lr]\n strb r6, [lr, r11]\n"
    " add lr, lr, r8\n bne 3b\n"
    " ldr r4, [sp, #" FIRST "]\n ldr r5, [sp, #" OUT "]\n ldr r6, [sp, #" TILES "]\n add r4, r4, #16\n"
    " add r5, r5, r11, lsl #2\n subs r6, r6, #1\n str r4, [sp, #" FIRST "]\n str r5, [sp, #" OUT "]\n"
    " str r6, [sp, #" TILES "]\n bne 1b\n add sp, sp, #" FRAME "\n pop {r4-r11, pc}\n"
    " .size mcu_winograd_back_tiles, . - mcu_winograd_back_tiles\n"
    " .text\n"
);
/* clang-format on */

/* Whole tiles side by side, one channel; some rows, some tiles. */
void mcu_winograd_back_tiles(const int32_t *m, int32_t step, const struct channel *channel, int8_t *out,
                             int32_t rows, int32_t tiles);

#else

/* Whole tiles side by side, one channel. */
static void mcu_winograd_back_tiles(const int32_t *m, int32_t step, const struct channel *channel,
                                    int8_t *out, int32_t rows, int32_t tiles)
{
    const struct channel local = *channel;
    for (; tiles > 0; tiles--, m += 4, out += 4 * local.out_step)
        back_tile(m, step, &local, rows, 4, 1, out);
}

#endif

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
                mcu_winograd_transform_even(patch + i, row_bytes, c, to, pairs * c);
                mcu_winograd_transform_odd(patch + i, row_bytes, c, to + 2, pairs * c);
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
                if (whole)
                    mcu_winograd_back_tiles(m, 8 * pairs, &channel, out, tall, whole);
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
