/*
 * emit_model.c - model.h and model.c: the network as a list of engine calls over one arena.
 */
#include "codegen/emit_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/kernels.h"
#include "codegen/names.h"
#include "codegen/row_graph.h"
#include "engine/engine.h"
#include "quant/qmodel.h"

/* ---- model.h ----------------------------------------------------------------------------------------------
 */

/* Shortest decimal text that reads back as the same float. */
static const char *float_text(float value, struct arena *arena)
{
    const char *text = NULL;
    for (int digits = 1; digits <= 9; digits++) {
        text = arena_printf(arena, "%.*g", digits, (double)value);
        float back;
        if (sscanf(text, "%f", &back) == 1 && back == value)
            break;
    }
    return text;
}

static const char *float_constant(float value, struct arena *arena)
{
    const char *text = float_text(value, arena);
    return arena_printf(arena, strpbrk(text, ".e") ? "%sf" : "%s.0f", text);
}

static void add_tensor_macros(struct strbuf *out, const struct emission *emission, const char *prefix,
                              int tensor)
{
    const struct qtensor *t = &emission->qmodel->tensors[tensor];
    strbuf_addf(out, "#define MCU_%s_H %d\n", prefix, t->h);
    strbuf_addf(out, "#define MCU_%s_W %d\n", prefix, t->w);
    strbuf_addf(out, "#define MCU_%s_C %d\n", prefix, t->c);
    strbuf_addf(out, "#define MCU_%s_BYTES %lld\n", prefix, (long long)qtensor_bytes(t));
    strbuf_addf(out, "#define MCU_%s_SCALE %s\n", prefix, float_constant(t->scale, emission->arena));
    strbuf_addf(out, "#define MCU_%s_ZERO_POINT (%d)\n", prefix, t->zero_point);
}

void emit_model_h(struct strbuf *out, const struct emission *emission)
{
    strbuf_adds(out, "/*\n"
                     " * model.h - one int8 image in, one int8 tensor out. Written by mcunet; do not edit.\n"
                     " *\n"
                     " * Maps are (h, w, c), channels innermost; real = scale * (q - zero_point). Fill "
                     "mcu_model_input(), call\n"
                     " * mcu_model_run(), read mcu_model_output(). Both are parts of mcu_arena: running "
                     "overwrites the input, and\n"
                     " * the output lasts until the input is filled again.\n"
                     " */\n"
                     "#ifndef MCU_MODEL_H\n#define MCU_MODEL_H\n\n#include <stdint.h>\n\n");
    add_tensor_macros(out, emission, "INPUT", emission->qmodel->input);
    strbuf_adds(out, "\n");
    add_tensor_macros(out, emission, "OUTPUT", emission->qmodel->output);
    strbuf_addf(out, "\n/* All tensors and scratch. */\n#define MCU_ARENA_BYTES %lld\n",
                (long long)emission->schedule->arena_bytes);
    strbuf_adds(out, "\nint8_t *mcu_model_input(void);\n"
                     "const int8_t *mcu_model_output(void);\n"
                     "void mcu_model_run(void);\n"
                     "\n#endif\n");
}

/* ---- model.c: the banner ----------------------------------------------------------------------------------
 */

