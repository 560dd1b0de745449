/*
 * batch_norm.c - BatchNormalization statistics of a subnet that was just cut.
 */
#include "base/arena.h"
#include "base/error.h"
#include "model/exec.h"
#include "model/model.h"
#include "nas/supernet.h"

/* BN inputs: in, scale, bias, mean, variance. */
enum { INPUT_MEAN = 3, INPUT_VARIANCE = 4 };

static int run_batches(struct exec *exec, const struct model *model, const float *images, int n, int batch)
{
    size_t image = (size_t)shape_elements(&model->tensors[model->inputs[0]].shape);
    int rc = 0;
    for (int first = 0; first + batch <= n && !rc; first += batch)
        rc = exec_run(exec, images + (size_t)first * image);
    return rc;
}

int supernet_reestimate_bn(struct model *model, const float *images, int n, int threads)
{
    if (n < 2)
        return error_input("re-estimating BatchNormalization needs 2 images or more, not %d", n);
    int batch = n < SUPERNET_BN_BATCH ? n : SUPERNET_BN_BATCH;
    struct exec *exec;
    int rc = exec_create(
        &exec, model, &(struct exec_options){.batch = batch, .threads = threads, .batch_statistics = true});
    if (rc)
        return rc;
    rc = run_batches(exec, model, images, n, batch);
    for (int i = 0; i < model->n_nodes && !rc; i++) {
        const struct node *node = &model->nodes[i];
        if (node->op != OP_BATCH_NORM)
            continue;
        struct tensor *mean = &model->tensors[node->inputs[INPUT_MEAN]];
        struct tensor *variance = &model->tensors[node->inputs[INPUT_VARIANCE]];
        size_t channels = (size_t)mean->shape.dim[0];
        float *values = ARENA_ARRAY(model->arena, float, 2 * channels);
        exec_bn_statistics(exec, i, values, values + channels);
        mean->data = values;
        variance->data = values + channels;
    }
    exec_destroy(exec);
    return rc;
}
