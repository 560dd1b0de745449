/*
 * node_vectors.c - the ONNX backend test vectors (Debian: libonnx-testdata) against model/exec.
 *
 *     node_vectors DATA FOLDER [--update]
 *
 * Every folder of DATA/{node,pytorch-converted,pytorch-operator,simple} whose operators onnx_read() knows is
 * run in up to six ways: with the parameters as inputs and as initializers, each as read, after the passes,
 * and after onnx_write() and onnx_read(). Each way that can be read must give the recorded output.
 * FOLDER/node_vectors_N.expected lists every such folder of the vectors of operator set N (Debian 12: 17, 13:
 * 22) with how many ways passed, so that none vanishes unseen.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "model/exec.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/onnx_proto.h"
#include "model/passes.h"
#include "model/transpose.h"

enum { MAX_BYTES = 64 << 20, MAX_VALUES = 16 };

static const float RELATIVE = 1e-4f, ABSOLUTE = 1e-5f;

enum way { AS_READ, AFTER_PASSES, AFTER_WRITING, WAYS };

struct vector {
    const char *name;
    const char *folder;
    Onnx__ModelProto *proto;
    Onnx__TensorProto *inputs[MAX_VALUES], *outputs[MAX_VALUES];
    int n_inputs, n_outputs;
    int64_t operator_set;
    struct arena *arena;
};

/* ---- stderr of the functions under test, kept for the report ---- */

static int saved_stderr = -1, capture_fd = -1;

static void capture_start(void)
{
    fflush(stderr);
    capture_fd = memfd_create("stderr", 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(capture_fd, STDERR_FILENO);
}

static const char *capture_end(struct arena *arena)
{
    fflush(stderr);
    const off_t size = lseek(capture_fd, 0, SEEK_END);
    char *text = arena_alloc(arena, (size_t)size + 1);
    if (pread(capture_fd, text, (size_t)size, 0) != size)
        *text = '\0';
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(capture_fd);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* ---- reading ---- */

static bool is_known(const char *op)
{
    static const char *const known[] = {
#define IMPORT(onnx_op, function) #onnx_op,
#include "model/onnx_ops.inc"
#undef IMPORT
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], op) == 0)
            return true;
    return false;
}

static int read_tensors(Onnx__TensorProto **out, struct vector *v, const char *kind)
{
    int n = 0;
    for (; n < MAX_VALUES; n++) {
        const char *path = arena_printf(v->arena, "%s/test_data_set_0/%s_%d.pb", v->folder, kind, n);
        struct file file;
        if (!file_exists(path) || file_read(&file, path, MAX_BYTES, v->arena))
            break;
        out[n] = onnx__tensor_proto__unpack(NULL, file.size, file.data);
        if (!out[n])
            break;
    }
    return n;
}

static bool vector_open(struct vector *v)
{
    const char *path = arena_printf(v->arena, "%s/model.onnx", v->folder);
    struct file file;
    if (!file_exists(path) || file_read(&file, path, MAX_BYTES, v->arena) ||
        onnx_proto_parse(&v->proto, file.data, file.size, path))
        return false;
    for (size_t i = 0; i < v->proto->graph->n_node; i++)
        if (!is_known(v->proto->graph->node[i]->op_type))
            return false;
    /* Vectors of operator sets 1 to 6 are read as set 7: these operators mean the same, but for Add, Sub, Mul
     * and Gemm whose `broadcast` became numpy's rule. */
    for (size_t i = 0; i < v->proto->n_opset_import; i++) {
        if (v->proto->opset_import[i]->version < 7)
            v->proto->opset_import[i]->version = 7;
        if (v->proto->opset_import[i]->version > v->operator_set)
            v->operator_set = v->proto->opset_import[i]->version;
    }
    v->n_inputs = read_tensors(v->inputs, v, "input");
    v->n_outputs = read_tensors(v->outputs, v, "output");
    return v->proto->graph->n_node > 0;
}

static void vector_close(struct vector *v)
{
    for (int i = 0; i < v->n_inputs; i++)
        onnx__tensor_proto__free_unpacked(v->inputs[i], NULL);
    for (int i = 0; i < v->n_outputs; i++)
        onnx__tensor_proto__free_unpacked(v->outputs[i], NULL);
    onnx_proto_free(v->proto);
}

/* ---- one way of running ---- */

