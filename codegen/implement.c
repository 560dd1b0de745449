#include "codegen/implement.h"

#include "codegen/arguments.h"
#include "codegen/kernels.h"
#include "engine/dsp/depthwise_row.h"
#include "engine/dsp/pack.h"
#include "engine/dsp/winograd.h"
#include "quant/qmodel.h"

static const struct qtensor *input_of(const struct qmodel *qmodel, const struct qnode *node)
{
    return &qmodel->tensors[node->inputs[0]];
}

static const struct qtensor *output_of(const struct qmodel *qmodel, const struct qnode *node)
{
    return &qmodel->tensors[node->output];
}

static int64_t aligned(int64_t bytes)
{
    return (bytes + 3) & ~(int64_t)3;
}

/* ---- layouts ---- */

const char *layout_name(enum layout layout)
{
    static const char *const names[LAYOUT_COUNT] = {"reference", "narrow", "wide", "winograd"};
    return names[layout];
}

static bool conv2d_possible(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    const struct mcu_conv2d op = conv2d_arguments(qmodel, node);
    return layout == LAYOUT_WINOGRAD ? mcu_conv2d_winograd_dsp_supports(&op) : mcu_conv2d_dsp_supports(&op);
}

/* A skeleton's ADD gets TFLite's multipliers when it is quantized; those are supported. */
static bool add_possible(const struct qmodel *qmodel, const struct qnode *node)
{
    if (!node->multiplier)
        return true;
    const struct mcu_add op = add_arguments(qmodel, node);
    return mcu_add_dsp_supports(&op);
}

bool layout_possible(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, bool dsp)
{
    if (layout == LAYOUT_REFERENCE)
        return true;
    if (!dsp)
        return false;
    if (node_is_fully_connected(qmodel, node)) {
        const struct mcu_fully_connected op = fully_connected_arguments(qmodel, node);
        return layout == LAYOUT_NARROW && mcu_fully_connected_dsp_supports(&op);
    }
    switch (node->op) {
    case QOP_CONV:
        return conv2d_possible(layout, qmodel, node);
    case QOP_DEPTHWISE: {
        const struct mcu_depthwise op = depthwise_arguments(qmodel, node);
        return layout != LAYOUT_WINOGRAD && mcu_depthwise_dsp_supports(&op);
    }
    case QOP_ADD:
        return layout == LAYOUT_NARROW && add_possible(qmodel, node);
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
    case QOP_MEAN:
        return layout == LAYOUT_NARROW;
    default:
        return false;
    }
}

enum layout layout_smallest(const struct qmodel *qmodel, const struct qnode *node, bool dsp)
{
    return layout_possible(LAYOUT_NARROW, qmodel, node, dsp) ? LAYOUT_NARROW : LAYOUT_REFERENCE;
}

int64_t layout_weights_bytes(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    if (!node_has_weights(node))
        return 0;
    if (layout == LAYOUT_REFERENCE)
        return aligned(node->n_weights) + output_of(qmodel, node)->c * (int64_t)sizeof(int32_t);
    if (node->op == QOP_DEPTHWISE) {
        const struct mcu_depthwise op = depthwise_arguments(qmodel, node);
        return aligned(mcu_depthwise_dsp_weights_bytes(&op, layout == LAYOUT_WIDE));
    }
    if (node_is_fully_connected(qmodel, node)) {
        const struct mcu_fully_connected op = fully_connected_arguments(qmodel, node);
        return aligned(mcu_fully_connected_dsp_weights_bytes(&op));
    }
    const struct mcu_conv2d op = conv2d_arguments(qmodel, node);
    return aligned(layout == LAYOUT_WINOGRAD ? mcu_conv2d_winograd_dsp_weights_bytes(&op)
                                             : mcu_conv2d_dsp_weights_bytes(&op, layout == LAYOUT_WIDE));
}

int64_t layout_constants_bytes(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    enum { TABLE_BYTES = 256 };
    int64_t channels = output_of(qmodel, node)->c;
    if (node->op == QOP_TABLE)
        return TABLE_BYTES;
    if (node->op == QOP_RESIZE_NEAREST)
        return aligned((int64_t)sizeof(int16_t) * output_of(qmodel, node)->h) +
               aligned((int64_t)sizeof(int16_t) * output_of(qmodel, node)->w);
    if (node->op == QOP_ADD_CONSTANT)
        return channels * (int64_t)sizeof(int32_t);
    if (node->op == QOP_ADD)
        return layout == LAYOUT_REFERENCE ? 0 : MCU_ADD_DSP_TABLE_BYTES;
    if (!node_has_weights(node))
        return 0;
    if (layout == LAYOUT_REFERENCE)
        return channels * (int64_t)sizeof(int32_t) + aligned(channels);
    if (node->op == QOP_DEPTHWISE) {
        const struct mcu_depthwise op = depthwise_arguments(qmodel, node);
        return mcu_depthwise_dsp_requant_bytes(&op);
    }
    if (node_is_fully_connected(qmodel, node)) {
        const struct mcu_fully_connected op = fully_connected_arguments(qmodel, node);
        return mcu_fully_connected_dsp_requant_bytes(&op);
    }
    const struct mcu_conv2d op = conv2d_arguments(qmodel, node);
    return mcu_conv2d_dsp_requant_bytes(&op);
}

/* ---- tiles ---- */

static int32_t tile_scratch(enum layout layout, const struct qmodel *qmodel, const struct qnode *node,
                            int tile)
{
    if (node->op == QOP_CONV) {
        const struct mcu_conv2d op = conv2d_arguments(qmodel, node);
        return layout == LAYOUT_WINOGRAD ? mcu_conv2d_winograd_dsp_scratch_bytes(&op, tile)
                                         : mcu_conv2d_dsp_scratch_bytes(&op, tile, layout == LAYOUT_WIDE);
    }
    const struct mcu_depthwise op = depthwise_arguments(qmodel, node);
    return mcu_depthwise_dsp_scratch_bytes(&op, tile, layout == LAYOUT_WIDE);
}

