/* Passes keep a net's answers and bring it to the form that the rest starts from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "capture.h"
#include "model/cost.h"
#include "model/passes.h"
#include "model_fixture.h"

static int count(const struct model *model, enum op op)
{
    int n = 0;
    for (int i = 0; i < model->n_nodes; i++)
        n += model->nodes[i].op == op;
    return n;
}

/* Runs the passes on a copy and compares the outputs of both. */
static struct model *checked_passes(struct net *net, double tolerance)
{
    struct model *model = model_clone(net->model, &net->arena);
    assert_int_equal(passes_for_inference(model), 0);
    const double difference = run_difference(net->model, model, 2);
    if (!(difference <= tolerance))
        fail_msg("outputs differ by %g", difference);
    return model;
}

static void test_random_nets_keep_their_answers(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct net net;
        net_random_mobile(&net, seed);
        const struct model *model = checked_passes(&net, 1e-4);
        assert_int_equal(count(model, OP_BATCH_NORM), 0);
        assert_int_equal(count(model, OP_CLIP) + count(model, OP_HARD_SWISH) + count(model, OP_IDENTITY), 0);
        assert_int_equal(count(model, OP_GLOBAL_AVERAGE_POOL), 1);
        assert_int_equal(count(model, OP_REDUCE_MEAN), 0);
        assert_int_equal(count(model, OP_FLATTEN), 1);
        assert_int_equal(model_cost(model).macs, model_cost(net.model).macs);
        net_release(&net);
    }
}

static void test_shape_only_models_fold(void **state)
{
    (void)state;
    struct net net;
    net_random_mobile(&net, 3);
    struct model *full = model_clone(net.model, &net.arena), *empty = model_clone(net.model, &net.arena);
    for (int i = 0; i < empty->n_tensors; i++)
        empty->tensors[i].data = NULL;
    assert_int_equal(passes_for_inference(full), 0);
    assert_int_equal(passes_for_inference(empty), 0);
    assert_int_equal(full->n_nodes, empty->n_nodes);
    assert_int_equal(full->n_tensors, empty->n_tensors);
    assert_int_equal(model_cost(full).macs, model_cost(empty).macs);
    assert_int_equal(model_cost(full).params, model_cost(empty).params);
    net_release(&net);
}

static void test_fold_refuses(void **state)
{
    (void)state;
    struct capture capture;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 4, 4, 3));
    net_batch_norm(&net); /* of the input */
    model_set_output(net.model, net.last);
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(pass_fold_batch_norm(net.model), EXIT_INPUT);
    assert_string_equal(capture_end(&capture),
                        "error: layer 'BatchNormalization_0' (BatchNormalization): only after "
                        "a Conv that nothing else reads can it be folded\n");
    net_release(&net);

    net_create(&net, 1, shape_of(4, 1, 4, 4, 3));
    const int conv = net_conv(&net, 4, 3, 1, 1, false);
    net_batch_norm(&net);
    net_binary(&net, OP_ADD, net.last, conv); /* a second reader of the Conv */
    model_set_output(net.model, net.last);
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(pass_fold_batch_norm(net.model), EXIT_INPUT);
    capture_end(&capture);
    net_release(&net);

    net_create(&net, 1, shape_of(4, 1, 4, 4, 3));
    net_conv(&net, 4, 3, 1, 1, false);
    net_batch_norm(&net);
    model_set_output(net.model, net.last);
    const float negative[4] = {1, -2, 1, 1};
    net.model->tensors[net.model->nodes[1].inputs[4]].data = negative;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(pass_fold_batch_norm(net.model), EXIT_INPUT);
    assert_non_null(strstr(capture_end(&capture), "variance -2 of channel 1"));
    net_release(&net);
}

