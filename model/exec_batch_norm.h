/*
 * exec_batch_norm.h - BatchNormalization in exec.c: with the layer's own mean and variance, or with those of
 * the batch, whose averages over runs are what re-estimation stores.
 */
#ifndef MODEL_EXEC_BATCH_NORM_H
#define MODEL_EXEC_BATCH_NORM_H

#include "model/model.h"

struct batch_norm;

/* batch > 0: normalise with the statistics of batches of that many images; 0: with the layer's own. keep: an
 * arena that lives as long. */
struct batch_norm *batch_norm_create(const struct model *model, const struct node *node, int batch,
                                     struct arena *keep);
/* Before a batch runs: each image's share (any order, any thread), then their adoption. in: one image. */
void batch_norm_measure(struct batch_norm *norm, int image, const float *in);
void batch_norm_adopt(struct batch_norm *norm, const float *scale, const float *shift);
/* One image. inputs: in, scale, shift, mean, variance; may be in place. */
void batch_norm_run(const struct batch_norm *norm, float *out, const float *const *inputs);
/* Averages over adopted batches of the mean and the unbiased variance. */
void batch_norm_statistics(const struct batch_norm *norm, float *mean, float *variance);

#endif
