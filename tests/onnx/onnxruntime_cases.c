/*
 * onnxruntime_cases.c - writes what onnxruntime_compare.mjs checks: networks, inputs and the logits exec
 * computes.
 *
 *     onnxruntime_cases OUT                          random nets, written by onnx_write()
 *     onnxruntime_cases OUT MODEL DATASET IMAGES     a real net on images, preprocessed as MCUNet's
 *
 * OUT/cases.tsv has a line per case: name, network, images, classes, input channels, height, width, rows per
 * image. OUT/<name>.in holds the images in ONNX's order (n, c, h, w), OUT/<name>.out the logits,
 * OUT/<name>.labels the labels (int32; -1: none).
 */
#include <stdio.h>

#include "../unit/model_fixture.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "datasets/dataset.h"
#include "datasets/preprocess.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "model/transpose.h"

static int write_case(struct strbuf *list, const char *folder, const char *name, const char *network,
                      const struct model *model, const float *images, const int32_t *labels, int n)
{
    struct arena arena = ARENA_INIT;
    const struct shape image = model->tensors[model->inputs[0]].shape;
    struct shape batch = image;
    batch.dim[0] = n;
    const int64_t classes = shape_elements(&model->tensors[model->outputs[0]].shape);
    struct exec *exec;
    int rc = exec_create(&exec, model, &(struct exec_options){.batch = n});
    if (rc)
        return rc;
    rc = exec_run(exec, images);
    float *onnx_order = ARENA_ARRAY(&arena, float, (size_t)shape_elements(&batch));
    transpose_floats(onnx_order, images, &batch, NHWC_TO_NCHW);
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.in", folder, name), onnx_order,
                        (size_t)shape_elements(&batch) * sizeof(float));
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.out", folder, name), exec_output(exec, 0),
                        (size_t)(n * classes) * sizeof(float));
    if (!rc)
        rc = file_write(arena_printf(&arena, "%s/%s.labels", folder, name), labels,
                        (size_t)n * sizeof *labels);
    strbuf_addf(list, "%s\t%s\t%d\t%lld\t%d\t%d\t%d\n", name, network, n, (long long)classes, image.dim[3],
                image.dim[1], image.dim[2]);
    exec_destroy(exec);
    arena_release(&arena);
    return rc;
}

static int write_random_nets(struct strbuf *list, const char *folder)
{
    enum { IMAGES = 4 };
    int rc = 0;
    for (uint64_t seed = 0; seed < 8 && !rc; seed++) {
        struct net net;
        net_random_mobile(&net, seed);
        if (seed % 2)
            rc = passes_for_inference(net.model);
        const char *name = arena_printf(&net.arena, "random%d", (int)seed);
        const char *network = arena_printf(&net.arena, "%s/%s.onnx", folder, name);
        const int64_t n = shape_elements(&net.model->tensors[net.model->inputs[0]].shape) * IMAGES;
        const float *images = random_floats(&net.arena, &net.rng, n, -1, 1);
        const int32_t labels[IMAGES] = {-1, -1, -1, -1};
        if (!rc)
            rc = onnx_write(net.model, network);
        if (!rc)
            rc = write_case(list, folder, name, network, net.model, images, labels, IMAGES);
        net_release(&net);
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
        rc = dataset_open(&dataset, set, &(struct dataset_options){.split = SPLIT_ALL, .limit = n});
    if (!rc) {
        if (n == 0)
            n = dataset_count(dataset);
        const struct shape *image = &model->tensors[model->inputs[0]].shape;
        float *images = ARENA_ARRAY(&arena, float, (size_t)(n * shape_elements(image)));
        int32_t *labels = ARENA_ARRAY(&arena, int32_t, (size_t)n);
        for (int i = 0; i < n; i++)
            labels[i] = dataset_label(dataset, i);
        rc = dataset_load(dataset, 0, n, &preprocess, image->dim[1], images, 0);
        if (!rc)
            rc = write_case(list, folder, "real", network, model, images, labels, n);
    }
    if (dataset)
        dataset_close(dataset);
    arena_release(&arena);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 5)
        return error_usage("onnxruntime_cases OUT [MODEL DATASET IMAGES]");
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
