#include "cli/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "datasets/dataset.h"
#include "model/model.h"
#include "model/onnx.h"
#include "model/passes.h"
#include "model/tflite.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "quant/qdq.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"

static const char *qmodel_metadata(const struct qmodel *qmodel, const char *key)
{
    for (int i = 0; i < qmodel->n_metadata; i++)
        if (!strcmp(qmodel->metadata[i].key, key))
            return qmodel->metadata[i].value;
    return NULL;
}

static int take_preprocess(struct preprocess *out, bool *known, const char *own, const char *override)
{
    *out = (struct preprocess)PREPROCESS_MCUNET;
    const char *text = override && *override ? override : own;
    *known = text != NULL;
    return text ? preprocess_parse(out, text) : 0;
}

int network_preprocess(struct preprocess *out, bool *known, const struct model *model, const char *override)
{
    return take_preprocess(out, known, model_get_metadata(model, "mcunet.preprocess"), override);
}

/* What an int8 network takes and gives. */
static int describe_int8(struct network *out, const char *preprocess)
{
    const struct qmodel *q = out->qmodel;
    const struct qtensor *in = &q->tensors[q->input];
    out->resolution = in->h == in->w && in->c == 3 ? in->h : 0;
    out->classes = q->tensors[q->output].c;
    return take_preprocess(&out->preprocess, &out->preprocess_known, qmodel_metadata(q, "mcunet.preprocess"), preprocess);
}

static int load_int8(struct network *out, const char *path, const char *preprocess, struct arena *arena)
{
    int rc = qdq_read(&out->qmodel, path, arena);
    return rc ? rc : describe_int8(out, preprocess);
}

/* What a float network takes and gives, after the passes. */
static int describe_float(struct network *out, const char *path, const char *preprocess)
{
    struct model *model = out->model;
    int rc = passes_for_inference(model);
    if (rc)
        return rc;
    if (model->n_inputs != 1 || model->n_outputs != 1)
        return error_input("'%s' has %d inputs and %d outputs, expected one of each", path, model->n_inputs, model->n_outputs);
    const struct shape *in = &model->tensors[model->inputs[0]].shape;
    const struct shape *logits = &model->tensors[model->outputs[0]].shape;
    out->resolution = in->rank == 4 && in->dim[0] == 1 && in->dim[1] == in->dim[2] && in->dim[3] == 3 ? in->dim[1] : 0;
    out->classes = logits->rank ? logits->dim[logits->rank - 1] : 0;
    return network_preprocess(&out->preprocess, &out->preprocess_known, model, preprocess);
}

static int load_float(struct network *out, const char *path, const char *preprocess, struct arena *arena)
{
    int rc = onnx_read(&out->model, path, arena);
    if (rc)
        return rc;
    if (model_get_metadata(out->model, "mcunet.supernet"))
        return error_usage("'%s' is a supernet: name a subnet of it with --subnet", path);
    return describe_float(out, path, preprocess);
}

/* TensorFlow Lite has no place for the transform, but quantized inputs show what the pixels are: p becomes p - 128. */
static struct preprocess pixels_as_int8(const struct qtensor *input)
{
    struct preprocess preprocess = PREPROCESS_MCUNET;
    for (int i = 0; i < 3; i++) {
        preprocess.std[i] = (float)(1 / (255 * (double)input->scale));
        preprocess.mean[i] = (float)((128 + input->zero_point) / 255.0);
    }
    return preprocess;
}

static int load_tflite(struct network *out, const char *path, const char *preprocess, struct arena *arena)
{
    struct tflite *file;
    int rc = tflite_read(&file, path, arena);
    if (rc)
        return rc;
    if (!tflite_is_int8(file)) {
        rc = tflite_to_model(&out->model, file, arena);
        return rc ? rc : describe_float(out, path, preprocess);
    }
    rc = qmodel_from_tflite(&out->qmodel, file, arena, NULL);
    if (!rc)
        rc = describe_int8(out, preprocess);
    if (!rc && !out->preprocess_known)
        out->preprocess = pixels_as_int8(&out->qmodel->tensors[out->qmodel->input]);
    return rc;
}

/* Canonical JSON takes several lines; a message takes one. */
static const char *one_line(const char *text, struct arena *arena)
{
    char *line = arena_strdup(arena, text), *end = line;
    for (const char *c = text; *c; c++) {
        const bool space = *c == ' ' || *c == '\n';
        if (!space || (end > line && end[-1] != ' '))
            *end++ = space ? ' ' : *c;
    }
    while (end > line && end[-1] == ' ')
        end--;
    *end = '\0';
    return line;
}

int network_load(struct network *out, const char *path, const char *preprocess, bool quiet, struct arena *arena)
{
    *out = (struct network){.path = path};
    bool is_tflite, is_qdq = false;
    int rc = tflite_detect(path, &is_tflite);
    if (!rc && !is_tflite)
        rc = qdq_detect(path, &is_qdq);
    if (!rc)
        rc = (is_tflite ? load_tflite : is_qdq ? load_int8 : load_float)(out, path, preprocess, arena);
    if (rc)
        return rc;
    struct sha256 sha;
    rc = sha256_of_file(&sha, path);
    if (rc)
        return rc;
    memcpy(out->sha256, sha.hex, sizeof out->sha256);
    if (!out->preprocess_known && out->resolution && !quiet)
        fprintf(stderr, "%s carries no input transform; assuming %s: %s (change with --preprocess)\n", path,
                is_tflite && out->qmodel ? "pixel - 128" : "MCUNet's",
                one_line(preprocess_text(&out->preprocess, arena), arena));
    return 0;
}

int network_check_images(const struct network *network)
{
    if (network->resolution)
        return 0;
    return error_input("'%s' takes no images: expected an input of (1, r, r, 3), or (1, 3, r, r) in ONNX", network->path);
}

int network_from_subnet(struct network *out, const struct supernet *supernet, const struct subnet *subnet,
                        const struct dataset *images, int n, int threads, struct arena *arena)
{
    *out = (struct network){.path = supernet->name};
    int rc = network_preprocess(&out->preprocess, &out->preprocess_known, supernet->model, NULL);
    if (!rc)
        rc = supernet_extract(&out->model, supernet, subnet, arena);
    if (rc)
        return rc;
    int r = subnet->resolution;
    float *pixels = malloc((size_t)n * r * r * 3 * sizeof *pixels);
    if (!pixels)
        die("out of memory for %d images", n);
    rc = dataset_load(images, 0, n, &out->preprocess, r, pixels, threads);
    if (!rc)
        rc = supernet_reestimate_bn(out->model, pixels, n, threads);
    free(pixels);
    if (!rc)
        rc = passes_for_inference(out->model);
    if (rc)
        return rc;
    model_set_metadata(out->model, "mcunet.preprocess", preprocess_text(&out->preprocess, arena));
    model_set_metadata(out->model, "mcunet.subnet", subnet_text(subnet, arena));
    const char *classes = model_get_metadata(supernet->model, "mcunet.classes");
    if (classes)
        model_set_metadata(out->model, "mcunet.classes", classes);
    out->resolution = r;
    out->classes = supernet->classes;
    return 0;
}
