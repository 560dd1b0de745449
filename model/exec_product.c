#include "model/exec_product.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "model/dnnl_v2.h"

struct product {
    const char *name; /* of the layer, for messages */
    dnnl_engine_t engine;
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t in, stored, bias, out;  /* stored: weights in the model's layout */
    const_dnnl_memory_desc_t weights, scratch; /* the descriptor's */
    bool has_bias;
    const void *packed_weights; /* in the primitive's own layout; NULL: not constant */
};

static int failed(const char *name, const char *what, dnnl_status_t status)
{
    return error("layer '%s': oneDNN cannot %s (status %d)", name, what, (int)status);
}

/* A rank-4 shape with the channel axis last as the logical (n, c, h, w) oneDNN speaks of. */
static dnnl_status_t feature_map(dnnl_memory_desc_t *out, const struct shape *shape)
{
    const dnnl_dims_t dims = {shape->dim[0], shape->dim[3], shape->dim[1], shape->dim[2]};
    return dnnl_memory_desc_create_with_tag(out, 4, dims, dnnl_f32, dnnl_nhwc);
}

static dnnl_status_t matrix(dnnl_memory_desc_t *out, const struct shape *shape, dnnl_format_tag_t tag)
{
    const dnnl_dims_t dims = {shape->dim[0], shape->dim[1]};
    return dnnl_memory_desc_create_with_tag(out, 2, dims, dnnl_f32, tag);
}

/* The model's weights (oc, kh, kw, c / group) as (oc, ic, h, w), or (g, oc / g, ic / g, h, w). */
static dnnl_status_t conv_weights(dnnl_memory_desc_t *stored, dnnl_memory_desc_t *any,
                                  const struct shape *shape, int group)
{
    const int64_t oc = shape->dim[0], h = shape->dim[1], w = shape->dim[2], ic = shape->dim[3];
    const dnnl_dims_t plain = {oc, ic, h, w}, plain_strides = {h * w * ic, 1, w * ic, ic};
    const dnnl_dims_t grouped = {group, oc / group, ic, h, w},
                      grouped_strides = {oc / group * h * w * ic, h * w * ic, 1, w * ic, ic};
    const int n = group == 1 ? 4 : 5;
    const int64_t *dims = group == 1 ? plain : grouped,
                  *strides = group == 1 ? plain_strides : grouped_strides;
    const dnnl_status_t status = dnnl_memory_desc_create_with_strides(stored, n, dims, dnnl_f32, strides);
    return status ? status : dnnl_memory_desc_create_with_tag(any, n, dims, dnnl_f32, dnnl_format_tag_any);
}

/* Scratch from the caller; a clip where oneDNN can do it on the way out. */
static dnnl_status_t attributes_of(dnnl_primitive_attr_t *out, const struct node *node)
{
    dnnl_status_t status = dnnl_primitive_attr_create(out);
    if (status)
        return status;
    dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (node->act != ACT_CLIP)
        return dnnl_success;
    dnnl_post_ops_t post_ops;
    status = dnnl_post_ops_create(&post_ops);
    if (status)
        return status;
    if (node->act_min == 0 && isinf(node->act_max))
        status = dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_relu, 0, 0);
    else
        status = dnnl_post_ops_append_eltwise(post_ops, dnnl_eltwise_clip, fmaxf(node->act_min, -FLT_MAX),
                                              fminf(node->act_max, FLT_MAX));
    if (!status)
        status = dnnl_primitive_attr_set_post_ops(*out, post_ops);
    dnnl_post_ops_destroy(post_ops);
    return status;
}

static dnnl_status_t describe_conv(struct product *p, const struct node *node,
                                   const_dnnl_memory_desc_t weights, const_dnnl_primitive_attr_t attributes)
{
    const struct window *w = &node->window;
    const dnnl_dims_t strides = {w->stride_h, w->stride_w},
                      dilations = {w->dilation_h - 1, w->dilation_w - 1};
    const dnnl_dims_t before = {w->pad_top, w->pad_left}, after = {w->pad_bottom, w->pad_right};
    return dnnl_convolution_forward_primitive_desc_create(
        &p->descriptor, p->engine, dnnl_forward_inference, dnnl_convolution_direct, p->in, weights, p->bias,
        p->out, strides, dilations, before, after, attributes);
}

static dnnl_status_t describe_gemm(struct product *p, const_dnnl_memory_desc_t weights,
                                   const_dnnl_primitive_attr_t attributes)
{
    return dnnl_inner_product_forward_primitive_desc_create(&p->descriptor, p->engine, dnnl_forward_inference,
                                                            p->in, weights, p->bias, p->out, attributes);
}

static dnnl_status_t run_reorder(dnnl_engine_t engine, const_dnnl_memory_desc_t from, const void *in,
                                 const_dnnl_memory_desc_t to, void *out)
{
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t memory_in = NULL, memory_out = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&descriptor, from, engine, to, engine, NULL);
    if (!status)
        status = dnnl_primitive_create(&primitive, descriptor);
    if (!status)
        status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    if (!status)
        status = dnnl_memory_create(&memory_in, from, engine, (void *)in); /* only read */
    if (!status)
        status = dnnl_memory_create(&memory_out, to, engine, out);
    if (!status) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, memory_in}, {DNNL_ARG_TO, memory_out}};
        status = dnnl_primitive_execute(primitive, stream, 2, arguments);
    }
    if (!status)
        status = dnnl_stream_wait(stream);
    dnnl_memory_destroy(memory_out);
    dnnl_memory_destroy(memory_in);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(descriptor);
    return status;
}

