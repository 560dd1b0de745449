/* ONNX in and out: round trips, hostile files, and what a user is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "capture.h"
#include "model/cost.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "model_fixture.h"
#include "model_onnx_small.h"
#include "scratch.h"

/* ---- round trips ---- */

static void test_round_trip(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct net net;
        net_random_mobile(&net, seed);
        model_set_metadata(net.model, "mcunet.test", "{\"a\": 1}\n");
        random_constant(&net, "7to5_matrix", shape_of(2, 25, 25), -1, 1); /* read by no node */
        if (seed % 2)
            assert_int_equal(passes_for_inference(net.model), 0);
        struct model *back;
        const char *path = scratch_path(&scratch, "net.onnx");
        assert_int_equal(onnx_write(net.model, path), 0);
        assert_int_equal(onnx_read(&back, path, &net.arena), 0);
        assert_true(run_difference(net.model, back, 2) <= 1e-5);
        assert_string_equal(model_get_metadata(back, "mcunet.test"), "{\"a\": 1}\n");
        assert_int_equal(model_cost(back).macs, model_cost(net.model).macs);
        assert_string_equal(back->tensors[back->inputs[0]].name,
                            net.model->tensors[net.model->inputs[0]].name);
        assert_string_equal(back->tensors[back->outputs[0]].name,
                            net.model->tensors[net.model->outputs[0]].name);
        int found = 0;
        for (int i = 0; i < back->n_tensors; i++)
            found += back->tensors[i].constant && strcmp(back->tensors[i].name, "7to5_matrix") == 0;
        assert_int_equal(found, seed % 2 ? 0 : 1);

        /* After the passes nothing is left of the detour, and a second file has the same bytes. */
        struct model *again;
        struct sha256 first, second;
        assert_int_equal(passes_for_inference(net.model), 0);
        assert_int_equal(onnx_write(net.model, path), 0);
        assert_int_equal(sha256_of_file(&first, path), 0);
        assert_int_equal(onnx_read(&again, path, &net.arena), 0);
        assert_int_equal(passes_for_inference(again), 0);
        assert_int_equal(again->n_nodes, net.model->n_nodes);
        assert_true(run_difference(net.model, again, 2) <= 0);
        assert_int_equal(onnx_write(net.model, scratch_path(&scratch, "again.onnx")), 0);
        assert_int_equal(sha256_of_file(&second, scratch.path), 0);
        assert_string_equal(first.hex, second.hex);
        net_release(&net);
    }
    scratch_remove(&scratch);
}

/* A map is flattened in the model's order (h, w, c); the file must say so in ONNX's. */
static void test_round_trip_of_axis_orders(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    for (int variant = 0; variant < 6; variant++) {
        struct net net;
        net_create(&net, 21, shape_of(4, 1, 3, 5, 4));
        net_conv(&net, 6, 3, 1, 1, true);
        if (variant == 0) {
            net_flatten(&net);
        } else if (variant == 1) {
            net_transpose(&net, (int[]){0, 2, 3, 1});
        } else if (variant == 2) {
            net_reduce_mean(&net, 1, (int[]){2}, false);
        } else if (variant == 3) {
            struct node *reshape = model_add_node(net.model, OP_RESHAPE, NULL, &net.last, 1);
            net.model->tensors[reshape->output].shape = shape_of(4, 1, 6, 5, 3);
            net_take(&net);
        } else if (variant == 4) { /* a vector lines up with the channels */
            net_binary(&net, OP_MUL, net.last, random_constant(&net, "v", shape_of(1, 6), -1, 1));
        } else {
            model_add_node(net.model, OP_SOFTMAX, NULL, &net.last, 1)->axis = 2;
            net_take(&net);
        }
        model_set_output(net.model, net.last);
        struct model *back;
        const char *path = scratch_path(&scratch, "net.onnx");
        assert_int_equal(onnx_write(net.model, path), 0);
        assert_int_equal(onnx_read(&back, path, &net.arena), 0);
        assert_true(shape_equal(net_shape(&net), &back->tensors[back->outputs[0]].shape));
        assert_true(run_difference(net.model, back, 1) <= 1e-6);
        assert_int_equal(passes_for_inference(back), 0);
        assert_true(run_difference(net.model, back, 1) <= 1e-6);
        net_release(&net);
    }
    scratch_remove(&scratch);
}

