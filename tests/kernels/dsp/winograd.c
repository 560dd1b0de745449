/*
 * winograd.c - mcu_conv2d_winograd_s8__dsp against mcu_conv2d_s8__ref: paddings, channel counts, sizes that
 * are no multiple of 4, blocks, map layouts, zero points, activation ranges, every kind of requantisation.
 */
#include "conv2d_case.h"

static void run(const struct shape *s, int shifts, int tile_rows, bool flip, int in_zero_point, int act_min,
                int act_max, bool extreme)
{
    char what[128];
    snprintf(what, sizeof what, "%dx%dx%d p%d,%d -> %d shifts %d tile rows %d%s", s->h, s->w, s->c,
             s->pad_top, s->pad_left, s->out_c, shifts, tile_rows, flip ? " flipped" : "");
    const struct conv2d_case it = conv2d_case(s, shifts, flip, in_zero_point, act_min, act_max, extreme);
    const struct mcu_conv2d op = it.op;
    const int32_t out_h = op.out.h, out_w = op.out.w;

    void *packed = malloc((size_t)mcu_conv2d_winograd_dsp_weights_bytes(&op));
    int32_t *requant = malloc((size_t)mcu_conv2d_dsp_requant_bytes(&op));
    mcu_conv2d_winograd_dsp_pack(&op, packed, requant);
    struct check_buffer scratch = check_alloc(mcu_conv2d_winograd_dsp_scratch_bytes(&op, tile_rows), 0);
    struct mcu_conv2d_winograd_dsp dsp = {
        .in = op.in,
        .out = check_map(it.out.bytes, out_h, out_w, s->out_c),
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
        check_same(it.out.bytes, it.expected.bytes, it.out_bytes, what);
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
    conv2d_case_free(&it, what);
    check_free(scratch, 0, what);
    free(packed), free(requant);
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
            run(&shapes[i], turn % 5, tile_rows, turn % 2, turn % 5 == 0 ? 127 : check_range(-128, 127), -128,
                127, false);
            run(&shapes[i], (turn + 1) % 5, tile_rows, !(turn % 2), -128, check_range(-100, 0),
                check_range(1, 100), false);
            run(&shapes[i], turn % 3, tile_rows, false, turn % 2 ? 127 : -128, -128, 127, true);
        }
    return check_verdict("winograd");
}
