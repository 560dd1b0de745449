#include "quant/qexec.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/error.h"
#include "quant/qnode.h"

/*
 * Ties go up, with a margin far below any step: pixels p / 127.5 - 1 lie exactly between two steps of the
 * scale 2 / 255 and must become p - 128 whatever their last float bit is.
 */
static const double tie_margin = 1e-3;

void qexec_quantize_input(const struct qmodel *qmodel, const float *image, int8_t *out)
{
    const struct qtensor *input = &qmodel->tensors[qmodel->input];
    const int64_t n = qtensor_bytes(input);
    for (int64_t i = 0; i < n; i++) {
        double q = floor((double)image[i] / (double)input->scale + 0.5 + tie_margin) + input->zero_point;
        out[i] = (int8_t)(q >= 127 ? 127 : q > -128 ? q : -128); /* not-a-number: -128 */
    }
}

/* Pointers to every tensor, and the scratch, in one block of memory. */
struct workspace {
    int8_t **tensors;
    void *scratch;
};

static struct workspace workspace_create(const struct qmodel *qmodel, const struct qmemory *memory,
                                         struct arena *arena)
{
    struct workspace workspace = {.tensors = ARENA_ARRAY(arena, int8_t *, (size_t)qmodel->n_tensors),
                                  .scratch = arena_alloc(arena, qmodel_scratch_bytes(qmodel) + 64)};
    int8_t *block = arena_alloc(arena, memory->bytes);
    for (int i = 0; i < qmodel->n_tensors; i++)
        workspace.tensors[i] = block + memory->offset[i];
    return workspace;
}

static void run(const struct qmodel *qmodel, const struct workspace *workspace, const int8_t *input,
                int8_t *output, int8_t *const *copies)
{
    const int in = qmodel->input, out = qmodel->output;
    const size_t out_bytes = (size_t)qtensor_bytes(&qmodel->tensors[out]);
    memcpy(workspace->tensors[in], input, (size_t)qtensor_bytes(&qmodel->tensors[in]));
    if (copies && copies[in])
        memcpy(copies[in], input, (size_t)qtensor_bytes(&qmodel->tensors[in]));
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const int id = qmodel->nodes[i].output;
        qnode_run(qmodel, &qmodel->nodes[i], workspace->tensors, workspace->scratch);
        if (copies && copies[id])
            memcpy(copies[id], workspace->tensors[id], (size_t)qtensor_bytes(&qmodel->tensors[id]));
    }
    memcpy(output, workspace->tensors[out], out_bytes);
}

static int check_complete(const struct qmodel *qmodel)
{
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[i];
        if ((node->op == QOP_CONV || node->op == QOP_DEPTHWISE || node->op == QOP_FULLY_CONNECTED) &&
            !node->weights)
            return error("%s: has no weights: a skeleton cannot run", node->name);
    }
    return 0;
}

int qexec_run(const struct qmodel *qmodel, const int8_t *input, int8_t *output, int8_t *const *tensors)
{
    int rc = check_complete(qmodel);
    if (rc)
        return rc;
    struct arena arena = ARENA_INIT;
    const struct qmemory memory = qmemory_plan(qmodel, &arena);
    const struct workspace workspace = workspace_create(qmodel, &memory, &arena);
    run(qmodel, &workspace, input, output, tensors);
    arena_release(&arena);
    return 0;
}

int qexec_run_batch(const struct qmodel *qmodel, const int8_t *inputs, int n, int8_t *outputs, int threads)
{
    int rc = check_complete(qmodel);
    if (rc)
        return rc;
    const size_t in_bytes = (size_t)qtensor_bytes(&qmodel->tensors[qmodel->input]);
    const size_t out_bytes = (size_t)qtensor_bytes(&qmodel->tensors[qmodel->output]);
    if (threads <= 0)
        threads = omp_get_max_threads();
#pragma omp parallel num_threads(threads)
    {
        struct arena arena = ARENA_INIT;
        const struct qmemory memory = qmemory_plan(qmodel, &arena);
        const struct workspace workspace = workspace_create(qmodel, &memory, &arena);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < n; i++)
            run(qmodel, &workspace, inputs + (size_t)i * in_bytes, outputs + (size_t)i * out_bytes, NULL);
        arena_release(&arena);
    }
    return 0;
}
