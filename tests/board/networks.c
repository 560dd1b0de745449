#include "networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"

enum { MAX_NODES = 160 };

struct builder {
    struct qmodel *q;
    struct rng rng;
};

static struct builder begin(const char *name, int h, int w, int c, struct arena *arena)
{
    struct qmodel *q = ARENA_NEW(arena, struct qmodel);
    q->arena = arena;
    q->name = name;
    q->tensors = ARENA_ARRAY(arena, struct qtensor, MAX_NODES + 1);
    q->nodes = ARENA_ARRAY(arena, struct qnode, MAX_NODES);
    q->tensors[0] = (struct qtensor){"image", h, w, c, 0.0078125f, 0, -1};
    q->n_tensors = 1;
    return (struct builder){q, rng_seeded(11)};
}

static struct qnode *add(struct builder *b, enum qop op, const char *name, int in, int h, int w, int c)
{
    struct qmodel *q = b->q;
    if (q->n_nodes == MAX_NODES)
        abort();
    struct qnode *node = &q->nodes[q->n_nodes];
    *node = (struct qnode){.op = op,
                           .name = arena_printf(q->arena, "/%s_%d", name, q->n_nodes),
                           .inputs = {in},
                           .n_inputs = 1,
                           .output = q->n_tensors,
                           .window = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0},
                           .clip_min = -INFINITY,
                           .clip_max = INFINITY};
    q->tensors[q->n_tensors] = (struct qtensor){arena_printf(q->arena, "t%d", q->n_tensors),
                                                h,
                                                w,
                                                c,
                                                (float)(0.02 + 0.01 * rng_uniform(&b->rng)),
                                                (int)rng_below(&b->rng, 21) - 10,
                                                q->n_nodes++};
    q->output = q->n_tensors++;
    return node;
}

static void draw_weights(struct builder *b, struct qnode *node, int64_t n, int fan_in)
{
    struct qmodel *q = b->q;
    int channels = q->tensors[node->output].c;
    int8_t *weights = arena_alloc(q->arena, (size_t)n);
    int32_t *bias = ARENA_ARRAY(q->arena, int32_t, (size_t)channels);
    float *scale = ARENA_ARRAY(q->arena, float, (size_t)channels);
    for (int64_t i = 0; i < n; i++)
        weights[i] = (int8_t)((int)rng_below(&b->rng, 255) - 127);
    for (int c = 0; c < channels; c++) {
        bias[c] = (int32_t)rng_below(&b->rng, 4001) - 2000;
        scale[c] = (float)((0.01 + 0.01 * rng_uniform(&b->rng)) / sqrt(fan_in));
    }
    node->weights = weights;
    node->n_weights = n;
    node->bias = bias;
    node->weight_scale = scale;
}

