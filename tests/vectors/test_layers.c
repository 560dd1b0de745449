/*
 * test_layers.c - official int8 networks through qmodel_from_tflite() and the reference kernels: every
 * layer's bytes against what TensorFlow Lite Micro's reference kernels gave for the input pat1.
 *
 * A line of <net>.pat1.layers.txt is one operator of the .tflite file, in its order (QUANTIZE and DEQUANTIZE
 * at the borders left out): output shape, CRC-32 (zlib), sum and first values. PAD, RESHAPE and TRANSPOSE
 * have no node in our graph; struct tflite_view says which tensor they are part of and how it is laid out, so
 * their bytes are put together here and compared like all others: nothing in the list is left out. <net>_ns
 * is the same network without its final SOFTMAX.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "model/tflite.h"
#include "quant/qdq.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

static const char *shared(struct arena *arena, const char *format, const char *name)
{
    const char *root = getenv("MCUNET_SHARED");
    return path_join(arena, root && *root ? root : "../shared", arena_printf(arena, format, name));
}

struct layer {
    char name[32];
    int dim[4], rank;
    uint32_t crc;
    long sum;
    int first[8], n_first;
};

/* "OP 0 conv3x3 in [1, 2] out [1, 2] crc32 0a sum -3 first 1 2"; false at the end. */
static bool read_layer(FILE *file, struct layer *layer)
{
    char line[512];
    if (!fgets(line, sizeof line, file))
        return false;
    *layer = (struct layer){.rank = 0};
    assert_int_equal(sscanf(line, "OP %*d %31s", layer->name), 1);
    char *at = strstr(line, " out [");
    assert_non_null(at);
    for (at += 6; *at != ']'; at += strspn(at, ", ")) {
        assert_true(layer->rank < 4);
        layer->dim[layer->rank++] = (int)strtol(at, &at, 10);
    }
    at = strstr(at, "crc32 ");
    layer->crc = (uint32_t)strtoul(at + 6, &at, 16);
    at = strstr(at, "sum ");
    layer->sum = strtol(at + 4, &at, 10);
    at = strstr(at, "first");
    for (at += 5; *at && *at != '\n' && layer->n_first < 8;)
        layer->first[layer->n_first++] = (int)strtol(at, &at, 10);
    return true;
}

static int8_t *read_numbers(const char *path, int64_t n, struct arena *arena)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    int8_t *values = arena_alloc(arena, (size_t)n);
    int value;
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(fscanf(file, "%d", &value), 1);
        values[i] = (int8_t)value;
    }
    assert_int_equal(fscanf(file, "%d", &value), EOF);
    fclose(file);
    return values;
}

/* The bytes of a tensor of the file, from the qtensor that its view names. */
static int8_t *put_together(const struct tflite_tensor *tensor, const struct tflite_view *view,
                            const struct qtensor *q, const int8_t *data, struct arena *arena)
{
    const int64_t n = shape_elements(&tensor->shape);
    int8_t *bytes = arena_alloc(arena, (size_t)n);
    int wide = 0;
    for (int i = 0; i < tensor->shape.rank; i++)
        wide += view->axis[i] == AXIS_C && tensor->shape.dim[i] > 1;
    for (int64_t k = 0; k < n; k++) {
        int at[4] = {0};
        int64_t rest = k;
        for (int i = tensor->shape.rank - 1; i >= 0; i--) {
            if (tensor->shape.dim[i] > 1)
                at[view->axis[i]] = (int)(rest % tensor->shape.dim[i]);
            rest /= tensor->shape.dim[i];
        }
        const int y = at[AXIS_H] - view->pad_top, x = at[AXIS_W] - view->pad_left;
        if (wide == 1 && qtensor_bytes(q) == n && q->c != n && at[AXIS_C] >= q->c)
            bytes[k] = data[k]; /* flattened */
        else if (y < 0 || x < 0 || y >= q->h || x >= q->w)
            bytes[k] = (int8_t)q->zero_point;
        else
            bytes[k] = data[((int64_t)y * q->w + x) * q->c + at[AXIS_C]];
    }
    return bytes;
}

static bool same(const struct layer *layer, const struct tflite_tensor *tensor, const int8_t *bytes)
{
    const int64_t n = shape_elements(&tensor->shape);
    long sum = 0;
    bool equal = layer->rank == tensor->shape.rank;
    for (int i = 0; i < layer->rank; i++)
        equal = equal && layer->dim[i] == tensor->shape.dim[i];
    for (int64_t i = 0; i < n; i++)
        sum += bytes[i];
    for (int i = 0; i < layer->n_first; i++)
        equal = equal && i < n && layer->first[i] == bytes[i];
    return equal && sum == layer->sum && layer->crc == (uint32_t)crc32(0, (const Bytef *)bytes, (uInt)n);
}

struct net {
    const char *vectors, *model;
};

static bool at_the_border(const struct tflite *file, const struct tflite_operator *op)
{
    return (op->code == TFLITE_QUANTIZE && file->tensors[op->inputs[0]].type != TFLITE_INT8) ||
           op->code == TFLITE_DEQUANTIZE;
}

