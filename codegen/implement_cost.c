/*
 * implement_cost.c - the cost model: instructions of one kernel call.
 *
 * Terms follow the kernels' loops; constants were fitted to exact counts on Cortex-M7
 * (tests/regression/kernels_dsp.csv). tests/bench/cost_model.sh compares the model with whole networks.
 */
#include "codegen/implement.h"

#include "codegen/arguments.h"
#include "codegen/kernels.h"
#include "engine/dsp/dsp.h"
#include "engine/dsp/winograd.h"
#include "quant/qmodel.h"

static int64_t blocks(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

/* What a call computes and with what. */
struct work {
    const struct qnode *node;
    const struct qtensor *in, *out;
    int64_t rows; /* of the output */
    int tile;
};

static int64_t window_taps(const struct qnode *node)
{
    return (int64_t)node->window.kernel_h * node->window.kernel_w;
}

enum { CALL = 150 };

/* 4 channels x 2 pixels on a panel of `depth` values per pixel: 8 SMLAD and 6 loads for every 2 of them. */
static int64_t conv2d_instructions(const struct work *work, bool wide)
{
    enum { STEPS_PER_TURN = 16, PER_TILE = 71, PER_TURN = 5, PER_BLOCK = 45, PER_EXPANSION = 12 };
    const struct window *w = &work->node->window;
    const struct mcu_window window = {.kernel_h = (uint8_t)w->kernel_h, .kernel_w = (uint8_t)w->kernel_w};
    int64_t depth = mcu_conv2d_dsp_depth(&window, work->in->c), groups = blocks(work->out->c, 4);
    int64_t pixels = work->rows * work->out->w, panels;
    if (work->tile < work->out->w)
        panels = work->rows * blocks(work->out->w, work->tile);
    else
        panels = blocks(work->rows, work->tile / work->out->w);
    int64_t tile = 7 * depth + PER_TILE + PER_TURN * (blocks(depth / 2, STEPS_PER_TURN) - 1);
    int64_t gather = depth * 11 / 10 + 20;
    if (window_taps(work->node) > 1 && !(w->kernel_h == 3 && w->kernel_w * work->in->c == 9))
        gather += 100 * w->kernel_h;
    int64_t per_panel = groups * (PER_BLOCK + (wide ? 0 : 4 * depth + PER_EXPANSION));
    return CALL + 100 + pixels * gather + panels * per_panel + groups * tile * blocks(pixels, 2) +
           (pixels & panels & 1 ? groups * depth * 3 : 0);
}

/* Per 4 x 4 outputs: transforms that grow with the channels, and 36 products of both. */
static int64_t winograd_instructions(const struct work *work)
{
    enum { INPUT = 400, OUTPUT = 436, PER_BLOCK = 36 * 20 };
    int64_t in = work->in->c, out = work->out->c;
    int64_t tile_rows = blocks(work->rows, 4), tiles = tile_rows * blocks(work->out->w, 4);
    return CALL + 100 + tiles * (INPUT * in + OUTPUT * out + in * out * 338 / 10) +
           blocks(tile_rows, work->tile) * PER_BLOCK * blocks(out, 4);
}

/* Per output of a kernel and stride, in tenths; splitting input rows into planes; what is done per group of
 * four channels and batch, and per row of it. */
static int64_t depthwise_instructions(const struct work *work, bool wide)
{
    static const int16_t per_output[3][2] = {
        {159, 200}, {330, 390}, {540, 560}}; /* [kernel][stride], tenths */
    enum { PER_BATCH = 150, PER_ROW = 60, SPLIT_TENTHS = 21, PER_SPLIT_ROW = 20 };
    const struct window *w = &work->node->window;
    int64_t kernel = w->kernel_h, stride = w->stride_h, groups = work->out->c / 4;
    int64_t batches = blocks(work->rows, work->tile);
    int64_t split_rows = work->rows * stride + batches * (kernel > stride ? kernel - stride : 0);
    if (split_rows > batches * work->in->h)
        split_rows = batches * work->in->h;
    int64_t outputs = 4 * work->rows * work->out->w;
    int64_t group = outputs * per_output[(kernel - 3) / 2][stride - 1] / 10 + PER_ROW * work->rows +
                    split_rows * (4 * work->in->w * SPLIT_TENTHS / 10 + PER_SPLIT_ROW) +
                    batches * (PER_BATCH + (wide ? 0 : 4 * kernel * (kernel + 1)));
    return CALL + 100 + groups * group + split_rows * work->in->w * 2;
}

static int64_t fully_connected_instructions(const struct work *work)
{
    int64_t inputs = qtensor_bytes(work->in);
    return CALL + inputs * 22 / 10 + blocks(work->out->c, 4) * (inputs * 45 / 10 + 60);
}

/* The reference kernels: plain loops. */
static int64_t reference_instructions(const struct work *work)
{
    int64_t outputs = work->rows * work->out->w * work->out->c;
    switch (work->node->op) {
    case QOP_CONV:
        return CALL + outputs * (window_taps(work->node) * work->in->c * 3 + 40);
    case QOP_DEPTHWISE:
        return CALL + outputs * (window_taps(work->node) * 9 + 40);
    case QOP_FULLY_CONNECTED:
        return CALL + work->out->c * (qtensor_bytes(work->in) * 6 + 60);
    case QOP_ADD:
        return CALL + outputs * 60;
    case QOP_MUL:
        return CALL + outputs * 35;
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        return CALL + outputs * (window_taps(work->node) * 6 + 20);
    case QOP_MEAN:
        return CALL + work->rows * work->in->w * work->in->c * 5;
    case QOP_SOFTMAX:
        return CALL + outputs * 250;
    default:
        return CALL + outputs * 6;
    }
}

int64_t implementation_instructions(const struct implementation *implementation, const struct qmodel *qmodel,
                                    const struct qnode *node, int rows)
{
    const struct work work = {node, &qmodel->tensors[node->inputs[0]], &qmodel->tensors[node->output], rows,
                              implementation->tile};
    bool wide = implementation->layout == LAYOUT_WIDE;
    if (node_accumulates(qmodel, node))
        return CALL + rows * ((int64_t)work.in->w * work.in->c * 19 / 10 + 6 * work.in->c);
    if (implementation->layout == LAYOUT_REFERENCE)
        return reference_instructions(&work);
    int64_t outputs = rows * (int64_t)work.out->w * work.out->c;
    switch (node->op) {
    case QOP_CONV:
        return implementation->layout == LAYOUT_WINOGRAD ? winograd_instructions(&work)
                                                         : conv2d_instructions(&work, wide);
    case QOP_DEPTHWISE:
        return depthwise_instructions(&work, wide);
    case QOP_FULLY_CONNECTED:
        return fully_connected_instructions(&work);
    case QOP_ADD:
        return CALL + outputs * 111 / 10;
    case QOP_AVERAGE_POOL:
        return CALL + outputs * (window_taps(node) * 13 / 10 + 12);
    case QOP_MAX_POOL:
        return CALL + outputs * (window_taps(node) * 15 / 10 + 8);
    case QOP_MEAN:
        return CALL + rows * (int64_t)work.in->w * work.in->c * 2;
    default:
        return reference_instructions(&work);
    }
}
