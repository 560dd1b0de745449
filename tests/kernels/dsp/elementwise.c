/*
 * elementwise.c - fully connected, add, pools and means against the reference kernels.
 */
#include "check.h"
#include "engine/dsp/pack.h"

static void fully_connected(int h, int w, int c, int out_c, int shifts, bool clamped, int extreme)
{
    char what[96];
    snprintf(what, sizeof what, "fully connected %dx%dx%d -> %d shifts %d extreme %d", h, w, c, out_c, shifts,
             extreme);
    const int32_t inputs = h * w * c, misalign = check_range(0, 3);
    struct check_buffer in = check_alloc(inputs, misalign), out = check_alloc(out_c, misalign);
    struct check_buffer expected = check_alloc(out_c, 0);
    int8_t *weights = malloc((size_t)(inputs * out_c)), *shift = malloc((size_t)out_c);
    int32_t *bias = malloc((size_t)out_c * 4), *multiplier = malloc((size_t)out_c * 4);
    for (int32_t i = 0; i < inputs; i++)
        in.bytes[i] = (uint8_t)(extreme == 1   ? -128
                                : extreme == 2 ? 127
                                : extreme == 3 ? (i & 1 ? -128 : 127)
                                               : check_int8(-128));
    for (int32_t i = 0; i < inputs * out_c; i++)
        weights[i] = (int8_t)(extreme ? (i / inputs & 1            ? 127
                                         : i / inputs & 2 && i & 1 ? 127
                                                                   : -127)
                                      : check_int8(-127));
    for (int32_t i = 4 * inputs; !extreme && i < inputs * out_c; i++) /* not in the first block */
        weights[i] = check_int8(-128);
    if (extreme == 3 && inputs > 1)
        memset(weights, -128, (size_t)inputs);
    for (int32_t i = 0; i < out_c; i++)
        bias[i] = (int32_t)check_random() >> check_range(8, 24);
    check_multipliers(multiplier, shift, out_c, shifts);
    struct mcu_fully_connected op = {
        .in = check_map(in.bytes, h, w, c),
        .out = check_map(expected.bytes, 1, 1, out_c),
        .in_zero_point = (int16_t)check_range(-128, 127),
        .out_zero_point = (int16_t)check_range(-128, 127),
        .act_min = (int16_t)(clamped ? check_range(-100, 0) : -128),
        .act_max = (int16_t)(clamped ? check_range(1, 100) : 127),
        .weights = weights,
        .bias = bias,
        .multiplier = multiplier,
        .shift = shift,
    };
    mcu_fully_connected_s8__ref(&op, 0, 1);
    void *packed = malloc((size_t)mcu_fully_connected_dsp_weights_bytes(&op));
    int32_t *requant = malloc((size_t)mcu_fully_connected_dsp_requant_bytes(&op));
    struct check_buffer scratch = check_alloc(mcu_fully_connected_dsp_scratch_bytes(&op), 0);
    mcu_fully_connected_dsp_pack(&op, packed, requant);
    struct mcu_fully_connected_dsp dsp = {
        .in = op.in,
        .out = check_map(out.bytes, 1, 1, out_c),
        .out_zero_point = op.out_zero_point,
        .act_min = op.act_min,
        .act_max = op.act_max,
        .weights = packed,
        .requant = requant,
        .scratch = scratch.bytes,
    };
    if (!mcu_fully_connected_dsp_supports(&op)) {
        printf("%s: not supported\n", what);
        check_failures++;
    }
    mcu_fully_connected_s8__dsp(&dsp, 0, 0);
    mcu_fully_connected_s8__dsp(&dsp, 0, 1);
    check_same(out.bytes, expected.bytes, out_c, what);
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
    check_free(scratch, 0, what);
    free(weights), free(shift), free(bias), free(multiplier), free(packed), free(requant);
}

