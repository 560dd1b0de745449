/* requant.h against gemmlowp's formulas: edge cases of every kind, then a large sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/requant.h"
#include "maps.h"
#include "oracle.h"

static void check(int32_t x, int32_t multiplier, int shift)
{
    int64_t shifted = (int64_t)x * ((int64_t)1 << (shift > 0 ? shift : 0));
    if (shifted != (int32_t)shifted)
        return; /* overflow of the left shift: undefined in TFLite */
    int32_t expected = oracle_requantize(x, multiplier, shift), got = mcu_requantize(x, multiplier, shift);
    if (got != expected)
        fail_msg("requantize(%d, %d, %d) is %d, expected %d", x, multiplier, shift, got, expected);
}

static void test_edges(void **state)
{
    (void)state;
    static const int32_t multipliers[] = {
        0, 1, (1 << 29) + 3, 1 << 30, (1 << 30) + 1, 1518500250, INT32_MAX - 1, INT32_MAX};
    for (int m = 0; m < 8; m++)
        for (int shift = -31; shift <= 30; shift++)
            for (int bit = 0; bit < 32; bit++)
                for (int64_t d = -3; d <= 3; d++) {
                    int64_t x = ((int64_t)1 << bit) + d;
                    if (x <= INT32_MAX)
                        check((int32_t)x, multipliers[m], shift);
                    if (-x >= INT32_MIN)
                        check((int32_t)-x, multipliers[m], shift);
                }
}

static void test_sample(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 20000000; i++) {
        uint32_t bits = test_random(&seed) << 16 ^ test_random(&seed);
        int32_t x = (int32_t)bits >> test_range(&seed, 0, 24);
        int32_t multiplier =
            (int32_t)(1073741824u + (test_random(&seed) << 8 ^ test_random(&seed)) % 1073741824u);
        check(x, multiplier, test_range(&seed, -20, 3));
    }
}

/* Every tie of the second rounding: x * 2^30 / 2^31 = x / 2, and so on down. */
static void test_ties(void **state)
{
    (void)state;
    for (int shift = -12; shift <= 1; shift++)
        for (int32_t x = -40000; x <= 40000; x++)
            check(x, 1 << 30, shift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_ties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
