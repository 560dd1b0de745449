#include "model/exec_batch_norm.h"

#include <math.h>

#include "model/exec_layers.h"

/* out = in * slope + offset, one of each per channel. */
struct batch_norm {
    int channels;
    int64_t pixels; /* of an image */
    float epsilon;
    int batch;  /* images per batch; 0: no batch statistics */
    bool fixed; /* slope and offset hold: parameters are constants, no batch statistics */
    float *slope, *offset;
    double *sum, *squares;   /* (batch, channels): each image's share */
    double *mean, *variance; /* sums over batches; variance unbiased */
    int64_t n_batches;
};

static void normalisation(float *slope, float *offset, float scale, float shift, double mean, double variance,
                          float epsilon)
{
    const double factor = scale / sqrt(variance + (double)epsilon);
    *slope = (float)factor;
    *offset = (float)(shift - mean * factor);
}

struct batch_norm *batch_norm_create(const struct model *model, const struct node *node, int batch,
                                     struct arena *keep)
{
    struct batch_norm *norm = ARENA_NEW(keep, struct batch_norm);
    const size_t channels = (size_t)shape_elements(&model->tensors[node->inputs[1]].shape);
    norm->channels = (int)channels;
    norm->pixels = shape_elements(&model->tensors[node->inputs[0]].shape) / norm->channels;
    norm->epsilon = node->epsilon;
    norm->batch = batch;
    norm->slope = ARENA_ARRAY(keep, float, channels);
    norm->offset = ARENA_ARRAY(keep, float, channels);
    if (batch) {
        norm->sum = ARENA_ARRAY(keep, double, channels *(size_t)batch);
        norm->squares = ARENA_ARRAY(keep, double, channels *(size_t)batch);
        norm->mean = ARENA_ARRAY(keep, double, channels);
        norm->variance = ARENA_ARRAY(keep, double, channels);
        return norm;
    }
    const float *inputs[5] = {0};
    norm->fixed = true;
    for (int i = 1; i < 5; i++) {
        norm->fixed &= model->tensors[node->inputs[i]].constant;
        inputs[i] = model->tensors[node->inputs[i]].data;
    }
    for (int c = 0; norm->fixed && c < norm->channels; c++)
        normalisation(&norm->slope[c], &norm->offset[c], inputs[1][c], inputs[2][c], inputs[3][c],
                      inputs[4][c], norm->epsilon);
    return norm;
}

void batch_norm_measure(struct batch_norm *norm, int image, const float *in)
{
    const int64_t row = (int64_t)image * norm->channels;
    layer_moments(norm->sum + row, norm->squares + row, in, norm->pixels, norm->channels);
}

/* Image after image, so that the order of the sum is fixed. */
void batch_norm_adopt(struct batch_norm *norm, const float *scale, const float *shift)
{
    const double n = (double)norm->pixels * norm->batch, unbiased = n > 1 ? n / (n - 1) : 1;
    for (int c = 0; c < norm->channels; c++) {
        double sum = 0, squares = 0;
        for (int image = 0; image < norm->batch; image++) {
            sum += norm->sum[(int64_t)image * norm->channels + c];
            squares += norm->squares[(int64_t)image * norm->channels + c];
        }
        const double mean = sum / n, variance = fmax(squares / n - mean * mean, 0);
        norm->mean[c] += mean;
        norm->variance[c] += variance * unbiased;
        normalisation(&norm->slope[c], &norm->offset[c], scale[c], shift[c], mean, variance, norm->epsilon);
    }
    norm->n_batches++;
}

void batch_norm_run(const struct batch_norm *norm, float *out, const float *const *inputs)
{
    if (norm->batch || norm->fixed) {
        layer_scale(out, inputs[0], norm->pixels, norm->channels, norm->slope, norm->offset);
        return;
    }
    /* Parameters that a layer computed: rare, so simple rather than fast, and without memory that threads
     * would share. */
    for (int64_t i = 0; i < norm->pixels; i++)
        for (int c = 0; c < norm->channels; c++) {
            float slope, offset;
            normalisation(&slope, &offset, inputs[1][c], inputs[2][c], inputs[3][c], inputs[4][c],
                          norm->epsilon);
            out[i * norm->channels + c] = inputs[0][i * norm->channels + c] * slope + offset;
        }
}

void batch_norm_statistics(const struct batch_norm *norm, float *mean, float *variance)
{
    const double n = norm->n_batches ? (double)norm->n_batches : 1;
    for (int c = 0; c < norm->channels; c++) {
        mean[c] = (float)(norm->mean[c] / n);
        variance[c] = (float)(norm->variance[c] / n);
    }
}
