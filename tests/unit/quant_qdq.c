/* QDQ ONNX: exact round trip, files like other tools write, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "model/onnx_build.h"
#include "quant/qdq.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/quantize.h"
#include "tests/unit/capture.h"
#include "tests/unit/quant_fixture.h"
#include "tests/unit/scratch.h"

enum { CALIBRATION = 16, PIXELS = FIXTURE_SIDE * FIXTURE_SIDE * 3 };

static struct qmodel *quantized_fixture(struct arena *arena, uint64_t seed, bool softmax)
{
    struct model *model = fixture_model(arena, seed, softmax);
    struct quantize_options options = QUANTIZE_DEFAULTS;
    struct qmodel *q;
    options.quiet = true;
    options.threads = 1;
    assert_int_equal(shape_infer(model), 0);
    assert_int_equal(passes_for_inference(model), 0);
    assert_int_equal(quantize(&q, model, fixture_images(arena, 1, CALIBRATION), CALIBRATION, &options, arena),
                     0);
    return q;
}

static void assert_same(const struct qmodel *a, const struct qmodel *b)
{
    assert_int_equal(a->n_tensors, b->n_tensors);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->input, b->input);
    assert_int_equal(a->output, b->output);
    for (int t = 0; t < a->n_tensors; t++) {
        const struct qtensor *x = &a->tensors[t], *y = &b->tensors[t];
        assert_string_equal(x->name, y->name);
        assert_true(x->h == y->h && x->w == y->w && x->c == y->c);
        assert_true(x->scale == y->scale && x->zero_point == y->zero_point && x->producer == y->producer);
    }
    for (int i = 0; i < a->n_nodes; i++) {
        const struct qnode *x = &a->nodes[i], *y = &b->nodes[i];
        const size_t c = (size_t)a->tensors[x->output].c;
        assert_int_equal(x->op, y->op);
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->n_inputs, y->n_inputs);
        assert_memory_equal(x->inputs, y->inputs, sizeof(x->inputs[0]) * (size_t)x->n_inputs);
        assert_memory_equal(&x->window, &y->window, sizeof(x->window));
        assert_true(x->act_min == y->act_min && x->act_max == y->act_max && x->diff_min == y->diff_min);
        assert_int_equal(x->n_weights, y->n_weights);
        if (x->weights) {
            assert_memory_equal(x->weights, y->weights, (size_t)x->n_weights);
            assert_memory_equal(x->bias, y->bias, c * sizeof(int32_t));
            assert_memory_equal(x->weight_scale, y->weight_scale, c * sizeof(float));
            assert_memory_equal(x->multiplier, y->multiplier, c * sizeof(int32_t));
            assert_memory_equal(x->shift, y->shift, c);
        }
        if (x->table)
            assert_memory_equal(x->table, y->table, 256);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct arena arena = ARENA_INIT;
        struct scratch scratch;
        struct file first, second;
        bool is_qdq;
        struct qmodel *q = quantized_fixture(&arena, seed, seed % 2), *again;
        scratch_create(&scratch);
        const char *a = arena_strdup(&arena, scratch_path(&scratch, "a.onnx"));
        const char *b = arena_strdup(&arena, scratch_path(&scratch, "b.onnx"));
        assert_int_equal(qdq_write(q, a), 0);
        assert_int_equal(qdq_detect(a, &is_qdq), 0);
        assert_true(is_qdq);
        assert_int_equal(qdq_read(&again, a, &arena), 0);
        assert_same(q, again);
        assert_int_equal(again->n_metadata, 1);
        assert_string_equal(again->metadata[0].key, "mcunet.classes");
        assert_string_equal(again->metadata[0].value, "[\"a\", \"b\"]");
        assert_int_equal(qdq_write(again, b), 0);
        assert_int_equal(file_read(&first, a, 1 << 24, &arena), 0);
        assert_int_equal(file_read(&second, b, 1 << 24, &arena), 0);
        assert_int_equal(first.size, second.size);
        assert_memory_equal(first.data, second.data, first.size);

        int8_t in[PIXELS], x[FIXTURE_CLASSES], y[FIXTURE_CLASSES];
        qexec_quantize_input(q, fixture_images(&arena, 9, 1), in);
        assert_int_equal(qexec_run(q, in, x, NULL), 0);
        assert_int_equal(qexec_run(again, in, y, NULL), 0);
        assert_memory_equal(x, y, FIXTURE_CLASSES);
        scratch_remove(&scratch);
        arena_release(&arena);
    }
}

/* A graph as other quantizers write it, put together piece by piece. */
struct foreign {
    struct arena arena;
    struct onnx_builder b;
    struct scratch scratch;
    bool weights_asymmetric, weights_float, no_pair, wrong_bias_scale;
};

