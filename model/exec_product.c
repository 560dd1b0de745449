#include "model/exec_product.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "base/error.h"

struct product {
    const char *name; /* of the layer, for messages */
    dnnl_engine_t engine;
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t in, weights, bias, out, scratch;
    bool has_bias;
    const void *packed_weights; /* in the primitive's own layout; NULL: not constant */
};

static int failed(const char *name, const char *what, dnnl_status_t status)
{
    return error("layer '%s': oneDNN cannot %s (status %d)", name, what, (int)status);
}

/* A rank-4 shape with the channel axis last as the logical (n, c, h, w) oneDNN speaks of. */
static void feature_map(dnnl_memory_desc_t *out, const struct shape *shape)
{
    const dnnl_dims_t dims = {shape->dim[0], shape->dim[3], shape->dim[1], shape->dim[2]};
    dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32, dnnl_nhwc);
}

/* The model's weights (oc, kh, kw, c / group) as (oc, ic, h, w), or (g, oc / g, ic / g, h, w). */
static void conv_weights(dnnl_memory_desc_t *stored, dnnl_memory_desc_t *any, const struct shape *shape,
                         int group)
{
    const int64_t oc = shape->dim[0], h = shape->dim[1], w = shape->dim[2], ic = shape->dim[3];
    if (group == 1) {
        const dnnl_dims_t dims = {oc, ic, h, w}, strides = {h * w * ic, 1, w * ic, ic};
        dnnl_memory_desc_init_by_strides(stored, 4, dims, dnnl_f32, strides);
        dnnl_memory_desc_init_by_tag(any, 4, dims, dnnl_f32, dnnl_format_tag_any);
    } else {
        const dnnl_dims_t dims = {group, oc / group, ic, h, w};
        const dnnl_dims_t strides = {oc / group * h * w * ic, h * w * ic, 1, w * ic, ic};
        dnnl_memory_desc_init_by_strides(stored, 5, dims, dnnl_f32, strides);
        dnnl_memory_desc_init_by_tag(any, 5, dims, dnnl_f32, dnnl_format_tag_any);
    }
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
        status = dnnl_post_ops_append_eltwise(post_ops, 1, dnnl_eltwise_relu, 0, 0);
    else
        status = dnnl_post_ops_append_eltwise(post_ops, 1, dnnl_eltwise_clip, fmaxf(node->act_min, -FLT_MAX),
                                              fminf(node->act_max, FLT_MAX));
    if (!status)
        status = dnnl_primitive_attr_set_post_ops(*out, post_ops);
    dnnl_post_ops_destroy(post_ops);
    return status;
}

static dnnl_status_t describe_conv(struct product *p, const struct node *node,
                                   const dnnl_memory_desc_t *weights, dnnl_primitive_attr_t attributes)
{
    const struct window *w = &node->window;
    const dnnl_dims_t strides = {w->stride_h, w->stride_w},
                      dilations = {w->dilation_h - 1, w->dilation_w - 1};
    const dnnl_dims_t before = {w->pad_top, w->pad_left}, after = {w->pad_bottom, w->pad_right};
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_convolution_direct, &p->in, weights,
        p->has_bias ? &p->bias : NULL, &p->out, strides, dilations, before, after);
    return status ? status : dnnl_primitive_desc_create(&p->descriptor, &desc, attributes, p->engine, NULL);
}

static dnnl_status_t describe_gemm(struct product *p, const dnnl_memory_desc_t *weights,
                                   dnnl_primitive_attr_t attributes)
{
    dnnl_inner_product_desc_t desc;
    dnnl_status_t status = dnnl_inner_product_forward_desc_init(
        &desc, dnnl_forward_inference, &p->in, weights, p->has_bias ? &p->bias : NULL, &p->out);
    return status ? status : dnnl_primitive_desc_create(&p->descriptor, &desc, attributes, p->engine, NULL);
}

static dnnl_status_t run_reorder(dnnl_engine_t engine, const dnnl_memory_desc_t *from, const void *in,
                                 const dnnl_memory_desc_t *to, void *out)
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

