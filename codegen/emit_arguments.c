/*
 * emit_arguments.c - the argument struct of every engine call, and the call.
 */
#include "codegen/emit_parts.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "codegen/arguments.h"
#include "codegen/kernels.h"
#include "codegen/names.h"
#include "codegen/row_graph.h"
#include "engine/dsp/pack.h"
#include "quant/qmodel.h"

/* ---- fields ---- */

static void add_stored(struct strbuf *out, const struct emission *emission, const char *field, int tensor,
                       const struct storage *s)
{
    const struct qtensor *t = &emission->qmodel->tensors[tensor];
    strbuf_addf(out,
                "    .%s = {.data = mcu_arena + %d, .h = %d, .w = %d, .c = %d, .ring = %d, .row_step = %d, ",
                field, s->offset, t->h, t->w, t->c, s->ring, s->row_step);
    if (s->row_phase)
        strbuf_addf(out, ".row_phase = %d, ", s->row_phase);
    strbuf_addf(out, ".row_stride = %d},\n", s->row_stride);
}

static void add_map(struct strbuf *out, const struct emission *emission, const char *field, int tensor)
{
    add_stored(out, emission, field, tensor, &emission->schedule->storage[tensor]);
}

/* A sum of a bottom-up chain: its kernel starts at row 0 and ends with the last one, and is given the input
 * upside down. */
static bool is_upside_down(const struct emission *emission, int position)
{
    const struct schedule *schedule = emission->schedule;
    const struct step *step = schedule->steps;
    while (step->first_node + step->n_nodes <= position)
        step++;
    return step->depth_first && step->bottom_up &&
           node_accumulates(emission->qmodel, &emission->qmodel->nodes[schedule->order[position]]);
}

/* Input and output of an operator that may be a sum. */
static void add_sum_maps(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                         int position)
{
    struct storage in = emission->schedule->storage[node->inputs[0]];
    if (is_upside_down(emission, position)) {
        int last = emission->qmodel->tensors[node->inputs[0]].h - 1;
        in.row_phase = (int16_t)((in.row_phase + last * in.row_step) % in.ring);
        in.row_step = (int16_t)((in.ring - in.row_step % in.ring) % in.ring);
    }
    add_stored(out, emission, "in", node->inputs[0], &in);
    add_map(out, emission, "out", node->output);
}

/* Input and output of an operator with one input. */
static void add_maps(struct strbuf *out, const struct emission *emission, const struct qnode *node)
{
    add_map(out, emission, "in", node->inputs[0]);
    add_map(out, emission, "out", node->output);
}

static void add_window(struct strbuf *out, const struct window *w)
{
    strbuf_addf(out,
                "    .window = {.kernel_h = %d, .kernel_w = %d, .stride_h = %d, .stride_w = %d,\n"
                "               .dilation_h = %d, .dilation_w = %d, .pad_top = %d, .pad_left = %d},\n",
                w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w, w->pad_top,
                w->pad_left);
}

static int zero_point(const struct emission *emission, int tensor)
{
    return emission->qmodel->tensors[tensor].zero_point;
}

static void add_zero_points(struct strbuf *out, const struct emission *emission, const struct qnode *node)
{
    strbuf_addf(out, "    .in_zero_point = %d,\n    .out_zero_point = %d,\n",
                zero_point(emission, node->inputs[0]), zero_point(emission, node->output));
}

static void add_activation(struct strbuf *out, const struct qnode *node)
{
    strbuf_addf(out, "    .act_min = %d,\n    .act_max = %d,\n", node->act_min, node->act_max);
}

static void add_scratch(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                        int position)
{
    int32_t bytes =
        implementation_scratch_bytes(emission_implementation(emission, position), emission->qmodel, node);
    if (bytes)
        strbuf_addf(out, "    .scratch = mcu_arena + %d, /* %d bytes */\n",
                    emission->schedule->scratch[position], bytes);
}