/* `mcunet import` keeps the integers. */
static void compare_onnx(const struct qmodel *q, const int8_t *input, const int8_t *output,
                         struct arena *arena)
{
    const size_t bytes = (size_t)qtensor_bytes(&q->tensors[q->output]);
    struct qmodel *read;
    char path[] = "/tmp/mcunet-test-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(qdq_write(q, path), 0);
    assert_int_equal(qdq_read(&read, path, arena), 0);
    unlink(path);
    assert_int_equal(read->n_nodes, q->n_nodes);
    int8_t *again = arena_alloc(arena, bytes);
    assert_int_equal(qexec_run(read, input, again, NULL), 0);
    assert_memory_equal(output, again, bytes);
}

static void test_net(void **state)
{
    const struct net *net = *state;
    struct arena arena = ARENA_INIT;
    struct tflite *file;
    struct tflite_view *views;
    struct qmodel *q;
    const char *model = shared(&arena, "data/models/%s", net->model);
    const char *layers = shared(&arena, "data/vectors/%s.pat1.layers.txt", net->vectors);
    if (!file_exists(model) || !file_exists(layers)) {
        printf("%s: no %s, skipped\n", net->vectors, file_exists(model) ? layers : model);
        arena_release(&arena);
        skip();
    }
    assert_int_equal(tflite_read(&file, model, &arena), 0);
    assert_int_equal(qmodel_from_tflite(&q, file, &arena, &views), 0);
    int8_t **tensors = ARENA_ARRAY(&arena, int8_t *, (size_t)q->n_tensors);
    for (int t = 0; t < q->n_tensors; t++)
        tensors[t] = arena_alloc(&arena, (size_t)qtensor_bytes(&q->tensors[t]));
    const int64_t in_bytes = qtensor_bytes(&q->tensors[q->input]);
    const int8_t *input =
        read_numbers(shared(&arena, "data/vectors/%s.pat1.in.txt", net->vectors), in_bytes, &arena);
    for (int64_t i = 0; i < in_bytes; i++)
        assert_int_equal(input[i], (int8_t)((i * 37 + 11) % 256 - 128));
    int8_t *output = arena_alloc(&arena, (size_t)qtensor_bytes(&q->tensors[q->output]));
    assert_int_equal(qexec_run(q, input, output, tensors), 0);

    FILE *lines = fopen(layers, "r");
    assert_non_null(lines);
    struct layer layer;
    int n = 0, matched = 0, folded = 0, op = 0;
    const int8_t *last = NULL;
    int64_t last_bytes = 0;
    while (read_layer(lines, &layer)) {
        while (op < file->n_operators && at_the_border(file, &file->operators[op]))
            op++;
        assert_true(op < file->n_operators);
        const int id = file->operators[op++].outputs[0];
        const struct tflite_view *view = &views[id];
        assert_true(view->qtensor >= 0);
        const struct qtensor *tensor = &q->tensors[view->qtensor];
        int8_t *bytes = put_together(&file->tensors[id], view, tensor, tensors[view->qtensor], &arena);
        const bool equal = same(&layer, &file->tensors[id], bytes);
        if (!equal)
            printf("%s: layer %d, %s '%s' differs\n", net->vectors, n, layer.name, file->tensors[id].name);
        matched += equal;
        const int before = file->operators[op - 1].inputs[0];
        folded += views[before].qtensor == view->qtensor;
        n++;
        last = bytes;
        last_bytes = shape_elements(&file->tensors[id].shape);
    }
    fclose(lines);
    printf("%-10s %3d of %3d layers equal (%d of them without a node of their own)\n", net->vectors, matched,
           n, folded);
    assert_true(n > 0);
    assert_int_equal(matched, n);
    const int8_t *expected =
        read_numbers(shared(&arena, "data/vectors/%s.pat1.out.txt", net->vectors), last_bytes, &arena);
    assert_memory_equal(expected, last, (size_t)last_bytes);
    if (!strstr(net->vectors, "_ns"))
        assert_memory_equal(expected, output, (size_t)last_bytes);
    compare_onnx(q, input, output, &arena);
    arena_release(&arena);
}

int main(void)
{
    static const struct net nets[] = {{"in4", "mcunet-in4_512kb-2mb_imagenet.tflite"},
                                      {"vww_i8", "tinyengine_vww_80x80.tflite"},
                                      {"mlpvww", "mlperf_vww_96_int8.tflite"},
                                      {"mlpvww_ns", "mlperf_vww_96_int8.tflite"},
                                      {"mlpkws", "mlperf_kws_ref_model.tflite"},
                                      {"mlpkws_ns", "mlperf_kws_ref_model.tflite"},
                                      {"mlpic", "mlperf_pretrainedResnet_quant.tflite"},
                                      {"mlpic_ns", "mlperf_pretrainedResnet_quant.tflite"},
                                      {"mlpad", "mlperf_ad01_int8.tflite"}};
    enum { N = sizeof nets / sizeof nets[0] };
    struct CMUnitTest tests[N];
    for (int i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){nets[i].vectors, test_net, NULL, NULL, (void *)&nets[i]};
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
