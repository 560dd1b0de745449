/* Float execution: against plain loops, whatever the batch and the number of threads; statistics of batches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "capture.h"
#include "model/passes.h"
#include "model_fixture.h"

/* A Conv as its definition says, in double. */
static double conv_at(const struct model *model, const struct node *node, const float *in, int y, int x,
                      int channel)
{
    const struct shape *shape = &model->tensors[node->inputs[0]].shape;
    const struct tensor *weights = &model->tensors[node->inputs[1]];
    const struct window *w = &node->window;
    const int per_group = weights->shape.dim[3], group = channel / (weights->shape.dim[0] / node->group);
    double sum = node->n_inputs == 3 ? model->tensors[node->inputs[2]].data[channel] : 0;
    for (int ky = 0; ky < w->kernel_h; ky++)
        for (int kx = 0; kx < w->kernel_w; kx++)
            for (int c = 0; c < per_group; c++) {
                const int iy = y * w->stride_h - w->pad_top + ky * w->dilation_h;
                const int ix = x * w->stride_w - w->pad_left + kx * w->dilation_w;
                if (iy < 0 || ix < 0 || iy >= shape->dim[1] || ix >= shape->dim[2])
                    continue;
                sum += (double)in[(iy * shape->dim[2] + ix) * shape->dim[3] + group * per_group + c] *
                       weights->data[((channel * w->kernel_h + ky) * w->kernel_w + kx) * per_group + c];
            }
    return sum;
}

static void test_conv_sweep(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(99);
    for (int round = 0; round < 60; round++) {
        struct net net;
        const int group = 1 + (int)rng_below(&rng, 3), per_group = 1 + (int)rng_below(&rng, 9);
        const int multiplier = 1 + (int)rng_below(&rng, 3);
        net_create(
            &net, (uint64_t)round,
            shape_of(4, 1, 7 + (int)rng_below(&rng, 6), 7 + (int)rng_below(&rng, 6), group * per_group));
        const int kernel_h = 1 + (int)rng_below(&rng, 4), kernel_w = 1 + (int)rng_below(&rng, 4);
        const int weights =
            random_constant(&net, "w", shape_of(4, group * multiplier, kernel_h, kernel_w, per_group), -1, 1);
        const int bias = random_constant(&net, "b", shape_of(1, group * multiplier), -1, 1);
        struct node *node =
            model_add_node(net.model, OP_CONV, NULL, (int[]){net.last, weights, bias}, 2 + round % 2);
        node->group = group;
        node->window.stride_h = 1 + (int)rng_below(&rng, 3);
        node->window.stride_w = 1 + (int)rng_below(&rng, 3);
        node->window.dilation_h = 1 + (int)rng_below(&rng, 2);
        node->window.dilation_w = 1 + (int)rng_below(&rng, 2);
        int *const pads[] = {&node->window.pad_top, &node->window.pad_left, &node->window.pad_bottom,
                             &node->window.pad_right};
        for (int i = 0; i < 4; i++)
            *pads[i] = (int)rng_below(&rng, 4);
        net_take(&net);
        model_set_output(net.model, net.last);

        struct exec *exec;
        const float *in =
            random_floats(&net.arena, &rng, shape_elements(&net.model->tensors[0].shape), -1, 1);
        assert_int_equal(exec_create(&exec, net.model, &(struct exec_options){.batch = 1}), 0);
        assert_int_equal(exec_run(exec, in), 0);
        const struct shape *out = net_shape(&net);
        const float *got = exec_output(exec, 0);
        for (int y = 0; y < out->dim[1]; y++)
            for (int x = 0; x < out->dim[2]; x++)
                for (int c = 0; c < out->dim[3]; c++, got++)
                    assert_true(fabs(*got - conv_at(net.model, &net.model->nodes[0], in, y, x, c)) < 1e-4);
        exec_destroy(exec);
        net_release(&net);
    }
}

/* The same bits for any number of threads, and for an image alone or in a batch. */
static void test_threads_and_batches_change_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct net net;
        net_random_mobile(&net, seed);
        if (seed % 2)
            assert_int_equal(passes_for_inference(net.model), 0);
        float *alone = model_run(net.model, 1, 1), *one = model_run(net.model, 9, 1);
        float *two = model_run(net.model, 9, 2), *five = model_run(net.model, 9, 5);
        assert_memory_equal(one, two, 9 * 7 * sizeof *one);
        assert_memory_equal(one, five, 9 * 7 * sizeof *one);
        assert_memory_equal(one, alone, 7 * sizeof *one);
        free(alone);
        free(one);
        free(two);
        free(five);
        net_release(&net);
    }
}

