#include "codegen/arguments.h"

#include "quant/qmodel.h"

static struct mcu_map map_of(const struct qtensor *tensor)
{
    return (struct mcu_map){.h = (int16_t)tensor->h,
                            .w = (int16_t)tensor->w,
                            .c = (int16_t)tensor->c,
                            .ring = (int16_t)tensor->h,
                            .row_step = 1,
                            .row_stride = tensor->w * tensor->c};
}

static struct mcu_window window_of(const struct window *window)
{
    return (struct mcu_window){.kernel_h = (uint8_t)window->kernel_h,
                               .kernel_w = (uint8_t)window->kernel_w,
                               .stride_h = (uint8_t)window->stride_h,
                               .stride_w = (uint8_t)window->stride_w,
                               .dilation_h = (uint8_t)window->dilation_h,
                               .dilation_w = (uint8_t)window->dilation_w,
                               .pad_top = (int8_t)window->pad_top,
                               .pad_left = (int8_t)window->pad_left};
}

/* The three kinds of convolution have the same fields. */
#define CONVOLUTION(QMODEL, NODE)                                                                            \
    .in = map_of(&(QMODEL)->tensors[(NODE)->inputs[0]]), .out = map_of(&(QMODEL)->tensors[(NODE)->output]),  \
    .in_zero_point = (int16_t)(QMODEL)->tensors[(NODE)->inputs[0]].zero_point,                               \
    .out_zero_point = (int16_t)(QMODEL)->tensors[(NODE)->output].zero_point,                                 \
    .act_min = (int16_t)(NODE)->act_min, .act_max = (int16_t)(NODE)->act_max, .weights = (NODE)->weights,    \
    .bias = (NODE)->bias, .multiplier = (NODE)->multiplier, .shift = (NODE)->shift

struct mcu_conv2d conv2d_arguments(const struct qmodel *qmodel, const struct qnode *node)
{
    return (struct mcu_conv2d){CONVOLUTION(qmodel, node), .window = window_of(&node->window)};
}

struct mcu_depthwise depthwise_arguments(const struct qmodel *qmodel, const struct qnode *node)
{
    return (struct mcu_depthwise){CONVOLUTION(qmodel, node), .window = window_of(&node->window)};
}

struct mcu_fully_connected fully_connected_arguments(const struct qmodel *qmodel, const struct qnode *node)
{
    return (struct mcu_fully_connected){CONVOLUTION(qmodel, node)};
}

struct mcu_add add_arguments(const struct qmodel *qmodel, const struct qnode *node)
{
    const struct qtensor *a = &qmodel->tensors[node->inputs[0]], *b = &qmodel->tensors[node->inputs[1]];
    return (struct mcu_add){
        .in = {map_of(a), map_of(b)},
        .out = map_of(&qmodel->tensors[node->output]),
        .in_zero_point = {(int16_t)a->zero_point, (int16_t)b->zero_point},
        .out_zero_point = (int16_t)qmodel->tensors[node->output].zero_point,
        .act_min = (int16_t)node->act_min,
        .act_max = (int16_t)node->act_max,
        .in_multiplier = {node->multiplier[0], node->multiplier[1]},
        .out_multiplier = node->multiplier[2],
        .in_shift = {node->shift[0], node->shift[1]},
        .out_shift = node->shift[2],
    };
}
