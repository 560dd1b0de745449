/*
 * model.c - tiny, int8, for NUCLEO-H743ZI (stm32h743).
 *
 * Written by mcunet 0.1.0: mcunet codegen tiny.onnx --board stm32h743
 * from a model of SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.
 *
 *   input   (8, 8, 3), scale 0.0078125, zero point 0
 *   output  (1, 1, 5), scale 0.023777835, zero point 9
 *   work    3 924 multiply-accumulates in 7 operators
 *   SRAM    2 656 bytes: arena 576 (lower bound 576), stack 2 048, runtime 32
 *   flash   18 768 bytes: weights 336, constants 1 976, code about 16 455
 *
 * The arena, step by step. An output may lie over input rows that no later row needs; operators
 * of the same step run depth-first, their tensors in line buffers.
 *
 *   step  operator            output            bytes of the arena   live bytes
 *         (input)             (8, 8, 3)              368 ..      560
 *      0  conv_0              (4, 4, 4)              512 ..      576          576
 *      1  conv_1              (4, 4, 8)              384 ..      512
 *      1  depthwise_2         (4, 4, 8)              384 ..      512
 *      1  conv_3              (4, 4, 4)              352 ..      384
 *      1  add_4               (4, 4, 4)              512 ..      576          576
 *      2  mean_5              (1, 1, 4)              508 ..      512           84
 *      3  fully_connected_6   (1, 1, 5)                0 ..        5           29
 */
#include "model.h"

#include "engine/chain.h"
#include "engine/dsp/dsp.h"
#include "engine/engine.h"
#include "weights.h"

#if MCU_ENGINE_VERSION != 1
#error "model.c was generated for version 1 of engine/: generate it again, or take the engine/ it came with"
#endif

#ifndef MCU_LAYER
#define MCU_LAYER(layer) /* a profiling build defines it: called before each operator's call */
#endif

_Alignas(8) int8_t mcu_arena[MCU_ARENA_BYTES];

/*
 * step 0: CONV_2D "/conv_0"
 * (8, 8, 3) at 368..560 -> (4, 4, 4) at 512..576; 1 728 MACs
 */
static const struct mcu_conv2d_dsp conv_0 = {
    .in = {.data = mcu_arena + 368, .h = 8, .w = 8, .c = 3, .ring = 8, .row_step = 1, .row_stride = 24},
    .out = {.data = mcu_arena + 512, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1},
    .in_zero_point = 0,
    .out_zero_point = -9,
    .act_min = -9,
    .act_max = 126,
    .panel_pixels = 2,
    .wide = 0,
    .weights = conv_0_weights,
    .requant = conv_0_requant,
    .scratch = mcu_arena + 0, /* 368 bytes */
};

/* step 0, depth-first: rows of each operator when the next one needs them */
static const struct mcu_chain_stage chain_0_stages[] = {
    {.rows = 4, .rows_per_call = 1, .first_input = 0, .n_inputs = 0}, /* conv_0 */
};
static const struct mcu_chain chain_0 = {
    .stages = chain_0_stages,
    .n_stages = 1,
    .bottom_up = 1,
};

static void chain_0_call(int32_t stage, int32_t y0, int32_t y1)
{
    switch (stage) {
    case 0:
        MCU_LAYER(0);
        mcu_conv2d_s8__dsp(&conv_0, y0, y1);
        break;
    }
}

/*
 * step 1: CONV_2D "/conv_1"
 * (4, 4, 4) at 512..576 -> (4, 4, 8) at 384..512; 512 MACs
 */
static const struct mcu_conv2d_dsp conv_1 = {
    .in = {.data = mcu_arena + 512, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .out = {.data = mcu_arena + 384, .h = 4, .w = 4, .c = 8, .ring = 4, .row_step = 1, .row_stride = 32},
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 0, .pad_left = 0},
    .in_zero_point = -9,
    .out_zero_point = 9,
    .act_min = 9,
    .act_max = 127,
    .panel_pixels = 12,
    .wide = 0,
    .weights = conv_1_weights,
    .requant = conv_1_requant,
    .scratch = mcu_arena + 0, /* 160 bytes */
};

/*
 * step 1: DEPTHWISE_CONV_2D "/depthwise_2"
 * (4, 4, 8) at 384..512 -> (4, 4, 8) at 384..512; 1 152 MACs
 */
static const struct mcu_depthwise_dsp depthwise_2 = {
    .in = {.data = mcu_arena + 384, .h = 4, .w = 4, .c = 8, .ring = 4, .row_step = 1, .row_stride = 32},
    .out = {.data = mcu_arena + 384, .h = 4, .w = 4, .c = 8, .ring = 4, .row_step = 1, .row_phase = 3, .row_stride = 32},
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1},
    .in_zero_point = 9,
    .out_zero_point = -3,
    .act_min = -3,
    .act_max = 107,
    .batch_rows = 2,
    .wide = 0,
    .rows = mcu_depthwise_rows_3_stride1,
    .weights = depthwise_2_weights,
    .requant = depthwise_2_requant,
    .scratch = mcu_arena + 0, /* 352 bytes */
};

