/*
 * nas_fixture.h - a tiny random supernet, written node by node as nas/supernet.h describes the format, so
 * that the tests of nas/ need no file and share no code with what they test.
 */
#ifndef TESTS_UNIT_NAS_FIXTURE_H
#define TESTS_UNIT_NAS_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "model/model.h"
#include "tests/unit/nas_fixture_json.h"

struct fixture {
    struct model *model;
    struct rng rng;
    const char *without_bn; /* the convolution that loses its BatchNormalization, or NULL */
};

static float *fixture_values(struct fixture *f, size_t n, double mean, double deviation)
{
    float *values = ARENA_ARRAY(f->model->arena, float, n);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(mean + deviation * rng_normal(&f->rng));
    return values;
}

static int fixture_constant(struct fixture *f, const char *name, const char *suffix, struct shape shape,
                            double mean, double deviation)
{
    const char *full = arena_printf(f->model->arena, "%s%s", name, suffix);
    size_t n = (size_t)shape_elements(&shape);
    float *values = fixture_values(f, n, mean, deviation);
    if (strcmp(suffix, ".bn.var") == 0)
        for (size_t i = 0; i < n; i++)
            values[i] = fabsf(values[i]) + 0.1f;
    return model_add_constant(f->model, full, shape, values);
}

static int fixture_node(struct fixture *f, enum op op, const char *name, const char *suffix, int x)
{
    return model_add_node(f->model, op, arena_printf(f->model->arena, "%s%s", name, suffix), &x, 1)->output;
}

/* Convolution; depthwise: in == out, one input channel each. */
static int fixture_conv(struct fixture *f, int x, const char *name, int in, int out, int k, int stride,
                        bool depthwise, bool bias)
{
    int inputs[3] = {x}, n = 2, per_group = depthwise ? 1 : in;
    inputs[1] = fixture_constant(f, name, ".weight", shape_of(4, out, k, k, per_group), 0,
                                 sqrt(2.0 / (k * k * per_group)));
    if (bias)
        inputs[n++] = fixture_constant(f, name, ".bias", shape_of(1, out), 0, 0.3);
    struct node *node = model_add_node(f->model, OP_CONV, name, inputs, n);
    node->group = depthwise ? in : 1;
    node->window = (struct window){k, k, stride, stride, 1, 1, k / 2, k / 2, k / 2, k / 2};
    return node->output;
}

static int fixture_bn(struct fixture *f, int x, const char *name, int channels)
{
    struct shape shape = shape_of(1, channels);
    int inputs[5] = {x, fixture_constant(f, name, ".bn.scale", shape, 1, 0.2),
                     fixture_constant(f, name, ".bn.bias", shape, 0, 0.3),
                     fixture_constant(f, name, ".bn.mean", shape, 0, 0.3),
                     fixture_constant(f, name, ".bn.var", shape, 1, 0.3)};
    struct node *node =
        model_add_node(f->model, OP_BATCH_NORM, arena_printf(f->model->arena, "%s.bn", name), inputs, 5);
    node->epsilon = 1e-3f;
    return node->output;
}

static int fixture_clip(struct fixture *f, int x, const char *name, float max)
{
    struct node *node =
        model_add_node(f->model, OP_CLIP, arena_printf(f->model->arena, "%s.act", name), &x, 1);
    node->act_max = max;
    return node->output;
}

/* Convolution, BatchNormalization, activation ('6': relu6, 'r': relu, 'h': hswish, '-': none). */
static int fixture_unit(struct fixture *f, int x, const char *name, int in, int out, int k, int stride,
                        bool depthwise, char act)
{
    x = fixture_conv(f, x, name, in, out, k, stride, depthwise, false);
    if (!f->without_bn || strcmp(f->without_bn, name) != 0)
        x = fixture_bn(f, x, name, out);
    if (act == 'h')
        return fixture_node(f, OP_HARD_SWISH, name, ".act", x);
    return act == '-' ? x : fixture_clip(f, x, name, act == '6' ? 6 : INFINITY);
}

