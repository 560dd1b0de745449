/* Add, mul, table, softmax, copy, fill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/requant.h"
#include "maps.h"
#include "oracle.h"

static const int shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {4, 4, 32}, {6, 3, 40}};
enum { SHAPES = sizeof(shapes) / sizeof(*shapes) };

static struct mcu_add add_op(uint32_t *seed)
{
    struct mcu_add op = {.act_min = (int16_t)test_range(seed, -128, -90),
                         .act_max = (int16_t)test_range(seed, 90, 127)};
    for (int i = 0; i < 2; i++) {
        op.in_zero_point[i] = (int16_t)test_range(seed, -128, 127);
        op.in_multiplier[i] = (int32_t)(1073741824u + test_random(seed) * 64u % 1073741824u);
        op.in_shift[i] = (int8_t)test_range(seed, -4, 0);
    }
    op.in_shift[1] = -1;
    op.out_zero_point = (int16_t)test_range(seed, -128, 127);
    op.out_multiplier = (int32_t)(1073741824u + test_random(seed) * 64u % 1073741824u);
    op.out_shift = (int8_t)test_range(seed, -20, -17);
    return op;
}

/* All pairs of bytes, for many parameters. */
static void test_add_exhaustive(void **state)
{
    (void)state;
    int8_t a[256], b[256], out[256];
    for (int i = 0; i < 256; i++)
        a[i] = (int8_t)(i - 128);
    for (uint32_t seed = 1; seed <= 40; seed++) {
        uint32_t random = seed;
        struct mcu_add op = add_op(&random);
        if (seed % 2)
            op.in_multiplier[1] =
                -(op.in_multiplier[1] & ~7); /* SUB; ties of the high multiplication occur */
        op.in[0] = (struct mcu_map){a, 1, 256, 1, 1, 1, 0, 256};
        op.in[1] = (struct mcu_map){b, 1, 256, 1, 1, 1, 0, 256};
        op.out = (struct mcu_map){out, 1, 256, 1, 1, 1, 0, 256};
        for (int k = -128; k < 128; k++) {
            memset(b, k, sizeof(b));
            mcu_add_s8__ref(&op, 0, 1);
            for (int i = 0; i < 256; i++)
                assert_int_equal(out[i], oracle_add(&op, a[i], (int8_t)k));
        }
    }
}

/* Any storage; in place over either operand. */
static void test_add_storage(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (int kind = WHOLE; kind < ROLLING; kind++)
            for (int in_place = 0; in_place < 3; in_place++) {
                uint32_t seed = (uint32_t)(i + 1);
                int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2], n = h * w * c;
                struct mcu_add op = add_op(&seed);
                int8_t *a = random_bytes(&seed, n), *b = random_bytes(&seed, n),
                       *expected = malloc((size_t)n);
                struct test_map x = map_create(kind, h, w, c, 0),
                                y = map_create((kind + 1) % ROLLING, h, w, c, 0);
                struct test_map out = map_create((kind + 2) % ROLLING, h, w, c, 0);
                map_put_until(&x, h, a);
                map_put_until(&y, h, b);
                struct test_map *target = in_place == 0 ? &out : in_place == 1 ? &x : &y;
                op.in[0] = x.map;
                op.in[1] = y.map;
                op.out = target->map;
                for (int k = 0; k < n; k++)
                    expected[k] = oracle_add(&op, a[k], b[k]);
                mcu_add_s8__ref(&op, 0, h / 2);
                mcu_add_s8__ref(&op, h / 2, h);
                for (int row = 0; row < h; row++)
                    map_check_row(target, row, expected, "add");
                map_destroy(&x);
                map_destroy(&y);
                map_destroy(&out);
                free(a);
                free(b);
                free(expected);
            }
}

