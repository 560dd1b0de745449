/*
 * bench.c - instructions per multiply-accumulate of the DSP kernels, on shapes of MCUNet and MLPerf Tiny
 * nets. One line of CSV per case:
 *
 *     kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes
 *
 * schedule: "row" one output row per call, "all" the map in one call. With a number as argument only that
 * case runs, twice (the second pass between warm markers).
 */
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
static int only = -1, case_number;

static struct mcu_map map(int8_t *data, int h, int w, int c)
{
    return (struct mcu_map){.data = data,
                            .h = (int16_t)h,
                            .w = (int16_t)w,
                            .c = (int16_t)c,
                            .ring = (int16_t)h,
                            .row_step = 1,
                            .row_stride = w * c};
}

static void fill(int out_c)
{
    uint32_t s = 1;
    for (int i = 0; i < MAX_BYTES; i++, s = s * 1664525u + 1013904223u)
        in_bytes[i] = (int8_t)(s >> 24);
    for (size_t i = 0; i < sizeof weights; i++, s = s * 1664525u + 1013904223u)
        weights[i] = (int8_t)(s >> 24);
    for (int i = 0; i < out_c; i++)
        bias[i] = i, multiplier[i] = 1518500250, shift[i] = -9;
}

typedef void kernel_rows(const void *op, int32_t y0, int32_t y1);

/* rows: per call */
static void measure(const char *kernel, const char *shape, const char *schedule, kernel_rows *function,
                    const void *op, int h, int rows, double macs, int scratch_bytes)
{
    for (int pass = 0; pass < 2; pass++) {
        const uint32_t from = bench_ticks();
        bench_begin();
        for (int y = 0; y < h; y += rows)
            function(op, y, y + rows < h ? y + rows : h);
        bench_end();
        const uint32_t n = bench_instructions(from, bench_ticks());
        if (pass)
            printf("%s,%s,%s,%.0f,%lu,%.3f,%d\n", kernel, shape, schedule, macs, (unsigned long)n, n / macs,
                   scratch_bytes);
    }
}

static bool wanted(void)
{
    const int n = case_number++;
    return only < 0 || n == only;
}

static int conv_out(int size, int kernel, int stride)
{
    (void)kernel;
    return (size + stride - 1) / stride;
}

static int same_pad(int size, int kernel, int stride)
{
    const int total = (conv_out(size, kernel, stride) - 1) * stride + kernel - size;
    return total > 0 ? total / 2 : 0;
}

static void conv_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_conv2d_s8__dsp(op, y0, y1);
}

static void conv(int h, int w, int c, int kernel_h, int kernel_w, int stride, int out_c, int rows, int pixels,
                 bool wide)
{
    if (!wanted())
        return;
    const int out_h = conv_out(h, kernel_h, stride), out_w = conv_out(w, kernel_w, stride);
    struct mcu_conv2d ref = {
        .in = map(in_bytes, h, w, c),
        .out = map(out_bytes, out_h, out_w, out_c),
        .window = {(uint8_t)kernel_h, (uint8_t)kernel_w, (uint8_t)stride, (uint8_t)stride, 1, 1,
                   (int8_t)same_pad(h, kernel_h, stride), (int8_t)same_pad(w, kernel_w, stride)},
        .in_zero_point = -5,
        .out_zero_point = 3,
        .act_min = -128,
        .act_max = 127,
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    if (pixels > rows * out_w + 1)
        pixels = (rows * out_w + 1) & ~1;
    fill(out_c);
    mcu_conv2d_dsp_pack(&ref, wide, packed, requant);
    struct mcu_conv2d_dsp op = {.in = ref.in,
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
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k%dx%d s%d -> %d", h, w, c, kernel_h, kernel_w, stride, out_c);
    snprintf(schedule, sizeof schedule, "%d rows panel %d%s", rows, pixels, wide ? " wide" : "");
    measure("conv2d", shape, schedule, conv_rows, &op, out_h, rows,
            (double)out_h * out_w * out_c * kernel_h * kernel_w * c,
            mcu_conv2d_dsp_scratch_bytes(&ref, pixels, wide));
}

static void winograd_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_conv2d_winograd_s8__dsp(op, y0, y1);
}

/* rows: of 4 x 4 tiles, per call and block */
static void winograd(int h, int w, int c, int out_c, int rows)
{
    if (!wanted())
        return;
    struct mcu_conv2d ref = {.in = map(in_bytes, h, w, c),
                             .out = map(out_bytes, h, w, out_c),
                             .window = {3, 3, 1, 1, 1, 1, 1, 1},
                             .weights = weights,
                             .bias = bias,
                             .multiplier = multiplier,
                             .shift = shift};
    fill(out_c);
    mcu_conv2d_winograd_dsp_pack(&ref, packed, requant);
    struct mcu_conv2d_winograd_dsp op = {.in = ref.in,
                                         .out = ref.out,
                                         .pad_top = 1,
                                         .pad_left = 1,
                                         .in_zero_point = -5,
                                         .out_zero_point = 3,
                                         .act_min = -128,
                                         .act_max = 127,
                                         .tile_rows = (int16_t)rows,
                                         .weights = packed,
                                         .requant = requant,
                                         .scratch = scratch};
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k3x3 s1 -> %d", h, w, c, out_c);
    snprintf(schedule, sizeof schedule, "%d tile rows", rows);
    measure("conv2d_winograd", shape, schedule, winograd_rows, &op, h, 4 * rows,
            (double)h * w * c * 9 * out_c, mcu_conv2d_winograd_dsp_scratch_bytes(&ref, rows));
}

static void depthwise_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_depthwise_s8__dsp(op, y0, y1);
}

