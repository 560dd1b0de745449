#include "codegen/calls.h"

#include "base/arena.h"
#include "codegen/kernels.h"
#include "codegen/row_graph.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"

struct operator_state {
    int steps, done;
    bool accumulates;
    struct row_input inputs[QNODE_MAX_INPUTS];
    int producer[QNODE_MAX_INPUTS]; /* position in the step, -1: computed before it */
    int n_inputs;
    struct call_pattern *calls;
};

struct walk {
    struct operator_state *ops;
    int inner_rows;
    bool bottom_up;
};

static void count_call(struct call_pattern *calls, int rows)
{
    int at = 0;
    while (at < calls->n && calls->size[at].rows < rows)
        at++;
    if (at < calls->n && calls->size[at].rows == rows) {
        calls->size[at].count++;
        return;
    }
    if (calls->n == CALL_SIZES) {
        calls->size[CALL_SIZES - 1].count++;
        return;
    }
    for (int i = calls->n++; i > at; i--)
        calls->size[i] = calls->size[i - 1];
    calls->size[at].rows = rows;
    calls->size[at].count = 1;
}

/* Rows [done, end) of an operator, and before them what they read. Rows are counted from the bottom in
 * bottom-up chains. */
static void run(struct walk *walk, int op, int end)
{
    struct operator_state *state = &walk->ops[op];
    for (int i = 0; i < state->n_inputs; i++) {
        if (state->producer[i] < 0)
            continue;
        const struct row_input *input = &state->inputs[i];
        struct operator_state *producer = &walk->ops[state->producer[i]];
        int pad = walk->bottom_up ? input->pad_mirrored : input->pad;
        int64_t last = (int64_t)(end - 1) * input->stride - pad + input->extent;
        int need = last < producer->steps ? (int)last : producer->steps;
        if (producer->accumulates) /* its only row is there after the last call */
            need = producer->steps;
        while (producer->done < need) {
            int next = producer->done + walk->inner_rows;
            run(walk, state->producer[i], next < need ? next : need);
        }
    }
    count_call(state->calls, end - state->done);
    state->done = end;
}

static void walk_step(struct call_pattern *out, const struct schedule *schedule, const struct qmodel *qmodel,
                      const struct step *step, struct operator_state *ops)
{
    const struct qnode *last_node = NULL;
    for (int i = 0; i < step->n_nodes; i++) {
        const struct qnode *node = last_node = &qmodel->nodes[schedule->order[step->first_node + i]];
        struct operator_state *state = &ops[i];
        *state = (struct operator_state){.steps = row_steps(qmodel, node),
                                         .accumulates = node_accumulates(qmodel, node),
                                         .calls = &out[step->first_node + i]};
        state->n_inputs = row_inputs(state->inputs, qmodel, node);
        for (int k = 0; k < state->n_inputs; k++) {
            state->producer[k] = -1;
            for (int j = 0; j < i; j++)
                if (qmodel->nodes[schedule->order[step->first_node + j]].output == state->inputs[k].tensor)
                    state->producer[k] = j;
        }
    }
    int last = step->n_nodes - 1, steps = ops[last].steps, rows = steps;
    if (step->depth_first)
        rows = node_accumulates(qmodel, last_node) ? step->inner_rows : step->rows;
    struct walk walk = {ops, step->inner_rows, step->bottom_up};
    if (walk.inner_rows < 1)
        walk.inner_rows = steps > 1 ? steps : 1;
    if (rows < 1)
        rows = steps;
    while (ops[last].done < steps)
        run(&walk, last, ops[last].done + rows < steps ? ops[last].done + rows : steps);
}

struct call_pattern *schedule_calls(const struct schedule *schedule, const struct qmodel *qmodel,
                                    struct arena *arena)
{
    int most = 1;
    for (int s = 0; s < schedule->n_steps; s++)
        most = schedule->steps[s].n_nodes > most ? schedule->steps[s].n_nodes : most;
    struct call_pattern *out = ARENA_ARRAY(arena, struct call_pattern, (size_t)schedule->n_order + 1);
    struct operator_state *ops = ARENA_ARRAY(arena, struct operator_state, (size_t)most);
    for (int s = 0; s < schedule->n_steps; s++)
        walk_step(out, schedule, qmodel, &schedule->steps[s], ops);
    return out;
}