static void begin_struct(struct strbuf *out, enum kernel kernel, const char *name)
{
    strbuf_addf(out, "static const struct %s %s = {\n", kernel_info(kernel)->argument_type, name);
}

/* ---- operators ---- */

static void add_reference_constants(struct strbuf *out, const char *name)
{
    strbuf_addf(out,
                "    .weights = %s_weights,\n    .bias = %s_bias,\n    .multiplier = %s_multiplier,\n    "
                ".shift = %s_shift,\n",
                name, name, name, name);
}

static void add_packed_constants(struct strbuf *out, const char *name)
{
    strbuf_addf(out, "    .weights = %s_weights,\n    .requant = %s_requant,\n", name, name);
}

static void add_depthwise_rows(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                               int tile, int wide)
{
    const struct mcu_depthwise op = depthwise_arguments(emission->qmodel, node);
    strbuf_addf(out, "    .batch_rows = %d,\n    .wide = %d,\n    .rows = %s,\n", tile, wide,
                mcu_depthwise_dsp_rows(&op).name);
}

static void add_convolution(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                            int position, enum kernel kernel, const char *name)
{
    const struct implementation *implementation = emission_implementation(emission, position);
    int wide = implementation->layout == LAYOUT_WIDE, tile = implementation->tile;
    begin_struct(out, kernel, name);
    add_maps(out, emission, node);
    if (kernel == KERNEL_WINOGRAD_DSP)
        strbuf_addf(out, "    .pad_top = %d,\n    .pad_left = %d,\n", node->window.pad_top,
                    node->window.pad_left);
    else if (node->op != QOP_FULLY_CONNECTED && kernel != KERNEL_FULLY_CONNECTED_DSP)
        add_window(out, &node->window);
    if (kernel == KERNEL_FULLY_CONNECTED_DSP)
        strbuf_addf(out, "    .out_zero_point = %d,\n", zero_point(emission, node->output));
    else
        add_zero_points(out, emission, node);
    add_activation(out, node);
    if (kernel == KERNEL_CONV2D_DSP)
        strbuf_addf(out, "    .panel_pixels = %d,\n    .wide = %d,\n", tile, wide);
    else if (kernel == KERNEL_DEPTHWISE_DSP)
        add_depthwise_rows(out, emission, node, tile, wide);
    else if (kernel == KERNEL_WINOGRAD_DSP)
        strbuf_addf(out, "    .tile_rows = %d,\n", tile);
    if (implementation->layout == LAYOUT_REFERENCE)
        add_reference_constants(out, name);
    else
        add_packed_constants(out, name);
    add_scratch(out, emission, node, position);
    strbuf_adds(out, "};\n");
}

/* The input that TFLite scales by one half is the kernel's second. */
static void add_sum(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                    const char *name)
{
    struct mcu_add reference = add_arguments(emission->qmodel, node);
    struct mcu_add_dsp packed;
    int32_t table[MCU_ADD_DSP_TABLE_BYTES / sizeof(int32_t)];
    reference.in[1].row_phase = 1; /* to know it again */
    mcu_add_dsp_pack(&reference, &packed, table);
    int first = packed.in[0].row_phase;
    begin_struct(out, KERNEL_ADD_DSP, name);
    add_map(out, emission, "in[0]", node->inputs[first]);
    add_map(out, emission, "in[1]", node->inputs[!first]);
    add_map(out, emission, "out", node->output);
    strbuf_addf(out, "    .out_zero_point = %d,\n", packed.out_zero_point);
    add_activation(out, node);
    strbuf_addf(out, "    .out_multiplier = %d,\n    .out_shift = %d,\n    .table = %s_table,\n%s};\n",
                packed.out_multiplier, packed.out_shift, name, packed.subtract ? "    .subtract = 1,\n" : "");
}

