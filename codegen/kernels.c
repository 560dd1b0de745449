#include "codegen/kernels.h"

#include "base/error.h"
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

int node_kernels(const struct qmodel *qmodel, const struct qnode *node, enum kernel *kernels)
{
    switch (node->op) {
    case QOP_CONV:
        kernels[0] = KERNEL_CONV2D;
        return 1;
    case QOP_DEPTHWISE:
        kernels[0] = KERNEL_DEPTHWISE;
        return 1;
    case QOP_FULLY_CONNECTED:
        kernels[0] = KERNEL_FULLY_CONNECTED;
        return 1;
    case QOP_ADD:
        kernels[0] = KERNEL_ADD;
        return 1;
    case QOP_MUL:
        kernels[0] = KERNEL_MUL;
        return 1;
    case QOP_AVERAGE_POOL:
        kernels[0] = node_accumulates(qmodel, node) ? KERNEL_GLOBAL_AVERAGE_POOL : KERNEL_AVERAGE_POOL;
        return 1;
    case QOP_MAX_POOL:
        kernels[0] = KERNEL_MAX_POOL;
        return 1;
    case QOP_MEAN:
        kernels[0] = KERNEL_MEAN;
        return 1;
    case QOP_TABLE:
        kernels[0] = KERNEL_TABLE;
        return 1;
    case QOP_SOFTMAX:
        kernels[0] = KERNEL_SOFTMAX;
        return 1;
    case QOP_CONCAT:
        for (int i = 0; i < node->n_inputs; i++)
            kernels[i] = KERNEL_COPY;
        return node->n_inputs;
    case QOP_PAD:
        kernels[0] = KERNEL_FILL;
        kernels[1] = KERNEL_COPY;
        return 2;
    case QOP_COUNT:
        break;
    }
    die("operator %d has no kernel", (int)node->op);
}

int32_t node_scratch_bytes(const struct qmodel *qmodel, const struct qnode *node)
{
    /* One int32 sum per channel; the other reference kernels need nothing. */
    if (node->op == QOP_MEAN || node_accumulates(qmodel, node))
        return qmodel->tensors[node->inputs[0]].c * (int32_t)sizeof(int32_t);
    return 0;
}

/* Reference kernels gather a window of whole rows: not in place. */
int node_channel_group(const struct qmodel *qmodel, const struct qnode *node)
{
    (void)qmodel;
    (void)node;
    return 0;
}

int64_t node_call_cost(const struct qmodel *qmodel, const struct qnode *node)
{
    enum { CALL_INSTRUCTIONS = 150 };
    (void)qmodel;
    return CALL_INSTRUCTIONS + node->n_weights * 3 / 2;
}

static int64_t row_bytes(const struct qtensor *tensor)
{
    return (int64_t)tensor->w * tensor->c;
}

static bool same_shape(const struct qtensor *a, const struct qtensor *b)
{
    return a->h == b->h && a->w == b->w && a->c == b->c;
}

bool node_overlap(struct overlap *out, const struct qmodel *qmodel, const struct qnode *node, int input)
{
    const struct qtensor *from = &qmodel->tensors[node->inputs[input]];
    const struct qtensor *to = &qmodel->tensors[node->output];
    bool windowed = false;

    out->exact = false;
    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        if (node_accumulates(qmodel, node))
            return false;
        windowed = true;
        break;
    case QOP_ADD:
    case QOP_MUL:
    case QOP_TABLE:
        if (!same_shape(from, to)) /* MUL's (1, 1, c) factor is read to the end */
            return false;
        out->exact = true;
        break;
    default:
        return false;
    }
    /* While row y is written, the input is needed from row first(y) on; the output so far ends after row y.
     */
    int64_t distance = INT64_MIN;
    for (int64_t y = 0; y < to->h; y++) {
        int64_t first = windowed ? y * node->window.stride_h - node->window.pad_top : y;
        first = first < 0 ? 0 : first > from->h ? from->h : first;
        int64_t needed = (y + 1) * row_bytes(to) - first * row_bytes(from);
        if (needed > distance)
            distance = needed;
    }
    out->distance = distance;
    return true;
}