/* keep_all shows every tensor, and shares no memory that changes an answer. */
static void test_keep_all(void **state)
{
    (void)state;
    enum { BATCH = 3 };
    struct net net;
    struct rng rng = rng_seeded(1);
    net_random_mobile(&net, 4);
    const int64_t n = shape_elements(&net.model->tensors[net.model->inputs[0]].shape);
    const float *in = random_floats(&net.arena, &rng, n * BATCH, -1, 1);
    struct exec *exec, *plain;
    assert_int_equal(exec_create(&exec, net.model, &(struct exec_options){.batch = BATCH, .keep_all = true}),
                     0);
    assert_int_equal(exec_create(&plain, net.model, &(struct exec_options){.batch = BATCH}), 0);
    assert_int_equal(exec_run(exec, in), 0);
    assert_int_equal(exec_run(plain, in), 0);
    assert_memory_equal(exec_tensor(exec, net.model->inputs[0]), in, (size_t)n * BATCH * sizeof *in);
    assert_memory_equal(exec_output(exec, 0), exec_output(plain, 0), BATCH * 7 * sizeof(float));
    assert_ptr_equal(exec_tensor(exec, net.model->outputs[0]), exec_output(exec, 0));
    /* The first Clip's output is its input, clipped, for the last image too. */
    const struct node *clip = &net.model->nodes[2];
    assert_int_equal(clip->op, OP_CLIP);
    const float *before = exec_tensor(exec, clip->inputs[0]), *after = exec_tensor(exec, clip->output);
    for (int64_t i = 0; i < BATCH * shape_elements(&net.model->tensors[clip->output].shape); i++)
        assert_true(after[i] == fminf(fmaxf(before[i], 0), 6));
    exec_destroy(exec);
    exec_destroy(plain);
    net_release(&net);
}

/* One BN over known data: mean, variance, and what comes out. */
static void test_batch_statistics(void **state)
{
    (void)state;
    enum { BATCH = 4, CHANNELS = 5, PIXELS = 6 };
    struct net net;
    net_create(&net, 8, shape_of(4, 1, 2, 3, CHANNELS));
    net_batch_norm(&net);
    model_set_output(net.model, net.last);
    struct exec *exec;
    assert_int_equal(
        exec_create(&exec, net.model,
                    &(struct exec_options){.batch = BATCH, .threads = 3, .batch_statistics = true}),
        0);
    double sum_mean[CHANNELS] = {0}, sum_variance[CHANNELS] = {0};
    for (int run = 0; run < 2; run++) {
        const float *in = random_floats(&net.arena, &net.rng, BATCH * PIXELS * CHANNELS, -3, 1 + run);
        assert_int_equal(exec_run(exec, in), 0);
        for (int c = 0; c < CHANNELS; c++) {
            double mean = 0, squares = 0;
            for (int i = 0; i < BATCH * PIXELS; i++)
                mean += in[i * CHANNELS + c];
            mean /= BATCH * PIXELS;
            for (int i = 0; i < BATCH * PIXELS; i++)
                squares += (in[i * CHANNELS + c] - mean) * (in[i * CHANNELS + c] - mean);
            sum_mean[c] += mean;
            sum_variance[c] += squares / (BATCH * PIXELS - 1);
            const float *scale = net.model->tensors[net.model->nodes[0].inputs[1]].data;
            const float *shift = net.model->tensors[net.model->nodes[0].inputs[2]].data;
            const double expected =
                (in[c] - mean) / sqrt(squares / (BATCH * PIXELS) + 1e-3) * scale[c] + shift[c];
            assert_true(fabs(exec_output(exec, 0)[c] - expected) < 1e-5);
        }
    }
    float mean[CHANNELS], variance[CHANNELS];
    exec_bn_statistics(exec, 0, mean, variance);
    for (int c = 0; c < CHANNELS; c++) {
        assert_true(fabs(mean[c] - sum_mean[c] / 2) < 1e-6);
        assert_true(fabs(variance[c] - sum_variance[c] / 2) < 1e-6);
    }
    exec_destroy(exec);
    net_release(&net);
}

static void test_batch_statistics_ignore_threads(void **state)
{
    (void)state;
    enum { BATCH = 6 };
    struct net net;
    struct rng rng = rng_seeded(3);
    net_random_mobile(&net, 6);
    const int64_t n = shape_elements(&net.model->tensors[net.model->inputs[0]].shape);
    const float *in = random_floats(&net.arena, &rng, n * BATCH, -1, 1);
    float first[2][64] = {{0}}, other[2][64] = {{0}};
    for (int threads = 1; threads <= 4; threads += 3) {
        struct exec *exec;
        assert_int_equal(
            exec_create(&exec, net.model,
                        &(struct exec_options){.batch = BATCH, .threads = threads, .batch_statistics = true}),
            0);
        assert_int_equal(exec_run(exec, in), 0);
        int last_bn = -1;
        for (int i = 0; i < net.model->n_nodes; i++)
            if (net.model->nodes[i].op == OP_BATCH_NORM)
                last_bn = i;
        exec_bn_statistics(exec, last_bn, threads == 1 ? first[0] : other[0],
                           threads == 1 ? first[1] : other[1]);
        exec_destroy(exec);
    }
    assert_memory_equal(first, other, sizeof first);
    assert_true(first[1][0] > 0);
    net_release(&net);
}

static void test_shape_only_models_do_not_run(void **state)
{
    (void)state;
    struct capture capture;
    struct exec *exec;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 4, 4, 3));
    net_conv(&net, 4, 3, 1, 1, false);
    model_set_output(net.model, net.last);
    net.model->tensors[net.model->nodes[0].inputs[1]].data = NULL;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(exec_create(&exec, net.model, &(struct exec_options){0}), EXIT_INPUT);
    assert_string_equal(capture_end(&capture),
                        "error: layer 'Conv_0': the values of 'weights' are not loaded\n");
    assert_null(exec);
    net_release(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_sweep),
        cmocka_unit_test(test_threads_and_batches_change_nothing),
        cmocka_unit_test(test_keep_all),
        cmocka_unit_test(test_batch_statistics),
        cmocka_unit_test(test_batch_statistics_ignore_threads),
        cmocka_unit_test(test_shape_only_models_do_not_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
