/* quantize() and qexec on a small network with every operator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "model/exec.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/quantize.h"
#include "tests/unit/capture.h"
#include "tests/unit/quant_fixture.h"

enum { CALIBRATION = 21, TEST = 40, PIXELS = FIXTURE_SIDE * FIXTURE_SIDE * 3 };

struct net {
    struct arena arena;
    struct model *model;
    float *calibration, *test;
};

static void net_create(struct net *net, uint64_t seed, bool softmax)
{
    *net = (struct net){0};
    net->model = fixture_model(&net->arena, seed, softmax);
    assert_int_equal(shape_infer(net->model), 0);
    assert_int_equal(passes_for_inference(net->model), 0);
    net->calibration = fixture_images(&net->arena, 100, CALIBRATION);
    net->test = fixture_images(&net->arena, 200, TEST);
}

static struct qmodel *net_quantize(struct net *net, const struct quantize_options *options)
{
    struct qmodel *q;
    assert_int_equal(quantize(&q, net->model, net->calibration, CALIBRATION, options, &net->arena), 0);
    return q;
}

static float *float_outputs(struct net *net)
{
    struct exec *exec;
    float *out = ARENA_ARRAY(&net->arena, float, TEST *FIXTURE_CLASSES);
    assert_int_equal(exec_create(&exec, net->model, &(struct exec_options){.batch = TEST, .threads = 1}), 0);
    assert_int_equal(exec_run(exec, net->test), 0);
    memcpy(out, exec_output(exec, 0), sizeof(float) * TEST * FIXTURE_CLASSES);
    exec_destroy(exec);
    return out;
}

static int8_t *int8_outputs(struct net *net, const struct qmodel *q, int threads)
{
    int8_t *in = arena_alloc(&net->arena, TEST * PIXELS),
           *out = arena_alloc(&net->arena, TEST * FIXTURE_CLASSES);
    for (int i = 0; i < TEST; i++)
        qexec_quantize_input(q, net->test + i * PIXELS, in + i * PIXELS);
    assert_int_equal(qexec_run_batch(q, in, TEST, out, threads), 0);
    return out;
}

/* Signal to noise over all outputs in dB, and the mean error. */
static double sqnr(struct net *net, const struct qmodel *q, double *mean_error)
{
    const float *expected = float_outputs(net);
    const int8_t *got = int8_outputs(net, q, 1);
    const struct qtensor *out = &q->tensors[q->output];
    double signal = 0, noise = 0, sum = 0, worst = 0;
    for (int c = 0; c < FIXTURE_CLASSES; c++) {
        sum = 0;
        for (int i = 0; i < TEST; i++) {
            const double x = (double)expected[i * FIXTURE_CLASSES + c];
            const double y = (double)out->scale * (got[i * FIXTURE_CLASSES + c] - out->zero_point);
            signal += x * x;
            noise += (x - y) * (x - y);
            sum += y - x;
        }
        worst = fmax(worst, fabs(sum / TEST));
    }
    if (mean_error)
        *mean_error = worst;
    return 10 * log10(signal / noise);
}

static struct quantize_options options_quiet(void)
{
    struct quantize_options options = QUANTIZE_DEFAULTS;
    options.quiet = true;
    options.threads = 1;
    return options;
}

static void test_close_to_float(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        for (int softmax = 0; softmax < 2; softmax++) {
            struct net net;
            net_create(&net, seed, softmax);
            struct quantize_options options = options_quiet();
            const double db = sqnr(&net, net_quantize(&net, &options), NULL);
            if (!(db > 25))
                fail_msg("seed %d, softmax %d: %.1f dB", (int)seed, softmax, db);
            arena_release(&net.arena);
        }
}

/* Makes channels of the layer "expand" differ by up to 8 times, and its reader undo that. */
static void skew(struct model *model)
{
    float *data[3] = {0}; /* weights and bias of expand, weights of depthwise */
    for (int i = 0; i < model->n_tensors; i++) {
        static const char *const names[3] = {"expand.w", "expand.b", "depthwise.w"};
        for (int k = 0; k < 3; k++)
            if (strcmp(model->tensors[i].name, names[k]) == 0) {
                const size_t bytes = (size_t)shape_elements(&model->tensors[i].shape) * sizeof(float);
                model->tensors[i].data = data[k] = arena_copy(model->arena, model->tensors[i].data, bytes);
            }
    }
    assert_true(data[0] && data[1] && data[2]);
    for (int c = 0; c < 24; c++) {
        const float s = 1.0f / (float)(1 + c % 8);
        for (int i = 0; i < 8; i++)
            data[0][c * 8 + i] *= s;
        data[1][c] *= s;
        for (int i = 0; i < 25; i++)
            data[2][c * 25 + i] /= s;
    }
}