/* A tensor read twice, or that is an output, keeps its activation apart. */
static void test_fuse_only_single_use(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 5, shape_of(4, 1, 6, 6, 3));
    const int conv = net_conv(&net, 4, 3, 1, 1, true);
    const int relu = net_clip(&net, 0, INFINITY);
    net_binary(&net, OP_ADD, conv, relu);
    net_clip(&net, -1, 1);
    model_set_output(net.model, net.last);
    const struct model *model = checked_passes(&net, 0);
    assert_int_equal(count(model, OP_CLIP), 1);
    assert_int_equal(model->nodes[model->n_nodes - 1].op, OP_ADD);
    assert_int_equal(model->nodes[model->n_nodes - 1].act, ACT_CLIP);
    net_release(&net);

    net_create(&net, 5, shape_of(4, 1, 6, 6, 3));
    net_conv(&net, 4, 3, 1, 1, true);
    model_set_output(net.model, net.last);
    net_clip(&net, 0, 6);
    model_set_output(net.model, net.last);
    model = checked_passes(&net, 0);
    assert_int_equal(count(model, OP_CLIP), 1);
    net_release(&net);
}

static void test_clip_of_clip(void **state)
{
    (void)state;
    const float limits[][4] = {
        {0, INFINITY, 0, 6}, {0, 1, -1, 0.5f}, {0, 1, 2, 3}, {-INFINITY, 0.5f, 0, INFINITY}};
    for (size_t i = 0; i < 4; i++) {
        struct net net;
        net_create(&net, i, shape_of(4, 1, 6, 6, 3));
        net_conv(&net, 4, 3, 1, 1, true);
        net_clip(&net, limits[i][0], limits[i][1]);
        net_clip(&net, limits[i][2], limits[i][3]);
        model_set_output(net.model, net.last);
        assert_int_equal(checked_passes(&net, 0)->n_nodes, 1);
        net_release(&net);
    }
}

static void test_activations_fuse(void **state)
{
    (void)state;
    const enum op ops[] = {OP_HARD_SWISH, OP_HARD_SIGMOID, OP_SIGMOID};
    const enum activation acts[] = {ACT_HARD_SWISH, ACT_HARD_SIGMOID, ACT_SIGMOID};
    for (int i = 0; i < 3; i++) {
        struct net net;
        net_create(&net, 2, shape_of(4, 1, 6, 6, 3));
        net_conv(&net, 8, 3, 1, 1, true);
        model_add_node(net.model, ops[i], NULL, &net.last, 1);
        net.model->nodes[1].alpha = 0.25f;
        net.model->nodes[1].beta = 0.4f;
        net_take(&net);
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 0);
        assert_int_equal(model->n_nodes, 1);
        assert_int_equal(model->nodes[0].act, acts[i]);
        net_release(&net);
    }
}

static void test_hard_swish_is_recognised(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct net net;
        net_create(&net, 2, shape_of(4, 1, 6, 6, 3));
        const int conv = net_conv(&net, 8, 3, 1, 1, true);
        struct node *gate = model_add_node(net.model, OP_HARD_SIGMOID, NULL, &net.last, 1);
        gate->alpha = 1.0f / 6;
        gate->beta = 0.5f;
        net_take(&net);
        net_binary(&net, OP_MUL, order ? conv : net.last, order ? net.last : conv);
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 1e-6);
        assert_int_equal(model->n_nodes, 1);
        assert_int_equal(model->nodes[0].act, ACT_HARD_SWISH);
        net_release(&net);
    }
}

/* x * Clip(x + 3, 0, 6) / 6 in the orders in which nets write it. */
static void test_hard_swish_of_old_exporters(void **state)
{
    (void)state;
    static const float three = 3, sixth = 1.0f / 6;
    for (int order = 0; order < 3; order++) {
        struct net net;
        net_create(&net, 2, shape_of(4, 1, 6, 6, 3));
        const int x = net_conv(&net, 8, 3, 1, 1, true);
        const int c3 = model_add_constant(net.model, "three", shape_of(0), &three);
        const int c6 = model_add_constant(net.model, "sixth", shape_of(0), &sixth);
        net_binary(&net, OP_ADD, order ? x : c3, order ? c3 : x);
        net_clip(&net, 0, order == 2 ? 5 : 6);
        if (order == 0) {
            net_binary(&net, OP_MUL, net.last, c6);
            net_binary(&net, OP_MUL, x, net.last);
        } else {
            net_binary(&net, OP_MUL, net.last, x);
            net_binary(&net, OP_MUL, c6, net.last);
        }
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 1e-6);
        if (order == 2) { /* clipped at 5 it is something else */
            assert_int_equal(count(model, OP_MUL), 2);
        } else {
            assert_int_equal(model->n_nodes, 1);
            assert_int_equal(model->nodes[0].act, ACT_HARD_SWISH);
        }
        net_release(&net);
    }
}

