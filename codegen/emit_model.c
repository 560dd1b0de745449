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
    strbuf_addf(
        out,
        "\n/* All tensors and scratch. */\n#define MCU_ARENA_BYTES %lld\n"
        "/* Operators, numbered in the order of model.c: what MCU_LAYER() is told. */\n"
        "#define MCU_LAYERS %d\n",
        (long long)emission->schedule->arena_bytes, emission->schedule->n_order);
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
        strbuf_addf(&cases, "    case %d:\n        MCU_LAYER(%d);\n", i, step->first_node + i);
        emit_node(out, &cases, emission, step->first_node + i, &(struct call_rows){false, "        "});
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
    strbuf_addf(calls, "    MCU_LAYER(%d);\n", step->first_node);
    add_node_comment(out, emission, emission->schedule->order[step->first_node], index);
    emit_node(out, calls, emission, step->first_node, &(struct call_rows){true, "    "});
}

void emit_model_c(struct strbuf *out, const struct emission *emission)
{
    const struct qmodel *qmodel = emission->qmodel;
    const struct schedule *schedule = emission->schedule;
    struct strbuf calls = STRBUF_INIT;
    bool has_chains = false, has_dsp = false;
    for (int s = 0; s < schedule->n_steps; s++)
        has_chains = has_chains || schedule->steps[s].depth_first;
    for (int n = 0; n < qmodel->n_nodes; n++)
        has_dsp = has_dsp || schedule->implementations[n].layout != LAYOUT_REFERENCE;

    add_banner(out, emission);
    strbuf_addf(out,
                "#include \"model.h\"\n\n%s%s#include \"engine/engine.h\"\n#include \"weights.h\"\n\n"
                "#if MCU_ENGINE_VERSION != %d\n"
                "#error \"model.c was generated for version %d of engine/: generate it again, or take the "
                "engine/ it came with\"\n"
                "#endif\n\n"
                "#ifndef MCU_LAYER\n"
                "#define MCU_LAYER(layer) /* a profiling build defines it: called before each operator's call */\n"
                "#endif\n\n"
                "_Alignas(8) int8_t mcu_arena[MCU_ARENA_BYTES];\n",
                has_chains ? "#include \"engine/chain.h\"\n" : "",
                has_dsp ? "#include \"engine/dsp/dsp.h\"\n" : "", MCU_ENGINE_VERSION, MCU_ENGINE_VERSION);
    for (int s = 0; s < schedule->n_steps; s++)
        add_step(out, &calls, emission, s);
    strbuf_addf(out, "\nint8_t *mcu_model_input(void)\n{\n    return mcu_arena + %d;\n}\n",
                schedule->storage[qmodel->input].offset);
    strbuf_addf(out, "\nconst int8_t *mcu_model_output(void)\n{\n    return mcu_arena + %d;\n}\n",
                schedule->storage[qmodel->output].offset);
    strbuf_addf(out, "\nvoid mcu_model_run(void)\n{\n%s}\n", strbuf_text(&calls));
    strbuf_release(&calls);
}
