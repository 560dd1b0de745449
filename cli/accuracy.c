#include "cli/accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "cli/network.h"
#include "datasets/dataset.h"
#include "model/exec.h"
#include "model/model.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"

double accuracy_top1(const struct accuracy *accuracy)
{
    return accuracy->images ? 100.0 * accuracy->correct1 / accuracy->images : 0;
}

double accuracy_top5(const struct accuracy *accuracy)
{
    return accuracy->images ? 100.0 * accuracy->correct5 / accuracy->images : 0;
}

static void count_rank(struct accuracy *accuracy, int better)
{
    accuracy->images++;
    accuracy->correct1 += better < 1;
    accuracy->correct5 += better < 5;
}

void accuracy_count(struct accuracy *accuracy, const float *scores, int classes, int label)
{
    int better = isnan(scores[label]) ? classes : 0;
    for (int c = 0; c < classes; c++)
        better += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
    count_rank(accuracy, better);
}

void accuracy_count_int8(struct accuracy *accuracy, const int8_t *scores, int classes, int label)
{
    int better = 0;
    for (int c = 0; c < classes; c++)
        better += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
    count_rank(accuracy, better);
}

int accuracy_of_pixels(struct accuracy *out, const struct model *model, const float *pixels, const int *labels, int n, int threads)
{
    *out = (struct accuracy){0};
    struct exec *exec;
    int rc = exec_create(&exec, model, &(struct exec_options){.batch = EXEC_BATCH, .threads = threads});
    if (rc)
        return rc;
    size_t image = (size_t)shape_elements(&model->tensors[model->inputs[0]].shape);
    int classes = (int)shape_elements(&model->tensors[model->outputs[0]].shape);
    float *tail = calloc(image * EXEC_BATCH, sizeof *tail);
    if (!tail)
        die("out of memory");
    for (int first = 0; first < n && !rc; first += EXEC_BATCH) {
        int count = n - first < EXEC_BATCH ? n - first : EXEC_BATCH;
        const float *batch = pixels + first * image;
        if (count < EXEC_BATCH) { /* the last batch is filled up with black images */
            memcpy(tail, batch, count * image * sizeof *tail);
            batch = tail;
        }
        rc = exec_run(exec, batch);
        for (int i = 0; i < count && !rc; i++)
            accuracy_count(out, exec_output(exec, 0) + (size_t)i * classes, classes, labels[first + i]);
    }
    free(tail);
    exec_destroy(exec);
    return rc;
}

/* Scores of `count` images of pixels; scores: count x classes floats. */
struct scorer {
    const struct network *network;
    struct exec *exec;
    int8_t *inputs, *outputs;
    size_t image;
    int classes, threads;
};

static int score_batch(struct scorer *scorer, const float *pixels, int count, const int *labels, struct accuracy *out)
{
    const struct qmodel *q = scorer->network->qmodel;
    if (!q) {
        int rc = exec_run(scorer->exec, pixels);
        for (int i = 0; i < count && !rc; i++)
            accuracy_count(out, exec_output(scorer->exec, 0) + (size_t)i * scorer->classes, scorer->classes, labels[i]);
        return rc;
    }
    for (int i = 0; i < count; i++)
        qexec_quantize_input(q, pixels + i * scorer->image, scorer->inputs + i * scorer->image);
    int rc = qexec_run_batch(q, scorer->inputs, count, scorer->outputs, scorer->threads);
    for (int i = 0; i < count && !rc; i++)
        accuracy_count_int8(out, scorer->outputs + (size_t)i * scorer->classes, scorer->classes, labels[i]);
    return rc;
}

int accuracy_measure(struct accuracy *out, const struct network *network, const struct dataset *dataset, int threads, bool quiet)
{
    *out = (struct accuracy){0};
    int r = network->resolution, n = dataset_count(dataset);
    int rc = network_check_images(network);
    if (rc)
        return rc;
    if (network->classes != dataset_classes(dataset))
        return error_input("'%s' tells %d classes apart, the images have %d", network->path, network->classes,
                           dataset_classes(dataset));
    struct scorer scorer = {.network = network, .image = (size_t)r * r * 3, .classes = network->classes, .threads = threads};
    if (network->model)
        rc = exec_create(&scorer.exec, network->model, &(struct exec_options){.batch = EXEC_BATCH, .threads = threads});
    if (rc)
        return rc;
    float *pixels = calloc(scorer.image * EXEC_BATCH, sizeof *pixels);
    scorer.inputs = malloc(scorer.image * EXEC_BATCH);
    scorer.outputs = malloc((size_t)EXEC_BATCH * scorer.classes);
    if (!pixels || !scorer.inputs || !scorer.outputs)
        die("out of memory");
    struct progress progress;
    progress_start(&progress, quiet, network->qmodel ? "int8 accuracy" : "float accuracy", n, "images");
    for (int first = 0; first < n && !rc; first += EXEC_BATCH) {
        int count = n - first < EXEC_BATCH ? n - first : EXEC_BATCH;
        int labels[EXEC_BATCH];
        for (int i = 0; i < count; i++)
            labels[i] = dataset_label(dataset, first + i);
        rc = dataset_load(dataset, first, count, &network->preprocess, r, pixels, threads);
        if (!rc)
            rc = score_batch(&scorer, pixels, count, labels, out);
        progress_step(&progress, count);
    }
    progress_end(&progress);
    free(pixels);
    free(scorer.inputs);
    free(scorer.outputs);
    if (scorer.exec)
        exec_destroy(scorer.exec);
    return rc;
}
