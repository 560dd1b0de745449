/*
 * check_chain.c - replays a depth-first step call by call.
 *
 * The order of calls is schedule.h's, worked out here from the operators' windows; the planner's and the
 * firmware's loops are other code. Within a call nothing is assumed about the kernel's order: what it reads
 * must be intact before the call and after its last row is written. Two exceptions: an element-wise
 * kernel may write over the very element it reads, and a depthwise kernel that works on groups of channels
 * (node_channel_group) has copied the group's windows of a batch of rows (its tile) before it writes the
 * group's channels of those rows. Every call fills its scratch, and leaves it alone while it writes; MEAN's
 * sums must survive from its first call to its last.
 */
#include "codegen/check_parts.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"

struct progress {
    int rows;        /* in all: output rows, or input rows of MEAN */
    int low, high;   /* computed are [low, high): grows upwards, or downwards if bottom-up */
    int64_t sums_id; /* MEAN: what its sums hold */
};

struct chain_replay {
    struct replay *replay;
    const struct step *step;
    struct progress *progress; /* per operator of the step */
    int64_t calls;
};

static const struct qnode *node_at(const struct chain_replay *chain, int index)
{
    const struct replay *replay = chain->replay;
    return &replay->qmodel->nodes[replay->schedule->order[chain->step->first_node + index]];
}

static const struct qtensor *tensor_at(const struct chain_replay *chain, int tensor)
{
    return &chain->replay->qmodel->tensors[tensor];
}

/* Rows [*first, *last] of input `i` that rows [y0, y1] of the node are computed from. */
static void rows_read(const struct chain_replay *chain, const struct qnode *node, int i, int y0, int y1,
                      int *first, int *last)
{
    int h = tensor_at(chain, node->inputs[i])->h;
    switch (node_accumulates(chain->replay->qmodel, node) ? QOP_MEAN : node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        *first = y0 * node->window.stride_h - node->window.pad_top;
        *last = y1 * node->window.stride_h - node->window.pad_top +
                (node->window.kernel_h - 1) * node->window.dilation_h;
        break;
    case QOP_PAD:
        *first = y0 - node->window.pad_top;
        *last = y1 - node->window.pad_top;
        break;
    case QOP_CONCAT: /* each part from its own first row on */
        *first = y0 - qnode_part(chain->replay->qmodel, node, i).y;
        *last = y1 - qnode_part(chain->replay->qmodel, node, i).y;
        break;
    case QOP_FULLY_CONNECTED:
    case QOP_SOFTMAX:
    case QOP_RESIZE_NEAREST: /* taken to read all rows at every row (row_graph.c) */
        *first = 0;
        *last = h - 1;
        break;
    default: /* row by row, MEAN included; MUL's factor of one row serves all */
        *first = h == 1 ? 0 : y0;
        *last = h == 1 ? 0 : y1;
    }
    *first = *first < 0 ? 0 : *first;
    *last = *last >= h ? h - 1 : *last;
}

static int producer_in_step(const struct chain_replay *chain, int tensor)
{
    for (int i = 0; i < chain->step->n_nodes; i++)
        if (node_at(chain, i)->output == tensor)
            return i;
    return -1;
}

/* ---- one call ---------------------------------------------------------------------------------------------
 */

/* Fills the scratch of an operator; MEAN's is kept and looked after. */
static int use_scratch(struct chain_replay *chain, int index)
{
    const struct replay *replay = chain->replay;
    const struct qnode *node = node_at(chain, index);
    struct progress *progress = &chain->progress[index];
    int64_t begin, end;
    int rc = replay_find_scratch(replay, chain->step->first_node + index, &begin, &end);
    if (rc)
        return rc;
    for (int64_t i = begin; i < end; i++) {
        if (progress->sums_id && replay->shadow[i] != replay_scratch_mark(progress->sums_id))
            return error("schedule: step %d: byte %lld of the sums of '%s' is overwritten between its calls",
                         replay->step, (long long)i, node->name ? node->name : "?");
        replay->shadow[i] = replay_scratch_mark(chain->calls);
    }
    if (node_accumulates(replay->qmodel, node))
        progress->sums_id = chain->calls;
    return 0;
}

static int require_inputs(const struct chain_replay *chain, const struct qnode *node, int y0, int y1,
                          bool after)
{
    bool element_wise =
        node->op == QOP_ADD || node->op == QOP_ADD_CONSTANT || node->op == QOP_MUL || node->op == QOP_TABLE;
    const struct qtensor *out = tensor_at(chain, node->output);
    int rc = 0;
    for (int i = 0; i < node->n_inputs && !rc; i++) {
        const struct qtensor *in = tensor_at(chain, node->inputs[i]);
        bool over = after && element_wise && in->h == out->h && in->w == out->w;
        int first, last;
        rows_read(chain, node, i, y0, y1, &first, &last);
        for (int y = first; y <= last && !rc; y++)
            rc = replay_require_row(chain->replay, node->inputs[i], y, over ? node->output : -1);
    }
    return rc;
}

static int write_rows(struct chain_replay *chain, const struct qnode *node, int y0, int y1)
{
    int rc = 0;
    for (int y = y0; y <= y1 && !rc; y++)
        rc = replay_write_row(chain->replay, node->output, y, 0, tensor_at(chain, node->output)->c);
    return rc;
}

