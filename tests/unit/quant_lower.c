/* qmodel_lower(): structure of hand-made models, and all that is refused at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "model/model.h"
#include "quant/qmodel.h"

static int add_conv(struct model *model, const char *name, int in, int oc, int k, int stride, int group,
                    int ic)
{
    struct arena *arena = model->arena;
    int w =
        model_add_constant(model, arena_printf(arena, "%s.w", name), shape_of(4, oc, k, k, ic / group), NULL);
    int b = model_add_constant(model, arena_printf(arena, "%s.b", name), shape_of(1, oc), NULL);
    struct node *node = model_add_node(model, OP_CONV, name, (int[]){in, w, b}, 3);
    node->window = (struct window){k, k, stride, stride, 1, 1, k / 2, k / 2, k / 2, k / 2};
    node->group = group;
    return node->output;
}

/* stem -> depthwise -> project + residual -> pool -> flatten -> gemm */
static struct model *small_net(struct arena *arena)
{
    struct model *model = model_create(arena, "small");
    int x = model_add_tensor(model, "image", shape_of(4, 1, 16, 16, 3));
    model_set_input(model, x);
    int stem = add_conv(model, "stem", x, 8, 3, 2, 1, 3);
    model->nodes[model->n_nodes - 1].act = ACT_CLIP;
    model->nodes[model->n_nodes - 1].act_max = 6;
    int dw = add_conv(model, "dw", stem, 8, 3, 1, 8, 8);
    model->nodes[model->n_nodes - 1].act = ACT_HARD_SWISH;
    int project = add_conv(model, "project", dw, 8, 1, 1, 1, 8);
    int sum = model_add_node(model, OP_ADD, "sum", (int[]){project, stem}, 2)->output;
    int pooled = model_add_node(model, OP_GLOBAL_AVERAGE_POOL, "pool", &sum, 1)->output;
    struct node *flatten = model_add_node(model, OP_FLATTEN, "flatten", &pooled, 1);
    flatten->axis = 1;
    int w = model_add_constant(model, "fc.w", shape_of(2, 10, 8), NULL);
    int fc = model_add_node(model, OP_GEMM, "fc", (int[]){flatten->output, w}, 2)->output;
    model_set_output(model, fc);
    assert_int_equal(shape_infer(model), 0);
    return model;
}

static void test_structure(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct model *model = small_net(&arena);
    struct qmodel *q;
    int *node_of, *tensor_of;
    assert_int_equal(qmodel_lower(&q, model, &arena, &node_of, &tensor_of), 0);
    static const enum qop expected[] = {QOP_CONV, QOP_DEPTHWISE, QOP_TABLE,          QOP_CONV,
                                        QOP_ADD,  QOP_MEAN,      QOP_FULLY_CONNECTED};
    assert_int_equal(q->n_nodes, 7);
    for (int i = 0; i < q->n_nodes; i++)
        assert_int_equal(q->nodes[i].op, expected[i]);
    assert_int_equal(q->n_tensors, 8);
    assert_int_equal(q->input, 0);
    assert_int_equal(q->output, q->nodes[6].output);
    assert_true(q->nodes[0].clip_min == 0 && q->nodes[0].clip_max == 6);
    assert_true(q->nodes[3].clip_min == -INFINITY && q->nodes[3].clip_max == INFINITY);
    assert_int_equal(q->nodes[1].n_weights, 72);
    assert_int_equal(q->nodes[6].n_weights, 80);
    assert_int_equal(q->nodes[2].table_function, ACT_HARD_SWISH);
    assert_int_equal(tensor_of[q->nodes[1].output], -1);
    assert_string_equal(model->tensors[tensor_of[q->nodes[2].output]].name,
                        model->tensors[model->nodes[1].output].name);
    assert_int_equal(node_of[2], 1);
    assert_int_equal(node_of[6], 6); /* flatten has none */
    const struct qtensor *stem = &q->tensors[q->nodes[0].output];
    assert_true(stem->h == 8 && stem->w == 8 && stem->c == 8 && stem->producer == 0);
    assert_int_equal(qtensor_bytes(stem), 512);
    for (int i = 0; i < q->n_nodes; i++)
        for (int k = 0; k < q->nodes[i].n_inputs; k++)
            assert_true(q->tensors[q->nodes[i].inputs[k]].producer < i);
    arena_release(&arena);
}

