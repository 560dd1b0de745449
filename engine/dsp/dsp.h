/*
 * dsp.h - int8 kernels for Cortex-M with the DSP extension (M4, M7, M33): same results as engine/ref, bit for
 * bit.
 *
 *     void mcu_<op>_s8__dsp(const struct mcu_<op>_dsp *op, int32_t y0, int32_t y1);
 *
 * The contract on overlapping maps is engine.h's, rows in ascending order, with what follows from taking
 * several rows into scratch at a time. mcu_conv2d_s8__dsp and mcu_conv2d_winograd_s8__dsp read all input of a
 * block before they write any of its output, so the promise of row after row holds for every call.
 * mcu_depthwise_s8__dsp works through a batch of rows four or eight channels at a time: with batch_rows > 1 the
 * windows of the whole batch have to stay intact until its last row is written, unless the output lies a
 * multiple of c bytes from the input (in place), where no group of channels touches the bytes of another.
 *
 * Weights are packed for the kernel on the host, when the project is generated (pack.h); argument structs,
 * weights and requantisation words stay in flash. Scratch is 4-byte aligned, holds nothing between calls
 * (except the sums of mcu_mean and mcu_global_pool) and is as large as pack.h says. The kernels run on any host through C twins of the
 * instructions (intrinsics.h).
 *
 * Requantisation of an accumulator x with multiplier m (Q31, 2^30 <= m < 2^31) and right shift e:
 *
 *     y = SMMLAR(x, 2 m, x)     SaturatingRoundingDoublingHighMul(x, m): 2 m is 2 m - 2^32 as an int32
 *
 *     FAST    q = SMMLAR(y, 2^(32-e) + 1, zero_point)
 *     ROUND   q = SMMLAR(y + (y >> 31), 2^(32-e), zero_point)
 *     SHIFT   q = SMMLAR(4 y, 2^(30-e) + 2, zero_point)
 *
 *     out = SSAT8(q)
 *
 * The + 1 and + 2 tilt exact ties of negative y away from zero. ROUND is exact for every x and 2 <= e <= 31.
 * FAST needs 2 <= e and |y| < 2^(32-e), or e <= 12 (beyond, both sides saturate). Proof: SMMLAR(y, 2^(32-e) +
 * 1, z) = z + floor((y 2^(32-e) + y + 2^31) / 2^32); a multiple of 2^(32-e) plus y, |y| < 2^(32-e), is
 * carried into the next integer only by a negative y at an exact tie. SHIFT is FAST with 4 y and e + 2, for
 * scales of 1/4 and more: it needs |4 y| < 2^31 and, as the tilt is twofold, |8 y| < 2^(30-e) or e <= 9.
 * Left shifts, and what else does not fit, take TFLite's formula as it stands (EXACT), several times as slow.
 * A channel whose output is always the zero point has the tilt alone as b. pack.c chooses.
 */
#ifndef MCU_DSP_H
#define MCU_DSP_H

#include "../engine.h"

/*
 * Requantisation words of four channels:
 *
 *     bias[4], { a, b }[4]        bias has -in_zero_point * sum(weights) folded in, modulo 2^32
 *
 * a = 2 m, b as above, its lowest two bits the tilt: 1 (FAST), 0 (ROUND) or 2 (SHIFT); or a = m, b = shift -
 * 64 < 0 (EXACT). All four channels of a block have the same mode; b of the first tells which.
 */
enum { MCU_REQUANT_WORDS = 12 };
enum mcu_requant_mode { MCU_REQUANT_FAST, MCU_REQUANT_ROUND, MCU_REQUANT_SHIFT, MCU_REQUANT_EXACT };

/* Bytes that may be read, not used, behind panels of pixels and weights. pack.h's sizes contain them. */
enum { MCU_DSP_OVERREAD_BYTES = 16 };

/* What mcu_conv2d_s8__dsp takes: kernel sides up to MAX_KERNEL, dilation_w 1 (or kernel_w 1), and a run of
 * taps of at most MAX_EDGE_BYTES unless in.c % 4 == 0. The rest is for mcu_conv2d_s8__ref; pack.h has the
 * question. */
enum { MCU_CONV2D_DSP_MAX_KERNEL = 12, MCU_CONV2D_DSP_MAX_EDGE_BYTES = 48 };

/* The padded length of a dot product: whole words of every run of kernel_w * in_c taps, then all the runs'
 * last bytes. */
static inline int32_t mcu_conv2d_dsp_depth(const struct mcu_window *window, int32_t in_c)
{
    const int32_t run = window->kernel_w * in_c, rest = run & 3;
    return window->kernel_h * (run - rest) + ((window->kernel_h * rest + 3) & ~3);
}

/* 2-D convolution of any window. Work goes in blocks of panel_pixels output pixels, across rows where the
 * output is contiguous: a block's inputs are unpacked to int16 once, then used for all output channels. More
 * pixels: fewer expansions of the weights. */
struct mcu_conv2d_dsp {
    struct mcu_map in, out;
    struct mcu_window window;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    int16_t panel_pixels; /* even, >= 2 */
    int16_t wide;        /* 1: weights are int16 panels, read in place (flash, or expanded into RAM before) */
    const void *weights; /* (out.c / 4, depth / 4, 4) words of int8 x 4, or (out.c / 4, depth / 2, 4) words of
                            int16 x 2 */
    const int32_t *requant; /* (out.c / 4, 12) */
    void *scratch;
};