/* Every pair of values: 256 rows of 256. place: 0 apart, 1 over in[0], 2 over in[1]. */
static void add(int half, int place, bool clamped)
{
    char what[96];
    snprintf(what, sizeof what, "add, input %d half, place %d", half, place);
    const int32_t n = 256 * 64, misalign = check_range(0, 3);
    struct check_buffer a = check_alloc(n, misalign), b = check_alloc(n, misalign), out = check_alloc(n, 0);
    struct check_buffer expected = check_alloc(n, 0);
    const int32_t offset = check_range(0, 3);
    for (int32_t i = 0; i < n; i++) {
        a.bytes[i] = (uint8_t)(i & 255);
        b.bytes[i] = (uint8_t)((i >> 8) * 4 + offset);
    }
    struct mcu_add op = {
        .in = {check_map(a.bytes, 64, 4, 64), check_map(b.bytes, 64, 4, 64)},
        .out = check_map(expected.bytes, 64, 4, 64),
        .in_zero_point = {(int16_t)check_range(-128, 127), (int16_t)check_range(-128, 127)},
        .out_zero_point = (int16_t)check_range(-128, 127),
        .act_min = (int16_t)(clamped ? check_range(-100, 0) : -128),
        .act_max = (int16_t)(clamped ? check_range(1, 100) : 127),
        .in_multiplier = {1 << 30, 1 << 30},
        .out_multiplier = (1 << 30) + (int32_t)(check_random() % (1u << 30)),
        .out_shift = (int8_t)-check_range(17, 21),
    };
    op.in_multiplier[!half] = (1 << 30) + (int32_t)(check_random() % (1u << 30));
    op.in_shift[!half] = (int8_t)-check_range(1, 8);
    if (check_range(0, 1)) /* SUB */
        op.in_multiplier[1] = -(op.in_multiplier[1] & ~7);
    mcu_add_s8__ref(&op, 0, 64);
    struct mcu_add_dsp dsp;
    int32_t table[256];
    if (!mcu_add_dsp_supports(&op)) {
        printf("%s: not supported\n", what);
        check_failures++;
    }
    mcu_add_dsp_pack(&op, &dsp, table);
    dsp.table = table;
    dsp.out.data = (int8_t *)(place == 0 ? out.bytes : place == 1 ? a.bytes : b.bytes);
    mcu_add_s8__dsp(&dsp, 0, 20);
    mcu_add_s8__dsp(&dsp, 20, 64);
    check_same(dsp.out.data, expected.bytes, n, what);
    op.in_multiplier[half]++;
    op.in_multiplier[!half] = INT32_MAX;
    check_failures += mcu_add_dsp_supports(&op);
    check_free(a, misalign, what);
    check_free(b, misalign, what);
    check_free(out, 0, what);
    check_free(expected, 0, what);
}

static void pools(int h, int w, int c, int kernel_h, int kernel_w, int stride, int pad_top, int pad_left,
                  int dilation)
{
    char what[96];
    snprintf(what, sizeof what, "pool %dx%dx%d k%dx%d s%d p%d,%d d%d", h, w, c, kernel_h, kernel_w, stride,
             pad_top, pad_left, dilation);
    const int32_t out_h = (h - 1) / stride + 1, out_w = (w - 1) / stride + 1;
    const int32_t n = h * w * c, out_n = out_h * out_w * c, misalign = check_range(0, 3);
    struct check_buffer in = check_alloc(n, misalign), out = check_alloc(out_n, misalign),
                        expected = check_alloc(out_n, 0);
    for (int32_t i = 0; i < n; i++)
        in.bytes[i] = (uint8_t)check_int8(-128);
    struct mcu_pool op = {.in = check_map(in.bytes, h, w, c),
                          .out = check_map(expected.bytes, out_h, out_w, c),
                          .window = {(uint8_t)kernel_h, (uint8_t)kernel_w, (uint8_t)stride, (uint8_t)stride,
                                     (uint8_t)dilation, (uint8_t)dilation, (int8_t)pad_top, (int8_t)pad_left},
                          .act_min = (int16_t)check_range(-128, -90),
                          .act_max = (int16_t)check_range(90, 127)};
    struct mcu_pool dsp = op;
    dsp.out.data = (int8_t *)out.bytes;
    const int32_t split = check_range(0, out_h);
    mcu_max_pool_s8__ref(&op, 0, out_h);
    mcu_max_pool_s8__dsp(&dsp, 0, split);
    mcu_max_pool_s8__dsp(&dsp, split, out_h);
    check_same(out.bytes, expected.bytes, out_n, what);
    mcu_average_pool_s8__ref(&op, 0, out_h);
    mcu_average_pool_s8__dsp(&dsp, 0, split);
    mcu_average_pool_s8__dsp(&dsp, split, out_h);
    check_same(out.bytes, expected.bytes, out_n, what);
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
}

static void mean(int h, int w, int c, int extreme, int rows_stay)
{
    char what[96];
    snprintf(what, sizeof what, "mean %dx%dx%d extreme %d rows %d", h, w, c, extreme, rows_stay);
    const int32_t n = h * w * c, misalign = check_range(0, 3), out_h = rows_stay ? h : 1;
    struct check_buffer in = check_alloc(n, misalign), out = check_alloc(out_h * c, misalign),
                        expected = check_alloc(out_h * c, 0);
    struct check_buffer scratch = check_alloc(c * 4, 0);
    for (int32_t i = 0; i < n; i++)
        in.bytes[i] = (uint8_t)(extreme ? extreme : check_int8(-128));
    struct mcu_mean op = {.in = check_map(in.bytes, h, w, c),
                          .out = check_map(expected.bytes, out_h, 1, c),
                          .in_zero_point = (int16_t)check_range(-128, 127),
                          .out_zero_point = (int16_t)check_range(-128, 127),
                          .multiplier = (1 << 30) + (int32_t)(check_random() % (1u << 30)),
                          .shift = (int8_t)-check_range(3, 9),
                          .scratch = scratch.bytes};
    mcu_mean_s8__ref(&op, 0, h);
    op.out.data = (int8_t *)out.bytes;
    const int32_t split = check_range(0, h);
    mcu_mean_s8__dsp(&op, 0, split);
    mcu_mean_s8__dsp(&op, split, h);
    check_same(out.bytes, expected.bytes, out_h * c, what);
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
    check_free(scratch, 0, what);
}

