/* qcost.c - what follows from the shapes of an int8 operator. */
#include "quant/qmodel.h"

int64_t qnode_macs(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    int64_t outputs = (int64_t)out->h * out->w * out->c;
    int64_t taps = (int64_t)node->window.kernel_h * node->window.kernel_w;
    switch (node->op) {
    case QOP_CONV:
        return outputs * taps * in->c;
    case QOP_DEPTHWISE:
        return outputs * taps;
    case QOP_FULLY_CONNECTED:
        return (int64_t)out->c * in->h * in->w * in->c;
    default:
        return 0;
    }
}

struct qpart qnode_part(const struct qmodel *qmodel, const struct qnode *node, int i)
{
    struct qpart part = {0};
    for (int k = 0; k < i; k++) {
        const struct qtensor *in = &qmodel->tensors[node->inputs[k]];
        part.y += node->axis == CONCAT_ROWS ? in->h : 0;
        part.x += node->axis == CONCAT_COLUMNS ? in->w : 0;
        part.c += node->axis == CONCAT_CHANNELS ? in->c : 0;
    }
    return part;
}
