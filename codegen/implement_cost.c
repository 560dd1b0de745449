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

/* One block of pixels: gathered into a panel, then 4 channels x 2 pixels at a time on `depth` values per
 * pixel, 8 SMLAD and 6 loads for every 2 of them; narrow weights are expanded once per block. In tenths. */
static int64_t panel_instructions(const struct work *work, int64_t depth, int64_t pixels, bool wide)
{
    enum { STEPS_PER_TURN = 16 };
    const struct window *w = &work->node->window;
    int64_t groups = blocks(work->out->c, 4), pairs = pixels / 2, odd = pixels & 1;
    int64_t turns = blocks(depth / 2 - 1, STEPS_PER_TURN);
    bool pointwise = window_taps(work->node) == 1, first = w->kernel_h == 3 && w->kernel_w * work->in->c == 9;
    int64_t tile = 70 * depth + 49 * turns + (pointwise ? 530 : 620);
    int64_t single = 54 * depth + 1200, expand = wide ? 0 : (pointwise ? 33 : 36) * depth;
    int64_t gather = (pointwise ? 10 : 11) * depth * pixels + (pointwise ? 63 : 300) * pixels;
    if (first)
        gather = 290 * pixels;
    return groups * (pairs * tile + odd * single + expand + (pointwise ? 660 : 300)) + gather +
           (pointwise ? 3950 : 11000);
}

static int64_t conv2d_instructions(const struct work *work, bool wide)
{
    const struct window *w = &work->node->window;
    const struct mcu_window window = {.kernel_h = (uint8_t)w->kernel_h, .kernel_w = (uint8_t)w->kernel_w};
    int64_t depth = mcu_conv2d_dsp_depth(&window, work->in->c), sum;
    if (work->tile < work->out->w) {
        int64_t rest = work->out->w % work->tile;
        sum = work->out->w / work->tile * panel_instructions(work, depth, work->tile, wide);
        sum += rest ? panel_instructions(work, depth, rest, wide) : 0;
        return work->rows * sum / 10;
    }
    int64_t rows = work->tile / work->out->w, rest = work->rows % rows;
    sum = work->rows / rows * panel_instructions(work, depth, rows * work->out->w, wide);
    sum += rest ? panel_instructions(work, depth, rest * work->out->w, wide) : 0;
    return sum / 10;
}

/* Per 4 x 4 outputs: transforms that grow with the channels, and 36 products of both. */
static int64_t winograd_instructions(const struct work *work)
{
    enum { POSITIONS = 36, STEPS_PER_TURN = 16 };
    int64_t in = work->in->c, groups = blocks(work->out->c, 4);
    int64_t tile_rows = blocks(work->rows, 4), tiles_w = blocks(work->out->w, 4), sum = CALL;
    for (int64_t done = 0; done < tile_rows; done += work->tile) {
        int64_t n = tile_rows - done < work->tile ? tile_rows - done : work->tile, tiles = n * tiles_w;
        int64_t pair = 7 * in + 5 * blocks(in / 2, STEPS_PER_TURN) + 13;
        sum += 224 * tiles * in + POSITIONS * groups * (blocks(tiles, 2) * pair + 14) +
               1370 * groups * tiles + 366 * groups * n +
               mcu_winograd_strip_bytes((int32_t)tiles_w, (int32_t)n, (int32_t)in) + 682;
    }
    return sum;
}

