/*
 * Images run independently: each thread takes an image through the whole network, layer by layer, in a
 * workspace that fits its cache. So a result depends neither on the number of threads nor on the batch an
 * image was in. With batch_statistics all images advance together, because a BatchNormalization needs the
 * whole batch.
 */
#include "model/exec.h"

#include <omp.h>
#include <string.h>

#include <dnnl.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/exec_batch_norm.h"
#include "model/exec_layers.h"
#include "model/exec_plan.h"
#include "model/exec_product.h"
#include "model/model.h"
#include "model/transpose.h"

struct worker {
    dnnl_stream_t stream;
    void *scratch;
};

struct exec {
    struct arena arena;
    const struct model *model;
    struct exec_options options;
    dnnl_engine_t engine;
    struct product **products; /* per node; NULL: not a Conv or Gemm */
    struct batch_norm **norms; /* per node; NULL: not a BatchNormalization */
    struct worker *workers;    /* per thread */
    int n_workers;
    int64_t *offsets; /* per tensor: in a workspace, in floats */
    int64_t workspace_floats;
    float *workspaces;      /* one per thread; with batch_statistics one per image */
    float **whole;          /* per tensor: batch x elements, or NULL: it lives in workspaces */
    const float **input_of; /* per tensor: the caller's input of this run */
};

static int64_t elements_of(const struct exec *exec, int tensor)
{
    return shape_elements(&exec->model->tensors[tensor].shape);
}

/* Where a tensor of one image lies; slot: the workspace used for that image. */
static float *at(const struct exec *exec, int tensor, int image, int slot)
{
    if (exec->whole[tensor])
        return exec->whole[tensor] + image * elements_of(exec, tensor);
    return exec->workspaces + slot * exec->workspace_floats + exec->offsets[tensor];
}

static const float *read_at(const struct exec *exec, int tensor, int image, int slot)
{
    const struct tensor *t = &exec->model->tensors[tensor];
    if (t->constant)
        return t->data;
    if (exec->input_of[tensor])
        return exec->input_of[tensor] + image * elements_of(exec, tensor);
    return at(exec, tensor, image, slot);
}

/* ---- creation ---- */

static int check_model(const struct model *model)
{
    for (int i = 0; i < model->n_nodes; i++) {
        const struct node *node = &model->nodes[i];
        for (int j = 0; j < node->n_inputs; j++)
            if (model->tensors[node->inputs[j]].constant && !model->tensors[node->inputs[j]].data)
                return error_input("layer '%s': the values of '%s' are not loaded", node->name,
                                   model->tensors[node->inputs[j]].name);
    }
    if (!model->n_outputs)
        return error_input("model '%s' has no output", model->name);
    return 0;
}

static int create_products(struct exec *exec, size_t *scratch_bytes)
{
    const struct model *model = exec->model;
    *scratch_bytes = 0;
    for (int i = 0; i < model->n_nodes; i++) {
        const struct node *node = &model->nodes[i];
        if (node->op != OP_CONV && node->op != OP_GEMM)
            continue;
        const int rc = product_create(&exec->products[i], model, node, exec->engine, &exec->arena);
        if (rc)
            return rc;
        const size_t bytes = product_scratch_bytes(exec->products[i]);
        if (bytes > *scratch_bytes)
            *scratch_bytes = bytes;
    }
    return 0;
}

static void create_norms(struct exec *exec)
{
    const struct model *model = exec->model;
    for (int i = 0; i < model->n_nodes; i++)
        if (model->nodes[i].op == OP_BATCH_NORM)
            exec->norms[i] =
                batch_norm_create(model, &model->nodes[i],
                                  exec->options.batch_statistics ? exec->options.batch : 0, &exec->arena);
}

