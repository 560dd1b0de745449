/*
 * Each rule looks at one node (and the producers of its inputs) and returns true when it changed the model.
 * Rules run until none applies; each removes a node or brings one nearer to the form that is left alone, so
 * that ends.
 */
#include <string.h>

#include "model/model.h"
#include "model/passes.h"
#include "model/rewrite.h"
#include "model/transpose.h"

static const struct shape *input_shape(const struct model *model, const struct node *node)
{
    return &model->tensors[node->inputs[0]].shape;
}

static const struct shape *output_shape(const struct model *model, const struct node *node)
{
    return &model->tensors[node->output].shape;
}

static bool is_view(const struct node *node)
{
    return node->op == OP_RESHAPE || node->op == OP_FLATTEN;
}

/* Zeros around a feature map before a Conv are its window's padding. */
static bool pad_into_conv(struct model *model, struct node *conv)
{
    if (conv->op != OP_CONV)
        return false;
    struct node *pad = rewrite_only_producer(model, conv, 0);
    if (!pad || pad->op != OP_PAD || pad->pad_value != 0)
        return false;
    if (pad->pads[0] || pad->pads[3] || pad->pads[4] || pad->pads[7])
        return false;
    struct window *w = &conv->window;
    const int sums[] = {w->pad_top + pad->pads[1], w->pad_left + pad->pads[2], w->pad_bottom + pad->pads[5],
                        w->pad_right + pad->pads[6]};
    for (int i = 0; i < 4; i++)
        if (sums[i] > SHAPE_MAX_DIM)
            return false;
    w->pad_top = sums[0];
    w->pad_left = sums[1];
    w->pad_bottom = sums[2];
    w->pad_right = sums[3];
    return rewrite_bypass(model, pad);
}

/* One constant per output channel added to a Conv or Gemm is (part of) its bias. */
static bool add_into_bias(struct model *model, struct node *add)
{
    if (add->op != OP_ADD || add->act != ACT_NONE)
        return false;
    for (int j = 0; j < 2; j++) {
        struct node *layer = rewrite_only_producer(model, add, j);
        const struct tensor *addend = &model->tensors[add->inputs[1 - j]];
        if (!layer || (layer->op != OP_CONV && layer->op != OP_GEMM) || layer->act != ACT_NONE ||
            !addend->constant || model->tensors[layer->output].rounded)
            continue;
        const struct shape *out = output_shape(model, layer);
        const int channels = out->dim[out->rank - 1];
        const int64_t n = shape_elements(&addend->shape);
        const int last = addend->shape.rank ? addend->shape.dim[addend->shape.rank - 1] : 1;
        const struct tensor *bias = layer->n_inputs == 3 ? &model->tensors[layer->inputs[2]] : NULL;
        if (n != last || (n != 1 && n != channels) || (bias && !bias->constant) ||
            !shape_equal(out, output_shape(model, add)))
            continue;
        float *sum = NULL;
        if (addend->data && (!bias || bias->data)) {
            sum = ARENA_ARRAY(model->arena, float, (size_t)channels);
            for (int c = 0; c < channels; c++)
                sum[c] = addend->data[n == 1 ? 0 : c] + (bias ? bias->data[c] : 0.0f);
        }
        layer->inputs[2] = model_add_constant(model, addend->name, shape_of(1, channels), sum);
        layer->n_inputs = 3;
        rewrite_absorb(model, layer, add);
        return true;
    }
    return false;
}

/* The mean of a mean without kept axes is one mean over both. */
static bool merge_means(struct model *model, struct node *outer)
{
    if (outer->op != OP_REDUCE_MEAN)
        return false;
    struct node *inner = rewrite_only_producer(model, outer, 0);
    if (!inner || inner->op != OP_REDUCE_MEAN || inner->keep_dims != outer->keep_dims)
        return false;
    const int rank = input_shape(model, inner)->rank;
    bool reduced[MODEL_MAX_RANK] = {0};
    int kept[MODEL_MAX_RANK], n = 0; /* outer's axes in inner's input */
    for (int i = 0; i < inner->n_axes; i++)
        reduced[inner->axes[i]] = true;
    for (int i = 0; i < rank; i++)
        if (inner->keep_dims || !reduced[i])
            kept[n++] = i;
    for (int i = 0; i < outer->n_axes; i++)
        reduced[kept[outer->axes[i]]] = true;
    outer->n_axes = 0;
    for (int i = 0; i < rank; i++)
        if (reduced[i])
            outer->axes[outer->n_axes++] = i;
    return rewrite_bypass(model, inner);
}

/* A Transpose that the mean makes pointless: what is left comes out in the same order without it. */
static bool transpose_before_mean(struct model *model, struct node *mean)
{
    if (mean->op != OP_REDUCE_MEAN || mean->keep_dims)
        return false;
    struct node *transpose = rewrite_only_producer(model, mean, 0);
    if (!transpose || transpose->op != OP_TRANSPOSE)
        return false;
    const struct shape *in = input_shape(model, transpose);
    bool reduced[MODEL_MAX_RANK] = {0};
    int last = -1;
    for (int i = 0; i < mean->n_axes; i++)
        reduced[mean->axes[i]] = true;
    for (int i = 0; i < in->rank; i++) {
        if (reduced[i])
            continue;
        if (transpose->permutation[i] < last)
            return false;
        last = transpose->permutation[i];
    }
    for (int i = 0; i < mean->n_axes; i++)
        mean->axes[i] = transpose->permutation[mean->axes[i]];
    return rewrite_bypass(model, transpose);
}

