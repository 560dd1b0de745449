/*
 * emit_chain.c - a depth-first step as constants for engine/chain.h.
 */
#include "codegen/emit_parts.h"

#include "base/arena.h"
#include "base/strbuf.h"
#include "codegen/kernels.h"
#include "codegen/names.h"
#include "codegen/row_graph.h"
#include "quant/qmodel.h"

static const struct qnode *node_at(const struct emission *emission, const struct step *step, int stage)
{
    return &emission->qmodel->nodes[emission->schedule->order[step->first_node + stage]];
}

/* The stage that computes a tensor, or -1. */
static int stage_of(const struct emission *emission, const struct step *step, int tensor)
{
    for (int stage = 0; stage < step->n_nodes; stage++)
        if (node_at(emission, step, stage)->output == tensor)
            return stage;
    return -1;
}

/* One entry for each input that comes from inside the chain; returns how many. */
static int add_inputs(struct strbuf *out, const struct emission *emission, const struct step *step, int stage)
{
    const struct qnode *node = node_at(emission, step, stage);
    struct row_input inputs[QNODE_MAX_INPUTS];
    int n = row_inputs(inputs, emission->qmodel, node), found = 0;
    for (int i = 0; i < n; i++) {
        int from = stage_of(emission, step, inputs[i].tensor);
        if (from < 0)
            continue;
        int stride = inputs[i].stride,
            reach = inputs[i].extent - 1 - (step->bottom_up ? inputs[i].pad_mirrored : inputs[i].pad);
        const struct qnode *producer = node_at(emission, step, from);
        if (node_accumulates(emission->qmodel, producer)) { /* all of its rows */
            stride = 0;
            reach = row_steps(emission->qmodel, producer) - 1;
        }
        strbuf_addf(out, "    {.stage = %d, .stride = %d, .reach = %d},\n", from, stride, reach);
        found++;
    }
    return found;
}

void emit_chain_tables(struct strbuf *out, const struct emission *emission, int index)
{
    const struct step *step = &emission->schedule->steps[index];
    struct strbuf stages = STRBUF_INIT, inputs = STRBUF_INIT;
    int n_inputs = 0;
    for (int stage = 0; stage < step->n_nodes; stage++) {
        const struct qnode *node = node_at(emission, step, stage);
        int rows = row_steps(emission->qmodel, node);
        int per_call = stage == step->n_nodes - 1 && !node_accumulates(emission->qmodel, node)
                           ? step->rows
                           : step->inner_rows;
        int n = add_inputs(&inputs, emission, step, stage);
        strbuf_addf(&stages,
                    "    {.rows = %d, .rows_per_call = %d, .first_input = %d, .n_inputs = %d}, /* %s */\n",
                    rows, per_call < rows ? per_call : rows, n_inputs, n,
                    node_identifier(emission->qmodel, emission->schedule->order[step->first_node + stage],
                                    emission->arena));
        n_inputs += n;
    }
    strbuf_addf(out, "static const struct mcu_chain_stage chain_%d_stages[] = {\n%s};\n", index,
                strbuf_text(&stages));
    if (n_inputs)
        strbuf_addf(out, "static const struct mcu_chain_input chain_%d_inputs[] = {\n%s};\n", index,
                    strbuf_text(&inputs));
    strbuf_addf(out, "static const struct mcu_chain chain_%d = {\n    .stages = chain_%d_stages,\n", index,
                index);
    if (n_inputs)
        strbuf_addf(out, "    .inputs = chain_%d_inputs,\n", index);
    strbuf_addf(out, "    .n_stages = %d,\n    .bottom_up = %d,\n};\n", step->n_nodes, step->bottom_up);
    strbuf_release(&stages);
    strbuf_release(&inputs);
}
