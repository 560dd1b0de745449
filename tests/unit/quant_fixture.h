/*
 * quant_fixture.h - a small float network with every operator that quant/ lowers, and random images for it.
 */
#ifndef TESTS_UNIT_QUANT_FIXTURE_H
#define TESTS_UNIT_QUANT_FIXTURE_H

#include <math.h>

#include "base/rng.h"
#include "model/model.h"
#include "model/passes.h"

enum { FIXTURE_SIDE = 20, FIXTURE_CLASSES = 12 };

struct fixture {
    struct model *model;
    struct rng rng;
};

static inline float *fixture_floats(struct fixture *f, int n, double sigma)
{
    float *data = ARENA_ARRAY(f->model->arena, float, (size_t)n);
    for (int i = 0; i < n; i++)
        data[i] = (float)(sigma * rng_normal(&f->rng));
    return data;
}

static inline struct node *fixture_conv(struct fixture *f, const char *name, int in, int in_c, int out_c,
                                        int k, int stride, int group)
{
    struct arena *arena = f->model->arena;
    const int depth = k * k * in_c / group;
    const int w = model_add_constant(f->model, arena_printf(arena, "%s.w", name),
                                     shape_of(4, out_c, k, k, in_c / group),
                                     fixture_floats(f, out_c * depth, 1.3 / sqrt(depth)));
    const int b = model_add_constant(f->model, arena_printf(arena, "%s.b", name), shape_of(1, out_c),
                                     fixture_floats(f, out_c, 0.3));
    struct node *node = model_add_node(f->model, OP_CONV, name, (int[]){in, w, b}, 3);
    node->window = (struct window){k, k, stride, stride, 1, 1, k / 2, k / 2, k / 2, k / 2};
    node->group = group;
    return node;
}

static inline int fixture_relu6(struct node *node)
{
    node->act = ACT_CLIP;
    node->act_max = 6;
    return node->output;
}

static inline int fixture_hard_swish(struct node *node)
{
    node->act = ACT_HARD_SWISH;
    return node->output;
}

static inline int fixture_unary(struct fixture *f, enum op op, const char *name, int in)
{
    return model_add_node(f->model, op, name, &in, 1)->output;
}

/* MobileNetV3-like: inverted residual, squeeze-excite, pools, padding, concatenation; softmax at the end when
 * wanted. */
static inline struct model *fixture_model(struct arena *arena, uint64_t seed, bool softmax)
{
    struct fixture f = {model_create(arena, "fixture"), rng_seeded(seed)};
    struct model *m = f.model;
    const int image = model_add_tensor(m, "image", shape_of(4, 1, FIXTURE_SIDE, FIXTURE_SIDE, 3));
    model_set_input(m, image);
    const int stem = fixture_relu6(fixture_conv(&f, "stem", image, 3, 8, 3, 2, 1));
    const int expand = fixture_relu6(fixture_conv(&f, "expand", stem, 8, 24, 1, 1, 1));
    const int depthwise = fixture_relu6(fixture_conv(&f, "depthwise", expand, 24, 24, 5, 1, 24));
    const int project = fixture_conv(&f, "project", depthwise, 24, 8, 1, 1, 1)->output;
    struct node *residual = model_add_node(m, OP_ADD, "residual", (int[]){project, stem}, 2);
    residual->act = ACT_CLIP;
    residual->act_max = INFINITY;
    const int sum = residual->output;
    struct node *wide =
        fixture_conv(&f, "wide", sum, 8, 16, 3, 1, 8); /* channel multiplier 2, dilated, uneven padding */
    wide->window.dilation_h = wide->window.dilation_w = 2;
    wide->window.pad_left = wide->window.pad_bottom = 3;
    const int wide_out = wide->output;
    const int swish = fixture_hard_swish(fixture_conv(&f, "swish", wide_out, 16, 16, 3, 1, 1));
    const int pooled = fixture_unary(&f, OP_GLOBAL_AVERAGE_POOL, "squeeze", swish);
    const int gate = fixture_unary(&f, OP_HARD_SIGMOID, "gate",
                                   fixture_conv(&f, "excite", pooled, 16, 16, 1, 1, 1)->output);
    struct node *hard_sigmoid = &m->nodes[m->n_nodes - 1];
    hard_sigmoid->alpha = 1.0f / 6;
    hard_sigmoid->beta = 0.5f;
    const int scaled = model_add_node(m, OP_MUL, "scale", (int[]){swish, gate}, 2)->output;
    struct node *max = model_add_node(m, OP_MAX_POOL, "max", &scaled, 1);
    max->window = (struct window){3, 3, 2, 2, 1, 1, 1, 1, 1, 1};
    const int max_out = max->output;
    struct node *average = model_add_node(m, OP_AVERAGE_POOL, "average", &scaled, 1);
    average->window = (struct window){2, 2, 2, 2, 1, 1, 0, 0, 0, 0};
    struct node *concat = model_add_node(m, OP_CONCAT, "concat", (int[]){max_out, average->output}, 2);
    concat->axis = 3;
    const int joined = concat->output;
    struct node *pad = model_add_node(m, OP_PAD, "pad", &joined, 1);
    pad->pads[1] = pad->pads[2] = pad->pads[6] = 1;
    const int padded = pad->output;
    struct node *small = model_add_node(m, OP_MAX_POOL, "small", &padded, 1);
    small->window = (struct window){3, 3, 1, 1, 1, 1, 0, 0, 0, 0};
    struct node *flatten = model_add_node(m, OP_FLATTEN, "flatten", &small->output, 1);
    flatten->axis = 1;
    const int flat = flatten->output;
    const int side = FIXTURE_SIDE / 4, inputs = (side - 1) * side * 32;
    const int w = model_add_constant(m, "classifier.w", shape_of(2, FIXTURE_CLASSES, inputs),
                                     fixture_floats(&f, FIXTURE_CLASSES * inputs, 1.5 / sqrt(inputs)));
    const int b = model_add_constant(m, "classifier.b", shape_of(1, FIXTURE_CLASSES),
                                     fixture_floats(&f, FIXTURE_CLASSES, 0.5));
    int output = model_add_node(m, OP_GEMM, "classifier", (int[]){flat, w, b}, 3)->output;
    if (softmax) {
        struct node *node = model_add_node(m, OP_SOFTMAX, "softmax", &output, 1);
        node->axis = 1;
        output = node->output;
    }
    m->tensors[output].name = "logits";
    model_set_output(m, output);
    model_set_metadata(m, "mcunet.classes", "[\"a\", \"b\"]");
    return m;
}

/* n smooth images of unit range, (n, h, w, 3). */
static inline float *fixture_images(struct arena *arena, uint64_t seed, int n)
{
    struct rng rng = rng_seeded(seed);
    float *images = ARENA_ARRAY(arena, float, (size_t)n *FIXTURE_SIDE *FIXTURE_SIDE * 3);
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            const double fx = rng_normal(&rng) * 0.5, fy = rng_normal(&rng) * 0.5,
                         phase = rng_uniform(&rng) * 6.28;
            for (int y = 0; y < FIXTURE_SIDE; y++)
                for (int x = 0; x < FIXTURE_SIDE; x++) {
                    const double value = 0.8 * sin(fx * x + fy * y + phase) + 0.1 * rng_normal(&rng);
                    images[((i * FIXTURE_SIDE + y) * FIXTURE_SIDE + x) * 3 + c] =
                        (float)fmax(-1, fmin(1, value));
                }
        }
    return images;
}

#endif
