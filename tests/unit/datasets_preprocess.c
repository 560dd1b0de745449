/* preprocess: JSON in and out, and the resize bit for bit as Pillow 9.4 does it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "capture.h"
#include "datasets/image.h"
#include "datasets/preprocess.h"
#include "scratch.h"

static unsigned char *random_image(int width, int height)
{
    const size_t n = (size_t)width * height * 3;
    unsigned char *image = malloc(n);
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        image[i] = (unsigned char)(state >> 24);
    }
    return image;
}

/* CRC-32 of what Image.frombytes("RGB", ...).resize((out_width, out_height), Image.BILINEAR).tobytes() gave.
 */
static const struct {
    int width, height, out_width, out_height;
    uint32_t crc;
} pillow[] = {
    {37, 23, 16, 10, 0x957d7a4a},     {61, 47, 61, 20, 0xe3fb38e5}, {61, 47, 13, 47, 0x3d5877e2},
    {9, 7, 20, 15, 0x5f9a49e6},       {3, 300, 1, 77, 0xdb25909b},  {5, 5, 5, 5, 0xabc9c3e7},
    {640, 427, 215, 143, 0xd3eb1555}, {1, 1, 8, 8, 0xb2df91db},
};

static void test_resize_is_pillows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pillow / sizeof *pillow; i++) {
        const int w = pillow[i].out_width, h = pillow[i].out_height;
        unsigned char *in = random_image(pillow[i].width, pillow[i].height), *out = malloc((size_t)w * h * 3);
        image_resize_window(in, pillow[i].width, pillow[i].height, w, h, 0, 0, w, h, out);
        assert_int_equal(crc32_of(0, out, (size_t)w * h * 3), pillow[i].crc);
        free(in);
        free(out);
    }
}

static void test_window_is_a_crop(void **state)
{
    (void)state;
    enum { W = 40, H = 30, LEFT = 7, TOP = 11, COLUMNS = 12, ROWS = 9 };
    unsigned char *in = random_image(91, 77), whole[W * H * 3], part[COLUMNS * ROWS * 3];
    image_resize_window(in, 91, 77, W, H, 0, 0, W, H, whole);
    image_resize_window(in, 91, 77, W, H, LEFT, TOP, COLUMNS, ROWS, part);
    for (int y = 0; y < ROWS; y++)
        assert_memory_equal(part + y * COLUMNS * 3, whole + ((TOP + y) * W + LEFT) * 3, COLUMNS * 3);
    image_resize_window(in, 91, 77, 91, 77, LEFT, TOP, COLUMNS, ROWS, part); /* no pass at all */
    for (int y = 0; y < ROWS; y++)
        assert_memory_equal(part + y * COLUMNS * 3, in + ((TOP + y) * 91 + LEFT) * 3, COLUMNS * 3);
    free(in);
}

/* Short side to int(8 / 0.8) = 10: an image of 20 x 10 is cropped from column 6, row 1; half to even as
 * torchvision: 7 spare give 4. */
static void test_short_crop(void **state)
{
    (void)state;
    struct preprocess p = {
        .resize = RESIZE_SHORT_CROP, .crop_ratio = 0.8, .mean = {0, 0.25f, 0.5f}, .std = {1, 0.5f, 0.25f}};
    unsigned char *in = random_image(20, 10);
    float out[8 * 8 * 3];
    assert_int_equal(preprocess_image(&p, in, 20, 10, 8, out), 0);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            for (int c = 0; c < 3; c++) {
                const float pixel = (float)in[((y + 1) * 20 + x + 6) * 3 + c] / 255.0f;
                assert_true(out[(y * 8 + x) * 3 + c] == (pixel - p.mean[c]) / p.std[c]);
            }
    p.crop_ratio = 1;
    assert_int_equal(preprocess_image(&p, in, 15, 8, 8, out), 0);
    assert_true(out[0] == (float)in[4 * 3] / 255.0f);
    free(in);
}

static void test_squash(void **state)
{
    (void)state;
    struct preprocess p;
    assert_int_equal(preprocess_parse(&p, "squash"), 0);
    const unsigned char in[2 * 2 * 3] = {0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255};
    float out[4 * 4 * 3];
    assert_int_equal(preprocess_image(&p, in, 2, 2, 4, out), 0);
    assert_true(out[0] == -1.0f && out[3 * 3] == 1.0f);
    assert_true(out[3] > -0.6f && out[3] < -0.4f); /* a quarter of the way */
}

