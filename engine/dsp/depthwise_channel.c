/*
 * depthwise_channel.c - rows of one channel in plain C, and the functions of dsp.h that use it where a
 * channel has MCU_REQUANT_EXACT.
 */
#include "depthwise_row.h"
#include "requant_dsp.h"

/* Output x of one channel; data: its first kernel row. */
static int32_t depthwise_sum(const uint32_t *data, int32_t row_words, const uint32_t *w,
                             const uint32_t *w_end, int32_t x, int32_t h, int32_t stride, int32_t sum)
{
    for (; w != w_end; w += stride == 1 ? 2 * h : h + 1, data += row_words) {
        if (stride == 2) {
            for (int32_t j = 0; j <= h; j++)
                sum = mcu_smlad(data[x + j], w[j], sum);
        } else if (x & 1) {
            const uint32_t *d = data + x / 2;
            sum = mcu_smlatb(d[0], w[0], sum);
            for (int32_t j = 0; j < h; j++)
                sum = mcu_smlad(d[1 + j], w[h + j], sum);
        } else {
            const uint32_t *d = data + x / 2;
            for (int32_t j = 0; j < h; j++)
                sum = mcu_smlad(d[j], w[j], sum);
            sum = mcu_smlabt(d[h], w[2 * h - 1], sum);
        }
    }
    return sum;
}

void mcu_depthwise_channel(const struct mcu_depthwise_rows *job, int32_t kernel, int32_t stride,
                           int32_t channel)
{
    const int32_t out_w = job->blocks_bytes / (2 * stride) + job->tail;
    const int32_t *requant = job->requant + 3 * channel;
    const uint32_t *plane = job->plane + channel * job->plane_bytes / 4;
    const uint32_t *weights = job->weights + channel * mcu_depthwise_channel_words(kernel, stride);
    for (const struct mcu_depthwise_out_row *row = job->rows; row != job->rows_end; row++) {
        const uint32_t *w = weights + row->weights_offset / 4;
        int8_t *out = job->out + row->out_offset + channel;
        for (int32_t x = 0; x < out_w; x++, out += job->out_step) {
            const int32_t sum =
                depthwise_sum(plane + row->plane_offset / 4, job->row_bytes / 4, w,
                              w + row->weights_bytes / 4, x, (kernel - 1) / 2, stride, requant[0]);
            *out = (int8_t)mcu_requant(sum, requant + 1, job->zero_point);
        }
    }
}

/* Four channels, then once more those that the fast function cannot do. */
#define ROWS_EXACT(kernel, stride)                                                                           \
    void mcu_depthwise_rows_##kernel##_stride##stride##_exact(const struct mcu_depthwise_rows *job)          \
    {                                                                                                        \
        mcu_depthwise_rows_##kernel##_stride##stride(job);                                                   \
        exact_channels(job, kernel, stride);                                                                 \
    }

static void exact_channels(const struct mcu_depthwise_rows *job, int32_t kernel, int32_t stride)
{
    for (int32_t i = 0; i < job->channels; i++)
        if (job->requant[3 * i + 2] < 0)
            mcu_depthwise_channel(job, kernel, stride, i);
}

ROWS_EXACT(3, 1)
ROWS_EXACT(3, 2)
ROWS_EXACT(5, 1)
ROWS_EXACT(5, 2)
ROWS_EXACT(7, 1)
ROWS_EXACT(7, 2)
