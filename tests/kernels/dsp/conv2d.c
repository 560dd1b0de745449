/*
 * conv2d.c - mcu_conv2d_s8__dsp against mcu_conv2d_s8__ref: kernels, strides, paddings, channel counts, panel
 * sizes, map layouts, zero points, activation ranges, every kind of requantisation.
 */
#include "conv2d_case.h"

static void run(const struct shape *s, int shifts, int panel_pixels, bool wide, bool flip, int in_zero_point,
                int act_min, int act_max, bool extreme)
{
    char what[128];
    snprintf(what, sizeof what, "%dx%dx%d k%dx%d s%d p%d,%d -> %d shifts %d panel %d%s%s", s->h, s->w, s->c,
             s->kernel_h, s->kernel_w, s->stride, s->pad_top, s->pad_left, s->out_c, shifts, panel_pixels,
             wide ? " wide" : "", flip ? " flipped" : "");
    const struct conv2d_case it = conv2d_case(s, shifts, flip, in_zero_point, act_min, act_max, extreme);
    const struct mcu_conv2d op = it.op;
    const int32_t out_h = op.out.h, out_w = op.out.w;

    void *packed = malloc((size_t)mcu_conv2d_dsp_weights_bytes(&op, wide));
    int32_t *requant = malloc((size_t)mcu_conv2d_dsp_requant_bytes(&op));
    mcu_conv2d_dsp_pack(&op, wide, packed, requant);
    if (wide) { /* expanding in the firmware gives the same */
        void *narrow = malloc((size_t)mcu_conv2d_dsp_weights_bytes(&op, false));
        void *expanded = malloc((size_t)mcu_conv2d_dsp_weights_bytes(&op, true));
        mcu_conv2d_dsp_pack(&op, false, narrow, requant);
        mcu_conv2d_dsp_expand(narrow, mcu_conv2d_dsp_weights_bytes(&op, false), expanded);
        check_same(expanded, packed, 2 * mcu_conv2d_dsp_weights_bytes(&op, false), what);
        free(narrow), free(expanded);
    }
    struct check_buffer scratch = check_alloc(mcu_conv2d_dsp_scratch_bytes(&op, panel_pixels, wide), 0);
    struct mcu_conv2d_dsp dsp = {
        .in = op.in,
        .out = check_map(it.out.bytes, out_h, out_w, s->out_c),
        .window = op.window,
        .in_zero_point = op.in_zero_point,
        .out_zero_point = op.out_zero_point,
        .act_min = op.act_min,
        .act_max = op.act_max,
        .panel_pixels = (int16_t)panel_pixels,
        .wide = wide,
        .weights = packed,
        .requant = requant,
        .scratch = scratch.bytes,
    };
    if (flip)
        dsp.out = check_flip(dsp.out);
    if (!mcu_conv2d_dsp_supports(&op)) {
        printf("%s: not supported\n", what);
        check_failures++;
    } else {
        const int32_t split = check_range(0, out_h);
        mcu_conv2d_s8__dsp(&dsp, 0, split);
        mcu_conv2d_s8__dsp(&dsp, split, out_h);
        check_same(it.out.bytes, it.expected.bytes, it.out_bytes, what);
    }
    {
        /* row by row out of and into rolling buffers, as a fused schedule does */
        struct check_buffer in_ring, out_ring;
        const struct mcu_map from = op.in;
        int32_t next = 0;
        dsp.in = check_ring(op.in, s->kernel_h, &in_ring);
        dsp.out = check_ring(dsp.out, 2, &out_ring);
        for (int32_t y = 0; y < out_h; y++) {
            check_feed(&from, &dsp.in, &next, y * s->stride - s->pad_top + s->kernel_h);
            mcu_conv2d_s8__dsp(&dsp, y, y + 1);
            check_same(mcu_row(&dsp.out, y), mcu_row(&op.out, y), out_w * s->out_c, what);
        }
        check_free(in_ring, 0, what);
        check_free(out_ring, 0, what);
    }
    conv2d_case_free(&it, what);
    check_free(scratch, 0, what);
    free(packed), free(requant);
}

