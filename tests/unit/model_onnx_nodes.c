/* ONNX operators whose meaning took thought, on numbers one can follow: versions, shapes computed in the
 * graph, rounding of windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/passes.h"
#include "model_fixture.h"
#include "model_onnx_small.h"

/* Runs one image of 0, 1, 2, ... in ONNX order of a (1, c, h, w) input; the output is the caller's to free.
 */
static float *run_counting(const struct model *model)
{
    struct exec *exec;
    const struct shape *in = &model->tensors[model->inputs[0]].shape;
    const int64_t n = shape_elements(in), out_n = shape_elements(&model->tensors[model->outputs[0]].shape);
    float *input = malloc((size_t)n * sizeof *input), *output = malloc((size_t)out_n * sizeof *output);
    assert_true(input && output);
    for (int64_t i = 0; i < n; i++) {
        const int channels = in->rank == 4 ? in->dim[3] : 1;
        input[i] = (float)(i % channels * (n / channels) + i / channels);
    }
    assert_int_equal(exec_create(&exec, model, &(struct exec_options){0}), 0);
    assert_int_equal(exec_run(exec, input), 0);
    memcpy(output, exec_output(exec, 0), (size_t)out_n * sizeof *output);
    exec_destroy(exec);
    free(input);
    return output;
}

static void expect(const struct model *model, int64_t n, const float *values, double tolerance)
{
    assert_int_equal(shape_elements(&model->tensors[model->outputs[0]].shape), n);
    float *got = run_counting(model);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - values[i]) <= tolerance))
            fail_msg("element %d is %g, expected %g", (int)i, (double)got[i], (double)values[i]);
    free(got);
}

/* PyTorch's x.view(x.size(0), -1) with a dynamic batch: Shape, Gather, Unsqueeze, Concat, Reshape. */
static void test_computed_shape(void **state)
{
    (void)state;
    const int64_t zero = 0, minus_one = -1, axis = 0;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 2, 1, 3));
    const struct shape scalar = shape_of(0);
    onnx_add_initializer(&small.b, "zero", &scalar, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, &zero, sizeof zero);
    onnx_add_ints(&small.b, "rest", 1, &minus_one);
    onnx_add_ints(&small.b, "axis", 1, &axis);
    small_node(&small, "Shape", "shape", "x", NULL, "s");
    onnx_set_int(&small.b, small_node(&small, "Gather", "gather", "s", "zero", "n"), "axis", 0);
    small_node(&small, "Unsqueeze", "unsqueeze", "n", "axis", "n1");
    onnx_set_int(&small.b, small_node(&small, "Concat", "concat", "n1", "rest", "target"), "axis", 0);
    small_node(&small, "Reshape", "reshape", "x", "target", "y");
    small_output(&small, "y");
    struct model *model = small_reads(&small);
    const float in_onnx_order[] = {0, 1, 2, 3, 4, 5};
    expect(model, 6, in_onnx_order, 0);
    assert_int_equal(model->n_nodes, 2); /* Transpose, Reshape: nothing of the shape arithmetic */
    arena_release(&small.arena);
}

/* Before opset 13 the axes from `axis` on are one; from 13 on only that axis counts. */
static void test_softmax_versions(void **state)
{
    (void)state;
    for (int64_t opset = 11; opset <= 13; opset += 2) {
        struct small small;
        small_create(&small);
        small.opset = opset;
        small_input(&small, "x", shape_of(4, 1, 2, 1, 2));
        onnx_set_int(&small.b, small_node(&small, "Softmax", "softmax", "x", NULL, "y"), "axis", 1);
        small_output(&small, "y");
        struct model *model = small_reads(&small);
        /* stored (w, c): channel 0 holds 0, 1 and channel 1 holds 2, 3 */
        const double all = exp(0) + exp(1) + exp(2) + exp(3), pair = exp(0) + exp(2);
        const float old[] = {(float)(exp(0) / all), (float)(exp(2) / all), (float)(exp(1) / all),
                             (float)(exp(3) / all)};
        const float new[] = {(float)(exp(0) / pair), (float)(exp(2) / pair), (float)(exp(0) / pair),
                             (float)(exp(2) / pair)};
        expect(model, 4, opset < 13 ? old : new, 1e-6);
        assert_int_equal(passes_for_inference(model), 0);
        expect(model, 4, opset < 13 ? old : new, 1e-6);
        arena_release(&small.arena);
    }
}

