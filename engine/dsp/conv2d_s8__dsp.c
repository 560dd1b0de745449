/*
 * conv2d_s8__dsp.c - 2-D convolution of any window, int8, on the 4 x 2 tile.
 *
 * The window of an output pixel is kernel_h runs of kernel_w * in.c bytes. The whole words of the runs go
 * straight from the map to the int16 panel; their 0-3 last bytes are collected behind them, all runs together
 * (3 x 3 x 3: depth 28, not 36). Taps in the padding are the input's zero point, so that its share of the sum
 * is always the one folded into the bias.
 */
#include "panel.h"

/* Windows that are gathered without detours where they lie inside the map */
enum window_kind { ANY_WINDOW, POINTWISE, WINDOW_3X3X3, WINDOW_OF_WORDS, WINDOW_OF_RUNS };

/* Where the taps of one row of output pixels come from. */
struct taps {
    const struct mcu_conv2d_dsp *op;
    const int8_t *rows[MCU_CONV2D_DSP_MAX_KERNEL]; /* of the input; 0 in the padding */
    enum window_kind kind;
    int32_t run, run_words, rest; /* bytes of a run = 4 * run_words + rest */
};

/* Returns whether all rows are inside the map. */
static int find_rows(struct taps *taps, int32_t y)
{
    const struct mcu_conv2d_dsp *op = taps->op;
    int32_t in_y = y * op->window.stride_h - op->window.pad_top;
    int whole = 1;
    for (int32_t ky = 0; ky < op->window.kernel_h; ky++, in_y += op->window.dilation_h) {
        taps->rows[ky] = in_y >= 0 && in_y < op->in.h ? mcu_row(&op->in, in_y) : 0;
        whole &= taps->rows[ky] != 0;
    }
    return whole;
}

static enum window_kind kind_of(const struct taps *taps)
{
    const struct mcu_window *window = &taps->op->window;
    if (window->kernel_h == 3 && taps->run == 9)
        return WINDOW_3X3X3;
    if (taps->rest)
        return ANY_WINDOW;
    return window->kernel_h == 1 ? POINTWISE : taps->run_words == 1 ? WINDOW_OF_WORDS : WINDOW_OF_RUNS;
}

/* A run that reaches into the padding, when in.c % 4 == 0: it is so by whole words. left: the input column of
 * its first tap. */
static uint32_t *unpack_edge_words(const struct mcu_conv2d_dsp *op, const int8_t *row, int32_t left,
                                   uint32_t *panel)
{
    const int32_t pixel_words = op->in.c / 4, kernel_w = op->window.kernel_w;
    const int8_t zero_point = (int8_t)op->in_zero_point;
    for (int32_t kx = 0; kx < kernel_w; kx++)
        if (left + kx >= 0 && left + kx < op->in.w)
            panel = mcu_unpack_pixel(row + (left + kx) * op->in.c, pixel_words, panel);
        else
            panel = mcu_unpack_value(zero_point, pixel_words, panel);
    return panel;
}

/* Any run that reaches into the padding, copied. */
static void copy_edge(const struct mcu_conv2d_dsp *op, const int8_t *row, int32_t left, int32_t run,
                      int8_t *copy)
{
    const int32_t begin = left * op->in.c, row_bytes = op->in.w * op->in.c;
    for (int32_t i = 0; i < run; i++)
        copy[i] = (int8_t)(begin + i >= 0 && begin + i < row_bytes ? row[begin + i] : op->in_zero_point);
}

MCU_DSP_INLINE void unpack_word(const int8_t *in, uint32_t *panel)
{
    const uint32_t word = mcu_load4(in);
    panel[0] = mcu_sxtb16(word);
    panel[2] = mcu_sxtb16_ror8(word);
}

/*
 * Runs of n pixels whose windows lie inside the map. in_step: bytes from window to window in the input;
 * begin: of the first one in its rows. pixel: in the panel; step: words to the next one, which is 1 within a
 * pair and the rest of `depth` between pairs.
 */

/* 1 x n: a window is one run. */
static void gather_pointwise(const struct taps *taps, int32_t begin, int32_t in_step, int32_t n,
                             uint32_t *pixel, int32_t step, int32_t depth)
{
    const int8_t *in = taps->rows[0] + begin;
    const int32_t words = taps->run_words;
    if (step != 1 && n) { /* the second of a pair */
        mcu_unpack_pixel(in, words, pixel);
        pixel += step;
        in += in_step;
        n--;
    }
    if (n >= 2)
        mcu_unpack_pairs(in, words, pixel, in_step, n / 2);
    if (n & 1)
        mcu_unpack_pixel(in + (n - 1) * in_step, words, pixel + n / 2 * depth);
}