static const char *scalar_float(struct foreign *f, const char *name, float value)
{
    const struct shape shape = shape_of(0);
    onnx_add_initializer(&f->b, name, &shape, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, &value, 4);
    return name;
}

static const char *scalar_byte(struct foreign *f, const char *name, int type, int value)
{
    const struct shape shape = shape_of(0);
    const uint8_t byte = (uint8_t)value;
    onnx_add_initializer(&f->b, name, &shape, type, &byte, 1);
    return name;
}

static void pair(struct foreign *f, const char *from, const char *to, const char *scale, const char *zero)
{
    const char *middle = arena_printf(&f->arena, "%s_q", to);
    onnx_add_node(&f->b, "QuantizeLinear", arena_printf(&f->arena, "%s_Q", to),
                  (const char *[]){from, scale, zero}, 3, middle);
    onnx_add_node(&f->b, "DequantizeLinear", arena_printf(&f->arena, "%s_DQ", to),
                  (const char *[]){middle, scale, zero}, 3, to);
}

/* uint8 activations, one scale for the weights, a float bias, Relu; 2 -> 2 channels, 1x1. */
static int foreign_read(struct foreign *f, struct qmodel **out)
{
    enum { U8 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, I8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8 };
    f->b = onnx_builder_create(&f->arena, "foreign");
    scratch_create(&f->scratch);
    const struct shape map = shape_of(4, 1, 2, 4, 4), kernel = shape_of(4, 2, 2, 1, 1), two = shape_of(1, 2);
    const int8_t weights[4] = {100, -50, 3, 127};
    const float float_weights[4] = {1, -0.5f, 0.03f, 1.27f}, bias[2] = {0.5f, -0.25f};
    const int32_t int_bias[2] = {5, -7};
    const char *in_scale = scalar_float(f, "s_in", 0.02f), *in_zero = scalar_byte(f, "z_in", U8, 128);
    const char *out_scale = scalar_float(f, "s_out", 0.05f), *out_zero = scalar_byte(f, "z_out", U8, 0);
    const char *weight_scale = scalar_float(f, "s_w", 0.01f);
    const char *weight_zero = scalar_byte(f, "z_w", I8, f->weights_asymmetric ? 3 : 0);
    onnx_add_graph_input(&f->b, "x", &map);
    pair(f, "x", "x_dq", in_scale, in_zero);
    if (f->weights_float) {
        onnx_add_initializer(&f->b, "w", &kernel, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, float_weights,
                             sizeof(float_weights));
    } else {
        onnx_add_initializer(&f->b, "w_q", &kernel, I8, weights, sizeof(weights));
        onnx_add_node(&f->b, "DequantizeLinear", "w_DQ", (const char *[]){"w_q", weight_scale, weight_zero},
                      3, "w");
    }
    if (f->wrong_bias_scale) {
        onnx_add_initializer(&f->b, "b_q", &two, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, int_bias,
                             sizeof(int_bias));
        onnx_add_node(&f->b, "DequantizeLinear", "b_DQ",
                      (const char *[]){"b_q", scalar_float(f, "s_b", 0.01f)}, 2, "b");
    } else {
        onnx_add_initializer(&f->b, "b", &two, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, bias, sizeof(bias));
    }
    onnx_add_node(&f->b, "Conv", "conv", (const char *[]){"x_dq", "w", "b"}, 3, "conv_out");
    onnx_add_node(&f->b, "Relu", "relu", (const char *[]){"conv_out"}, 1, "relu_out");
    if (!f->no_pair)
        pair(f, "relu_out", "y1", out_scale, out_zero);
    onnx_add_node(&f->b, "MaxPool", "pool", (const char *[]){f->no_pair ? "relu_out" : "y1"}, 1, "pool_out");
    onnx_set_ints(&f->b, f->b.graph->node[f->b.graph->n_node - 1], "kernel_shape", 2, (int[]){2, 2});
    pair(f, "pool_out", "y", out_scale, out_zero);
    const struct shape pooled = shape_of(4, 1, 2, 3, 3);
    onnx_add_graph_output(&f->b, "y", &pooled);
    const char *path = scratch_path(&f->scratch, "foreign.onnx");
    const struct model metadata = {0};
    assert_int_equal(onnx_build_write(&f->b, &metadata, path), 0);
    int rc = qdq_read(out, path, &f->arena);
    scratch_remove(&f->scratch);
    return rc;
}