static void test_writing_fails_cleanly(void **state)
{
    (void)state;
    struct capture capture;
    struct net net;
    net_create(&net, 1, shape_of(4, 1, 4, 4, 3));
    net_conv(&net, 4, 3, 1, 1, false);
    model_set_output(net.model, net.last);
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(onnx_write(net.model, "/nonexistent/net.onnx"), EXIT_IO);
    net.model->tensors[net.model->nodes[0].inputs[1]].data = NULL;
    assert_int_equal(onnx_write(net.model, "/nonexistent/net.onnx"), EXIT_IO);
    assert_string_equal(capture_end(&capture),
                        "error: cannot write '/nonexistent/net.onnx': No such file or directory\n"
                        "error: cannot write model 'net': the values of 'weights' are not loaded\n");
    net_release(&net);
}

/* ---- what a user is told ---- */

static void test_all_unsupported_layers_are_listed(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_node(&small, "LSTM", "first", "x", NULL, "a");
    small_node(&small, "Relu", "fine", "a", NULL, "b");
    small_node(&small, "Einsum", "", "b", NULL, "c");
    small_output(&small, "c");
    small_fails(
        &small, EXIT_UNSUPPORTED,
        "error: small.onnx: 2 layers with an unsupported operator:\n  layer 'first': LSTM\n  layer "
        "'Einsum_2': "
        "Einsum\n  express them with these, or cut the network before them: Add AveragePool "
        "BatchNormalization Clip Concat Conv Div Dropout Flatten Gemm GlobalAveragePool HardSigmoid "
        "HardSwish "
        "Identity MatMul MaxPool Mul Pad ReduceMean Relu Reshape Resize Sigmoid Softmax Sub Tanh Transpose Cast Constant "
        "Gather Shape Squeeze Unsqueeze\n");
}

static void test_broken_graphs(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_node(&small, "Relu", "early", "b", NULL, "a");
    small_node(&small, "Relu", "late", "x", NULL, "b");
    small_output(&small, "a");
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: layer 'early' (Relu): reads 'b', which nothing before it writes\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_node(&small, "Relu", "one", "x", NULL, "x");
    small_output(&small, "x");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: layer 'one' (Relu): writes 'x' a second time\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_node(&small, "Relu", "one", "x", NULL, "y");
    small_output(&small, "z");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: no layer writes the output 'z'\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_node(&small, "Relu", "one", "x", NULL, "y");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: the graph has no output\n");

    small_create(&small);
    small_output(&small, "z");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: the graph has no input\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small_output(&small, "x");
    assert_int_equal(small_reads(&small)->n_inputs, 1); /* a name listed twice is one input */
    arena_release(&small.arena);
}

static void test_versions_and_shapes(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small.opset = 6;
    small_input(&small, "x", shape_of(2, 1, 3));
    small_output(&small, "x");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: operator set 6; 7 to 22 are read\n");

    small_create(&small);
    small.opset = 0;
    small_input(&small, "x", shape_of(2, 1, 3));
    small_output(&small, "x");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: operator set 0; 7 to 22 are read\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 3, 8, 8));
    small.b.graph->input[0]->type->tensor_type->shape->dim[0]->value_case =
        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET; /* batch: 1 */
    small_node(&small, "Relu", "one", "x", NULL, "y");
    small_output(&small, "y");
    const struct model *model = small_reads(&small);
    const struct shape shape = shape_of(4, 1, 8, 8, 3);
    assert_true(shape_equal(&model->tensors[model->inputs[0]].shape, &shape));
    small.b.graph->input[0]->type->tensor_type->shape->dim[2]->value_case =
        ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET;
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: input 'x': axis 2 has no fixed size; only the batch may be symbolic\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 65536, 65536, 1));
    small_output(&small, "x");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: input 'x' is too large\n");
}

static void test_bad_tensors(void **state)
{
    (void)state;
    const float values[4] = {1, 2, 3, 4};
    const struct shape shape = shape_of(2, 2, 2);
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(2, 1, 2));
    Onnx__TensorProto *w =
        onnx_add_initializer(&small.b, "w", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, values, 15);
    small_node(&small, "MatMul", "product", "x", "w", "y");
    small_output(&small, "y");
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: tensor 'w': raw data does not match its dimensions\n");

    small_create(&small);
    small_input(&small, "x", shape_of(2, 1, 2));
    w = onnx_add_initializer(&small.b, "w", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, values, 16);
    w->has_data_location = 1;
    w->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    small_output(&small, "x");
    small_fails(&small, EXIT_UNSUPPORTED,
                "error: small.onnx: tensor 'w': its data is in another file; save the model as one file\n");

    small_create(&small);
    small_input(&small, "x", shape_of(2, 1, 2));
    w = onnx_add_initializer(&small.b, "w", &shape, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, values, 16);
    w->dims[0] = INT64_MAX;
    small_output(&small, "x");
    small_fails(&small, EXIT_INPUT, "error: small.onnx: tensor 'w': dimension below 1 or too large\n");
}

