/*
 * layers.h - one layer through a DSP kernel, its instructions counted: operators with made-up weights on
 * made-up maps, for the programs of this folder.
 */
#ifndef TESTS_BENCH_KERNELS_LAYERS_H
#define TESTS_BENCH_KERNELS_LAYERS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "engine/dsp/pack.h"

enum { MAX_BYTES = 700 * 1024 };
static int8_t in_bytes[MAX_BYTES], out_bytes[MAX_BYTES];
static uint32_t scratch[128 * 1024 / 4];
static int8_t weights[512 * 1024];
static int32_t packed[640 * 1024 / 4], requant[8 * 1024];
static int32_t bias[2048], multiplier[2048];
static int8_t shift[2048];
static int8_t shift_of_all = -9;

/* Fully connected: c inputs. Pools: the kernel is the window. */
struct layer {
    int h, w, c, kernel_h, kernel_w, stride, pad_top, pad_left, out_h, out_w, out_c;
};

struct cost {
    uint32_t instructions; /* of the second pass over the map; 0: the scratch is not there */
    int32_t scratch_bytes;
};

static inline double layer_macs(const struct layer *l)
{
    return (double)l->out_h * l->out_w * l->out_c * l->kernel_h * l->kernel_w;
}

static inline struct mcu_map layer_map(int8_t *data, int h, int w, int c)
{
    return (struct mcu_map){.data = data,
                            .h = (int16_t)h,
                            .w = (int16_t)w,
                            .c = (int16_t)c,
                            .ring = (int16_t)h,
                            .row_step = 1,
                            .row_stride = w * c};
}

static inline struct mcu_map layer_in(const struct layer *l)
{
    return layer_map(in_bytes, l->h, l->w, l->c);
}

static inline struct mcu_map layer_out(const struct layer *l)
{
    return layer_map(out_bytes, l->out_h, l->out_w, l->out_c);
}

static inline struct mcu_window layer_window(const struct layer *l)
{
    return (struct mcu_window){
        (uint8_t)l->kernel_h, (uint8_t)l->kernel_w, (uint8_t)l->stride, (uint8_t)l->stride, 1, 1,
        (int8_t)l->pad_top,   (int8_t)l->pad_left};
}

static inline void layer_fill(int out_c)
{
    uint32_t s = 1;
    for (int i = 0; i < MAX_BYTES; i++, s = s * 1664525u + 1013904223u)
        in_bytes[i] = (int8_t)(s >> 24);
    for (size_t i = 0; i < sizeof weights; i++, s = s * 1664525u + 1013904223u)
        weights[i] = (int8_t)(s >> 24);
    for (int i = 0; i < out_c; i++)
        bias[i] = i, multiplier[i] = 1518500250, shift[i] = shift_of_all;
}

typedef void kernel_rows(const void *op, int32_t y0, int32_t y1);

/* Rows [0, h), `rows` per call, twice. */
static inline uint32_t layer_count(kernel_rows *function, const void *op, int h, int rows)
{
    uint32_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        const uint32_t from = bench_ticks();
        bench_begin();
        for (int y = 0; y < h; y += rows)
            function(op, y, y + rows < h ? y + rows : h);
        bench_end();
        n = bench_instructions(from, bench_ticks());
    }
    return n;
}

static void conv2d_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_conv2d_s8__dsp(op, y0, y1);
}

/* rows: per call */
static inline struct cost conv2d(const struct layer *l, int rows, int pixels, bool wide)
{
    const struct mcu_conv2d ref = {
        .in = layer_in(l),
        .out = layer_out(l),
        .window = layer_window(l),
        .in_zero_point = -5,
        .out_zero_point = 3,
        .act_min = -128,
        .act_max = 127,
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    const int32_t bytes = mcu_conv2d_dsp_scratch_bytes(&ref, pixels, wide);
    if (bytes > (int32_t)sizeof scratch || mcu_conv2d_dsp_weights_bytes(&ref, wide) > (int32_t)sizeof packed)
        return (struct cost){0, bytes};
    layer_fill(l->out_c);
    mcu_conv2d_dsp_pack(&ref, wide, packed, requant);
    const struct mcu_conv2d_dsp op = {.in = ref.in,
                                      .out = ref.out,
                                      .window = ref.window,
                                      .in_zero_point = -5,
                                      .out_zero_point = 3,
                                      .act_min = -128,
                                      .act_max = 127,
                                      .panel_pixels = (int16_t)pixels,
                                      .wide = wide,
                                      .weights = packed,
                                      .requant = requant,
                                      .scratch = scratch};
    return (struct cost){layer_count(conv2d_rows, &op, l->out_h, rows), bytes};
}

static void winograd_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_conv2d_winograd_s8__dsp(op, y0, y1);
}