/* Tensors that stay readable get memory for the whole batch, the others share workspaces. */
static void create_buffers(struct exec *exec)
{
    const struct model *model = exec->model;
    const size_t batch = (size_t)exec->options.batch;
    for (int i = 0; i < model->n_tensors; i++)
        if (exec->options.keep_all && !model->tensors[i].constant)
            exec->whole[i] = ARENA_ARRAY(&exec->arena, float, batch *(size_t)elements_of(exec, i));
    for (int i = 0; i < model->n_outputs; i++)
        if (!exec->whole[model->outputs[i]])
            exec->whole[model->outputs[i]] =
                ARENA_ARRAY(&exec->arena, float, batch *(size_t)elements_of(exec, model->outputs[i]));

    bool *planned = ARENA_ARRAY(&exec->arena, bool, (size_t)model->n_tensors);
    for (int i = 0; i < model->n_tensors; i++)
        planned[i] = model->tensors[i].producer >= 0 && !exec->whole[i];
    exec->workspace_floats = exec_plan(exec->offsets, model, planned);
    const size_t slots = exec->options.batch_statistics ? batch : (size_t)exec->n_workers;
    exec->workspaces = ARENA_ARRAY(&exec->arena, float, slots *(size_t)exec->workspace_floats);
}

static int create(struct exec *exec)
{
    const struct model *model = exec->model;
    int rc = check_model(model);
    if (rc)
        return rc;
    if (dnnl_engine_create(&exec->engine, dnnl_cpu, 0) != dnnl_success)
        return error("oneDNN has no CPU engine");
    const size_t n_nodes = (size_t)model->n_nodes, n_tensors = (size_t)model->n_tensors;
    exec->products = ARENA_ARRAY(&exec->arena, struct product *, n_nodes);
    exec->norms = ARENA_ARRAY(&exec->arena, struct batch_norm *, n_nodes);
    exec->offsets = ARENA_ARRAY(&exec->arena, int64_t, n_tensors);
    exec->whole = ARENA_ARRAY(&exec->arena, float *, n_tensors);
    exec->input_of = ARENA_ARRAY(&exec->arena, const float *, n_tensors);

    size_t scratch_bytes;
    rc = create_products(exec, &scratch_bytes);
    if (rc)
        return rc;
    create_norms(exec);
    create_buffers(exec);
    exec->workers = ARENA_ARRAY(&exec->arena, struct worker, (size_t)exec->n_workers);
    for (int i = 0; i < exec->n_workers; i++) {
        if (dnnl_stream_create(&exec->workers[i].stream, exec->engine, dnnl_stream_default_flags) !=
            dnnl_success)
            return error("oneDNN cannot create a stream");
        exec->workers[i].scratch =
            arena_alloc(&exec->arena, scratch_bytes + 64); /* 64: aligned, never empty */
    }
    return 0;
}

int exec_create(struct exec **out, const struct model *model, const struct exec_options *options)
{
    struct arena arena = ARENA_INIT;
    struct exec *exec = ARENA_NEW(&arena, struct exec);
    exec->model = model;
    exec->options = *options;
    if (exec->options.batch < 1)
        exec->options.batch = 1;
    const int cores = omp_get_max_threads();
    exec->n_workers = options->threads > 0 ? options->threads : cores;
    if (exec->n_workers > exec->options.batch)
        exec->n_workers = exec->options.batch;
    exec->arena = arena; /* the arena's chunks hold the exec itself */

    /* oneDNN sizes its primitives for the threads it sees now: one. */
    omp_set_num_threads(1);
    const int rc = create(exec);
    omp_set_num_threads(cores);
    if (rc) {
        exec_destroy(exec);
        exec = NULL;
    }
    *out = exec;
    return rc;
}

void exec_destroy(struct exec *exec)
{
    if (!exec)
        return;
    for (int i = 0; exec->products && i < exec->model->n_nodes; i++)
        if (exec->products[i])
            product_destroy(exec->products[i]);
    for (int i = 0; exec->workers && i < exec->n_workers; i++)
        if (exec->workers[i].stream)
            dnnl_stream_destroy(exec->workers[i].stream);
    if (exec->engine)
        dnnl_engine_destroy(exec->engine);
    struct arena arena = exec->arena;
    arena_release(&arena);
}

/* ---- running one layer of one image ---- */

static void run_batch_norm(const struct exec *exec, int index, float *out, int image, int slot)
{
    const struct node *node = &exec->model->nodes[index];
    const float *inputs[5];
    for (int i = 0; i < 5; i++)
        inputs[i] = read_at(exec, node->inputs[i], image, slot);
    batch_norm_run(exec->norms[index], out, inputs);
}

