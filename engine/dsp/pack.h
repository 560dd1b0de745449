/*
 * pack.h - lays weights out for the kernels of dsp.h. Host only: code generation and tests call it, firmware
 * never does.
 *
 * Input is the operator as the reference kernel takes it (engine.h: shapes, int8 weights, bias, multipliers,
 * shifts); nothing is computed but layouts, folded biases and requantisation words, so that the results stay
 * bit-identical. Sizes depend on shapes only: a planner may ask before there are weights.
 */
#ifndef MCU_DSP_PACK_H
#define MCU_DSP_PACK_H

#include <stdbool.h>

#include "dsp.h"

/* Can the kernel compute it? Otherwise: __ref. Depends on shapes only, whatever the weights and multipliers
 * (but mcu_add's). */
bool mcu_conv2d_dsp_supports(const struct mcu_conv2d *op);
/* wide: int16 weights, read in place: twice the flash, no expansion. */
int32_t mcu_conv2d_dsp_weights_bytes(const struct mcu_conv2d *op, bool wide);
int32_t mcu_conv2d_dsp_requant_bytes(const struct mcu_conv2d *op);
/* panel_pixels: even; more than the pixels of one call are of no use. */
int32_t mcu_conv2d_dsp_scratch_bytes(const struct mcu_conv2d *op, int32_t panel_pixels, bool wide);
void mcu_conv2d_dsp_pack(const struct mcu_conv2d *op, bool wide, void *weights, int32_t *requant);

/* 3 x 3, stride 1, as dsp.h says. The operator is the same as mcu_conv2d_s8__dsp's, the choice is the
 * planner's. */
bool mcu_conv2d_winograd_dsp_supports(const struct mcu_conv2d *op);
int32_t mcu_conv2d_winograd_dsp_weights_bytes(const struct mcu_conv2d *op);
int32_t mcu_conv2d_winograd_dsp_scratch_bytes(const struct mcu_conv2d *op, int32_t tile_rows);
/* requant: mcu_conv2d_dsp_requant_bytes */
void mcu_conv2d_winograd_dsp_pack(const struct mcu_conv2d *op, void *weights, int32_t *requant);

bool mcu_depthwise_dsp_supports(const struct mcu_depthwise *op);
int32_t mcu_depthwise_dsp_weights_bytes(const struct mcu_depthwise *op, bool wide);
int32_t mcu_depthwise_dsp_requant_bytes(const struct mcu_depthwise *op);
int32_t mcu_depthwise_dsp_scratch_bytes(const struct mcu_depthwise *op, int32_t batch_rows, bool wide);
/* The function for mcu_depthwise_dsp's rows, and its name. Depends on constants too, if there are any
 * (op->weights is not null). */
struct mcu_depthwise_dsp_rows {
    void (*function)(const struct mcu_depthwise_rows *);
    const char *name;
    bool exact;
};
struct mcu_depthwise_dsp_rows mcu_depthwise_dsp_rows(const struct mcu_depthwise *op);
void mcu_depthwise_dsp_pack(const struct mcu_depthwise *op, bool wide, void *weights, int32_t *requant);

bool mcu_fully_connected_dsp_supports(const struct mcu_fully_connected *op);
int32_t mcu_fully_connected_dsp_weights_bytes(const struct mcu_fully_connected *op);
int32_t mcu_fully_connected_dsp_requant_bytes(const struct mcu_fully_connected *op);
int32_t mcu_fully_connected_dsp_scratch_bytes(const struct mcu_fully_connected *op);
void mcu_fully_connected_dsp_pack(const struct mcu_fully_connected *op, void *weights, int32_t *requant);

enum { MCU_ADD_DSP_TABLE_BYTES = 256 * 4 };
/* Needs multipliers and shifts, not only shapes: yes for TFLite's own, with the output's scale more than
 * 2^-17 of the larger input's. */
bool mcu_add_dsp_supports(const struct mcu_add *op);
/* Everything of `out` but `table`, which is to point to what is written to `table`. */
void mcu_add_dsp_pack(const struct mcu_add *op, struct mcu_add_dsp *out, int32_t *table);

#endif
