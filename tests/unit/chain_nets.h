/*
 * chain_nets.h - network structures for planner tests, from a line of text; and random ones.
 */
#ifndef TESTS_UNIT_CHAIN_NETS_H
#define TESTS_UNIT_CHAIN_NETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "quant/qmodel.h"

enum { NET_MAX_NODES = 96 };

struct net {
    struct qmodel qmodel;
    struct qtensor tensors[NET_MAX_NODES + 1];
    struct qnode nodes[NET_MAX_NODES];
};

static inline void net_begin(struct net *net, int h, int w, int c)
{
    memset(net, 0, sizeof *net);
    net->qmodel.tensors = net->tensors;
    net->qmodel.nodes = net->nodes;
    net->tensors[0] = (struct qtensor){.name = "input", .h = h, .w = w, .c = c, .producer = -1};
    net->qmodel.n_tensors = 1;
}

static inline int net_add(struct net *net, enum qop op, int h, int w, int c, int in, int in2)
{
    struct qmodel *q = &net->qmodel;
    struct qnode *node = &net->nodes[q->n_nodes];
    *node = (struct qnode){.op = op, .name = "node", .inputs = {in, in2}, .n_inputs = in2 < 0 ? 1 : 2};
    node->window = (struct window){1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    node->output = q->n_tensors;
    if (op == QOP_CONV)
        node->n_weights = (int64_t)c * net->tensors[in].c;
    if (op == QOP_FULLY_CONNECTED)
        node->n_weights = (int64_t)c * qtensor_bytes(&net->tensors[in]);
    net->tensors[q->n_tensors] =
        (struct qtensor){.name = "tensor", .h = h, .w = w, .c = c, .producer = q->n_nodes};
    q->n_nodes++;
    q->output = q->n_tensors++;
    return q->output;
}

/* c <= 0: depthwise. same: TensorFlow's padding, which may be asymmetric; else kernel / 2 on every side. */
static inline int net_windowed(struct net *net, enum qop op, int in, int c, int kh, int kw, int stride,
                               bool same)
{
    const struct qtensor t = net->tensors[in];
    int top = kh / 2, left = kw / 2, bottom = kh / 2, right = kw / 2;
    int h = (t.h + 2 * top - kh) / stride + 1, w = (t.w + 2 * left - kw) / stride + 1;
    if (same) {
        h = (t.h + stride - 1) / stride;
        w = (t.w + stride - 1) / stride;
        int y = (h - 1) * stride + kh - t.h, x = (w - 1) * stride + kw - t.w;
        y = y > 0 ? y : 0;
        x = x > 0 ? x : 0;
        top = y / 2, bottom = y - top, left = x / 2, right = x - left;
    }
    int out = net_add(net, op, h, w, op == QOP_CONV ? c : t.c, in, -1);
    struct qnode *node = &net->nodes[net->qmodel.n_nodes - 1];
    node->window = (struct window){kh, kw, stride, stride, 1, 1, top, left, bottom, right};
    if (op == QOP_CONV || op == QOP_DEPTHWISE)
        node->n_weights = (int64_t)kh * kw * (op == QOP_CONV ? t.c : 1) * net->tensors[out].c;
    return out;
}

static inline int net_conv(struct net *net, int in, int c, int k, int stride)
{
    return net_windowed(net, QOP_CONV, in, c, k, k, stride, false);
}

static inline int net_classifier(struct net *net, int in, int classes)
{
    int c = net->tensors[in].c;
    int mean = net_add(net, QOP_MEAN, 1, 1, c, in, -1);
    return net_add(net, QOP_FULLY_CONNECTED, 1, 1, classes, mean, -1);
}

static inline int net_global_pool(struct net *net, int in)
{
    const struct qtensor t = net->tensors[in];
    int out = net_add(net, QOP_AVERAGE_POOL, 1, 1, t.c, in, -1);
    net->nodes[net->qmodel.n_nodes - 1].window = (struct window){t.h, t.w, 1, 1, 1, 1, 0, 0, 0, 0};
    return out;
}

/* "kernel:middle:out:stride" with a "+" for a residual, separated by blanks. */
static inline void net_mobile(struct net *net, int resolution, int first, const char *blocks, int classes)
{
    net_begin(net, resolution, resolution, 3);
    int x = net_conv(net, 0, first, 3, 2);
    for (const char *b = blocks; *b;) {
        int k, middle, out, stride, used;
        if (sscanf(b, "%d:%d:%d:%d%n", &k, &middle, &out, &stride, &used) != 4)
            abort();
        b += used;
        int skip = x, y = x;
        if (skip != 1 || middle != net->tensors[x].c)
            y = net_conv(net, y, middle, 1, 1);
        y = net_windowed(net, QOP_DEPTHWISE, y, 0, k, k, stride, false);
        y = net_conv(net, y, out, 1, 1);
        if (*b == '+') {
            b++;
            y = net_add(net, QOP_ADD, net->tensors[y].h, net->tensors[y].w, out, y, skip);
        }
        while (*b == ' ')
            b++;
        x = y;
    }
    net_classifier(net, x, classes);
}

/* A small net of such blocks, with channels that DSP kernels take. */
static inline void net_random_mobile(struct net *net, uint64_t index)
{
    struct rng rng = rng_stream(16, index);
    char blocks[256];
    size_t used = 0;
    int n = 2 + (int)rng_below(&rng, 4), c = 4 * (1 + (int)rng_below(&rng, 4)), first = c;
    for (int i = 0; i < n; i++) {
        int kernel = 3 + 2 * (int)rng_below(&rng, 3), stride = rng_below(&rng, 3) == 0 ? 2 : 1;
        int middle = i == 0 && rng_below(&rng, 2) ? c : 4 * (1 + (int)rng_below(&rng, 12));
        int out = rng_below(&rng, 2) ? c : 4 * (1 + (int)rng_below(&rng, 6));
        used += (size_t)snprintf(blocks + used, sizeof blocks - used, "%d:%d:%d:%d%s ", kernel, middle, out,
                                 stride, stride == 1 && out == c ? "+" : "");
        c = out;
    }
    net_mobile(net, 12 + (int)rng_below(&rng, 20), first, blocks, 5);
}

static inline void net_vww96(struct net *net)
{
    static const int layers[][2] = {{1, 16},  {2, 32},  {1, 32},  {2, 64},  {1, 64},  {2, 128}, {1, 128},
                                    {1, 128}, {1, 128}, {1, 128}, {1, 128}, {2, 256}, {1, 256}};
    net_begin(net, 96, 96, 3);
    int x = net_windowed(net, QOP_CONV, 0, 8, 3, 3, 2, true);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        x = net_windowed(net, QOP_DEPTHWISE, x, 0, 3, 3, layers[i][0], true);
        x = net_conv(net, x, layers[i][1], 1, 1);
    }
    net_classifier(net, x, 2);
}