static void describe_operands(struct product *p, const struct model *model, const struct node *node,
                              dnnl_memory_desc_t *stored, dnnl_memory_desc_t *any)
{
    const struct shape *in = &model->tensors[node->inputs[0]].shape,
                       *out = &model->tensors[node->output].shape;
    const struct shape *weights = &model->tensors[node->inputs[1]].shape;
    if (node->op == OP_CONV) {
        feature_map(&p->in, in);
        feature_map(&p->out, out);
        conv_weights(stored, any, weights, node->group);
    } else {
        const dnnl_dims_t in_dims = {in->dim[0], in->dim[1]}, out_dims = {out->dim[0], out->dim[1]};
        const dnnl_dims_t weights_dims = {weights->dim[0], weights->dim[1]};
        dnnl_memory_desc_init_by_tag(&p->in, 2, in_dims, dnnl_f32, dnnl_ab);
        dnnl_memory_desc_init_by_tag(&p->out, 2, out_dims, dnnl_f32, dnnl_ab);
        dnnl_memory_desc_init_by_tag(stored, 2, weights_dims, dnnl_f32, dnnl_ab);
        dnnl_memory_desc_init_by_tag(any, 2, weights_dims, dnnl_f32, dnnl_format_tag_any);
    }
    if (p->has_bias) {
        const dnnl_dims_t dims = {weights->dim[0]};
        dnnl_memory_desc_init_by_tag(&p->bias, 1, dims, dnnl_f32, dnnl_a);
    }
}

int product_create(struct product **out, const struct model *model, const struct node *node,
                   dnnl_engine_t engine, struct arena *keep)
{
    struct product *p = ARENA_NEW(keep, struct product);
    const struct tensor *weights = &model->tensors[node->inputs[1]];
    dnnl_memory_desc_t stored, any;
    dnnl_primitive_attr_t attributes = NULL;
    *out = p;
    p->name = node->name;
    p->engine = engine;
    p->has_bias = node->n_inputs == 3;
    describe_operands(p, model, node, &stored, &any);

    /* Weights that change from run to run stay in the model's layout. */
    const dnnl_memory_desc_t *wanted = weights->constant ? &any : &stored;
    dnnl_status_t status = attributes_of(&attributes, node);
    if (!status)
        status = node->op == OP_CONV ? describe_conv(p, node, wanted, attributes)
                                     : describe_gemm(p, wanted, attributes);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    if (!status)
        status = dnnl_primitive_create(&p->primitive, p->descriptor);
    if (status)
        return failed(p->name, "prepare it", status);

    p->weights = *dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_weights_md, 0);
    p->scratch = *dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_scratchpad_md, 0);
    if (!weights->constant)
        return 0;
    if (dnnl_memory_desc_equal(&stored, &p->weights)) {
        p->packed_weights = weights->data;
        return 0;
    }
    void *packed = arena_alloc(keep, dnnl_memory_desc_get_size(&p->weights));
    status = run_reorder(engine, &stored, weights->data, &p->weights, packed);
    p->packed_weights = packed;
    return status ? failed(p->name, "pack its weights", status) : 0;
}

size_t product_scratch_bytes(const struct product *product)
{
    return dnnl_memory_desc_get_size(&product->scratch);
}

int product_run(const struct product *p, dnnl_stream_t stream, float *out, const float *in,
                const float *weights, const float *bias, void *scratch)
{
    /* Memory objects are small wrappers of pointers; making them here keeps a product free of per-thread
     * state. */
    const struct {
        int argument;
        const dnnl_memory_desc_t *desc;
        const void *data;
    } operands[] = {
        {DNNL_ARG_SRC, &p->in, in},
        {DNNL_ARG_WEIGHTS, &p->weights, p->packed_weights ? p->packed_weights : weights},
        {DNNL_ARG_DST, &p->out, out},
        {DNNL_ARG_SCRATCHPAD, &p->scratch, scratch},
        {DNNL_ARG_BIAS, &p->bias, bias},
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
}