/* The model file's bytes, with every input but the first as an initializer when promote. */
static struct file packed(struct vector *v, bool promote)
{
    Onnx__GraphProto graph = *v->proto->graph;
    Onnx__ModelProto proto = *v->proto;
    proto.graph = &graph;
    if (promote) {
        const size_t n = graph.n_initializer;
        graph.initializer = ARENA_ARRAY(v->arena, Onnx__TensorProto *, n + (size_t)v->n_inputs);
        if (n)
            memcpy(graph.initializer, v->proto->graph->initializer, n * sizeof *graph.initializer);
        for (int i = 1; i < v->n_inputs && (size_t)i < graph.n_input; i++) {
            Onnx__TensorProto *constant = arena_copy(v->arena, v->inputs[i], sizeof **v->inputs);
            constant->name = graph.input[i]->name;
            graph.initializer[graph.n_initializer++] = constant;
        }
    }
    const size_t size = onnx__model_proto__get_packed_size(&proto);
    uint8_t *bytes = arena_alloc(v->arena, size + 1);
    onnx__model_proto__pack(&proto, bytes);
    return (struct file){bytes, size};
}

/* Data of a vector's tensor in the model's axis order; NULL when it is not float. */
static const float *stored_data(struct vector *v, const Onnx__TensorProto *tensor, struct shape *shape)
{
    const float *data;
    if (onnx_tensor_shape(shape, tensor, v->name) || onnx_tensor_floats(&data, tensor, v->name, v->arena))
        return NULL;
    if (shape->rank != 4)
        return data;
    float *moved = ARENA_ARRAY(v->arena, float, (size_t)shape_elements(shape));
    transpose_floats(moved, data, shape, NCHW_TO_NHWC);
    *shape = shape_transposed(shape, NCHW_TO_NHWC);
    return moved;
}

/* 0 or 1: matches; else a message was printed. */
static bool outputs_match(struct vector *v, const struct model *model, const struct exec *exec)
{
    for (int i = 0; i < model->n_outputs && i < v->n_outputs; i++) {
        struct shape shape;
        const float *expected = stored_data(v, v->outputs[i], &shape);
        const struct shape *got_shape = &model->tensors[model->outputs[i]].shape;
        if (!expected || !shape_equal(&shape, got_shape)) {
            printf("FAIL %s: output %d has shape %s, expected %s\n", v->name, i,
                   shape_text(got_shape, v->arena), shape_text(&shape, v->arena));
            return false;
        }
        const float *got = exec_output(exec, i);
        for (int64_t j = 0; j < shape_elements(&shape); j++) {
            if (!(fabsf(got[j] - expected[j]) <= ABSOLUTE + RELATIVE * fabsf(expected[j]))) {
                printf("FAIL %s: output %d[%lld] is %g, expected %g\n", v->name, i, (long long)j,
                       (double)got[j], (double)expected[j]);
                return false;
            }
        }
    }
    return true;
}

/* The passes without folding where a BatchNormalization stands alone. */
static int run_passes(struct model *model)
{
    int rc = pass_remove_dead(model);
    if (!rc)
        rc = pass_canonicalize(model);
    bool alone = false;
    for (int i = 0; i < model->n_nodes; i++)
        alone |= model->nodes[i].op == OP_BATCH_NORM;
    if (!rc && !alone)
        rc = pass_fold_batch_norm(model);
    if (!rc)
        rc = pass_fuse_activations(model);
    return rc ? rc : pass_remove_dead(model);
}

enum outcome { PASSED, FAILED, UNREAD };

static enum outcome run(struct vector *v, bool promote, enum way way, const char **reason)
{
    struct model *model;
    const struct file file = packed(v, promote);
    capture_start();
    int rc = onnx_parse(&model, file.data, file.size, v->name, v->arena);
    *reason = capture_end(v->arena);
    if (rc)
        return UNREAD;
    if (way == AFTER_PASSES)
        rc = run_passes(model);
    if (way == AFTER_WRITING) {
        char path[] = "/tmp/node_vectors_XXXXXX";
        const int fd = mkstemp(path);
        rc = fd < 0 || onnx_write(model, path) || onnx_read(&model, path, v->arena);
        if (fd >= 0)
            close(fd);
        unlink(path);
    }
    struct exec *exec = NULL;
    if (!rc)
        rc = exec_create(&exec, model, &(struct exec_options){.batch = 1, .threads = 1});
    const float *inputs[MAX_VALUES];
    for (int i = 0; !rc && i < model->n_inputs; i++) {
        struct shape shape;
        inputs[i] = i < v->n_inputs ? stored_data(v, v->inputs[i], &shape) : NULL;
        rc = !inputs[i] || !shape_equal(&shape, &model->tensors[model->inputs[i]].shape);
    }
    if (!rc)
        rc = exec_run_inputs(exec, inputs);
    if (rc)
        printf("FAIL %s: way %d does not run\n", v->name, (int)way + (promote ? WAYS : 0));
    const bool passed = !rc && outputs_match(v, model, exec);
    exec_destroy(exec);
    return passed ? PASSED : FAILED;
}