static inline void net_kws(struct net *net)
{
    net_begin(net, 49, 10, 1);
    int x = net_windowed(net, QOP_CONV, 0, 64, 10, 4, 2, true);
    for (int i = 0; i < 4; i++) {
        x = net_windowed(net, QOP_DEPTHWISE, x, 0, 3, 3, 1, true);
        x = net_conv(net, x, 64, 1, 1);
    }
    net_classifier(net, x, 12);
}

static inline void net_ic(struct net *net)
{
    net_begin(net, 32, 32, 3);
    int x = net_windowed(net, QOP_CONV, 0, 16, 3, 3, 1, true);
    int y = net_windowed(net, QOP_CONV, x, 16, 3, 3, 1, true);
    y = net_windowed(net, QOP_CONV, y, 16, 3, 3, 1, true);
    x = net_add(net, QOP_ADD, 32, 32, 16, y, x);
    for (int c = 32; c <= 64; c *= 2) {
        int shortcut = net_windowed(net, QOP_CONV, x, c, 1, 1, 2, true);
        y = net_windowed(net, QOP_CONV, x, c, 3, 3, 2, true);
        y = net_windowed(net, QOP_CONV, y, c, 3, 3, 1, true);
        x = net_add(net, QOP_ADD, net->tensors[y].h, net->tensors[y].w, c, y, shortcut);
    }
    net_classifier(net, x, 10);
}