/* As the sum with a map of the constants, in place. */
static void test_add_constant(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (int kind = WHOLE; kind < ROLLING; kind++)
            for (int sign = 0; sign < 4; sign++) {
                uint32_t seed = (uint32_t)(4 * i + sign + 1);
                int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2], n = h * w * c;
                struct mcu_add add = add_op(&seed);
                int8_t *a = random_bytes(&seed, n), *k = random_bytes(&seed, c),
                       *expected = malloc((size_t)n);
                int32_t *summands = malloc((size_t)c * sizeof *summands);
                const int constant = sign & 1; /* which operand is it */
                if (sign & 2)
                    add.in_multiplier[1] = -add.in_multiplier[1];
                for (int j = 0; j < n; j++)
                    expected[j] =
                        constant ? oracle_add(&add, a[j], k[j % c]) : oracle_add(&add, k[j % c], a[j]);
                for (int j = 0; j < c; j++)
                    summands[j] = mcu_summand((k[j] - add.in_zero_point[constant]) * 1048576,
                                              add.in_multiplier[constant], add.in_shift[constant]);
                struct test_map x = map_create(kind, h, w, c, 0);
                map_put_until(&x, h, a);
                const struct mcu_add_constant op = {.in = x.map,
                                                    .out = x.map,
                                                    .in_zero_point = add.in_zero_point[!constant],
                                                    .out_zero_point = add.out_zero_point,
                                                    .act_min = add.act_min,
                                                    .act_max = add.act_max,
                                                    .in_multiplier = add.in_multiplier[!constant],
                                                    .out_multiplier = add.out_multiplier,
                                                    .in_shift = add.in_shift[!constant],
                                                    .out_shift = add.out_shift,
                                                    .summands = summands};
                mcu_add_constant_s8__ref(&op, 0, h / 2);
                mcu_add_constant_s8__ref(&op, h / 2, h);
                for (int row = 0; row < h; row++)
                    map_check_row(&x, row, expected, "add constant");
                map_destroy(&x);
                free(a);
                free(k);
                free(expected);
                free(summands);
            }
}

static void test_mul(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (int kind = WHOLE; kind < ROLLING; kind++)
            for (int broadcast = 0; broadcast < 2; broadcast++) {
                uint32_t seed = (uint32_t)(i + 7);
                int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2], n = h * w * c;
                int8_t *a = random_bytes(&seed, n), *b = random_bytes(&seed, n),
                       *expected = malloc((size_t)n);
                struct test_map x = map_create(kind, h, w, c, 0);
                struct test_map y =
                    broadcast ? map_create(WHOLE, 1, 1, c, 0) : map_create((kind + 1) % ROLLING, h, w, c, 0);
                map_put_until(&x, h, a);
                map_put_until(&y, h, b);
                struct mcu_mul op = {.in = {x.map, y.map},
                                     .out = x.map, /* in place */
                                     .in_zero_point = {(int16_t)test_range(&seed, -128, 127),
                                                       (int16_t)test_range(&seed, -128, 127)},
                                     .out_zero_point = (int16_t)test_range(&seed, -128, 127),
                                     .act_min = -120,
                                     .act_max = 110,
                                     .out_multiplier = 1500000000 + i,
                                     .out_shift = (int8_t)(broadcast ? -6 : -7)};
                for (int k = 0; k < n; k++)
                    expected[k] = oracle_mul(&op, a[k], b[broadcast ? k % c : k]);
                for (int row = 0; row < h; row++)
                    mcu_mul_s8__ref(&op, row, row + 1);
                for (int row = 0; row < h; row++)
                    map_check_row(&x, row, expected, "mul");
                map_destroy(&x);
                map_destroy(&y);
                free(a);
                free(b);
                free(expected);
            }
}

static void test_table(void **state)
{
    (void)state;
    uint32_t seed = 3;
    int8_t *table = random_bytes(&seed, 256);
    for (int i = 0; i < SHAPES; i++)
        for (int kind = WHOLE; kind < ROLLING; kind++) {
            int h = shapes[i][0], w = shapes[i][1], c = shapes[i][2], n = h * w * c;
            int8_t *dense = random_bytes(&seed, n), *expected = malloc((size_t)n);
            struct test_map map = map_create(kind, h, w, c, 0);
            map_put_until(&map, h, dense);
            for (int k = 0; k < n; k++)
                expected[k] = table[(uint8_t)dense[k] ^ 0x80];
            mcu_table_s8__ref(&(struct mcu_table){.in = map.map, .out = map.map, .table = table}, 0, h);
            for (int row = 0; row < h; row++)
                map_check_row(&map, row, expected, "table");
            map_destroy(&map);
            free(dense);
            free(expected);
        }
    free(table);
}

static void test_copy_and_fill(void **state)
{
    (void)state;
    for (int kind = WHOLE; kind < ROLLING; kind++) {
        uint32_t seed = 9;
        int8_t *a = random_bytes(&seed, 3 * 4 * 2), expected[5 * 7 * 6];
        struct test_map in = map_create((kind + 1) % ROLLING, 3, 4, 2, 0), out = map_create(kind, 5, 7, 6, 0);
        map_put_until(&in, 3, a);
        memset(expected, -7, sizeof(expected));
        for (int i = 0; i < 3 * 4 * 2; i++)
            expected[((i / 8 + 1) * 7 + i / 2 % 4 + 2) * 6 + i % 2 + 3] = a[i];
        mcu_fill_s8__ref(&(struct mcu_fill){.out = out.map, .value = -7}, 0, 5);
        struct mcu_copy op = {.in = in.map, .out = out.map, .out_y = 1, .out_x = 2, .out_c = 3};
        mcu_copy_s8__ref(&op, 0, 2);
        mcu_copy_s8__ref(&op, 2, 3);
        for (int row = 0; row < 5; row++)
            map_check_row(&out, row, expected, "copy");
        map_destroy(&in);
        map_destroy(&out);
        free(a);
    }
}

