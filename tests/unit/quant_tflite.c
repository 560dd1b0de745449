/* int8 TensorFlow Lite networks: what becomes of each operator, tables against real functions, refusals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "capture.h"
#include "engine/engine.h"
#include "quant/qdq.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/qnode.h"
#include "quant/tflite.h"
#include "scratch.h"
#include "tflite_fixture.h"

static const int8_t two[1] = {2};

struct imported {
    struct arena arena;
    struct net_file *bytes;
    struct tflite *file;
    struct qmodel *q;
    struct tflite_view *views;
    struct capture capture;
    const char *message;
    int rc;
};

static struct imported *import(const struct tflite_net *net)
{
    struct imported *im = calloc(1, sizeof *im);
    assert_non_null(im);
    im->bytes = tflite_net_write(net);
    capture_start(&im->capture, STDERR_FILENO);
    im->rc = tflite_parse(&im->file, im->bytes->data, im->bytes->n, "x.tflite", &im->arena);
    if (!im->rc)
        im->rc = qmodel_from_tflite(&im->q, im->file, &im->arena, &im->views);
    im->message = capture_end(&im->capture);
    return im;
}

static void release(struct imported *im)
{
    arena_release(&im->arena);
    free(im->bytes);
    free(im);
}

/* One operator from (1, 1, 1, 1) to the same. */
static struct tflite_net unary(int code, float in_scale, int in_zero, float out_scale, int out_zero)
{
    return (struct tflite_net){
        .n_tensors = 2,
        .tensors = {{"in", TFLITE_INT8, 4, {1, 1, 1, 1}, NULL, 0, 1, {in_scale}, in_zero},
                    {"out", TFLITE_INT8, 4, {1, 1, 1, 1}, NULL, 0, 1, {out_scale}, out_zero}},
        .n_operators = 1,
        .operators = {{code, 1, {0}, 1}},
        .input = 0,
        .output = 1};
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double hard_swish(double x)
{
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static double hyperbolic(double x)
{
    return tanh(x);
}

static double relu6(double x)
{
    return fmin(fmax(x, 0), 6);
}

static double same(double x)
{
    return x;
}

/* Every answer within `steps` of the rounded real one: rounding twice, as TFLite does, costs up to a quarter.
 */
static void check_table(const struct tflite_net *net, double function(double), double factor, double summand,
                        double steps)
{
    struct imported *im = import(net);
    assert_string_equal(im->message, "");
    assert_int_equal(im->rc, 0);
    assert_int_equal(im->q->n_nodes, 1);
    const struct qtensor *in = &im->q->tensors[im->q->input], *out = &im->q->tensors[im->q->output];
    for (int x = -128; x < 128; x++) {
        int8_t q = (int8_t)x, answer;
        assert_int_equal(qexec_run(im->q, &q, &answer, NULL), 0);
        const double real = function((double)in->scale * (x - in->zero_point) * factor + summand);
        const double exact = fmin(fmax(real / (double)out->scale + out->zero_point, -128), 127);
        if (fabs(exact - answer) > steps + 0.5)
            fail_msg("%d -> %d, exactly %.2f", x, answer, exact);
    }
    release(im);
}

static void test_tables(void **state)
{
    (void)state;
    struct tflite_net net = unary(TFLITE_LOGISTIC, 0.05f, 3, 1.0f / 256, -128);
    check_table(&net, sigmoid, 1, 0, 0.02);
    net = unary(TFLITE_LOGISTIC, 0.4f, -40, 1.0f / 256, -128);
    check_table(&net, sigmoid, 1, 0, 0.02);
    net = unary(TFLITE_TANH, 0.02f, -5, 1.0f / 128, 0);
    check_table(&net, hyperbolic, 1, 0, 0.02);
    net = unary(TFLITE_TANH, 0.3f, 60, 1.0f / 128, 0);
    check_table(&net, hyperbolic, 1, 0, 0.02);
    net = unary(TFLITE_HARD_SWISH, 0.05f, -10, 0.04f, -118);
    check_table(&net, hard_swish, 1, 0, 0.6);
    net = unary(TFLITE_HARD_SWISH, 0.3f, 0, 0.3f, 0);
    check_table(&net, hard_swish, 1, 0, 0.6);
    net = unary(TFLITE_RELU6, 0.1f, 0, 6.0f / 255, -128);
    check_table(&net, relu6, 1, 0, 0.26);
    net = unary(TFLITE_QUANTIZE, 0.02f, -7, 0.05f, 12);
    check_table(&net, same, 1, 0, 0.26);
}

/* ADD, SUB and MUL with one number, on either side. */
static void test_constant_operand(void **state)
{
    (void)state;
    const int codes[3] = {TFLITE_ADD, TFLITE_SUB, TFLITE_MUL};
    for (int i = 0; i < 3; i++)
        for (int side = 0; side < 2; side++) {
            struct tflite_net net = unary(codes[i], 0.05f, -3, 0.09f, 4);
            net.n_tensors = 3;
            net.tensors[2] = (struct net_tensor){"number", TFLITE_INT8, 0, {0}, two, 1, 1, {0.7f}, 0};
            net.operators[0].n_inputs = 2;
            net.operators[0].inputs[side] = 2;
            net.operators[0].inputs[1 - side] = 0;
            const double number = 2 * 0.7;
            const double factor = codes[i] == TFLITE_MUL                ? number
                                  : codes[i] == TFLITE_SUB && side == 0 ? -1
                                                                        : 1;
            const double summand = codes[i] == TFLITE_MUL                ? 0
                                   : codes[i] == TFLITE_SUB && side == 1 ? -number
                                                                         : number;
            check_table(&net, same, factor, summand, 0.26);
            for (int act = 0; act < 2; act++) { /* RELU6 beside it */
                net.operators[0].options_type = codes[i] == TFLITE_ADD   ? 11
                                                : codes[i] == TFLITE_SUB ? 28
                                                                         : 21;
                net.operators[0].n_options = 1;
                net.operators[0].options[0] = (struct net_option){0, act ? 3 : 0, 0};
                struct imported *im = import(&net);
                struct scratch scratch;
                struct qmodel *read;
                assert_string_equal(im->message, "");
                scratch_create(&scratch);
                assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
                assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
                scratch_remove(&scratch);
                assert_int_equal(read->n_nodes, 1);
                assert_int_equal(read->nodes[0].table_function, ACT_LINEAR);
                assert_memory_equal(read->nodes[0].table, im->q->nodes[0].table, 256);
                /* What it is said to compute is what the table holds. */
                struct qnode computed = read->nodes[0];
                computed.table_source = TABLE_COMPUTED;
                assert_int_equal(qnode_finish(read, &computed), 0);
                for (int q = 0; q < 256; q++)
                    assert_in_range(computed.table[q] - im->q->nodes[0].table[q] + 1, 0, 2);
                release(im);
            }
        }
}

/* MUL by a constant per channel: what the MUL kernel makes of a map of it. */
static void test_channel_factors(void **state)
{
    (void)state;
    static const int8_t factors[3] = {5, -128, 77};
    for (int side = 0; side < 2; side++) {
        struct tflite_net net = unary(TFLITE_MUL, 0.05f, -3, 0.19f, 4);
        net.tensors[0].dim[1] = net.tensors[1].dim[1] = 256;
        net.tensors[0].dim[3] = net.tensors[1].dim[3] = 3;
        net.n_tensors = 3;
        net.tensors[2] = (struct net_tensor){"factors", TFLITE_INT8, 1, {3}, factors, 3, 1, {0.013f}, 0};
        net.operators[0].n_inputs = 2;
        net.operators[0].inputs[side] = 2;
        net.operators[0].inputs[1 - side] = 0;
        struct imported *im = import(&net);
        assert_string_equal(im->message, "");
        assert_int_equal(im->q->nodes[0].op, QOP_DEPTHWISE);
        int8_t in[256 * 3], out[256 * 3], expected[256 * 3], row[3];
        for (int i = 0; i < 256 * 3; i++)
            in[i] = (int8_t)(i / 3 - 128);
        memcpy(row, factors, 3);
        assert_int_equal(qexec_run(im->q, in, out, NULL), 0);
        int32_t multiplier;
        int8_t shift;
        quantize_multiplier((double)0.05f * (double)0.013f / (double)0.19f, &multiplier, &shift);
        const struct mcu_mul op = {.in = {{in, 256, 1, 3, 256, 1, 0, 3}, {row, 1, 1, 3, 1, 1, 0, 3}},
                                   .out = {expected, 256, 1, 3, 256, 1, 0, 3},
                                   .in_zero_point = {-3, 0},
                                   .out_zero_point = 4,
                                   .act_min = -128,
                                   .act_max = 127,
                                   .out_multiplier = multiplier,
                                   .out_shift = shift};
        mcu_mul_s8__ref(&op, 0, 256);
        assert_memory_equal(out, expected, sizeof out);
        release(im);

        net.tensors[2].zero_point = 1; /* -128 - 1 is no weight */
        im = import(&net);
        assert_int_equal(im->rc, EXIT_UNSUPPORTED);
        assert_non_null(strstr(im->message, "quantize it symmetrically"));
        release(im);
    }
}

/* ADD and SUB with a constant per channel, after a convolution whose bias it must not become: what the ADD
 * kernel makes of a map of it, here and through an int8 ONNX file. */
static void test_channel_summands(void **state)
{
    (void)state;
    enum { C = 5, N = 256 * C };
    static const int8_t constants[C] = {5, -128, 77, 127, 0}, weights[C] = {127, 127, 127, 127, 127};
    static const int32_t bias[C] = {0};
    for (int way = 0; way < 8; way++) {
        const int code = way & 1 ? TFLITE_SUB : TFLITE_ADD, first = way >> 1 & 1, zero = way & 4 ? 0 : -100;
        const float scale = way & 4 ? 0.3f : 0.0071f;
        struct tflite_net net = {
            .n_tensors = 6,
            .tensors = {{"in", TFLITE_INT8, 4, {1, 256, 1, C}, NULL, 0, 1, {0.05f}, -3},
                        {"w", TFLITE_INT8, 4, {1, 1, 1, C}, weights, C, 1, {1.0f / 127}},
                        {"b", TFLITE_INT32, 1, {C}, bias, sizeof bias},
                        {"conv", TFLITE_INT8, 4, {1, 256, 1, C}, NULL, 0, 1, {0.05f}, -3},
                        {"k", TFLITE_INT8, way & 2 ? 1 : 4, {1, 1, 1, C}, constants, C, 1, {scale}, zero},
                        {"out", TFLITE_INT8, 4, {1, 256, 1, C}, NULL, 0, 1, {0.19f}, 4}},
            .n_operators = 2,
            .operators =
                {{TFLITE_DEPTHWISE_CONV_2D, 3, {0, 1, 2}, 3, 2, 4, {{0, 1}, {1, 1}, {2, 1}, {3, 1}}},
                 {code, 2, {first ? 4 : 3, first ? 3 : 4}, 5, way & 1 ? 28 : 11, 1, {{0, way == 6 ? 3 : 0}}}},
            .output = 5};
        if (way & 2)
            net.tensors[4].dim[0] = C;
        struct imported *im = import(&net);
        assert_string_equal(im->message, "");
        assert_int_equal(im->q->n_nodes, 2);
        struct qnode *node = &im->q->nodes[1];
        assert_int_equal(node->op, QOP_ADD_CONSTANT);
        int8_t in[N], map[N], out[N], again[N], expected[N];
        for (int i = 0; i < N; i++) {
            in[i] = (int8_t)(i / C - 128);
            map[i] = constants[i % C];
        }
        assert_int_equal(qexec_run(im->q, in, out, NULL), 0);

        struct qtensor tensors[3] = {im->q->tensors[0], {"k", 256, 1, C, scale, zero, -1}, im->q->tensors[2]};
        struct qnode sum = {.op = QOP_ADD,
                            .n_inputs = 2,
                            .inputs = {first, !first},
                            .output = 2,
                            .clip_min = node->clip_min,
                            .clip_max = node->clip_max,
                            .subtract = way & 1};
        struct qmodel whole = {.arena = &im->arena, .tensors = tensors, .n_tensors = 3};
        int8_t *maps[3] = {in, map, expected};
        assert_int_equal(qnode_finish(&whole, &sum), 0);
        qnode_run(&whole, &sum, maps, NULL);
        assert_memory_equal(out, expected, N);

        struct scratch scratch;
        struct qmodel *read;
        scratch_create(&scratch);
        assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
        assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
        assert_int_equal(read->n_nodes, 2);
        assert_int_equal(qexec_run(read, in, again, NULL), 0);
        assert_memory_equal(again, expected, N);
        scratch_remove(&scratch);
        release(im);

        net.tensors[4].dim[way & 2 ? 0 : 3] = C - 1;
        net.tensors[4].bytes = C - 1;
        im = import(&net);
        assert_int_equal(im->rc, EXIT_UNSUPPORTED);
        assert_non_null(strstr(im->message, "one number, or one per channel"));
        release(im);
    }
}

/* The reference kernel with a map of the constant gives the table's answers. */
static void test_constant_is_add(void **state)
{
    (void)state;
    struct tflite_net net = unary(TFLITE_ADD, 0.05f, -3, 0.09f, 4);
    net.n_tensors = 3;
    net.tensors[2] = (struct net_tensor){"number", TFLITE_INT8, 0, {0}, two, 1, 1, {0.7f}, -5};
    net.operators[0].n_inputs = 2;
    net.operators[0].inputs[1] = 2;
    struct imported *im = import(&net);
    assert_int_equal(im->rc, 0);
    struct qmodel *q = im->q;
    struct qtensor tensors[3] = {q->tensors[0], {"number", 1, 1, 1, 0.7f, -5, -1}, q->tensors[1]};
    struct qnode add = {.op = QOP_ADD,
                        .name = "add",
                        .inputs = {0, 1},
                        .n_inputs = 2,
                        .output = 2,
                        .clip_min = -INFINITY,
                        .clip_max = INFINITY};
    tensors[2].producer = 0;
    struct qmodel sum = {
        .arena = &im->arena, .tensors = tensors, .n_tensors = 3, .nodes = &add, .n_nodes = 1, .output = 2};
    assert_int_equal(qmodel_finish(&sum), 0);
    for (int x = -128; x < 128; x++) {
        int8_t a = (int8_t)x, b = 2, kernel, table = q->nodes[0].table[x + 128];
        struct mcu_add op = {.in = {{&a, 1, 1, 1, 1, 1, 0, 1}, {&b, 1, 1, 1, 1, 1, 0, 1}},
                             .out = {&kernel, 1, 1, 1, 1, 1, 0, 1},
                             .in_zero_point = {-3, -5},
                             .out_zero_point = 4,
                             .act_min = -128,
                             .act_max = 127,
                             .in_multiplier = {add.multiplier[0], add.multiplier[1]},
                             .out_multiplier = add.multiplier[2],
                             .in_shift = {add.shift[0], add.shift[1]},
                             .out_shift = add.shift[2]};
        mcu_add_s8__ref(&op, 0, 1);
        assert_int_equal(kernel, table);
    }
    release(im);
}

/* What `mcunet import` writes keeps the table, though 1 / (1 + exp(-x)) rounded would differ. */
static void test_tables_through_onnx(void **state)
{
    (void)state;
    const struct tflite_net nets[3] = {unary(TFLITE_LOGISTIC, 0.05f, 3, 1.0f / 256, -128),
                                       unary(TFLITE_TANH, 0.05f, 3, 1.0f / 128, 0),
                                       unary(TFLITE_HARD_SWISH, 0.05f, -10, 0.04f, -118)};
    struct scratch scratch;
    scratch_create(&scratch);
    for (int i = 0; i < 3; i++) {
        struct imported *im = import(&nets[i]);
        struct qmodel *read;
        assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
        assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
        assert_int_equal(read->n_nodes, 1);
        assert_int_equal(read->n_metadata, 0);
        assert_memory_equal(read->nodes[0].table, im->q->nodes[0].table, 256);
        release(im);
    }
    scratch_remove(&scratch);
}

static const int32_t pad_amounts[8] = {0, 0, 1, 0, 0, 1, 0, 0};
static const int8_t weights[2 * 2 * 2] = {1, 2, 3, 4, 5, 6, 7, -8};

/* PAD (1, 3, 3, 1) -> (1, 4, 4, 1), then CONV_2D or MAX_POOL_2D 2 x 2. */
static struct tflite_net padded(bool conv)
{
    struct tflite_net net = {
        .n_tensors = 5,
        .tensors = {{"in", TFLITE_INT8, 4, {1, 3, 3, 1}, NULL, 0, 1, {0.5f}, 7},
                    {"amounts", TFLITE_INT32, 2, {4, 2}, pad_amounts, sizeof pad_amounts},
                    {"padded", TFLITE_INT8, 4, {1, 4, 4, 1}, NULL, 0, 1, {0.5f}, 7},
                    {"w", TFLITE_INT8, 4, {2, 2, 2, 1}, weights, sizeof weights, 2, {0.1f, -0.2f}, 0, 0},
                    {"out", TFLITE_INT8, 4, {1, 3, 3, conv ? 2 : 1}, NULL, 0, 1, {0.5f}, conv ? -5 : 7}},
        .n_operators = 2,
        .operators = {{TFLITE_PAD, 2, {0, 1}, 2},
                      {conv ? TFLITE_CONV_2D : TFLITE_MAX_POOL_2D,
                       conv ? 3 : 1,
                       {2, 3, -1},
                       4,
                       conv ? 1 : 5,
                       5,
                       {{0, 1}, {1, 1}, {2, 1}, {3, conv ? 0 : 2}, {4, conv ? 1 : 2}}}},
        .input = 0,
        .output = 4};
    return net;
}

static void test_pad(void **state)
{
    (void)state;
    struct tflite_net net = padded(true);
    struct imported *im = import(&net);
    assert_string_equal(im->message, "");
    assert_int_equal(im->q->n_nodes, 1);
    const struct qnode *conv = &im->q->nodes[0];
    assert_int_equal(conv->window.pad_top, 1);
    assert_int_equal(conv->window.pad_bottom, 0);
    assert_int_equal(conv->window.pad_left, 0);
    assert_int_equal(conv->window.pad_right, 1);
    assert_int_equal(im->views[2].qtensor, im->q->input);
    assert_int_equal(im->views[2].pad_top, 1);
    /* The second channel's scale is negative: its signs are turned. */
    assert_true(conv->weight_scale[1] == 0.2f);
    assert_int_equal(conv->weights[7], 8);
    int8_t input[9] = {7, 17, 7, 7, 7, 7, 7, 7, 7}, output[18];
    assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
    /* Output (0, 0): taps (1, 0) and (1, 1) see 7 and 17: channel 0: 4 * 5.0 * 0.1 = 2.0; channel 1: -8 * 5.0
     * * -0.2 = 8.0. */
    assert_int_equal(output[0], -5 + 4);
    assert_int_equal(output[1], -5 + 16);
    release(im);

    net = padded(false);
    im = import(&net);
    assert_string_equal(im->message, "");
    assert_int_equal(im->q->n_nodes, 2);
    assert_int_equal(im->q->nodes[0].op, QOP_PAD);
    assert_int_equal(im->q->nodes[0].window.pad_right, 1);
    release(im);

    net = padded(true);
    net.tensors[2].zero_point = 8;
    im = import(&net);
    assert_int_equal(im->rc, EXIT_UNSUPPORTED);
    assert_non_null(strstr(im->message, "operator 0, PAD 'padded': input and output differ in scale"));
    release(im);
}

/* float -> QUANTIZE -> TRANSPOSE -> MEAN over w -> MEAN over h -> DEQUANTIZE -> float. */
static void test_borders_and_means(void **state)
{
    (void)state;
    static const int32_t order[4] = {0, 3, 1, 2}, w_axis[1] = {3}, h_axis[1] = {-1};
    const struct tflite_net net = {
        .n_tensors = 9,
        .tensors = {{"float in", TFLITE_FLOAT32, 4, {1, 2, 3, 2}},
                    {"in", TFLITE_INT8, 4, {1, 2, 3, 2}, NULL, 0, 1, {0.5f}, 0},
                    {"order", TFLITE_INT32, 1, {4}, order, sizeof order},
                    {"turned", TFLITE_INT8, 4, {1, 2, 2, 3}, NULL, 0, 1, {0.5f}, 0},
                    {"w", TFLITE_INT32, 1, {1}, w_axis, sizeof w_axis},
                    {"rows", TFLITE_INT8, 3, {1, 2, 2}, NULL, 0, 1, {0.25f}, 1},
                    {"h", TFLITE_INT32, 1, {1}, h_axis, sizeof h_axis},
                    {"mean", TFLITE_INT8, 2, {1, 2}, NULL, 0, 1, {0.25f}, 1},
                    {"float out", TFLITE_FLOAT32, 2, {1, 2}}},
        .n_operators = 5,
        .operators = {{TFLITE_QUANTIZE, 1, {0}, 1},
                      {TFLITE_TRANSPOSE, 2, {1, 2}, 3},
                      {TFLITE_MEAN, 2, {3, 4}, 5, 27, 1, {{0, 0}}},
                      {TFLITE_MEAN, 2, {5, 6}, 7, 27, 1, {{0, 0}}},
                      {TFLITE_DEQUANTIZE, 1, {7}, 8}},
        .input = 0,
        .output = 8};
    struct imported *im = import(&net);
    assert_string_equal(im->message, "");
    assert_int_equal(im->q->n_nodes, 2);
    assert_int_equal(im->q->tensors[im->q->nodes[0].output].h, 2);
    assert_int_equal(im->q->tensors[im->q->nodes[0].output].w, 1);
    const int8_t input[12] = {1, 10, 2, 20, 4, 30, 0, -10, 0, -20, 1, -31};
    int8_t output[2], again[2];
    assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
    /* Channel 0: rows 7 * 2 / 3 = 4.67 -> 5 and 2 / 3 -> 1, mean 3; channel 1: 40 and -40.67 -> -41, mean
     * -0.5 -> -1 or 0. */
    assert_int_equal(output[0], 4);
    assert_in_range(output[1] + 1, 0, 2);
    struct scratch scratch;
    struct qmodel *read;
    scratch_create(&scratch);
    assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
    assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
    assert_int_equal(qexec_run(read, input, again, NULL), 0);
    assert_memory_equal(output, again, 2);
    scratch_remove(&scratch);
    release(im);
}

/* A map (2, 3, 2) below itself, and that beside itself: the bytes, the same through an int8 ONNX file, and
 * what cannot be joined. */
static void test_concatenation(void **state)
{
    (void)state;
    struct tflite_net net = {.n_tensors = 3,
                             .tensors = {{"in", TFLITE_INT8, 4, {1, 2, 3, 2}, NULL, 0, 1, {0.1f}, -3},
                                         {"below", TFLITE_INT8, 4, {1, 4, 3, 2}, NULL, 0, 1, {0.1f}, -3},
                                         {"beside", TFLITE_INT8, 4, {1, 4, 6, 2}, NULL, 0, 1, {0.1f}, -3}},
                             .n_operators = 2,
                             .operators = {{TFLITE_CONCATENATION, 2, {0, 0}, 1, 10, 1, {{0, 1}}},
                                           {TFLITE_CONCATENATION, 2, {1, 1}, 2, 10, 1, {{0, -2}}}},
                             .output = 2};
    struct imported *im = import(&net);
    assert_string_equal(im->message, "");
    assert_int_equal(im->q->nodes[0].axis, CONCAT_ROWS);
    assert_int_equal(im->q->nodes[1].axis, CONCAT_COLUMNS);
    struct scratch scratch;
    struct qmodel *read;
    int8_t input[12], output[48], again[48];
    for (int i = 0; i < 12; i++)
        input[i] = (int8_t)(i * 20 - 100);
    assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
    for (int y = 0; y < 4; y++)
        for (int i = 0; i < 12; i++)
            assert_int_equal(output[12 * y + i], input[y % 2 * 6 + i % 6]);
    scratch_create(&scratch);
    assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
    assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
    assert_int_equal(read->nodes[0].axis, CONCAT_ROWS);
    assert_int_equal(read->nodes[1].axis, CONCAT_COLUMNS);
    assert_int_equal(qexec_run(read, input, again, NULL), 0);
    assert_memory_equal(again, output, sizeof output);
    scratch_remove(&scratch);
    release(im);

    static const struct {
        int axis, h, w;
        const char *message;
    } wrong[] = {{0, 4, 3, "only rows, columns or channels can be concatenated"},
                 {7, 4, 3, "only rows, columns or channels can be concatenated"},
                 {1, 5, 3, "do not add up"},
                 {1, 4, 4, "differ in another side"},
                 {2, 4, 6, "differ in another side"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        net.operators[0].options[0].value = wrong[i].axis;
        net.tensors[1].dim[1] = wrong[i].h;
        net.tensors[1].dim[2] = wrong[i].w;
        im = import(&net);
        assert_non_null(strstr(im->message, wrong[i].message));
        release(im);
    }
}

/* Rows (1, c), joined below each other, are maps in the int8 ONNX file. */
static void test_concatenation_of_rows(void **state)
{
    (void)state;
    struct tflite_net net = {
        .n_tensors = 3,
        .tensors = {{"in", TFLITE_INT8, 4, {1, 1, 1, 3}, NULL, 0, 1, {0.1f}, -3},
                    {"swish", TFLITE_INT8, 4, {1, 1, 1, 3}, NULL, 0, 1, {0.1f}, -3},
                    {"below", TFLITE_INT8, 4, {1, 2, 1, 3}, NULL, 0, 1, {0.1f}, -3}},
        .n_operators = 2,
        .operators = {{TFLITE_HARD_SWISH, 1, {0}, 1}, {TFLITE_CONCATENATION, 2, {1, 0}, 2, 10, 1, {{0, 1}}}},
        .output = 2};
    struct imported *im = import(&net);
    assert_string_equal(im->message, "");
    struct scratch scratch;
    struct qmodel *read;
    const int8_t input[3] = {-100, 5, 100};
    int8_t output[6], again[6];
    assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
    assert_memory_equal(output + 3, input, 3);
    scratch_create(&scratch);
    assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
    assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
    assert_int_equal(qexec_run(read, input, again, NULL), 0);
    assert_memory_equal(again, output, sizeof output);
    scratch_remove(&scratch);
    release(im);
}

/* DEPTHWISE_CONV_2D (multiplier 2, SAME, stride 2, 5 -> 3) -> both pools -> CONCATENATION -> MUL by a pixel,
 * ADD -> RESHAPE -> FULLY_CONNECTED -> SOFTMAX. */
static void test_network(void **state)
{
    (void)state;
    static const int8_t depthwise[3 * 3 * 4] = {1, -2, 3, -4, 5, -6, 7, -8, 9, 10, -11, 12},
                                          dense[3 * 32] = {3, 1, -4, 1, 5};
    static const int32_t bias[4] = {100, -100, 0, 50}, shape[2] = {1, 32};
    static const float scales[4] = {0.01f, 0.02f, 0.03f, 1e-30f};
    struct tflite_net net =
        {.n_tensors = 15,
         .tensors = {{"in", TFLITE_INT8, 4, {1, 5, 5, 2}, NULL, 0, 1, {0.1f}, -3},
                     {"dw", TFLITE_INT8, 4, {1, 3, 3, 4}, depthwise, sizeof depthwise, 4, {0}, 0, 3},
                     {"db", TFLITE_INT32, 1, {4}, bias, sizeof bias},
                     {"depthwise", TFLITE_INT8, 4, {1, 3, 3, 4}, NULL, 0, 1, {0.05f}, -128},
                     {"average", TFLITE_INT8, 4, {1, 2, 2, 4}, NULL, 0, 1, {0.05f}, -128},
                     {"max", TFLITE_INT8, 4, {1, 2, 2, 4}, NULL, 0, 1, {0.05f}, -128},
                     {"joined", TFLITE_INT8, 4, {1, 2, 2, 8}, NULL, 0, 1, {0.05f}, -128},
                     {"gate", TFLITE_INT8, 4, {1, 1, 1, 8}, NULL, 0, 1, {0.05f}, -120},
                     {"scaled", TFLITE_INT8, 4, {1, 2, 2, 8}, NULL, 0, 1, {0.06f}, -20},
                     {"sum", TFLITE_INT8, 4, {1, 2, 2, 8}, NULL, 0, 1, {0.1f}, 5},
                     {"shape", TFLITE_INT32, 1, {2}, shape, sizeof shape},
                     {"flat", TFLITE_INT8, 2, {1, 32}, NULL, 0, 1, {0.1f}, 5},
                     {"fw", TFLITE_INT8, 2, {3, 32}, dense, sizeof dense, 1, {0.02f}},
                     {"dense", TFLITE_INT8, 2, {1, 3}, NULL, 0, 1, {0.2f}, 1},
                     {"softmax", TFLITE_INT8, 2, {1, 3}, NULL, 0, 1, {1.0f / 256}, -128}},
         .n_operators = 9,
         .operators =
             {{TFLITE_DEPTHWISE_CONV_2D, 3, {0, 1, 2}, 3, 2, 5, {{0, 0}, {1, 2}, {2, 2}, {3, 2}, {4, 3}}},
              {TFLITE_AVERAGE_POOL_2D, 1, {3}, 4, 5, 6, {{0, 1}, {1, 1}, {2, 1}, {3, 2}, {4, 2}, {5, 0}}},
              {TFLITE_MAX_POOL_2D, 1, {3}, 5, 5, 6, {{0, 1}, {1, 1}, {2, 1}, {3, 2}, {4, 2}, {5, 0}}},
              {TFLITE_CONCATENATION, 2, {4, 5}, 6, 10, 2, {{0, 3}, {1, 0}}},
              {TFLITE_AVERAGE_POOL_2D, 1, {6}, 7, 5, 6, {{0, 1}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {5, 0}}},
              {TFLITE_MUL, 2, {7, 6}, 8, 21, 1, {{0, 0}}},
              {TFLITE_ADD, 2, {8, 6}, 9, 11, 1, {{0, 1}}},
              {TFLITE_RESHAPE, 2, {9, 10}, 11},
              {TFLITE_FULLY_CONNECTED, 3, {11, 12, -1}, 13, 8, 1, {{0, 0}}}},
         .input = 0,
         .output = 13};
    memcpy(net.tensors[1].scale, scales, sizeof scales);
    net.tensors[7].scale[0] = 0.05f;
    net.tensors[7].zero_point = -128;
    struct imported *im = import(&net);
    assert_string_equal(im->message, "");
    static const enum qop expected[] = {QOP_DEPTHWISE, QOP_AVERAGE_POOL,   QOP_MAX_POOL,
                                        QOP_CONCAT,    QOP_AVERAGE_POOL,   QOP_MUL,
                                        QOP_ADD,       QOP_FULLY_CONNECTED};
    assert_int_equal(im->q->n_nodes, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(im->q->nodes[i].op, expected[i]);
    const struct qnode *first = &im->q->nodes[0], *mul = &im->q->nodes[5];
    assert_int_equal(first->window.pad_top, 1);
    assert_int_equal(first->window.pad_bottom, 1);
    assert_int_equal(first->act_max, -128 + 120);
    assert_int_equal(first->multiplier[3], 0);             /* too small for any product: the zero point */
    assert_int_equal(im->q->tensors[mul->inputs[0]].h, 2); /* the map first, the gate second */
    int8_t input[50], output[3], again[3], map[36], *tensors[12] = {NULL};
    for (int i = 0; i < 50; i++)
        input[i] = (int8_t)(i * 37 + 11);
    tensors[first->output] = map;
    assert_int_equal(qexec_run(im->q, input, output, tensors), 0);
    for (int i = 0; i < 9; i++)
        assert_int_equal(map[4 * i + 3], -128);
    struct scratch scratch;
    struct qmodel *read;
    scratch_create(&scratch);
    assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
    assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
    assert_int_equal(read->n_nodes, 8);
    assert_int_equal(read->nodes[4].op, QOP_AVERAGE_POOL); /* over the whole map, and still no MEAN */
    assert_int_equal(qexec_run(read, input, again, NULL), 0);
    assert_memory_equal(output, again, 3);
    scratch_remove(&scratch);
    release(im);

    net.n_operators = 10;
    net.operators[9] = (struct net_operator){TFLITE_SOFTMAX, 1, {13}, 14, 9, 1, {{0, 0, 1.0f}}};
    net.output = 14;
    im = import(&net);
    assert_string_equal(im->message, "");
    assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
    const int sum = output[0] + output[1] + output[2] + 3 * 128;
    assert_true(sum >= 254 && sum <= 258);
    release(im);
}

/* SUB of two maps, also through ONNX. */
static void test_subtract(void **state)
{
    (void)state;
    struct tflite_net net = unary(TFLITE_SUB, 0.05f, -3, 0.09f, 4);
    net.n_tensors = 4;
    net.tensors[2] = (struct net_tensor){"clipped", TFLITE_INT8, 4, {1, 1, 1, 1}, NULL, 0, 1, {0.03f}, 10};
    net.n_operators = 2;
    net.operators[1] = (struct net_operator){TFLITE_SUB, 2, {0, 2}, 1};
    net.operators[0] = (struct net_operator){TFLITE_RELU, 1, {0}, 2};
    net.n_tensors = 3;
    struct imported *im = import(&net);
    struct scratch scratch;
    struct qmodel *read;
    assert_string_equal(im->message, "");
    assert_int_equal(im->q->nodes[1].op, QOP_ADD);
    assert_true(im->q->nodes[1].subtract);
    scratch_create(&scratch);
    assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
    assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
    scratch_remove(&scratch);
    for (int x = -128; x < 128; x++) {
        int8_t q = (int8_t)x, clipped, answer, again, *tensors[3] = {NULL};
        tensors[im->q->nodes[0].output] = &clipped;
        assert_int_equal(qexec_run(im->q, &q, &answer, tensors), 0);
        assert_int_equal(qexec_run(read, &q, &again, NULL), 0);
        const double exact = (0.05 * (x + 3) - 0.03 * (clipped - 10)) / 0.09 + 4;
        assert_true(fabs(fmin(fmax(exact, -128), 127) - answer) < 0.76);
        assert_int_equal(answer, again);
    }
    release(im);
}

/* RESIZE_NEAREST_NEIGHBOR (1, 2, 3, 2) -> (1, 4, 5, 2) in TensorFlow's three ways, also through ONNX. */
static void test_resize(void **state)
{
    (void)state;
    static const int32_t size[2] = {4, 5};
    /* floor(x * in / out); floor((x + 1/2) * in / out); round(x * (in - 1) / (out - 1)) */
    static const int rows[3][4] = {{0, 0, 1, 1}, {0, 0, 1, 1}, {0, 0, 1, 1}},
                     columns[3][5] = {{0, 0, 1, 1, 2}, {0, 0, 1, 2, 2}, {0, 1, 1, 2, 2}};
    struct scratch scratch;
    scratch_create(&scratch);
    for (int way = 0; way < 3; way++) {
        struct tflite_net net = {
            .n_tensors = 3,
            .tensors = {{"in", TFLITE_INT8, 4, {1, 2, 3, 2}, NULL, 0, 1, {0.5f}, 3},
                        {"size", TFLITE_INT32, 1, {2}, size, sizeof size},
                        {"out", TFLITE_INT8, 4, {1, 4, 5, 2}, NULL, 0, 1, {0.5f}, 3}},
            .n_operators = 1,
            .operators =
                {{TFLITE_RESIZE_NEAREST_NEIGHBOR, 2, {0, 1}, 2, 74, 2, {{0, way == 2}, {1, way == 1}}}},
            .input = 0,
            .output = 2};
        struct imported *im = import(&net);
        struct qmodel *read;
        assert_string_equal(im->message, "");
        assert_int_equal(im->q->n_nodes, 1);
        int8_t input[12], output[40], again[40];
        for (int i = 0; i < 12; i++)
            input[i] = (int8_t)(10 * i - 60);
        assert_int_equal(qexec_run(im->q, input, output, NULL), 0);
        for (int i = 0; i < 40; i++)
            assert_int_equal(output[i], input[(rows[way][i / 10] * 3 + columns[way][i / 2 % 5]) * 2 + i % 2]);
        assert_int_equal(qdq_write(im->q, scratch_path(&scratch, "x.onnx")), 0);
        assert_int_equal(qdq_read(&read, scratch_path(&scratch, "x.onnx"), &im->arena), 0);
        assert_int_equal(qexec_run(read, input, again, NULL), 0);
        assert_memory_equal(output, again, 40);
        release(im);

        net.operators[0].options[0].value = net.operators[0].options[1].value = 1;
        im = import(&net);
        assert_int_equal(im->rc, EXIT_UNSUPPORTED);
        assert_non_null(strstr(im->message, "align_corners and half_pixel_centers together"));
        release(im);
        net.operators[0].options[0].value = 0;
        net.tensors[2].zero_point = 4;
        im = import(&net);
        assert_int_equal(im->rc, EXIT_UNSUPPORTED);
        assert_non_null(strstr(im->message, "into another scale"));
        release(im);
    }
    scratch_remove(&scratch);
}

static void test_lists_what_is_unsupported(void **state)
{
    (void)state;
    struct tflite_net net = unary(47, 0.1f, 0, 0.1f, 0);
    net.n_tensors = 4;
    net.tensors[2] = net.tensors[3] = net.tensors[1];
    net.tensors[2].name = "sum";
    net.tensors[3].name = "big";
    net.n_operators = 3;
    net.operators[1] = (struct net_operator){42, 2, {0, 1}, 2};
    net.operators[2] = (struct net_operator){23, 1, {2}, 3};
    net.output = 3;
    struct imported *im = import(&net);
    assert_int_equal(im->rc, EXIT_UNSUPPORTED);
    assert_non_null(
        strstr(im->message, "error: x.tflite: no int8 form for 3 operators:\n  operator 0, EXP 'out': "));
    assert_non_null(strstr(im->message, "\n  operator 1, DIV 'sum': no int8 kernel; "));
    assert_non_null(strstr(im->message, "\n  operator 2, RESIZE_BILINEAR 'big': "));
    release(im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_constant_operand),
                                       cmocka_unit_test(test_constant_is_add),
                                       cmocka_unit_test(test_channel_factors),
                                       cmocka_unit_test(test_tables_through_onnx),
                                       cmocka_unit_test(test_pad),
                                       cmocka_unit_test(test_borders_and_means),
                                       cmocka_unit_test(test_channel_summands),
                                       cmocka_unit_test(test_concatenation),
                                       cmocka_unit_test(test_concatenation_of_rows),
                                       cmocka_unit_test(test_network),
                                       cmocka_unit_test(test_subtract),
                                       cmocka_unit_test(test_resize),
                                       cmocka_unit_test(test_lists_what_is_unsupported)};
    return cmocka_run_group_tests_name("quant_tflite", tests, NULL, NULL);
}
