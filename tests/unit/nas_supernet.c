/* supernet: reading, refusing, cutting, re-estimating; skeleton == extraction */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "boards/board.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"
#include "model/cost.h"
#include "model/exec.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "nas/supernet_parts.h"
#include "quant/qmodel.h"
#include "tests/unit/capture.h"
#include "tests/unit/nas_fixture.h"
#include "tests/unit/scratch.h"

static struct arena arena;
static struct supernet *tiny;
static struct board *board;

static int set_up(void **state)
{
    (void)state;
    int rc = supernet_from_model(&tiny, fixture_model(&arena, 1, NULL), "tiny", &arena);
    return rc ? rc : board_load(&board, "boards/stm32f746.yml", &arena);
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* n images at resolution r, smooth enough to be unlike noise. */
static float *images(int n, int r)
{
    float *out = ARENA_ARRAY(&arena, float, (size_t)n *(size_t)(r * r * 3));
    struct rng rng = rng_seeded(99);
    for (int i = 0; i < n; i++) {
        double a = rng_uniform(&rng) * 6, b = rng_uniform(&rng) * 6, c = rng_normal(&rng);
        for (int p = 0; p < r * r * 3; p++)
            out[(size_t)i * (size_t)(r * r * 3) + (size_t)p] =
                (float)(sin(a * (p / 3 % r) / r + p % 3) * cos(b * (p / 3 / r) / r + c) +
                        0.1 * rng_normal(&rng));
    }
    return out;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static void test_file(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_create(&scratch);
    const char *path = scratch_path(&scratch, "tiny.onnx");
    assert_int_equal(onnx_write(tiny->model, path), 0);
    struct supernet *read;
    assert_int_equal(supernet_read(&read, path, &arena), 0);
    assert_string_equal(read->name, "tiny");
    assert_int_equal(strlen(read->sha256), 64);
    assert_non_null(supernet_constant(read, "stage1.1.depthwise", ".transform_7to5"));
    for (int i = 0; i < tiny->model->n_tensors; i++) {
        const struct tensor *a = &tiny->model->tensors[i];
        if (!a->constant)
            continue;
        const struct tensor *b = supernet_constant(read, a->name, "");
        assert_non_null(b);
        assert_true(shape_equal(&a->shape, &b->shape));
        assert_memory_equal(a->data, b->data, (size_t)shape_elements(&a->shape) * sizeof(float));
    }
    scratch_remove(&scratch);
}

static struct tensor *tensor_named(struct model *model, const char *name)
{
    for (int i = 0; i < model->n_tensors; i++)
        if (strcmp(model->tensors[i].name, name) == 0)
            return &model->tensors[i];
    fail_msg("no tensor '%s'", name);
    return NULL;
}

static struct node *node_named(struct model *model, const char *name)
{
    for (int i = 0; i < model->n_nodes; i++)
        if (strcmp(model->nodes[i].name, name) == 0)
            return &model->nodes[i];
    fail_msg("no node '%s'", name);
    return NULL;
}

static void refuse(struct model *model, const char *message)
{
    struct capture capture;
    struct supernet *out;
    capture_start(&capture, STDERR_FILENO);
    int rc = supernet_from_model(&out, model, "file.onnx", &arena);
    const char *said = capture_end(&capture);
    if (rc != EXIT_INPUT || !strstr(said, message) || strncmp(said, "error: file.onnx: ", 18) != 0)
        fail_msg("wanted '%s': code %d, said: %s", message, rc, said);
    const char *newline = strchr(said, '\n');
    assert_true(newline && newline[1] == '\0'); /* one message */
}

static struct model *fresh(void)
{
    return fixture_model(&arena, 1, NULL);
}

static void test_missing_batch_norm(void **state)
{
    (void)state;
    refuse(fixture_model(&arena, 1, "stem"), "node 'stem' has no BatchNormalization 'stem.bn'");
    refuse(fixture_model(&arena, 1, "stage1.1.expand"), "node 'stage1.1.expand' has no BatchNormalization");
    refuse(fixture_model(&arena, 1, "stage2.1.project"), "node 'stage2.1.project' has no BatchNormalization");
    struct model *folded = fresh();
    assert_int_equal(passes_for_inference(folded), 0);
    refuse(folded, "node 'stem' has a bias: was its BatchNormalization folded?");
}

static void test_hostile_models(void **state)
{
    (void)state;
    struct model *model = fresh();
    model_set_metadata(model, "mcunet.supernet", "");
    refuse(model, "mcunet.supernet: line 1");
    model->n_metadata = 0;
    refuse(model, "not a supernet");

    model = fresh();
    tensor_named(model, "stage1.0.depthwise.weight")->shape.dim[0]--;
    refuse(
        model,
        "initializer 'stage1.0.depthwise.weight' is (47, 7, 7, 1), its description asks for (48, 7, 7, 1)");
    model = fresh();
    tensor_named(model, "stage1.1.depthwise.transform_7to5")->shape.dim[1] = 9;
    refuse(model, "'stage1.1.depthwise.transform_7to5' is (25, 9)");
    model = fresh();
    tensor_named(model, "head.bn.var")->shape.rank = 2;
    refuse(model, "'head.bn.var' is ");
    model = fresh();
    tensor_named(model, "classifier.bias")->shape.dim[0] = 11;
    refuse(model, "'classifier.bias' is (11)");
    model = fresh();
    tensor_named(model, "stage2.0.se.reduce.weight")->name = "other";
    refuse(model, "no initializer 'stage2.0.se.reduce.weight'");
    model = fresh();
    node_named(model, "stage1.2.project")->name = "other";
    refuse(model, "no Conv node 'stage1.2.project'");
    model = fresh();
    ((float *)tensor_named(model, "stem.weight")->data)[7] = NAN;
    refuse(model, "'stem.weight' has a value that is not finite");
    model = fresh();
    ((float *)tensor_named(model, "stem.bn.var")->data)[7] = -1;
    refuse(model, "'stem.bn.var' has a negative variance");

    const char *more = arena_printf(&arena, "%s", fixture_json);
    char *at = strstr(more, "\"classes\": 10");
    at[strlen("\"classes\": 1")] = '1';
    model = fresh();
    model_set_metadata(model, "mcunet.supernet", more);
    refuse(model, "'classifier.weight' is (10, 32), its description asks for (11, 32)");
    more = arena_printf(&arena, "%s", fixture_json);
    at = strstr(more, "[24, 32]");
    memcpy(at, "[24, 40]", 8);
    model = fresh();
    model_set_metadata(model, "mcunet.supernet", more);
    refuse(model, "'head.weight' is (32, 1, 1, 24), its description asks for (40, 1, 1, 24)");
}

/* Parts that are all there, wired or parametrised otherwise than described. */
static void test_wrong_graph(void **state)
{
    (void)state;
    struct model *model = fresh();
    node_named(model, "stage1.0.depthwise")->window.stride_h = 1;
    node_named(model, "stage1.0.depthwise")->window.stride_w = 1;
    assert_int_equal(shape_infer(model), 0);
    refuse(model, "node 'stage1.0.depthwise' (Conv)");
    model = fresh();
    node_named(model, "stage1.0.depthwise")->window.pad_left = 2;
    node_named(model, "stage1.0.depthwise")->window.pad_right = 4;
    refuse(model, "node 'stage1.0.depthwise' (Conv)");
    model = fresh();
    node_named(model, "stage1.0.expand.act")->act_max = INFINITY;
    refuse(model, "node 'stage1.0.expand' (Conv)");
    model = fresh();
    node_named(model, "stage2.0.se.expand.act")->alpha = 0.2f;
    refuse(model, "node 'stage2.0.se.expand' (Conv)");
    model = fresh();
    node_named(model, "stage1.2.add")->inputs[0] = node_named(model, "stage1.0.project.bn")->output;
    refuse(model, "node 'stage1.2.add' (Add)");
    model = fresh();
    model_set_output(model, node_named(model, "head.act")->output);
    refuse(model, "2 outputs");
}

/* ---- cutting ------------------------------------------------------------------------------------------- */

static void run(const struct model *model, const float *in, int batch, float *out)
{
    struct exec *exec;
    assert_int_equal(exec_create(&exec, model, &(struct exec_options){.batch = batch, .threads = 1}), 0);
    assert_int_equal(exec_run(exec, in), 0);
    memcpy(out, exec_output(exec, 0), (size_t)(batch * FIXTURE_CLASSES) * sizeof(float));
    exec_destroy(exec);
}

static void test_largest_is_the_file(void **state)
{
    (void)state;
    enum { BATCH = 4 };
    float a[BATCH * FIXTURE_CLASSES], b[BATCH * FIXTURE_CLASSES];
    const float *in = images(BATCH, FIXTURE_SIZE);
    struct subnet largest;
    struct model *model;
    subnet_largest(&largest, tiny);
    assert_int_equal(supernet_extract(&model, tiny, &largest, &arena), 0);
    run(tiny->model, in, BATCH, a);
    run(model, in, BATCH, b);
    assert_memory_equal(a, b, sizeof a);
    assert_true(a[0] != a[FIXTURE_CLASSES]); /* images do differ */
    assert_string_equal(model_get_metadata(model, "mcunet.subnet"), subnet_text(&largest, &arena));
    assert_non_null(model_get_metadata(model, "mcunet.preprocess"));
    assert_null(model_get_metadata(model, "mcunet.supernet"));
}

/* v' = v . M^T written out: the 3x3 of a 7x7 is crop, times (7to5), crop, times (5to3). */
static void test_kernel_transforms(void **state)
{
    (void)state;
    const char *name = "stage1.0.depthwise";
    const struct tensor *w = supernet_constant(tiny, name, ".weight");
    const float *m5 = supernet_constant(tiny, name, ".transform_7to5")->data,
                *m3 = supernet_constant(tiny, name, ".transform_5to3")->data;
    const float *got5 = slice_depthwise(tiny, name, 48, 5, &arena),
                *got3 = slice_depthwise(tiny, name, 48, 3, &arena);
    for (int c = 0; c < 48; c++) {
        double five[5][5], three[3][3];
        for (int y = 0; y < 5; y++)
            for (int x = 0; x < 5; x++) {
                five[y][x] = 0;
                for (int v = 0; v < 5; v++)
                    for (int u = 0; u < 5; u++)
                        five[y][x] +=
                            (double)w->data[c * 49 + (v + 1) * 7 + u + 1] * m5[(y * 5 + x) * 25 + v * 5 + u];
                assert_true(fabs(five[y][x] - got5[c * 25 + y * 5 + x]) < 1e-5);
            }
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < 3; x++) {
                three[y][x] = 0;
                for (int v = 0; v < 3; v++)
                    for (int u = 0; u < 3; u++)
                        three[y][x] += five[v + 1][u + 1] * m3[(y * 3 + x) * 9 + v * 3 + u];
                assert_true(fabs(three[y][x] - got3[c * 9 + y * 3 + x]) < 1e-5);
            }
    }
    /* no transform: centre crop; and fewer channels */
    w = supernet_constant(tiny, "stage1.2.depthwise", ".weight");
    got3 = slice_depthwise(tiny, "stage1.2.depthwise", 24, 3, &arena);
    for (int i = 0; i < 24 * 9; i++)
        assert_true(got3[i] == w->data[i / 9 * 49 + (i / 3 % 3 + 2) * 7 + i % 3 + 2]);
}

static void test_slices(void **state)
{
    (void)state;
    struct subnet subnet;
    struct model *model;
    assert_int_equal(subnet_parse(&subnet, "r24 w0 | 3x1 | 5x4 3x3 | 3x3", tiny), 0);
    assert_int_equal(supernet_extract(&model, tiny, &subnet, &arena), 0);
    const struct tensor *full = supernet_constant(tiny, "stage1.1.project", ".weight");
    const struct tensor *cut = tensor_named(model, "stage1.1.project.weight");
    struct shape expected = shape_of(4, 8, 1, 1, 24); /* width 0: 8 channels; 8 x 3 = 24 */
    assert_true(shape_equal(&cut->shape, &expected));
    for (int o = 0; o < 8; o++)
        for (int i = 0; i < 24; i++)
            assert_true(cut->data[o * 24 + i] == full->data[o * 96 + i]);
    const struct tensor *classifier = tensor_named(model, "classifier.weight");
    expected = shape_of(2, 10, 24);
    assert_true(shape_equal(&classifier->shape, &expected));
    assert_true(classifier->data[24] == supernet_constant(tiny, "classifier", ".weight")->data[32]);
    assert_true(node_named(model, "stem.bn")->epsilon == 1e-3f);
    assert_int_equal(model->tensors[model->inputs[0]].shape.dim[1], 24);
}

/* ---- skeleton == extraction ---------------------------------------------------------------------------- */

static void assert_same_qmodel(const struct qmodel *a, const struct qmodel *b)
{
    assert_int_equal(a->n_tensors, b->n_tensors);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->input, b->input);
    assert_int_equal(a->output, b->output);
    for (int i = 0; i < a->n_tensors; i++) {
        const struct qtensor *x = &a->tensors[i], *y = &b->tensors[i];
        assert_true(x->h == y->h && x->w == y->w && x->c == y->c && x->producer == y->producer);
    }
    for (int i = 0; i < a->n_nodes; i++) {
        const struct qnode *x = &a->nodes[i], *y = &b->nodes[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->op, y->op);
        assert_int_equal(x->n_inputs, y->n_inputs);
        assert_memory_equal(x->inputs, y->inputs, (size_t)x->n_inputs * sizeof(int));
        assert_int_equal(x->output, y->output);
        assert_memory_equal(&x->window, &y->window, sizeof x->window);
        assert_int_equal(x->n_weights, y->n_weights);
        assert_int_equal(x->table_function, y->table_function);
    }
}