/* Nesting beyond what any model has: protobuf-c would recurse as deep. */
static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    /* graph { node { attribute { g { node { attribute { g ... : each level a tag and a length */
    uint8_t *bytes = calloc(1, 6 * DEPTH), *at = bytes + 6 * DEPTH;
    size_t size = 0;
    static const uint8_t tags[] = {0x0a /* node */, 0x2a /* attribute */, 0x32 /* g */};
    for (int i = 0; i < DEPTH; i++) {
        uint8_t length[5], n = 0;
        for (size_t rest = size; rest >= 0x80; rest >>= 7)
            length[n++] = (uint8_t)(rest | 0x80);
        length[n] = (uint8_t)(size >> (7 * n));
        n++;
        at -= n;
        memcpy(at, length, n);
        *--at = i == DEPTH - 1 ? 0x3a /* ModelProto.graph */ : tags[(DEPTH - 2 - i) % 3];
        size += n + 1u;
    }
    struct capture capture;
    struct arena arena = ARENA_INIT;
    struct model *model;
    capture_start(&capture, STDERR_FILENO);
    assert_int_equal(onnx_parse(&model, at, size, "deep.onnx", &arena), EXIT_INPUT);
    assert_non_null(
        strstr(capture_end(&capture), "error: deep.onnx: not an ONNX model: nested too deep at byte "));
    arena_release(&arena);
    free(bytes);
}

/* Every prefix of a file ends in an error, and a flipped byte in an error or a model, never in a crash. */
static void test_truncation_and_corruption(void **state)
{
    (void)state;
    struct scratch scratch;
    struct net net;
    struct file file;
    scratch_create(&scratch);
    net_create(&net, 31, shape_of(4, 1, 4, 4, 2));
    net_conv(&net, 3, 3, 1, 1, true);
    net_batch_norm(&net);
    net_clip(&net, 0, 6);
    net_flatten(&net);
    net_gemm(&net, 2, true);
    model_set_output(net.model, net.last);
    assert_int_equal(onnx_write(net.model, scratch_path(&scratch, "net.onnx")), 0);
    assert_int_equal(file_read(&file, scratch.path, 1 << 20, &net.arena), 0);
    const int saved = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    int read = 0;
    for (size_t i = 0; i < file.size; i++) {
        struct arena arena = ARENA_INIT;
        struct model *model;
        /* The list of operator sets and the producer come before and after the graph: a prefix is never
         * whole. */
        assert_int_not_equal(onnx_parse(&model, file.data, i, "net.onnx", &arena), 0);
        uint8_t *copy = arena_copy(&arena, file.data, file.size);
        copy[i] ^= (uint8_t)(1u << i % 8);
        if (onnx_parse(&model, copy, file.size, "net.onnx", &arena) == 0) {
            read++;
            (void)passes_for_inference(model);
        }
        arena_release(&arena);
    }
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_true(read > 0); /* a flipped bit of a weight is a weight */
    net_release(&net);
    scratch_remove(&scratch);
}

/* ---- a real net ---- */

static void test_mcunet_in2(void **state)
{
    (void)state;
    const char *shared = getenv("MCUNET_SHARED");
    struct arena arena = ARENA_INIT;
    const char *path =
        path_join(&arena, shared ? shared : "../shared", "data/models/mcunet-in2_256kb-1mb_imagenet.onnx");
    if (!file_exists(path)) {
        print_message("skipped: '%s' is not there\n", path);
        arena_release(&arena);
        skip();
    }
    struct model *model;
    assert_int_equal(onnx_read(&model, path, &arena), 0);
    assert_int_equal(passes_for_inference(model), 0);
    const struct cost cost = model_cost(model);
    assert_int_equal(cost.macs, 67287200); /* published: 67.3M */
    assert_int_equal(cost.params, 721648);
    for (int i = 0; i < model->n_nodes; i++) {
        const enum op op = model->nodes[i].op;
        assert_true(op == OP_CONV || op == OP_ADD || op == OP_GLOBAL_AVERAGE_POOL || op == OP_FLATTEN ||
                    op == OP_GEMM);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_round_trip_of_axis_orders),
        cmocka_unit_test(test_writing_fails_cleanly),
        cmocka_unit_test(test_all_unsupported_layers_are_listed),
        cmocka_unit_test(test_broken_graphs),
        cmocka_unit_test(test_versions_and_shapes),
        cmocka_unit_test(test_bad_tensors),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_truncation_and_corruption),
        cmocka_unit_test(test_mcunet_in2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