/* Each step of the recipe helps on average. */
static void test_steps_help(void **state)
{
    (void)state;
    double all = 0, no_bias = 0, equalized = 0, not_equalized = 0, mean_all = 0, mean_no_bias = 0;
    enum { SEEDS = 12 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct net net;
        double mean;
        net_create(&net, seed, false);
        struct quantize_options options = options_quiet();
        all += sqnr(&net, net_quantize(&net, &options), &mean) / SEEDS;
        mean_all += mean / SEEDS;
        options.correct_bias = false;
        no_bias += sqnr(&net, net_quantize(&net, &options), &mean) / SEEDS;
        mean_no_bias += mean / SEEDS;
        options.correct_bias = true;
        skew(net.model);
        equalized += sqnr(&net, net_quantize(&net, &options), NULL) / SEEDS;
        options.equalize = false;
        not_equalized += sqnr(&net, net_quantize(&net, &options), NULL) / SEEDS;
        arena_release(&net.arena);
    }
    print_message("mean SQNR %.2f dB; without bias correction %.2f\n", all, no_bias);
    print_message("mean error %.4f; without bias correction %.4f\n", mean_all, mean_no_bias);
    print_message("unequal channels: equalized %.2f dB, not %.2f\n", equalized, not_equalized);
    assert_true(all > no_bias + 0.2);
    assert_true(equalized > not_equalized + 0.2);
    assert_true(mean_all < 0.7 * mean_no_bias);
}

static void compare(const struct qmodel *a, const struct qmodel *b)
{
    assert_int_equal(a->n_tensors, b->n_tensors);
    assert_int_equal(a->n_nodes, b->n_nodes);
    for (int t = 0; t < a->n_tensors; t++) {
        assert_true(a->tensors[t].scale == b->tensors[t].scale);
        assert_int_equal(a->tensors[t].zero_point, b->tensors[t].zero_point);
    }
    for (int i = 0; i < a->n_nodes; i++) {
        const struct qnode *x = &a->nodes[i], *y = &b->nodes[i];
        const size_t c = (size_t)a->tensors[x->output].c;
        if (!x->weights)
            continue;
        assert_memory_equal(x->weights, y->weights, (size_t)x->n_weights);
        assert_memory_equal(x->bias, y->bias, c * sizeof(int32_t));
        assert_memory_equal(x->multiplier, y->multiplier, c * sizeof(int32_t));
        assert_memory_equal(x->shift, y->shift, c);
    }
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 3, false);
    struct quantize_options options = options_quiet();
    options.threads = 1;
    const struct qmodel *one = net_quantize(&net, &options);
    options.threads = 2;
    compare(one, net_quantize(&net, &options));
    options.threads = 5;
    compare(one, net_quantize(&net, &options));
    assert_memory_equal(int8_outputs(&net, one, 1), int8_outputs(&net, one, 3), TEST * FIXTURE_CLASSES);
    arena_release(&net.arena);
}

static void test_batch_is_single(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 4, true);
    struct quantize_options options = options_quiet();
    const struct qmodel *q = net_quantize(&net, &options);
    const int8_t *batch = int8_outputs(&net, q, 2);
    int8_t **tensors = ARENA_ARRAY(&net.arena, int8_t *, (size_t)q->n_tensors);
    for (int t = 0; t < q->n_tensors; t += 2) /* every other one is asked for */
        tensors[t] = arena_alloc(&net.arena, (size_t)qtensor_bytes(&q->tensors[t]));
    for (int i = 0; i < TEST; i++) {
        int8_t in[PIXELS], out[FIXTURE_CLASSES];
        qexec_quantize_input(q, net.test + i * PIXELS, in);
        assert_int_equal(qexec_run(q, in, out, tensors), 0);
        assert_memory_equal(out, batch + i * FIXTURE_CLASSES, FIXTURE_CLASSES);
        assert_memory_equal(tensors[q->input], in, PIXELS);
        if (tensors[q->output])
            assert_memory_equal(tensors[q->output], out, FIXTURE_CLASSES);
    }
    arena_release(&net.arena);
}

/* Pixels of mean = std = 0.5 networks arrive as p - 128. */
static void test_pixels(void **state)
{
    (void)state;
    struct qtensor tensor = {.h = 1, .w = 256, .c = 1, .scale = 2.0f / 255, .zero_point = -1};
    struct qmodel q = {.tensors = &tensor, .n_tensors = 1};
    float image[256];
    int8_t out[256];
    for (int form = 0; form < 3; form++) {
        for (int p = 0; p < 256; p++)
            image[p] = form == 0   ? ((float)p / 255 - 0.5f) / 0.5f
                       : form == 1 ? (float)p / 127.5f - 1
                                   : (float)(p / 255.0 * 2 - 1);
        qexec_quantize_input(&q, image, out);
        for (int p = 0; p < 256; p++)
            assert_int_equal(out[p], p - 128);
    }
    image[0] = INFINITY, image[1] = -INFINITY, image[2] = NAN, image[3] = 1e30f;
    qexec_quantize_input(&q, image, out);
    assert_int_equal(out[0], 127);
    assert_int_equal(out[1], -128);
    assert_int_equal(out[2], -128);
    assert_int_equal(out[3], 127);
}