static void assert_same_footprint(const struct qmodel *a, const struct qmodel *b)
{
    struct schedule x, y;
    struct footprint p, q;
    const struct plan_options options = {0};
    schedule_plan(&x, a, &options, &arena);
    schedule_plan(&y, b, &options, &arena);
    assert_int_equal(x.arena_bytes, y.arena_bytes);
    footprint_of(&p, a, &x, board);
    footprint_of(&q, b, &y, board);
    assert_memory_equal(&p, &q, sizeof p);
}

static void test_skeleton(void **state)
{
    (void)state;
    enum { SUBNETS = 200, IMAGES = 8 };
    for (int i = 0; i < SUBNETS; i++) {
        struct rng rng = rng_stream(3, (uint64_t)i);
        struct subnet subnet;
        struct model *extracted, *skeleton;
        struct qmodel *a, *b;
        subnet_random(&subnet, tiny, -1, -1, &rng);
        assert_int_equal(supernet_extract(&extracted, tiny, &subnet, &arena), 0);
        assert_int_equal(supernet_reestimate_bn(extracted, images(IMAGES, subnet.resolution), IMAGES, 1), 0);
        assert_int_equal(passes_for_inference(extracted), 0);
        assert_int_equal(supernet_skeleton(&skeleton, tiny, &subnet, &arena), 0);
        assert_int_equal(qmodel_lower(&a, extracted, &arena, NULL, NULL), 0);
        assert_int_equal(qmodel_lower(&b, skeleton, &arena, NULL, NULL), 0);
        assert_same_qmodel(a, b);
        assert_same_footprint(a, b);
        struct cost x = model_cost(extracted), y = model_cost(skeleton);
        assert_true(x.macs == y.macs && x.params == y.params && x.macs > 0);
    }
}

