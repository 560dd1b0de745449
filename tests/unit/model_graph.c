/* The graph itself, shapes, and what layers cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "capture.h"
#include "model/cost.h"
#include "model_fixture.h"

static void test_clone_is_independent(void **state)
{
    (void)state;
    struct net net;
    net_random_mobile(&net, 1);
    model_set_metadata(net.model, "key", "value");
    struct arena arena = ARENA_INIT;
    struct model *copy = model_clone(net.model, &arena);
    assert_int_equal(copy->n_nodes, net.model->n_nodes);
    assert_int_equal(copy->n_tensors, net.model->n_tensors);
    model_set_metadata(net.model, "key", "other");
    assert_string_equal(model_get_metadata(copy, "key"), "value");
    assert_null(model_get_metadata(copy, "absent"));
    copy->nodes[0].window.stride_h = 1;
    assert_int_equal(net.model->nodes[0].window.stride_h, 2);
    /* The copy outlives the original's structure; constant data is the original's. */
    assert_ptr_equal(copy->tensors[copy->nodes[0].inputs[1]].data,
                     net.model->tensors[net.model->nodes[0].inputs[1]].data);
    arena_release(&arena);
    net_release(&net);
}

static void test_growth_keeps_ids(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 1, shape_of(2, 1, 4));
    for (int i = 0; i < 100; i++) {
        const int before = net.last;
        assert_int_equal(net_unary(&net, OP_IDENTITY), before + 1);
        assert_int_equal(net.model->tensors[net.last].producer, i);
    }
    model_set_output(net.model, net.last);
    assert_int_equal(model_uses(net.model, net.last), 1);
    assert_int_equal(model_uses(net.model, 0), 1);
    assert_string_equal(net.model->nodes[99].name, "Identity_99");
    assert_string_equal(shape_text(net_shape(&net), &net.arena), "(1, 4)");
    net_release(&net);
}

static void check_conv(int in, int kernel, int stride, int dilation, int before, int after, int expected)
{
    struct net net;
    net_create(&net, 1, shape_of(4, 1, in, in + 3, 2));
    const int weights = random_constant(&net, "w", shape_of(4, 5, kernel, 1, 2), -1, 1);
    struct node *node = model_add_node(net.model, OP_CONV, "conv", (int[]){net.last, weights}, 2);
    node->window.stride_h = stride;
    node->window.dilation_h = dilation;
    node->window.pad_top = before;
    node->window.pad_bottom = after;
    if (expected > 0) {
        const struct shape shape = shape_of(4, 1, expected, in + 3, 5);
        assert_int_equal(shape_infer(net.model), 0);
        assert_true(shape_equal(&net.model->tensors[net.model->nodes[0].output].shape, &shape));
        /* 2 input channels; padding taps count */
        assert_int_equal(node_cost(net.model, 0).macs, (int64_t)expected * (in + 3) * 5 * kernel * 2);
        assert_int_equal(node_cost(net.model, 0).params, 5 * kernel * 2);
    } else {
        struct capture capture;
        capture_start(&capture, STDERR_FILENO);
        assert_int_equal(shape_infer(net.model), EXIT_INPUT);
        assert_non_null(strstr(capture_end(&capture), "error: layer 'conv' (Conv): "));
    }
    net_release(&net);
}

static void test_conv_shapes(void **state)
{
    (void)state;
    check_conv(8, 3, 1, 1, 1, 1, 8);
    check_conv(8, 3, 2, 1, 1, 1, 4);
    check_conv(8, 3, 2, 1, 0, 1, 4);
    check_conv(8, 3, 1, 2, 0, 0, 4);
    check_conv(8, 3, 3, 1, 0, 0, 2);
    check_conv(8, 9, 1, 1, 0, 0, 0); /* does not fit */
    check_conv(8, 9, 1, 1, 1, 0, 1);
    check_conv(8, 3, 0, 1, 1, 1, 0); /* stride 0 */
    check_conv(8, 3, 1, 1, -1, 1, 0);
    check_conv(8, 3, 1, SHAPE_MAX_DIM, SHAPE_MAX_DIM, SHAPE_MAX_DIM, 8);
}

static void test_bad_graphs(void **state)
{
    (void)state;
    struct capture capture;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 4, 4, 6));
    const int weights = random_constant(&net, "w", shape_of(4, 4, 1, 1, 3), -1, 1);
    struct node *node = model_add_node(net.model, OP_CONV, "conv", (int[]){0, weights}, 2);
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(shape_infer(net.model), EXIT_INPUT); /* 6 channels, weights for 3 */
    node->group = 2;
    assert_int_equal(shape_infer(net.model), 0);
    node->group = 4; /* does not divide 6 */
    assert_int_equal(shape_infer(net.model), EXIT_INPUT);
    node->group = 2;
    node->inputs[0] = node->output; /* reads itself */
    assert_int_equal(shape_infer(net.model), EXIT_INPUT);
    node->inputs[0] = 0;
    node->n_inputs = 1;
    assert_int_equal(shape_infer(net.model), EXIT_INPUT);
    assert_string_equal(
        capture_end(&capture),
        "error: layer 'conv' (Conv): weights (4, 1, 1, 3) do not match input (1, 4, 4, 6) with group 1\n"
        "error: layer 'conv' (Conv): group 4 does not divide 6 input and 4 output channels\n"
        "error: layer 'conv' (Conv): reads 'conv:out' before it is written\n"
        "error: layer 'conv' (Conv): 1 inputs, expected 2 to 3\n");
    net_release(&net);
}

static void test_broadcast_shapes(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 5, 1, 3));
    const int other = random_constant(&net, "other", shape_of(2, 4, 1), -1, 1);
    net_binary(&net, OP_ADD, net.last, other);
    const struct shape shape = shape_of(4, 1, 5, 4, 3);
    assert_true(shape_equal(net_shape(&net), &shape));
    net_release(&net);
}

static void test_huge_shapes_are_refused(void **state)
{
    (void)state;
    struct net net;
    struct capture capture;
    net_create(&net, 1, shape_of(4, 1, 16384, 16384, 1)); /* as large as one may be */
    struct node *pad = model_add_node(net.model, OP_PAD, "pad", &net.last, 1);
    pad->pads[2] = 1;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(shape_infer(net.model), EXIT_INPUT);
    assert_string_equal(capture_end(&capture),
                        "error: layer 'pad' (Pad): output shape (1, 16384, 16385, 1) is too large\n");
    net_release(&net);
}

static void test_cost_of_a_net(void **state)
{
    (void)state;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 8, 8, 3));
    net_conv(&net, 16, 3, 2, 1, true); /* 4*4*16*27, 432 + 16 */
    net_batch_norm(&net);              /* 64 */
    net_conv(&net, 0, 3, 1, 0, false); /* 4*4*16*9, 144 */
    net_unary(&net, OP_GLOBAL_AVERAGE_POOL);
    net_flatten(&net);
    net_gemm(&net, 10, true); /* 160, 160 + 10 */
    const struct cost cost = model_cost(net.model);
    assert_int_equal(cost.macs, 6912 + 2304 + 160);
    assert_int_equal(cost.params, 448 + 64 + 144 + 170);
    net_release(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clone_is_independent), cmocka_unit_test(test_growth_keeps_ids),
        cmocka_unit_test(test_conv_shapes),          cmocka_unit_test(test_bad_graphs),
        cmocka_unit_test(test_broadcast_shapes),     cmocka_unit_test(test_huge_shapes_are_refused),
        cmocka_unit_test(test_cost_of_a_net),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