/* From opset 18 on ReduceMean's axes are an input. */
static void test_reduce_mean_versions(void **state)
{
    (void)state;
    const int64_t axes[] = {-1, 2};
    for (int64_t opset = 13; opset <= 18; opset += 5) {
        struct small small;
        small_create(&small);
        small.opset = opset;
        small_input(&small, "x", shape_of(4, 1, 2, 2, 3));
        onnx_add_ints(&small.b, "axes", 2, axes);
        Onnx__NodeProto *node =
            small_node(&small, "ReduceMean", "mean", "x", opset < 18 ? NULL : "axes", "y");
        onnx_set_int(&small.b, node, "keepdims", 0);
        if (opset < 18)
            onnx_set_ints(&small.b, node, "axes", 2, (int[]){-1, 2});
        small_output(&small, "y");
        struct model *model = small_reads(&small);
        expect(model, 2, (const float[]){2.5f, 8.5f}, 0);
        assert_int_equal(passes_for_inference(model), 0);
        assert_int_equal(model->nodes[0].op, OP_GLOBAL_AVERAGE_POOL);
        expect(model, 2, (const float[]){2.5f, 8.5f}, 0);
        arena_release(&small.arena);
    }
}

/* One axis gone: what is left is in ONNX's order. */
static void test_reduce_mean_of_one_axis(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 2, 2, 3));
    Onnx__NodeProto *node = small_node(&small, "ReduceMean", "mean", "x", NULL, "y");
    onnx_set_int(&small.b, node, "keepdims", 0);
    onnx_set_ints(&small.b, node, "axes", 1, (int[]){2});
    small_output(&small, "y");
    struct model *model = small_reads(&small);
    expect(model, 6, (const float[]){1.5f, 2.5f, 3.5f, 7.5f, 8.5f, 9.5f}, 0);
    arena_release(&small.arena);
}

/* ceil_mode: a window that would begin past the input is dropped; count_include_pad cannot be told apart
 * then. */
static void test_ceil_mode(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 1, 1, 6));
    Onnx__NodeProto *node = small_node(&small, "AveragePool", "pool", "x", NULL, "y");
    onnx_set_ints(&small.b, node, "kernel_shape", 2, (int[]){1, 3});
    onnx_set_ints(&small.b, node, "strides", 2, (int[]){1, 2});
    onnx_set_int(&small.b, node, "ceil_mode", 1);
    small_output(&small, "y");
    expect(small_reads(&small), 3, (const float[]){1, 3, 4.5f}, 0);
    onnx_set_int(&small.b, node, "count_include_pad", 1);
    small_fails(&small, EXIT_UNSUPPORTED,
                "error: small.onnx: layer 'pool' (AveragePool): ceil_mode together with count_include_pad\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 1, 1, 3));
    node = small_node(&small, "MaxPool", "pool", "x", NULL, "y");
    onnx_set_ints(&small.b, node, "kernel_shape", 2, (int[]){1, 1});
    onnx_set_ints(&small.b, node, "strides", 2, (int[]){1, 4});
    onnx_set_int(&small.b, node, "ceil_mode", 1);
    small_output(&small, "y");
    expect(small_reads(&small), 1, (const float[]){0}, 0); /* (3 - 1) / 4 rounds up, to a window at 4 */
    arena_release(&small.arena);
}

/* A vector beside a map lines up with w, as numpy says, not with the channels that lie last here. */
static void test_broadcast_of_a_vector(void **state)
{
    (void)state;
    const float v[] = {10, 20, 30};
    const struct shape shape = shape_of(1, 3);
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 2, 1, 3));
    onnx_add_floats(&small.b, "v", &shape, v);
    small_node(&small, "Add", "add", "x", "v", "y");
    small_output(&small, "y");
    expect(small_reads(&small), 6, (const float[]){10, 13, 21, 24, 32, 35}, 0);
    arena_release(&small.arena);
}

/* TensorFlow's (n, h, w, c) input with a Transpose after it is the model's own order. */
static void test_channels_last_input(void **state)
{
    (void)state;
    for (int direct = 0; direct < 2; direct++) {
        struct small small;
        small_create(&small);
        small_input(&small, "x", shape_of(4, 1, 2, 5, 3));
        Onnx__NodeProto *node = small_node(&small, "Transpose", "transpose", "x", NULL, direct ? "y" : "t");
        onnx_set_ints(&small.b, node, "perm", 4, (int[]){0, 3, 1, 2});
        if (!direct)
            onnx_set_ints(&small.b, small_node(&small, "MaxPool", "pool", "t", NULL, "y"), "kernel_shape", 2,
                          (int[]){1, 1});
        small_output(&small, "y");
        struct model *model = small_reads(&small);
        const struct shape shape = shape_of(4, 1, 2, 5, 3);
        if (direct) /* nobody reads it as a map: it stays */
            assert_int_equal(model->nodes[0].op, OP_TRANSPOSE);
        else
            assert_true(shape_equal(&model->tensors[model->inputs[0]].shape, &shape));
        assert_int_equal(model->n_nodes, 1);
        assert_int_equal(passes_for_inference(model), 0);
        arena_release(&small.arena);
    }
}

