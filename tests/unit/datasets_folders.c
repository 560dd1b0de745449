/* dataset: folders with labels.tsv, folders per class, CIFAR records; splits, limits, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "capture.h"
#include "datasets/dataset.h"
#include "datasets/preprocess.h"
#include "datasets_fixture.h"

static struct scratch scratch;

static int set_up(void **state)
{
    (void)state;
    scratch_create(&scratch);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

static struct dataset *open_set(struct dataset_options options)
{
    struct dataset *dataset;
    assert_int_equal(dataset_open(&dataset, scratch.folder, &options), 0);
    return dataset;
}

static void assert_refused(const char *name, struct dataset_options options, const char *message)
{
    struct dataset *dataset;
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = dataset_open(&dataset, name, &options);
    capture_end(&capture);
    assert_null(dataset);
    if (!strstr(capture.text, message))
        fail_msg("expected '%s', got '%s'", message, capture.text);
    assert_int_equal(rc, EXIT_INPUT);
}

/* n images in images/, class i % classes, grey level i. */
static void make_labelled(int n, int classes)
{
    char tsv[8192] = "file\tclass_index\tname\n";
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "images/%03d.ppm", i);
        fixture_image(&scratch, name, (uint8_t)i);
        sprintf(tsv + strlen(tsv), "%03d.ppm\t%d\tclass %c\n", i, i % classes, 'a' + i % classes);
    }
    scratch_file(&scratch, "labels.tsv", tsv);
}

static void test_labels(void **state)
{
    (void)state;
    make_labelled(7, 3);
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_ALL, .classes = 3});
    assert_int_equal(dataset_count(dataset), 7);
    assert_int_equal(dataset_classes(dataset), 3);
    assert_string_equal(dataset_class_name(dataset, 2), "class c");
    assert_string_equal(dataset_image_name(dataset, 5), "images/005.ppm");
    assert_int_equal(dataset_label(dataset, 5), 2);
    unsigned char *rgb;
    int width, height;
    assert_int_equal(dataset_decode(dataset, 5, 0, &rgb, &width, &height), 0);
    assert_int_equal(rgb[0], 5);
    free(rgb);
    dataset_close(dataset);
}

static void test_labels_without_header(void **state)
{
    (void)state;
    fixture_image(&scratch, "images/sub/a.ppm", 1);
    fixture_image(&scratch, "images/b.ppm", 2);
    scratch_file(&scratch, "labels.tsv", "sub/a.ppm\t4\r\n\nb.ppm\t0");
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_ALL});
    assert_int_equal(dataset_count(dataset), 2);
    assert_int_equal(dataset_classes(dataset), 5);
    assert_int_equal(dataset_label(dataset, 0), 4);
    assert_string_equal(dataset_class_name(dataset, 3), "3");
    dataset_close(dataset);
}

static void test_bad_labels(void **state)
{
    (void)state;
    static const struct {
        const char *tsv, *message;
    } bad[] = {
        {"a.ppm\n", "labels.tsv:1: expected a file and a class index"},
        {"a.ppm\t0\nb.ppm\t1\n", "labels.tsv:2: cannot read"},
        {"a.ppm\tcat\n", "labels.tsv:1: class index 'cat'"},
        {"a.ppm\t-1\n", "class index '-1'"},
        {"a.ppm\t99999999999999999999\n", "class index"},
        {"a.ppm\t100000\n", "class index '100000'"},
        {"../labels.tsv\t0\n", "not a name below images/"},
        {"/etc/passwd\t0\n", "not a name below images/"},
        {"x/../../a\t0\n", "not a name below images/"},
        {"file\tnumber\na.ppm\t0\n", "labels.tsv:1: no column class_index"},
        {"file\tindex\n", "no images"},
        {"", "no images"},
    };
    fixture_image(&scratch, "images/a.ppm", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scratch_file(&scratch, "labels.tsv", bad[i].tsv);
        assert_refused(scratch.folder, (struct dataset_options){0}, bad[i].message);
    }
    fixture_write(&scratch, "labels.tsv", "a.ppm\t0\n\0b", 10);
    assert_refused(scratch.folder, (struct dataset_options){0}, "not a text file");
}