static void run_concat(const struct exec *exec, const struct node *node, float *out, int image, int slot)
{
    const struct shape *out_shape = &exec->model->tensors[node->output].shape;
    for (int i = 0, offset = 0; i < node->n_inputs; i++) {
        const struct shape *shape = &exec->model->tensors[node->inputs[i]].shape;
        layer_concat(out, out_shape, node->axis, offset, read_at(exec, node->inputs[i], image, slot), shape);
        offset += shape->dim[node->axis];
    }
}

/* Activations that stand alone reuse the code of fused ones. */
static enum activation own_activation(enum op op)
{
    switch (op) {
    case OP_CLIP:
        return ACT_CLIP;
    case OP_HARD_SWISH:
        return ACT_HARD_SWISH;
    case OP_HARD_SIGMOID:
        return ACT_HARD_SIGMOID;
    case OP_SIGMOID:
        return ACT_SIGMOID;
    case OP_TANH:
        return ACT_TANH;
    default:
        return ACT_NONE;
    }
}

static int run_node(const struct exec *exec, int index, int image, int slot, const struct worker *worker)
{
    const struct model *model = exec->model;
    const struct node *node = &model->nodes[index];
    const struct shape *in_shape = &model->tensors[node->inputs[0]].shape;
    const struct shape *out_shape = &model->tensors[node->output].shape;
    const struct shape *b_shape = node->n_inputs > 1 ? &model->tensors[node->inputs[1]].shape : NULL;
    const float *in = read_at(exec, node->inputs[0], image, slot);
    const float *b = node->n_inputs > 1 ? read_at(exec, node->inputs[1], image, slot) : NULL;
    float *out = at(exec, node->output, image, slot);
    int rc = 0;

    switch (node->op) {
    case OP_CONV:
    case OP_GEMM:
        rc = product_run(exec->products[index], worker->stream, out, in, b,
                         node->n_inputs > 2 ? read_at(exec, node->inputs[2], image, slot) : NULL,
                         worker->scratch);
        break;
    case OP_BATCH_NORM:
        run_batch_norm(exec, index, out, image, slot);
        break;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
        layer_arithmetic(node->op, out, out_shape, in, in_shape, b, b_shape);
        break;
    case OP_MATMUL:
        layer_matmul(out, out_shape, in, in_shape, b, b_shape);
        break;
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
        layer_pool(node, out, out_shape, in, in_shape);
        break;
    case OP_GLOBAL_AVERAGE_POOL:
    case OP_REDUCE_MEAN:
        layer_reduce_mean(node, out, in, in_shape);
        break;
    case OP_SOFTMAX:
        layer_softmax(out, in, out_shape, node->axis);
        break;
    case OP_TRANSPOSE:
        transpose_floats(out, in, in_shape, node->permutation);
        break;
    case OP_PAD:
        layer_pad(node, out, out_shape, in, in_shape);
        break;
    case OP_RESIZE:
        layer_resize(node, out, out_shape, in, in_shape);
        break;
    case OP_CONCAT:
        run_concat(exec, node, out, image, slot);
        break;
    case OP_FLATTEN:
    case OP_RESHAPE:
    case OP_IDENTITY:
    case OP_CLIP:
    case OP_HARD_SWISH:
    case OP_HARD_SIGMOID:
    case OP_SIGMOID:
    case OP_TANH:
        if (out != in)
            memcpy(out, in, (size_t)shape_elements(out_shape) * sizeof *out);
        layer_activate(out, shape_elements(out_shape), own_activation(node->op), node);
        break;
    case OP_COUNT:
        die("layer '%s' was dropped", node->name);
    }
    /* A product has clipped already. */
    if (node->act != ACT_NONE && !(exec->products[index] && node->act == ACT_CLIP))
        layer_activate(out, shape_elements(out_shape), node->act, node);
    return rc;
}

/* ---- batch statistics ---- */

static void measure_batch(struct exec *exec, int index)
{
    const struct node *node = &exec->model->nodes[index];
#pragma omp parallel for num_threads(exec->n_workers) schedule(static)
    for (int image = 0; image < exec->options.batch; image++)
        batch_norm_measure(exec->norms[index], image, read_at(exec, node->inputs[0], image, image));
    batch_norm_adopt(exec->norms[index], read_at(exec, node->inputs[1], 0, 0),
                     read_at(exec, node->inputs[2], 0, 0));
}