/* The call has not written over its own scratch. */
static int require_scratch(const struct chain_replay *chain, int index)
{
    const struct replay *replay = chain->replay;
    int64_t begin, end;
    int rc = replay_find_scratch(replay, chain->step->first_node + index, &begin, &end);
    for (int64_t i = begin; i < end && !rc; i++)
        if (replay->shadow[i] != replay_scratch_mark(chain->calls))
            rc = error("schedule: step %d: '%s' overwrites byte %lld of its scratch", replay->step,
                       replay_node_name(replay), (long long)i);
    return rc;
}

static int compute(struct chain_replay *chain, int index, int y0, int y1)
{
    const struct qnode *node = node_at(chain, index);
    const struct implementation *implementation = replay_implementation(chain->replay, node);
    if (node_channel_group(implementation, chain->replay->qmodel, node) > 0)
        return replay_depthwise_groups(chain->replay, node, y0, y1);
    int rc = require_inputs(chain, node, y0, y1, false);
    if (!node_accumulates(chain->replay->qmodel, node)) {
        if (!rc)
            rc = write_rows(chain, node, y0, y1);
        return rc ? rc : require_inputs(chain, node, y0, y1, true);
    }
    bool complete = chain->step->bottom_up ? y0 == 0 : y1 == chain->progress[index].rows - 1;
    if (!rc && complete)
        rc = write_rows(chain, node, 0, 0);
    return rc ? rc : require_inputs(chain, node, y0, y1, false);
}

static int call(struct chain_replay *chain, int index, int y0, int y1)
{
    chain->calls++;
    int rc = use_scratch(chain, index);
    if (!rc)
        rc = compute(chain, index, y0, y1);
    return rc ? rc : require_scratch(chain, index);
}

/* ---- the order of calls -----------------------------------------------------------------------------------
 */

static int run(struct chain_replay *chain, int index, int y0, int y1);

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The next rows of an operator, at most n. */
static int run_next(struct chain_replay *chain, int index, int n)
{
    const struct progress *p = &chain->progress[index];
    return chain->step->bottom_up ? run(chain, index, p->low - n, p->low - 1)
                                  : run(chain, index, p->high, p->high + n - 1);
}

static int require_computed(struct chain_replay *chain, int index, int first, int last)
{
    const struct progress *p = &chain->progress[index];
    int rc = 0, inner = chain->step->inner_rows;
    if (node_accumulates(chain->replay->qmodel, node_at(chain, index)))
        first = 0, last = p->rows - 1;
    while (!rc && (chain->step->bottom_up ? p->low > first : p->high <= last)) {
        int missing = chain->step->bottom_up ? p->low - first : last + 1 - p->high;
        rc = run_next(chain, index, smaller(missing, inner));
    }
    return rc;
}

static int run(struct chain_replay *chain, int index, int y0, int y1)
{
    const struct qnode *node = node_at(chain, index);
    struct progress *p = &chain->progress[index];
    for (int i = 0; i < node->n_inputs; i++) {
        int tensor = node->inputs[i], producer = producer_in_step(chain, tensor), first, last;
        if (producer < 0) {
            if (!chain->replay->written[tensor])
                return error("schedule: step %d ('%s') reads tensor '%s' before it is computed",
                             chain->replay->step, replay_node_name(chain->replay),
                             replay_tensor_name(chain->replay, tensor));
            continue;
        }
        if (producer >= index)
            return error("schedule: step %d: operator %d reads one that comes later", chain->replay->step,
                         index);
        rows_read(chain, node, i, y0, y1, &first, &last);
        int rc = require_computed(chain, producer, first, last);
        if (rc)
            return rc;
    }
    int rc = call(chain, index, y0, y1);
    p->low = smaller(p->low, y0);
    p->high = p->high > y1 + 1 ? p->high : y1 + 1;
    return rc;
}

int replay_chain(struct replay *replay)
{
    const struct schedule *schedule = replay->schedule;
    const struct step *step = &schedule->steps[replay->step];
    struct arena arena = ARENA_INIT;
    struct chain_replay chain = {replay, step, ARENA_ARRAY(&arena, struct progress, (size_t)step->n_nodes),
                                 0};
    int rc = 0, last = step->n_nodes - 1;
    for (int i = 0; i <= last; i++) {
        const struct qnode *node = node_at(&chain, i);
        bool accumulates = node_accumulates(replay->qmodel, node);
        int rows = tensor_at(&chain, accumulates ? node->inputs[0] : node->output)->h;
        chain.progress[i] =
            step->bottom_up ? (struct progress){rows, rows, rows, 0} : (struct progress){rows, 0, 0, 0};
    }
    const struct qnode *node = node_at(&chain, last);
    struct progress *p = &chain.progress[last];
    int rows = node_accumulates(replay->qmodel, node) ? step->inner_rows : step->rows;
    while (!rc && p->high - p->low < p->rows)
        rc = run_next(&chain, last, smaller(rows, p->rows - (p->high - p->low)));
    arena_release(&arena);
    if (rc)
        return rc;
    replay->written[node->output] = true;
    return replay_require_rows(replay, node->output, 0, tensor_at(&chain, node->output)->h - 1);
}