static void test_class_folders(void **state)
{
    (void)state;
    fixture_image(&scratch, "zebra/2.ppm", 12);
    fixture_image(&scratch, "zebra/1.ppm", 11);
    fixture_image(&scratch, "ant/images/x.ppm", 1);
    fixture_image(&scratch, "ant/.hidden.ppm", 1);
    scratch_file(&scratch, "ant/notes.txt", "not an image");
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_VAL_OR_ALL});
    assert_int_equal(dataset_count(dataset), 3);
    assert_string_equal(dataset_image_name(dataset, 0), "ant/images/x.ppm");
    assert_string_equal(dataset_image_name(dataset, 1), "zebra/1.ppm");
    assert_int_equal(dataset_label(dataset, 1), 1);
    assert_string_equal(dataset_class_name(dataset, 1), "zebra");
    dataset_close(dataset);
    assert_refused(scratch.folder, (struct dataset_options){.classes = 10}, "has 2 classes, expected 10");
    fixture_write(&scratch, "bee/none.txt", "", 0);
    assert_refused(scratch.folder, (struct dataset_options){0}, "bee': a class folder without images");
}

static void test_train_and_val(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "train/%s/%02d.ppm", i % 2 ? "b" : "a", i);
        fixture_image(&scratch, name, (uint8_t)i);
    }
    fixture_image(&scratch, "val/b/v.ppm", 200);
    struct dataset_options options = {.split = SPLIT_TRAIN, .calibration = 6, .search = 4, .seed = 5};
    struct dataset *dataset = open_set(options);
    assert_int_equal(dataset_count(dataset), 20);
    dataset_close(dataset);
    static const enum split val_splits[] = {SPLIT_VAL, SPLIT_VAL_OR_ALL};
    for (int i = 0; i < 2; i++) {
        options.split = val_splits[i];
        dataset = open_set(options);
        assert_int_equal(dataset_count(dataset), 1);
        assert_int_equal(dataset_label(dataset, 0), 1);
        dataset_close(dataset);
    }
    options.split = SPLIT_SEARCH;
    dataset = open_set(options);
    assert_int_equal(dataset_count(dataset), 4);
    for (int i = 0; i < 4; i++)
        assert_memory_equal(dataset_image_name(dataset, i), "train/", 6);
    dataset_close(dataset);
    fixture_image(&scratch, "val/c/v.ppm", 200);
    assert_refused(scratch.folder, options, "val/c': a class that train/ does not have");
}

static void test_annotated_val(void **state)
{
    (void)state;
    fixture_image(&scratch, "train/n01/images/n01_0.ppm", 1);
    fixture_image(&scratch, "train/n02/images/n02_0.ppm", 2);
    fixture_image(&scratch, "val/images/val_0.ppm", 3);
    scratch_file(&scratch, "val/val_annotations.txt", "val_0.ppm\tn02\t0\t32\t44\t62\n");
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_VAL});
    assert_int_equal(dataset_count(dataset), 1);
    assert_int_equal(dataset_label(dataset, 0), 1);
    dataset_close(dataset);
    scratch_file(&scratch, "val/val_annotations.txt", "val_0.ppm\tn02\t0\nval_1.ppm\tn03\n");
    assert_refused(scratch.folder, (struct dataset_options){0}, "val_annotations.txt:2: unknown class 'n03'");
}

