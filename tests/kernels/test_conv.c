/* Convolution, depthwise and fully connected: a sweep over shapes, windows, zero points and storages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "maps.h"
#include "oracle.h"

struct shape_case {
    int h, w, in_c, out_c;
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
};

/* Pointwise of every remainder of the blocks (2 pixels, 4 and 8 channels), gathered patches, large windows,
 * asymmetric everything. */
static const struct shape_case conv_cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},    {5, 6, 8, 8, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},
    {3, 7, 24, 13, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},  {4, 4, 33, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},
    {6, 5, 96, 17, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},  {7, 7, 16, 9, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0},
    {8, 6, 10, 4, 1, 1, 2, 3, 1, 1, 0, 0, 0, 0},   {5, 5, 3, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {9, 8, 3, 7, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},    {8, 8, 3, 16, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1},
    {6, 7, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},    {7, 6, 32, 10, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {9, 9, 12, 6, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},   {11, 9, 4, 5, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3},
    {10, 9, 20, 6, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2},  {10, 10, 5, 3, 3, 2, 1, 2, 2, 3, 1, 2, 2, 1},
    {49, 10, 1, 9, 10, 4, 2, 2, 1, 1, 4, 1, 5, 1}, {3, 3, 40, 4, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},
    {4, 4, 17, 33, 4, 4, 1, 1, 1, 1, 0, 0, 0, 0},
};

static const struct shape_case depthwise_cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},    {6, 5, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {7, 8, 13, 13, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},  {8, 8, 96, 96, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1},
    {9, 9, 70, 70, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},  {9, 8, 24, 24, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3},
    {4, 3, 16, 16, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3},  {9, 9, 10, 10, 3, 3, 1, 1, 2, 3, 2, 3, 2, 3},
    {6, 6, 4, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},    {6, 7, 1, 65, 3, 5, 2, 1, 1, 1, 1, 2, 0, 2},
    {5, 5, 65, 130, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
};

static int out_size(int in, int before, int after, int kernel, int dilation, int stride)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

static struct mcu_window window_of(const struct shape_case *s)
{
    return (struct mcu_window){(uint8_t)s->kernel_h, (uint8_t)s->kernel_w,   (uint8_t)s->stride_h,
                               (uint8_t)s->stride_w, (uint8_t)s->dilation_h, (uint8_t)s->dilation_w,
                               (int8_t)s->pad_top,   (int8_t)s->pad_left};
}

typedef void kernel_fn(const void *op, int32_t y0, int32_t y1);

static void run_conv(const void *op, int32_t y0, int32_t y1)
{
    mcu_conv2d_s8__ref(op, y0, y1);
}

static void run_depthwise(const void *op, int32_t y0, int32_t y1)
{
    mcu_depthwise_s8__ref(op, y0, y1);
}

/* Output rows in ranges of 1 row (ROLLING) or two halves, each after the input rows it needs; compares row by
 * row. */
static void run_windowed(kernel_fn *kernel, const void *op, struct test_map *in, struct test_map *out,
                         const struct mcu_window *window, const int8_t *dense, const int8_t *expected,
                         const char *what)
{
    int h = out->map.h, step = out->map.ring < h || in->map.ring < in->map.h ? 1 : (h + 1) / 2;
    for (int y = 0; y < h; y += step) {
        int end = y + step < h ? y + step : h;
        map_put_until(
            in, (end - 1) * window->stride_h - window->pad_top + (window->kernel_h - 1) * window->dilation_h,
            dense);
        kernel(op, y, end);
        for (int row = y; row < end; row++)
            map_check_row(out, row, expected, what);
    }
}

static const int zero_points[][2] = {{-1, -128}, {127, -128}, {-128, 127}, {3, 5}};

static void check_conv(const struct shape_case *s, int variant, enum storage_kind in_kind,
                       enum storage_kind out_kind)
{
    uint32_t state = (uint32_t)(s->h * 31 + s->in_c * 7 + variant);
    int oh = out_size(s->h, s->pad_top, s->pad_bottom, s->kernel_h, s->dilation_h, s->stride_h);
    int ow = out_size(s->w, s->pad_left, s->pad_right, s->kernel_w, s->dilation_w, s->stride_w);
    int8_t *dense = random_bytes(&state, s->h * s->w * s->in_c);
    int8_t *weights = random_bytes(&state, s->out_c * s->kernel_h * s->kernel_w * s->in_c);
    if (variant == 1) /* the extremes of the 16-bit products */
        for (int i = 0; i < s->out_c * s->kernel_h * s->kernel_w * s->in_c; i++)
            weights[i] = i & 1 ? -128 : 127;
    struct channels channels = channels_create(&state, s->out_c);
    struct test_map in = map_create(in_kind, s->h, s->w, s->in_c, (s->kernel_h - 1) * s->dilation_h + 1);
    struct test_map out = map_create(out_kind, oh, ow, s->out_c, 2);
    struct mcu_conv2d op = {.in = in.map,
                            .out = out.map,
                            .window = window_of(s),
                            .in_zero_point = (int16_t)zero_points[variant][0],
                            .out_zero_point = (int16_t)zero_points[variant][1],
                            .act_min = (int16_t)(variant == 3 ? -60 : -128),
                            .act_max = (int16_t)(variant == 3 ? 90 : 127),
                            .weights = weights,
                            .bias = channels.bias,
                            .multiplier = channels.multiplier,
                            .shift = channels.shift};
    int8_t *expected = malloc((size_t)(oh * ow * s->out_c));
    for (int i = 0; i < oh * ow * s->out_c; i++)
        expected[i] = oracle_conv2d(&op, dense, i / s->out_c / ow, i / s->out_c % ow, i % s->out_c);
    char what[128];
    snprintf(what, sizeof(what), "conv case %d, variant %d, storage %d -> %d", (int)(s - conv_cases), variant,
             (int)in_kind, (int)out_kind);
    run_windowed(run_conv, &op, &in, &out, &op.window, dense, expected, what);
    map_destroy(&in);
    map_destroy(&out);
    channels_destroy(&channels);
    free(expected);
    free(weights);
    free(dense);
}

static void test_conv(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(conv_cases) / sizeof(*conv_cases); i++)
        for (int variant = 0; variant < 4; variant++)
            for (int kind = 0; kind < STORAGE_KINDS * STORAGE_KINDS; kind++)
                check_conv(&conv_cases[i], variant, kind / STORAGE_KINDS, kind % STORAGE_KINDS);
}