static void add_banner(struct strbuf *out, const struct emission *emission)
{
    const struct qmodel *qmodel = emission->qmodel;
    const struct schedule *schedule = emission->schedule;
    const struct footprint *f = &emission->footprint;
    struct arena *a = emission->arena;
    int64_t macs = 0;
    for (int n = 0; n < qmodel->n_nodes; n++)
        macs += qnode_macs(qmodel, &qmodel->nodes[n]);

    strbuf_addf(out, "/*\n * model.c - %s, int8, for %s (%s).\n *\n",
                qmodel->name && *qmodel->name ? plain_name(qmodel->name, a) : "network",
                emission->board->title, emission->board->name);
    strbuf_addf(out, " * Written by mcunet %s: %s\n", MCUNET_VERSION,
                plain_name(emission->options->command, a));
    strbuf_addf(out, " * from a model of SHA-256 %s.\n *\n", emission->options->model_sha256);
    strbuf_addf(
        out, " *   input   %s, scale %s, zero point %d\n", tensor_shape(&qmodel->tensors[qmodel->input], a),
        float_text(qmodel->tensors[qmodel->input].scale, a), qmodel->tensors[qmodel->input].zero_point);
    strbuf_addf(
        out, " *   output  %s, scale %s, zero point %d\n", tensor_shape(&qmodel->tensors[qmodel->output], a),
        float_text(qmodel->tensors[qmodel->output].scale, a), qmodel->tensors[qmodel->output].zero_point);
    strbuf_addf(out, " *   work    %s multiply-accumulates in %d operators\n", grouped(macs, a),
                qmodel->n_nodes);
    strbuf_addf(out, " *   SRAM    %s bytes: arena %s (lower bound %s), stack %s, runtime %s\n",
                grouped(f->sram_bytes, a), grouped(f->arena_bytes, a),
                grouped(schedule->lower_bound_bytes, a), grouped(f->stack_bytes, a),
                grouped(f->runtime_bytes, a));
    strbuf_addf(out, " *   flash   %s bytes: weights %s, constants %s, code about %s\n *\n",
                grouped(f->flash_bytes, a), grouped(f->weights_bytes, a), grouped(f->constants_bytes, a),
                grouped(f->code_bytes, a));

    strbuf_adds(
        out,
        " * The arena, step by step. An output may lie over input rows that no later row needs; operators\n"
        " * of the same step run depth-first, their tensors in line buffers.\n *\n");
    strbuf_adds(out, " *   step  operator            output            bytes of the arena   live bytes\n");
    const struct storage *input = &schedule->storage[qmodel->input];
    strbuf_addf(out, " *         %-18s  %-16s  %8d ..%9d\n", "(input)",
                tensor_shape(&qmodel->tensors[qmodel->input], a), input->begin, input->end);
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        for (int i = 0; i < step->n_nodes; i++) {
            int node = schedule->order[step->first_node + i], tensor = qmodel->nodes[node].output;
            strbuf_addf(out, " *   %4d  %-18s  %-16s  %8d ..%9d", s, node_identifier(qmodel, node, a),
                        tensor_shape(&qmodel->tensors[tensor], a), schedule->storage[tensor].begin,
                        schedule->storage[tensor].end);
            if (i == step->n_nodes - 1)
                strbuf_addf(out, "   %10lld", (long long)step->live_bytes);
            strbuf_adds(out, "\n");
        }
    }
    strbuf_adds(out, " */\n");
}

/* ---- model.c: the argument structs ------------------------------------------------------------------------
 */

static void add_map(struct strbuf *out, const struct emission *emission, const char *field, int tensor)
{
    const struct qtensor *t = &emission->qmodel->tensors[tensor];
    const struct storage *s = &emission->schedule->storage[tensor];
    strbuf_addf(out,
                "    .%s = {.data = mcu_arena + %d, .h = %d, .w = %d, .c = %d, .ring = %d, .row_step = %d, ",
                field, s->offset, t->h, t->w, t->c, s->ring, s->row_step);
    if (s->row_phase)
        strbuf_addf(out, ".row_phase = %d, ", s->row_phase);
    strbuf_addf(out, ".row_stride = %d},\n", s->row_stride);
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
    int32_t bytes = node_scratch_bytes(emission->qmodel, node);
    if (bytes)
        strbuf_addf(out, "    .scratch = mcu_arena + %d, /* %d bytes */\n",
                    emission->schedule->scratch[position], bytes);
}

static void begin_struct(struct strbuf *out, enum kernel kernel, const char *name)
{
    strbuf_addf(out, "static const struct %s %s = {\n", kernel_info(kernel)->argument_type, name);
}