static void test_foreign(void **state)
{
    (void)state;
    struct foreign f = {0};
    struct qmodel *q;
    assert_int_equal(foreign_read(&f, &q), 0);
    assert_int_equal(q->n_nodes, 2);
    assert_int_equal(q->tensors[q->input].zero_point, 0);
    const struct qnode *conv = &q->nodes[0];
    assert_int_equal(q->tensors[conv->output].zero_point, -128);
    assert_true(conv->weights[0] == 100 && conv->weights[1] == -50 && conv->weights[3] == 127);
    assert_true(conv->weight_scale[0] == 0.01f && conv->weight_scale[1] == 0.01f);
    assert_int_equal(conv->bias[0], 2500); /* 0.5 / (0.02 * 0.01) */
    assert_int_equal(conv->bias[1], -1250);
    assert_true(conv->clip_min == 0 && conv->act_min == -128 && conv->act_max == 127);
    assert_int_equal(q->nodes[1].op, QOP_MAX_POOL);
    arena_release(&f.arena);
}

static void assert_refused(struct foreign f, int code, const char *message)
{
    struct capture capture;
    struct qmodel *q;
    capture_start(&capture, STDERR_FILENO);
    int rc = foreign_read(&f, &q);
    const char *text = capture_end(&capture);
    if (!strstr(text, message))
        fail_msg("'%s' is not in '%s'", message, text);
    assert_int_equal(rc, code);
    arena_release(&f.arena);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused((struct foreign){.weights_asymmetric = true}, EXIT_UNSUPPORTED,
                   "weights must be symmetric");
    assert_refused((struct foreign){.weights_float = true}, EXIT_UNSUPPORTED,
                   "layer 'conv': weights are not int8");
    assert_refused((struct foreign){.wrong_bias_scale = true}, EXIT_UNSUPPORTED,
                   "layer 'conv': bias scale 0.01 is not input scale times weight scale");
    assert_refused((struct foreign){.no_pair = true}, EXIT_UNSUPPORTED, "layer 'pool': reads 'relu_out'");
}

/* Every truncation of a real file is an input error, and no crash. */
static void test_truncated(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    struct capture capture;
    struct file file;
    struct qmodel *q = quantized_fixture(&arena, 1, false);
    scratch_create(&scratch);
    const char *path = arena_strdup(&arena, scratch_path(&scratch, "a.onnx"));
    assert_int_equal(qdq_write(q, path), 0);
    assert_int_equal(file_read(&file, path, 1 << 24, &arena), 0);
    capture_start(&capture, STDERR_FILENO);
    int accepted = 0;
    for (size_t size = 0; size < file.size; size += size < 2000 ? 1 : 97) {
        void *exact = malloc(size ? size : 1); /* so that a sanitizer sees reads past the end */
        assert_non_null(exact);
        memcpy(exact, file.data, size);
        accepted += qdq_parse(&q, exact, size, "cut.onnx", &arena) == 0;
        free(exact);
    }
    capture_end(&capture);
    assert_int_equal(accepted, 0);
    scratch_remove(&scratch);
    arena_release(&arena);
}

static void test_float_model_is_not_qdq(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    bool is_qdq = true;
    struct onnx_builder b = onnx_builder_create(&arena, "float");
    const struct shape shape = shape_of(2, 1, 3);
    const struct model metadata = {0};
    scratch_create(&scratch);
    onnx_add_graph_input(&b, "x", &shape);
    onnx_add_node(&b, "Relu", "relu", (const char *[]){"x"}, 1, "y");
    onnx_add_graph_output(&b, "y", &shape);
    const char *path = scratch_path(&scratch, "float.onnx");
    assert_int_equal(onnx_build_write(&b, &metadata, path), 0);
    assert_int_equal(qdq_detect(path, &is_qdq), 0);
    assert_false(is_qdq);
    scratch_remove(&scratch);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_float_model_is_not_qdq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
