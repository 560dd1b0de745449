/* The TensorFlow Lite reader: what it sees, what it refuses, and float networks as models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <math.h>

#include <cmocka.h>

#include "base/error.h"
#include "capture.h"
#include "model/exec.h"
#include "model/passes.h"
#include "model/tflite.h"
#include "scratch.h"
#include "tflite_fixture.h"

static void test_reads(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct net_file *f = tflite_float_net();
    struct tflite *file;
    assert_int_equal(tflite_parse(&file, f->data, f->n, "x.tflite", &arena), 0);
    assert_string_equal(file->description, "fixture");
    assert_int_equal(file->n_tensors, 13);
    assert_int_equal(file->n_operators, 6);
    assert_string_equal(file->tensors[0].name, "image");
    assert_int_equal(file->tensors[0].shape.rank, 4);
    assert_int_equal(file->tensors[0].shape.dim[1], 5);
    assert_null(file->tensors[0].data);
    assert_true(tflite_float(&file->tensors[3], 3) == 2.0f);
    assert_int_equal(tflite_int(&file->tensors[1], 2), 1);
    const struct tflite_operator *conv = &file->operators[1], *depthwise = &file->operators[2];
    assert_string_equal(conv->name, "CONV_2D");
    assert_false(conv->same_padding);
    assert_int_equal(conv->stride_h, 2);
    assert_int_equal(conv->dilation_h, 1);
    assert_int_equal(conv->inputs[2], -1);
    assert_true(depthwise->same_padding);
    assert_int_equal(depthwise->activation, TFLITE_ACT_RELU6);
    assert_int_equal(depthwise->depth_multiplier, 2);
    assert_true(file->operators[5].beta == 1.0f);
    assert_false(tflite_is_int8(file));
    free(f);
    arena_release(&arena);
}

static void refused(const struct tflite_net *net, const char *message)
{
    struct arena arena = ARENA_INIT;
    struct net_file *f = tflite_net_write(net);
    struct tflite *file;
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    const int rc = tflite_parse(&file, f->data, f->n, "x.tflite", &arena);
    assert_string_equal(capture_end(&capture), message);
    assert_int_equal(rc, EXIT_INPUT);
    free(f);
    arena_release(&arena);
}

static void test_refuses(void **state)
{
    (void)state;
    static const float one[1] = {1};
    struct tflite_net net = {.n_tensors = 2,
                             .tensors = {{"a", TFLITE_FLOAT32, 1, {4}}, {"b", TFLITE_FLOAT32, 1, {4}}},
                             .n_operators = 1,
                             .operators = {{TFLITE_RELU, 1, {0}, 1}},
                             .input = 0,
                             .output = 1};
    net.version = 2;
    refused(&net, "error: x.tflite: TensorFlow Lite schema version 2, expected 3\n");
    net.version = 0;
    net.tensors[1].dim[0] = 0;
    refused(
        &net,
        "error: x.tflite: tensor 'b': dimensions must be 1 or more, and at most 268435456 elements in all\n");
    net.tensors[1].dim[0] = 4;
    net.operators[0].inputs[0] = 7;
    refused(&net, "error: x.tflite: RELU refers to tensor 7 of 2\n");
    net.operators[0].inputs[0] = 1;
    refused(&net, "error: x.tflite: RELU reads tensor 'b' before it is computed\n");
    net.operators[0].inputs[0] = 0;
    net.operators[0].output = 0;
    refused(&net, "error: x.tflite: RELU writes tensor 'a', which has a value already\n");
    net.operators[0].output = 1;
    net.output = 9;
    refused(&net, "error: x.tflite: graph output 0 is tensor 9 of 2\n");
    net.output = 1;
    net.tensors[0].data = one;
    net.tensors[0].bytes = sizeof one;
    refused(&net, "error: x.tflite: tensor 'a' has 4 bytes of data, expected 16\n");
}

/* No prefix and no changed byte may do more than fail. */
static void test_damage(void **state)
{
    (void)state;
    struct net_file *f = tflite_float_net();
    struct capture capture;
    int refusals = 0;
    capture_start(&capture, STDERR_FILENO);
    for (size_t n = 0; n < f->n; n++) {
        struct arena arena = ARENA_INIT;
        struct tflite *file;
        uint8_t *exact = malloc(n + 1); /* so that a sanitizer sees reads past the end */
        memcpy(exact, f->data, n);
        const int rc = tflite_parse(&file, exact, n, "x.tflite", &arena);
        refusals += rc != 0;
        free(exact);
        arena_release(&arena);
    }
    assert_true(refusals > (int)f->n - 16);
    for (size_t at = 8; at < f->n; at++)
        for (int change = 1; change < 256; change = change * 4 + 3) {
            struct arena arena = ARENA_INIT;
            struct tflite *file;
            struct model *model;
            f->data[at] ^= (uint8_t)change;
            int rc = tflite_parse(&file, f->data, f->n, "x.tflite", &arena);
            if (!rc && !tflite_is_int8(file))
                rc = tflite_to_model(&model, file, &arena);
            assert_true(rc == 0 || rc == EXIT_INPUT || rc == EXIT_UNSUPPORTED);
            f->data[at] ^= (uint8_t)change;
            arena_release(&arena);
        }
    capture_end(&capture);
    free(f);
}