static void add_convolution(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                            int position, enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_map(out, emission, "in", node->inputs[0]);
    add_map(out, emission, "out", node->output);
    if (node->op != QOP_FULLY_CONNECTED)
        add_window(out, &node->window);
    add_zero_points(out, emission, node);
    add_activation(out, node);
    strbuf_addf(out,
                "    .weights = %s_weights,\n    .bias = %s_bias,\n    .multiplier = %s_multiplier,\n    "
                ".shift = %s_shift,\n",
                name, name, name, name);
    add_scratch(out, emission, node, position);
    strbuf_adds(out, "};\n");
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

static void add_pool(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                     int position, enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_map(out, emission, "in", node->inputs[0]);
    add_map(out, emission, "out", node->output);
    if (kernel != KERNEL_GLOBAL_AVERAGE_POOL)
        add_window(out, &node->window);
    add_activation(out, node);
    add_scratch(out, emission, node, position);
    strbuf_adds(out, "};\n");
}

static void add_unary(struct strbuf *out, const struct emission *emission, const struct qnode *node,
                      int position, enum kernel kernel, const char *name)
{
    begin_struct(out, kernel, name);
    add_map(out, emission, "in", node->inputs[0]);
    add_map(out, emission, "out", node->output);
    if (node->op == QOP_MEAN) {
        add_zero_points(out, emission, node);
        strbuf_addf(out, "    .multiplier = %d,\n    .shift = %d,\n", node->multiplier[0], node->shift[0]);
    } else if (node->op == QOP_TABLE) {
        strbuf_addf(out, "    .table = %s_table,\n", name);
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

/* Rows of a call in the C of the caller: all, or those that the chain asks for. */
struct call_rows {
    bool all;
    const char *indent;
};

static void add_call(struct strbuf *calls, const struct call_rows *rows, enum kernel kernel, const char *name,
                     int all)
{
    if (rows->all)
        strbuf_addf(calls, "%s%s(&%s, 0, %d);\n", rows->indent, kernel_info(kernel)->function, name, all);
    else
        strbuf_addf(calls, "%s%s(&%s, y0, y1);\n", rows->indent, kernel_info(kernel)->function, name);
}

static void add_concat(struct strbuf *out, struct strbuf *calls, const struct emission *emission,
                       const struct qnode *node, const char *name, const struct call_rows *rows)
{
    const struct qtensor *tensors = emission->qmodel->tensors;
    for (int i = 0, channel = 0; i < node->n_inputs; i++) {
        const char *part = arena_printf(emission->arena, "%s_part_%d", name, i);
        add_copy(out, emission, node->inputs[i], node->output, 0, 0, channel, part);
        add_call(calls, rows, KERNEL_COPY, part, tensors[node->inputs[i]].h);
        channel += tensors[node->inputs[i]].c;
    }
}

/* The border, then the image: output rows of a chain become input rows, as far as those exist. */
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
    if (rows->all)
        add_call(calls, rows, KERNEL_COPY, name, in_h);
    else
        strbuf_addf(calls, "%s%s(&%s, y0 < %d ? 0 : y0 - %d, y1 < %d ? y1 - %d : %d);\n", rows->indent,
                    kernel_info(KERNEL_COPY)->function, name, top, top, top + in_h, top, in_h);
}

/* Argument structs of one node, and its calls. position: in the schedule's order. */
static void add_node(struct strbuf *out, struct strbuf *calls, const struct emission *emission, int position,
                     const struct call_rows *rows)
{
    const struct qmodel *qmodel = emission->qmodel;
    int index = emission->schedule->order[position];
    const struct qnode *node = &qmodel->nodes[index];
    const char *name = node_identifier(qmodel, index, emission->arena);
    enum kernel kernels[QNODE_MAX_INPUTS];
    node_kernels(qmodel, node, kernels);

    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_FULLY_CONNECTED:
        add_convolution(out, emission, node, position, kernels[0], name);
        break;
    case QOP_ADD:
    case QOP_MUL:
        add_element_wise(out, emission, node, kernels[0], name);
        break;
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        add_pool(out, emission, node, position, kernels[0], name);
        break;
    case QOP_MEAN:
    case QOP_TABLE:
    case QOP_SOFTMAX:
        add_unary(out, emission, node, position, kernels[0], name);
        break;
    case QOP_CONCAT:
        add_concat(out, calls, emission, node, name, rows);
        return;
    case QOP_PAD:
        add_pad(out, calls, emission, node, name, rows);
        return;
    case QOP_RESIZE_NEAREST:
    case QOP_COUNT:
        die("operator %d cannot be emitted", (int)node->op);
    }
    add_call(calls, rows, kernels[0], name, row_steps(qmodel, node));
}

/* ---- model.c: steps ---------------------------------------------------------------------------------------
 */

static void add_node_comment(struct strbuf *out, const struct emission *emission, int index, int step)
{
    const struct qmodel *qmodel = emission->qmodel;
    const struct qnode *node = &qmodel->nodes[index];
    const struct storage *storage = emission->schedule->storage;
    struct arena *a = emission->arena;
    strbuf_addf(out, "\n/*\n * step %d: %s \"%s\"\n *", step, qop_name(node->op), plain_name(node->name, a));
    for (int i = 0; i < node->n_inputs; i++)
        strbuf_addf(out, "%s %s at %d..%d", i ? "," : "", tensor_shape(&qmodel->tensors[node->inputs[i]], a),
                    storage[node->inputs[i]].begin, storage[node->inputs[i]].end);
    strbuf_addf(out, " -> %s at %d..%d", tensor_shape(&qmodel->tensors[node->output], a),
                storage[node->output].begin, storage[node->output].end);
    int64_t macs = qnode_macs(qmodel, node);
    if (macs)
        strbuf_addf(out, "; %s MACs", grouped(macs, a));
    strbuf_adds(out, "\n */\n");
}

/* A chain: its operators' structs, the tables of engine/chain.h, and a function with one case per operator.
 */
static void add_chain(struct strbuf *out, struct strbuf *calls, const struct emission *emission, int index)
{
    const struct schedule *schedule = emission->schedule;
    const struct step *step = &schedule->steps[index];
    struct strbuf cases = STRBUF_INIT;
    for (int i = 0; i < step->n_nodes; i++) {
        int node = schedule->order[step->first_node + i];
        add_node_comment(out, emission, node, index);
        strbuf_addf(&cases, "    case %d:\n", i);
        add_node(out, &cases, emission, step->first_node + i, &(struct call_rows){false, "        "});
        strbuf_adds(&cases, "        break;\n");
    }
    strbuf_addf(out, "\n/* step %d, depth-first: rows of each operator when the next one needs them */\n",
                index);
    emit_chain_tables(out, emission, index);
    strbuf_addf(out,
                "\nstatic void chain_%d_call(int32_t stage, int32_t y0, int32_t y1)\n{\n    switch (stage) "
                "{\n%s    }\n}\n",
                index, strbuf_text(&cases));
    strbuf_addf(calls, "    mcu_chain_run(&chain_%d, chain_%d_call);\n", index, index);
    strbuf_release(&cases);
}

static void add_step(struct strbuf *out, struct strbuf *calls, const struct emission *emission, int index)
{
    const struct step *step = &emission->schedule->steps[index];
    if (step->depth_first) {
        add_chain(out, calls, emission, index);
        return;
    }
    add_node_comment(out, emission, emission->schedule->order[step->first_node], index);
    add_node(out, calls, emission, step->first_node, &(struct call_rows){true, "    "});
}

void emit_model_c(struct strbuf *out, const struct emission *emission)
{
    const struct qmodel *qmodel = emission->qmodel;
    const struct schedule *schedule = emission->schedule;
    struct strbuf calls = STRBUF_INIT;
    bool has_chains = false;
    for (int s = 0; s < schedule->n_steps; s++)
        has_chains = has_chains || schedule->steps[s].depth_first;

    add_banner(out, emission);
    strbuf_addf(out,
                "#include \"model.h\"\n\n%s#include \"engine/engine.h\"\n#include \"weights.h\"\n\n"
                "#if MCU_ENGINE_VERSION != %d\n"
                "#error \"model.c was generated for version %d of engine/: generate it again, or take the "
                "engine/ it came with\"\n"
                "#endif\n\n"
                "_Alignas(8) int8_t mcu_arena[MCU_ARENA_BYTES];\n",
                has_chains ? "#include \"engine/chain.h\"\n" : "", MCU_ENGINE_VERSION, MCU_ENGINE_VERSION);
    for (int s = 0; s < schedule->n_steps; s++)
        add_step(out, &calls, emission, s);
    strbuf_addf(out, "\nint8_t *mcu_model_input(void)\n{\n    return mcu_arena + %d;\n}\n",
                schedule->storage[qmodel->input].offset);
    strbuf_addf(out, "\nconst int8_t *mcu_model_output(void)\n{\n    return mcu_arena + %d;\n}\n",
                schedule->storage[qmodel->output].offset);
    strbuf_addf(out, "\nvoid mcu_model_run(void)\n{\n%s}\n", strbuf_text(&calls));
    strbuf_release(&calls);
}
