/*
 * emit_weights.c - weights.h and weights.c: every constant array of the network.
 *
 * The suffixes matter: the linker scripts (boards/arm/link.ld.in) tell weights (_weights, _bias) from
 * constants (_multiplier, _shift, _table) by them, so that both can be measured in the ELF. Arrays are
 * aligned to 4 bytes: their sizes in flash are then known exactly before anything is built (footprint.c).
 */
#include "codegen/emit_parts.h"

#include "base/arena.h"
#include "base/strbuf.h"
#include "codegen/names.h"
#include "quant/qmodel.h"

enum { INT8_PER_LINE = 24, INT32_PER_LINE = 10, TABLE_ENTRIES = 256 };

static bool is_convolution(const struct qnode *node)
{
    return node->op == QOP_CONV || node->op == QOP_DEPTHWISE || node->op == QOP_FULLY_CONNECTED;
}

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

void emit_weights_h(struct strbuf *out, const struct emission *emission)
{
    const struct qmodel *qmodel = emission->qmodel;
    strbuf_adds(
        out,
        "/* weights.h - constant arrays of the network, by operator. Written by mcunet; do not edit. */\n"
        "#ifndef MCU_WEIGHTS_H\n#define MCU_WEIGHTS_H\n\n#include <stdint.h>\n");
    for (int n = 0; n < qmodel->n_nodes; n++) {
        const struct qnode *node = &qmodel->nodes[n];
        const char *name = node_identifier(qmodel, n, emission->arena);
        int channels = qmodel->tensors[node->output].c;
        if (is_convolution(node)) {
            strbuf_addf(out, "\nextern const int8_t %s_weights[%lld]; /* %s */\n", name,
                        (long long)node->n_weights, weights_shape(qmodel, node, emission->arena));
            strbuf_addf(out, "extern const int32_t %s_bias[%d];\n", name, channels);
            strbuf_addf(out, "extern const int32_t %s_multiplier[%d];\n", name, channels);
            strbuf_addf(out, "extern const int8_t %s_shift[%d];\n", name, channels);
        } else if (node->op == QOP_TABLE) {
            strbuf_addf(out, "\nextern const int8_t %s_table[%d]; /* of input + 128 */\n", name,
                        TABLE_ENTRIES);
        }
    }
    strbuf_adds(out, "\n#endif\n");
}

void emit_weights_c(struct strbuf *out, const struct emission *emission)
{
    const struct qmodel *qmodel = emission->qmodel;
    strbuf_addf(
        out,
        "/*\n * weights.c - weights, biases, multipliers, shifts and tables of the network.\n *\n"
        " * Written by mcunet %s; do not edit. real weight = scale of its output channel * value; a bias has "
        "the scale\n"
        " * of input * weight; an accumulator becomes an output by multiplier * 2^(shift - 31).\n */\n"
        "#include \"weights.h\"\n",
        MCUNET_VERSION);
    for (int n = 0; n < qmodel->n_nodes; n++) {
        const struct qnode *node = &qmodel->nodes[n];
        const char *name = node_identifier(qmodel, n, emission->arena);
        int channels = qmodel->tensors[node->output].c;
        if (is_convolution(node)) {
            strbuf_addf(out, "\n/* %s \"%s\": weights %s */\n", qop_name(node->op),
                        plain_name(node->name, emission->arena),
                        weights_shape(qmodel, node, emission->arena));
            add_int8_array(out, name, "weights", node->weights, node->n_weights);
            add_int32_array(out, name, "bias", node->bias, channels);
            add_int32_array(out, name, "multiplier", node->multiplier, channels);
            add_int8_array(out, name, "shift", node->shift, channels);
        } else if (node->op == QOP_TABLE) {
            strbuf_addf(out, "\n/* %s \"%s\" */\n", qop_name(node->op),
                        plain_name(node->name, emission->arena));
            add_int8_array(out, name, "table", node->table, TABLE_ENTRIES);
        }
    }
}
