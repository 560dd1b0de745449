/*
 * model.c - tiny, int8, for NUCLEO-H743ZI (stm32h743).
 *
 * Written by mcunet 0.1.0: mcunet codegen tiny.onnx --board stm32h743
 * from a model of SHA-256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.
 *
 *   input   (8, 8, 3), scale 0.0078125, zero point 0
 *   output  (1, 1, 5), scale 0.023777835, zero point 9
 *   work    3 924 multiply-accumulates in 7 operators
 *   SRAM    2 288 bytes: arena 208 (lower bound 208), stack 2 048, runtime 32
 *   flash   8 364 bytes: weights 380, constants 720, code about 7 262
 *
 * The arena, step by step. An output may lie over input rows that no later row needs; operators
 * of the same step run depth-first, their tensors in line buffers.
 *
 *   step  operator            output            bytes of the arena   live bytes
 *         (input)             (8, 8, 3)               16 ..      208
 *      0  conv_0              (4, 4, 4)                0 ..       64          208
 *      1  conv_1              (4, 4, 8)               64 ..      160
 *      1  depthwise_2         (4, 4, 8)              176 ..      208
 *      1  conv_3              (4, 4, 4)              160 ..      176
 *      1  add_4               (4, 4, 4)                0 ..       64          208
 *      2  mean_5              (1, 1, 4)               64 ..       68           84
 *      3  fully_connected_6   (1, 1, 5)               68 ..       73            9
 */
#include "model.h"

#include "engine/chain.h"
#include "engine/engine.h"
#include "weights.h"

#if MCU_ENGINE_VERSION != 1
#error "model.c was generated for version 1 of engine/: generate it again, or take the engine/ it came with"
#endif

_Alignas(8) int8_t mcu_arena[MCU_ARENA_BYTES];

/*
 * step 0: CONV_2D "/conv_0"
 * (8, 8, 3) at 16..208 -> (4, 4, 4) at 0..64; 1 728 MACs
 */
static const struct mcu_conv2d conv_0 = {
    .in = {.data = mcu_arena + 16, .h = 8, .w = 8, .c = 3, .ring = 8, .row_step = 1, .row_stride = 24},
    .out = {.data = mcu_arena + 0, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1},
    .in_zero_point = 0,
    .out_zero_point = -9,
    .act_min = -9,
    .act_max = 126,
    .weights = conv_0_weights,
    .bias = conv_0_bias,
    .multiplier = conv_0_multiplier,
    .shift = conv_0_shift,
};

/*
 * step 1: CONV_2D "/conv_1"
 * (4, 4, 4) at 0..64 -> (4, 4, 8) at 64..160; 512 MACs
 */
static const struct mcu_conv2d conv_1 = {
    .in = {.data = mcu_arena + 0, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .out = {.data = mcu_arena + 128, .h = 4, .w = 4, .c = 8, .ring = 3, .row_step = 2, .row_stride = -32},
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 0, .pad_left = 0},
    .in_zero_point = -9,
    .out_zero_point = 9,
    .act_min = 9,
    .act_max = 127,
    .weights = conv_1_weights,
    .bias = conv_1_bias,
    .multiplier = conv_1_multiplier,
    .shift = conv_1_shift,
};

/*
 * step 1: DEPTHWISE_CONV_2D "/depthwise_2"
 * (4, 4, 8) at 64..160 -> (4, 4, 8) at 176..208; 1 152 MACs
 */
static const struct mcu_depthwise depthwise_2 = {
    .in = {.data = mcu_arena + 128, .h = 4, .w = 4, .c = 8, .ring = 3, .row_step = 2, .row_stride = -32},
    .out = {.data = mcu_arena + 176, .h = 4, .w = 4, .c = 8, .ring = 1, .row_step = 0, .row_stride = -32},
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1},
    .in_zero_point = 9,
    .out_zero_point = -3,
    .act_min = -3,
    .act_max = 107,
    .weights = depthwise_2_weights,
    .bias = depthwise_2_bias,
    .multiplier = depthwise_2_multiplier,
    .shift = depthwise_2_shift,
};

/*
 * step 1: CONV_2D "/conv_3"
 * (4, 4, 8) at 176..208 -> (4, 4, 4) at 160..176; 512 MACs
 */
