/*
 * test_keywords.c - MLPerf Tiny's keyword spotting network on 1000 recorded inputs: right answers, and the
 * same from the QDQ ONNX that `mcunet import` writes. Inputs are int8 MFCC features, not images.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "model/tflite.h"
#include "quant/qdq.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

enum { INPUTS = 1000, BYTES = 49 * 10, CLASSES = 12 };

static int labels_read(const char *path, int *labels)
{
    FILE *file = fopen(path, "r");
    char line[256];
    int n = 0;
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    while (n < INPUTS && fgets(line, sizeof line, file))
        assert_int_equal(sscanf(line, "%*d %*s %d", &labels[n++]), 1);
    fclose(file);
    return n;
}

static void test_answers(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    const char *root = getenv("MCUNET_SHARED");
    const char *data = path_join(&arena, root && *root ? root : "../shared", "data");
    const char *model = path_join(&arena, data, "models/mlperf_kws_ref_model.tflite");
    const char *features = path_join(&arena, data, "kws01-mfcc/features_1000x49x10_int8.bin");
    struct tflite *file;
    struct qmodel *q, *written;
    struct file inputs;
    int labels[INPUTS], correct = 0;
    if (!file_exists(model) || !file_exists(features)) {
        printf("no %s, skipped\n", file_exists(model) ? features : model);
        arena_release(&arena);
        skip();
    }
    assert_int_equal(tflite_read(&file, model, &arena), 0);
    assert_int_equal(qmodel_from_tflite(&q, file, &arena, NULL), 0);
    assert_int_equal(file_read(&inputs, features, INPUTS * BYTES, &arena), 0);
    assert_int_equal(inputs.size, INPUTS * BYTES);
    assert_int_equal(labels_read(path_join(&arena, data, "kws01-mfcc/labels.tsv"), labels), INPUTS);
    int8_t *answers = arena_alloc(&arena, INPUTS * CLASSES), *again = arena_alloc(&arena, INPUTS * CLASSES);
    assert_int_equal(qexec_run_batch(q, (const int8_t *)inputs.data, INPUTS, answers, 1), 0);
    for (int i = 0; i < INPUTS; i++) {
        int best = 0;
        for (int c = 1; c < CLASSES; c++)
            best = answers[i * CLASSES + c] > answers[i * CLASSES + best] ? c : best;
        correct += best == labels[i];
    }
    printf("keyword spotting: %d of %d right (reference: 902)\n", correct, INPUTS);
    assert_in_range(correct, 899, 905);

    char path[] = "/tmp/mcunet-test-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(qdq_write(q, path), 0);
    assert_int_equal(qdq_read(&written, path, &arena), 0);
    unlink(path);
    assert_int_equal(qexec_run_batch(written, (const int8_t *)inputs.data, INPUTS, again, 1), 0);
    assert_memory_equal(answers, again, INPUTS * CLASSES);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests_name("keywords", tests, NULL, NULL);
}
