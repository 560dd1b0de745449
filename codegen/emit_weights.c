/*
 * emit_weights.c - weights.h and weights.c: every constant array of the network.
 *
 * The suffixes matter: the linker scripts (boards/arm/link.ld.in) tell weights (_weights, _bias) from
 * constants (_multiplier, _shift, _requant, _table) by them, so that both can be measured in the ELF. Arrays
 * are aligned to 4 bytes: their sizes in flash are then known exactly before anything is built (footprint.c).
 * Wide weights are read over and over, by steps of 16 bytes: aligned to 16, which their sizes are multiples
 * of, the 16 channels' worth of a position fits the data cache of an STM32L4's flash, 8 lines of 16 bytes.
 */
#include "codegen/emit_parts.h"

#include "base/arena.h"
#include "base/strbuf.h"
#include "codegen/arguments.h"
#include "codegen/kernels.h"
#include "codegen/names.h"
#include "engine/dsp/pack.h"
#include "quant/qmodel.h"

enum { INT8_PER_LINE = 24, INT16_PER_LINE = 18, INT32_PER_LINE = 10, TABLE_ENTRIES = 256 };

static const char *weights_shape(const struct qmodel *qmodel, const struct qnode *node, struct arena *arena)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    switch (node->op) {
    case QOP_CONV:
        return arena_printf(arena, "(out %d, %d, %d, in %d)", out->c, node->window.kernel_h,
                            node->window.kernel_w, in->c);
    case QOP_DEPTHWISE:
        return arena_printf(arena, "(%d, %d, channels %d)", node->window.kernel_h, node->window.kernel_w,
                            out->c);
    default:
        return arena_printf(arena, "(out %d, in %lld)", out->c, (long long)qtensor_bytes(in));
    }
}

static void add_number(struct strbuf *out, int32_t value)
{
    char text[12], *at = text + sizeof text;
    uint32_t magnitude = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    do
        *--at = (char)('0' + magnitude % 10);
    while (magnitude /= 10);
    if (value < 0)
        *--at = '-';
    strbuf_add(out, at, (size_t)(text + sizeof text - at));
}

/* -2147483648 is not an int constant in C. */
static void add_int32(struct strbuf *out, int32_t value)
{
    if (value == INT32_MIN)
        strbuf_adds(out, "-2147483647 - 1");
    else
        add_number(out, value);
}

static void add_separator(struct strbuf *out, int64_t i, int64_t n, int per_line)
{
    if (i + 1 == n)
        strbuf_adds(out, ",\n");
    else
        strbuf_adds(out, (i + 1) % per_line ? ", " : ",\n    ");
}

static void add_int8_array(struct strbuf *out, const char *name, const char *suffix, const int8_t *values,
                           int64_t n)
{
    strbuf_addf(out, "_Alignas(4) const int8_t %s_%s[%lld] = {\n    ", name, suffix, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        add_number(out, values[i]);
        add_separator(out, i, n, INT8_PER_LINE);
    }
    strbuf_adds(out, "};\n");
}

/* values NULL: zeros. */
static void add_int32_array(struct strbuf *out, const char *name, const char *suffix, const int32_t *values,
                            int64_t n)
{
    strbuf_addf(out, "const int32_t %s_%s[%lld] = {\n    ", name, suffix, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        add_int32(out, values ? values[i] : 0);
        add_separator(out, i, n, INT32_PER_LINE);
    }
    strbuf_adds(out, "};\n");
}

/* values: little-endian pairs of bytes, as pack.h writes them. */
static void add_int16_array(struct strbuf *out, const char *name, const char *suffix, const uint8_t *bytes,
                            int64_t n, int alignment)
{
    strbuf_addf(out, "_Alignas(%d) const int16_t %s_%s[%lld] = {\n    ", alignment, name, suffix,
                (long long)n);
    for (int64_t i = 0; i < n; i++) {
        add_number(out, (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8));
        add_separator(out, i, n, INT16_PER_LINE);
    }
    strbuf_adds(out, "};\n");
}

static void add_list(struct strbuf *out, const char *name, const char *suffix, const int16_t *values, int n)
{
    strbuf_addf(out, "_Alignas(4) const int16_t %s_%s[%d] = {\n    ", name, suffix, n);
    for (int i = 0; i < n; i++) {
        add_number(out, values[i]);
        add_separator(out, i, n, INT16_PER_LINE);
    }
    strbuf_adds(out, "};\n");
}

/* ---- constants packed for engine/dsp ---- */

/* One operator's constants: which arrays it has follows from its layout. */
struct constants {
    const struct emission *emission;
    const struct qnode *node;
    const char *name;
    enum layout layout;
};

