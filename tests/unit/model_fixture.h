/*
 * model_fixture.h - small networks built in memory, random but seeded, and running them.
 */
#ifndef TESTS_UNIT_MODEL_FIXTURE_H
#define TESTS_UNIT_MODEL_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/exec.h"
#include "model/model.h"

struct net {
    struct arena arena;
    struct model *model;
    struct rng rng;
    int last; /* the tensor that the next layer reads */
};

static inline float *random_floats(struct arena *arena, struct rng *rng, int64_t n, double low, double high)
{
    float *data = ARENA_ARRAY(arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        data[i] = (float)(low + (high - low) * rng_uniform(rng));
    return data;
}

static inline int random_constant(struct net *net, const char *name, struct shape shape, double low,
                                  double high)
{
    const float *data = random_floats(&net->arena, &net->rng, shape_elements(&shape), low, high);
    return model_add_constant(net->model, name, shape, data);
}

static inline void net_create(struct net *net, uint64_t seed, struct shape input)
{
    *net = (struct net){.arena = ARENA_INIT, .rng = rng_seeded(seed)};
    net->model = model_create(&net->arena, "net");
    net->last = model_add_tensor(net->model, "input", input);
    model_set_input(net->model, net->last);
}

static inline void net_release(struct net *net)
{
    arena_release(&net->arena);
}

/* Infers the new node's shape and makes its output the last tensor. */
static inline int net_take(struct net *net)
{
    if (shape_infer_node(net->model, net->model->n_nodes - 1))
        abort();
    return net->last = net->model->nodes[net->model->n_nodes - 1].output;
}

static inline const struct shape *net_shape(const struct net *net)
{
    return &net->model->tensors[net->last].shape;
}

static inline int net_unary(struct net *net, enum op op)
{
    model_add_node(net->model, op, NULL, &net->last, 1);
    return net_take(net);
}

static inline int net_clip(struct net *net, float min, float max)
{
    struct node *node = model_add_node(net->model, OP_CLIP, NULL, &net->last, 1);
    node->act_min = min;
    node->act_max = max;
    return net_take(net);
}

/* A Conv with "same" padding; group 0: depthwise. */
static inline int net_conv(struct net *net, int out_channels, int kernel, int stride, int group, bool bias)
{
    const int channels = net_shape(net)->dim[3];
    if (group == 0)
        group = out_channels = channels;
    const double range = 1.5 / sqrt((double)kernel * kernel * channels / group);
    const int weights = random_constant(
        net, "weights", shape_of(4, out_channels, kernel, kernel, channels / group), -range, range);
    int inputs[3] = {net->last, weights, 0};
    if (bias)
        inputs[2] = random_constant(net, "bias", shape_of(1, out_channels), -1, 1);
    struct node *node = model_add_node(net->model, OP_CONV, NULL, inputs, bias ? 3 : 2);
    node->group = group;
    node->window.stride_h = node->window.stride_w = stride;
    node->window.pad_top = node->window.pad_left = node->window.pad_bottom = node->window.pad_right =
        kernel / 2;
    return net_take(net);
}

static inline int net_batch_norm(struct net *net)
{
    const struct shape channels = shape_of(1, net_shape(net)->dim[net_shape(net)->rank - 1]);
    const int inputs[5] = {net->last, random_constant(net, "scale", channels, 0.5, 1.5),
                           random_constant(net, "shift", channels, -1, 1),
                           random_constant(net, "mean", channels, -1, 1),
                           random_constant(net, "variance", channels, 0.2, 2)};
    struct node *node = model_add_node(net->model, OP_BATCH_NORM, NULL, inputs, 5);
    node->epsilon = 1e-3f;
    return net_take(net);
}

static inline int net_binary(struct net *net, enum op op, int a, int b)
{
    model_add_node(net->model, op, NULL, (int[]){a, b}, 2);
    return net_take(net);
}

static inline int net_flatten(struct net *net)
{
    model_add_node(net->model, OP_FLATTEN, NULL, &net->last, 1)->axis = 1;
    return net_take(net);
}

static inline int net_transpose(struct net *net, const int *permutation)
{
    struct node *node = model_add_node(net->model, OP_TRANSPOSE, NULL, &net->last, 1);
    memcpy(node->permutation, permutation, (size_t)net_shape(net)->rank * sizeof *permutation);
    return net_take(net);
}

static inline int net_gemm(struct net *net, int out_channels, bool bias)
{
    const int channels = net_shape(net)->dim[1];
    const double range = 1.5 / sqrt((double)channels);
    int inputs[3] = {net->last,
                     random_constant(net, "gemm.weights", shape_of(2, out_channels, channels), -range, range),
                     0};
    if (bias)
        inputs[2] = random_constant(net, "gemm.bias", shape_of(1, out_channels), -1, 1);
    model_add_node(net->model, OP_GEMM, NULL, inputs, bias ? 3 : 2);
    return net_take(net);
}

static inline int net_reduce_mean(struct net *net, int n, const int *axes, bool keep)
{
    struct node *node = model_add_node(net->model, OP_REDUCE_MEAN, NULL, &net->last, 1);
    node->n_axes = n;
    memcpy(node->axes, axes, (size_t)n * sizeof *axes);
    node->keep_dims = keep;
    return net_take(net);
}

/* A MobileNet-like net with every kind of block: BN after each Conv, residuals, mixed activations. */
static inline void net_random_mobile(struct net *net, uint64_t seed)
{
    net_create(net, seed, shape_of(4, 1, 12 + (int)(seed % 5), 14, 3));
    net_conv(net, 8, 3, 2, 1, seed % 2);
    net_batch_norm(net);
    net_clip(net, 0, 6);
    for (int block = 0; block < 3; block++) {
        const int before = net->last, channels = net_shape(net)->dim[3];
        net_conv(net, channels * 3, 1, 1, 1, false);
        net_batch_norm(net);
        if (rng_below(&net->rng, 2))
            net_clip(net, 0, INFINITY);
        else
            net_unary(net, OP_HARD_SWISH);
        net_conv(net, 0, rng_below(&net->rng, 2) ? 3 : 5, 1, 0, false);
        net_batch_norm(net);
        net_clip(net, 0, 6);
        net_unary(net, OP_IDENTITY);
        net_conv(net, block == 1 ? channels + 4 : channels, 1, 1, 1, false);
        net_batch_norm(net);
        if (block != 1)
            net_binary(net, OP_ADD, net->last, before);
    }
    net_reduce_mean(net, 2, (int[]){1, 2}, false);
    net_gemm(net, 7, true);
    model_set_output(net->model, net->last);
}

/* The first output for `batch` seeded inputs, malloc'ed. */
static inline float *model_run(const struct model *model, int batch, int threads)
{
    struct exec *exec;
    struct arena arena = ARENA_INIT;
    struct rng rng = rng_seeded(7);
    if (exec_create(&exec, model, &(struct exec_options){.batch = batch, .threads = threads}))
        abort();
    const int64_t n = shape_elements(&model->tensors[model->inputs[0]].shape);
    const float *input = random_floats(&arena, &rng, n * batch, -1, 1);
    if (exec_run(exec, input))
        abort();
    const size_t bytes =
        (size_t)(shape_elements(&model->tensors[model->outputs[0]].shape) * batch) * sizeof(float);
    float *output = malloc(bytes);
    if (!output)
        abort();
    memcpy(output, exec_output(exec, 0), bytes);
    exec_destroy(exec);
    arena_release(&arena);
    return output;
}

/* Largest |a - b| of two runs' outputs. */
static inline double run_difference(const struct model *a, const struct model *b, int batch)
{
    float *out_a = model_run(a, batch, 1), *out_b = model_run(b, batch, 1);
    const int64_t n = shape_elements(&a->tensors[a->outputs[0]].shape) * batch;
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)out_a[i] - out_b[i]);
        largest = d > largest || isnan(d) ? d : largest;
    }
    free(out_a);
    free(out_b);
    return largest;
}

#endif