/*
 * step 1: CONV_2D "/conv_3"
 * (4, 4, 8) at 384..512 -> (4, 4, 4) at 352..384; 512 MACs
 */
static const struct mcu_conv2d_dsp conv_3 = {
    .in = {.data = mcu_arena + 384, .h = 4, .w = 4, .c = 8, .ring = 4, .row_step = 1, .row_phase = 3, .row_stride = 32},
    .out = {.data = mcu_arena + 352, .h = 4, .w = 4, .c = 4, .ring = 2, .row_step = 1, .row_stride = 16},
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 0, .pad_left = 0},
    .in_zero_point = -3,
    .out_zero_point = -1,
    .act_min = -128,
    .act_max = 127,
    .panel_pixels = 8,
    .wide = 0,
    .weights = conv_3_weights,
    .requant = conv_3_requant,
    .scratch = mcu_arena + 0, /* 224 bytes */
};

/*
 * step 1: ADD "/add_4"
 * (4, 4, 4) at 512..576, (4, 4, 4) at 352..384 -> (4, 4, 4) at 512..576
 */
static const struct mcu_add_dsp add_4 = {
    .in[0] = {.data = mcu_arena + 512, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .in[1] = {.data = mcu_arena + 352, .h = 4, .w = 4, .c = 4, .ring = 2, .row_step = 1, .row_stride = 16},
    .out = {.data = mcu_arena + 512, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .out_zero_point = -1,
    .act_min = -128,
    .act_max = 127,
    .out_multiplier = -776816568,
    .out_shift = 8192,
    .table = add_4_table,
};

/* step 1, depth-first: rows of each operator when the next one needs them */
static const struct mcu_chain_stage chain_1_stages[] = {
    {.rows = 4, .rows_per_call = 4, .first_input = 0, .n_inputs = 0}, /* conv_1 */
    {.rows = 4, .rows_per_call = 4, .first_input = 0, .n_inputs = 1}, /* depthwise_2 */
    {.rows = 4, .rows_per_call = 4, .first_input = 1, .n_inputs = 1}, /* conv_3 */
    {.rows = 4, .rows_per_call = 2, .first_input = 2, .n_inputs = 1}, /* add_4 */
};
static const struct mcu_chain_input chain_1_inputs[] = {
    {.stage = 0, .stride = 1, .reach = 1},
    {.stage = 1, .stride = 1, .reach = 0},
    {.stage = 2, .stride = 1, .reach = 0},
};
static const struct mcu_chain chain_1 = {
    .stages = chain_1_stages,
    .inputs = chain_1_inputs,
    .n_stages = 4,
    .bottom_up = 0,
};

static void chain_1_call(int32_t stage, int32_t y0, int32_t y1)
{
    switch (stage) {
    case 0:
        MCU_LAYER(1);
        mcu_conv2d_s8__dsp(&conv_1, y0, y1);
        break;
    case 1:
        MCU_LAYER(2);
        mcu_depthwise_s8__dsp(&depthwise_2, y0, y1);
        break;
    case 2:
        MCU_LAYER(3);
        mcu_conv2d_s8__dsp(&conv_3, y0, y1);
        break;
    case 3:
        MCU_LAYER(4);
        mcu_add_s8__dsp(&add_4, y0, y1);
        break;
    }
}

/*
 * step 2: MEAN "/mean_5"
 * (4, 4, 4) at 512..576 -> (1, 1, 4) at 508..512
 */
static const struct mcu_mean mean_5 = {
    .in = {.data = mcu_arena + 512, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .out = {.data = mcu_arena + 508, .h = 1, .w = 1, .c = 4, .ring = 1, .row_step = 1, .row_stride = 4},
    .in_zero_point = -1,
    .out_zero_point = -6,
    .multiplier = 1132554281,
    .shift = -3,
    .scratch = mcu_arena + 0, /* 16 bytes */
};

/*
 * step 3: FULLY_CONNECTED "/classifier_6"
 * (1, 1, 4) at 508..512 -> (1, 1, 5) at 0..5; 20 MACs
 */
static const struct mcu_fully_connected_dsp fully_connected_6 = {
    .in = {.data = mcu_arena + 508, .h = 1, .w = 1, .c = 4, .ring = 1, .row_step = 1, .row_stride = 4},
    .out = {.data = mcu_arena + 0, .h = 1, .w = 1, .c = 5, .ring = 1, .row_step = 1, .row_stride = 5},
    .out_zero_point = 9,
    .act_min = -128,
    .act_max = 127,
    .weights = fully_connected_6_weights,
    .requant = fully_connected_6_requant,
    .scratch = mcu_arena + 556, /* 20 bytes */
};

int8_t *mcu_model_input(void)
{
    return mcu_arena + 368;
}

const int8_t *mcu_model_output(void)
{
    return mcu_arena + 0;
}

void mcu_model_run(void)
{
    mcu_chain_run(&chain_0, chain_0_call);
    mcu_chain_run(&chain_1, chain_1_call);
    MCU_LAYER(5);
    mcu_mean_s8__dsp(&mean_5, 0, 4);
    MCU_LAYER(6);
    mcu_fully_connected_s8__dsp(&fully_connected_6, 0, 1);
}