/* The mean over h and w, however it is written. */
static bool to_global_average_pool(struct model *model, struct node *node)
{
    if (node->op == OP_AVERAGE_POOL) {
        const struct shape *in = input_shape(model, node);
        const struct window *w = &node->window;
        if (w->kernel_h != in->dim[1] || w->kernel_w != in->dim[2] || w->dilation_h != 1 ||
            w->dilation_w != 1 || w->pad_top || w->pad_left || w->pad_bottom || w->pad_right)
            return false;
        node->op = OP_GLOBAL_AVERAGE_POOL;
        return true;
    }
    if (node->op != OP_REDUCE_MEAN || input_shape(model, node)->rank != 4 || node->n_axes != 2 ||
        node->axes[0] + node->axes[1] != 3 || node->axes[0] * node->axes[1] != 2)
        return false;
    if (node->keep_dims) {
        node->op = OP_GLOBAL_AVERAGE_POOL;
        node->n_axes = 0;
        return true;
    }
    const int index = (int)(node - model->nodes);
    const char *name = node->name;
    const int pooled =
        rewrite_insert(model, index, OP_GLOBAL_AVERAGE_POOL,
                       arena_printf(model->arena, "%s/GlobalAveragePool", name), node->inputs[0])
            ->output;
    struct node *flatten = &model->nodes[index + 1];
    flatten->op = OP_FLATTEN;
    flatten->inputs[0] = pooled;
    flatten->axis = 1;
    flatten->n_axes = 0;
    return true;
}

static bool merge_transposes(struct model *model, struct node *outer)
{
    if (outer->op != OP_TRANSPOSE)
        return false;
    const struct node *inner = rewrite_producer(model, outer, 0);
    if (!inner || inner->op != OP_TRANSPOSE)
        return false;
    for (int i = 0; i < input_shape(model, inner)->rank; i++)
        outer->permutation[i] = inner->permutation[outer->permutation[i]];
    outer->inputs[0] = inner->inputs[0];
    return true;
}

static bool still_transpose(struct model *model, struct node *node)
{
    if (node->op != OP_TRANSPOSE || !transpose_moves_nothing(input_shape(model, node), node->permutation))
        return false;
    node->op = OP_RESHAPE;
    return true;
}

/* A view of a view is one view; a view of the same shape is none; (n, h, w, c) to (n, hwc) is Flatten. */
static bool simplify_view(struct model *model, struct node *node)
{
    if (!is_view(node))
        return false;
    const struct node *inner = rewrite_producer(model, node, 0);
    if (inner && is_view(inner)) {
        node->inputs[0] = inner->inputs[0];
        node->op = OP_RESHAPE;
        return true;
    }
    if (node->op == OP_FLATTEN && node->axis != 1) {
        node->op = OP_RESHAPE;
        return true;
    }
    const struct shape *in = input_shape(model, node), *out = output_shape(model, node);
    if (shape_equal(in, out))
        return rewrite_bypass(model, node);
    if (node->op == OP_RESHAPE && in->rank > 2 && out->rank == 2 && in->dim[0] == out->dim[0]) {
        node->op = OP_FLATTEN;
        node->axis = 1;
        return true;
    }
    return false;
}

/* Transpose -> Flatten -> Gemm: reading the features in the order they lie in and permuting the weights'
 * columns instead. */
static bool transpose_into_gemm(struct model *model, struct node *gemm)
{
    if (gemm->op != OP_GEMM)
        return false;
    struct node *view = rewrite_only_producer(model, gemm, 0);
    struct node *transpose = view && is_view(view) ? rewrite_only_producer(model, view, 0) : NULL;
    const struct tensor *weights = &model->tensors[gemm->inputs[1]];
    if (!transpose || transpose->op != OP_TRANSPOSE || transpose->permutation[0] != 0 || !weights->constant)
        return false;
    const struct shape *moved = output_shape(model, transpose);
    if (moved->dim[0] != output_shape(model, view)->dim[0])
        return false;

    struct shape columns = *moved; /* (oc, the Transpose's other output axes) */
    int back[MODEL_MAX_RANK];
    columns.dim[0] = weights->shape.dim[0];
    for (int i = 0; i < moved->rank; i++)
        back[transpose->permutation[i]] = i;
    float *data = NULL;
    if (weights->data) {
        data = ARENA_ARRAY(model->arena, float, (size_t)shape_elements(&weights->shape));
        transpose_floats(data, weights->data, &columns, back);
    }
    gemm->inputs[1] = model_add_constant(model, weights->name, weights->shape, data);
    view->op = OP_RESHAPE; /* of another shape now, which Flatten's axis may not fit */
    return rewrite_bypass(model, transpose);
}

int pass_canonicalize(struct model *model)
{
    static bool (*const rules[])(struct model *, struct node *) = {
        pad_into_conv,   add_into_bias,          merge_means,   transpose_before_mean, merge_transposes,
        still_transpose, to_global_average_pool, simplify_view, transpose_into_gemm,
    };
    bool changed = true;
    while (changed) {
        changed = false;
        for (int i = 0; i < model->n_nodes; i++)
            for (size_t rule = 0; rule < sizeof rules / sizeof *rules; rule++)
                if (!rewrite_dropped(&model->nodes[i]))
                    changed |= rules[rule](model, &model->nodes[i]);
        rewrite_finish(model);
        /* Merged Transposes and views leave the inner ones without readers. */
        const int rc = pass_remove_dead(model);
        if (rc)
            return rc;
    }
    return shape_infer(model);
}