/* n x n x 4 k: a window is n runs of whole words. */
static void gather_runs(const struct taps *taps, int32_t begin, int32_t in_step, int32_t n, uint32_t *pixel,
                        int32_t step, int32_t depth)
{
    const int32_t words = taps->run_words, kernel_h = taps->op->window.kernel_h;
    for (; n > 0; begin += in_step, n--) {
        const int pair = step == 1 && n > 1;
        uint32_t *to = pixel;
        for (int32_t ky = 0; ky < kernel_h; ky++, to += 4 * words) {
            const int8_t *run = taps->rows[ky] + begin;
            if (pair)
                mcu_unpack_pairs(run, words, to, in_step, 1);
            else
                mcu_unpack_pixel(run, words, to);
        }
        pixel += pair ? depth : step;
        begin += pair ? in_step : 0;
        n -= pair;
        step = 1; /* at the first of a pair, or at the end */
    }
}

/* 3 x 3 x 3, the first layer of most nets: each run is 2 words and a byte. */
static void gather_3x3x3(const struct taps *taps, int32_t begin, int32_t in_step, int32_t n, uint32_t *pixel,
                         int32_t step, int32_t depth)
{
    const int8_t *a = taps->rows[0] + begin, *b = taps->rows[1] + begin, *c = taps->rows[2] + begin;
    if (step != 1) { /* the second of a pair */
        mcu_unpack_3x3x3_pixel(a, b, c, pixel);
        a += in_step, b += in_step, c += in_step;
        pixel += step;
        n--;
    }
    const int32_t pairs = n / 2;
    if (pairs)
        mcu_unpack_3x3x3(a, b, c, pixel, in_step, pairs);
    if (n & 1) {
        const int32_t left = 2 * pairs * in_step;
        mcu_unpack_3x3x3_pixel(a + left, b + left, c + left, pixel + pairs * depth);
    }
}

/* n x 4 x 1: each run is a word. */
static void gather_words(const struct taps *taps, int32_t begin, int32_t in_step, int32_t n, uint32_t *pixel,
                         int32_t step, int32_t depth)
{
    const int8_t *const *end = taps->rows + taps->op->window.kernel_h;
    for (; n > 0; n--, begin += in_step) {
        uint32_t *to = pixel;
        for (const int8_t *const *row = taps->rows; row != end; row++, to += 4)
            unpack_word(*row + begin, to);
        pixel += step;
        step = depth - step;
    }
}

/* 3 x 3 x 3, reaching into the padding; left: the input column of its first tap. */
static void gather_edge_3x3x3(const struct taps *taps, int32_t left, uint32_t *pixel)
{
    enum { RUN = 9 };
    const struct mcu_conv2d_dsp *op = taps->op;
    const int32_t begin = left * op->in.c, row_bytes = op->in.w * op->in.c;
    const int32_t first = begin < 0 ? -begin : 0, last = row_bytes - begin < RUN ? row_bytes - begin : RUN;
    const uint32_t padding = (uint8_t)op->in_zero_point * 0x01010101u;
    uint32_t edges[3][3];
    const int8_t *runs[3];
    for (int y = 0; y < 3; y++) {
        const int8_t *row = taps->rows[y];
        if (row && last - first == RUN) {
            runs[y] = row + begin;
            continue;
        }
        int8_t *edge = (int8_t *)edges[y];
        edges[y][0] = edges[y][1] = edges[y][2] = padding;
        for (int32_t i = row ? first : RUN; i < last; i++)
            edge[i] = row[begin + i];
        runs[y] = edge;
    }
    mcu_unpack_3x3x3_pixel(runs[0], runs[1], runs[2], pixel);
}

/* The window of output column x into a pixel of the panel. */
static __attribute__((noinline)) void gather_window(const struct taps *taps, int32_t x, uint32_t *panel)
{
    const struct mcu_conv2d_dsp *op = taps->op;
    const int32_t kernel_h = op->window.kernel_h, rest = taps->rest, run_words = taps->run_words;
    const int32_t left = x * op->window.stride_w - op->window.pad_left;
    const int inside = left >= 0 && left + op->window.kernel_w <= op->in.w;
    if (taps->kind == WINDOW_3X3X3) {
        gather_edge_3x3x3(taps, left, panel);
        return;
    }
    uint32_t rests[(MCU_CONV2D_DSP_MAX_KERNEL * 3 + 3) / 4];
    int8_t *last = (int8_t *)rests;
    for (int32_t ky = 0; ky < kernel_h; ky++) {
        const int8_t *row = taps->rows[ky];
        int8_t edge[MCU_CONV2D_DSP_MAX_EDGE_BYTES];
        const int8_t *run = edge;
        if (!row) {
            panel = mcu_unpack_value((int8_t)op->in_zero_point, run_words, panel);
            for (int32_t i = 0; i < rest; i++)
                *last++ = (int8_t)op->in_zero_point;
            continue;
        }
        if (inside) {
            run = row + left * op->in.c;
        } else if (!(op->in.c & 3)) {
            panel = unpack_edge_words(op, row, left, panel);
            continue;
        } else {
            copy_edge(op, row, left, taps->run, edge);
        }
        panel = mcu_unpack_pixel(run, run_words, panel);
        run += 4 * run_words;
        for (int32_t i = rest; i > 0; i--)
            *last++ = *run++;
    }
    if (rest) {
        const int32_t n = kernel_h * rest;
        for (int32_t i = n; i & 3; i++)
            *last++ = 0;
        mcu_unpack_pixel((const int8_t *)rests, (n + 3) / 4, panel);
    }
}

