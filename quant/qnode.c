#include "quant/qnode.h"

#include "base/error.h"
#include "engine/engine.h"

static struct mcu_map whole_map(const struct qtensor *tensor, int8_t *data)
{
    return (struct mcu_map){.data = data,
                            .h = (int16_t)tensor->h,
                            .w = (int16_t)tensor->w,
                            .c = (int16_t)tensor->c,
                            .ring = (int16_t)tensor->h,
                            .row_step = 1,
                            .row_stride = tensor->w * tensor->c};
}

static struct mcu_window engine_window(const struct window *window)
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

static void run_concat(const struct qmodel *qmodel, const struct qnode *node, int8_t *const *tensors,
                       struct mcu_map out)
{
    for (int i = 0; i < node->n_inputs; i++) {
        const struct qtensor *in = &qmodel->tensors[node->inputs[i]];
        const struct qpart part = qnode_part(qmodel, node, i);
        struct mcu_copy op = {.in = whole_map(in, tensors[node->inputs[i]]),
                              .out = out,
                              .out_y = (int16_t)part.y,
                              .out_x = (int16_t)part.x,
                              .out_c = (int16_t)part.c};
        mcu_copy_s8__ref(&op, 0, in->h);
    }
}

void qnode_run(const struct qmodel *qmodel, const struct qnode *node, int8_t *const *tensors, void *scratch)
{
    const struct qtensor *a = &qmodel->tensors[node->inputs[0]];
    const struct qtensor *b = node->n_inputs > 1 ? &qmodel->tensors[node->inputs[1]] : a;
    const struct qtensor *o = &qmodel->tensors[node->output];
    const struct mcu_map in = whole_map(a, tensors[node->inputs[0]]),
                         out = whole_map(o, tensors[node->output]);
    const struct mcu_map in1 = node->n_inputs > 1 ? whole_map(b, tensors[node->inputs[1]]) : in;
    const int16_t in_zero = (int16_t)a->zero_point, in1_zero = (int16_t)b->zero_point;
    const int16_t out_zero = (int16_t)o->zero_point;
    const int16_t act_min = (int16_t)node->act_min, act_max = (int16_t)node->act_max;
    switch (node->op) {
    case QOP_CONV:
        mcu_conv2d_s8__ref(&(struct mcu_conv2d){in, out, engine_window(&node->window), in_zero, out_zero,
                                                act_min, act_max, node->weights, node->bias, node->multiplier,
                                                node->shift, scratch},
                           0, o->h);
        return;
    case QOP_DEPTHWISE:
        mcu_depthwise_s8__ref(&(struct mcu_depthwise){in, out, engine_window(&node->window), in_zero,
                                                      out_zero, act_min, act_max, node->weights, node->bias,
                                                      node->multiplier, node->shift, scratch},
                              0, o->h);
        return;
    case QOP_FULLY_CONNECTED:
        mcu_fully_connected_s8__ref(&(struct mcu_fully_connected){in, out, in_zero, out_zero, act_min,
                                                                  act_max, node->weights, node->bias,
                                                                  node->multiplier, node->shift, scratch},
                                    0, 1);
        return;
    case QOP_ADD:
        mcu_add_s8__ref(&(struct mcu_add){.in = {in, in1},
                                          .out = out,
                                          .in_zero_point = {in_zero, in1_zero},
                                          .out_zero_point = out_zero,
                                          .act_min = act_min,
                                          .act_max = act_max,
                                          .in_multiplier = {node->multiplier[0], node->multiplier[1]},
                                          .out_multiplier = node->multiplier[2],
                                          .in_shift = {node->shift[0], node->shift[1]},
                                          .out_shift = node->shift[2]},
                        0, o->h);
        return;
    case QOP_ADD_CONSTANT:
        mcu_add_constant_s8__ref(&(struct mcu_add_constant){in, out, in_zero, out_zero, act_min, act_max,
                                                            node->multiplier[0], node->multiplier[1],
                                                            node->shift[0], node->shift[1], node->summands},
                                 0, o->h);
        return;
    case QOP_MUL:
        mcu_mul_s8__ref(&(struct mcu_mul){.in = {in, in1},
                                          .out = out,
                                          .in_zero_point = {in_zero, in1_zero},
                                          .out_zero_point = out_zero,
                                          .act_min = act_min,
                                          .act_max = act_max,
                                          .out_multiplier = node->multiplier[0],
                                          .out_shift = node->shift[0]},
                        0, o->h);
        return;
    case QOP_AVERAGE_POOL:
        mcu_average_pool_s8__ref(&(struct mcu_pool){in, out, engine_window(&node->window), act_min, act_max},
                                 0, o->h);
        return;
    case QOP_MAX_POOL:
        mcu_max_pool_s8__ref(&(struct mcu_pool){in, out, engine_window(&node->window), act_min, act_max}, 0,
                             o->h);
        return;
    case QOP_MEAN:
        mcu_mean_s8__ref(
            &(struct mcu_mean){in, out, in_zero, out_zero, node->multiplier[0], node->shift[0], scratch}, 0,
            a->h);
        return;
    case QOP_TABLE:
        mcu_table_s8__ref(&(struct mcu_table){in, out, node->table}, 0, o->h);
        return;
    case QOP_SOFTMAX:
        mcu_softmax_s8__ref(
            &(struct mcu_softmax){in, out, node->multiplier[0], node->shift[0], node->diff_min}, 0, 1);
        return;
    case QOP_CONCAT:
        run_concat(qmodel, node, tensors, out);
        return;
    case QOP_PAD:
        mcu_fill_s8__ref(&(struct mcu_fill){out, out_zero}, 0, o->h);
        mcu_copy_s8__ref(
            &(struct mcu_copy){in, out, (int16_t)node->window.pad_top, (int16_t)node->window.pad_left, 0}, 0,
            a->h);
        return;
    case QOP_RESIZE_NEAREST:
        mcu_resize_nearest_s8__ref(&(struct mcu_resize_nearest){in, out, node->rows, node->columns}, 0, o->h);
        return;
    case QOP_COUNT:
        break;
    }
    die("qnode_run: operator %d", (int)node->op);
}