/* Two paths from x that are added at the end: a stack of operators, and x itself or one convolution. */
static inline int net_random_block(struct net *net, struct rng *rng, int x)
{
    const struct qtensor t = net->tensors[x];
    int stride = t.h > 3 && t.w > 3 && rng_below(rng, 3) == 0 ? 2 : 1, c = 1 + (int)rng_below(rng, 12), y = x;
    bool same = rng_below(rng, 2);
    int n = 1 + (int)rng_below(rng, 3);
    for (int i = 0; i < n; i++) {
        int kernel = 1 + 2 * (int)rng_below(rng, 3);
        switch (rng_below(rng, 3)) {
        case 0:
            y = net_windowed(net, QOP_DEPTHWISE, y, 0, kernel, kernel, 1, same);
            break;
        case 1:
            y = net_windowed(net, QOP_CONV, y, 1 + (int)rng_below(rng, 16), kernel, kernel, 1, same);
            break;
        default:
            y = net_add(net, QOP_TABLE, net->tensors[y].h, net->tensors[y].w, net->tensors[y].c, y, -1);
        }
    }
    bool residual = rng_below(rng, 3) > 0;
    if (residual && stride == 1 && rng_below(rng, 2))
        c = t.c;
    y = net_windowed(net, QOP_CONV, y, c, 1, 1, stride, same);
    if (residual) {
        int z = x;
        if (stride > 1 || c != t.c)
            z = net_windowed(net, QOP_CONV, x, c, 1, 1, stride, same);
        y = net_add(net, QOP_ADD, net->tensors[y].h, net->tensors[y].w, c, y, z);
    }
    return y;
}

static inline int net_random_windowed(struct net *net, struct rng *rng, int x)
{
    static const enum qop ops[] = {QOP_CONV, QOP_CONV, QOP_DEPTHWISE, QOP_AVERAGE_POOL, QOP_MAX_POOL};
    const struct qtensor t = net->tensors[x];
    enum qop op = ops[rng_below(rng, 5)];
    int kernel = 1 + (int)rng_below(rng, 5), stride = 1 + (int)rng_below(rng, 3),
        dilation = 1 + (int)rng_below(rng, 2), reach = (kernel - 1) * dilation + 1;
    int top = (int)rng_below(rng, (uint32_t)reach), bottom = (int)rng_below(rng, (uint32_t)reach);
    if (t.h + top + bottom < reach || t.w + top + bottom < reach)
        kernel = reach = stride = dilation = 1, top = bottom = 0;
    int h = (t.h + top + bottom - reach) / stride + 1, w = (t.w + top + bottom - reach) / stride + 1;
    int c = op == QOP_CONV ? 1 + (int)rng_below(rng, 12) : t.c;
    int y = net_add(net, op, h, w, c, x, -1);
    struct qnode *node = &net->nodes[net->qmodel.n_nodes - 1];
    node->window =
        (struct window){kernel, kernel, stride, stride, dilation, dilation, top, top, bottom, bottom};
    node->n_weights = op == QOP_CONV        ? kernel * kernel * c * t.c
                      : op == QOP_DEPTHWISE ? kernel * kernel * c
                                            : 0;
    return y;
}

/* Every operator, branches, odd paddings; every tensor is read by somebody. */
static inline void net_random(struct net *net, uint64_t index, int max_nodes)
{
    struct rng rng = rng_stream(11, index);
    /* Arguments are evaluated in any order: draw first, so that every compiler tests the same networks. */
    int h = 1 + (int)rng_below(&rng, 24), w = 1 + (int)rng_below(&rng, 8), c = 1 + (int)rng_below(&rng, 4);
    net_begin(net, h, w, c);
    int x = 0, n = 1 + (int)rng_below(&rng, (uint32_t)max_nodes);
    while (net->qmodel.n_nodes < n) {
        const struct qtensor t = net->tensors[x];
        switch (t.h * t.w < 1000 ? rng_below(&rng, 13) : rng_below(&rng, 12)) {
        case 0:
        case 1:
        case 2:
        case 3:
            x = net_random_block(net, &rng, x);
            break;
        case 4: { /* squeeze and excite */
            int mean = net_add(net, QOP_MEAN, 1, 1, t.c, x, -1);
            int factor = net_add(net, QOP_FULLY_CONNECTED, 1, 1, t.c, mean, -1);
            x = net_add(net, QOP_MUL, t.h, t.w, t.c, x, factor);
            break;
        }
        case 5: {
            int top = (int)rng_below(&rng, 3), bottom = (int)rng_below(&rng, 3);
            x = net_add(net, QOP_PAD, t.h + top + bottom, t.w + 2, t.c, x, -1);
            net->nodes[net->qmodel.n_nodes - 1].window = (struct window){1, 1, 1, 1, 1, 1, top, 1, bottom, 1};
            break;
        }
        case 6: {
            int y = net_windowed(net, QOP_CONV, x, 1 + (int)rng_below(&rng, 6), 3, 3, 1, true);
            int z = net_windowed(net, QOP_DEPTHWISE, x, 0, 5, 5, 1, true);
            x = net_add(net, QOP_CONCAT, t.h, t.w, net->tensors[y].c + net->tensors[z].c, y, z);
            break;
        }
        case 12: { /* below or beside each other */
            int y = net_windowed(net, QOP_DEPTHWISE, x, 0, 3, 3, 1, true), z = x;
            if (rng_below(&rng, 2))
                z = net_windowed(net, QOP_CONV, x, t.c, 3, 3, 1, true);
            bool rows = rng_below(&rng, 3) > 0;
            x = net_add(net, QOP_CONCAT, rows ? 2 * t.h : t.h, rows ? t.w : 2 * t.w, t.c, y, z);
            net->nodes[net->qmodel.n_nodes - 1].axis = rows ? CONCAT_ROWS : CONCAT_COLUMNS;
            break;
        }
        case 7:
            x = net_add(net, QOP_ADD, t.h, t.w, t.c, x, x);
            break;
        case 8:
            x = net_add(net, rng_below(&rng, 2) ? QOP_TABLE : QOP_ADD_CONSTANT, t.h, t.w, t.c, x, -1);
            break;
        default:
            x = net_random_windowed(net, &rng, x);
        }
    }
    if (rng_below(&rng, 3) == 0)
        net_classifier(net, x, 1 + (int)rng_below(&rng, 10));
    else if (rng_below(&rng, 2))
        net_global_pool(net, x);
}

