/* dataset: the real sets of the shared data folder, where it is present. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "datasets/dataset.h"
#include "datasets/preprocess.h"

/* Opens $MCUNET_SHARED/data/<name> (or ../shared), or skips the test. */
static struct dataset *open_shared(const char *name, struct dataset_options options)
{
    const char *shared = getenv("MCUNET_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/data/%s", shared ? shared : "../shared", name);
    if (!file_exists(path) && !folder_exists(path)) {
        printf("skipped: '%s' is not there\n", path);
        skip();
    }
    struct dataset *dataset;
    assert_int_equal(dataset_open(&dataset, path, &options), 0);
    return dataset;
}

static void assert_balanced(const struct dataset *dataset, int per_class)
{
    int *counts = calloc((size_t)dataset_classes(dataset), sizeof *counts);
    for (int i = 0; i < dataset_count(dataset); i++)
        counts[dataset_label(dataset, i)]++;
    for (int c = 0; c < dataset_classes(dataset); c++)
        assert_int_equal(counts[c], per_class);
    free(counts);
}

/* All of it decodes, and is as bright and as varied as photographs are. */
static void assert_plausible(const struct dataset *dataset, int n, int r)
{
    const struct preprocess preprocess = PREPROCESS_MCUNET;
    const size_t floats = (size_t)n * r * r * 3;
    float *pixels = malloc(floats * sizeof *pixels);
    assert_int_equal(dataset_load(dataset, 0, n, &preprocess, r, pixels, 0), 0);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < floats; i++) {
        assert_true(pixels[i] >= -1 && pixels[i] <= 1);
        sum += pixels[i];
        squares += (double)pixels[i] * pixels[i];
    }
    const double mean = sum / (double)floats, deviation = sqrt(squares / (double)floats - mean * mean);
    assert_true(fabs(mean) < 0.3);
    assert_true(deviation > 0.3 && deviation < 0.8);
    free(pixels);
}

static void test_tiny_imagenet(void **state)
{
    (void)state;
    struct dataset *dataset =
        open_shared("tiny-imagenet-200.zip", (struct dataset_options){.split = SPLIT_VAL, .classes = 200});
    assert_int_equal(dataset_count(dataset), 10000);
    assert_balanced(dataset, 50);
    assert_string_equal(dataset_class_name(dataset, 0), "goldfish");
    assert_string_equal(dataset_image_name(dataset, 0), "tiny-imagenet-200/val/images/val_0.JPEG");
    assert_plausible(dataset, 1000, 48);
    dataset_close(dataset);
    dataset = open_shared("tiny-imagenet-200.zip", (struct dataset_options){.split = SPLIT_CALIBRATION});
    assert_int_equal(dataset_count(dataset), 64);
    assert_plausible(dataset, 64, 64);
    dataset_close(dataset);
}

static void test_imagenet_sample(void **state)
{
    (void)state;
    struct dataset *dataset = open_shared(
        "imagenet1k-sample", (struct dataset_options){.split = SPLIT_VAL_OR_ALL, .classes = 1000});
    assert_int_equal(dataset_count(dataset), 1000);
    assert_balanced(dataset, 1);
    assert_string_equal(dataset_class_name(dataset, 1), "goldfish");
    assert_plausible(dataset, 100, 160);
    dataset_close(dataset);
    dataset = open_shared("imagenet1k-sample", (struct dataset_options){.split = SPLIT_VAL, .search = -1});
    assert_int_equal(dataset_count(dataset), 936);
    dataset_close(dataset);
}

static void test_visual_wake_words(void **state)
{
    (void)state;
    struct dataset *dataset =
        open_shared("vww-coco254", (struct dataset_options){.split = SPLIT_ALL, .classes = 2});
    assert_int_equal(dataset_count(dataset), 254);
    assert_string_equal(dataset_class_name(dataset, 1), "person");
    assert_plausible(dataset, 254, 80);
    dataset_close(dataset);
}

static void test_cifar10(void **state)
{
    (void)state;
    struct dataset *dataset = open_shared("cifar10", (struct dataset_options){.split = SPLIT_VAL});
    assert_int_equal(dataset_count(dataset), 1000);
    assert_plausible(dataset, 1000, 32);
    dataset_close(dataset);
    dataset = open_shared("cifar10/train_first1000.bin", (struct dataset_options){.split = SPLIT_VAL_OR_ALL});
    assert_int_equal(dataset_count(dataset), 1000);
    assert_string_equal(dataset_class_name(dataset, dataset_label(dataset, 0)), "frog");
    dataset_close(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_imagenet),
        cmocka_unit_test(test_imagenet_sample),
        cmocka_unit_test(test_visual_wake_words),
        cmocka_unit_test(test_cifar10),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