/* One part: calibration, search and validation are disjoint, cover it, and depend on the seed alone. */
static void test_cuts_of_one_part(void **state)
{
    (void)state;
    make_labelled(40, 4);
    static const enum split splits[] = {SPLIT_CALIBRATION, SPLIT_SEARCH, SPLIT_VAL};
    static const int expected[] = {10, 6, 24};
    int seen[40] = {0}, same_as_seed_1 = 0;
    for (int s = 0; s < 3; s++) {
        struct dataset_options options = {.split = splits[s], .calibration = 10, .search = 6, .seed = 1};
        struct dataset *dataset = open_set(options), *again = open_set(options);
        options.seed = 2;
        struct dataset *other = open_set(options);
        assert_int_equal(dataset_count(dataset), expected[s]);
        for (int i = 0; i < expected[s]; i++) {
            seen[atoi(dataset_image_name(dataset, i) + strlen("images/"))]++;
            assert_string_equal(dataset_image_name(dataset, i), dataset_image_name(again, i));
            same_as_seed_1 += !strcmp(dataset_image_name(dataset, i), dataset_image_name(other, i));
        }
        dataset_close(dataset);
        dataset_close(again);
        dataset_close(other);
    }
    for (int i = 0; i < 40; i++)
        assert_int_equal(seen[i], 1);
    assert_true(same_as_seed_1 < 20);
    /* no search cut: the rest is larger */
    struct dataset *dataset =
        open_set((struct dataset_options){.split = SPLIT_VAL, .calibration = 10, .search = -1});
    assert_int_equal(dataset_count(dataset), 30);
    dataset_close(dataset);
    /* default sizes: 64 and a tenth */
    assert_refused(scratch.folder, (struct dataset_options){.split = SPLIT_CALIBRATION},
                   "calibration needs 64 images, '");
    assert_refused(scratch.folder, (struct dataset_options){.split = SPLIT_CALIBRATION}, "' has 40");
    assert_refused(scratch.folder,
                   (struct dataset_options){.split = SPLIT_SEARCH, .calibration = 30, .search = 20},
                   "30 + 20 images");
    assert_refused(scratch.folder,
                   (struct dataset_options){.split = SPLIT_VAL, .calibration = 36, .search = 0},
                   "no validation images");
}

/* A limit shows every class, and a smaller one is part of a larger one. */
static void test_limit(void **state)
{
    (void)state;
    make_labelled(40, 4);
    struct dataset *small = open_set((struct dataset_options){.split = SPLIT_ALL, .limit = 8});
    struct dataset *large = open_set((struct dataset_options){.split = SPLIT_ALL, .limit = 19});
    int classes[4] = {0};
    assert_int_equal(dataset_count(small), 8);
    assert_int_equal(dataset_count(large), 19);
    for (int i = 0; i < 8; i++) {
        classes[dataset_label(small, i)]++;
        assert_string_equal(dataset_image_name(small, i), dataset_image_name(large, i));
    }
    for (int c = 0; c < 4; c++)
        assert_int_equal(classes[c], 2);
    dataset_close(small);
    dataset_close(large);
    struct dataset *all = open_set((struct dataset_options){.split = SPLIT_ALL, .limit = 400});
    assert_int_equal(dataset_count(all), 40);
    assert_string_equal(dataset_image_name(all, 39), "images/039.ppm");
    dataset_close(all);
}

static void test_load_does_not_depend_on_threads(void **state)
{
    (void)state;
    enum { R = 8, N = 30, FLOATS = R * R * 3 };
    make_labelled(N, 3);
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_ALL});
    const struct preprocess preprocess = PREPROCESS_MCUNET;
    static float one[N * FLOATS], four[N * FLOATS];
    assert_int_equal(dataset_load(dataset, 0, N, &preprocess, R, one, 1), 0);
    assert_int_equal(dataset_load(dataset, 0, N, &preprocess, R, four, 4), 0);
    assert_memory_equal(one, four, sizeof one);
    for (int i = 0; i < N; i++)
        assert_true(one[i * FLOATS] == ((float)i / 255.0f - 0.5f) / 0.5f);
    dataset_close(dataset);
    fixture_write(&scratch, "images/017.ppm", "P6\n6 4\n255\nshort", 16);
    dataset = open_set((struct dataset_options){.split = SPLIT_ALL});
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = dataset_load(dataset, 10, 12, &preprocess, R, one, 4);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_INPUT);
    assert_non_null(strstr(capture.text, "images/017.ppm': truncated PNM"));
    dataset_close(dataset);
}

static void make_records(const char *name, int n, int first_label)
{
    uint8_t *bytes = malloc((size_t)n * 3073);
    for (int i = 0; i < n; i++) {
        uint8_t *record = bytes + i * 3073;
        record[0] = (uint8_t)((first_label + i) % 10);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 1024; k++)
                record[1 + c * 1024 + k] = (uint8_t)(c * 50 + k % 32 + i);
    }
    fixture_write(&scratch, name, bytes, (size_t)n * 3073);
    free(bytes);
}