static const char net_in2_blocks[] = "3:16:8:1 5:24:16:2 7:96:16:1+ 3:80:16:1+ 5:80:16:1+ 3:80:24:2 "
                                     "7:144:24:1+ 5:144:24:1+ 7:96:40:2 5:200:40:1+ 3:200:48:1 5:240:48:1+ "
                                     "3:192:48:1+ 5:288:96:2 5:384:96:1+ 5:288:96:1+ 3:384:96:1+ 5:480:160:1";
static const char net_in3_blocks[] = "3:16:8:1 7:24:16:2 3:80:16:1+ 7:80:16:1+ 5:64:16:1+ 5:80:24:2 "
                                     "5:120:24:1+ 5:120:24:1+ 3:120:40:2 7:240:40:1+ 5:160:40:1+ 5:200:48:1 "
                                     "7:240:48:1+ 3:240:48:1+ 3:288:96:2 7:480:96:1+ 3:384:96:1+ 7:480:160:1";
static const char net_in4_blocks[] = "3:32:16:1 7:48:24:2 3:120:24:1+ 5:96:24:1+ 7:120:40:2 3:160:40:1+ "
                                     "7:160:40:1+ 7:120:80:2 3:240:80:1+ 7:240:80:1+ 3:320:96:1 5:288:96:1+ "
                                     "5:288:96:1+ 7:384:192:2 7:576:192:1+ 5:576:192:1+ 5:768:320:1";
static const char net_vww80_blocks[] = "3:16:8:1 3:48:16:2 3:48:16:1+ 3:48:16:1+ 7:48:24:2 3:144:24:1+ "
                                       "5:120:24:1+ 7:144:40:2 7:240:40:1+ 3:240:48:1 3:192:48:1+ "
                                       "5:240:96:2 3:480:96:1+ 3:384:96:1+ 7:288:160:1";

struct net_case {
    const char *name;
    int resolution, first;
    const char *blocks;
    int classes;
};

static const struct net_case net_cases[] = {
    {"mcunet-in4", 160, 32, net_in4_blocks, 1000},
    {"mcunet-in3", 176, 16, net_in3_blocks, 1000},
    {"mcunet-in2", 160, 16, net_in2_blocks, 1000},
    {"vww_80x80", 80, 16, net_vww80_blocks, 2},
    {"vww96", 0, 0, NULL, 0},
    {"kws", 0, 1, NULL, 0},
    {"ic", 0, 2, NULL, 0},
    {"TinyNAS candidate", 64, 16, net_in2_blocks, 100},
};
enum { NET_CASES = sizeof net_cases / sizeof *net_cases };

static inline void net_case_build(struct net *net, const struct net_case *c)
{
    if (c->blocks)
        net_mobile(net, c->resolution, c->first, c->blocks, c->classes);
    else if (c->first == 0)
        net_vww96(net);
    else if (c->first == 1)
        net_kws(net);
    else
        net_ic(net);
}

#endif
