/*
 * qdq_cases.c - writes what qdq_compare.cjs checks: QDQ networks, inputs and the int8 outputs of qexec.
 *
 *     qdq_cases OUT                          small random nets with every operator
 *     qdq_cases OUT MODEL DATASET IMAGES     MODEL quantized on 64 images of DATASET, on IMAGES others
 *
 * The same files as onnxruntime_cases.c. OUT/<name>.in holds the images as the int8 network sees them
 * (dequantised), so that the rounding of the input is not what is compared; OUT/<name>.out the dequantised
 * outputs; the last column of cases.tsv is the output's scale.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/quant_fixture.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "datasets/dataset.h"
#include "datasets/preprocess.h"
#include "model/onnx.h"
#include "quant/qdq.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/quantize.h"

enum { CALIBRATION = 64 };

static int write_case(struct strbuf *list, const char *folder, const char *name, const struct qmodel *q,
                      const float *images, const int32_t *labels, int n)
{
    struct arena arena = ARENA_INIT;
    const struct qtensor *in = &q->tensors[q->input], *out = &q->tensors[q->output];
    const int64_t pixels = (int64_t)in->h * in->w, in_bytes = qtensor_bytes(in),
                  out_bytes = qtensor_bytes(out);
    int8_t *inputs = arena_array(&arena, (size_t)n, (size_t)in_bytes);
    int8_t *outputs = arena_array(&arena, (size_t)n, (size_t)out_bytes);
    float *seen = ARENA_ARRAY(&arena, float, (size_t)(n * in_bytes));
    float *expected = ARENA_ARRAY(&arena, float, (size_t)(n * out_bytes));
    for (int i = 0; i < n; i++)
        qexec_quantize_input(q, images + i * in_bytes, inputs + i * in_bytes);
    int rc = qexec_run_batch(q, inputs, n, outputs, 0);
    for (int64_t i = 0; i < n * in_bytes; i++) { /* to (n, c, h, w) */
        const int64_t image = i / in_bytes, pixel = i % in_bytes / in->c, c = i % in->c;
        seen[image * in_bytes + c * pixels + pixel] = in->scale * (float)(inputs[i] - in->zero_point);
    }
    for (int64_t i = 0; i < n * out_bytes; i++)
        expected[i] = out->scale * (float)(outputs[i] - out->zero_point);
    const char *network = arena_printf(&arena, "%s/%s.onnx", folder, name);
    if (!rc)
        rc = qdq_write(q, network);
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.in", folder, name), seen,
                        (size_t)(n * in_bytes) * sizeof(float));
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.out", folder, name), expected,
                        (size_t)(n * out_bytes) * sizeof(float));
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.labels", folder, name), labels,
                        (size_t)n * sizeof(*labels));
    strbuf_addf(list, "%s\t%s\t%d\t%lld\t%d\t%d\t%d\t%.9g\n", name, network, n, (long long)out_bytes, in->c,
                in->h, in->w, (double)out->scale);
    arena_release(&arena);
    return rc;
}

static int write_random_nets(struct strbuf *list, const char *folder)
{
    enum { IMAGES = 20 };
    int rc = 0;
    for (uint64_t seed = 1; seed <= 8 && !rc; seed++) {
        struct arena arena = ARENA_INIT;
        struct model *model = fixture_model(&arena, seed, seed % 4 == 0);
        struct quantize_options options = QUANTIZE_DEFAULTS;
        struct qmodel *q;
        int32_t labels[IMAGES];
        for (int i = 0; i < IMAGES; i++)
            labels[i] = -1;
        options.quiet = true;
        rc = shape_infer(model);
        if (!rc)
            rc = passes_for_inference(model);
        if (!rc)
            rc = quantize(&q, model, fixture_images(&arena, 1, CALIBRATION), CALIBRATION, &options, &arena);
        if (!rc)
            rc = write_case(list, folder, arena_printf(&arena, "random%d", (int)seed), q,
                            fixture_images(&arena, 2, IMAGES), labels, IMAGES);
        arena_release(&arena);
    }
    return rc;
}

static int write_real_net(struct strbuf *list, const char *folder, const char *network, const char *set,
                          int n)
{
    struct arena arena = ARENA_INIT;
    struct model *model;
    struct dataset *dataset = NULL;
    const struct preprocess preprocess = PREPROCESS_MCUNET;
    int rc = onnx_read(&model, network, &arena);
    if (!rc)
        rc = passes_for_inference(model);
    if (!rc)
        rc = dataset_open(&dataset, set,
                          &(struct dataset_options){.split = SPLIT_ALL, .limit = CALIBRATION + n});
    if (!rc && (n < 1 || dataset_count(dataset) < CALIBRATION + n))
        rc = error_usage("'%s' has %d images, 1 to %d can be compared", set, dataset_count(dataset),
                         dataset_count(dataset) - CALIBRATION);
    if (!rc) {
        const struct shape *image = &model->tensors[model->inputs[0]].shape;
        const int64_t elements = shape_elements(image);
        struct quantize_options options = QUANTIZE_DEFAULTS;
        struct qmodel *q;
        float *images = ARENA_ARRAY(&arena, float, (size_t)((CALIBRATION + n) * elements));
        int32_t *labels = ARENA_ARRAY(&arena, int32_t, (size_t)n);
        for (int i = 0; i < n; i++)
            labels[i] = dataset_label(dataset, CALIBRATION + i);
        options.quiet = true;
        options.input_scale = 2.0f / 255;
        options.input_zero_point = -1;
        rc = dataset_load(dataset, 0, CALIBRATION + n, &preprocess, image->dim[1], images, 0);
        if (!rc)
            rc = quantize(&q, model, images, CALIBRATION, &options, &arena);
        if (!rc)
            rc = write_case(list, folder, "real", q, images + CALIBRATION * elements, labels, n);
    }
    if (dataset)
        dataset_close(dataset);
    arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        return error_usage("qdq_cases OUT [MODEL DATASET IMAGES]");
    struct strbuf list = STRBUF_INIT;
    struct arena arena = ARENA_INIT;
    int rc = folder_create(argv[1]);
    if (!rc)
        rc = argc == 2 ? write_random_nets(&list, argv[1])
                       : write_real_net(&list, argv[1], argv[2], argv[3], atoi(argv[4]));
    if (!rc)
        rc = file_write(path_join(&arena, argv[1], "cases.tsv"), strbuf_text(&list), list.length);
    arena_release(&arena);
    strbuf_release(&list);
    return rc;
}