/* rows: of 4 x 4 tiles, per call and block */
static inline struct cost winograd(const struct layer *l, int rows)
{
    const struct mcu_conv2d ref = {.in = layer_in(l),
                                   .out = layer_out(l),
                                   .window = layer_window(l),
                                   .weights = weights,
                                   .bias = bias,
                                   .multiplier = multiplier,
                                   .shift = shift};
    const int32_t bytes = mcu_conv2d_winograd_dsp_scratch_bytes(&ref, rows);
    if (!mcu_conv2d_winograd_dsp_supports(&ref) || bytes > (int32_t)sizeof scratch)
        return (struct cost){0, bytes};
    layer_fill(l->out_c);
    mcu_conv2d_winograd_dsp_pack(&ref, packed, requant);
    const struct mcu_conv2d_winograd_dsp op = {.in = ref.in,
                                               .out = ref.out,
                                               .pad_top = ref.window.pad_top,
                                               .pad_left = ref.window.pad_left,
                                               .in_zero_point = -5,
                                               .out_zero_point = 3,
                                               .act_min = -128,
                                               .act_max = 127,
                                               .tile_rows = (int16_t)rows,
                                               .weights = packed,
                                               .requant = requant,
                                               .scratch = scratch};
    return (struct cost){layer_count(winograd_rows, &op, l->out_h, 4 * rows), bytes};
}

static void depthwise_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_depthwise_s8__dsp(op, y0, y1);
}

/* rows: per call and batch */
static inline struct cost depthwise(const struct layer *l, int rows, bool wide)
{
    const struct mcu_depthwise ref = {
        .in = layer_in(l),
        .out = layer_out(l),
        .window = layer_window(l),
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    const int32_t bytes = mcu_depthwise_dsp_scratch_bytes(&ref, rows, wide);
    if (bytes > (int32_t)sizeof scratch)
        return (struct cost){0, bytes};
    layer_fill(l->out_c);
    mcu_depthwise_dsp_pack(&ref, wide, packed, requant);
    const struct mcu_depthwise_dsp op = {.in = ref.in,
                                         .out = ref.out,
                                         .window = ref.window,
                                         .in_zero_point = -5,
                                         .out_zero_point = 3,
                                         .act_min = -128,
                                         .act_max = 127,
                                         .batch_rows = (int16_t)rows,
                                         .wide = wide,
                                         .weights = packed,
                                         .requant = requant,
                                         .rows = mcu_depthwise_dsp_rows(&ref).function,
                                         .scratch = scratch};
    return (struct cost){layer_count(depthwise_rows, &op, l->out_h, rows), bytes};
}

static void fully_connected_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_fully_connected_s8__dsp(op, y0, y1);
}

static inline struct cost fully_connected(const struct layer *l)
{
    layer_fill(l->out_c);
    for (size_t i = 0; i < sizeof weights; i++)
        if (weights[i] == -128)
            weights[i] = -127;
    const struct mcu_fully_connected ref = {.in = layer_in(l),
                                            .out = layer_out(l),
                                            .weights = weights,
                                            .bias = bias,
                                            .multiplier = multiplier,
                                            .shift = shift};
    mcu_fully_connected_dsp_pack(&ref, packed, requant);
    const struct mcu_fully_connected_dsp op = {.in = ref.in,
                                               .out = ref.out,
                                               .act_min = -128,
                                               .act_max = 127,
                                               .weights = packed,
                                               .requant = requant,
                                               .scratch = scratch};
    return (struct cost){layer_count(fully_connected_rows, &op, 1, 1),
                         mcu_fully_connected_dsp_scratch_bytes(&ref)};
}

static void add_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_add_s8__dsp(op, y0, y1);
}

/* rows: per call */
static inline struct cost add(const struct layer *l, int rows)
{
    static int32_t table[MCU_ADD_DSP_TABLE_BYTES / 4];
    struct mcu_add ref = {.in = {layer_in(l), layer_in(l)},
                          .out = layer_out(l),
                          .act_min = -128,
                          .act_max = 127,
                          .in_multiplier = {1518500250, 1 << 30},
                          .in_shift = {-1, 0},
                          .out_multiplier = 1518500250,
                          .out_shift = -19};
    ref.in[1].data += MAX_BYTES / 2;
    layer_fill(0);
    struct mcu_add_dsp op;
    mcu_add_dsp_pack(&ref, &op, table);
    op.table = table;
    return (struct cost){layer_count(add_rows, &op, l->out_h, rows), 0};
}

static void max_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_max_pool_s8__dsp(op, y0, y1);
}

static void average_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_average_pool_s8__dsp(op, y0, y1);
}

static inline struct cost pool(const struct layer *l, bool max)
{
    const struct mcu_pool op = {
        .in = layer_in(l), .out = layer_out(l), .window = layer_window(l), .act_min = -128, .act_max = 127};
    return (struct cost){layer_count(max ? max_rows : average_rows, &op, l->out_h, 1), 0};
}

static void global_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_global_average_pool_s8__dsp(op, y0, y1);
}

/* rows: of the input, per call */
static inline struct cost global_average_pool(const struct layer *l, int rows)
{
    const struct mcu_global_pool op = {
        .in = layer_in(l), .out = layer_out(l), .act_min = -128, .act_max = 127, .scratch = scratch};
    return (struct cost){layer_count(global_rows, &op, l->h, rows), 4 * l->c};
}

static void mean_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_mean_s8__dsp(op, y0, y1);
}

static inline struct cost mean(const struct layer *l)
{
    const struct mcu_mean op = {
        .in = layer_in(l), .out = layer_out(l), .multiplier = 1518500250, .shift = -7, .scratch = scratch};
    return (struct cost){layer_count(mean_rows, &op, l->h, 1), 4 * l->c};
}

#endif
