/*
 * depthwise_s8__dsp.c - depthwise convolution, int8, on planes of int16 rows: depthwise_row.h.
 *
 * Four or eight channels at a time: every input row that a batch of output rows needs is split into as many
 * plane rows, the weights are expanded, then the output rows are computed. Padding is zero in the planes
 * (they hold pixels minus the zero point).
 */
#include <stdbool.h>

#include "depthwise_row.h"
#include "panel.h"

static void expand_words(const int8_t *packed, uint32_t *words, const uint32_t *end)
{
    for (; words != end; words += 4, packed += 8) {
        const uint32_t a = mcu_load4(packed), b = mcu_load4(packed + 4);
        words[0] = mcu_sxtb16(a);
        words[1] = mcu_sxtb16_ror8(a);
        words[2] = mcu_sxtb16(b);
        words[3] = mcu_sxtb16_ror8(b);
    }
}

void mcu_depthwise_dsp_expand(const void *packed, int32_t bytes, void *wide)
{
    uint32_t *words = wide;
    expand_words(packed, words, words + bytes / 2);
}

/* What does not depend on the channels, made once per batch, in scratch. */
struct batch {
    int32_t *in_rows;                       /* per plane row: struct mcu_depthwise_split */
    struct mcu_depthwise_out_row *out_rows; /* per output row */
    uint32_t *expanded;                     /* weights of these channels */
    uint32_t *planes;
    int32_t row_words, plane_rows, plane_words;
    int32_t channels; /* that are computed together */
};

static void describe_rows(const struct mcu_depthwise_dsp *op, struct batch *batch, int32_t y, int32_t rows)
{
    const int32_t kernel = op->window.kernel_h, stride = op->window.stride_h;
    const int32_t weights_row_bytes = 4 * mcu_depthwise_row_words(kernel, stride);
    const int32_t row_bytes = 4 * batch->row_words, top = y * stride - op->window.pad_top;
    for (int32_t i = 0; i < batch->plane_rows; i++)
        batch->in_rows[i] = top + i >= 0 && top + i < op->in.h
                                ? (int32_t)(mcu_row(&op->in, top + i) - op->in.data)
                                : MCU_DEPTHWISE_NO_ROW;
    for (int32_t i = 0; i < rows; i++) {
        const int32_t row_top = top + i * stride;
        int32_t first = 0, end = kernel;
        if (kernel != 3) { /* kernel rows in the padding are left out */
            first = row_top < 0 ? -row_top : 0;
            end = op->in.h - row_top < kernel ? op->in.h - row_top : kernel;
        }
        batch->out_rows[i] = (struct mcu_depthwise_out_row){
            .plane_offset = (i * stride + first) * row_bytes,
            .weights_offset = first * weights_row_bytes,
            .weights_bytes = (end - first) * weights_row_bytes,
            .back = kernel == 3 ? -2 * row_bytes : (first - end) * row_bytes,
            .out_offset = (int32_t)(mcu_row(&op->out, y + i) - op->out.data),
            .kernel_rows = end - first,
        };
    }
}

/* Words [from, end) of a row of all planes. */
static void zero_words(const struct batch *batch, int32_t row, int32_t from, int32_t end)
{
    uint32_t *words = batch->planes + row * batch->row_words;
    for (int32_t plane = 0; plane < batch->channels; plane++, words += batch->plane_words)
        for (int32_t i = from; i < end; i++)
            words[i] = 0;
}

/* What no pixel is written to: rows in the padding, and in the first batch [0, begin) and [end, row_words) of
 * every row. */
static void zero_padding(const struct batch *batch, bool first, int32_t begin, int32_t end)
{
    for (int32_t row = 0; row < batch->plane_rows; row++) {
        if (batch->in_rows[row] == MCU_DEPTHWISE_NO_ROW)
            zero_words(batch, row, 0, batch->row_words);
        else if (first && begin > 0)
            zero_words(batch, row, 0, begin);
        if (first && end < batch->row_words)
            zero_words(batch, row, end, batch->row_words);
    }
}

