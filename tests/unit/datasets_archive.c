/* dataset: packed sets. Tiny-ImageNet zips, folders per class and CIFAR in tar.gz, and archives made to hurt.
 */
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
#include "datasets_fixture.h"

static struct scratch scratch;
static char archive_path[256];

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

static struct fixture_archive start(const char *name, int zip)
{
    struct fixture_archive a;
    snprintf(archive_path, sizeof archive_path, "%s/%s", scratch.folder, name);
    fixture_archive_open(&a, archive_path, zip);
    return a;
}

static void add_text(struct fixture_archive *a, const char *name, const char *text)
{
    fixture_archive_add(a, name, text, strlen(text));
}

static void add_image(struct fixture_archive *a, const char *name, uint8_t value)
{
    uint8_t ppm[256];
    fixture_archive_add(a, name, ppm, fixture_ppm(ppm, 6, 4, value));
}

static struct dataset *open_set(struct dataset_options options)
{
    struct dataset *dataset;
    assert_int_equal(dataset_open(&dataset, archive_path, &options), 0);
    return dataset;
}

static void assert_refused(enum split split, const char *message)
{
    struct dataset *dataset;
    struct dataset_options options = {.split = split, .calibration = 1};
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = dataset_open(&dataset, archive_path, &options);
    capture_end(&capture);
    assert_null(dataset);
    if (!strstr(capture.text, message))
        fail_msg("expected '%s', got '%s'", message, capture.text);
    assert_int_equal(rc, EXIT_INPUT);
}

static int first_grey(const struct dataset *dataset, int index)
{
    unsigned char *rgb;
    int width, height;
    assert_int_equal(dataset_decode(dataset, index, 0, &rgb, &width, &height), 0);
    const int grey = rgb[0];
    free(rgb);
    return grey;
}

static void make_tiny(void)
{
    struct fixture_archive a = start("tiny.zip", 1);
    add_text(&a, "tiny/wnids.txt", "n03\nn01\n");
    add_text(&a, "tiny/words.txt", "n01\tgoldfish, Carassius auratus\nn02\tother\nn03\tcup\n");
    add_text(&a, "tiny/val/val_annotations.txt", "v1.ppm\tn01\t0\t0\t1\t1\nv0.ppm\tn03\t0\t0\t1\t1\n");
    for (int i = 11; i >= 0; i--) {
        char name[64];
        snprintf(name, sizeof name, "tiny/train/n0%d/images/n0%d_%02d.ppm", i % 2 ? 3 : 1, i % 2 ? 3 : 1, i);
        add_image(&a, name, (uint8_t)(100 + i));
    }
    add_text(&a, "tiny/train/n01/n01_boxes.txt", "n01_0.ppm\t0\t0\t1\t1\n");
    add_image(&a, "tiny/val/images/v0.ppm", 50);
    add_image(&a, "tiny/val/images/v1.ppm", 51);
    add_image(&a, "tiny/test/images/t0.ppm", 9);
    fixture_archive_close(&a);
}

static void test_tiny_imagenet(void **state)
{
    (void)state;
    make_tiny();
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_VAL, .classes = 2});
    assert_int_equal(dataset_count(dataset), 2);
    assert_string_equal(dataset_class_name(dataset, 0), "goldfish");
    assert_string_equal(dataset_class_name(dataset, 1), "cup");
    assert_int_equal(dataset_label(dataset, 0), 0); /* in the order of the annotations */
    assert_int_equal(first_grey(dataset, 0), 51);
    assert_int_equal(first_grey(dataset, 1), 50);
    dataset_close(dataset);
    dataset = open_set((struct dataset_options){.split = SPLIT_TRAIN});
    assert_int_equal(dataset_count(dataset), 12);
    assert_string_equal(dataset_image_name(dataset, 0), "tiny/train/n01/images/n01_00.ppm");
    for (int i = 0; i < 12; i++)
        assert_int_equal(first_grey(dataset, i), i < 6 ? 100 + 2 * i : 101 + 2 * (i - 6));
    dataset_close(dataset);
    dataset = open_set((struct dataset_options){.split = SPLIT_CALIBRATION, .calibration = 5, .search = -1});
    assert_int_equal(dataset_count(dataset), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(first_grey(dataset, i),
                         100 + atoi(strrchr(dataset_image_name(dataset, i), '_') + 1));
    dataset_close(dataset);
}

static void test_bad_tiny_imagenet(void **state)
{
    (void)state;
    struct fixture_archive a = start("a.zip", 1);
    add_text(&a, "wnids.txt", "n01\n");
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "wnids.txt lists 1 classes");

    a = start("b.zip", 1);
    add_text(&a, "wnids.txt", "n01\nn02\n");
    add_image(&a, "train/n03/images/a.ppm", 1);
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "member 'train/n03/images/a.ppm' is of no class");

    a = start("c.zip", 1);
    add_text(&a, "wnids.txt", "n01\nn02\n");
    add_text(&a, "val/val_annotations.txt", "\nv0.ppm\tn01\n");
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "val_annotations.txt:2: no member 'val/images/v0.ppm'");

    a = start("d.zip", 1);
    add_text(&a, "wnids.txt", "n01\nn02\n");
    add_text(&a, "val/val_annotations.txt", "v0.ppm");
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "val_annotations.txt:1: expected a file, a tab and a class");

    a = start("e.zip", 1);
    add_text(&a, "wnids.txt", "n01\nn02\n");
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "has no images");
}