/* ---- runs ---- */

static int run_together(struct exec *exec)
{
    int rc = 0;
    for (int i = 0; i < exec->model->n_nodes && !rc; i++) {
        if (exec->model->nodes[i].op == OP_BATCH_NORM)
            measure_batch(exec, i);
        struct error_first failed = ERROR_FIRST_INIT;
#pragma omp parallel for num_threads(exec->n_workers) schedule(static)
        for (int image = 0; image < exec->options.batch; image++) {
            omp_set_num_threads(1);
            if (error_first_enter(&failed, image))
                error_first_leave(&failed, image,
                                  run_node(exec, i, image, image, &exec->workers[omp_get_thread_num()]));
        }
        rc = error_first_end(&failed);
    }
    return rc;
}

static int run_apart(const struct exec *exec)
{
    struct error_first failed = ERROR_FIRST_INIT;
#pragma omp parallel for num_threads(exec->n_workers) schedule(dynamic)
    for (int image = 0; image < exec->options.batch; image++) {
        omp_set_num_threads(1); /* of this task: oneDNN must not open a team of its own */
        const int worker = omp_get_thread_num();
        int rc = 0;
        if (!error_first_enter(&failed, image))
            continue;
        for (int i = 0; i < exec->model->n_nodes && !rc; i++)
            rc = run_node(exec, i, image, worker, &exec->workers[worker]);
        error_first_leave(&failed, image, rc);
    }
    return error_first_end(&failed);
}

/* Tensors no node writes but someone reads after the run. */
static void copy_unwritten(const struct exec *exec)
{
    const struct model *model = exec->model;
    const int batch = exec->options.batch;
    for (int i = 0; i < model->n_tensors; i++) {
        if (!exec->whole[i] || model->tensors[i].producer >= 0)
            continue;
        const int64_t n = elements_of(exec, i);
        for (int image = 0; image < batch; image++) {
            const float *from = model->tensors[i].constant ? model->tensors[i].data
                                : exec->input_of[i]        ? exec->input_of[i] + image * n
                                                           : NULL;
            if (from)
                memcpy(exec->whole[i] + image * n, from, (size_t)n * sizeof *from);
        }
    }
}

int exec_run_inputs(struct exec *exec, const float *const *inputs)
{
    const struct model *model = exec->model;
    for (int i = 0; i < model->n_inputs; i++)
        exec->input_of[model->inputs[i]] = inputs[i];
    copy_unwritten(exec);
    const int threads = omp_get_max_threads();
    const int rc = exec->options.batch_statistics ? run_together(exec) : run_apart(exec);
    omp_set_num_threads(threads); /* the calling thread was one of the workers */
    return rc;
}

int exec_run(struct exec *exec, const float *input)
{
    if (exec->model->n_inputs != 1)
        die("exec_run: model '%s' has %d inputs", exec->model->name, exec->model->n_inputs);
    return exec_run_inputs(exec, &input);
}

const float *exec_output(const struct exec *exec, int index)
{
    if (index < 0 || index >= exec->model->n_outputs)
        die("exec_output: output %d of %d", index, exec->model->n_outputs);
    return exec->whole[exec->model->outputs[index]];
}

const float *exec_tensor(const struct exec *exec, int tensor)
{
    if (tensor < 0 || tensor >= exec->model->n_tensors)
        die("exec_tensor: tensor %d of %d", tensor, exec->model->n_tensors);
    if (exec->model->tensors[tensor].constant)
        return exec->model->tensors[tensor].data;
    if (!exec->whole[tensor])
        die("exec_tensor: '%s' was not kept", exec->model->tensors[tensor].name);
    return exec->whole[tensor];
}

void exec_bn_statistics(const struct exec *exec, int node, float *mean, float *variance)
{
    if (node < 0 || node >= exec->model->n_nodes || !exec->norms[node] || !exec->options.batch_statistics)
        die("exec_bn_statistics: node %d has none", node);
    batch_norm_statistics(exec->norms[node], mean, variance);
}