static struct constants constants_of(const struct emission *emission, int n)
{
    return (struct constants){emission, &emission->qmodel->nodes[n],
                              node_identifier(emission->qmodel, n, emission->arena),
                              emission->schedule->implementations[n].layout};
}

static bool is_wide(const struct constants *constants)
{
    return constants->layout == LAYOUT_WIDE || constants->layout == LAYOUT_WINOGRAD;
}

/* How pack.h orders them. */
static const char *packed_shape(const struct constants *constants)
{
    struct arena *arena = constants->emission->arena;
    const char *reference = weights_shape(constants->emission->qmodel, constants->node, arena);
    return arena_printf(arena, "%s, laid out for the kernel: %s", reference, layout_name(constants->layout));
}

static int64_t packed_weights(const struct constants *constants)
{
    return layout_weights_bytes(constants->layout, constants->emission->qmodel, constants->node) /
           (is_wide(constants) ? (int64_t)sizeof(int16_t) : 1);
}

static int64_t packed_requant(const struct constants *constants)
{
    return layout_constants_bytes(constants->layout, constants->emission->qmodel, constants->node) /
           (int64_t)sizeof(int32_t);
}

static void pack(const struct constants *constants, void *weights, int32_t *requant)
{
    const struct qmodel *qmodel = constants->emission->qmodel;
    bool wide = constants->layout == LAYOUT_WIDE;
    if (constants->node->op == QOP_DEPTHWISE) {
        const struct mcu_depthwise op = depthwise_arguments(qmodel, constants->node);
        mcu_depthwise_dsp_pack(&op, wide, weights, requant);
    } else if (node_is_fully_connected(qmodel, constants->node)) {
        const struct mcu_fully_connected op = fully_connected_arguments(qmodel, constants->node);
        mcu_fully_connected_dsp_pack(&op, weights, requant);
    } else {
        const struct mcu_conv2d op = conv2d_arguments(qmodel, constants->node);
        if (constants->layout == LAYOUT_WINOGRAD)
            mcu_conv2d_winograd_dsp_pack(&op, weights, requant);
        else
            mcu_conv2d_dsp_pack(&op, wide, weights, requant);
    }
}

static void add_packed(struct strbuf *out, const struct constants *constants)
{
    struct arena temporary = ARENA_INIT;
    int64_t n_weights = packed_weights(constants), n_requant = packed_requant(constants);
    uint8_t *weights = ARENA_ARRAY(&temporary, uint8_t, (size_t)n_weights * (is_wide(constants) ? 2 : 1));
    int32_t *requant = ARENA_ARRAY(&temporary, int32_t, (size_t)n_requant);
    pack(constants, weights, requant);
    if (is_wide(constants))
        add_int16_array(out, constants->name, "weights", weights, n_weights,
                        constants->node->op == QOP_CONV ? 16 : 4);
    else
        add_int8_array(out, constants->name, "weights", (const int8_t *)weights, n_weights);
    add_int32_array(out, constants->name, "requant", requant, n_requant);
    arena_release(&temporary);
}

/* The kernel's table of sums. */
static void add_sum_table(struct strbuf *out, const struct constants *constants)
{
    const struct mcu_add op = add_arguments(constants->emission->qmodel, constants->node);
    struct mcu_add_dsp packed;
    int32_t table[TABLE_ENTRIES];
    mcu_add_dsp_pack(&op, &packed, table);
    add_int32_array(out, constants->name, "table", table, TABLE_ENTRIES);
}

/* ---- the files ---- */