/* Output columns [x0, x1) of row y into the panel from pixel index `first` on. */
static void gather_row(struct taps *taps, int32_t y, int32_t x0, int32_t x1, uint32_t *panel, int32_t depth,
                       int32_t first)
{
    const struct mcu_conv2d_dsp *op = taps->op;
    const int32_t stride = op->window.stride_w, c = op->in.c;
    const int32_t last = op->in.w - op->window.kernel_w; /* greatest left column without padding */
    const int whole = find_rows(taps, y) && taps->kind != ANY_WINDOW;
    for (int32_t x = x0; x < x1;) {
        const int32_t left = x * stride - op->window.pad_left;
        uint32_t *pixel = panel + (first >> 1) * depth + (first & 1);
        const int32_t step = first & 1 ? depth - 1 : 1;
        int32_t n = 1;
        if (!whole || left < 0 || left > last) {
            gather_window(taps, x, pixel);
        } else {
            n = (last - left) / stride + 1;
            n = n < x1 - x ? n : x1 - x;
            if (taps->kind == POINTWISE)
                gather_pointwise(taps, left * c, stride * c, n, pixel, step, depth);
            else if (taps->kind == WINDOW_3X3X3)
                gather_3x3x3(taps, left * c, stride * c, n, pixel, step, depth);
            else if (taps->kind == WINDOW_OF_RUNS)
                gather_runs(taps, left * c, stride * c, n, pixel, step, depth);
            else
                gather_words(taps, left * c, stride * c, n, pixel, step, depth);
        }
        x += n;
        first += n;
    }
}

/* How many of the rows [y, y1), at most limit, lie one after the other in the output, upwards (*direction 1)
 * or downwards (-1). */
static int32_t contiguous_rows(const struct mcu_map *out, int32_t y, int32_t y1, int32_t limit,
                               int32_t *direction)
{
    const int32_t row_bytes = out->w * out->c;
    const int8_t *first = mcu_row(out, y);
    int32_t n = 1;
    *direction = 1;
    if (out->row_stride * out->row_step < 0)
        *direction = -1;
    while (y + n < y1 && n < limit && mcu_row(out, y + n) == first + *direction * n * row_bytes)
        n++;
    return n;
}

void mcu_conv2d_s8__dsp(const struct mcu_conv2d_dsp *op, int32_t y0, int32_t y1)
{
    const int32_t out_w = op->out.w, out_c = op->out.c;
    const int32_t depth = mcu_conv2d_dsp_depth(&op->window, op->in.c);
    struct taps taps; /* rows: find_rows */
    taps.op = op;
    taps.run = op->window.kernel_w * op->in.c;
    taps.run_words = taps.run / 4;
    taps.rest = taps.run & 3;
    taps.kind = kind_of(&taps);
    uint32_t *pixels = op->scratch;
    struct mcu_panel panel = {
        .pixels = pixels,
        .depth = depth,
        .weights = op->weights,
        .wide = op->wide,
        .expanded = pixels + op->panel_pixels / 2 * depth + MCU_DSP_OVERREAD_BYTES / 4,
        .requant = op->requant,
        .zero_point = op->out_zero_point,
        .out_c = out_c,
    };
    int32_t x = 0;
    for (int32_t y = y0; y < y1;) {
        int32_t direction = 1, rows = 1, columns = out_w - x;
        if (op->panel_pixels < columns)
            columns = op->panel_pixels;
        else if (x == 0)
            rows = contiguous_rows(&op->out, y, y1, op->panel_pixels / out_w, &direction);
        /* in ascending order of the output's addresses */
        const int32_t first = direction > 0 ? y : y + rows - 1;
        for (int32_t i = 0; i < rows; i++)
            gather_row(&taps, first + i * direction, x, x + columns, pixels, depth, i * columns);
        int8_t *out = mcu_row(&op->out, first) + x * out_c;
        panel.n_pixels = rows * columns;
        mcu_panel_multiply(&panel, out);
        if (op->act_min > -128 || op->act_max < 127)
            mcu_clamp_bytes(out, panel.n_pixels * out_c, op->act_min, op->act_max);
        x += columns;
        if (x >= out_w) {
            x = 0;
            y += rows;
        }
    }
}
