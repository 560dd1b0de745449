#include "quant/calibrate.h"

#include <string.h>

#include "base/error.h"
#include "base/progress.h"
#include "model/exec.h"

enum { CALIBRATION_BATCH = 8 };

const float *calibration_tensor(const struct calibration *calibration, const struct exec *exec, int qtensor,
                                int first)
{
    const struct qmodel *q = calibration->qmodel;
    if (qtensor == q->input)
        return calibration->images + (int64_t)first * qtensor_bytes(&q->tensors[qtensor]);
    return exec_tensor(exec, calibration->tensor_of[qtensor]);
}

int calibration_run(const struct calibration *calibration, const char *label, calibration_visit *visit,
                    void *context)
{
    const struct qmodel *q = calibration->qmodel;
    const size_t elements = (size_t)qtensor_bytes(&q->tensors[q->input]);
    const int n = calibration->n;
    struct exec *exec;
    struct arena arena = ARENA_INIT;
    struct progress progress;
    int rc = exec_create(&exec, calibration->model,
                         &(struct exec_options){
                             .batch = CALIBRATION_BATCH, .threads = calibration->threads, .keep_all = true});
    if (rc)
        return rc;
    /* The last batch is filled up with copies of its last image. */
    float *batch = arena_array(&arena, elements * CALIBRATION_BATCH, sizeof(float));
    progress_start(&progress, calibration->options->quiet, label, n, "images");
    for (int first = 0; first < n && !rc; first += CALIBRATION_BATCH) {
        const int count = n - first < CALIBRATION_BATCH ? n - first : CALIBRATION_BATCH;
        for (int i = 0; i < CALIBRATION_BATCH; i++)
            memcpy(batch + (size_t)i * elements,
                   calibration->images + (size_t)(first + (i < count ? i : count - 1)) * elements,
                   elements * sizeof(float));
        rc = exec_run(exec, batch);
        if (!rc)
            visit(context, exec, first, count);
        progress_step(&progress, count);
    }
    progress_end(&progress);
    exec_destroy(exec);
    arena_release(&arena);
    return rc;
}

bool calibration_layer(const struct calibration *calibration, int qnode, struct layer *out)
{
    const struct qnode *node = &calibration->qmodel->nodes[qnode];
    if (node->op != QOP_CONV && node->op != QOP_DEPTHWISE && node->op != QOP_FULLY_CONNECTED)
        return false;
    const struct model *model = calibration->model;
    const struct node *source = &model->nodes[calibration->node_of[qnode]];
    const struct qtensor *in = &calibration->qmodel->tensors[node->inputs[0]];
    const struct qtensor *o = &calibration->qmodel->tensors[node->output];
    struct layer layer = {.window = node->window,
                          .in_h = in->h,
                          .in_w = in->w,
                          .in_c = in->c,
                          .out_h = o->h,
                          .out_w = o->w,
                          .out_c = o->c,
                          .depthwise = node->op == QOP_DEPTHWISE,
                          .weights = model->tensors[source->inputs[1]].data,
                          .bias = source->n_inputs > 2 ? model->tensors[source->inputs[2]].data : NULL};
    if (node->op == QOP_FULLY_CONNECTED)
        layer.window = (struct window){in->h, in->w, 1, 1, 1, 1, 0, 0, 0, 0};
    layer.taps = layer.window.kernel_h * layer.window.kernel_w;
    layer.depth = layer.depthwise ? layer.taps : layer.taps * layer.in_c;
    *out = layer;
    return true;
}
