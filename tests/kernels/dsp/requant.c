/*
 * requant.c - the requantisation of the kernels at its hard points: sums whose scaled value is an exact tie,
 * or next to one, up to where the output saturates, for every right shift. Inputs are the zero point, so that
 * a channel's sum is its bias; weights are as large as they get, so that packing cannot rule out large sums.
 */
#include "check.h"
#include "engine/dsp/pack.h"

enum { CHANNELS = 64, DEPTH = 64 };

/* One right shift for all channels, or others as well: what a block of channels has in common decides how it
 * is computed. */
enum mix { ALIKE, NEXT_TO, FAR_APART, SOME_OFF, MIXES };

/* Sums that scale, by 2^30 / 2^31, to (2 k + 1) 2^(e - 1) and its neighbours; saturated ones among them, and
 * ones as large as 4 y may be. */
static int32_t sum_at_tie(int e)
{
    const int64_t k = check_range(-300, 300);
    int64_t y = e == 0 ? k : (2 * k + 1) * (INT64_C(1) << (e - 1)) + check_range(-1, 1);
    if (e < 3 && k % 16 == 0)
        y = (INT64_C(1) << 29) - check_range(0, 1 << 21);
    y = y > (1 << 29) ? 1 << 29 : y < -(1 << 29) ? -(1 << 29) : y;
    return (int32_t)(k & 1 ? 2 * y : -2 * y);
}

static void channels(int e, int32_t multiplier_of_all, enum mix mix, int32_t *bias, int32_t *multiplier,
                     int8_t *shift)
{
    for (int32_t i = 0; i < CHANNELS; i++) {
        int other = mix == NEXT_TO ? e + check_range(0, 3) : e;
        if (mix == FAR_APART && check_range(0, 3) == 0)
            other = check_range(0, 31);
        other = other > 31 ? 31 : other;
        multiplier[i] = mix == SOME_OFF && check_range(0, 2) == 0 ? 0 : multiplier_of_all;
        shift[i] = (int8_t)-other;
        bias[i] = sum_at_tie(other);
    }
}

static void convolution(int e, int32_t multiplier_of_all, enum mix mix, int in_zero_point, int out_zero_point)
{
    static int8_t in[3 * DEPTH], weights[CHANNELS * DEPTH], out[3 * CHANNELS], expected[3 * CHANNELS],
        shift[CHANNELS];
    static int32_t bias[CHANNELS], multiplier[CHANNELS], packed[CHANNELS * DEPTH / 4], requant[CHANNELS * 3],
        scratch[512];
    channels(e, multiplier_of_all, mix, bias, multiplier, shift);
    memset(in, in_zero_point, sizeof in);
    memset(weights, 127, sizeof weights);
    const struct mcu_conv2d op = {.in = check_map(in, 1, 3, DEPTH),
                                  .out = check_map(expected, 1, 3, CHANNELS),
                                  .window = {1, 1, 1, 1, 1, 1, 0, 0},
                                  .in_zero_point = (int16_t)in_zero_point,
                                  .out_zero_point = (int16_t)out_zero_point,
                                  .act_min = -128,
                                  .act_max = 127,
                                  .weights = weights,
                                  .bias = bias,
                                  .multiplier = multiplier,
                                  .shift = shift};
    mcu_conv2d_s8__ref(&op, 0, 1);
    mcu_conv2d_dsp_pack(&op, false, packed, requant);
    const struct mcu_conv2d_dsp dsp = {.in = op.in,
                                       .out = check_map(out, 1, 3, CHANNELS),
                                       .window = op.window,
                                       .in_zero_point = op.in_zero_point,
                                       .out_zero_point = op.out_zero_point,
                                       .act_min = -128,
                                       .act_max = 127,
                                       .panel_pixels = 4,
                                       .weights = packed,
                                       .requant = requant,
                                       .scratch = scratch};
    if ((size_t)mcu_conv2d_dsp_scratch_bytes(&op, 4, false) > sizeof scratch)
        check_failures++;
    mcu_conv2d_s8__dsp(&dsp, 0, 1);
    char what[64];
    snprintf(what, sizeof what, "convolution, shift %d, multiplier %ld, mix %d", -e, (long)multiplier_of_all,
             (int)mix);
    check_same(out, expected, sizeof out, what);
}

static void depthwise(int e, int32_t multiplier_of_all, enum mix mix, int in_zero_point, int out_zero_point)
{
    enum { WIDTH = 15 };
    static int8_t in[WIDTH * CHANNELS], weights[49 * CHANNELS], out[WIDTH * CHANNELS],
        expected[WIDTH * CHANNELS];
    static int8_t shift[CHANNELS];
    static int32_t bias[CHANNELS], multiplier[CHANNELS], packed[CHANNELS * 21], requant[CHANNELS * 3],
        scratch[1024];
    channels(e, multiplier_of_all, mix, bias, multiplier, shift);
    memset(in, in_zero_point, sizeof in);
    memset(weights, -127, sizeof weights);
    for (uint8_t kernel = 3; kernel <= 7; kernel = (uint8_t)(kernel + 2)) {
        const struct mcu_depthwise op = {
            .in = check_map(in, 1, WIDTH, CHANNELS),
            .out = check_map(expected, 1, WIDTH, CHANNELS),
            .window = {kernel, kernel, 1, 1, 1, 1, (int8_t)(kernel / 2), (int8_t)(kernel / 2)},
            .in_zero_point = (int16_t)in_zero_point,
            .out_zero_point = (int16_t)out_zero_point,
            .act_min = -128,
            .act_max = 127,
            .weights = weights,
            .bias = bias,
            .multiplier = multiplier,
            .shift = shift};
        mcu_depthwise_s8__ref(&op, 0, 1);
        mcu_depthwise_dsp_pack(&op, false, packed, requant);
        const struct mcu_depthwise_dsp dsp = {.in = op.in,
                                              .out = check_map(out, 1, WIDTH, CHANNELS),
                                              .window = op.window,
                                              .in_zero_point = op.in_zero_point,
                                              .out_zero_point = op.out_zero_point,
                                              .act_min = -128,
                                              .act_max = 127,
                                              .batch_rows = 1,
                                              .rows = mcu_depthwise_dsp_rows(&op).function,
                                              .weights = packed,
                                              .requant = requant,
                                              .scratch = scratch};
        if ((size_t)mcu_depthwise_dsp_scratch_bytes(&op, 1, false) > sizeof scratch)
            check_failures++;
        mcu_depthwise_s8__dsp(&dsp, 0, 1);
        char what[64];
        snprintf(what, sizeof what, "depthwise %d, shift %d, multiplier %ld, mix %d", kernel, -e,
                 (long)multiplier_of_all, (int)mix);
        check_same(out, expected, sizeof out, what);
    }
}

int main(void)
{
    for (int e = 0; e <= 31; e++)
        for (int turn = 0; turn < 12; turn++) {
            const int32_t multiplier = turn < 8    ? 1 << 30
                                       : turn == 8 ? INT32_MAX
                                                   : (1 << 30) + (int32_t)(check_random() >> 2);
            const int in_zero_point = turn & 1 ? -128 : check_range(-128, 127);
            const int out_zero_point = turn % 3 == 0 ? -128 : turn % 3 == 1 ? 127 : check_range(-128, 127);
            const enum mix mix = (enum mix)(turn % MIXES);
            convolution(e, multiplier, mix, in_zero_point, out_zero_point);
            depthwise(e, multiplier, mix, in_zero_point, out_zero_point);
        }
    return check_verdict("requant");
}
