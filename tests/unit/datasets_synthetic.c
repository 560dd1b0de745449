/* synthetic: the bytes are the same on every machine and compiler, and different for every image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "datasets/synthetic.h"

enum { LARGEST = 512 };

/* SHA-256 over images 0..9 (one of each class) of the training part, seed 0. */
static const struct {
    int size;
    const char *sha256;
} goldens[] = {
    {16, "0233704ff0a7a18133c0ed44c0cfe6f86e2f42d398ee95bdef2aef6e79001a52"},
    {96, "2ffa47beee642ebfa613356e45118d4498aead533778af3809cc29d802a13f38"},
    {131, "657c20e79f0e1f565ddfafbf5060cf3bae4c7b15e1fdd6e547927f7b78e250ec"},
};

static void test_goldens(void **state)
{
    (void)state;
    for (size_t g = 0; g < sizeof goldens / sizeof *goldens; g++) {
        const size_t bytes = (size_t)goldens[g].size * goldens[g].size * 3;
        unsigned char *all = malloc(bytes * SYNTHETIC_CLASSES);
        for (int i = 0; i < SYNTHETIC_CLASSES; i++)
            synthetic_render(0, 0, i, goldens[g].size, all + bytes * i);
        const struct sha256 hash = sha256_of(all, bytes * SYNTHETIC_CLASSES);
        free(all);
        assert_string_equal(hash.hex, goldens[g].sha256);
    }
}

static void test_every_argument_matters(void **state)
{
    (void)state;
    enum { SIZE = 32, BYTES = SIZE * SIZE * 3 };
    static const struct {
        uint64_t seed;
        int split, index;
    } which[] = {{0, 0, 3}, {1, 0, 3}, {0, 1, 3}, {0, 0, 13}, {0, 0, 4}, {1, 0, 4}};
    unsigned char images[6][BYTES], again[BYTES];
    for (int i = 0; i < 6; i++) {
        synthetic_render(which[i].seed, which[i].split, which[i].index, SIZE, images[i]);
        synthetic_render(which[i].seed, which[i].split, which[i].index, SIZE, again);
        assert_memory_equal(images[i], again, BYTES);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(images[i], images[j], BYTES);
    }
}

/* The same scene at any size: a size three times as large, averaged over 3 x 3, is close. */
static void test_scene_does_not_know_its_size(void **state)
{
    (void)state;
    enum { SIZE = 64, LARGE = SIZE * 3 };
    unsigned char *small = malloc(SIZE * SIZE * 3), *large = malloc(LARGE * LARGE * 3);
    for (int index = 0; index < 10; index++) {
        synthetic_render(7, 1, index, SIZE, small);
        synthetic_render(7, 1, index, LARGE, large);
        long difference = 0, spread = 0;
        for (int y = 0; y < SIZE; y++) {
            for (int x = 0; x < SIZE; x++) {
                int sum = 0;
                for (int k = 0; k < 9; k++)
                    sum += large[((y * 3 + k / 3) * LARGE + x * 3 + k % 3) * 3 + 1];
                difference += abs(sum / 9 - small[(y * SIZE + x) * 3 + 1]);
                spread += abs(sum / 9 - small[((SIZE - 1 - y) * SIZE + x) * 3 + 1]);
            }
        }
        assert_true(difference < 14L * SIZE * SIZE); /* sensor noise is drawn per pixel */
        assert_true(difference < spread);
    }
    free(small);
    free(large);
}

static void test_extreme_sizes(void **state)
{
    (void)state;
    unsigned char *image = malloc((size_t)LARGEST * LARGEST * 3);
    for (int index = 0; index < 20; index++)
        synthetic_render(UINT64_MAX, 1, index, 16, image);
    synthetic_render(3, 0, 2000000000, LARGEST, image);
    int values[256] = {0}, distinct = 0;
    for (size_t i = 0; i < (size_t)LARGEST * LARGEST * 3; i++)
        distinct += values[image[i]]++ == 0;
    assert_true(distinct > 32);
    free(image);
}

/* An exported folder per class gets the same labels. */
static void test_class_names_are_sorted(void **state)
{
    (void)state;
    for (int c = 1; c < SYNTHETIC_CLASSES; c++)
        assert_true(strcmp(synthetic_class_name(c - 1), synthetic_class_name(c)) < 0);
    assert_string_equal(synthetic_class_name(0), "bottle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_every_argument_matters),
        cmocka_unit_test(test_scene_does_not_know_its_size),
        cmocka_unit_test(test_extreme_sizes),
        cmocka_unit_test(test_class_names_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