int main(void)
{
    static const struct shape pointwise[] = {
        {1, 1, 4, 1, 1, 1, 0, 0, 0, 0, 4},    {3, 5, 8, 1, 1, 1, 0, 0, 0, 0, 16},
        {4, 6, 16, 1, 1, 1, 0, 0, 0, 0, 8},   {2, 7, 24, 1, 1, 1, 0, 0, 0, 0, 12},
        {3, 4, 32, 1, 1, 1, 0, 0, 0, 0, 10},  {5, 5, 36, 1, 1, 1, 0, 0, 0, 0, 4},
        {5, 5, 64, 1, 1, 2, 0, 0, 0, 0, 5},   {5, 3, 96, 1, 1, 1, 0, 0, 0, 0, 8},
        {2, 2, 100, 1, 1, 1, 0, 0, 0, 0, 4},  {4, 4, 5, 1, 1, 1, 0, 0, 0, 0, 7},
        {3, 3, 33, 1, 1, 2, 0, 0, 0, 0, 4},   {2, 9, 28, 1, 1, 1, 0, 0, 0, 0, 1},
        {1, 4, 320, 1, 1, 1, 0, 0, 0, 0, 12}, {6, 1, 12, 1, 1, 1, 0, 0, 0, 0, 4},
        {3, 2, 20, 1, 1, 1, 0, 0, 0, 0, 3},
    };
    static const struct shape windows[] = {
        {9, 9, 3, 3, 3, 2, 0, 0, 1, 1, 8},  {8, 10, 3, 3, 3, 2, 1, 1, 1, 1, 16},
        {7, 6, 1, 3, 3, 1, 1, 1, 1, 1, 4},  {11, 5, 1, 10, 4, 2, 4, 1, 5, 1, 8},
        {6, 7, 4, 3, 3, 1, 1, 1, 1, 1, 8},  {6, 6, 8, 5, 5, 1, 2, 2, 2, 2, 4},
        {9, 8, 16, 3, 3, 2, 0, 0, 1, 1, 4}, {5, 5, 6, 3, 3, 1, 1, 1, 1, 1, 5},
        {10, 9, 3, 7, 7, 2, 3, 3, 3, 3, 4}, {4, 9, 2, 1, 5, 1, 0, 2, 0, 2, 4},
        {7, 3, 12, 3, 1, 1, 1, 0, 1, 0, 8}, {6, 6, 5, 2, 2, 2, 0, 0, 0, 0, 4},
        {5, 7, 1, 5, 5, 1, 2, 2, 2, 2, 12}, {3, 3, 8, 3, 3, 1, 0, 0, 0, 0, 8},
        {4, 4, 7, 3, 3, 2, 1, 1, 0, 0, 4},  {2, 3, 4, 5, 5, 1, 2, 2, 2, 2, 4},
    };
    static const int panels[] = {2, 4, 6, 10, 64};
    int turn = 0;
    for (size_t i = 0; i < sizeof pointwise / sizeof *pointwise + sizeof windows / sizeof *windows; i++) {
        const size_t n = sizeof pointwise / sizeof *pointwise;
        const struct shape *shape = i < n ? &pointwise[i] : &windows[i - n];
        for (size_t p = 0; p < sizeof panels / sizeof *panels; p++, turn++) {
            run(shape, turn % 5, panels[p], p % 2, turn % 3 == 1,
                turn % 5 == 0 ? 127 : check_range(-128, 127), -128, 127, false);
            run(shape, (turn + 1) % 5, panels[p], !(p % 2), turn % 3 == 2, -128, check_range(-100, 0),
                check_range(1, 100), false);
            run(shape, turn % 3 == 2 ? 4 : turn % 3, panels[p], p % 2, false, turn % 2 ? 127 : -128, -128,
                127, true);
        }
    }
    return check_verdict("conv2d");
}