/* rows: per call and batch */
static void depthwise(int h, int w, int c, int kernel, int stride, int rows, bool wide)
{
    if (!wanted())
        return;
    const int out_h = conv_out(h, kernel, stride), out_w = conv_out(w, kernel, stride);
    if (rows > out_h)
        rows = out_h;
    struct mcu_depthwise ref = {
        .in = map(in_bytes, h, w, c),
        .out = map(out_bytes, out_h, out_w, c),
        .window = {(uint8_t)kernel, (uint8_t)kernel, (uint8_t)stride, (uint8_t)stride, 1, 1,
                   (int8_t)same_pad(h, kernel, stride), (int8_t)same_pad(w, kernel, stride)},
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    fill(c);
    mcu_depthwise_dsp_pack(&ref, wide, packed, requant);
    struct mcu_depthwise_dsp op = {.in = ref.in,
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
                                   .scratch = scratch};
    char shape[64], schedule[64];
    snprintf(shape, sizeof shape, "%dx%dx%d k%d s%d", h, w, c, kernel, stride);
    snprintf(schedule, sizeof schedule, "%d rows%s", rows, wide ? " wide" : "");
    measure("depthwise", shape, schedule, depthwise_rows, &op, out_h, rows,
            (double)out_h * out_w * c * kernel * kernel, mcu_depthwise_dsp_scratch_bytes(&ref, rows, wide));
}

static void fully_connected_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_fully_connected_s8__dsp(op, y0, y1);
}

static void fully_connected(int inputs, int out_c)
{
    if (!wanted())
        return;
    fill(out_c);
    for (size_t i = 0; i < sizeof weights; i++)
        if (weights[i] == -128)
            weights[i] = -127;
    struct mcu_fully_connected ref = {.in = map(in_bytes, 1, 1, inputs),
                                      .out = map(out_bytes, 1, 1, out_c),
                                      .weights = weights,
                                      .bias = bias,
                                      .multiplier = multiplier,
                                      .shift = shift};
    mcu_fully_connected_dsp_pack(&ref, packed, requant);
    struct mcu_fully_connected_dsp op = {.in = ref.in,
                                         .out = ref.out,
                                         .act_min = -128,
                                         .act_max = 127,
                                         .weights = packed,
                                         .requant = requant,
                                         .scratch = scratch};
    char shape[64];
    snprintf(shape, sizeof shape, "%d -> %d", inputs, out_c);
    measure("fully_connected", shape, "all", fully_connected_rows, &op, 1, 1, (double)inputs * out_c,
            mcu_fully_connected_dsp_scratch_bytes(&ref));
}

static void add_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_add_s8__dsp(op, y0, y1);
}

static void max_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_max_pool_s8__dsp(op, y0, y1);
}

static void average_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_average_pool_s8__dsp(op, y0, y1);
}

static void mean_rows(const void *op, int32_t y0, int32_t y1)
{
    mcu_mean_s8__dsp(op, y0, y1);
}