/* ---- BatchNormalization -------------------------------------------------------------------------------- */

/* The stem's convolution, written out: out (r/2, r/2, 16) of one image. */
static void stem_by_hand(const float *image, int r, const float *weights, double *out)
{
    for (int y = 0; y < r / 2; y++)
        for (int x = 0; x < r / 2; x++)
            for (int o = 0; o < 16; o++) {
                double sum = 0;
                for (int v = 0; v < 3; v++)
                    for (int u = 0; u < 3; u++)
                        for (int c = 0; c < 3; c++) {
                            int iy = 2 * y + v - 1, ix = 2 * x + u - 1;
                            if (iy >= 0 && ix >= 0 && iy < r && ix < r)
                                sum += (double)image[(iy * r + ix) * 3 + c] *
                                       weights[((o * 3 + v) * 3 + u) * 3 + c];
                        }
                out[(y * (r / 2) + x) * 16 + o] = sum;
            }
}

static void test_reestimate_by_hand(void **state)
{
    (void)state;
    enum { R = 16, N = 2 * SUPERNET_BN_BATCH + 5, PIXELS = R / 2 * (R / 2) };
    struct subnet subnet;
    struct model *model;
    subnet_largest(&subnet, tiny);
    subnet.resolution = R;
    assert_int_equal(supernet_extract(&model, tiny, &subnet, &arena), 0);
    const float *in = images(N, R), *weights = supernet_constant(tiny, "stem", ".weight")->data;
    double mean[16] = {0}, variance[16] = {0};
    double *maps = ARENA_ARRAY(&arena, double, (size_t)SUPERNET_BN_BATCH *PIXELS * 16);
    for (int batch = 0; batch < 2; batch++) {
        for (int i = 0; i < SUPERNET_BN_BATCH; i++)
            stem_by_hand(in + (batch * SUPERNET_BN_BATCH + i) * R * R * 3, R, weights,
                         maps + i * PIXELS * 16);
        for (int c = 0; c < 16; c++) {
            double sum = 0, squares = 0;
            int n = SUPERNET_BN_BATCH * PIXELS;
            for (int i = 0; i < n; i++)
                sum += maps[i * 16 + c];
            for (int i = 0; i < n; i++)
                squares += (maps[i * 16 + c] - sum / n) * (maps[i * 16 + c] - sum / n);
            mean[c] += sum / n / 2;
            variance[c] += squares / (n - 1) / 2;
        }
    }
    assert_int_equal(supernet_reestimate_bn(model, in, N, 0), 0);
    for (int c = 0; c < 16; c++) {
        assert_true(fabs(tensor_named(model, "stem.bn.mean")->data[c] - mean[c]) < 1e-5);
        assert_true(fabs(tensor_named(model, "stem.bn.var")->data[c] - variance[c]) <
                    1e-5 * (1 + variance[c]));
    }
    /* the supernet's own are untouched */
    assert_true(supernet_constant(tiny, "stem", ".bn.mean")->data[0] !=
                tensor_named(model, "stem.bn.mean")->data[0]);
}

