/*
 * winograd.c - mcu_conv2d_winograd_s8__dsp against mcu_conv2d_s8__ref: paddings, channel counts, sizes that
 * are no multiple of 4, blocks, map layouts, zero points, activation ranges, every kind of requantisation.
 */
#include "check.h"
#include "engine/dsp/pack.h"

struct shape {
    int h, w, c, kernel_h, kernel_w, stride, pad_top, pad_left, pad_bottom, pad_right, out_c;
};

static void run(const struct shape *s, int shifts, int tile_rows, bool flip, int in_zero_point, int act_min,
                int act_max, bool extreme)
{
    char what[128];
    snprintf(what, sizeof what, "%dx%dx%d p%d,%d -> %d shifts %d tile rows %d%s", s->h, s->w, s->c,
             s->pad_top, s->pad_left, s->out_c, shifts, tile_rows, flip ? " flipped" : "");
    const int32_t out_h = (s->h + s->pad_top + s->pad_bottom - s->kernel_h) / s->stride + 1;
    const int32_t out_w = (s->w + s->pad_left + s->pad_right - s->kernel_w) / s->stride + 1;
    const int32_t taps = s->kernel_h * s->kernel_w * s->c, in_bytes = s->h * s->w * s->c,
                  out_bytes = out_h * out_w * s->out_c;
    const int32_t misalign = check_range(0, 3);
    struct check_buffer in = check_alloc(in_bytes, misalign), out = check_alloc(out_bytes, misalign);
    struct check_buffer expected = check_alloc(out_bytes, 0);
    int8_t *weights = malloc((size_t)(taps * s->out_c)), *shift = malloc((size_t)s->out_c);
    int32_t *bias = malloc((size_t)s->out_c * 4), *multiplier = malloc((size_t)s->out_c * 4);
    for (int32_t i = 0; i < in_bytes; i++)
        in.bytes[i] = (uint8_t)(extreme ? (i & 16 ? 127 : -128) : check_int8(-128));
    for (int32_t i = 0; i < taps * s->out_c; i++)
        weights[i] = (int8_t)(extreme && i / taps % 2 ? 127 : check_int8(-127));
    for (int32_t i = 0; i < s->out_c; i++)
        bias[i] = (int32_t)check_random() >> check_range(8, 24);
    if (extreme)
        bias[0] = 1 << 30;
    check_multipliers(multiplier, shift, s->out_c, shifts);
    struct mcu_conv2d op = {
        .in = check_map(in.bytes, s->h, s->w, s->c),
        .out = check_map(expected.bytes, out_h, out_w, s->out_c),
        .window = {(uint8_t)s->kernel_h, (uint8_t)s->kernel_w, (uint8_t)s->stride, (uint8_t)s->stride, 1, 1,
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
    if (flip) {
        op.in = check_flip(op.in);
        op.out = check_flip(op.out);
    }
    mcu_conv2d_s8__ref(&op, 0, out_h);

    void *packed = malloc((size_t)mcu_conv2d_winograd_dsp_weights_bytes(&op));
    int32_t *requant = malloc((size_t)mcu_conv2d_dsp_requant_bytes(&op));
    mcu_conv2d_winograd_dsp_pack(&op, packed, requant);
    struct check_buffer scratch = check_alloc(mcu_conv2d_winograd_dsp_scratch_bytes(&op, tile_rows), 0);
    struct mcu_conv2d_winograd_dsp dsp = {
        .in = op.in,
        .out = check_map(out.bytes, out_h, out_w, s->out_c),
        .pad_top = op.window.pad_top,
        .pad_left = op.window.pad_left,
        .in_zero_point = op.in_zero_point,
        .out_zero_point = op.out_zero_point,
        .act_min = op.act_min,
        .act_max = op.act_max,
        .tile_rows = (int16_t)tile_rows,
        .weights = packed,
        .requant = requant,
        .scratch = scratch.bytes,
    };
    if (flip)
        dsp.out = check_flip(dsp.out);
    if (!mcu_conv2d_winograd_dsp_supports(&op)) {
        printf("%s: not supported\n", what);
        check_failures++;
    } else {
        const int32_t split = check_range(0, out_h);
        mcu_conv2d_winograd_s8__dsp(&dsp, 0, split);
        mcu_conv2d_winograd_s8__dsp(&dsp, split, out_h);
        check_same(out.bytes, expected.bytes, out_bytes, what);
    }
    {
        /* into a rolling buffer that wraps within a block */
        struct check_buffer out_ring;
        dsp.out = check_ring(dsp.out, 5, &out_ring);
        for (int32_t y = 0; y < out_h; y += 4) {
            const int32_t end = y + 4 < out_h ? y + 4 : out_h;
            mcu_conv2d_winograd_s8__dsp(&dsp, y, end);
            for (int32_t i = y; i < end; i++)
                check_same(mcu_row(&dsp.out, i), mcu_row(&op.out, i), out_w * s->out_c, what);
        }
        check_free(out_ring, 0, what);
    }
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
    check_free(scratch, 0, what);
    free(weights), free(shift), free(bias), free(multiplier), free(packed), free(requant);
}

int main(void)
{
    static const struct shape shapes[] = {
        {8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 16}, {4, 12, 4, 3, 3, 1, 1, 1, 1, 1, 4},
        {5, 7, 8, 3, 3, 1, 1, 1, 1, 1, 8},   {1, 1, 4, 3, 3, 1, 1, 1, 1, 1, 4},
        {9, 6, 36, 3, 3, 1, 0, 0, 0, 0, 4},  {10, 10, 12, 3, 3, 1, 0, 1, 2, 1, 12},
        {3, 3, 64, 3, 3, 1, 1, 1, 1, 1, 8},  {6, 13, 20, 3, 3, 1, 2, 2, 0, 0, 4},
        {4, 4, 224, 3, 3, 1, 1, 1, 1, 1, 4}, {12, 4, 32, 3, 3, 1, 1, 1, 1, 1, 8},
    };
    int turn = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int tile_rows = 1; tile_rows < 4; tile_rows++, turn++) {
            run(&shapes[i], turn % 4, tile_rows, turn % 2, turn % 5 == 0 ? 127 : check_range(-128, 127), -128,
                127, false);
            run(&shapes[i], (turn + 1) % 4, tile_rows, !(turn % 2), -128, check_range(-100, 0),
                check_range(1, 100), false);
            run(&shapes[i], turn % 3, tile_rows, false, turn % 2 ? 127 : -128, -128, 127, true);
        }
    return check_verdict("winograd");
}
