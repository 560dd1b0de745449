/*
 * engine.h - the int8 kernels, the same code on the microcontroller and on the host.
 *
 * Semantics are TensorFlow Lite's int8 reference, bit for bit: real = scale * (q - zero_point), per-channel symmetric
 * weights, int32 bias, fixed-point requantisation with TFLite's default double rounding (requant.h).
 *
 * Every kernel has the form
 *
 *     void mcu_<op>_<type>__<isa>(const struct mcu_<op> *op, int32_t y0, int32_t y1);
 *
 * and computes output rows [y0, y1) in ascending order: row y reads only the input rows of its window, and nothing of row y is
 * written before row y - 1 is complete, so the schedule may let the output overwrite input rows that no later row reads (the rows
 * of row y's own window stay intact until row y is complete; element-wise kernels may also write exactly over an input). Arguments are constant: generated code keeps them in flash. Feature maps are reached through
 * struct mcu_map, so a kernel does not know whether it sees a whole tensor, a rolling line buffer of a fused group, or a map
 * stored bottom-up: the schedule decides (codegen/schedule.h). Kernels keep no state and allocate nothing; scratch comes with the
 * arguments. Names after "__": ref (plain C, any target), dsp (Armv7E-M / Armv8-M DSP), mve (Helium).
 *
 * This folder includes only C headers: a generated project is model.c + weights.c + engine/.
 */
#ifndef MCU_ENGINE_H
#define MCU_ENGINE_H

#include <stdint.h>

#define MCU_ENGINE_VERSION 1

/*
 * A feature map (h, w, c) or a window of its rows. Row y lives in slot (y * row_step + row_phase) mod ring, which starts at
 * data + slot * row_stride; pixel x at + x * c. A whole map has ring = h, row_step = 1, row_phase = 0, row_stride = w * c; a map stored
 * bottom-up has data at its last slot and a negative row_stride.
 */
struct mcu_map {
    int8_t *data;
    int16_t h, w, c;
    int16_t ring, row_step, row_phase;
    int32_t row_stride; /* bytes */
};

static inline int8_t *mcu_row(const struct mcu_map *map, int32_t y)
{
    int32_t slot = y * map->row_step + map->row_phase;
    if (slot >= map->ring)
        slot %= map->ring;
    return map->data + slot * map->row_stride;
}

struct mcu_window {
    uint8_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int8_t pad_top, pad_left; /* bottom and right follow from the shapes */
};

/* 2-D convolution. weights (out.c, kernel_h, kernel_w, in.c) for __ref. */
struct mcu_conv2d {
    struct mcu_map in, out;
    struct mcu_window window;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    const int8_t *weights;
    const int32_t *bias;       /* (out.c) */
    const int32_t *multiplier; /* (out.c), Q31 */
    const int8_t *shift;       /* (out.c), > 0: left, < 0: right (TFLite's convention) */
    void *scratch;
};

/* Depthwise convolution with channel multiplier out.c / in.c. weights (kernel_h, kernel_w, out.c) for __ref. */
struct mcu_depthwise {
    struct mcu_map in, out;
    struct mcu_window window;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    void *scratch;
};

/* Fully connected over in.h * in.w * in.c values; out is (1, 1, out.c). weights (out.c, inputs). One row. */
struct mcu_fully_connected {
    struct mcu_map in, out;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier; /* per channel */
    const int8_t *shift;
    void *scratch;
};

/* Elementwise sum, TFLite's ADD (left_shift 20), or with in_multiplier[1] negative the difference, SUB. out may be in[0] or in[1]. */
struct mcu_add {
    struct mcu_map in[2], out;
    int16_t in_zero_point[2], out_zero_point;
    int16_t act_min, act_max;
    int32_t in_multiplier[2], out_multiplier;
    int8_t in_shift[2], out_shift;
};

/* The sum with one constant per channel, as mcu_add computes it with a map of them: `summands` (out.c) are that map's share, worked
 * out before. in_multiplier negative: constant - in. out may be in. */
struct mcu_add_constant {
    struct mcu_map in, out;
    int16_t in_zero_point, out_zero_point;
    int16_t act_min, act_max;
    int32_t in_multiplier, out_multiplier;
    int8_t in_shift, out_shift;
    const int32_t *summands;
};

