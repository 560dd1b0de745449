/* subnets: text form, drawing, breeding; and the supernet's JSON they are checked against */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/rng.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "model/model.h"
#include "tests/unit/capture.h"
#include "tests/unit/nas_fixture_json.h"

static struct arena arena;
static struct capture capture;
static struct supernet tiny;

static int set_up(void **state)
{
    (void)state;
    return supernet_parse(&tiny, fixture_json, "tiny", &arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void test_json(void **state)
{
    (void)state;
    assert_string_equal(tiny.name, "tiny");
    assert_int_equal(tiny.classes, 10);
    assert_int_equal(tiny.n_layers, 7);
    assert_int_equal(tiny.n_stages, 3);
    assert_int_equal(tiny.n_widths, 2);
    assert_true(tiny.widths[0] == 0.5 && tiny.widths[1] == 1.0);
    const struct supernet_layer *stage2 = &tiny.layers[3];
    assert_string_equal(stage2->name, "stage2");
    assert_int_equal(stage2->kind, LAYER_STAGE);
    assert_int_equal(stage2->channels[1], 24);
    assert_int_equal(stage2->act, ACT_HARD_SWISH);
    assert_true(stage2->se);
    assert_int_equal(stage2->expands.n, 2);
    assert_int_equal(stage2->expands.value[1], 6);
    assert_int_equal(tiny.layers[0].act, ACT_CLIP);
    assert_true(tiny.layers[0].act_max == 6.0f);
    assert_true(isinf(tiny.layers[4].act_max));
}

/* fixture_json with one piece replaced must be refused, with `message` in the text. */
static void refuse(const char *piece, const char *replacement, const char *message)
{
    const char *at = strstr(fixture_json, piece);
    assert_non_null(at);
    const char *json = arena_printf(&arena, "%.*s%s%s", (int)(at - fixture_json), fixture_json, replacement,
                                    at + strlen(piece));
    struct supernet out;
    capture_start(&capture, STDERR_FILENO);
    int rc = supernet_parse(&out, json, "file.onnx", &arena);
    const char *said = capture_end(&capture);
    if (rc != EXIT_INPUT || !strstr(said, message) || !strstr(said, "file.onnx"))
        fail_msg("'%s' instead of '%s': code %d, said: %s", replacement, piece, rc, said);
}

static void test_hostile_json(void **state)
{
    (void)state;
    refuse("\"schema\": 1", "\"schema\": 2", "'schema' must be 1");
    refuse("\"schema\": 1", "\"scheme\": 1", "'schema' must be 1");
    refuse("{\"schema\"", "[{\"schema\"", "line 1");
    refuse("\"schema\": 1", "\"schema\": 1, \"schema\": 1", "duplicate");
    refuse("\"classes\": 10", "\"classes\": 0", "'classes' must be a whole number");
    refuse("\"classes\": 10", "\"classes\": 99999999999999999999999", "line 1");
    refuse("\"classes\": 10", "\"classes\": 4611686018427387904", "'classes' must be a whole number");
    refuse("\"classes\": 10", "\"classes\": \"10\"", "'classes' must be a whole number");
    refuse("\"classes\": 10", "\"klasses\": 10", "unknown key 'klasses'");
    refuse("[16, 24, 32]", "[16, 24, 24]", "'resolutions' must be ascending");
    refuse("[16, 24, 32]", "[]", "'resolutions' must be an array");
    refuse("[16, 24, 32]", "[16, 24, 1e9]", "'resolutions' must be a whole number");
    refuse("[16, 24, 32]", "[8,9,10,11,12,13,14,15,16,17,18,19,20]", "'resolutions' must be an array");
    refuse("[0.5, 1.0]", "[1.0, 0.5]", "'widths' must be ascending");
    refuse("[0.5, 1.0]", "[0.5, \"1\"]", "'widths' must be numbers");
    refuse("[0.5, 1.0]", "[0.5]", "layer 'stem': 'channels' must be an array of 1");
    refuse("[8, 16], \"act\"", "[16, 8], \"act\"", "layer 'stem': 'channels' must be ascending");
    refuse("[8, 16], \"act\"", "[8, 1000000], \"act\"", "layer 'stem': 'channels' must be a whole number");
    refuse("\"kind\": \"conv\"", "\"kind\": \"konv\"", "'kind' must be");
    refuse("\"name\": \"first\"", "\"name\": \"stem\"", "two layers are named 'stem'");
    refuse("\"name\": \"first\"", "\"name\": \"a.b\"", "needs a 'name'");
    refuse("\"kernel\": 3", "\"kernel\": 4", "'kernel' must be odd");
    refuse("\"kernel\": 3", "\"kernal\": 3", "unknown key 'kernal'");
    refuse("\"stride\": 2", "\"stride\": 0", "'stride' must be a whole number");
    refuse("\"kernels\": [3, 5, 7]", "\"kernels\": [3, 6, 7]", "layer 'stage1': 'kernels' must be odd");
    refuse("\"kernels\": [3, 5, 7]", "\"kernels\": [3, 5, 13]",
           "layer 'stage1': 'kernels' must be a whole number");
    refuse("\"depths\": [1, 2, 3]", "\"depths\": [0, 2, 3]", "'depths' must be a whole number");
    refuse("\"depths\": [1, 2, 3]", "\"depths\": [1, 2, 9]", "'depths' must be a whole number from 1 to 8");
    refuse("\"expands\": [3, 4, 6]", "\"expands\": [1, 4, 6]", "cannot be mixed");
    refuse("\"expands\": [3, 4, 6]", "\"expands\": [3, 4.5, 6]", "'expands' must be a whole number");
    refuse("\"act\": \"hswish\"", "\"act\": \"swish\"", "'act' must be");
    refuse("\"se\": true", "\"se\": 1", "'se' must be true or false");
    refuse("\"name\": \"classifier\"", "\"name\": \"fc\"", "must be named 'classifier'");
    refuse("{\"name\": \"pool\", \"kind\": \"pool\"},", "", "must end with");
    refuse("{\"name\": \"head\"", "{\"name\": \"pool1\", \"kind\": \"pool\"}, {\"name\": \"head\"",
           "come last");
    refuse("[16, 24, 32], \"widths\": [0.5, 1.0], \"layers\": [{\"name\": \"stem\", \"kind\": \"conv\", "
           "\"kernel\": 3, \"stride\": 2, \"channels\": [8, 16]",
           "[16, 24, 512], \"widths\": [0.5, 1.0], \"layers\": [{\"name\": \"stem\", \"kind\": \"conv\", "
           "\"kernel\": 3, \"stride\": 1, \"channels\": [8, 4096]",
           "is larger than");
}

static void test_deep_json(void **state)
{
    (void)state;
    struct supernet out;
    char *json = malloc(200001);
    memset(json, '[', 200000);
    json[200000] = 0;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(supernet_parse(&out, json, "deep", &arena), EXIT_INPUT);
    assert_non_null(strstr(capture_end(&capture), "deep: mcunet.supernet: line 1"));
    free(json);
}

static void test_make_divisible(void **state)
{
    (void)state;
    for (int v = 1; v < 5000; v++) {
        double up = v;
        int expected = (int)fmax(8, floor((up + 4) / 8) * 8);
        if (expected < 0.9 * up)
            expected += 8;
        assert_int_equal(make_divisible(v), expected);
        assert_true(make_divisible(v) >=
                    make_divisible(v - (v > 1))); /* so a smaller ratio never needs more channels */
    }
}

static void test_text(void **state)
{
    (void)state;
    struct subnet a, b;
    subnet_largest(&a, &tiny);
    assert_string_equal(subnet_text(&a, &arena), "r32 w1 | 3x1 | 7x6 7x6 7x6 | 5x6 5x6");
    subnet_smallest(&a, &tiny);
    assert_string_equal(subnet_text(&a, &arena), "r16 w0 | 3x1 | 3x3 | 3x3");
    assert_int_equal(subnet_parse(&b, "  r16   w0|3x1|3x3 | 3x3 \n", &tiny), 0);
    assert_true(subnet_equal(&a, &b));
    assert_int_equal(subnet_parse(&b, "smallest", &tiny), 0);
    assert_true(subnet_equal(&a, &b));
    assert_int_equal(subnet_parse(&b, "largest@24", &tiny), 0);
    assert_string_equal(subnet_text(&b, &arena), "r24 w1 | 3x1 | 7x6 7x6 7x6 | 5x6 5x6");
    for (int i = 0; i < 1000; i++) {
        struct rng rng = rng_stream(1, (uint64_t)i);
        subnet_random(&a, &tiny, -1, -1, &rng);
        assert_int_equal(subnet_parse(&b, subnet_text(&a, &arena), &tiny), 0);
        assert_true(subnet_equal(&a, &b));
        assert_true(subnet_hash(&a) == subnet_hash(&b));
    }
}

static void refuse_text(const char *text, int column, const char *expected)
{
    struct subnet out;
    capture_start(&capture, STDERR_FILENO);
    int rc = subnet_parse(&out, text, &tiny);
    const char *said = capture_end(&capture), *where = arena_printf(&arena, "column %d: expected ", column);
    if (rc != EXIT_INPUT || !strstr(said, where) || !strstr(said, expected))
        fail_msg("'%s': code %d, said: %s", text, rc, said);
}

static void test_bad_text(void **state)
{
    (void)state;
    refuse_text("", 1, "'largest', 'smallest', or 'r'");
    refuse_text("x", 1, "'r' and a resolution");
    refuse_text("r20 w0 | 3x1 | 3x3 | 3x3", 2, "a resolution, one of 16, 24, 32");
    refuse_text("r99999999999999999999 w0", 2, "a resolution");
    refuse_text("r16 w2 | 3x1 | 3x3 | 3x3", 5, "a width index, 0 to 1");
    refuse_text("r16", 4, "a width index");
    refuse_text("r16 w0", 7, "'|' and the blocks of stage 'first'");
    refuse_text("r16 w0 | 3x1 | 3x3", 19, "'|' and the blocks of stage 'stage2'");
    refuse_text("r16 w0 | 3x1 | 9x3 | 3x3", 16, "a kernel size, one of 3, 5, 7");
    refuse_text("r16 w0 | 3x1 | 3 | 3x3", 17, "'x'");
    refuse_text("r16 w0 | 3x1 | 3x5 | 3x3", 18, "an expand ratio, one of 3, 4, 6");
    refuse_text("r16 w0 | 3x1 | 3x3 3x3 3x3 3x3 | 3x3", 14, "a number of blocks, one of 1, 2, 3");
    refuse_text("r16 w0 | 3x1 | | 3x3", 14, "a number of blocks");
    refuse_text("r16 w0 | 3x1 | 3x3 | 3x3 | 3x3", 26, "no more stages");
    refuse_text("largest@20", 9, "a resolution, one of");
    refuse_text("largest 24", 9, "the end, or '@'");
}

static void test_random_covers(void **state)
{
    (void)state;
    int depths[4] = {0}, widths[2] = {0}, kernels[8] = {0};
    struct rng rng = rng_seeded(5);
    for (int i = 0; i < 3000; i++) {
        struct subnet subnet;
        subnet_random(&subnet, &tiny, 24, -1, &rng);
        assert_true(subnet_valid(&subnet, &tiny));
        assert_int_equal(subnet.resolution, 24);
        widths[subnet.width]++;
        depths[subnet.depth[1]]++;
        kernels[subnet.kernel[1][0]]++;
    }
    /* 3000 draws of 2 or 3: six standard deviations are 165 and 155 */
    assert_in_range(widths[0], 1335, 1665);
    for (int d = 1; d <= 3; d++)
        assert_in_range(depths[d], 845, 1155);
    for (int k = 3; k <= 7; k += 2)
        assert_in_range(kernels[k], 845, 1155);
}

static void test_breeding_valid(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(7);
    int changed = 0;
    for (int i = 0; i < 20000; i++) {
        struct subnet a, b, child;
        subnet_random(&a, &tiny, -1, -1, &rng);
        subnet_random(&b, &tiny, -1, -1, &rng);
        subnet_crossover(&child, &a, &b, &rng);
        assert_true(subnet_valid(&child, &tiny));
        for (int s = 0; s < child.n_stages; s++) {
            assert_true(child.depth[s] == a.depth[s] || child.depth[s] == b.depth[s]);
            for (int n = 0; n < child.depth[s]; n++)
                assert_true(child.kernel[s][n] == a.kernel[s][n] || child.kernel[s][n] == b.kernel[s][n]);
        }
        struct subnet mutant = child;
        subnet_mutate(&mutant, &tiny, 0.3, i % 2, &rng);
        assert_true(subnet_valid(&mutant, &tiny));
        changed += !subnet_equal(&mutant, &child);
        if (i % 2)
            assert_true(mutant.width == child.width && mutant.resolution == child.resolution);
        mutant = child;
        subnet_mutate(&mutant, &tiny, 0, false, &rng);
        assert_true(subnet_equal(&mutant, &child));
    }
    assert_true(changed > 15000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),          cmocka_unit_test(test_hostile_json),
        cmocka_unit_test(test_deep_json),     cmocka_unit_test(test_make_divisible),
        cmocka_unit_test(test_text),          cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_random_covers), cmocka_unit_test(test_breeding_valid),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
