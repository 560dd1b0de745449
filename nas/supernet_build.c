/*
 * supernet_build.c - a subnet as a graph, in two forms from one walk over its layers: with the supernet's
 * weights and BatchNormalization as nodes (extract), or as passes_for_inference() would leave that, without
 * weights (skeleton).
 */
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/model.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "nas/supernet_parts.h"

struct builder {
    const struct supernet *supernet;
    struct model *model;
    struct arena *arena;
    bool skeleton;
};

/* A convolution to be added; depthwise when group > 1 or `depthwise`. */
struct conv {
    const char *name;
    int in, out, kernel, stride;
    bool depthwise, batch_norm;
    enum activation act;
    float act_max;
};

struct block_shape supernet_block(const struct supernet *supernet, const struct subnet *subnet, int layer,
                                  int stage, int b, int in)
{
    const struct supernet_layer *l = &supernet->layers[layer];
    int expand = subnet->expand[stage][b];
    struct block_shape block = {
        .in = in,
        .mid = expand == 1 ? in : make_divisible(in * expand),
        .out = l->channels[subnet->width],
        .kernel = subnet->kernel[stage][b],
        .stride = b == 0 ? l->stride : 1,
        .expand = expand != 1,
        .residual = b > 0,
    };
    block.se_mid = l->se ? make_divisible(block.mid / 4) : 0;
    return block;
}

static const char *join(const struct builder *b, const char *name, const char *suffix)
{
    return arena_printf(b->arena, "%s%s", name, suffix);
}

static int add_vector(struct builder *b, const char *name, const char *suffix, int n)
{
    const float *data = NULL;
    if (!b->skeleton)
        data = slice_vector(supernet_constant(b->supernet, name, suffix), n, b->arena);
    return model_add_constant(b->model, join(b, name, suffix), shape_of(1, n), data);
}

static int add_weights(struct builder *b, const struct conv *conv)
{
    const float *data = NULL;
    if (!b->skeleton && conv->depthwise)
        data = slice_depthwise(b->supernet, conv->name, conv->out, conv->kernel, b->arena);
    else if (!b->skeleton)
        data =
            slice_conv(supernet_constant(b->supernet, conv->name, ".weight"), conv->out, conv->in, b->arena);
    struct shape shape = shape_of(4, conv->out, conv->kernel, conv->kernel, conv->depthwise ? 1 : conv->in);
    return model_add_constant(b->model, join(b, conv->name, ".weight"), shape, data);
}

static int add_batch_norm(struct builder *b, int x, const struct conv *conv)
{
    static const char *const suffixes[] = {".bn.scale", ".bn.bias", ".bn.mean", ".bn.var"};
    int inputs[5] = {x};
    for (int i = 0; i < 4; i++)
        inputs[i + 1] = add_vector(b, conv->name, suffixes[i], conv->out);
    struct node *node = model_add_node(b->model, OP_BATCH_NORM, join(b, conv->name, ".bn"), inputs, 5);
    node->epsilon = supernet_node(b->supernet, conv->name, ".bn")->epsilon;
    return node->output;
}

/* Squeeze-excite's hard sigmoid; other activations have no use for them. */
static void set_gate(struct node *node)
{
    node->alpha = 1.0f / 6;
    node->beta = 0.5f;
}

static int add_activation(struct builder *b, int x, const struct conv *conv)
{
    static const enum op ops[] = {
        [ACT_CLIP] = OP_CLIP, [ACT_HARD_SWISH] = OP_HARD_SWISH, [ACT_HARD_SIGMOID] = OP_HARD_SIGMOID};
    if (conv->act == ACT_NONE)
        return x;
    struct node *node = model_add_node(b->model, ops[conv->act], join(b, conv->name, ".act"), &x, 1);
    node->act_max = conv->act_max;
    set_gate(node);
    return node->output;
}

/* The convolution with its BatchNormalization and activation: three nodes, or one in a skeleton. Returns the
 * output tensor. */
static int add_conv(struct builder *b, int x, const struct conv *conv)
{
    int inputs[3] = {x, add_weights(b, conv)}, n_inputs = 2;
    if (b->skeleton || !conv->batch_norm)
        inputs[n_inputs++] = add_vector(b, conv->name, ".bias", conv->out);
    struct node *node = model_add_node(b->model, OP_CONV, conv->name, inputs, n_inputs);
    int pad = conv->kernel / 2;
    node->window = (struct window){.kernel_h = conv->kernel,
                                   .kernel_w = conv->kernel,
                                   .stride_h = conv->stride,
                                   .stride_w = conv->stride,
                                   .dilation_h = 1,
                                   .dilation_w = 1,
                                   .pad_top = pad,
                                   .pad_left = pad,
                                   .pad_bottom = pad,
                                   .pad_right = pad};
    node->group = conv->depthwise ? conv->in : 1;
    if (b->skeleton) {
        node->act = conv->act;
        node->act_max = conv->act_max;
        set_gate(node);
        return node->output;
    }
    int y = node->output;
    if (conv->batch_norm)
        y = add_batch_norm(b, y, conv);
    return add_activation(b, y, conv);
}