/* Elementwise product, TFLite's MUL. in[1] may be (1, 1, c): broadcast over pixels (squeeze-excite). */
struct mcu_mul {
    struct mcu_map in[2], out;
    int16_t in_zero_point[2], out_zero_point;
    int16_t act_min, act_max;
    int32_t out_multiplier;
    int8_t out_shift;
};

/* Average or max over a window; average counts only taps inside (TFLite). Scale and zero point of in and out agree. */
struct mcu_pool {
    struct mcu_map in, out;
    struct mcu_window window;
    int16_t act_min, act_max;
};

/* Average pooling over the whole map to (1, 1, c), as mcu_pool's. Rows are INPUT rows here: call with consecutive ranges covering [0, in.h);
 * the sums stay in scratch (in.c int32) between calls, the output is written by the call that reaches in.h. */
struct mcu_global_pool {
    struct mcu_map in, out;
    int16_t act_min, act_max;
    void *scratch;
};

/* TFLite's MEAN over h and w to (1, 1, c), or over w alone to (in.h, 1, c). Rows are INPUT rows here: call with consecutive ranges covering [0, in.h); the
 * sums stay in scratch (in.c int32) between calls, the output is written by the call that reaches in.h. multiplier and shift
 * include 1 / (in.h * in.w), or 1 / in.w, folded as reference_ops::QuantizedMeanOrSum does (quant/qmodel.c). */
struct mcu_mean {
    struct mcu_map in, out;
    int16_t in_zero_point, out_zero_point;
    int32_t multiplier;
    int8_t shift;
    void *scratch;
};

/* out[i] = table[in[i] + 128]: exact for any int8 -> int8 function (HARD_SWISH, LOGISTIC, requantise). In place allowed. */
struct mcu_table {
    struct mcu_map in, out;
    const int8_t *table; /* table[q + 128] */
};

/* TFLite's SOFTMAX over c of (1, 1, c). */
struct mcu_softmax {
    struct mcu_map in, out;
    int32_t multiplier;
    int32_t shift;
    int32_t diff_min;
};

/* Copies rows [y0, y1) of IN into out at a row, column or channel offset (CONCATENATION, PAD): data movement, no arithmetic. */
struct mcu_copy {
    struct mcu_map in, out;
    int16_t out_y, out_x, out_c;
};

/* Fills rows with one value (PAD's border). */
struct mcu_fill {
    struct mcu_map out;
    int16_t value;
};

/* TFLite's RESIZE_NEAREST_NEIGHBOR: output pixel (y, x) is input pixel (rows[y], columns[x]); both lists ascend. Later rows may need
 * earlier input rows again. */
struct mcu_resize_nearest {
    struct mcu_map in, out;
    const int16_t *rows;    /* (out.h) */
    const int16_t *columns; /* (out.w) */
};

void mcu_conv2d_s8__ref(const struct mcu_conv2d *op, int32_t y0, int32_t y1);
void mcu_depthwise_s8__ref(const struct mcu_depthwise *op, int32_t y0, int32_t y1);
void mcu_fully_connected_s8__ref(const struct mcu_fully_connected *op, int32_t y0, int32_t y1);
void mcu_add_s8__ref(const struct mcu_add *op, int32_t y0, int32_t y1);
void mcu_add_constant_s8__ref(const struct mcu_add_constant *op, int32_t y0, int32_t y1);
void mcu_mul_s8__ref(const struct mcu_mul *op, int32_t y0, int32_t y1);
void mcu_average_pool_s8__ref(const struct mcu_pool *op, int32_t y0, int32_t y1);
void mcu_max_pool_s8__ref(const struct mcu_pool *op, int32_t y0, int32_t y1);
void mcu_global_average_pool_s8__ref(const struct mcu_global_pool *op, int32_t y0, int32_t y1);
void mcu_mean_s8__ref(const struct mcu_mean *op, int32_t y0, int32_t y1);
void mcu_table_s8__ref(const struct mcu_table *op, int32_t y0, int32_t y1);
void mcu_softmax_s8__ref(const struct mcu_softmax *op, int32_t y0, int32_t y1);
void mcu_copy_s8__ref(const struct mcu_copy *op, int32_t y0, int32_t y1);
void mcu_fill_s8__ref(const struct mcu_fill *op, int32_t y0, int32_t y1);
void mcu_resize_nearest_s8__ref(const struct mcu_resize_nearest *op, int32_t y0, int32_t y1);

#endif
