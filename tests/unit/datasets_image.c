/* image: what is decoded, and how hostile bytes are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "capture.h"
#include "datasets/image.h"
#include "datasets_fixture.h"

static void test_ppm(void **state)
{
    (void)state;
    uint8_t ppm[256];
    unsigned char *rgb;
    int width, height;
    assert_int_equal(image_decode(ppm, fixture_ppm(ppm, 6, 4, 77), "a.ppm", &rgb, &width, &height), 0);
    assert_int_equal(width, 6);
    assert_int_equal(height, 4);
    for (int i = 0; i < 6 * 4 * 3; i++)
        assert_int_equal(rgb[i], 77);
    free(rgb);
}

static void test_grey_jpeg_has_three_channels(void **state)
{
    (void)state;
    unsigned char *rgb;
    int width, height;
    assert_int_equal(image_decode(fixture_jpeg, sizeof fixture_jpeg, "a.jpg", &rgb, &width, &height), 0);
    assert_int_equal(width * height, 64);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            for (int c = 0; c < 3; c++)
                assert_true(abs(rgb[(y * 8 + x) * 3 + c] - (x * 16 + y * 8)) <= 5);
    free(rgb);
}

/* Every prefix of a JPEG is refused, with one message that names it; never decoded in part. */
static void test_truncated_jpeg(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof fixture_jpeg; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees a read past the end */
        memcpy(exact, fixture_jpeg, size);
        exact = realloc(exact, size ? size : 1);
        unsigned char *rgb;
        int width, height;
        struct capture capture;
        capture_start(&capture, 2);
        const int rc = image_decode(exact, size, "x/cut.jpg", &rgb, &width, &height);
        capture_end(&capture);
        assert_int_equal(rc, EXIT_INPUT);
        assert_null(rgb);
        assert_non_null(strstr(capture.text, "error: 'x/cut.jpg': "));
        assert_ptr_equal(strchr(capture.text, '\n'), capture.text + strlen(capture.text) - 1);
        free(exact);
    }
}

static void assert_refused(const void *bytes, size_t size, const char *message)
{
    unsigned char *rgb;
    int width, height;
    struct capture capture;
    capture_start(&capture, 2);
    const int rc = image_decode(bytes, size, "b", &rgb, &width, &height);
    capture_end(&capture);
    assert_int_equal(rc, EXIT_INPUT);
    if (!strstr(capture.text, message))
        fail_msg("expected '%s', got '%s'", message, capture.text);
}

static void test_hostile(void **state)
{
    (void)state;
    assert_refused("", 0, "empty file");
    assert_refused("hello, world", 12, "not a readable image");
    assert_refused("P6\n60000 60000\n255\n", 19, "more than the limit");
    assert_refused("P6\n200000000 200000000\n255\n", 27, "more than the limit");
    assert_refused("P6\n2000000000 2000000000\n255\n", 29,
                   ""); /* what stb_image says depends on its version */
    assert_refused("P6\n9 9\n255\nab", 13, "truncated PNM");
    assert_refused("P5\n1 1\n65535\nab", 15, "16 bits a sample");
    static const struct {
        int at;
        uint8_t byte;
        const char *message;
    } damages[] = {
        {121, 0xff, "bad segment"}, /* more codes in a Huffman table than it has bytes */
        {130, 9, "bad segment"},    /* more codes of two bits than there are */
        {106, 0xff, "bad segment"}, /* index of a Huffman table */
        {24, 0x27, "bad segment"},  /* index of a quantization table */
        {24, 0x20, "bad segment"},  /* its precision */
        {102, 0, "bad segment"},    /* between two segments */
        {125, 0xf0, "bad segment"}, /* an unknown one */
        {103, 0xd9, "no picture"},  /* the end before the first scan */
        {123, 0xff, "corrupt image"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        uint8_t jpeg[sizeof fixture_jpeg];
        memcpy(jpeg, fixture_jpeg, sizeof jpeg);
        jpeg[damages[i].at] = damages[i].byte;
        assert_refused(jpeg, sizeof jpeg, damages[i].message);
    }
    uint8_t *large = calloc(1, IMAGE_MAX_BYTES + 1);
    assert_refused(large, IMAGE_MAX_BYTES + 1, "larger than");
    free(large);
}

static void test_suffixes(void **state)
{
    (void)state;
    assert_true(image_named("a.JPEG") && image_named("b.jpg") && image_named("c.x.png"));
    assert_false(image_named("jpg") || image_named("a.gif") || image_named("a.bmp") ||
                 image_named("a.jpg.txt") || image_named(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ppm),
        cmocka_unit_test(test_grey_jpeg_has_three_channels),
        cmocka_unit_test(test_truncated_jpeg),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_suffixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
