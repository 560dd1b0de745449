#include "codegen/kernels.h"

#include "base/error.h"
#include "codegen/implement.h"
#include "quant/qmodel.h"

static const struct kernel_info infos[] = {
#define KERNEL(id, function, type, bytes) {#function, #type, bytes},
#include "codegen/kernels.inc"
#undef KERNEL
};

const struct kernel_info *kernel_info(enum kernel kernel)
{
    return &infos[kernel];
}

bool node_accumulates(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    const struct window *w = &node->window;
    if (out->h != 1 || (node->op == QOP_AVERAGE_POOL && out->w != 1))
        return false;
    return node->op == QOP_MEAN ||
           (node->op == QOP_AVERAGE_POOL && w->kernel_h == in->h && w->kernel_w == in->w &&
            w->dilation_h == 1 && w->dilation_w == 1 && w->pad_top == 0 && w->pad_left == 0);
}

bool node_has_weights(const struct qnode *node)
{
    return node->op == QOP_CONV || node->op == QOP_DEPTHWISE || node->op == QOP_FULLY_CONNECTED;
}

bool node_is_fully_connected(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    if (node->op == QOP_FULLY_CONNECTED)
        return true;
    return node->op == QOP_CONV && in->h == 1 && in->w == 1 && out->h == 1 && out->w == 1 &&
           node->window.kernel_h == 1 && node->window.kernel_w == 1;
}

/* The kernel of an operator that takes one call. */
static enum kernel kernel_of(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    bool reference = layout == LAYOUT_REFERENCE;
    switch (node->op) {
    case QOP_CONV:
        if (!reference && node_is_fully_connected(qmodel, node))
            return KERNEL_FULLY_CONNECTED_DSP;
        return reference                   ? KERNEL_CONV2D
               : layout == LAYOUT_WINOGRAD ? KERNEL_WINOGRAD_DSP
                                           : KERNEL_CONV2D_DSP;
    case QOP_DEPTHWISE:
        return reference ? KERNEL_DEPTHWISE : KERNEL_DEPTHWISE_DSP;
    case QOP_FULLY_CONNECTED:
        return reference ? KERNEL_FULLY_CONNECTED : KERNEL_FULLY_CONNECTED_DSP;
    case QOP_ADD:
        return reference ? KERNEL_ADD : KERNEL_ADD_DSP;
    case QOP_ADD_CONSTANT:
        return KERNEL_ADD_CONSTANT;
    case QOP_MUL:
        return KERNEL_MUL;
    case QOP_AVERAGE_POOL:
        if (node_accumulates(qmodel, node))
            return reference ? KERNEL_GLOBAL_AVERAGE_POOL : KERNEL_GLOBAL_AVERAGE_POOL_DSP;
        return reference ? KERNEL_AVERAGE_POOL : KERNEL_AVERAGE_POOL_DSP;
    case QOP_MAX_POOL:
        return reference ? KERNEL_MAX_POOL : KERNEL_MAX_POOL_DSP;
    case QOP_MEAN:
        return reference ? KERNEL_MEAN : KERNEL_MEAN_DSP;
    case QOP_TABLE:
        return KERNEL_TABLE;
    case QOP_SOFTMAX:
        return KERNEL_SOFTMAX;
    case QOP_RESIZE_NEAREST:
        return KERNEL_RESIZE_NEAREST;
    default:
        die("operator %d has no kernel", (int)node->op);
    }
}

int node_kernels(const struct implementation *implementation, const struct qmodel *qmodel,
                 const struct qnode *node, enum kernel *kernels)
{
    switch (node->op) {
    case QOP_CONCAT:
        for (int i = 0; i < node->n_inputs; i++)
            kernels[i] = KERNEL_COPY;
        return node->n_inputs;
    case QOP_PAD:
        kernels[0] = KERNEL_FILL;
        kernels[1] = KERNEL_COPY;
        return 2;
    default:
        kernels[0] = kernel_of(implementation->layout, qmodel, node);
        return 1;
    }
}

/* Reference kernels gather a window of whole rows: not in place. */
int node_channel_group(const struct implementation *implementation, const struct qmodel *qmodel,
                       const struct qnode *node)
{
    enum { DSP_GROUP = 4 };
    (void)qmodel;
    return node->op == QOP_DEPTHWISE && implementation->layout != LAYOUT_REFERENCE ? DSP_GROUP : 0;
}

static int64_t row_bytes(const struct qtensor *tensor)
{
    return (int64_t)tensor->w * tensor->c;
}

static bool same_shape(const struct qtensor *a, const struct qtensor *b)
{
    return a->h == b->h && a->w == b->w && a->c == b->c;
}

/* While output rows up to `end` are written, the input is needed from the first row of the batch that they
 * belong to. */
static int64_t first_needed(const struct qnode *node, bool windowed, int64_t y, int from_h)
{
    int64_t first = windowed ? y * node->window.stride_h - node->window.pad_top : y;
    return first < 0 ? 0 : first > from_h ? from_h : first;
}

/* The output may lie `shift` bytes below the input when, group by group of channels, the rows of a batch are
 * copied to scratch before they are overwritten: then only the rows of later batches are still needed. */
static void allow_shift(struct overlap *out, const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *from = &qmodel->tensors[node->inputs[0]], *to = &qmodel->tensors[node->output];
    int64_t shift = INT64_MIN;
    if (from->c != to->c)
        return;
    for (int64_t y = 0; y + 1 < to->h; y++) {
        int64_t needed = (y + 1) * row_bytes(to) - first_needed(node, true, y + 1, from->h) * row_bytes(from);
        shift = needed > shift ? needed : shift;
    }
    if (to->h == 1)
        shift = 0;
    int64_t rest = ((shift % to->c) + to->c) % to->c;
    out->shifted = true;
    out->shift = rest ? shift + to->c - rest : shift;
}

bool node_overlap(struct overlap *out, const struct implementation *implementation,
                  const struct qmodel *qmodel, const struct qnode *node, int input)
{
    const struct qtensor *from = &qmodel->tensors[node->inputs[input]];
    const struct qtensor *to = &qmodel->tensors[node->output];
    bool windowed = false;
    int64_t batch = 1;

    *out = (struct overlap){0};
    switch (node->op) {
    case QOP_DEPTHWISE:
        if (implementation->tile > 1)
            batch = implementation->tile;
        windowed = true;
        break;
    case QOP_CONV:
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        if (node_accumulates(qmodel, node))
            return false;
        windowed = true;
        break;
    case QOP_ADD:
    case QOP_ADD_CONSTANT:
    case QOP_MUL:
    case QOP_TABLE:
        if (!same_shape(from, to)) /* MUL's (1, 1, c) factor is read to the end */
            return false;
        out->exact = true;
        break;
    default:
        return false;
    }
    int64_t distance = INT64_MIN;
    for (int64_t y = 0; y < to->h; y += batch) {
        int64_t end = y + batch < to->h ? y + batch : to->h;
        int64_t needed = end * row_bytes(to) - first_needed(node, windowed, y, from->h) * row_bytes(from);
        if (needed > distance)
            distance = needed;
    }
    out->distance = distance;
    if (node_channel_group(implementation, qmodel, node) > 0)
        allow_shift(out, qmodel, node);
    return true;
}