static void test_mul_broadcast_swaps(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct model *model = model_create(&arena, "gate");
    int x = model_add_tensor(model, "x", shape_of(4, 1, 6, 6, 4));
    model_set_input(model, x);
    int pooled = model_add_node(model, OP_GLOBAL_AVERAGE_POOL, "pool", &x, 1)->output;
    int gate = model_add_node(model, OP_SIGMOID, "gate", &pooled, 1)->output;
    int y = model_add_node(model, OP_MUL, "scale", (int[]){gate, x}, 2)->output;
    model_set_output(model, y);
    assert_int_equal(shape_infer(model), 0);
    struct qmodel *q;
    assert_int_equal(qmodel_lower(&q, model, &arena, NULL, NULL), 0);
    assert_int_equal(q->n_nodes, 3);
    assert_int_equal(q->nodes[2].op, QOP_MUL);
    assert_int_equal(q->nodes[2].inputs[0], q->input);
    arena_release(&arena);
}

/* Runs lower with stderr in a file and returns its text. */
static const char *lower_message(const struct model *model, struct arena *arena, int expected_rc)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(2);
    dup2(fileno(file), 2);
    struct qmodel *q;
    int rc = qmodel_lower(&q, model, arena, NULL, NULL);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    rewind(file);
    char *text = arena_alloc(arena, 4096);
    size_t n = fread(text, 1, 4095, file);
    text[n] = 0;
    fclose(file);
    assert_int_equal(rc, expected_rc);
    return text;
}

static void test_lists_all_unsupported(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct model *model = model_create(&arena, "odd");
    int x = model_add_tensor(model, "x", shape_of(4, 1, 8, 8, 8));
    model_set_input(model, x);
    int grouped = add_conv(model, "grouped", x, 8, 3, 1, 2, 8);
    int other = add_conv(model, "other", x, 8, 3, 1, 1, 8);
    struct node *pool = model_add_node(model, OP_AVERAGE_POOL, "padded_pool", &other, 1);
    pool->window = (struct window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    pool->count_include_pad = true;
    int product = model_add_node(model, OP_MATMUL, "product", (int[]){other, other}, 2)->output;
    int sum = model_add_node(model, OP_ADD, "sum", (int[]){grouped, product}, 2)->output;
    model_set_output(model, sum);
    assert_int_equal(shape_infer(model), 0);
    const char *text = lower_message(model, &arena, EXIT_UNSUPPORTED);
    assert_non_null(strstr(text, "no int8 form for 3 operators"));
    assert_non_null(strstr(text, "Conv 'grouped': grouped convolution; split it"));
    assert_non_null(strstr(text, "AveragePool 'padded_pool'"));
    assert_non_null(strstr(text, "MatMul 'product'"));
    assert_null(strstr(text, "'sum'")); /* a consequence, not a cause */
    arena_release(&arena);
}

static void test_concatenation(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct model *model = model_create(&arena, "join");
    int x = model_add_tensor(model, "x", shape_of(4, 1, 4, 6, 8));
    model_set_input(model, x);
    for (int axis = 1; axis <= 3; axis++) {
        struct node *node = model_add_node(model, OP_CONCAT, "join", (int[]){x, x}, 2);
        node->axis = axis;
        x = node->output;
    }
    model_set_output(model, x);
    assert_int_equal(shape_infer(model), 0);
    struct qmodel *q;
    assert_int_equal(qmodel_lower(&q, model, &arena, NULL, NULL), 0);
    assert_int_equal(q->n_nodes, 3);
    assert_int_equal(q->nodes[0].axis, CONCAT_ROWS);
    assert_int_equal(q->nodes[1].axis, CONCAT_COLUMNS);
    assert_int_equal(q->nodes[2].axis, CONCAT_CHANNELS);
    assert_int_equal(qnode_part(q, &q->nodes[0], 1).y, 4);
    assert_int_equal(qnode_part(q, &q->nodes[1], 1).x, 6);
    assert_int_equal(qnode_part(q, &q->nodes[2], 1).c, 8);
    assert_int_equal(q->tensors[q->output].h, 8);
    assert_int_equal(q->tensors[q->output].w, 12);
    assert_int_equal(q->tensors[q->output].c, 16);
    model->nodes[2].axis = 0;
    assert_int_equal(shape_infer(model), 0);
    assert_non_null(strstr(lower_message(model, &arena, EXIT_UNSUPPORTED), "images of a batch"));
    arena_release(&arena);
}

static void test_multiplier(void **state)
{
    (void)state;
    static const double values[] = {1e-9, 0.25, 0.3, 0.5, 0.99999999999, 1, 1.5, 3.7e5};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        int32_t m;
        int8_t shift;
        quantize_multiplier(values[i], &m, &shift);
        assert_true(m >= 1 << 30);
        assert_true(fabs(ldexp((double)m, shift - 31) / values[i] - 1) < 1e-9);
    }
    int32_t m;
    int8_t shift;
    quantize_multiplier(1, &m, &shift);
    assert_true(m == 1 << 30 && shift == 1);
    quantize_multiplier(1e-20, &m, &shift);
    assert_true(m == 0 && shift == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_mul_broadcast_swaps),
        cmocka_unit_test(test_lists_all_unsupported),
        cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_multiplier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