static void test_too_narrow(void **state)
{
    (void)state;
    struct preprocess p = PREPROCESS_MCUNET;
    const unsigned char in[3] = {0}; /* refused before it is read */
    float out[3];
    struct capture capture;
    capture_start(&capture, 2);
    const int narrow = preprocess_image(&p, in, 1, 2000000000, 4000, out),
              size = preprocess_image(&p, in, 8, 8, 0, out);
    capture_end(&capture);
    assert_int_equal(narrow, EXIT_INPUT);
    assert_int_equal(size, EXIT_INPUT);
    assert_non_null(strstr(capture.text, "too narrow"));
}

static void test_text_round_trip(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const char *const names[] = {"mcunet", "vww", "imagenet", "squash"};
    for (int i = 0; i < 4; i++) {
        struct preprocess p, q;
        assert_int_equal(preprocess_parse(&p, names[i]), 0);
        const char *text = preprocess_text(&p, &arena);
        assert_int_equal(preprocess_parse(&q, text), 0);
        assert_string_equal(preprocess_text(&q, &arena), text);
        assert_memory_equal(p.mean, q.mean, sizeof p.mean);
        assert_memory_equal(p.std, q.std, sizeof p.std);
        assert_int_equal(p.resize, q.resize);
    }
    struct preprocess p;
    preprocess_parse(&p, "imagenet");
    const char *text = preprocess_text(&p, &arena);
    assert_non_null(strstr(text, "0.485,"));
    assert_non_null(strstr(text, "0.225"));
    arena_release(&arena);
}

static void test_supernet_metadata(void **state)
{
    (void)state;
    struct preprocess p;
    assert_int_equal(
        preprocess_parse(
            &p,
            "{\"schema\": 1, \"resize\": \"squash\", \"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5]}"),
        0);
    assert_int_equal(p.resize, RESIZE_SQUASH);
    struct scratch scratch;
    scratch_create(&scratch);
    const char *path = scratch_file(&scratch, "p.json", "{\"resize\": \"short_crop\", \"crop_ratio\": 0.9}");
    assert_int_equal(preprocess_parse(&p, path), 0);
    assert_true(p.crop_ratio == 0.9 && p.std[1] == 0.5f);
    scratch_remove(&scratch);
}

static void test_bad_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"mcunett", "unknown preprocess 'mcunett'"},
        {"{", "line 1"},
        {"{}", "lacks 'resize'"},
        {"{\"resize\": \"crop\"}", "\"squash\" or \"short_crop\""},
        {"{\"resize\": 3}", "\"squash\" or \"short_crop\""},
        {"{\"resize\": \"squash\", \"man\": 1}", "unknown key 'man'"},
        {"{\"resize\": \"squash\", \"mean\": [1, 2]}", "'mean' must be three numbers"},
        {"{\"resize\": \"squash\", \"mean\": [1, 2, \"a\"]}", "'mean' must be three numbers"},
        {"{\"resize\": \"squash\", \"std\": [0.5, 0, 0.5]}", "'std' must be three numbers"},
        {"{\"resize\": \"squash\", \"crop_ratio\": 1.5}", "'crop_ratio'"},
        {"{\"resize\": \"squash\", \"schema\": 2}", "'schema' must be 1"},
        {"{\"resize\": \"squash\", \"resize\": \"squash\"}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct preprocess p;
        struct capture capture;
        capture_start(&capture, 2);
        const int rc = preprocess_parse(&p, bad[i].text);
        capture_end(&capture);
        assert_int_equal(rc, EXIT_INPUT);
        assert_non_null(strstr(capture.text, bad[i].message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resize_is_pillows), cmocka_unit_test(test_window_is_a_crop),
        cmocka_unit_test(test_short_crop),        cmocka_unit_test(test_squash),
        cmocka_unit_test(test_too_narrow),        cmocka_unit_test(test_text_round_trip),
        cmocka_unit_test(test_supernet_metadata), cmocka_unit_test(test_bad_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
