/* Average pool, max pool, mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "maps.h"
#include "oracle.h"

/* h, w, c, kernel, stride, pad before, pad after */
static const int pools[][7] = {{1, 1, 1, 1, 1, 0, 0},  {8, 8, 6, 2, 2, 0, 0}, {9, 7, 5, 3, 2, 1, 1},
                               {6, 6, 17, 3, 1, 1, 1}, {7, 7, 9, 7, 1, 0, 0}, {5, 6, 4, 4, 3, 2, 1},
                               {8, 5, 3, 3, 2, 0, 1}};

static void check_pool(const int *s, int average, enum storage_kind in_kind, enum storage_kind out_kind)
{
    uint32_t seed = (uint32_t)(s[0] * 11 + s[2]);
    int oh = (s[0] + s[5] + s[6] - s[3]) / s[4] + 1, ow = (s[1] + s[5] + s[6] - s[3]) / s[4] + 1, c = s[2];
    int8_t *dense = random_bytes(&seed, s[0] * s[1] * c);
    struct test_map in = map_create(in_kind, s[0], s[1], c, s[3]), out = map_create(out_kind, oh, ow, c, 1);
    uint8_t k = (uint8_t)s[3], stride = (uint8_t)s[4];
    struct mcu_pool op = {.in = in.map,
                          .out = out.map,
                          .window = {k, k, stride, stride, 1, 1, (int8_t)s[5], (int8_t)s[5]},
                          .act_min = (int16_t)(out_kind == SPACED ? -20 : -128),
                          .act_max = (int16_t)(out_kind == SPACED ? 30 : 127)};
    int8_t *expected = malloc((size_t)(oh * ow * c));
    for (int i = 0; i < oh * ow * c; i++)
        expected[i] = average ? oracle_average_pool(&op, dense, i / c / ow, i / c % ow, i % c)
                              : oracle_max_pool(&op, dense, i / c / ow, i / c % ow, i % c);
    for (int y = 0; y < oh; y++) {
        map_put_until(&in, y * s[4] - s[5] + s[3] - 1, dense);
        if (average)
            mcu_average_pool_s8__ref(&op, y, y + 1);
        else
            mcu_max_pool_s8__ref(&op, y, y + 1);
        map_check_row(&out, y, expected, average ? "average pool" : "max pool");
    }
    map_destroy(&in);
    map_destroy(&out);
    free(expected);
    free(dense);
}

static void test_pools(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pools) / sizeof(*pools); i++)
        for (int kind = 0; kind < STORAGE_KINDS * STORAGE_KINDS; kind++) {
            check_pool(pools[i], 0, kind / STORAGE_KINDS, kind % STORAGE_KINDS);
            check_pool(pools[i], 1, kind / STORAGE_KINDS, kind % STORAGE_KINDS);
        }
}

/* Ties of both signs round away from zero. */
static void test_average_ties(void **state)
{
    (void)state;
    int8_t in[4] = {1, 2, -1, -2}, out[2];
    struct mcu_pool op = {.in = {in, 1, 4, 1, 1, 1, 0, 4},
                          .out = {out, 1, 2, 1, 1, 1, 0, 2},
                          .window = {1, 2, 1, 2, 1, 1, 0, 0},
                          .act_min = -128,
                          .act_max = 127};
    mcu_average_pool_s8__ref(&op, 0, 1);
    assert_int_equal(out[0], 2);
    assert_int_equal(out[1], -2);
}