/* Flatten in ONNX order of a map with h, w > 1 before Gemm: the Transpose goes into the weights. */
static void test_flatten_before_gemm(void **state)
{
    (void)state;
    for (int unequal = 0; unequal < 2; unequal++) {
        struct net net;
        net_create(&net, 11, shape_of(4, 1, 3, unequal ? 5 : 3, 4));
        net_conv(&net, 6, 3, 1, 1, true);
        net_transpose(&net, (int[]){0, 3, 1, 2});
        net_flatten(&net);
        net_gemm(&net, 9, unequal);
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 1e-5);
        assert_int_equal(model->n_nodes, 3);
        assert_int_equal(count(model, OP_TRANSPOSE), 0);
        assert_int_equal(count(model, OP_FLATTEN), 1);
        net_release(&net);
    }
}

/* PyTorch's x.mean(3).mean(2): in ONNX order, without kept axes. */
static void test_mean_of_mean(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 12, shape_of(4, 1, 3, 5, 4));
    net_conv(&net, 6, 3, 1, 1, true);
    net_transpose(&net, (int[]){0, 3, 1, 2});
    net_reduce_mean(&net, 1, (int[]){3}, false);
    net_reduce_mean(&net, 1, (int[]){2}, false);
    net_gemm(&net, 9, true);
    model_set_output(net.model, net.last);
    const struct model *model = checked_passes(&net, 1e-5);
    assert_int_equal(model->n_nodes, 4);
    assert_int_equal(model->nodes[1].op, OP_GLOBAL_AVERAGE_POOL);
    assert_int_equal(model->nodes[2].op, OP_FLATTEN);
    net_release(&net);
}

static void test_pad_goes_into_conv(void **state)
{
    (void)state;
    for (int pad_value = 0; pad_value < 2; pad_value++) {
        struct net net;
        net_create(&net, 13, shape_of(4, 1, 6, 6, 4));
        struct node *pad = model_add_node(net.model, OP_PAD, NULL, &net.last, 1);
        const int pads[8] = {0, 0, 1, 0, 0, 2, 3, 0};
        memcpy(pad->pads, pads, sizeof pads);
        pad->pad_value = (float)pad_value;
        net_take(&net);
        net_conv(&net, 6, 3, 2, 1, true);
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 1e-5);
        assert_int_equal(count(model, OP_PAD), pad_value); /* ones are not padding */
        if (!pad_value) {
            const struct window *w = &model->nodes[0].window;
            assert_int_equal(w->pad_top, 1);
            assert_int_equal(w->pad_left, 2);
            assert_int_equal(w->pad_bottom, 3);
            assert_int_equal(w->pad_right, 4);
        }
        net_release(&net);
    }
}

static void test_average_pool_of_everything(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 14, shape_of(4, 1, 5, 7, 4));
    struct node *pool = model_add_node(net.model, OP_AVERAGE_POOL, NULL, &net.last, 1);
    pool->window.kernel_h = 5;
    pool->window.kernel_w = 7;
    net_take(&net);
    struct node *reshape = model_add_node(net.model, OP_RESHAPE, NULL, &net.last, 1);
    net.model->tensors[reshape->output].shape = shape_of(2, 1, 4);
    net_take(&net);
    model_set_output(net.model, net.last);
    const struct model *model = checked_passes(&net, 1e-6);
    assert_int_equal(model->nodes[0].op, OP_GLOBAL_AVERAGE_POOL);
    assert_int_equal(model->nodes[1].op, OP_FLATTEN);
    net_release(&net);
}

