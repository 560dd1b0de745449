/*
 * exec.h - float inference on the host with oneDNN, on all cores. The reference that quantization is measured
 * against.
 *
 *     struct exec *exec;
 *     exec_create(&exec, model, &(struct exec_options){.batch = 32});
 *     exec_run(exec, images);                     images: batch x input elements, NHWC
 *     const float *logits = exec_output(exec, 0); batch x output elements
 *     exec_destroy(exec);
 *
 * Each thread takes one image through the whole net, so that results are the same bits for any number of
 * threads and any batch an image is in; a batch smaller than the number of cores leaves cores idle.
 * Exceptions: with batch_statistics the batch is part of the result, so artifacts made that way use a fixed
 * batch size (EXEC_BATCH). Other machines may differ in the last bits (oneDNN picks kernels by instruction
 * set).
 */
#ifndef MODEL_EXEC_H
#define MODEL_EXEC_H

#include <stdbool.h>

struct model;
struct exec;

enum { EXEC_BATCH = 32 };

struct exec_options {
    int batch;             /* images per run; 0: 1 */
    int threads;           /* 0: all cores */
    bool keep_all;         /* every tensor stays readable through exec_tensor() after a run */
    bool batch_statistics; /* BatchNormalization normalises with the batch's own mean and variance (population
                              variance) and accumulates them: see exec_bn_statistics() */
};

/* The model must outlive the exec. */
int exec_create(struct exec **out, const struct model *model, const struct exec_options *options);
/* One run per model input order; single-input form. input has batch * elements floats, NHWC. */
int exec_run(struct exec *exec, const float *input);
int exec_run_inputs(struct exec *exec, const float *const *inputs);
const float *exec_output(const struct exec *exec, int index);
/* Any tensor of the last run (keep_all), batch * elements, NHWC; inputs too. Of a constant: its data, once.
 */
const float *exec_tensor(const struct exec *exec, int tensor);
/* Mean over all runs so far of the batch means and (unbiased) batch variances at BN node `node`; channels
 * floats each. */
void exec_bn_statistics(const struct exec *exec, int node, float *mean, float *variance);
void exec_destroy(struct exec *exec);

#endif