/* per_mac is per output element for add, per input element for the rest */
static void elementwise(int h, int w, int c)
{
    char shape[64];
    const double elements = (double)h * w * c;
    snprintf(shape, sizeof shape, "%dx%dx%d", h, w, c);
    if (wanted()) {
        static int32_t table[256];
        fill(0);
        const struct mcu_add ref = {.in = {map(in_bytes, h, w, c), map(in_bytes + MAX_BYTES / 2, h, w, c)},
                                    .out = map(out_bytes, h, w, c),
                                    .act_min = -128,
                                    .act_max = 127,
                                    .in_multiplier = {1518500250, 1 << 30},
                                    .in_shift = {-1, 0},
                                    .out_multiplier = 1518500250,
                                    .out_shift = -19};
        struct mcu_add_dsp op;
        mcu_add_dsp_pack(&ref, &op, table);
        op.table = table;
        measure("add", shape, "row", add_rows, &op, h, 1, elements, 0);
    }
    if (wanted()) {
        const struct mcu_pool op = {.in = map(in_bytes, h, w, c),
                                    .out = map(out_bytes, h / 2, w / 2, c),
                                    .window = {2, 2, 2, 2, 1, 1, 0, 0},
                                    .act_min = -128,
                                    .act_max = 127};
        measure("max_pool", shape, "row", max_rows, &op, h / 2, 1, elements, 0);
    }
    if (wanted()) {
        const struct mcu_pool op = {.in = map(in_bytes, h, w, c),
                                    .out = map(out_bytes, 1, 1, c),
                                    .window = {(uint8_t)h, (uint8_t)w, 1, 1, 1, 1, 0, 0},
                                    .act_min = -128,
                                    .act_max = 127};
        measure("average_pool", shape, "all", average_rows, &op, 1, 1, elements, 0);
    }
    if (wanted()) {
        const struct mcu_mean op = {.in = map(in_bytes, h, w, c),
                                    .out = map(out_bytes, 1, 1, c),
                                    .multiplier = 1518500250,
                                    .shift = -7,
                                    .scratch = scratch};
        measure("mean", shape, "row", mean_rows, &op, h, 1, elements, 4 * c);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        only = atoi(argv[1]);
    bench_init();
    printf("kernel,shape,schedule,macs,instructions,per_mac,scratch_bytes\n");
    /* pointwise */
    static const struct {
        int h, w, k, n;
    } pointwise[] = {{80, 80, 32, 16},  {80, 80, 16, 48},  {40, 40, 48, 24},  {40, 40, 24, 120},
                     {40, 40, 120, 24}, {20, 20, 120, 40}, {20, 20, 40, 160}, {20, 20, 160, 40},
                     {10, 10, 80, 240}, {10, 10, 240, 80}, {10, 10, 96, 288}, {5, 5, 192, 576},
                     {5, 5, 576, 192},  {48, 48, 8, 16},   {24, 24, 32, 32},  {12, 12, 64, 64},
                     {6, 6, 128, 128},  {25, 5, 64, 64}};
    for (size_t i = 0; i < sizeof pointwise / sizeof *pointwise; i++) {
        const int h = pointwise[i].h, w = pointwise[i].w, k = pointwise[i].k, n = pointwise[i].n;
        conv(h, w, k, 1, 1, 1, n, 1, w, false);
        conv(h, w, k, 1, 1, 1, n, 1, w, true);
        conv(h, w, k, 1, 1, 1, n, h, 8192 / (2 * k) & ~1, false);
    }
    conv(160, 160, 3, 3, 3, 2, 32, 1, 80, false);
    conv(160, 160, 3, 3, 3, 2, 32, 1, 80, true);
    conv(160, 160, 3, 3, 3, 2, 32, 1, 20, true);
    conv(96, 96, 3, 3, 3, 2, 8, 1, 48, true);
    conv(49, 10, 1, 10, 4, 2, 64, 1, 6, false);
    conv(49, 10, 1, 10, 4, 2, 64, 5, 24, true);
    conv(32, 32, 16, 3, 3, 1, 16, 1, 32, false);
    conv(32, 32, 16, 3, 3, 2, 32, 1, 16, true);
    conv(16, 16, 32, 3, 3, 1, 32, 2, 32, false);
    for (int rows = 1; rows <= 2; rows++) {
        winograd(32, 32, 16, 16, rows);
        winograd(16, 16, 32, 32, rows);
        winograd(8, 8, 64, 64, rows);
    }
    static const struct {
        int h, w, c, kernel, stride;
    } depthwises[] = {{80, 80, 32, 3, 1},  {40, 40, 120, 3, 1}, {20, 20, 160, 3, 1}, {10, 10, 240, 3, 1},
                      {48, 48, 16, 3, 2},  {24, 24, 32, 3, 1},  {6, 6, 128, 3, 1},   {25, 5, 64, 3, 1},
                      {40, 40, 96, 5, 1},  {5, 5, 768, 5, 1},   {40, 40, 48, 5, 2},  {80, 80, 48, 7, 2},
                      {40, 40, 120, 7, 2}, {20, 20, 160, 7, 1}, {10, 10, 240, 7, 1}, {5, 5, 576, 7, 1}};
    for (size_t i = 0; i < sizeof depthwises / sizeof *depthwises; i++)
        for (int rows = 1; rows <= 8; rows *= rows == 1 ? 4 : 2)
            depthwise(depthwises[i].h, depthwises[i].w, depthwises[i].c, depthwises[i].kernel,
                      depthwises[i].stride, rows, rows == 8);
    static const int fully[][2] = {{640, 128}, {128, 128}, {128, 8}, {8, 128},
                                   {128, 640}, {64, 10},   {64, 12}, {256, 2}};
    for (size_t i = 0; i < sizeof fully / sizeof *fully; i++)
        fully_connected(fully[i][0], fully[i][1]);
    elementwise(40, 40, 24);
    elementwise(32, 32, 16);
    elementwise(5, 5, 320);
    return 0;
}
