/* Sums of a layer's input per tap: they must give the sum of its output, computed the long way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "quant/calibrate.h"
#include "quant/taps.h"

/* in h, w, c; kernel h, w; stride h, w; dilation h, w; pads top, left, bottom, right */
static const int cases[][13] = {
    {1, 1, 3, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0}, {6, 7, 4, 1, 1, 2, 3, 1, 1, 0, 0, 0, 0},
    {8, 9, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, {9, 8, 2, 3, 5, 1, 2, 2, 1, 2, 4, 1, 0},
    {4, 3, 2, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3}, {5, 5, 2, 5, 5, 1, 1, 1, 1, 0, 0, 0, 0},
    {3, 3, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3},
};

static int outputs(int in, int kernel, int stride, int dilation, int before, int after)
{
    return (in + before + after - (kernel - 1) * dilation - 1) / stride + 1;
}

static void test_sums(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1);
    for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
        const int *s = cases[k];
        struct layer layer = {.window = {s[3], s[4], s[5], s[6], s[7], s[8], s[9], s[10], s[11], s[12]},
                              .in_h = s[0],
                              .in_w = s[1],
                              .in_c = s[2],
                              .out_h = outputs(s[0], s[3], s[5], s[7], s[9], s[11]),
                              .out_w = outputs(s[1], s[4], s[6], s[8], s[10], s[12]),
                              .taps = s[3] * s[4]};
        const int n = s[0] * s[1] * s[2], sums = layer.taps * s[2];
        int8_t *x = malloc((size_t)n);
        float *f = malloc(sizeof(float) * (size_t)n);
        int64_t *got = calloc((size_t)sums, sizeof(int64_t)),
                *expected = calloc((size_t)sums, sizeof(int64_t));
        double *real = calloc((size_t)sums, sizeof(double));
        assert_true(x && f && got && expected && real);
        for (int i = 0; i < n; i++) {
            x[i] = (int8_t)((int)rng_below(&rng, 256) - 128);
            f[i] = (float)(x[i] - 5) * 0.25f;
        }
        for (int oy = 0; oy < layer.out_h; oy++)
            for (int ox = 0; ox < layer.out_w; ox++)
                for (int t = 0; t < layer.taps; t++) {
                    const int y = oy * s[5] + t / s[4] * s[7] - s[9], w = ox * s[6] + t % s[4] * s[8] - s[10];
                    for (int c = 0; c < s[2] && y >= 0 && w >= 0 && y < s[0] && w < s[1]; c++)
                        expected[t * s[2] + c] += x[(y * s[1] + w) * s[2] + c] - 5;
                }
        tap_sums_int8(&layer, x, 5, got);
        tap_sums_float(&layer, f, real);
        for (int i = 0; i < sums; i++) {
            if (got[i] != expected[i])
                fail_msg("case %d, sum %d: %d, expected %d", (int)k, i, (int)got[i], (int)expected[i]);
            assert_true(real[i] == 0.25 * (double)expected[i]);
        }
        free(x);
        free(f);
        free(got);
        free(expected);
        free(real);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