/* Output rows [y, y + rows). */
static void depthwise_batch(const struct mcu_depthwise_dsp *op, struct batch *batch, int32_t y, int32_t rows,
                            bool first)
{
    const int32_t kernel = op->window.kernel_w, stride = op->window.stride_w;
    const int32_t block = mcu_depthwise_block(kernel), blocks = mcu_depthwise_blocks(kernel, op->out.w);
    const int32_t channel_words = mcu_depthwise_channel_words(kernel, stride);
    const int32_t channels = batch->channels;
    const int32_t packed_words = channels * channel_words / (op->wide ? 1 : 2);
    batch->plane_rows = (rows - 1) * stride + kernel;
    describe_rows(op, batch, y, rows);
    const int32_t plane_words = batch->plane_words;
    const int32_t pad_words = op->window.pad_left / 2, odd = op->window.pad_left & 1;
    const int32_t words = (odd + op->in.w + 1) / 2;
    zero_padding(batch, first, pad_words, pad_words + words);
    const uint32_t *packed = op->weights;
    struct mcu_depthwise_split split = {
        .step = op->in.c,
        .bias = mcu_pack_low((uint32_t)-op->in_zero_point, (uint32_t)-op->in_zero_point),
        .in = op->in.data,
        .rows = batch->in_rows,
        .rows_end = batch->in_rows + batch->plane_rows,
        .pixels = op->in.w,
        .gap_bytes = 4 * (batch->row_words - words),
        .row_bytes = 4 * batch->row_words,
        .pad = (uint8_t)op->in_zero_point * 0x01010101u,
        .odd = odd,
        .plane = batch->planes + pad_words,
        .plane_bytes = 4 * plane_words,
        .second_bytes = channels > 4 ? 4 * (4 * plane_words - words) : 0,
    };
    struct mcu_depthwise_rows job = {
        .zero_point = op->out_zero_point,
        .out_step = op->out.c,
        .row_bytes = 4 * batch->row_words,
        .requant = op->requant,
        .plane = batch->planes,
        .plane_bytes = 4 * plane_words,
        .out = op->out.data,
        .rows = batch->out_rows,
        .rows_end = batch->out_rows + rows,
        .blocks_bytes = blocks * block * 2 * stride,
        .tail = op->out.w - blocks * block,
        .channels = channels,
    };
    for (int32_t c = 0; c < op->in.c; c += channels) {
        job.weights = packed;
        if (!op->wide) {
            expand_words((const int8_t *)packed, batch->expanded, batch->expanded + channels * channel_words);
            job.weights = batch->expanded;
        }
        mcu_depthwise_split(&split);
        op->rows(&job);
        packed += packed_words;
        split.in += channels;
        job.out += channels;
        job.requant += 3 * channels;
    }
    if (op->act_min > -128 || op->act_max < 127)
        for (int32_t i = 0; i < rows; i++)
            mcu_clamp_bytes(mcu_row(&op->out, y + i), op->out.w * op->out.c, op->act_min, op->act_max);
}

void mcu_depthwise_s8__dsp(const struct mcu_depthwise_dsp *op, int32_t y0, int32_t y1)
{
    const int32_t kernel = op->window.kernel_w, stride = op->window.stride_w, most = op->batch_rows;
    uint32_t *words = op->scratch;
    struct batch batch;
    batch.channels = mcu_depthwise_channels(kernel, op->in.c, op->batch_rows, op->out.h);
    batch.expanded = words;
    words += op->wide ? 0 : batch.channels * mcu_depthwise_channel_words(kernel, stride);
    batch.out_rows = (struct mcu_depthwise_out_row *)words;
    words += most * (int32_t)(sizeof(struct mcu_depthwise_out_row) / 4);
    batch.in_rows = (int32_t *)words;
    const int32_t plane_rows = (most - 1) * stride + kernel;
    batch.planes = words + plane_rows;
    batch.row_words = mcu_depthwise_plane_row_words(kernel, stride, op->window.pad_left, op->in.w, op->out.w);
    batch.plane_words = plane_rows * batch.row_words;
    for (int32_t y = y0; y < y1; y += most)
        depthwise_batch(op, &batch, y, y1 - y < most ? y1 - y : most, y == y0);
}
