/*
 * depthwise.c - mcu_depthwise_s8__dsp against mcu_depthwise_s8__ref: kernels 3 5 7, strides 1 2, any padding,
 * widths around the block sizes, batches of rows, in place, every kind of requantisation.
 */
#include "check.h"
#include "engine/dsp/pack.h"

struct shape {
    int h, w, c, kernel, stride, pad_top, pad_left, pad_bottom, pad_right;
};

static void run(const struct shape *s, int shifts, int batch_rows, bool wide, bool in_place,
                int in_zero_point, int act_min, int act_max, bool extreme)
{
    char what[128];
    snprintf(what, sizeof what, "%dx%dx%d k%d s%d p%d,%d,%d,%d shifts %d batch %d%s%s", s->h, s->w, s->c,
             s->kernel, s->stride, s->pad_top, s->pad_left, s->pad_bottom, s->pad_right, shifts, batch_rows,
             wide ? " wide" : "", in_place ? " in place" : "");
    const int32_t out_h = (s->h + s->pad_top + s->pad_bottom - s->kernel) / s->stride + 1;
    const int32_t out_w = (s->w + s->pad_left + s->pad_right - s->kernel) / s->stride + 1;
    const int32_t taps = s->kernel * s->kernel, in_bytes = s->h * s->w * s->c,
                  out_bytes = out_h * out_w * s->c;
    in_place = in_place && out_h <= batch_rows && out_bytes <= in_bytes;
    const int32_t misalign = check_range(0, 3);
    struct check_buffer in = check_alloc(in_bytes, misalign), out = check_alloc(out_bytes, misalign);
    struct check_buffer expected = check_alloc(out_bytes, 0);
    int8_t *weights = malloc((size_t)(taps * s->c)), *shift = malloc((size_t)s->c);
    int32_t *bias = malloc((size_t)s->c * 4), *multiplier = malloc((size_t)s->c * 4);
    for (int32_t i = 0; i < in_bytes; i++)
        in.bytes[i] = (uint8_t)(extreme ? (i & 16 ? 127 : -128) : check_int8(-128));
    for (int32_t i = 0; i < taps * s->c; i++)
        weights[i] = (int8_t)(extreme && i % s->c % 2 ? 127 : check_int8(-128));
    for (int32_t i = 0; i < s->c; i++)
        bias[i] = (int32_t)check_random() >> check_range(8, 24);
    check_multipliers(multiplier, shift, s->c, shifts);
    struct mcu_depthwise op = {
        .in = check_map(in.bytes, s->h, s->w, s->c),
        .out = check_map(expected.bytes, out_h, out_w, s->c),
        .window = {(uint8_t)s->kernel, (uint8_t)s->kernel, (uint8_t)s->stride, (uint8_t)s->stride, 1, 1,
                   (int8_t)s->pad_top, (int8_t)s->pad_left},
        .in_zero_point = (int16_t)in_zero_point,
        .out_zero_point = (int16_t)check_range(-128, 127),
        .act_min = (int16_t)act_min,
        .act_max = (int16_t)act_max,
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    mcu_depthwise_s8__ref(&op, 0, out_h);

    void *packed = malloc((size_t)mcu_depthwise_dsp_weights_bytes(&op, wide));
    int32_t *requant = malloc((size_t)mcu_depthwise_dsp_requant_bytes(&op));
    mcu_depthwise_dsp_pack(&op, wide, packed, requant);
    if (wide) { /* expanding in the firmware gives the same */
        void *narrow = malloc((size_t)mcu_depthwise_dsp_weights_bytes(&op, false));
        void *expanded = malloc((size_t)mcu_depthwise_dsp_weights_bytes(&op, true));
        mcu_depthwise_dsp_pack(&op, false, narrow, requant);
        mcu_depthwise_dsp_expand(narrow, mcu_depthwise_dsp_weights_bytes(&op, false), expanded);
        check_same(expanded, packed, 2 * mcu_depthwise_dsp_weights_bytes(&op, false), what);
        free(narrow), free(expanded);
    }
    struct check_buffer scratch = check_alloc(mcu_depthwise_dsp_scratch_bytes(&op, batch_rows, wide), 0);
    struct mcu_depthwise_dsp dsp = {
        .in = op.in,
        .out = check_map(in_place ? in.bytes : out.bytes, out_h, out_w, s->c),
        .window = op.window,
        .in_zero_point = op.in_zero_point,
        .out_zero_point = op.out_zero_point,
        .act_min = op.act_min,
        .act_max = op.act_max,
        .batch_rows = (int16_t)batch_rows,
        .wide = wide,
        .weights = packed,
        .requant = requant,
        .rows = mcu_depthwise_dsp_rows(&op).function,
        .scratch = scratch.bytes,
    };
    if (!mcu_depthwise_dsp_supports(&op)) {
        printf("%s: not supported\n", what);
        check_failures++;
    } else {
        const int32_t split = in_place ? out_h : check_range(0, out_h);
        mcu_depthwise_s8__dsp(&dsp, 0, split);
        mcu_depthwise_s8__dsp(&dsp, split, out_h);
        check_same(dsp.out.data, expected.bytes, out_bytes, what);
    }
    if (!in_place) {
        /* row by row out of and into rolling buffers, as a fused schedule does */
        struct check_buffer in_ring, out_ring;
        const struct mcu_map from = op.in;
        int32_t next = 0;
        dsp.in = check_ring(op.in, s->kernel, &in_ring);
        dsp.out = check_ring(dsp.out, 2, &out_ring);
        for (int32_t y = 0; y < out_h; y++) {
            check_feed(&from, &dsp.in, &next, y * s->stride - s->pad_top + s->kernel);
            mcu_depthwise_s8__dsp(&dsp, y, y + 1);
            check_same(mcu_row(&dsp.out, y), mcu_row(&op.out, y), out_w * s->c, what);
        }
        check_free(in_ring, 0, what);
        check_free(out_ring, 0, what);
    }
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
    check_free(scratch, 0, what);
    free(weights), free(shift), free(bias), free(multiplier), free(packed), free(requant);
}

/* What the fast kernel leaves to the reference must be refused. */
static void refused(void)
{
    struct mcu_depthwise op = {
        .in = check_map(0, 8, 8, 8), .out = check_map(0, 8, 8, 8), .window = {3, 3, 1, 1, 1, 1, 1, 1}};
    check_cases++;
    int wrong = !mcu_depthwise_dsp_supports(&op);
    op.in.c = op.out.c = 6;
    wrong += mcu_depthwise_dsp_supports(&op);
    op.in.c = 4, op.out.c = 8;
    wrong += mcu_depthwise_dsp_supports(&op);
    op.in.c = 8;
    op.window.dilation_w = 2;
    wrong += mcu_depthwise_dsp_supports(&op);
    op.window.dilation_w = 1;
    op.window.kernel_w = 5;
    wrong += mcu_depthwise_dsp_supports(&op);
    if (wrong) {
        printf("supports: %d wrong answers\n", wrong);
        check_failures++;
    }
}

int main(void)
{
    int turn = 0;
    for (int kernel = 3; kernel <= 7; kernel += 2)
        for (int stride = 1; stride <= 2; stride++)
            for (int w = kernel < 7 ? 1 : 2; w <= 26; w += w < 14 ? 1 : 3, turn++) {
                const int h = check_range(1, 9), p = kernel / 2;
                struct shape shape = {h, w, turn % 3 ? 4 : 8, kernel, stride, p, p, p, p};
                if (turn % 3 == 1) { /* any other padding that leaves an output */
                    shape.pad_top = check_range(0, p), shape.pad_bottom = check_range(0, p);
                    shape.pad_left = check_range(0, p), shape.pad_right = check_range(0, p);
                    shape.h = h < kernel ? kernel : h;
                    shape.w = w < kernel ? kernel : w;
                }
                run(&shape, turn % 5, check_range(1, 4), turn % 2, false, check_range(-128, 127), -128, 127,
                    false);
                run(&shape, (turn + 1) % 5, 16, !(turn % 2), true, turn % 2 ? -128 : 127, -128, 127, false);
                run(&shape, (turn + 2) % 5, 1, turn % 2, false, -128, check_range(-100, 0),
                    check_range(1, 100), false);
                run(&shape, (turn + 3) % 5, 2, !(turn % 2), false, turn % 2 ? -128 : 127, -128, 127, true);
            }
    refused();
    return check_verdict("depthwise");
}