/* In one call and in two; a whole map, one stored bottom-up, a rolling one. extreme: every value; ties: small
 * ones */
static void global_average(int h, int w, int c, int extreme, int ties)
{
    char what[96];
    snprintf(what, sizeof what, "global average pool %dx%dx%d extreme %d ties %d", h, w, c, extreme, ties);
    const int32_t n = h * w * c, misalign = check_range(0, 3);
    struct check_buffer in = check_alloc(n, misalign), out = check_alloc(c, misalign),
                        expected = check_alloc(c, 0), scratch = check_alloc(c * 4, 0), rolling;
    for (int32_t i = 0; i < n; i++)
        in.bytes[i] = (uint8_t)(extreme ? extreme : ties ? check_range(-1, 1) : check_int8(-128));
    struct mcu_global_pool op = {.in = check_map(in.bytes, h, w, c),
                                 .out = check_map(expected.bytes, 1, 1, c),
                                 .act_min = (int16_t)check_range(-128, -90),
                                 .act_max = (int16_t)check_range(90, 127),
                                 .scratch = scratch.bytes};
    const struct mcu_map whole = op.in;
    for (int stored = 0; stored < 3; stored++) {
        op.in = stored == 1 ? check_flip(whole) : whole;
        op.out.data = (int8_t *)expected.bytes;
        mcu_global_average_pool_s8__ref(&op, 0, h);
        op.out.data = (int8_t *)out.bytes;
        if (stored < 2) {
            const int32_t split = check_range(0, h);
            mcu_global_average_pool_s8__dsp(&op, 0, split);
            mcu_global_average_pool_s8__dsp(&op, split, h);
        } else {
            int32_t next = 0;
            op.in = check_ring(whole, 3, &rolling);
            for (int32_t y = 0; y < h; y += 2) {
                const int32_t end = y + 2 < h ? y + 2 : h;
                check_feed(&whole, &op.in, &next, end);
                mcu_global_average_pool_s8__dsp(&op, y, end);
            }
            check_free(rolling, 0, what);
        }
        check_same(out.bytes, expected.bytes, c, what);
    }
    check_free(in, misalign, what);
    check_free(out, misalign, what);
    check_free(expected, 0, what);
    check_free(scratch, 0, what);
}

int main(void)
{
    for (int i = 0; i < 6; i++) {
        fully_connected(1, 1, 64, 12, i % 4, i & 1, i % 4);
        fully_connected(1, 1, 10, 3, i % 4, i & 1, i % 4);
        fully_connected(1, 1, 640, 8, i % 4, i & 1, i % 4);
        fully_connected(1, 1, 333, 5, i % 4, i & 1, i % 4);
        fully_connected(3, 4, 9, 10, i % 4, i & 1, i % 4);
        fully_connected(5, 5, 52, 4, i % 4, i & 1, i % 4);
        fully_connected(1, 1, 1, 1, i % 4, i & 1, i % 4);
        fully_connected(1, 2, 160, 2, i % 4, i & 1, i % 4);
        fully_connected(1, 1, 970, 22, i % 4, i & 1, i % 4);
    }
    for (int i = 0; i < 16; i++)
        add(i & 1, i % 3, i > 8);
    pools(8, 8, 16, 2, 2, 2, 0, 0, 1);
    pools(7, 9, 8, 3, 3, 2, 1, 1, 1);
    pools(5, 6, 5, 3, 2, 1, 1, 0, 1);
    pools(6, 6, 12, 3, 3, 1, 2, 2, 2);
    pools(4, 4, 1, 4, 4, 4, 0, 0, 1);
    pools(5, 5, 20, 5, 5, 5, 0, 0, 1);
    pools(20, 20, 4, 20, 20, 20, 0, 0, 1);
    for (int i = -128; i < 128; i += 85) {
        mean(3, 5, 12, i, 0);
        mean(3, 5, 12, i, 1);
        mean(1, 300, 4, i, 0);
        mean(1, 300, 4, i, 1);
        mean(7, 7, 9, i, 0);
        mean(7, 7, 9, i, 1);
        mean(10, 4, 64, i, 0);
        mean(10, 4, 64, i, 1);
    }
    for (int i = 0; i < 4; i++) {
        const int extreme = i == 1 ? -128 : i == 2 ? 127 : 0, ties = i == 3;
        global_average(25, 5, 64, extreme, ties);
        global_average(1, 1, 3, extreme, ties);
        global_average(7, 7, 10, extreme, ties);
        global_average(2, 255, 4, extreme, ties);
        global_average(3, 600, 5, extreme, ties);
        global_average(64, 64, 8, extreme, ties);
        for (int k = 0; k < 12; k++)
            global_average(check_range(1, 12), check_range(1, 12), check_range(1, 40), extreme, ties);
    }
    return check_verdict("elementwise");
}