static void test_cifar(void **state)
{
    (void)state;
    make_records("data_batch_1.bin", 12, 0);
    make_records("test_batch.bin", 5, 3);
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_VAL, .classes = 10});
    assert_int_equal(dataset_count(dataset), 5);
    assert_int_equal(dataset_label(dataset, 0), 3);
    assert_string_equal(dataset_class_name(dataset, 3), "cat");
    assert_string_equal(dataset_image_name(dataset, 1), "test_batch.bin:1");
    unsigned char *rgb;
    int width, height;
    assert_int_equal(dataset_decode(dataset, 1, 0, &rgb, &width, &height), 0);
    assert_int_equal(width, 32);
    assert_int_equal(height, 32);
    assert_int_equal(rgb[(2 * 32 + 7) * 3 + 2], 2 * 50 + 7 + 1);
    free(rgb);
    dataset_close(dataset);

    struct dataset_options options = {.split = SPLIT_ALL};
    assert_int_equal(dataset_open(&dataset, scratch_path(&scratch, "data_batch_1.bin"), &options), 0);
    assert_int_equal(dataset_count(dataset), 12);
    dataset_close(dataset);

    fixture_write(&scratch, "cut.bin", "abc", 3);
    assert_refused(scratch_path(&scratch, "cut.bin"), options, "3 bytes are not whole CIFAR-10 records");
    uint8_t *bad = calloc(1, 3073);
    bad[0] = 10;
    fixture_write(&scratch, "label.bin", bad, 3073);
    free(bad);
    assert_refused(scratch_path(&scratch, "label.bin"), options, "record 0 has label 10");
}

static void test_synthetic(void **state)
{
    (void)state;
    struct dataset *dataset, *other;
    struct dataset_options options = {.split = SPLIT_VAL, .limit = 20};
    assert_int_equal(dataset_open(&dataset, "synthetic", &options), 0);
    options.seed = 1;
    assert_int_equal(dataset_open(&other, "synthetic", &options), 0);
    assert_int_equal(dataset_count(dataset), 20);
    assert_int_equal(dataset_classes(dataset), 10);
    unsigned char *a, *b;
    int width, height;
    assert_int_equal(dataset_decode(dataset, 3, 48, &a, &width, &height), 0);
    assert_int_equal(width, 96);
    free(a);
    assert_int_equal(dataset_decode(dataset, 3, 128, &a, &width, &height), 0);
    assert_int_equal(width, 128);
    assert_int_equal(dataset_decode(other, 3, 128, &b, &width, &height), 0);
    assert_memory_not_equal(a, b, 128 * 128 * 3);
    free(a);
    free(b);
    dataset_close(dataset);
    dataset_close(other);
}

static void test_no_such_set(void **state)
{
    (void)state;
    const struct dataset_options options = {0};
    assert_refused("syntetic", options, "did you mean 'synthetic'?");
    assert_refused("/nonexistent/folder", options, "no dataset '/nonexistent/folder'");
    assert_refused("", options, "no dataset ''");
    assert_refused(scratch.folder, options, "expected labels.tsv beside images/, or a folder for each");
    scratch_file(&scratch, "text", "not an archive");
    assert_refused(scratch_path(&scratch, "text"), options, "not a zip, tar or CIFAR .bin file");
}

/* An own copy of a known set that is not there: where to get it. */
static void test_known_but_not_here(void **state)
{
    (void)state;
    setenv("XDG_CACHE_HOME", scratch.folder, 1);
    const struct dataset_options options = {0};
    assert_refused("tiny-imagenet-200", options,
                   "run `mcunet fetch tiny-imagenet-200` (248 MB from http://cs231n");
    assert_refused("imagenet", options, "https://image-net.org");
    fixture_image(&scratch, "mcunet/datasets/imagenet/cat/1.ppm", 1);
    fixture_image(&scratch, "mcunet/datasets/imagenet/dog/1.ppm", 1);
    struct dataset *dataset;
    assert_int_equal(dataset_open(&dataset, "imagenet", &options), 0);
    assert_int_equal(dataset_count(dataset), 2);
    dataset_close(dataset);
    unsetenv("XDG_CACHE_HOME");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_labels),
        TEST(test_labels_without_header),
        TEST(test_bad_labels),
        TEST(test_class_folders),
        TEST(test_train_and_val),
        TEST(test_annotated_val),
        TEST(test_cuts_of_one_part),
        TEST(test_limit),
        TEST(test_load_does_not_depend_on_threads),
        TEST(test_cifar),
        TEST(test_synthetic),
        TEST(test_no_such_set),
        TEST(test_known_but_not_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