static int add_squeeze_excite(struct builder *b, int x, const char *name, int channels, int mid)
{
    int y = model_add_node(b->model, OP_GLOBAL_AVERAGE_POOL, join(b, name, ".se.pool"), &x, 1)->output;
    struct conv reduce = {.name = join(b, name, ".se.reduce"),
                          .in = channels,
                          .out = mid,
                          .kernel = 1,
                          .stride = 1,
                          .act = ACT_CLIP,
                          .act_max = INFINITY};
    struct conv expand = {.name = join(b, name, ".se.expand"),
                          .in = mid,
                          .out = channels,
                          .kernel = 1,
                          .stride = 1,
                          .act = ACT_HARD_SIGMOID};
    y = add_conv(b, add_conv(b, y, &reduce), &expand);
    return model_add_node(b->model, OP_MUL, join(b, name, ".se.mul"), (int[]){x, y}, 2)->output;
}

static int add_block(struct builder *b, int x, const char *name, const struct block_shape *block,
                     const struct supernet_layer *layer)
{
    int y = x;
    if (block->expand) {
        struct conv expand = {.name = join(b, name, ".expand"),
                              .in = block->in,
                              .out = block->mid,
                              .kernel = 1,
                              .stride = 1,
                              .batch_norm = true,
                              .act = (enum activation)layer->act,
                              .act_max = layer->act_max};
        y = add_conv(b, y, &expand);
    }
    struct conv depthwise = {.name = join(b, name, ".depthwise"),
                             .in = block->mid,
                             .out = block->mid,
                             .kernel = block->kernel,
                             .stride = block->stride,
                             .depthwise = true,
                             .batch_norm = true,
                             .act = (enum activation)layer->act,
                             .act_max = layer->act_max};
    y = add_conv(b, y, &depthwise);
    if (block->se_mid)
        y = add_squeeze_excite(b, y, name, block->mid, block->se_mid);
    struct conv project = {.name = join(b, name, ".project"),
                           .in = block->mid,
                           .out = block->out,
                           .kernel = 1,
                           .stride = 1,
                           .batch_norm = true};
    y = add_conv(b, y, &project);
    if (block->residual)
        y = model_add_node(b->model, OP_ADD, join(b, name, ".add"), (int[]){x, y}, 2)->output;
    return y;
}

/* Global average, then the classifier; c: channels of x. */
static int add_classifier(struct builder *b, int x, const char *pool, int c)
{
    int classes = b->supernet->classes;
    x = model_add_node(b->model, OP_GLOBAL_AVERAGE_POOL, pool, &x, 1)->output;
    struct node *flatten = model_add_node(b->model, OP_FLATTEN, "flatten", &x, 1);
    flatten->axis = 1;
    x = flatten->output;
    const float *weights = NULL;
    if (!b->skeleton)
        weights = slice_matrix(supernet_constant(b->supernet, "classifier", ".weight"), classes, c, b->arena);
    int inputs[3] = {x, model_add_constant(b->model, "classifier.weight", shape_of(2, classes, c), weights),
                     add_vector(b, "classifier", ".bias", classes)};
    return model_add_node(b->model, OP_GEMM, "classifier", inputs, 3)->output;
}

static int build(struct builder *b, const struct subnet *subnet)
{
    const struct supernet *supernet = b->supernet;
    int c = 3, stage = 0;
    int x = model_add_tensor(b->model, "input", shape_of(4, 1, subnet->resolution, subnet->resolution, c));
    model_set_input(b->model, x);
    for (int i = 0; i < supernet->n_layers; i++) {
        const struct supernet_layer *layer = &supernet->layers[i];
        if (layer->kind == LAYER_CONV) {
            struct conv conv = {.name = layer->name,
                                .in = c,
                                .out = layer->channels[subnet->width],
                                .kernel = layer->kernel,
                                .stride = layer->stride,
                                .batch_norm = true,
                                .act = (enum activation)layer->act,
                                .act_max = layer->act_max};
            x = add_conv(b, x, &conv);
            c = conv.out;
        } else if (layer->kind == LAYER_STAGE) {
            for (int n = 0; n < subnet->depth[stage]; n++) {
                struct block_shape block = supernet_block(supernet, subnet, i, stage, n, c);
                x = add_block(b, x, arena_printf(b->arena, "%s.%d", layer->name, n), &block, layer);
                c = block.out;
            }
            stage++;
        } else if (layer->kind == LAYER_POOL) {
            x = add_classifier(b, x, layer->name, c);
        }
    }
    b->model->tensors[x].name = "logits";
    model_set_output(b->model, x);
    return shape_infer(b->model);
}

int supernet_extract(struct model **out, const struct supernet *supernet, const struct subnet *subnet,
                     struct arena *arena)
{
    struct model *model = model_create(arena, supernet->name);
    struct builder builder = {.supernet = supernet, .model = model, .arena = arena};
    int rc = build(&builder, subnet);
    if (rc)
        return rc;
    static const char *const kept[] = {"mcunet.preprocess", "mcunet.classes"};
    for (int i = 0; i < 2; i++) {
        const char *value = model_get_metadata(supernet->model, kept[i]);
        if (value)
            model_set_metadata(model, kept[i], value);
    }
    model_set_metadata(model, "mcunet.subnet", subnet_text(subnet, arena));
    *out = model;
    return 0;
}

int supernet_skeleton(struct model **out, const struct supernet *supernet, const struct subnet *subnet,
                      struct arena *arena)
{
    *out = model_create(arena, supernet->name);
    struct builder builder = {.supernet = supernet, .model = *out, .arena = arena, .skeleton = true};
    return build(&builder, subnet);
}