static void test_input_scale_is_kept(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 5, false);
    struct quantize_options options = options_quiet();
    options.input_scale = 2.0f / 255;
    options.input_zero_point = -1;
    const struct qmodel *q = net_quantize(&net, &options);
    assert_true(q->tensors[q->input].scale == 2.0f / 255);
    assert_int_equal(q->tensors[q->input].zero_point, -1);
    assert_true(sqnr(&net, q, NULL) > 25);
    arena_release(&net.arena);
}

/* x + k after a ReLU, of rows (1, c): no Conv takes it. */
static void test_channel_constants(void **state)
{
    (void)state;
    enum { C = 6, IMAGES = 32 };
    for (int way = 0; way < 3; way++) { /* x + k, x - k, k - x */
        struct arena arena = ARENA_INIT;
        struct model *model = model_create(&arena, "sums");
        static const float constants[C] = {-1, -0.5f, 0, 0.25f, 0.7f, 1};
        const int x = model_add_tensor(model, "x", shape_of(2, 1, C)),
                  k = model_add_constant(model, "k", shape_of(1, C), constants);
        model_set_input(model, x);
        struct node *clip = model_add_node(model, OP_CLIP, "clip", &x, 1);
        clip->act_max = 6;
        const int clipped = clip->output;
        const int in[2] = {way == 2 ? k : clipped, way == 2 ? clipped : k};
        model_set_output(model, model_add_node(model, way ? OP_SUB : OP_ADD, "sum", in, 2)->output);
        assert_int_equal(shape_infer(model), 0);
        assert_int_equal(passes_for_inference(model), 0);
        float *images = ARENA_ARRAY(&arena, float, IMAGES *C);
        struct rng rng = rng_seeded(3);
        for (int i = 0; i < IMAGES * C; i++)
            images[i] = (float)(3 * rng_uniform(&rng) - 1);
        struct qmodel *q;
        const struct quantize_options options = options_quiet();
        assert_int_equal(quantize(&q, model, images, IMAGES, &options, &arena), 0);
        const struct qnode *node = &q->nodes[q->n_nodes - 1];
        assert_int_equal(node->op, QOP_ADD_CONSTANT);
        const struct qtensor *out = &q->tensors[q->output];
        for (int i = 0; i < IMAGES; i++) {
            int8_t input[C], output[C];
            qexec_quantize_input(q, images + i * C, input);
            assert_int_equal(qexec_run(q, input, output, NULL), 0);
            for (int c = 0; c < C; c++) {
                const float y = fmaxf(images[i * C + c], 0);
                const float exact = way == 0   ? y + constants[c]
                                    : way == 1 ? y - constants[c]
                                               : constants[c] - y;
                const float got = out->scale * (float)(output[c] - out->zero_point);
                assert_true(fabsf(exact - got) < 3 * out->scale);
            }
        }
        arena_release(&arena);
    }
}

static void test_bad_calibration(void **state)
{
    (void)state;
    struct net net;
    struct capture capture;
    struct qmodel *q;
    net_create(&net, 6, false);
    struct quantize_options options = options_quiet();
    capture_start(&capture, STDERR_FILENO);
    int rc = quantize(&q, net.model, net.calibration, 0, &options, &net.arena);
    assert_non_null(strstr(capture_end(&capture), "no calibration images"));
    assert_int_equal(rc, EXIT_INPUT);
    net.calibration[PIXELS + 5] = NAN;
    capture_start(&capture, STDERR_FILENO);
    rc = quantize(&q, net.model, net.calibration, CALIBRATION, &options, &net.arena);
    assert_non_null(strstr(capture_end(&capture), "tensor 'image' is not finite"));
    assert_int_equal(rc, EXIT_INPUT);
    arena_release(&net.arena);
}

static void test_skeleton_does_not_run(void **state)
{
    (void)state;
    struct net net;
    struct capture capture;
    struct qmodel *q;
    int8_t in[PIXELS] = {0}, out[FIXTURE_CLASSES];
    net_create(&net, 7, false);
    assert_int_equal(qmodel_lower(&q, net.model, &net.arena, NULL, NULL), 0);
    capture_start(&capture, STDERR_FILENO);
    int rc = qexec_run(q, in, out, NULL);
    assert_non_null(strstr(capture_end(&capture), "has no weights"));
    assert_int_equal(rc, EXIT_IO);
    arena_release(&net.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_to_float),
        cmocka_unit_test(test_steps_help),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_batch_is_single),
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_input_scale_is_kept),
        cmocka_unit_test(test_channel_constants),
        cmocka_unit_test(test_bad_calibration),
        cmocka_unit_test(test_skeleton_does_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