static void declare(struct strbuf *out, const struct constants *constants)
{
    const struct emission *emission = constants->emission;
    const struct qnode *node = constants->node;
    const char *name = constants->name;
    int channels = emission->qmodel->tensors[node->output].c;
    if (node_has_weights(node) && constants->layout == LAYOUT_REFERENCE) {
        strbuf_addf(out, "\nextern const int8_t %s_weights[%lld]; /* %s */\n", name,
                    (long long)node->n_weights, weights_shape(emission->qmodel, node, emission->arena));
        strbuf_addf(out, "extern const int32_t %s_bias[%d];\n", name, channels);
        strbuf_addf(out, "extern const int32_t %s_multiplier[%d];\n", name, channels);
        strbuf_addf(out, "extern const int8_t %s_shift[%d];\n", name, channels);
    } else if (node_has_weights(node)) {
        strbuf_addf(out, "\nextern const %s %s_weights[%lld]; /* %s */\n",
                    is_wide(constants) ? "int16_t" : "int8_t", name, (long long)packed_weights(constants),
                    packed_shape(constants));
        strbuf_addf(out, "extern const int32_t %s_requant[%lld];\n", name,
                    (long long)packed_requant(constants));
    } else if (node->op == QOP_TABLE) {
        strbuf_addf(out, "\nextern const int8_t %s_table[%d]; /* of input + 128 */\n", name, TABLE_ENTRIES);
    } else if (node->op == QOP_RESIZE_NEAREST) {
        const struct qtensor *to = &emission->qmodel->tensors[node->output];
        strbuf_addf(out, "\nextern const int16_t %s_rows_table[%d]; /* of the input, by output row */\n",
                    name, to->h);
        strbuf_addf(out, "extern const int16_t %s_columns_table[%d];\n", name, to->w);
    } else if (node->op == QOP_ADD_CONSTANT) {
        strbuf_addf(out, "\nextern const int32_t %s_table[%d]; /* summands, by channel */\n", name, channels);
    } else if (node->op == QOP_ADD && constants->layout != LAYOUT_REFERENCE) {
        strbuf_addf(out, "\nextern const int32_t %s_table[%d]; /* of input, as unsigned */\n", name,
                    TABLE_ENTRIES);
    }
}

static void define(struct strbuf *out, const struct constants *constants)
{
    const struct emission *emission = constants->emission;
    const struct qnode *node = constants->node;
    const char *name = constants->name;
    int channels = emission->qmodel->tensors[node->output].c;
    bool sums = node->op == QOP_ADD && constants->layout != LAYOUT_REFERENCE;
    if (!node_has_weights(node) && node->op != QOP_TABLE && node->op != QOP_RESIZE_NEAREST &&
        node->op != QOP_ADD_CONSTANT && !sums)
        return;
    strbuf_addf(out, "\n/* %s \"%s\"", qop_name(node->op), plain_name(node->name, emission->arena));
    if (node_has_weights(node))
        strbuf_addf(out, ": weights %s",
                    constants->layout == LAYOUT_REFERENCE
                        ? weights_shape(emission->qmodel, node, emission->arena)
                        : packed_shape(constants));
    strbuf_adds(out, " */\n");
    if (node->op == QOP_TABLE) {
        add_int8_array(out, name, "table", node->table, TABLE_ENTRIES);
    } else if (node->op == QOP_RESIZE_NEAREST) {
        const struct qtensor *to = &emission->qmodel->tensors[node->output];
        add_list(out, name, "rows_table", node->rows, to->h);
        add_list(out, name, "columns_table", node->columns, to->w);
    } else if (node->op == QOP_ADD_CONSTANT) {
        add_int32_array(out, name, "table", node->summands, channels);
    } else if (sums) {
        add_sum_table(out, constants);
    } else if (constants->layout == LAYOUT_REFERENCE) {
        add_int8_array(out, name, "weights", node->weights, node->n_weights);
        add_int32_array(out, name, "bias", node->bias, channels);
        add_int32_array(out, name, "multiplier", node->multiplier, channels);
        add_int8_array(out, name, "shift", node->shift, channels);
    } else {
        add_packed(out, constants);
    }
}

void emit_weights_h(struct strbuf *out, const struct emission *emission)
{
    strbuf_adds(
        out,
        "/* weights.h - constant arrays of the network, by operator. Written by mcunet; do not edit. */\n"
        "#ifndef MCU_WEIGHTS_H\n#define MCU_WEIGHTS_H\n\n#include <stdint.h>\n");
    for (int n = 0; n < emission->qmodel->n_nodes; n++) {
        const struct constants constants = constants_of(emission, n);
        declare(out, &constants);
    }
    strbuf_adds(out, "\n#endif\n");
}

void emit_weights_c(struct strbuf *out, const struct emission *emission)
{
    strbuf_addf(
        out,
        "/*\n * weights.c - weights, biases, requantisation and tables of the network.\n *\n"
        " * Written by mcunet %s; do not edit. Layouts \"narrow\", \"wide\" and \"winograd\" are those of "
        "engine/dsp/dsp.h: weights\n"
        " * in the order in which the kernel reads them, requantisation words with the bias in them.\n"
        " * Elsewhere: real weight = scale of its output channel * value; a bias has the scale of input * "
        "weight; an\n"
        " * accumulator becomes an output by multiplier * 2^(shift - 31).\n */\n"
        "#include \"weights.h\"\n",
        MCUNET_VERSION);
    for (int n = 0; n < emission->qmodel->n_nodes; n++) {
        const struct constants constants = constants_of(emission, n);
        define(out, &constants);
    }
}