static void test_added_constants_become_bias(void **state)
{
    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        struct net net;
        net_create(&net, 15, shape_of(4, 1, 5, 5, 4));
        net_conv(&net, 6, 3, 1, 1, bias);
        net_binary(&net, OP_ADD, random_constant(&net, "b", shape_of(4, 1, 1, 1, 6), -1, 1), net.last);
        net_clip(&net, 0, 6);
        model_set_output(net.model, net.last);
        assert_int_equal(checked_passes(&net, 1e-5)->n_nodes, 1);
        net_release(&net);
    }
}

/* At the input, a factor and an offset are one Conv; after a Conv they are none. */
static void test_channel_constants(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        struct net net;
        net_create(&net, (uint64_t)way, shape_of(4, 1, 5, 5, 6));
        if (way > 1)
            net_conv(&net, 6, 3, 1, 1, way == 3);
        if (way == 4)
            net_clip(&net, 0, 6); /* in between */
        const int factor = random_constant(&net, "k", shape_of(4, 1, 1, 1, 6), -1, 1),
                  offset = random_constant(&net, "b", shape_of(1, 6), -1, 1);
        net_binary(&net, OP_MUL, way & 1 ? factor : net.last, way & 1 ? net.last : factor);
        net_binary(&net, OP_SUB, net.last, offset);
        if (way == 5)
            net_binary(&net, OP_SUB, offset, net.last);
        model_set_output(net.model, net.last);
        const struct model *model = checked_passes(&net, 1e-5);
        assert_int_equal(model->n_nodes, way < 4 ? 1 : 2);
        assert_int_equal(count(model, OP_CONV), model->n_nodes);

        struct model *shape_only = model_clone(net.model, &net.arena);
        for (int i = 0; i < shape_only->n_tensors; i++)
            shape_only->tensors[i].data = NULL;
        assert_int_equal(passes_for_inference(shape_only), 0);
        assert_int_equal(shape_only->n_nodes, model->n_nodes);
        net_release(&net);
    }
}

static void test_dead_code(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 16, shape_of(4, 1, 5, 5, 4));
    const int input = net.last;
    const int unused = model_add_tensor(net.model, "second input", shape_of(1, 3));
    model_set_input(net.model, unused);
    net_conv(&net, 6, 3, 1, 1, true); /* nobody reads it */
    net.last = input;
    net_unary(&net, OP_IDENTITY);
    net_conv(&net, 2, 1, 1, 1, false);
    net_unary(&net, OP_IDENTITY);
    const char *name = net.model->tensors[net.last].name;
    model_set_output(net.model, net.last);
    assert_int_equal(pass_remove_dead(net.model), 0);
    assert_int_equal(net.model->n_nodes, 1);
    assert_int_equal(net.model->n_tensors, 4); /* two inputs stay, weights, output */
    assert_int_equal(net.model->n_inputs, 2);
    assert_string_equal(net.model->tensors[net.model->outputs[0]].name, name);
    net_release(&net);

    /* An Identity between input and output cannot go. */
    net_create(&net, 16, shape_of(2, 1, 5));
    net_unary(&net, OP_IDENTITY);
    model_set_output(net.model, net.last);
    assert_int_equal(passes_for_inference(net.model), 0);
    assert_int_equal(net.model->n_nodes, 1);
    net_release(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_nets_keep_their_answers),
        cmocka_unit_test(test_shape_only_models_fold),
        cmocka_unit_test(test_fold_refuses),
        cmocka_unit_test(test_fuse_only_single_use),
        cmocka_unit_test(test_clip_of_clip),
        cmocka_unit_test(test_activations_fuse),
        cmocka_unit_test(test_hard_swish_is_recognised),
        cmocka_unit_test(test_hard_swish_of_old_exporters),
        cmocka_unit_test(test_flatten_before_gemm),
        cmocka_unit_test(test_mean_of_mean),
        cmocka_unit_test(test_pad_goes_into_conv),
        cmocka_unit_test(test_average_pool_of_everything),
        cmocka_unit_test(test_added_constants_become_bias),
        cmocka_unit_test(test_channel_constants),
        cmocka_unit_test(test_dead_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
