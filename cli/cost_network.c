#include "cli/cost_network.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "quant/qmodel.h"

/* ---- constants ---- */

static void draw_weights(struct qmodel *q, struct qnode *node, struct rng *rng)
{
    int channels = q->tensors[node->output].c;
    int64_t n = node->n_weights, fan_in = n / (channels > 0 ? channels : 1);
    int8_t *weights = arena_alloc(q->arena, (size_t)n);
    int32_t *bias = ARENA_ARRAY(q->arena, int32_t, (size_t)channels);
    float *scale = ARENA_ARRAY(q->arena, float, (size_t)channels);
    for (int64_t i = 0; i < n; i++)
        weights[i] = (int8_t)((int)rng_below(rng, 255) - 127);
    for (int c = 0; c < channels; c++) {
        bias[c] = (int32_t)rng_below(rng, 4001) - 2000;
        scale[c] = (float)((0.01 + 0.01 * rng_uniform(rng)) / sqrt((double)(fan_in > 0 ? fan_in : 1)));
    }
    node->weights = weights;
    node->bias = bias;
    node->weight_scale = scale;
}

static void draw_summands(struct qmodel *q, struct qnode *node, struct rng *rng)
{
    const int n = q->tensors[node->output].c;
    float *values = ARENA_ARRAY(q->arena, float, (size_t)n);
    for (int c = 0; c < n; c++)
        values[c] = (float)(rng_uniform(rng) - 0.5);
    qmodel_set_summands(q, node, values);
}

int cost_network_constants(struct qmodel *q, uint64_t seed)
{
    struct rng rng = rng_seeded(seed);
    q->tensors[q->input].scale = 1.0f / 128;
    for (int n = 0; n < q->n_nodes; n++) {
        struct qnode *node = &q->nodes[n];
        const struct qtensor *in = &q->tensors[node->inputs[0]];
        struct qtensor *out = &q->tensors[node->output];
        out->scale = (float)(0.02 + 0.01 * rng_uniform(&rng));
        out->zero_point = (int)rng_below(&rng, 21) - 10;
        switch (node->op) {
        case QOP_CONV:
        case QOP_DEPTHWISE:
        case QOP_FULLY_CONNECTED:
            draw_weights(q, node, &rng);
            break;
        case QOP_ADD_CONSTANT:
            draw_summands(q, node, &rng);
            break;
        case QOP_ADD:
        case QOP_MEAN:
            break;
        case QOP_MUL:
            out->scale = in->scale;
            break;
        case QOP_SOFTMAX:
            out->scale = 1.0f / 256;
            out->zero_point = -128;
            break;
        case QOP_TABLE:
            if (node->table_function == ACT_SIGMOID)
                out->scale = 1.0f / 256, out->zero_point = -128;
            break;
        default: /* pools, PAD, CONCAT, RESIZE_NEAREST: as their inputs, which must agree */
            for (int i = 1; i < node->n_inputs; i++) {
                q->tensors[node->inputs[i]].scale = in->scale;
                q->tensors[node->inputs[i]].zero_point = in->zero_point;
            }
            out->scale = in->scale;
            out->zero_point = in->zero_point;
            if (node->op == QOP_RESIZE_NEAREST)
                qmodel_set_resize(q, node);
        }
    }
    return qmodel_finish(q);
}

/* ---- drawn networks ---- */

enum { MAX_NODES = 96 };

struct builder {
    struct qmodel *q;
    struct rng rng;
};

static struct qnode *add(struct builder *b, enum qop op, int in, int h, int w, int c)
{
    struct qmodel *q = b->q;
    if (q->n_nodes == MAX_NODES)
        die("a drawn network has more than %d nodes", MAX_NODES);
    struct qnode *node = &q->nodes[q->n_nodes];
    *node = (struct qnode){.op = op,
                           .name = arena_printf(q->arena, "node_%d", q->n_nodes),
                           .inputs = {in},
                           .n_inputs = 1,
                           .output = q->n_tensors,
                           .window = {1, 1, 1, 1, 1, 1, 0, 0, 0, 0},
                           .clip_min = -INFINITY,
                           .clip_max = INFINITY};
    q->tensors[q->n_tensors] = (struct qtensor){.name = arena_printf(q->arena, "tensor_%d", q->n_tensors),
                                                .h = h,
                                                .w = w,
                                                .c = c,
                                                .producer = q->n_nodes++};
    q->output = q->n_tensors++;
    return node;
}

