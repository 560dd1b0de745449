/* hash and rng: known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <math.h>

#include "base/hash.h"
#include "base/rng.h"
#include "capture.h"
#include "scratch.h"

static void test_sha256(void **state)
{
    (void)state;
    /* FIPS 180-2, appendix B. */
    assert_string_equal(sha256_of("abc", 3).hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha256_of(NULL, 0).hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_sha256_of_file(void **state)
{
    (void)state;
    struct scratch scratch;
    struct sha256 hash;
    scratch_create(&scratch);
    char *large = malloc(200001);
    memset(large, 'a', 200000);
    large[200000] = '\0';
    assert_int_equal(sha256_of_file(&hash, scratch_file(&scratch, "a", large)), 0);
    assert_string_equal(hash.hex, sha256_of(large, 200000).hex);
    free(large);

    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int missing = sha256_of_file(&hash, "/nowhere"), folder = sha256_of_file(&hash, "/tmp");
    const char *text = capture_end(&capture);
    assert_int_equal(missing, 3);
    assert_int_equal(folder, 1);
    assert_string_equal(text, "error: cannot open '/nowhere': No such file or directory\n"
                              "error: cannot read '/tmp': Is a directory\n");
    scratch_remove(&scratch);
}

static void test_crc32(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(0, "123456789", 9), 0xcbf43926);
    assert_int_equal(crc32_of(crc32_of(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static void test_generator(void **state)
{
    (void)state;
    /* xoshiro256** from state 1, 2, 3, 4: the authors' C code prints these. */
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240u, 1216172134540287360u, 607988272756665600u};
    struct rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_true(rng_u64(&rng) == expected[i]);
    /* splitmix64 from 1234567. */
    rng = rng_seeded(1234567);
    assert_true(rng.state[0] == 6457827717110365317u);
    assert_true(rng.state[1] == 3203168211198807973u);
    assert_true(rng.state[2] == 9817491932198370423u);
    assert_true(rng.state[3] == 4593380528125082431u);
}

static void test_streams_differ(void **state)
{
    (void)state;
    enum { SEEDS = 30, N = SEEDS * SEEDS };
    uint64_t first[N];
    for (int i = 0; i < N; i++) {
        struct rng rng = rng_stream((uint64_t)(i / SEEDS), (uint64_t)(i % SEEDS));
        first[i] = rng_u64(&rng);
        for (int k = 0; k < i; k++)
            assert_true(first[k] != first[i]);
    }
}

static void test_distributions(void **state)
{
    (void)state;
    enum { N = 60000 };
    struct rng rng = rng_seeded(1);
    int counts[6] = {0};
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    for (int i = 0; i < N; i++) {
        counts[rng_below(&rng, 6)]++;
        const double u = rng_uniform(&rng), z = rng_normal(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        normal_sum += z;
        normal_squares += z * z;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], N / 6 - 400, N / 6 + 400); /* 4 sigma is 365 */
    assert_true(fabs(sum / N - 0.5) < 0.005);
    assert_true(fabs(squares / N - 1.0 / 3) < 0.005);
    assert_true(fabs(normal_sum / N) < 0.017);
    assert_true(fabs(normal_squares / N - 1) < 0.025);
    assert_int_equal(rng_below(&rng, 1), 0);
}

static void test_shuffle(void **state)
{
    (void)state;
    int indices[100], seen[100] = {0}, moved = 0;
    for (int i = 0; i < 100; i++)
        indices[i] = i;
    struct rng rng = rng_seeded(3);
    rng_shuffle(&rng, indices, 100);
    for (int i = 0; i < 100; i++) {
        seen[indices[i]]++;
        moved += indices[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),         cmocka_unit_test(test_sha256_of_file),
        cmocka_unit_test(test_crc32),          cmocka_unit_test(test_generator),
        cmocka_unit_test(test_streams_differ), cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_shuffle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