/*
 * 3 x 3 convolution of stride 1 by Winograd's F(4 x 4, 3 x 3), exact (winograd.h): a third to a half of the
 * time of mcu_conv2d_s8__dsp from 16 channels on, for weights of 8 times the bytes. in.c a multiple of 4 and
 * at most 224, out.c a multiple of 4. Outputs are computed 4 x 4 at a time, tile_rows such rows per block:
 * best when w, and the rows of a call, are multiples of 4.
 */
struct mcu_conv2d_winograd_dsp {
    struct mcu_map in, out;
    int16_t pad_top, pad_left;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    int16_t tile_rows;
    const void *weights;    /* (out.c / 4, 36, in.c / 2, 4) words of int16 x 2, read in place */
    const int32_t *requant; /* (out.c / 4, 12) */
    void *scratch;
};

/*
 * Depthwise convolution: kernel 3, 5 or 7 (square), stride 1 or 2, dilation 1, channel multiplier 1, channels
 * a multiple of 4; the rest is for mcu_depthwise_s8__ref. batch_rows output rows at a time are computed from
 * int16 planes of four channels (or eight: depthwise_row.h) in scratch: more rows unpack each input row, and expand the weights, less
 * often. Per channel, requant holds { bias, a, b }, in a mode of its own. The inner loop is named by the
 * caller (pack.h says which), so that only those that a program needs are linked.
 */
struct mcu_depthwise_rows; /* depthwise_row.h */
struct mcu_depthwise_dsp {
    struct mcu_map in, out;
    struct mcu_window window;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    int16_t batch_rows;
    int16_t wide;        /* 1: weights are words of int16 pairs, read in place */
    const void *weights; /* (c, words of a channel: depthwise_row.h), each word as int16 x 2, or two words as
                            int8 x 4 */
    const int32_t *requant; /* (c, 3) */
    void (*rows)(const struct mcu_depthwise_rows *);
    void *scratch;
};

/*
 * Fully connected over in.h * in.w * in.c values, out (1, 1, out.c); weights (out.c / 4, inputs / 4, 4)
 * words, inputs padded to a multiple of 8, streamed once. A weight word holds the bytes w0 + 128, -w1, w2 +
 * 128, -w3, unless the block has a w1 or w3 of -128: fully_connected_s8__dsp.c.
 */
struct mcu_fully_connected_dsp {
    struct mcu_map in, out;
    int16_t out_zero_point;
    int16_t act_min, act_max;
    const void *weights;
    const int32_t *requant; /* (out.c / 4, 12) */
    void *scratch;
};

/*
 * Elementwise sum. TFLite scales the input of the larger scale by exactly one half: in[1] here. The other
 * one's share is a table of 256 sums, indexed by the byte as unsigned, with every constant in it. Multipliers
 * as ROUND above. out may be in[0] or in[1].
 */
struct mcu_add_dsp {
    struct mcu_map in[2], out;
    int16_t out_zero_point;
    int16_t act_min, act_max;
    int32_t out_multiplier; /* a */
    int32_t out_shift;      /* b */
    const int32_t *table;   /* flash, or RAM where flash is slow */
    int16_t subtract;       /* 1: in[1]'s half is subtracted (SUB) */
};

void mcu_conv2d_s8__dsp(const struct mcu_conv2d_dsp *op, int32_t y0, int32_t y1);
void mcu_conv2d_winograd_s8__dsp(const struct mcu_conv2d_winograd_dsp *op, int32_t y0, int32_t y1);
void mcu_depthwise_s8__dsp(const struct mcu_depthwise_dsp *op, int32_t y0, int32_t y1);

/* What `rows` may be, by kernel and stride; _exact where a channel needs MCU_REQUANT_EXACT. */
void mcu_depthwise_rows_3_stride1(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_3_stride2(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_5_stride1(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_5_stride2(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_7_stride1(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_7_stride2(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_3_stride1_exact(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_3_stride2_exact(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_5_stride1_exact(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_5_stride2_exact(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_7_stride1_exact(const struct mcu_depthwise_rows *job);
void mcu_depthwise_rows_7_stride2_exact(const struct mcu_depthwise_rows *job);

void mcu_fully_connected_s8__dsp(const struct mcu_fully_connected_dsp *op, int32_t y0, int32_t y1);
void mcu_add_s8__dsp(const struct mcu_add_dsp *op, int32_t y0, int32_t y1);

/* Weights packed with wide = 0 to what wide = 1 would have packed (twice the bytes, and
 * MCU_DSP_OVERREAD_BYTES more for conv2d): once before a chain of calls, where RAM is free but flash is not.
 * bytes: of the packed ones. */
void mcu_conv2d_dsp_expand(const void *packed, int32_t bytes, void *wide);
void mcu_depthwise_dsp_expand(const void *packed, int32_t bytes, void *wide);

/* Nothing to pack: the arguments are the reference kernels'. */
void mcu_average_pool_s8__dsp(const struct mcu_pool *op, int32_t y0, int32_t y1);
void mcu_max_pool_s8__dsp(const struct mcu_pool *op, int32_t y0, int32_t y1);
void mcu_global_average_pool_s8__dsp(const struct mcu_global_pool *op, int32_t y0, int32_t y1);
void mcu_mean_s8__dsp(const struct mcu_mean *op, int32_t y0, int32_t y1);

/* weights of mcu_fully_connected_dsp: inputs padded */
static inline int32_t mcu_fully_connected_dsp_depth(const struct mcu_map *in)
{
    return (in->h * in->w * in->c + 7) & ~7;
}

#endif