static int windowed(struct builder *b, enum qop op, int in, int c, int kernel, int stride, bool relu6)
{
    const struct qtensor t = b->q->tensors[in];
    int pad = (kernel - 1) / 2, h = (t.h + 2 * pad - kernel) / stride + 1,
        w = (t.w + 2 * pad - kernel) / stride + 1;
    struct qnode *node = add(b, op, in, h, w, c);
    node->window = (struct window){kernel, kernel, stride, stride, 1, 1, pad, pad, pad, pad};
    if (relu6)
        node->clip_min = 0, node->clip_max = 3;
    if (op == QOP_CONV)
        node->n_weights = (int64_t)c * kernel * kernel * t.c;
    if (op == QOP_DEPTHWISE)
        node->n_weights = (int64_t)c * kernel * kernel;
    return node->output;
}

static int draw(struct builder *b, int low, int high)
{
    return low + (int)rng_below(&b->rng, (uint32_t)(high - low + 1));
}

static int residual(struct builder *b, int in, int x)
{
    const struct qtensor p = b->q->tensors[in], t = b->q->tensors[x];
    if (p.h != t.h || p.w != t.w || p.c != t.c)
        return x;
    struct qnode *node = add(b, QOP_ADD, in, t.h, t.w, t.c);
    node->inputs[node->n_inputs++] = x;
    return node->output;
}

/* An inverted residual block, a separable convolution or a plain one. */
static int block(struct builder *b, int in, int c, int stride, int family)
{
    const int kernel = 3 + 2 * draw(b, 0, 2), in_c = b->q->tensors[in].c;
    if (family == 0) { /* plain */
        int x = windowed(b, QOP_CONV, in, c, 3, stride, true);
        return residual(b, in, windowed(b, QOP_CONV, x, c, 3, 1, false));
    }
    int x = in, expand = family == 1 ? 1 : draw(b, 2, 6);
    if (expand > 1)
        x = windowed(b, QOP_CONV, x, 8 * ((in_c * expand + 7) / 8), 1, 1, true);
    x = windowed(b, QOP_DEPTHWISE, x, b->q->tensors[x].c, kernel, stride, true);
    x = windowed(b, QOP_CONV, x, c, 1, 1, family == 1);
    return residual(b, in, x);
}

struct qmodel *cost_network_drawn(int index, int shrink, struct arena *arena)
{
    struct qmodel *q = ARENA_NEW(arena, struct qmodel);
    struct builder b = {q, rng_stream(0x636f7374, (uint64_t)index << 8 | (uint64_t)shrink)};
    q->arena = arena;
    q->name = "drawn";
    q->tensors = ARENA_ARRAY(arena, struct qtensor, MAX_NODES + 1);
    q->nodes = ARENA_ARRAY(arena, struct qnode, MAX_NODES);
    int size = 8 * draw(&b, 4, shrink < 12 ? 20 - shrink : 8), family = draw(&b, 0, 9);
    family = family < 2 ? 0 : family == 2 ? 1 : 2; /* plain, separable, inverted residuals */
    q->tensors[0] =
        (struct qtensor){.name = "image", .h = size, .w = size, .c = draw(&b, 0, 7) ? 3 : 1, .producer = -1};
    q->n_tensors = 1;
    int c = 8 * draw(&b, 1, 4), x = windowed(&b, QOP_CONV, 0, c, 3, draw(&b, 0, 5) ? 2 : 1, true);
    int blocks = draw(&b, 6, family == 0 ? 9 : 16);
    for (int i = 0; i < blocks; i++) {
        bool smaller = q->tensors[x].h > 5 && draw(&b, 0, blocks) < 6;
        if (smaller || draw(&b, 0, 3) == 0)
            c += 4 * draw(&b, 1, shrink < 8 ? 10 : 5);
        x = block(&b, x, c, smaller ? 2 : 1, family);
    }
    if (draw(&b, 0, 1))
        x = windowed(&b, QOP_CONV, x, 16 * draw(&b, 8, shrink < 8 ? 40 : 12), 1, 1, true);
    x = add(&b, QOP_MEAN, x, 1, 1, q->tensors[x].c)->output;
    static const int classes[] = {2, 10, 12, 64, 100, 200};
    int answers = classes[draw(&b, 0, 5)];
    struct qnode *node = add(&b, QOP_FULLY_CONNECTED, x, 1, 1, answers);
    node->n_weights = (int64_t)q->tensors[x].c * answers;
    if (draw(&b, 0, 1))
        add(&b, QOP_SOFTMAX, node->output, 1, 1, answers);
    return q;
}