/* *any: weights in whatever layout the primitive likes best; the caller destroys it. */
static dnnl_status_t describe_operands(struct product *p, const struct model *model, const struct node *node,
                                       dnnl_memory_desc_t *any)
{
    const struct shape *in = &model->tensors[node->inputs[0]].shape,
                       *out = &model->tensors[node->output].shape;
    const struct shape *weights = &model->tensors[node->inputs[1]].shape;
    const bool conv = node->op == OP_CONV;
    dnnl_status_t status = conv ? feature_map(&p->in, in) : matrix(&p->in, in, dnnl_ab);
    if (!status)
        status = conv ? feature_map(&p->out, out) : matrix(&p->out, out, dnnl_ab);
    if (!status)
        status =
            conv ? conv_weights(&p->stored, any, weights, node->group) : matrix(&p->stored, weights, dnnl_ab);
    if (!status && !conv)
        status = matrix(any, weights, dnnl_format_tag_any);
    if (!status && p->has_bias) {
        const dnnl_dims_t dims = {weights->dim[0]};
        status = dnnl_memory_desc_create_with_tag(&p->bias, 1, dims, dnnl_f32, dnnl_a);
    }
    return status;
}

/* constant: are the weights? Those that change from run to run stay in the model's layout. */
static dnnl_status_t prepare(struct product *p, const struct model *model, const struct node *node,
                             bool constant)
{
    dnnl_memory_desc_t any = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = describe_operands(p, model, node, &any);
    if (!status)
        status = attributes_of(&attributes, node);
    if (!status) {
        const_dnnl_memory_desc_t wanted = constant ? any : p->stored;
        status = node->op == OP_CONV ? describe_conv(p, node, wanted, attributes)
                                     : describe_gemm(p, wanted, attributes);
    }
    dnnl_memory_desc_destroy(any);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    return status ? status : dnnl_primitive_create(&p->primitive, p->descriptor);
}

int product_create(struct product **out, const struct model *model, const struct node *node,
                   dnnl_engine_t engine, struct arena *keep)
{
    struct product *p = ARENA_NEW(keep, struct product);
    const struct tensor *weights = &model->tensors[node->inputs[1]];
    *out = p;
    p->name = node->name;
    p->engine = engine;
    p->has_bias = node->n_inputs == 3;
    dnnl_status_t status = prepare(p, model, node, weights->constant);
    if (status)
        return failed(p->name, "prepare it", status);

    p->weights = dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_weights_md, 0);
    p->scratch = dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_scratchpad_md, 0);
    if (!weights->constant)
        return 0;
    if (dnnl_memory_desc_equal(p->stored, p->weights)) {
        p->packed_weights = weights->data;
        return 0;
    }
    void *packed = arena_alloc(keep, dnnl_memory_desc_get_size(p->weights));
    status = run_reorder(engine, p->stored, weights->data, p->weights, packed);
    p->packed_weights = packed;
    return status ? failed(p->name, "pack its weights", status) : 0;
}

size_t product_scratch_bytes(const struct product *product)
{
    return dnnl_memory_desc_get_size(product->scratch);
}

int product_run(const struct product *p, dnnl_stream_t stream, float *out, const float *in,
                const float *weights, const float *bias, void *scratch)
{
    /* Memory objects are small wrappers of pointers; making them here keeps a product free of per-thread
     * state. */
    const struct {
        int argument;
        const_dnnl_memory_desc_t desc;
        const void *data;
    } operands[] = {
        {DNNL_ARG_SRC, p->in, in},
        {DNNL_ARG_WEIGHTS, p->weights, p->packed_weights ? p->packed_weights : weights},
        {DNNL_ARG_DST, p->out, out},
        {DNNL_ARG_SCRATCHPAD, p->scratch, scratch},
        {DNNL_ARG_BIAS, p->bias, bias},
    };
    const int n = p->has_bias ? 5 : 4;
    dnnl_exec_arg_t arguments[5];
    dnnl_status_t status = dnnl_success;
    int made = 0;
    for (; made < n && !status; made++) {
        arguments[made].arg = operands[made].argument;
        arguments[made].memory = NULL;
        status = dnnl_memory_create(&arguments[made].memory, operands[made].desc, p->engine,
                                    (void *)operands[made].data);
    }
    if (!status)
        status = dnnl_primitive_execute(p->primitive, stream, n, arguments);
    if (!status)
        status = dnnl_stream_wait(stream);
    for (int i = 0; i < made; i++)
        dnnl_memory_destroy(arguments[i].memory);
    return status ? failed(p->name, "run it", status) : 0;
}

void product_destroy(struct product *product)
{
    if (product->primitive)
        dnnl_primitive_destroy(product->primitive);
    if (product->descriptor)
        dnnl_primitive_desc_destroy(product->descriptor);
    const dnnl_memory_desc_t owned[] = {product->in, product->stored, product->bias, product->out};
    for (int i = 0; i < 4; i++)
        dnnl_memory_desc_destroy(owned[i]);
}