static void add_element_wise(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                             enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_map(out, emission, "in[0]", node->inputs[0]);
    add_map(out, emission, "in[1]", node->inputs[1]);
    add_map(out, emission, "out", node->output);
    strbuf_addf(out, "    .in_zero_point = {%d, %d},\n    .out_zero_point = %d,\n",
                zero_point(emission, node->inputs[0]), zero_point(emission, node->inputs[1]),
                zero_point(emission, node->output));
    add_activation(out, node);
    if (node->op == QOP_ADD)
        strbuf_addf(out,
                    "    .in_multiplier = {%d, %d},\n    .in_shift = {%d, %d},\n    .out_multiplier = %d,\n  "
                    "  .out_shift = %d,\n",
                    node->multiplier[0], node->multiplier[1], node->shift[0], node->shift[1],
                    node->multiplier[2], node->shift[2]);
    else
        strbuf_addf(out, "    .out_multiplier = %d,\n    .out_shift = %d,\n", node->multiplier[0],
                    node->shift[0]);
    strbuf_adds(out, "};\n");
}

static void add_constant_sum(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                             const char *name)
{
    begin_struct(out, KERNEL_ADD_CONSTANT, name);
    add_maps(out, emission, node);
    add_zero_points(out, emission, node);
    add_activation(out, node);
    strbuf_addf(
        out,
        "    .in_multiplier = %d,\n    .in_shift = %d,\n    .out_multiplier = %d,\n    .out_shift = %d,\n"
        "    .summands = %s_table,\n};\n",
        node->multiplier[0], node->shift[0], node->multiplier[1], node->shift[1], name);
}

static void add_pool(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                     int position, enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_sum_maps(out, emission, node, position);
    if (kernel != KERNEL_GLOBAL_AVERAGE_POOL && kernel != KERNEL_GLOBAL_AVERAGE_POOL_DSP)
        add_window(out, &node->window);
    add_activation(out, node);
    add_scratch(out, emission, node, position);
    strbuf_adds(out, "};\n");
}

static void add_unary(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                      int position, enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_sum_maps(out, emission, node, position);
    if (node->op == QOP_MEAN) {
        add_zero_points(out, emission, node);
        strbuf_addf(out, "    .multiplier = %d,\n    .shift = %d,\n", node->multiplier[0], node->shift[0]);
    } else if (node->op == QOP_TABLE) {
        strbuf_addf(out, "    .table = %s_table,\n", name);
    } else if (node->op == QOP_RESIZE_NEAREST) {
        strbuf_addf(out, "    .rows = %s_rows_table,\n    .columns = %s_columns_table,\n", name, name);
    } else {
        strbuf_addf(out, "    .multiplier = %d,\n    .shift = %d,\n    .diff_min = %d,\n",
                    node->multiplier[0], node->shift[0], node->diff_min);
    }
    add_scratch(out, emission, node, position);
    strbuf_adds(out, "};\n");
}

static void add_copy(struct strbuf *out, const struct emission *emission, int in, int to, int y, int x, int c,
                     const char *name)
{
    begin_struct(out, KERNEL_COPY, name);
    add_map(out, emission, "in", in);
    add_map(out, emission, "out", to);
    strbuf_addf(out, "    .out_y = %d,\n    .out_x = %d,\n    .out_c = %d,\n};\n", y, x, c);
}

/* ---- calls ---- */

static void add_call(struct strbuf *calls, const struct call_rows *rows, enum kernel kernel, const char *name,
                     int all)
{
    if (rows->all)
        strbuf_addf(calls, "%s%s(&%s, 0, %d);\n", rows->indent, kernel_info(kernel)->function, name, all);
    else
        strbuf_addf(calls, "%s%s(&%s, y0, y1);\n", rows->indent, kernel_info(kernel)->function, name);
}