/* Appends the vector's line to the report; false when a way failed. */
static bool run_vector(struct vector *v, struct strbuf *report, int *n_passed, int *n_skipped)
{
    int passed = 0, failed = 0;
    const char *reason = "", *last = "";
    for (int promote = 0; promote < 2; promote++)
        for (int way = 0; way < WAYS; way++) {
            if (promote && v->n_inputs < 2)
                continue;
            const enum outcome outcome = run(v, promote, (enum way)way, &last);
            passed += outcome == PASSED;
            failed += outcome == FAILED;
            if (outcome == UNREAD)
                reason = last;
        }
    if (failed) {
        strbuf_addf(report, "%s fail\n", v->name);
    } else if (passed) {
        strbuf_addf(report, "%s pass %d\n", v->name, passed);
        ++*n_passed;
    } else {
        strbuf_addf(report, "%s skip\n", v->name);
        printf("skip %s\n", reason);
        ++*n_skipped;
    }
    return !failed;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What passed is what passed when the list was written; with update, writes the list. */
static int compare_with_list(const struct strbuf *report, const char *folder, int64_t operator_set,
                             bool update)
{
    struct arena arena = ARENA_INIT;
    struct file expected;
    const char *path = arena_printf(&arena, "%s/node_vectors_%lld.expected", folder, (long long)operator_set);
    int rc = 0;
    if (update) {
        rc = file_write(path, strbuf_text(report), report->length);
    } else if (!file_exists(path)) {
        printf("no list of the vectors of operator set %lld: only what is read was checked\n",
               (long long)operator_set);
    } else if (file_read(&expected, path, MAX_BYTES, &arena) || expected.size != report->length ||
               memcmp(expected.data, strbuf_text(report), report->length) != 0) {
        const char *actual = "node_vectors.actual";
        (void)file_write(actual, strbuf_text(report), report->length);
        printf("FAIL: results differ from %s; they are in %s\n", path, actual);
        rc = 1;
    }
    arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"node", "pytorch-converted", "pytorch-operator", "simple"};
    if (argc < 3)
        return error_usage("node_vectors DATA FOLDER [--update]");
    if (!folder_exists(argv[1])) {
        printf("SKIP: '%s' is not there (Debian package libonnx-testdata)\n", argv[1]);
        return 77;
    }
    struct strbuf report = STRBUF_INIT;
    int n_passed = 0, n_skipped = 0;
    int64_t operator_set = 0;
    bool ok = true;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct dirent **entries;
        struct strbuf folder = STRBUF_INIT;
        strbuf_addf(&folder, "%s/%s", argv[1], folders[f]);
        const int n = scandir(strbuf_text(&folder), &entries, NULL, by_name);
        for (int i = 0; i < n; i++) {
            struct arena arena = ARENA_INIT;
            struct vector v = {
                .name = arena_printf(&arena, "%s/%s", folders[f], entries[i]->d_name),
                .folder = arena_printf(&arena, "%s/%s", strbuf_text(&folder), entries[i]->d_name),
                .arena = &arena,
            };
            if (strncmp(entries[i]->d_name, "test_", 5) == 0 && vector_open(&v))
                ok &= run_vector(&v, &report, &n_passed, &n_skipped);
            if (v.operator_set > operator_set)
                operator_set = v.operator_set;
            vector_close(&v);
            arena_release(&arena);
            free(entries[i]);
        }
        if (n >= 0)
            free(entries);
        strbuf_release(&folder);
    }
    printf("%d vectors passed, %d skipped\n", n_passed, n_skipped);

    const bool update = argc > 3 && strcmp(argv[3], "--update") == 0;
    const int rc = compare_with_list(&report, argv[2], operator_set, update);
    strbuf_release(&report);
    return ok ? rc : 1;
}
