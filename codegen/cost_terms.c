#include "codegen/cost_terms.h"

#include <math.h>

#include "codegen/cost_table.h"
#include "codegen/implement.h"
#include "codegen/kernels.h"

static double blocks(double n, double size)
{
    return ceil(n / size);
}

/* How much of `bytes` that are read again and again a cache of this size does not keep, 0 to 1. The least
 * recently used is what a loop needs next: once it does not fit, it keeps next to nothing. */
static double spilled(double bytes, double cache)
{
    const double low = 0.9 * cache, high = 1.15 * cache;
    if (cache <= 0 || bytes <= low)
        return 0;
    return bytes >= high ? 1 : (bytes - low) / (high - low);
}

/* engine/dsp/conv2d: panels of `tile` pixels, 4 channels x 2 pixels at a time. */
static int conv2d_terms(double *t, const struct cost_point *p, double rows, double dcache)
{
    double depth = 4 * blocks((double)p->window_h * p->window_w * p->in_c, 4), groups = blocks(p->out_c, 4);
    double pixels = rows * p->out_w, tile = p->tile > 0 ? p->tile : 1;
    double panels = tile < p->out_w ? rows * blocks(p->out_w, tile) : blocks(rows, floor(tile / p->out_w));
    double pairs = blocks(pixels, 2), weight = p->layout == LAYOUT_WIDE ? 2 : 1;
    double weights_bytes = weight * depth * 4 * groups, panel_bytes = 2 * depth * fmin(tile, pixels);
    t[0] = 1;
    t[1] = pixels * depth;
    t[2] = pixels;
    t[3] = panels * groups;
    t[4] = p->layout == LAYOUT_WIDE ? 0 : panels * groups * depth;
    t[5] = groups * pairs * depth;
    t[6] = groups * pairs;
    t[7] = weights_bytes * (1 + (panels - 1) * spilled(weights_bytes, dcache));
    t[8] = groups * panels * panel_bytes * spilled(panel_bytes + 8 * depth, dcache);
    t[9] = (double)p->window_h * pixels;
    /* weights of 4 channels and two pixels: what a pair of pixels reads again, in flash or RAM */
    double again = groups * pairs * depth * spilled(12 * depth, dcache);
    t[p->layout == LAYOUT_WIDE ? 10 : 11] = again;
    return 12;
}

/* 4 x 4 outputs: transforms, and 36 products. */
static int winograd_terms(double *t, const struct cost_point *p, double rows, double dcache)
{
    double tile_rows = blocks(rows, 4), tiles = tile_rows * blocks(p->out_w, 4);
    double rounds = blocks(tile_rows, p->tile > 0 ? p->tile : 1), in = p->in_c, out = p->out_c;
    t[0] = 1;
    t[1] = tiles * in;
    t[2] = tiles * out;
    t[3] = tiles * in * out;
    t[4] = rounds * blocks(out, 4);
    t[5] = rounds * in * out;
    t[6] = tiles * in * out * spilled(36 * 2 * in * tiles / rounds, dcache);
    return 7;
}

static int depthwise_terms(double *t, const struct cost_point *p, double rows, double dcache)
{
    double groups = blocks(p->out_c, 4), batches = blocks(rows, p->tile > 0 ? p->tile : 1);
    double over = p->window_h > p->stride_h ? p->window_h - p->stride_h : 0;
    double split_rows = fmin(rows * p->stride_h + batches * over, batches * p->in_h);
    double read = split_rows * p->in_w * p->in_c;
    t[0] = 1;
    t[1] = groups * batches;
    t[2] = groups * rows;
    t[3] = groups * rows * p->out_w;
    t[4] = groups * split_rows * p->in_w;
    t[5] = groups * split_rows;
    t[6] = read * spilled(read / batches, dcache);
    t[7] = split_rows * p->in_w;
    t[p->layout == LAYOUT_WIDE ? 8 : 9] = batches * groups * p->window_h * p->window_w;
    return 10;
}

static int fully_connected_terms(double *t, const struct cost_point *p, double dcache)
{
    double inputs = (double)p->in_h * p->in_w * p->in_c, groups = blocks(p->out_c, 4);
    t[0] = 1;
    t[1] = inputs;
    t[2] = groups;
    t[3] = groups * inputs;
    t[4] = groups * inputs * spilled(2 * inputs, dcache);
    return 5;
}

/* Plain loops over outputs: operators of the reference kernels, and those without weights. */
static int loop_terms(double *t, const struct cost_point *p, double rows, double dcache)
{
    double outputs = rows * p->out_w * p->out_c, taps = (double)p->window_h * p->window_w;
    double reads = rows * p->in_w * p->in_c, per_output = taps;
    if (p->kernel == KERNEL_CONV2D)
        per_output = taps * p->in_c;
    if (p->kernel == KERNEL_FULLY_CONNECTED)
        per_output = (double)p->in_h * p->in_w * p->in_c;
    t[0] = 1;
    t[1] = rows;
    t[2] = outputs;
    t[3] = outputs * per_output;
    t[4] = reads;
    t[5] = outputs * spilled(2 * outputs, dcache);
    t[6] = p->in_c;
    return 7;
}

static int call_terms(double *t, const struct cost_point *p, double rows, double dcache)
{
    switch (p->kernel) {
    case KERNEL_CONV2D_DSP:
        return conv2d_terms(t, p, rows, dcache);
    case KERNEL_WINOGRAD_DSP:
        return winograd_terms(t, p, rows, dcache);
    case KERNEL_DEPTHWISE_DSP:
        return depthwise_terms(t, p, rows, dcache);
    case KERNEL_FULLY_CONNECTED_DSP:
        return fully_connected_terms(t, p, dcache);
    case COST_REST: /* operators, steps, calls */
        t[0] = 1;
        t[1] = p->in_h;
        t[2] = p->in_w;
        t[3] = p->in_c;
        return 4;
    default:
        return loop_terms(t, p, rows, dcache);
    }
}

int cost_terms(double terms[COST_TERMS], const struct cost_point *point, int dcache_bytes)
{
    int n = 0;
    for (int i = 0; i < COST_TERMS; i++)
        terms[i] = 0;
    for (int i = 0; i < point->calls.n; i++) {
        double of_call[COST_TERMS] = {0};
        n = call_terms(of_call, point, point->calls.size[i].rows, dcache_bytes);
        for (int k = 0; k < n; k++)
            terms[k] += point->calls.size[i].count * of_call[k];
    }
    return n;
}

int cost_class(const struct cost_point *point, enum cost_level level)
{
    int window = point->window_h < 15 ? point->window_h : 15;
    int stride = point->stride_h < 3 ? point->stride_h : 3;
    int thin = point->kernel == KERNEL_CONV2D_DSP && window > 1 && point->in_c <= 4;
    int class = point->kernel * 2048;
    if (level != COST_OF_KERNEL)
        class += 8 * (1 + window + 16 * stride + 64 * (thin % 2));
    if (level == COST_OF_LAYOUT)
        class += 1 + point->layout;
    return class;
}

void cost_place(double place[COST_PLACE], const struct cost_point *point)
{
    int rows = point->calls.n ? point->calls.size[point->calls.n - 1].rows : 1;
    place[0] = log2(1.0 + point->out_h);
    place[1] = log2(1.0 + point->out_w);
    place[2] = log2(1.0 + point->in_c);
    place[3] = log2(1.0 + point->out_c);
    place[4] = log2(1.0 + rows);
    place[5] = log2(1.0 + point->tile);
    place[6] = 2.0 * point->depth_first;
}