size_t qmodel_scratch_bytes(const struct qmodel *qmodel)
{
    size_t bytes = 0;
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[i];
        size_t sums = sizeof(int32_t) * (size_t)qmodel->tensors[node->inputs[0]].c;
        if (node->op == QOP_MEAN && sums > bytes)
            bytes = sums;
    }
    return bytes;
}

struct block {
    size_t begin, end;
    int last_use;
};

/* First fit, in order of creation. */
struct qmemory qmemory_plan(const struct qmodel *qmodel, struct arena *arena)
{
    enum { ALIGN = 64 };
    const int n = qmodel->n_tensors;
    struct qmemory memory = {.offset = ARENA_ARRAY(arena, size_t, (size_t)n)};
    struct block *live = ARENA_ARRAY(arena, struct block, (size_t)n);
    int *last_use = ARENA_ARRAY(arena, int, (size_t)n), n_live = 0;
    for (int i = 0; i < qmodel->n_nodes; i++)
        for (int k = 0; k < qmodel->nodes[i].n_inputs; k++)
            last_use[qmodel->nodes[i].inputs[k]] = i;
    last_use[qmodel->output] = qmodel->n_nodes;
    for (int i = -1; i < qmodel->n_nodes; i++) {
        const int id = i < 0 ? qmodel->input : qmodel->nodes[i].output;
        const size_t bytes = ((size_t)qtensor_bytes(&qmodel->tensors[id]) + ALIGN - 1) / ALIGN * ALIGN;
        int kept = 0;
        for (int k = 0; k < n_live; k++)
            if (live[k].last_use >= i)
                live[kept++] = live[k];
        n_live = kept;
        /* live is sorted by begin */
        int at = 0;
        size_t begin = 0;
        while (at < n_live && live[at].begin < begin + bytes)
            begin = live[at++].end;
        for (int k = n_live++; k > at; k--)
            live[k] = live[k - 1];
        live[at] = (struct block){begin, begin + bytes, last_use[id]};
        memory.offset[id] = begin;
        if (begin + bytes > memory.bytes)
            memory.bytes = begin + bytes;
    }
    return memory;
}