static void test_gemm_is_normalised(void **state)
{
    (void)state;
    const float w[] = {1, 2, 3, 4, 5, 6}, c[] = {100};
    const struct shape weights = shape_of(2, 3, 2), one = shape_of(2, 1, 1);
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(2, 1, 3));
    onnx_add_floats(&small.b, "w", &weights, w);
    onnx_add_floats(&small.b, "c", &one, c);
    Onnx__NodeProto *node = onnx_add_node(&small.b, "Gemm", "gemm", (const char *[]){"x", "w", "c"}, 3, "y");
    onnx_set_float(&small.b, node, "alpha", 2);
    onnx_set_float(&small.b, node, "beta", 0.5f);
    small_output(&small, "y");
    struct model *model = small_reads(&small);
    assert_int_equal(model->n_nodes, 1);
    /* (0, 1, 2) w = (13, 16) */
    expect(model, 2, (const float[]){76, 82}, 0);
    arena_release(&small.arena);
}

static void test_clip_versions(void **state)
{
    (void)state;
    const float low = 1, high = 2;
    const struct shape scalar = shape_of(0);
    for (int64_t opset = 9; opset <= 13; opset += 4) {
        struct small small;
        small_create(&small);
        small.opset = opset;
        small_input(&small, "x", shape_of(2, 1, 4));
        if (opset < 11) {
            Onnx__NodeProto *node = small_node(&small, "Clip", "clip", "x", NULL, "y");
            onnx_set_float(&small.b, node, "min", low);
            onnx_set_float(&small.b, node, "max", high);
        } else {
            onnx_add_floats(&small.b, "low", &scalar, &low);
            onnx_add_floats(&small.b, "high", &scalar, &high);
            onnx_add_node(&small.b, "Clip", "clip", (const char *[]){"x", "low", "high"}, 3, "y");
        }
        small_output(&small, "y");
        expect(small_reads(&small), 4, (const float[]){1, 1, 2, 2}, 0);
        arena_release(&small.arena);
    }
}

static void test_wrong_attributes(void **state)
{
    (void)state;
    struct small small;
    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 1, 4, 4));
    small_node(&small, "MaxPool", "pool", "x", NULL, "y");
    small_output(&small, "y");
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: layer 'pool' (MaxPool): attribute 'kernel_shape' is missing\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 1, 4, 4));
    Onnx__NodeProto *node = small_node(&small, "MaxPool", "pool", "x", NULL, "y");
    onnx_set_ints(&small.b, node, "kernel_shape", 2, (int[]){2, 2});
    onnx_set_ints(&small.b, node, "strides", 2, (int[]){1, 0});
    small_output(&small, "y");
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: layer 'pool' (MaxPool): strides 0 is not in 1..65536\n");

    small_create(&small);
    small_input(&small, "x", shape_of(4, 1, 1, 4, 4));
    onnx_set_float(&small.b, small_node(&small, "Flatten", "flatten", "x", NULL, "y"), "axis", 1);
    small_output(&small, "y");
    small_fails(&small, EXIT_INPUT,
                "error: small.onnx: layer 'flatten' (Flatten): attribute 'axis' has type 1, expected 2\n");

    small_create(&small);
    small_input(&small, "x", shape_of(3, 1, 4, 4));
    onnx_set_ints(&small.b, small_node(&small, "MaxPool", "pool", "x", NULL, "y"), "kernel_shape", 1,
                  (int[]){2});
    small_output(&small, "y");
    small_fails(
        &small, EXIT_UNSUPPORTED,
        "error: small.onnx: layer 'pool' (MaxPool): input of rank 3; only 2-D (rank 4) is supported\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computed_shape),
        cmocka_unit_test(test_softmax_versions),
        cmocka_unit_test(test_reduce_mean_versions),
        cmocka_unit_test(test_reduce_mean_of_one_axis),
        cmocka_unit_test(test_ceil_mode),
        cmocka_unit_test(test_broadcast_of_a_vector),
        cmocka_unit_test(test_gemm_is_normalised),
        cmocka_unit_test(test_channels_last_input),
        cmocka_unit_test(test_clip_versions),
        cmocka_unit_test(test_wrong_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