static void test_class_folders(void **state)
{
    (void)state;
    for (int zip = 0; zip <= 1; zip++) {
        struct fixture_archive a = start(zip ? "set.zip" : "set.tar.gz", zip);
        add_image(&a, "./set/person/b.ppm", 3);
        add_image(&a, "set/non_person/a.ppm", 1);
        add_image(&a, "set/person/a.ppm", 2);
        add_text(&a, "set/README", "no image");
        fixture_archive_close(&a);
        struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_ALL});
        assert_int_equal(dataset_count(dataset), 3);
        assert_string_equal(dataset_class_name(dataset, 0), "non_person");
        for (int i = 0; i < 3; i++) {
            assert_int_equal(dataset_label(dataset, i), i > 0);
            assert_int_equal(first_grey(dataset, i), i + 1);
        }
        dataset_close(dataset);
    }
    struct fixture_archive a = start("parts.zip", 1);
    add_image(&a, "train/cat/1.ppm", 1);
    add_image(&a, "train/dog/1.ppm", 2);
    add_image(&a, "val/dog/1.ppm", 3);
    add_image(&a, "test/cow/1.ppm", 4);
    fixture_archive_close(&a);
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_VAL_OR_ALL});
    assert_int_equal(dataset_count(dataset), 1);
    assert_int_equal(first_grey(dataset, 0), 3);
    dataset_close(dataset);

    a = start("one.zip", 1);
    add_image(&a, "only/1.ppm", 1);
    fixture_archive_close(&a);
    assert_refused(SPLIT_ALL, "found 1 class folders");
}

static void test_cifar(void **state)
{
    (void)state;
    uint8_t *record = calloc(2, 3073);
    record[0] = 7;
    record[3073] = 1;
    struct fixture_archive a = start("cifar.tar.gz", 0);
    fixture_archive_add(&a, "cifar/data_batch_1.bin", record, 3073);
    fixture_archive_add(&a, "cifar/data_batch_2.bin", record, 2 * 3073);
    fixture_archive_add(&a, "cifar/test_batch.bin", record + 3073, 3073);
    add_text(&a, "cifar/batches.meta.txt", "airplane\n");
    fixture_archive_close(&a);
    free(record);
    struct dataset *dataset = open_set((struct dataset_options){.split = SPLIT_TRAIN});
    assert_int_equal(dataset_count(dataset), 3);
    assert_int_equal(dataset_label(dataset, 2), 1);
    assert_int_equal(first_grey(dataset, 2), 0);
    dataset_close(dataset);
    dataset = open_set((struct dataset_options){.split = SPLIT_VAL});
    assert_int_equal(dataset_count(dataset), 1);
    assert_string_equal(dataset_class_name(dataset, dataset_label(dataset, 0)), "automobile");
    dataset_close(dataset);
}

/* 40 MB of zeros packed into a few kB. */
static void test_bomb(void **state)
{
    (void)state;
    const size_t size = 40u << 20;
    uint8_t *zeros = calloc(1, size);
    struct fixture_archive a = start("bomb.zip", 1);
    fixture_archive_add(&a, "a/big.png", zeros, size);
    add_image(&a, "b/1.ppm", 1);
    fixture_archive_close(&a);
    free(zeros);
    assert_refused(SPLIT_ALL, "member 'a/big.png' is larger than");
}

/* Cut at every 97th byte, and with single bytes changed: an error or a set, never a crash. */
static void test_damaged(void **state)
{
    (void)state;
    make_tiny();
    struct arena arena = ARENA_INIT;
    struct file file;
    assert_int_equal(file_read(&file, archive_path, 1 << 20, &arena), 0);
    uint8_t *bytes = arena_copy(&arena, file.data, file.size);
    snprintf(archive_path, sizeof archive_path, "%s/damaged.zip", scratch.folder);
    int opened = 0, refused = 0;
    for (size_t i = 0; i < 2 * file.size; i += 97) {
        const bool cut = i < file.size;
        const size_t at = i % file.size;
        bytes[at] ^= cut ? 0 : 0x5a;
        assert_int_equal(file_write(archive_path, bytes, cut ? at : file.size), 0);
        bytes[at] ^= cut ? 0 : 0x5a;
        struct dataset *dataset;
        const struct dataset_options options = {.split = SPLIT_ALL};
        struct capture capture;
        capture_start(&capture, 2);
        const int rc = dataset_open(&dataset, archive_path, &options);
        capture_end(&capture);
        if (rc == 0) {
            opened++;
            dataset_close(dataset);
        } else {
            refused++;
            assert_int_equal(rc, EXIT_INPUT);
            assert_memory_equal(capture.text, "error: '", 8);
        }
    }
    assert_true(refused > 10 && opened > 0);
    arena_release(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tiny_imagenet), TEST(test_bad_tiny_imagenet), TEST(test_class_folders), TEST(test_cifar),
        TEST(test_bomb),          TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