static void test_detect(void **state)
{
    (void)state;
    struct scratch scratch;
    bool is;
    scratch_create(&scratch);
    assert_int_equal(tflite_detect(scratch_file(&scratch, "a", "abcdTFL3 and more"), &is), 0);
    assert_true(is);
    assert_int_equal(tflite_detect(scratch_file(&scratch, "b", "TFL3"), &is), 0);
    assert_false(is);
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(tflite_detect("/nowhere/x", &is), EXIT_INPUT);
    assert_string_equal(capture_end(&capture),
                        "error: cannot open '/nowhere/x': No such file or directory\n");
    scratch_remove(&scratch);
}

/* SAME puts the odd row at the end: 5 -> 3 with kernel 2, stride 2 needs one row in all. */
static void test_window(void **state)
{
    (void)state;
    struct tflite_operator op = {
        .same_padding = true, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1};
    struct window window = {.kernel_h = 2, .kernel_w = 3};
    assert_true(tflite_window(&window, &op, 5, 6, 3, 3));
    assert_int_equal(window.pad_top, 0);
    assert_int_equal(window.pad_bottom, 1);
    assert_int_equal(window.pad_left, 0);
    assert_int_equal(window.pad_right, 1);
    assert_false(tflite_window(&window, &op, 5, 6, 2, 3));
    op.same_padding = false;
    assert_true(tflite_window(&window, &op, 5, 6, 2, 2));
    assert_int_equal(window.pad_bottom, 0);
    op.stride_h = 0;
    assert_false(tflite_window(&window, &op, 5, 6, 2, 2));
}

/* Worked by hand: image i = 0..24. */
static void test_float_network(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct net_file *f = tflite_float_net();
    struct tflite *file;
    struct model *model;
    float image[25], dense[3], padded[6][6] = {{0}}, mean[4] = {0};
    static const float conv[2][9] = {{1, 0, -1, 2, 0, -2, 1, 0, -1},
                                     {0.5f, 1, 0.5f, 0, 0, 0, -0.5f, -1, -0.5f}};
    static const float factor[4] = {1, -1, 0.5f, 2}, bias[4] = {0.25f, 0, -0.25f, 1};
    assert_int_equal(tflite_parse(&file, f->data, f->n, "x.tflite", &arena), 0);
    assert_int_equal(tflite_to_model(&model, file, &arena), 0);
    assert_int_equal(passes_for_inference(model), 0);
    for (int i = 0; i < 25; i++)
        padded[1 + i / 5][1 + i % 5] = image[i] = 0.1f * (float)(i * 7 % 11);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 2; x++)
            for (int c = 0; c < 4; c++) {
                float sum = 0;
                for (int k = 0; k < 9; k++)
                    sum += conv[c / 2][k] * padded[2 * y + k / 3][2 * x + k % 3];
                const float value = sum * factor[c] + bias[c];
                mean[c] += (value < 0 ? 0 : value > 6 ? 6 : value) / 4;
            }
    dense[0] = mean[0] + mean[3];
    dense[1] = mean[1] - mean[2];
    dense[2] = (mean[0] + mean[1] + mean[2] + mean[3]) / 2;
    const float total = expf(dense[0]) + expf(dense[1]) + expf(dense[2]);
    struct exec *exec;
    assert_int_equal(exec_create(&exec, model, &(struct exec_options){.threads = 1}), 0);
    assert_int_equal(exec_run(exec, image), 0);
    const float *answer = exec_output(exec, 0);
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(answer[i] - expf(dense[i]) / total) < 1e-5f);
    exec_destroy(exec);
    free(f);
    arena_release(&arena);
}