static const struct mcu_conv2d conv_3 = {
    .in = {.data = mcu_arena + 176, .h = 4, .w = 4, .c = 8, .ring = 1, .row_step = 0, .row_stride = -32},
    .out = {.data = mcu_arena + 160, .h = 4, .w = 4, .c = 4, .ring = 1, .row_step = 0, .row_stride = -16},
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1,
               .dilation_h = 1, .dilation_w = 1, .pad_top = 0, .pad_left = 0},
    .in_zero_point = -3,
    .out_zero_point = -1,
    .act_min = -128,
    .act_max = 127,
    .weights = conv_3_weights,
    .bias = conv_3_bias,
    .multiplier = conv_3_multiplier,
    .shift = conv_3_shift,
};

/*
 * step 1: ADD "/add_4"
 * (4, 4, 4) at 0..64, (4, 4, 4) at 160..176 -> (4, 4, 4) at 0..64
 */
static const struct mcu_add add_4 = {
    .in[0] = {.data = mcu_arena + 0, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .in[1] = {.data = mcu_arena + 160, .h = 4, .w = 4, .c = 4, .ring = 1, .row_step = 0, .row_stride = -16},
    .out = {.data = mcu_arena + 0, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .in_zero_point = {-9, -1},
    .out_zero_point = -1,
    .act_min = -128,
    .act_max = 127,
    .in_multiplier = {1952396793, 1073741824},
    .in_shift = {-1, 0},
    .out_multiplier = 1759075364,
    .out_shift = -19,
};

/* step 1, depth-first: rows of each operator when the next one needs them */
static const struct mcu_chain_stage chain_1_stages[] = {
    {.rows = 4, .rows_per_call = 4, .first_input = 0, .n_inputs = 0}, /* conv_1 */
    {.rows = 4, .rows_per_call = 4, .first_input = 0, .n_inputs = 1}, /* depthwise_2 */
    {.rows = 4, .rows_per_call = 4, .first_input = 1, .n_inputs = 1}, /* conv_3 */
    {.rows = 4, .rows_per_call = 1, .first_input = 2, .n_inputs = 1}, /* add_4 */
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
    .bottom_up = 1,
};

static void chain_1_call(int32_t stage, int32_t y0, int32_t y1)
{
    switch (stage) {
    case 0:
        mcu_conv2d_s8__ref(&conv_1, y0, y1);
        break;
    case 1:
        mcu_depthwise_s8__ref(&depthwise_2, y0, y1);
        break;
    case 2:
        mcu_conv2d_s8__ref(&conv_3, y0, y1);
        break;
    case 3:
        mcu_add_s8__ref(&add_4, y0, y1);
        break;
    }
}

/*
 * step 2: MEAN "/mean_5"
 * (4, 4, 4) at 0..64 -> (1, 1, 4) at 64..68
 */
static const struct mcu_mean mean_5 = {
    .in = {.data = mcu_arena + 0, .h = 4, .w = 4, .c = 4, .ring = 4, .row_step = 1, .row_stride = 16},
    .out = {.data = mcu_arena + 64, .h = 1, .w = 1, .c = 4, .ring = 1, .row_step = 1, .row_stride = 4},
    .in_zero_point = -1,
    .out_zero_point = -6,
    .multiplier = 1132554281,
    .shift = -3,
    .scratch = mcu_arena + 192, /* 16 bytes */
};

/*
 * step 3: FULLY_CONNECTED "/classifier_6"
 * (1, 1, 4) at 64..68 -> (1, 1, 5) at 68..73; 20 MACs
 */
static const struct mcu_fully_connected fully_connected_6 = {
    .in = {.data = mcu_arena + 64, .h = 1, .w = 1, .c = 4, .ring = 1, .row_step = 1, .row_stride = 4},
    .out = {.data = mcu_arena + 68, .h = 1, .w = 1, .c = 5, .ring = 1, .row_step = 1, .row_stride = 5},
    .in_zero_point = -6,
    .out_zero_point = 9,
    .act_min = -128,
    .act_max = 127,
    .weights = fully_connected_6_weights,
    .bias = fully_connected_6_bias,
    .multiplier = fully_connected_6_multiplier,
    .shift = fully_connected_6_shift,
};

int8_t *mcu_model_input(void)
{
    return mcu_arena + 16;
}

const int8_t *mcu_model_output(void)
{
    return mcu_arena + 68;
}

void mcu_model_run(void)
{
    mcu_conv2d_s8__ref(&conv_0, 0, 4);
    mcu_chain_run(&chain_1, chain_1_call);
    mcu_mean_s8__ref(&mean_5, 0, 4);
    mcu_fully_connected_s8__ref(&fully_connected_6, 0, 1);
}
