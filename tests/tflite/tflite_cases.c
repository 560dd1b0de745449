/*
 * tflite_cases.c - small int8 TensorFlow Lite networks, inputs and our answers, for tflite_compare.cjs.
 *
 *     tflite_cases FOLDER
 *
 * FOLDER/cases.txt: number, steps by which TensorFlow Lite may differ, name; beside it NUMBER.tflite, .in,
 * .out.
 *
 * HARD_SWISH, RESIZE_NEAREST_NEIGHBOR and what moves data run in TensorFlow Lite's own kernels there: exact.
 * LOGISTIC and TANH are tables of floats, ADD, SUB, MUL and MEAN are XNNPACK's, which rounds once: a step
 * apart at most.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "quant/qexec.h"
#include "quant/qmodel.h"
#include "quant/tflite.h"
#include "tflite_fixture.h"

struct cases {
    const char *folder;
    FILE *list;
    int n;
    struct rng rng;
};

static void write_file(const struct cases *cases, const char *suffix, const void *data, size_t bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.%s", cases->folder, cases->n, suffix);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, bytes, file) != bytes || fclose(file)) {
        perror(path);
        exit(1);
    }
}

/* Every byte value occurs where there is room. */
static void add_case(struct cases *cases, const struct tflite_net *net, int steps, const char *name)
{
    struct arena arena = ARENA_INIT;
    struct net_file *bytes = tflite_net_write(net);
    struct tflite *file;
    struct qmodel *q;
    if (tflite_parse(&file, bytes->data, bytes->n, name, &arena) ||
        qmodel_from_tflite(&q, file, &arena, NULL))
        exit(1);
    const size_t n_in = (size_t)qtensor_bytes(&q->tensors[q->input]),
                 n_out = (size_t)qtensor_bytes(&q->tensors[q->output]);
    int8_t *in = arena_alloc(&arena, n_in), *out = arena_alloc(&arena, n_out);
    for (size_t i = 0; i < n_in; i++)
        in[i] = (int8_t)(i < 256 ? (int)i - 128 : (int)rng_below(&cases->rng, 256) - 128);
    if (qexec_run(q, in, out, NULL))
        exit(1);
    write_file(cases, "tflite", bytes->data, bytes->n);
    write_file(cases, "in", in, n_in);
    write_file(cases, "out", out, n_out);
    fprintf(cases->list, "%d\t%d\t%s\n", cases->n++, steps, name);
    free(bytes);
    arena_release(&arena);
}

static float draw_scale(struct cases *cases, double low, double high)
{
    return (float)(low * pow(high / low, rng_uniform(&cases->rng)));
}

static int draw(struct cases *cases, int low, int high)
{
    return low + (int)rng_below(&cases->rng, (uint32_t)(high - low + 1));
}

static struct net_tensor map(const char *name, int h, int w, int c, float scale, int zero_point)
{
    return (struct net_tensor){name, TFLITE_INT8, 4, {1, h, w, c}, NULL, 0, 1, {scale}, zero_point};
}

static void add_unaries(struct cases *cases)
{
    static const struct {
        int code, steps;
        const char *name;
        float scale; /* of the output; 0: any */
        int zero_point;
    } kinds[] = {{TFLITE_HARD_SWISH, 0, "HARD_SWISH", 0, 0},
                 {TFLITE_LOGISTIC, 1, "LOGISTIC", 1.0f / 256, -128},
                 {TFLITE_TANH, 1, "TANH", 1.0f / 128, 0}};
    for (int kind = 0; kind < 3; kind++)
        for (int i = 0; i < 20; i++) {
            const float in = draw_scale(cases, 0.004, 0.2);
            const float scale = kinds[kind].scale > 0 ? kinds[kind].scale : in * draw_scale(cases, 0.55, 1.5);
            const int zero_point = kinds[kind].scale > 0 ? kinds[kind].zero_point : draw(cases, -128, 60);
            struct tflite_net net = {.n_tensors = 2,
                                     .tensors = {map("in", 16, 16, 1, in, draw(cases, -128, 127)),
                                                 map("out", 16, 16, 1, scale, zero_point)},
                                     .n_operators = 1,
                                     .operators = {{kinds[kind].code, 1, {0}, 1}},
                                     .output = 1};
            add_case(cases, &net, kinds[kind].steps, kinds[kind].name);
        }
}

static void add_resizes(struct cases *cases)
{
    static const char *const names[3] = {"RESIZE_NEAREST_NEIGHBOR",
                                         "RESIZE_NEAREST_NEIGHBOR, half_pixel_centers",
                                         "RESIZE_NEAREST_NEIGHBOR, align_corners"};
    for (int i = 0; i < 60; i++) {
        const int way = i % 3, c = draw(cases, 1, 5);
        const int32_t size[2] = {draw(cases, 1, 40), draw(cases, 1, 40)};
        struct tflite_net net = {
            .n_tensors = 3,
            .tensors = {map("in", draw(cases, 1, 30), draw(cases, 1, 30), c, 0.1f, 3),
                        {"size", TFLITE_INT32, 1, {2}, size, sizeof size},
                        map("out", size[0], size[1], c, 0.1f, 3)},
            .n_operators = 1,
            .operators =
                {{TFLITE_RESIZE_NEAREST_NEIGHBOR, 2, {0, 1}, 2, 74, 2, {{0, way == 2}, {1, way == 1}}}},
            .output = 2};
        add_case(cases, &net, 0, names[way]);
    }
}