static void test_reestimate_threads(void **state)
{
    (void)state;
    enum { N = 40 };
    struct subnet subnet;
    struct model *a, *b;
    assert_int_equal(subnet_parse(&subnet, "r24 w0 | 3x1 | 5x4 3x3 7x6 | 3x3 5x6", tiny), 0);
    assert_int_equal(supernet_extract(&a, tiny, &subnet, &arena), 0);
    assert_int_equal(supernet_extract(&b, tiny, &subnet, &arena), 0);
    const float *in = images(N, 24);
    assert_int_equal(supernet_reestimate_bn(a, in, N, 1), 0);
    assert_int_equal(supernet_reestimate_bn(b, in, N, 2), 0);
    for (int i = 0; i < a->n_tensors; i++)
        if (a->tensors[i].constant)
            assert_memory_equal(a->tensors[i].data, b->tensors[i].data,
                                (size_t)shape_elements(&a->tensors[i].shape) * sizeof(float));
    float out[N * FIXTURE_CLASSES];
    run(a, in, N, out);
    for (int i = 0; i < N * FIXTURE_CLASSES; i++)
        assert_true(isfinite(out[i]));
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    int rc = supernet_reestimate_bn(a, in, 1, 1);
    assert_non_null(strstr(capture_end(&capture), "2 images"));
    assert_int_equal(rc, EXIT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_missing_batch_norm),
        cmocka_unit_test(test_hostile_models),
        cmocka_unit_test(test_wrong_graph),
        cmocka_unit_test(test_largest_is_the_file),
        cmocka_unit_test(test_kernel_transforms),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_skeleton),
        cmocka_unit_test(test_reestimate_by_hand),
        cmocka_unit_test(test_reestimate_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