/* A batch of rows: input rows are split into planes, then outputs are computed, channel after channel. */
static int64_t depthwise_batch(const struct work *work, int64_t rows, bool wide)
{
    static const struct {
        int16_t output, block, row; /* a channel's row: per output, in tenths; per block of outputs; fixed */
        int16_t wide, narrow;       /* per four channels */
        int16_t batch_row, batch;
    } terms[3][2] = {
        {{126, 17, 15, 222, 325, 51, 326}, {140, 17, 20, 177, 280, 76, 301}},
        {{220, 57, 32, 243, 556, 63, 345}, {244, 58, 43, 236, 489, 85, 342}},
        {{366, 90, 34, 343, 986, 71, 429}, {382, 94, 39, 268, 701, 86, 380}},
    };
    const struct window *w = &work->node->window;
    int64_t kernel = w->kernel_h, stride = w->stride_h, channels = work->out->c, out_w = work->out->w;
    const int64_t in_rows = (rows - 1) * stride + kernel, outputs = blocks(out_w, kernel == 3 ? 8 : 6);
    int k = (int)(kernel - 3) / 2, s = (int)stride - 1;
    int64_t row_words = (work->in->w + kernel + 1) / 2;
    int64_t channel_row = terms[k][s].output * out_w / 10 + terms[k][s].block * outputs + terms[k][s].row;
    return channels * rows * channel_row + 21 * channels * in_rows * work->in->w / 10 +
           channels / 4 * (wide ? terms[k][s].wide : terms[k][s].narrow) + terms[k][s].batch_row * rows +
           7 * in_rows * row_words + terms[k][s].batch;
}

static int64_t depthwise_instructions(const struct work *work, bool wide)
{
    int64_t rest = work->rows % work->tile;
    return work->rows / work->tile * depthwise_batch(work, work->tile, wide) +
           (rest ? depthwise_batch(work, rest, wide) : 0);
}

static int64_t fully_connected_instructions(const struct work *work)
{
    enum { CHUNK = 320 };
    int64_t inputs = qtensor_bytes(work->in), groups = blocks(work->out->c, 4);
    return CALL + groups * (inputs * 424 / 100 + 46 + 63 * blocks(inputs, CHUNK)) + inputs * 32 / 10;
}

/* engine/dsp/sum_rows.c: runs of pixels, four channels at a time. */
static int64_t sums_instructions(int64_t channels, int64_t pixels)
{
    enum { RUN_BYTES = 3072, RUN_MOST = 252 };
    int64_t most = RUN_BYTES / channels & ~3;
    most = most > RUN_MOST ? RUN_MOST : most < 4 ? 4 : most;
    return CALL + blocks(channels, 4) * (pixels * 15 / 4 + 36 * blocks(pixels, most));
}

/* Operators that add up input rows: their share of clearing the sums and of dividing them. */
static int64_t accumulating_instructions(const struct work *work, bool reference)
{
    int64_t c = work->in->c, pixels = work->rows * work->in->w, rest = 22 * c * work->rows / work->in->h;
    return reference ? CALL + pixels * c * 63 / 10 + rest : sums_instructions(c, pixels) + rest;
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
    case QOP_ADD_CONSTANT:
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
        return accumulating_instructions(&work, implementation->layout == LAYOUT_REFERENCE);
    if (implementation->layout == LAYOUT_REFERENCE)
        return reference_instructions(&work);
    int64_t outputs = rows * (int64_t)work.out->w * work.out->c;
    if (node_is_fully_connected(qmodel, node))
        return fully_connected_instructions(&work);
    switch (node->op) {
    case QOP_CONV:
        return implementation->layout == LAYOUT_WINOGRAD ? winograd_instructions(&work)
                                                         : conv2d_instructions(&work, wide);
    case QOP_DEPTHWISE:
        return depthwise_instructions(&work, wide);
    case QOP_ADD:
        return CALL + outputs * 103 / 10 + 90 * rows;
    case QOP_AVERAGE_POOL:
        return CALL + outputs * (window_taps(node) * 13 / 10 + 12);
    case QOP_MAX_POOL:
        return CALL + outputs * (window_taps(node) * 44 / 10) + 105 * (int64_t)work.out->w * rows;
    case QOP_MEAN:
        return rows * (sums_instructions(work.in->c, work.in->w) + 25 * work.in->c);
    default:
        return reference_instructions(&work);
    }
}