static void check_depthwise(const struct shape_case *s, int variant, enum storage_kind in_kind,
                            enum storage_kind out_kind)
{
    uint32_t state = (uint32_t)(s->h * 17 + s->in_c * 5 + variant);
    int oh = out_size(s->h, s->pad_top, s->pad_bottom, s->kernel_h, s->dilation_h, s->stride_h);
    int ow = out_size(s->w, s->pad_left, s->pad_right, s->kernel_w, s->dilation_w, s->stride_w);
    int8_t *dense = random_bytes(&state, s->h * s->w * s->in_c);
    int8_t *weights = random_bytes(&state, s->out_c * s->kernel_h * s->kernel_w);
    if (variant == 1)
        for (int i = 0; i < s->out_c * s->kernel_h * s->kernel_w; i++)
            weights[i] = -128;
    struct channels channels = channels_create(&state, s->out_c);
    struct test_map in = map_create(in_kind, s->h, s->w, s->in_c, (s->kernel_h - 1) * s->dilation_h + 1);
    struct test_map out = map_create(out_kind, oh, ow, s->out_c, 2);
    struct mcu_depthwise op = {.in = in.map,
                               .out = out.map,
                               .window = window_of(s),
                               .in_zero_point = (int16_t)zero_points[variant][0],
                               .out_zero_point = (int16_t)zero_points[variant][1],
                               .act_min = (int16_t)(variant == 3 ? -60 : -128),
                               .act_max = (int16_t)(variant == 3 ? 90 : 127),
                               .weights = weights,
                               .bias = channels.bias,
                               .multiplier = channels.multiplier,
                               .shift = channels.shift};
    int8_t *expected = malloc((size_t)(oh * ow * s->out_c));
    for (int i = 0; i < oh * ow * s->out_c; i++)
        expected[i] = oracle_depthwise(&op, dense, i / s->out_c / ow, i / s->out_c % ow, i % s->out_c);
    char what[128];
    snprintf(what, sizeof(what), "depthwise case %d, variant %d, storage %d -> %d",
             (int)(s - depthwise_cases), variant, (int)in_kind, (int)out_kind);
    run_windowed(run_depthwise, &op, &in, &out, &op.window, dense, expected, what);
    map_destroy(&in);
    map_destroy(&out);
    channels_destroy(&channels);
    free(expected);
    free(weights);
    free(dense);
}

static void test_depthwise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(depthwise_cases) / sizeof(*depthwise_cases); i++)
        for (int variant = 0; variant < 4; variant++)
            for (int kind = 0; kind < STORAGE_KINDS * STORAGE_KINDS; kind++)
                check_depthwise(&depthwise_cases[i], variant, kind / STORAGE_KINDS, kind % STORAGE_KINDS);
}

static void test_fully_connected(void **state)
{
    (void)state;
    static const int shapes[][4] = {
        {1, 1, 1, 1}, {1, 1, 64, 10}, {1, 1, 37, 3}, {3, 4, 5, 7}, {2, 1, 160, 31}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        for (int variant = 0; variant < 4; variant++)
            for (int kind = WHOLE; kind < ROLLING; kind++) {
                uint32_t seed = (uint32_t)(i * 10 + (size_t)variant);
                int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2], out_c = shapes[i][3];
                int8_t *dense = random_bytes(&seed, h * w * c),
                       *weights = random_bytes(&seed, out_c * h * w * c);
                struct channels channels = channels_create(&seed, out_c);
                struct test_map in = map_create(kind, h, w, c, 0), out = map_create(kind, 1, 1, out_c, 0);
                struct mcu_fully_connected op = {.in = in.map,
                                                 .out = out.map,
                                                 .in_zero_point = (int16_t)zero_points[variant][0],
                                                 .out_zero_point = (int16_t)zero_points[variant][1],
                                                 .act_min = (int16_t)(variant == 3 ? -60 : -128),
                                                 .act_max = (int16_t)(variant == 3 ? 90 : 127),
                                                 .weights = weights,
                                                 .bias = channels.bias,
                                                 .multiplier = channels.multiplier,
                                                 .shift = channels.shift};
                int8_t expected[64];
                for (int k = 0; k < out_c; k++)
                    expected[k] = oracle_fully_connected(&op, dense, k);
                map_put_until(&in, h, dense);
                mcu_fully_connected_s8__ref(&op, 0, 1);
                map_check_row(&out, 0, expected, "fully connected");
                map_destroy(&in);
                map_destroy(&out);
                channels_destroy(&channels);
                free(dense);
                free(weights);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_fully_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