static int fixture_se(struct fixture *f, int x, const char *block, int channels, int mid)
{
    struct arena *arena = f->model->arena;
    const char *reduce = arena_printf(arena, "%s.se.reduce", block),
               *expand = arena_printf(arena, "%s.se.expand", block);
    int y = fixture_node(f, OP_GLOBAL_AVERAGE_POOL, block, ".se.pool", x);
    y = fixture_clip(f, fixture_conv(f, y, reduce, channels, mid, 1, 1, false, true), reduce, INFINITY);
    y = fixture_conv(f, y, expand, mid, channels, 1, 1, false, true);
    struct node *gate =
        model_add_node(f->model, OP_HARD_SIGMOID, arena_printf(arena, "%s.act", expand), &y, 1);
    gate->alpha = 1.0f / 6;
    gate->beta = 0.5f;
    y = gate->output;
    return model_add_node(f->model, OP_MUL, arena_printf(arena, "%s.se.mul", block), (int[]){x, y}, 2)
        ->output;
}

/* Block b of a stage; mid == in: no expand convolution; transforms: "7to5" and "5to3" initializers. */
static int fixture_block(struct fixture *f, int x, const char *stage, int b, int in, int mid, int out, int k,
                         int stride, char act, int se_mid, bool transforms)
{
    struct arena *arena = f->model->arena;
    const char *name = arena_printf(arena, "%s.%d", stage, b),
               *depthwise = arena_printf(arena, "%s.depthwise", name);
    int y = x;
    if (mid != in)
        y = fixture_unit(f, y, arena_printf(arena, "%s.expand", name), in, mid, 1, 1, false, act);
    y = fixture_unit(f, y, depthwise, mid, mid, k, stride, true, act);
    if (transforms && k >= 7)
        fixture_constant(f, depthwise, ".transform_7to5", shape_of(2, 25, 25), 0, 0.2);
    if (transforms && k >= 5)
        fixture_constant(f, depthwise, ".transform_5to3", shape_of(2, 9, 9), 0, 0.3);
    if (se_mid)
        y = fixture_se(f, y, name, mid, se_mid);
    y = fixture_unit(f, y, arena_printf(arena, "%s.project", name), mid, out, 1, 1, false, '-');
    return b ? model_add_node(f->model, OP_ADD, arena_printf(arena, "%s.add", name), (int[]){x, y}, 2)->output
             : y;
}

/* The largest network of fixture_json. */
static struct model *fixture_model(struct arena *arena, uint64_t seed, const char *without_bn)
{
    struct fixture f = {
        .model = model_create(arena, "tiny"), .rng = rng_seeded(seed), .without_bn = without_bn};
    int x = model_add_tensor(f.model, "input", shape_of(4, 1, FIXTURE_SIZE, FIXTURE_SIZE, 3));
    model_set_input(f.model, x);
    x = fixture_unit(&f, x, "stem", 3, 16, 3, 2, false, '6');
    x = fixture_block(&f, x, "first", 0, 16, 16, 8, 3, 1, '6', 0, false);
    x = fixture_block(&f, x, "stage1", 0, 8, 48, 16, 7, 2, '6', 0, true);
    x = fixture_block(&f, x, "stage1", 1, 16, 96, 16, 7, 1, '6', 0, true);
    x = fixture_block(&f, x, "stage1", 2, 16, 96, 16, 7, 1, '6', 0, false);
    x = fixture_block(&f, x, "stage2", 0, 16, 96, 24, 5, 2, 'h', 24, false);
    x = fixture_block(&f, x, "stage2", 1, 24, 144, 24, 5, 1, 'h', 40, true);
    x = fixture_unit(&f, x, "head", 24, 32, 1, 1, false, 'r');
    x = fixture_node(&f, OP_GLOBAL_AVERAGE_POOL, "pool", "", x);
    struct node *flatten = model_add_node(f.model, OP_FLATTEN, "flatten", &x, 1);
    flatten->axis = 1;
    int inputs[3] = {flatten->output,
                     fixture_constant(&f, "classifier", ".weight", shape_of(2, FIXTURE_CLASSES, 32), 0, 0.3),
                     fixture_constant(&f, "classifier", ".bias", shape_of(1, FIXTURE_CLASSES), 0, 0.3)};
    x = model_add_node(f.model, OP_GEMM, "classifier", inputs, 3)->output;
    f.model->tensors[x].name = "logits";
    model_set_output(f.model, x);
    model_set_metadata(f.model, "mcunet.supernet", fixture_json);
    model_set_metadata(f.model, "mcunet.preprocess",
                       "{\"schema\":1,\"resize\":\"squash\",\"mean\":[0.5,0.5,0.5],\"std\":[0.5,0.5,0.5]}");
    return shape_infer(f.model) ? NULL : f.model;
}

#endif
