/*
 * depthwise_row.h - the inner kernel of depthwise convolution: rows of a few channels. Private to
 * engine/dsp/.
 *
 * A channel is a plane of rows of int16 pixels minus the zero point, with the left padding in front, so that
 * tap 0 of output 0 is the first pixel of a row. A word holds two pixels. With h = (kernel - 1) / 2, the
 * weights w of a kernel row are words too:
 *
 *   stride 1   A_j = (w[2j], w[2j+1]), j < h, then B_j = (w[2j+1], w[2j+2]), j < h
 *              output at an even pixel: A_0 A_1 .., then the last tap alone: low half of the data, high half
 * of B_(h-1) output at an odd pixel:  the first tap alone: high half of the data, low half of A_0, then B_0
 * B_1 .. stride 2   A_j = (w[2j], w[2j+1]), j <= h, w[kernel] = 0: every output starts at an even pixel
 *
 * so that an output takes h + 1 multiplications per kernel row, and nothing is shuffled.
 */
#ifndef MCU_DSP_DEPTHWISE_ROW_H
#define MCU_DSP_DEPTHWISE_ROW_H

#include <stdint.h>

#include "dsp.h"
#include "intrinsics.h"
#include "tile_4x2.h" /* MCU_CORTEX_M7 */

/* For assembly: orders of instructions that pair on a Cortex-M7, or that a Cortex-M4 likes. */
#ifdef MCU_CORTEX_M7
#define MCU_DEPTHWISE_CORE " .set dual_issue, 1\n"
#else
#define MCU_DEPTHWISE_CORE " .set dual_issue, 0\n"
#endif

/* Weight words of one kernel row, and of a channel (even, so that they expand from whole words of int8). */
static inline int32_t mcu_depthwise_row_words(int32_t kernel, int32_t stride)
{
    return stride == 1 ? kernel - 1 : (kernel + 1) / 2;
}

static inline int32_t mcu_depthwise_channel_words(int32_t kernel, int32_t stride)
{
    return (kernel * mcu_depthwise_row_words(kernel, stride) + 1) & ~1;
}

/* Words of a plane row: what out_w outputs read, and what left padding and pixels need. */
static inline int32_t mcu_depthwise_plane_row_words(int32_t kernel, int32_t stride, int32_t pad_left,
                                                    int32_t in_w, int32_t out_w)
{
    const int32_t read = (stride == 1 ? (out_w + 1) / 2 : out_w) + (kernel - 1) / 2;
    const int32_t written = (pad_left + in_w + 1) / 2;
    return read > written ? read : written;
}

/* Outputs per block: what the registers hold. */
static inline int32_t mcu_depthwise_block(int32_t kernel)
{
#ifdef MCU_CORTEX_M7
    (void)kernel;
    return 6;
#else
    return kernel == 3 ? 8 : 6;
#endif
}

/* Whole blocks of a row that are computed in a loop; the rest is one smaller block, or one as large where
 * that saves a jump. */
static inline int32_t mcu_depthwise_blocks(int32_t kernel, int32_t out_w)
{
#ifdef MCU_CORTEX_M7
    if (kernel == 3)
        return (out_w - 1) / mcu_depthwise_block(kernel);
#endif
    return out_w / mcu_depthwise_block(kernel);
}

/* Channels that are computed together: a cache line holds pixels of several groups of four, and calls are
 * fewer. Two groups take the planes of both, which is for batches that have memory to spare. */
static inline int32_t mcu_depthwise_channels(int32_t kernel, int32_t channels, int32_t batch_rows,
                                             int32_t out_h)
{
    enum { LARGE_BATCH = 10 };
    return kernel == 3 && channels % 8 == 0 && (batch_rows >= LARGE_BATCH || batch_rows >= out_h) ? 8 : 4;
}

/* One output row, relative to the channel's plane, weights and output. Read by the assembly. */
struct mcu_depthwise_out_row {
    int32_t plane_offset;   /* bytes to the first kernel row that is computed */
    int32_t out_offset;     /* bytes from the first row of the map */
    int32_t weights_offset; /* bytes to that kernel row's weights */
    int32_t weights_bytes; /* of the kernel rows that are computed, at least one; kernel 3: all three, rows in
                              the padding are zero */
    int32_t back;          /* bytes from the data pointer after the kernel rows to where it was: negative */
    int32_t kernel_rows;   /* that are computed */
};

/* All of a batch's rows of four channels, or of eight. Read by the assembly: order and sizes matter. */
struct mcu_depthwise_rows {
    int32_t zero_point;
    const int32_t *requant;  /* { bias, a, b } x 4 */
    int32_t plane_bytes;     /* to the next channel */
    const uint32_t *weights; /* of the first channel */
    const uint32_t *plane;   /* of the first channel */
    int8_t *out;             /* of the first channel */
    int32_t blocks_bytes;    /* plane bytes of the whole blocks of a row */
    int32_t tail;            /* outputs behind them */
    const struct mcu_depthwise_out_row *rows;
    int32_t out_step; /* bytes from pixel to pixel */
    const struct mcu_depthwise_out_row *rows_end;
    int32_t row_bytes; /* of a plane row */
    int32_t channels;  /* mcu_depthwise_channels */
};

/* One channel of a job in plain C, any requantisation mode. The functions of dsp.h do all of them: those
 * without _exact compute nonsense for channels of MCU_REQUANT_EXACT. */
void mcu_depthwise_channel(const struct mcu_depthwise_rows *job, int32_t kernel, int32_t stride,
                           int32_t channel);

/* Splits rows of a map, four or eight channels, into the rows of as many planes. Read by the assembly: order
 * and sizes matter. */
struct mcu_depthwise_split {
    int32_t step;                   /* bytes from pixel to pixel */
    uint32_t bias;                  /* minus the zero point, in both lanes */
    const int8_t *in;               /* first of the channels in the map's first row */
    const int32_t *rows, *rows_end; /* where each plane row comes from: bytes from `in`, or
                                       MCU_DEPTHWISE_NO_ROW: left as it is */
    int32_t pixels;
    int32_t gap_bytes; /* of a plane row, behind the words with pixels */
    int32_t row_bytes;
    uint32_t pad;    /* the zero point, in all four bytes */
    int32_t odd;     /* 1: pixel 0 goes to the high half of its word, the other one is zero */
    uint32_t *plane; /* where pixel 0 of the first row goes */
    int32_t plane_bytes;
    int32_t second_bytes; /* from the end of a row's words to the same row of four more channels; 0: none */
};
#define MCU_DEPTHWISE_NO_ROW INT32_MIN

void mcu_depthwise_split(const struct mcu_depthwise_split *job);

#endif