static int windowed(int in, int kernel, int stride, int dilation, int pad)
{
    return (in + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

static struct qnode *add_window(struct builder *b, enum qop op, const char *name, int in, int c, int kernel,
                                int stride, int dilation)
{
    const struct qtensor t = b->q->tensors[in];
    int pad = dilation * (kernel - 1) / 2;
    struct qnode *node = add(b, op, name, in, windowed(t.h, kernel, stride, dilation, pad),
                             windowed(t.w, kernel, stride, dilation, pad), c);
    node->window = (struct window){kernel, kernel, stride, stride, dilation, dilation, pad, pad, pad, pad};
    return node;
}

static int conv(struct builder *b, int in, int c, int kernel, int stride, bool relu6)
{
    int in_c = b->q->tensors[in].c;
    struct qnode *node = add_window(b, QOP_CONV, "conv", in, c, kernel, stride, 1);
    if (relu6)
        node->clip_min = 0, node->clip_max = 3;
    draw_weights(b, node, (int64_t)c * kernel * kernel * in_c, kernel * kernel * in_c);
    return node->output;
}

static int depthwise(struct builder *b, int in, int kernel, int stride, int dilation)
{
    int c = b->q->tensors[in].c;
    struct qnode *node = add_window(b, QOP_DEPTHWISE, "depthwise", in, c, kernel, stride, dilation);
    node->clip_min = 0, node->clip_max = 3;
    draw_weights(b, node, (int64_t)c * kernel * kernel, kernel * kernel);
    return node->output;
}

static int binary(struct builder *b, enum qop op, int x, int y)
{
    const struct qtensor t = b->q->tensors[x];
    struct qnode *node = add(b, op, op == QOP_ADD ? "add" : "mul", x, t.h, t.w, t.c);
    node->inputs[node->n_inputs++] = y;
    if (op == QOP_MUL)
        b->q->tensors[node->output].scale = b->q->tensors[x].scale;
    return node->output;
}

static int table(struct builder *b, int in, enum activation function)
{
    const struct qtensor t = b->q->tensors[in];
    struct qnode *node = add(b, QOP_TABLE, "activation", in, t.h, t.w, t.c);
    node->table_function = function;
    if (function == ACT_SIGMOID) {
        b->q->tensors[node->output].scale = 1.0f / 256;
        b->q->tensors[node->output].zero_point = -128;
    }
    return node->output;
}

/* Operators whose output has the scale of their input. */
static struct qnode *like_input(struct builder *b, struct qnode *node)
{
    b->q->tensors[node->output].scale = b->q->tensors[node->inputs[0]].scale;
    b->q->tensors[node->output].zero_point = b->q->tensors[node->inputs[0]].zero_point;
    return node;
}

static struct qnode *resize(struct builder *b, int in, int h, int w)
{
    struct qnode *node = like_input(b, add(b, QOP_RESIZE_NEAREST, "resize", in, h, w, b->q->tensors[in].c));
    node->coordinates = RESIZE_HALF_PIXEL;
    node->rounding = RESIZE_HALVES_UP;
    qmodel_set_resize(b->q, node);
    return node;
}

static int mean(struct builder *b, int in)
{
    return add(b, QOP_MEAN, "mean", in, 1, 1, b->q->tensors[in].c)->output;
}

static int fully_connected(struct builder *b, int in, int c)
{
    int64_t inputs = qtensor_bytes(&b->q->tensors[in]);
    struct qnode *node = add(b, QOP_FULLY_CONNECTED, "classifier", in, 1, 1, c);
    draw_weights(b, node, inputs * c, (int)inputs);
    return node->output;
}

static int inverted_residual(struct builder *b, int in, int expand, int kernel)
{
    int c = b->q->tensors[in].c, x = conv(b, in, c * expand, 1, 1, true);
    x = depthwise(b, x, kernel, 1, 1);
    x = conv(b, x, c, 1, 1, false);
    return binary(b, QOP_ADD, in, x);
}

/* With one constant per channel: x + k, or k - x. */
static int add_constants(struct builder *b, int in, bool difference)
{
    const struct qtensor t = b->q->tensors[in];
    struct qnode *node = add(b, QOP_ADD_CONSTANT, "add_constant", in, t.h, t.w, t.c);
    float *values = ARENA_ARRAY(b->q->arena, float, (size_t)t.c);
    for (int c = 0; c < t.c; c++)
        values[c] = (float)(c % 5 - 2) * 0.3f;
    qmodel_set_summands(b->q, node, values);
    node->subtract = node->constant_first = difference;
    return node->output;
}

/* Two maps below or beside each other, in the first one's scale. */
static int join(struct builder *b, int first, int second, enum concat_axis axis)
{
    const struct qtensor t = b->q->tensors[first];
    struct qnode *node =
        like_input(b, add(b, QOP_CONCAT, axis == CONCAT_ROWS ? "below" : "beside", first,
                          axis == CONCAT_ROWS ? 2 * t.h : t.h, axis == CONCAT_COLUMNS ? 2 * t.w : t.w, t.c));
    node->inputs[node->n_inputs++] = second;
    node->axis = axis;
    b->q->tensors[second].scale = t.scale;
    b->q->tensors[second].zero_point = t.zero_point;
    return node->output;
}

static struct qmodel *finish(struct builder *b)
{
    if (qmodel_finish(b->q))
        abort();
    return b->q;
}

struct qmodel *network_tiny(struct arena *arena)
{
    struct builder b = begin("tiny", 8, 8, 3, arena);
    int x = conv(&b, 0, 4, 3, 2, true);
    x = inverted_residual(&b, x, 2, 3);
    fully_connected(&b, mean(&b, x), 5);
    return finish(&b);
}

struct qmodel *network_all_operators(struct arena *arena)
{
    struct builder b = begin("all operators", 17, 13, 3, arena);
    int x = conv(&b, 0, 9, 3, 2, true);
    x = inverted_residual(&b, x, 3, 5);
    x = table(&b, x, ACT_HARD_SWISH);
    int gate = table(&b, conv(&b, mean(&b, x), 9, 1, 1, false), ACT_SIGMOID);
    x = binary(&b, QOP_MUL, x, gate);
    int left = like_input(&b, add_window(&b, QOP_MAX_POOL, "max_pool", x, 9, 3, 1, 1))->output;
    int right = like_input(&b, add_window(&b, QOP_AVERAGE_POOL, "average_pool", x, 9, 3, 1, 1))->output;
    const struct qtensor t = b.q->tensors[left];
    struct qnode *concat = like_input(&b, add(&b, QOP_CONCAT, "concat", left, t.h, t.w, 18));
    concat->inputs[concat->n_inputs++] = right;
    x = depthwise(&b, concat->output, 3, 1, 2);
    struct qnode *pad = like_input(&b, add(&b, QOP_PAD, "pad", x, t.h + 3, t.w + 2, 18));
    pad->window = (struct window){.pad_top = 1, .pad_left = 2, .pad_bottom = 2};
    x = binary(&b, QOP_MUL, pad->output, pad->output);
    x = resize(&b, x, 9, 11)->output;
    x = depthwise(&b, x, 7, 2, 1);
    x = add_constants(&b, add_constants(&b, x, true), false);
    x = join(&b, x, x, CONCAT_COLUMNS);
    x = join(&b, x, depthwise(&b, x, 3, 1, 1), CONCAT_ROWS);
    x = conv(&b, x, 40, 1, 1, false);
    x = fully_connected(&b, x, 11);
    struct qnode *softmax = add(&b, QOP_SOFTMAX, "softmax", x, 1, 1, 11);
    b.q->tensors[softmax->output].scale = 1.0f / 256;
    b.q->tensors[softmax->output].zero_point = -128;
    return finish(&b);
}

struct qmodel *network_of_arena(int bytes, struct arena *arena)
{
    enum { ROWS = 64 };
    struct builder b = begin("large", ROWS, bytes / ROWS / 8, 1, arena);
    conv(&b, conv(&b, 0, 8, 3, 1, true), 4, 1, 1, false);
    return finish(&b);
}

struct qmodel *network_blocks(int size, int blocks, struct arena *arena)
{
    struct builder b = begin("blocks", size, size, 3, arena);
    int x = conv(&b, 0, 8, 3, 2, true);
    for (int i = 0; i < blocks; i++) {
        if (i % 4 == 3)
            x = conv(&b, depthwise(&b, conv(&b, x, b.q->tensors[x].c * 4, 1, 1, true), 5, 2, 1),
                     b.q->tensors[x].c + 4, 1, 1, false);
        x = inverted_residual(&b, x, 3 + i % 2, 3 + 2 * (i % 3));
    }
    fully_connected(&b, mean(&b, x), 10);
    return finish(&b);
}

/* The operator that calls a kernel, on a tiny map of tensor x. */
static void add_kernel(struct builder *b, enum qop op, int x)
{
    const struct qtensor t = b->q->tensors[x];
    struct qnode *node = NULL;
    switch (op) {
    case QOP_CONV:
        conv(b, x, t.c, 3, 1, true);
        break;
    case QOP_DEPTHWISE:
        depthwise(b, x, 3, 1, 1);
        break;
    case QOP_FULLY_CONNECTED:
        fully_connected(b, x, 2);
        break;
    case QOP_ADD:
    case QOP_MUL:
        binary(b, op, x, x);
        break;
    case QOP_ADD_CONSTANT:
        add_constants(b, x, false);
        break;
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        like_input(b, add_window(b, op, "pool", x, t.c, 3, 1, 1));
        break;
    case QOP_MEAN:
        mean(b, x);
        break;
    case QOP_TABLE:
        table(b, x, ACT_HARD_SWISH);
        break;
    case QOP_SOFTMAX:
        node = add(b, op, "softmax", x, 1, 1, t.c);
        b->q->tensors[node->output].scale = 1.0f / 256;
        b->q->tensors[node->output].zero_point = -128;
        break;
    case QOP_RESIZE_NEAREST:
        resize(b, x, t.h, t.w);
        break;
    case QOP_CONCAT:
        like_input(b, add(b, op, "concat", x, t.h, t.w, t.c));
        break;
    case QOP_PAD:
        node = like_input(b, add(b, op, "pad", x, t.h + 1, t.w + 1, t.c));
        node->window = (struct window){.pad_top = 1, .pad_left = 1};
        break;
    case QOP_COUNT:
        abort();
    }
}

struct qmodel *network_of_kernel(enum qop op, int repeat, struct arena *arena)
{
    struct builder b = begin("kernel", 4, 4, 4, arena);
    if (op == QOP_FULLY_CONNECTED || op == QOP_SOFTMAX)
        b.q->tensors[0].h = b.q->tensors[0].w = 1;
    for (int i = 0; i < repeat; i++)
        add_kernel(&b, op, i ? b.q->output : 0);
    return finish(&b);
}

struct qmodel *network_of_convolution_and(enum qop op, struct arena *arena)
{
    struct builder b = begin("kernels", 4, 4, 4, arena);
    add_kernel(&b, QOP_CONV, 0);
    add_kernel(&b, op, b.q->output);
    return finish(&b);
}

struct qmodel *network_of_depthwise(int n, const int *kernels, const int *strides, bool exact,
                                    struct arena *arena)
{
    struct builder b = begin("kernels", 16, 16, 4, arena);
    int x = 0;
    for (int i = 0; i < n; i++) {
        x = depthwise(&b, x, kernels[i], strides[i], 1);
        if (exact)
            b.q->tensors[x].scale = b.q->tensors[0].scale / 256;
    }
    return finish(&b);
}

struct qmodel *network_of_global_pool(struct arena *arena)
{
    struct builder b = begin("kernel", 4, 4, 2, arena);
    struct qnode *node = like_input(&b, add(&b, QOP_AVERAGE_POOL, "pool", 0, 1, 1, 2));
    node->window = (struct window){4, 4, 1, 1, 1, 1, 0, 0, 0, 0};
    return finish(&b);
}

struct qmodel *network_skeleton(const struct qmodel *qmodel, struct arena *arena)
{
    struct qmodel *skeleton = ARENA_NEW(arena, struct qmodel);
    *skeleton = *qmodel;
    skeleton->tensors =
        arena_copy(arena, qmodel->tensors, (size_t)qmodel->n_tensors * sizeof *qmodel->tensors);
    skeleton->nodes = arena_copy(arena, qmodel->nodes, (size_t)qmodel->n_nodes * sizeof *qmodel->nodes);
    for (int t = 0; t < skeleton->n_tensors; t++)
        skeleton->tensors[t].scale = 0, skeleton->tensors[t].zero_point = 0;
    for (int n = 0; n < skeleton->n_nodes; n++) {
        struct qnode *node = &skeleton->nodes[n];
        node->weights = node->shift = node->table = NULL;
        node->bias = node->multiplier = NULL;
        node->weight_scale = NULL;
    }
    return skeleton;
}