/* Of the input and its HARD_SWISH. */
static void add_binaries(struct cases *cases)
{
    static const struct {
        int code, options;
        const char *name;
    } kinds[] = {{TFLITE_ADD, 11, "ADD"}, {TFLITE_SUB, 28, "SUB"}, {TFLITE_MUL, 21, "MUL"}};
    for (int i = 0; i < 60; i++) {
        const float a = draw_scale(cases, 0.01, 0.1), b = a * draw_scale(cases, 0.6, 1.4);
        const float out = kinds[i % 3].code == TFLITE_MUL ? a * b * draw_scale(cases, 5, 80)
                                                          : a * draw_scale(cases, 0.5, 3);
        struct tflite_net net = {
            .n_tensors = 3,
            .tensors = {map("in", 16, 16, 2, a, draw(cases, -50, 50)),
                        map("other", 16, 16, 2, b, draw(cases, -128, 50)),
                        map("out", 16, 16, 2, out, draw(cases, -128, 100))},
            .n_operators = 2,
            .operators = {{TFLITE_HARD_SWISH, 1, {0}, 1},
                          {kinds[i % 3].code, 2, {0, 1}, 2, kinds[i % 3].options, 1, {{0, i % 2 ? 3 : 0}}}},
            .output = 2};
        add_case(cases, &net, 1, kinds[i % 3].name);
    }
}

/* With one constant per channel, on either side. */
static void add_channel_constants(struct cases *cases)
{
    static const struct {
        int code, options;
        const char *name;
    } kinds[] = {{TFLITE_ADD, 11, "ADD of a constant"}, {TFLITE_SUB, 28, "SUB of a constant"}};
    for (int i = 0; i < 24; i++) {
        enum { C = 4 };
        int8_t constants[C];
        for (int c = 0; c < C; c++)
            constants[c] = (int8_t)draw(cases, -128, 127);
        const float a = draw_scale(cases, 0.01, 0.1), b = a * draw_scale(cases, 0.3, 2);
        const int first = i >> 1 & 1;
        struct tflite_net net = {
            .n_tensors = 3,
            .tensors = {map("in", 16, 16, C, a, draw(cases, -50, 50)),
                        {"k", TFLITE_INT8, 4, {1, 1, 1, C}, constants, C, 1, {b}, draw(cases, -128, 127)},
                        map("out", 16, 16, C, a * draw_scale(cases, 0.5, 3), draw(cases, -128, 100))},
            .n_operators = 1,
            .operators =
                {{kinds[i % 2].code, 2, {first, !first}, 2, kinds[i % 2].options, 1, {{0, i % 4 ? 0 : 3}}}},
            .output = 2};
        add_case(cases, &net, 1, kinds[i % 2].name);
    }
}

/* Of the input with itself, and of both with the input, along one side. */
static void add_concats(struct cases *cases)
{
    static const char *const names[3] = {"CONCATENATION, rows", "CONCATENATION, columns",
                                         "CONCATENATION, channels"};
    for (int i = 0; i < 12; i++) {
        const int axis = 1 + i % 3, h = draw(cases, 1, 9), w = draw(cases, 1, 9), c = draw(cases, 1, 9);
        int size[2][4];
        for (int k = 0; k < 8; k++)
            size[k / 4][k % 4] = (k % 4 == 1 ? h : k % 4 == 2 ? w : c) * (k % 4 == axis ? 2 + k / 4 : 1);
        struct tflite_net net = {
            .n_tensors = 3,
            .tensors = {map("in", h, w, c, 0.1f, 3), map("two", size[0][1], size[0][2], size[0][3], 0.1f, 3),
                        map("three", size[1][1], size[1][2], size[1][3], 0.1f, 3)},
            .n_operators = 2,
            .operators = {{TFLITE_CONCATENATION, 2, {0, 0}, 1, 10, 1, {{0, axis}}},
                          {TFLITE_CONCATENATION, 2, {1, 0}, 2, 10, 1, {{0, axis - (i % 2 ? 4 : 0)}}}},
            .output = 2};
        add_case(cases, &net, 0, names[axis - 1]);
    }
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: tflite_cases FOLDER\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/cases.txt", argv[1]);
    struct cases cases = {.folder = argv[1], .list = fopen(path, "w"), .rng = rng_seeded(1)};
    if (!cases.list) {
        perror(path);
        return 1;
    }
    add_unaries(&cases);
    add_resizes(&cases);
    add_binaries(&cases);
    add_concats(&cases);
    add_channel_constants(&cases);
    return fclose(cases.list) ? 1 : 0;
}
