/*
 * tflite_fixture.h - small TensorFlow Lite files, written from a description.
 *
 *     struct tflite_net net = {.tensors = {...}, .n_tensors = 3, .operators = {...}, .n_operators = 1, .input
 * = 0, .output = 2}; struct tflite_bytes_out file = tflite_net_write(&net);
 *
 * Tables are written before what they refer to, so that all offsets point forward, as flatbuffers demand.
 */
#ifndef TESTS_UNIT_TFLITE_FIXTURE_H
#define TESTS_UNIT_TFLITE_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tflite.h"

struct net_tensor {
    const char *name;
    int type, rank, dim[6];
    const void *data;
    size_t bytes;
    int n_scales;
    float scale[8];
    int64_t zero_point;
    int quantized_dimension;
};

struct net_option {
    int field, value;
    float real; /* when not 0: instead of value */
};

struct net_operator {
    int code, n_inputs, inputs[6], output;
    int options_type, n_options;
    struct net_option options[8];
};

struct tflite_net {
    struct net_tensor tensors[24];
    int n_tensors;
    struct net_operator operators[12];
    int n_operators;
    int input, output;
    int version; /* 0: 3 */
};

struct net_file {
    uint8_t data[1 << 15];
    size_t n;
};

static inline void net_put(struct net_file *f, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        f->data[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

static inline size_t net_reserve(struct net_file *f, size_t bytes)
{
    const size_t at = f->n = (f->n + 7) / 8 * 8;
    f->n += bytes;
    if (f->n > sizeof f->data)
        abort();
    return at;
}

/* n fields of 8 bytes each; those in `absent` stay out of the vtable. */
static inline size_t net_table(struct net_file *f, int n, unsigned present)
{
    const size_t vtable = net_reserve(f, 4 + 2 * (size_t)n), table = net_reserve(f, 8 + 8 * (size_t)n);
    net_put(f, vtable, 4 + 2 * (uint64_t)n, 2);
    net_put(f, vtable + 2, 8 + 8 * (uint64_t)n, 2);
    for (int i = 0; i < n; i++)
        net_put(f, vtable + 4 + 2 * (size_t)i, present >> i & 1 ? 8 + 8 * (uint64_t)i : 0, 2);
    net_put(f, table, table - vtable, 4);
    return table;
}

static inline void net_set(struct net_file *f, size_t table, int field, uint64_t value, int bytes)
{
    net_put(f, table + 8 + 8 * (size_t)field, value, bytes);
}

static inline void net_refer_at(struct net_file *f, size_t at, size_t target)
{
    net_put(f, at, target - at, 4);
}

static inline void net_refer(struct net_file *f, size_t table, int field, size_t target)
{
    net_refer_at(f, table + 8 + 8 * (size_t)field, target);
}

static inline size_t net_vector(struct net_file *f, const void *data, size_t n, size_t each)
{
    const size_t at = net_reserve(f, 4 + n * each + 4);
    net_put(f, at, n, 4);
    if (data)
        memcpy(f->data + at + 4, data, n * each);
    return at;
}

static inline void net_write_tensor(struct net_file *f, const struct net_tensor *t, size_t at, int buffer)
{
    const size_t table = net_table(f, 5, 0x1f);
    net_refer_at(f, at, table);
    net_set(f, table, 1, (uint64_t)t->type, 1);
    net_set(f, table, 2, (uint64_t)buffer, 4);
    net_refer(f, table, 0, net_vector(f, t->dim, (size_t)t->rank, 4));
    net_refer(f, table, 3, net_vector(f, t->name, strlen(t->name), 1));
    const size_t quantization = net_table(f, 7, t->n_scales ? 0x4c : 0);
    net_refer(f, table, 4, quantization);
    if (!t->n_scales)
        return;
    int64_t zero_points[8];
    for (int i = 0; i < 8; i++)
        zero_points[i] = t->zero_point;
    net_refer(f, quantization, 2, net_vector(f, t->scale, (size_t)t->n_scales, 4));
    net_refer(f, quantization, 3, net_vector(f, zero_points, (size_t)t->n_scales, 8));
    net_set(f, quantization, 6, (uint64_t)t->quantized_dimension, 4);
}

static inline void net_write_operator(struct net_file *f, const struct net_operator *op, size_t at, int index)
{
    const size_t table = net_table(f, 5, op->options_type ? 0x1f : 0x7);
    net_refer_at(f, at, table);
    net_set(f, table, 0, (uint64_t)index, 4);
    net_refer(f, table, 1, net_vector(f, op->inputs, (size_t)op->n_inputs, 4));
    net_refer(f, table, 2, net_vector(f, &op->output, 1, 4));
    if (!op->options_type)
        return;
    unsigned present = 0;
    for (int i = 0; i < op->n_options; i++)
        present |= 1u << op->options[i].field;
    const size_t options = net_table(f, 8, present);
    net_set(f, table, 3, (uint64_t)op->options_type, 1);
    net_refer(f, table, 4, options);
    for (int i = 0; i < op->n_options; i++) {
        uint32_t bits = (uint32_t)op->options[i].value;
        if (op->options[i].real != 0)
            memcpy(&bits, &op->options[i].real, 4);
        net_set(f, options, op->options[i].field, bits, 4);
    }
}

/* Buffer 0 is empty, buffer i + 1 belongs to tensor i; one operator code per operator. The caller frees. */
static inline struct net_file *tflite_net_write(const struct tflite_net *net)
{
    struct net_file *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->n = 8;
    memcpy(f->data + 4, "TFL3", 4);
    const size_t model = net_table(f, 5, 0x1f);
    net_refer_at(f, 0, model);
    net_set(f, model, 0, (uint64_t)(net->version ? net->version : 3), 4);
    net_refer(f, model, 3, net_vector(f, "fixture", 7, 1));
    const size_t codes = net_vector(f, NULL, (size_t)net->n_operators, 4);
    net_refer(f, model, 1, codes);
    for (int i = 0; i < net->n_operators; i++) {
        const int code = net->operators[i].code;
        const size_t table = net_table(f, 4, code > 126 ? 0x9 : 0x1);
        net_refer_at(f, codes + 4 + 4 * (size_t)i, table);
        net_set(f, table, 0, (uint64_t)(code > 126 ? 127 : code), 1);
        net_set(f, table, 3, (uint64_t)code, 4);
    }
    const size_t subgraphs = net_vector(f, NULL, 1, 4), subgraph = net_table(f, 4, 0xf);
    net_refer(f, model, 2, subgraphs);
    net_refer_at(f, subgraphs + 4, subgraph);
    net_refer(f, subgraph, 1, net_vector(f, &net->input, 1, 4));
    net_refer(f, subgraph, 2, net_vector(f, &net->output, 1, 4));
    const size_t tensors = net_vector(f, NULL, (size_t)net->n_tensors, 4);
    net_refer(f, subgraph, 0, tensors);
    for (int i = 0; i < net->n_tensors; i++)
        net_write_tensor(f, &net->tensors[i], tensors + 4 + 4 * (size_t)i, i + 1);
    const size_t operators = net_vector(f, NULL, (size_t)net->n_operators, 4);
    net_refer(f, subgraph, 3, operators);
    for (int i = 0; i < net->n_operators; i++)
        net_write_operator(f, &net->operators[i], operators + 4 + 4 * (size_t)i, i);
    const size_t buffers = net_vector(f, NULL, (size_t)net->n_tensors + 1, 4);
    net_refer(f, model, 4, buffers);
    for (int i = 0; i <= net->n_tensors; i++) {
        const struct net_tensor *t = i ? &net->tensors[i - 1] : NULL;
        const size_t table = net_table(f, 1, t && t->data);
        net_refer_at(f, buffers + 4 + 4 * (size_t)i, table);
        if (t && t->data)
            net_refer(f, table, 0, net_vector(f, t->data, t->bytes, 1));
    }
    return f;
}

/* A float network: padded convolution, depthwise with multiplier 2 and RELU6, mean, fully connected, softmax.
 */
static inline struct net_file *tflite_float_net(void)
{
    static const float conv[2 * 3 * 3] = {1,    0, -1,   2, 0, -2, 1,     0,  -1,
                                          0.5f, 1, 0.5f, 0, 0, 0,  -0.5f, -1, -0.5f};
    static const float depthwise[4] = {1, -1, 0.5f, 2}, bias[4] = {0.25f, 0, -0.25f, 1};
    static const float dense[3 * 4] = {1, 0, 0, 1, 0, 1, -1, 0, 0.5f, 0.5f, 0.5f, 0.5f};
    static const int32_t pads[8] = {0, 0, 1, 0, 1, 0, 0, 0}, axes[2] = {1, 2};
    const struct tflite_net net =
        {.n_tensors = 13,
         .tensors = {{"image", TFLITE_FLOAT32, 4, {1, 5, 5, 1}},
                     {"pads", TFLITE_INT32, 2, {4, 2}, pads, sizeof pads},
                     {"padded", TFLITE_FLOAT32, 4, {1, 6, 6, 1}},
                     {"conv.w", TFLITE_FLOAT32, 4, {2, 3, 3, 1}, conv, sizeof conv},
                     {"conv;fused", TFLITE_FLOAT32, 4, {1, 2, 2, 2}},
                     {"depthwise.w", TFLITE_FLOAT32, 4, {1, 1, 1, 4}, depthwise, sizeof depthwise},
                     {"depthwise.b", TFLITE_FLOAT32, 1, {4}, bias, sizeof bias},
                     {"depthwise", TFLITE_FLOAT32, 4, {1, 2, 2, 4}},
                     {"axes", TFLITE_INT32, 1, {2}, axes, sizeof axes},
                     {"mean", TFLITE_FLOAT32, 2, {1, 4}},
                     {"dense.w", TFLITE_FLOAT32, 2, {3, 4}, dense, sizeof dense},
                     {"dense", TFLITE_FLOAT32, 2, {1, 3}},
                     {"softmax", TFLITE_FLOAT32, 2, {1, 3}}},
         .n_operators = 6,
         .operators =
             {{TFLITE_PAD, 2, {0, 1}, 2},
              {TFLITE_CONV_2D, 3, {2, 3, -1}, 4, 1, 4, {{0, 1}, {1, 2}, {2, 2}, {3, 0}}},
              {TFLITE_DEPTHWISE_CONV_2D, 3, {4, 5, 6}, 7, 2, 5, {{0, 0}, {1, 1}, {2, 1}, {3, 2}, {4, 3}}},
              {TFLITE_MEAN, 2, {7, 8}, 9, 27, 1, {{0, 0}}},
              {TFLITE_FULLY_CONNECTED, 3, {9, 10, -1}, 11, 8, 1, {{0, 0}}},
              {TFLITE_SOFTMAX, 1, {11}, 12, 9, 1, {{0, 0, 1.0f}}}},
         .input = 0,
         .output = 12};
    return tflite_net_write(&net);
}

#endif