/* RESIZE_NEAREST_NEIGHBOR (half_pixel_centers) and TANH. */
static void test_resize_and_tanh(void **state)
{
    (void)state;
    static const int32_t size[2] = {1, 5};
    const struct tflite_net net = {
        .n_tensors = 4,
        .tensors = {{"in", TFLITE_FLOAT32, 4, {1, 2, 3, 1}},
                    {"size", TFLITE_INT32, 1, {2}, size, sizeof size},
                    {"resized", TFLITE_FLOAT32, 4, {1, 1, 5, 1}},
                    {"out", TFLITE_FLOAT32, 4, {1, 1, 5, 1}}},
        .n_operators = 2,
        .operators = {{TFLITE_RESIZE_NEAREST_NEIGHBOR, 2, {0, 1}, 2, 74, 2, {{0, 0}, {1, 1}}},
                      {TFLITE_TANH, 1, {2}, 3}},
        .input = 0,
        .output = 3};
    struct arena arena = ARENA_INIT;
    struct net_file *f = tflite_net_write(&net);
    struct tflite *file;
    struct model *model;
    struct exec *exec;
    assert_int_equal(tflite_parse(&file, f->data, f->n, "x.tflite", &arena), 0);
    assert_int_equal(tflite_to_model(&model, file, &arena), 0);
    assert_int_equal(passes_for_inference(model), 0);
    assert_int_equal(exec_create(&exec, model, &(struct exec_options){.threads = 1}), 0);
    const float in[6] = {9, 9, 9, 0.5f, -1, 2};
    const int expected[5] = {3, 3, 4, 5, 5}; /* row floor(1/2 * 2) = 1, columns floor((x + 1/2) * 3 / 5) */
    assert_int_equal(exec_run(exec, in), 0);
    const float *out = exec_output(exec, 0);
    for (int i = 0; i < 5; i++)
        assert_true(fabsf(out[i] - tanhf(in[expected[i]])) < 1e-6f);
    exec_destroy(exec);
    free(f);
    arena_release(&arena);
}

static void test_lists_what_is_unsupported(void **state)
{
    (void)state;
    const struct tflite_net net = {.n_tensors = 4,
                                   .tensors = {{"a", TFLITE_FLOAT32, 2, {1, 4}},
                                               {"b", TFLITE_FLOAT32, 2, {1, 4}},
                                               {"c", TFLITE_FLOAT32, 2, {1, 4}},
                                               {"d", TFLITE_FLOAT32, 2, {1, 4}}},
                                   .n_operators = 3,
                                   .operators = {{47, 1, {0}, 1}, {TFLITE_RELU, 1, {1}, 2}, {150, 1, {2}, 3}},
                                   .input = 0,
                                   .output = 3};
    struct arena arena = ARENA_INIT;
    struct net_file *f = tflite_net_write(&net);
    struct tflite *file;
    struct model *model;
    struct capture capture;
    assert_int_equal(tflite_parse(&file, f->data, f->n, "x.tflite", &arena), 0);
    capture_start(&capture, STDERR_FILENO);
    const int rc = tflite_to_model(&model, file, &arena);
    const char *text = capture_end(&capture);
    assert_int_equal(rc, EXIT_UNSUPPORTED);
    assert_non_null(strstr(text, "no float form for 2 operators"));
    assert_non_null(strstr(text, "operator 0, EXP 'b'"));
    assert_non_null(strstr(text, "operator 2, GELU 'd'"));
    free(f);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),           cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_damage),          cmocka_unit_test(test_detect),
        cmocka_unit_test(test_window),          cmocka_unit_test(test_float_network),
        cmocka_unit_test(test_resize_and_tanh), cmocka_unit_test(test_lists_what_is_unsupported)};
    return cmocka_run_group_tests_name("model_tflite", tests, NULL, NULL);
}