/* Rows need earlier ones again, also from a ring that holds no more than the two in use. */
static void test_resize_nearest(void **state)
{
    (void)state;
    static const int16_t rows[6] = {0, 0, 1, 1, 2, 2}, columns[5] = {0, 1, 1, 3, 3};
    for (int kind = WHOLE; kind < STORAGE_KINDS; kind++) {
        uint32_t seed = 21;
        int8_t *a = random_bytes(&seed, 3 * 4 * 3), expected[6 * 5 * 3];
        struct test_map in = map_create(kind, 3, 4, 3, 2),
                        out = map_create((kind + 1) % STORAGE_KINDS, 6, 5, 3, 6);
        for (int i = 0; i < 6 * 5 * 3; i++)
            expected[i] = a[(rows[i / 15] * 4 + columns[i / 3 % 5]) * 3 + i % 3];
        const struct mcu_resize_nearest op = {in.map, out.map, rows, columns};
        for (int row = 0; row < 6; row++) {
            map_put_until(&in, rows[row], a);
            mcu_resize_nearest_s8__ref(&op, row, row + 1);
            map_check_row(&out, row, expected, "resize");
        }
        map_destroy(&in);
        map_destroy(&out);
        free(a);
    }
}

/* TFLite's PreprocessSoftmaxScaling for beta 1. */
static void softmax_parameters(struct mcu_softmax *op, double scale)
{
    int exponent;
    double fraction = frexp(fmin(scale * 67108864.0, 2147483647.0), &exponent);
    op->multiplier = (int32_t)fmin(llround(fraction * 2147483648.0), 2147483647.0);
    op->shift = exponent;
    op->diff_min = -(int)floor(31.0 * 67108864.0 / ldexp(1, exponent));
}

static void test_softmax(void **state)
{
    (void)state;
    static const double scales[] = {0.01, 0.0625, 0.1234, 0.25, 1.0, 3.9};
    static const int sizes[] = {1, 2, 10, 100, 256, 1000};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 6; k++)
            for (int pattern = 0; pattern < 3; pattern++) {
                int n = sizes[k];
                uint32_t seed = (uint32_t)(i * 10 + k);
                int8_t *in = random_bytes(&seed, n), *out = malloc((size_t)n), *expected = malloc((size_t)n);
                if (pattern == 1) /* nearly equal inputs */
                    for (int c = 0; c < n; c++)
                        in[c] = (int8_t)(in[c] >> 5);
                if (pattern == 2) /* one winner */
                    for (int c = 0; c < n; c++)
                        in[c] = c == n / 2 ? 127 : -128;
                struct mcu_softmax op = {.in = {in, 1, 1, (int16_t)n, 1, 1, 0, n},
                                         .out = {out, 1, 1, (int16_t)n, 1, 1, 0, n}};
                softmax_parameters(&op, scales[i]);
                mcu_softmax_s8__ref(&op, 0, 1);
                /* gemmlowp refuses the exponent 32 that more than 256 nearly equal inputs lead to */
                double sum = 0;
                int max = -128;
                for (int c = 0; c < n; c++)
                    max = in[c] > max ? in[c] : max;
                for (int c = 0; c < n; c++)
                    sum += exp(scales[i] * (in[c] - max));
                if (sum < 255.9) {
                    oracle_softmax(&op, in, expected);
                    assert_memory_equal(out, expected, (size_t)n);
                }
                for (int c = 0; c < n; c++) {
                    double q = fmin(256 * exp(scales[i] * (in[c] - max)) / sum - 128, 127);
                    assert_true(fabs(out[c] - q) < 0.6);
                }
                free(in);
                free(out);
                free(expected);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_exhaustive), cmocka_unit_test(test_add_storage),
        cmocka_unit_test(test_add_constant),   cmocka_unit_test(test_mul),
        cmocka_unit_test(test_table),          cmocka_unit_test(test_copy_and_fill),
        cmocka_unit_test(test_resize_nearest), cmocka_unit_test(test_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