/* In pieces of rows, the same as the window over the whole map. */
static void test_global_average(void **state)
{
    (void)state;
    enum { H = 6, W = 4, C = 5 };
    for (int trial = 0; trial < 200; trial++) {
        int8_t in[H * W * C], out[C], expected[C];
        int32_t sums[C];
        uint32_t seed = (uint32_t)trial * 2654435761u + 1;
        int h = 1 + trial % H, spread = 1 + trial % 250; /* small spreads: ties */
        for (int i = 0; i < H * W * C; i++) {
            seed = seed * 1664525u + 1013904223u;
            in[i] = (int8_t)((int)(seed >> 16) % spread - spread / 2);
        }
        const struct mcu_map map = {in, (int16_t)h, W, C, (int16_t)h, 1, 0, W * C};
        const struct mcu_pool whole = {.in = map,
                                       .out = {expected, 1, 1, C, 1, 1, 0, C},
                                       .window = {(uint8_t)h, W, 1, 1, 1, 1, 0, 0},
                                       .act_min = -100,
                                       .act_max = 90};
        const struct mcu_global_pool rows = {
            .in = map, .out = {out, 1, 1, C, 1, 1, 0, C}, .act_min = -100, .act_max = 90, .scratch = sums};
        mcu_average_pool_s8__ref(&whole, 0, 1);
        int step = 1 + trial % 3;
        for (int y = 0; y < h; y += step)
            mcu_global_average_pool_s8__ref(&rows, y, y + step < h ? y + step : h);
        assert_memory_equal(out, expected, C);
    }
}

static void test_mean(void **state)
{
    (void)state;
    static const int shapes[][3] = {{1, 1, 3}, {5, 5, 16}, {7, 4, 33}, {10, 10, 8}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
        for (int kind = 0; kind < STORAGE_KINDS; kind++) {
            uint32_t seed = (uint32_t)i + 1;
            int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2];
            int8_t *dense = random_bytes(&seed, h * w * c), expected[64];
            int32_t scratch[64];
            struct test_map in = map_create(kind, h, w, c, 1), out = map_create(WHOLE, 1, 1, c, 1);
            struct mcu_mean op = {.in = in.map,
                                  .out = out.map,
                                  .in_zero_point = (int16_t)(kind * 20 - 30),
                                  .out_zero_point = (int16_t)(kind * 20 - 30),
                                  .multiplier = (1 << 30) / (h * w) + 1,
                                  .shift = 1,
                                  .scratch = scratch};
            for (int k = 0; k < c; k++)
                expected[k] = oracle_mean(&op, dense, k);
            for (int y = 0; y < h; y++) {
                map_put_until(&in, y, dense);
                mcu_mean_s8__ref(&op, y, y + 1);
            }
            map_check_row(&out, 0, expected, "mean by rows");
            if (kind != ROLLING) {
                mcu_mean_s8__ref(&op, 0, h);
                map_check_row(&out, 0, expected, "mean at once");
            }
            map_destroy(&in);
            map_destroy(&out);
            free(dense);
        }
}

/* Rows stay: each is a mean of its own. */
static void test_mean_of_columns(void **state)
{
    (void)state;
    enum { H = 5, W = 7, C = 9 };
    uint32_t seed = 3;
    int8_t *dense = random_bytes(&seed, H * W * C), expected[H * C];
    int32_t scratch[C];
    struct test_map in = map_create(WHOLE, H, W, C, 1), out = map_create(WHOLE, H, 1, C, 1);
    struct mcu_mean op = {.in = in.map,
                          .out = out.map,
                          .in_zero_point = -4,
                          .out_zero_point = 7,
                          .multiplier = (1 << 30) / W + 1,
                          .shift = 1,
                          .scratch = scratch};
    for (int y = 0; y < H; y++)
        map_put_until(&in, y, dense);
    mcu_mean_s8__ref(&op, 0, 2);
    mcu_mean_s8__ref(&op, 2, H);
    op.in.h = 1;
    for (int y = 0; y < H; y++) {
        for (int c = 0; c < C; c++)
            expected[y * C + c] = oracle_mean(&op, dense + y * W * C, c);
        map_check_row(&out, y, expected, "mean of columns");
    }
    map_destroy(&in);
    map_destroy(&out);
    free(dense);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),           cmocka_unit_test(test_average_ties),
        cmocka_unit_test(test_global_average),  cmocka_unit_test(test_mean),
        cmocka_unit_test(test_mean_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