/* Output rows of a chain become rows of an input that begins at row `top` of it, as far as those exist. */
static void add_copy_call(struct strbuf *calls, const struct call_rows *rows, const char *name, int top,
                          int in_h)
{
    if (rows->all)
        add_call(calls, rows, KERNEL_COPY, name, in_h);
    else
        strbuf_addf(calls, "%s%s(&%s, y0 < %d ? 0 : y0 - %d, y1 < %d ? y1 - %d : %d);\n", rows->indent,
                    kernel_info(KERNEL_COPY)->function, name, top, top, top + in_h, top, in_h);
}

static void add_concat(struct strbuf *out, struct strbuf *calls, const struct emission *emission,
                       const struct qnode *node, const char *name, const struct call_rows *rows)
{
    for (int i = 0; i < node->n_inputs; i++) {
        const char *part = arena_printf(emission->arena, "%s_part_%d", name, i);
        const struct qpart at = qnode_part(emission->qmodel, node, i);
        add_copy(out, emission, node->inputs[i], node->output, at.y, at.x, at.c, part);
        if (node->axis == CONCAT_ROWS)
            add_copy_call(calls, rows, part, at.y, emission->qmodel->tensors[node->inputs[i]].h);
        else
            add_call(calls, rows, KERNEL_COPY, part, emission->qmodel->tensors[node->inputs[i]].h);
    }
}

/* The border, then the image. */
static void add_pad(struct strbuf *out, struct strbuf *calls, const struct emission *emission,
                    const struct qnode *node, const char *name, const struct call_rows *rows)
{
    const struct qtensor *tensors = emission->qmodel->tensors;
    const char *border = arena_printf(emission->arena, "%s_border", name);
    int top = node->window.pad_top, in_h = tensors[node->inputs[0]].h;
    begin_struct(out, KERNEL_FILL, border);
    add_map(out, emission, "out", node->output);
    strbuf_addf(out, "    .value = %d,\n};\n", zero_point(emission, node->output));
    add_copy(out, emission, node->inputs[0], node->output, top, node->window.pad_left, 0, name);
    add_call(calls, rows, KERNEL_FILL, border, tensors[node->output].h);
    add_copy_call(calls, rows, name, top, in_h);
}

void emit_node(struct strbuf *out, struct strbuf *calls, const struct emission *emission, int position,
               const struct call_rows *rows)
{
    const struct qmodel *qmodel = emission->qmodel;
    int index = emission->schedule->order[position];
    const struct qnode *node = &qmodel->nodes[index];
    const char *name = node_identifier(qmodel, index, emission->arena);
    enum kernel kernels[QNODE_MAX_INPUTS];
    node_kernels(emission_implementation(emission, position), qmodel, node, kernels);

    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_FULLY_CONNECTED:
        add_convolution(out, emission, node, position, kernels[0], name);
        break;
    case QOP_ADD:
    case QOP_MUL:
        if (kernels[0] == KERNEL_ADD_DSP) {
            add_sum(out, emission, node, name);
            break;
        }
        add_element_wise(out, emission, node, kernels[0], name);
        break;
    case QOP_ADD_CONSTANT:
        add_constant_sum(out, emission, node, name);
        break;
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        add_pool(out, emission, node, position, kernels[0], name);
        break;
    case QOP_MEAN:
    case QOP_TABLE:
    case QOP_SOFTMAX:
    case QOP_RESIZE_NEAREST:
        add_unary(out, emission, node, position, kernels[0], name);
        break;
    case QOP_CONCAT:
        add_concat(out, calls, emission, node, name, rows);
        return;
    case QOP_PAD:
        add_pad(out, calls, emission, node, name, rows);
        return;
    case QOP_COUNT:
        die("operator %d cannot be emitted", (int)node->op);
    }
    int steps = row_steps(qmodel, node);
    if (!rows->all && is_upside_down(emission, position))
        strbuf_addf(calls, "%s%s(&%s, %d - y1, %d - y0);\n", rows->indent, kernel_info(kernels[0])->function,
                    name, steps, steps);
    else
        add_call(calls, rows, kernels[0], name, steps);
}