static bool has_tiles(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    return layout != LAYOUT_REFERENCE && !node_is_fully_connected(qmodel, node) &&
           (node->op == QOP_CONV || node->op == QOP_DEPTHWISE);
}

/* Tiles grow in steps of this. */
static int tile_step(enum layout layout, const struct qnode *node)
{
    return node->op == QOP_CONV && layout != LAYOUT_WINOGRAD ? 2 : 1;
}

/* Larger is of no use: to a call of so many rows, or because what is left to save is less than a few percent.
 */
static int largest_tile(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, int rows)
{
    enum { ENOUGH_PIXELS = 96, SMALL_PANEL_BYTES = 12288, ENOUGH_BATCH = 16, ENOUGH_TILE_ROWS = 2 };
    const struct qtensor *out = output_of(qmodel, node);
    rows = rows < out->h ? rows : out->h;
    if (layout == LAYOUT_WINOGRAD) {
        int tile_rows = mcu_winograd_tiles(rows);
        return tile_rows < ENOUGH_TILE_ROWS ? tile_rows : ENOUGH_TILE_ROWS;
    }
    if (node->op == QOP_DEPTHWISE)
        return rows < ENOUGH_BATCH ? rows : ENOUGH_BATCH;
    int64_t pixels = ((int64_t)rows * out->w + 1) / 2 * 2;
    const struct mcu_conv2d op = conv2d_arguments(qmodel, node);
    int64_t enough = SMALL_PANEL_BYTES / 4 / mcu_conv2d_dsp_depth(&op.window, op.in.c) * 2;
    enough = enough > ENOUGH_PIXELS ? enough : ENOUGH_PIXELS;
    return (int)(pixels < enough ? pixels : enough);
}

/* The same number of tiles in a call, of more equal size. */
static int balanced(int tile, int64_t whole, int step)
{
    int64_t tiles = (whole + tile - 1) / tile, even = (whole + tiles - 1) / tiles;
    return (int)((even + step - 1) / step * step);
}

/* What a call of so many rows divides into tiles. */
static int64_t tiled_extent(enum layout layout, const struct qmodel *qmodel, const struct qnode *node,
                            int rows)
{
    const struct qtensor *out = output_of(qmodel, node);
    rows = rows < out->h ? rows : out->h;
    if (layout == LAYOUT_WINOGRAD)
        return mcu_winograd_tiles(rows);
    return node->op == QOP_DEPTHWISE ? rows : (int64_t)rows * out->w;
}

/* Panels hold whole rows, where they hold one at all. */
static int usable_tile(int tile, enum layout layout, const struct qmodel *qmodel, const struct qnode *node,
                       int rows)
{
    const struct qtensor *out = output_of(qmodel, node);
    int step = tile_step(layout, node);
    if (node->op == QOP_CONV && layout != LAYOUT_WINOGRAD) {
        if (tile < out->w)
            return balanced(tile, out->w, step);
        int64_t most = tile / out->w, all = rows < out->h ? rows : out->h;
        int64_t in_tile = balanced((int)most, all, 1);
        /* a last odd pixel costs a tile as much as two */
        if (in_tile < all && in_tile * out->w % 2)
            in_tile += in_tile < most ? 1 : in_tile > 1 ? -1 : 0;
        return (int)(in_tile * out->w + in_tile * out->w % step);
    }
    return balanced(tile, tiled_extent(layout, qmodel, node, rows), step);
}

int tile_at_level(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, int rows,
                  int level)
{
    if (!has_tiles(layout, qmodel, node))
        return 0;
    int largest = largest_tile(layout, qmodel, node, rows), step = tile_step(layout, node);
    int tile = level == TILE_LEVELS - 1 ? largest : step << level;
    if (node->op == QOP_DEPTHWISE || layout == LAYOUT_WINOGRAD)
        tile = level == TILE_LEVELS - 1 ? largest : 1 << level / 2;
    if (tile > largest)
        tile = largest;
    return usable_tile(tile, layout, qmodel, node, rows);
}

int tile_within(enum layout layout, const struct qmodel *qmodel, const struct qnode *node, int rows,
                int32_t scratch_bytes)
{
    if (!has_tiles(layout, qmodel, node))
        return 0;
    int step = tile_step(layout, node), largest = largest_tile(layout, qmodel, node, rows);
    int low = step, high = largest / step * step; /* the scratch grows with the tile */
    while (low < high) {
        int middle = (low / step + (high / step - low / step + 1) / 2) * step;
        if (aligned(tile_scratch(layout, qmodel, node, middle)) <= scratch_bytes)
            low = middle;
        else
            high = middle - step;
    }
    return usable_tile(low, layout, qmodel, node, rows);
}

int32_t implementation_scratch_bytes(const struct implementation *implementation, const struct qmodel *qmodel,
                                     const struct qnode *node)
{
    if (node->op == QOP_MEAN || node_accumulates(qmodel, node))
        return input_of(qmodel, node)->c * (int32_t)sizeof(int32_t);
    if (implementation->layout == LAYOUT_REFERENCE)
        return 0;
    if (node_is_fully_connected(qmodel, node)) {
        const struct mcu_fully_connected op = fully_connected_arguments(qmodel, node);
        return (int32_t)aligned(mcu_fully_connected_dsp_scratch_bytes(&op));
    }
    if (!has_tiles(implementation->layout, qmodel, node))
        return 0;
    return (int32_t)aligned(tile_scratch(implementation->layout, qmodel, node, implementation->tile));
}
