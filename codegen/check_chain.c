/*
 * check_chain.c - replays a depth-first step call by call.
 *
 * The order of calls is schedule.h's, worked out here from the operators' windows; the planner's and the
 * firmware's loops are other code. Within a call nothing is assumed about the kernel's order: what it reads
 * must be intact before the call and after its last row is written. Two exceptions: an element-wise
 * kernel may write over the very element it reads, and a depthwise kernel that works on groups of channels
 * (node_channel_group) has copied the group's window before it writes the group's output row. Every call
 * fills its scratch; MEAN's sums must survive from its first call to its last.
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
    case QOP_FULLY_CONNECTED:
    case QOP_SOFTMAX:
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
    int64_t begin = replay->schedule->scratch[chain->step->first_node + index],
            end = begin + node_scratch_bytes(replay->qmodel, node);
    if (begin == end)
        return 0;
    if (begin < chain->step->scratch_offset ||
        end > chain->step->scratch_offset + (int64_t)chain->step->scratch_bytes)
        return error("schedule: step %d: scratch of '%s' at %lld..%lld is not in the step's", replay->step,
                     node->name ? node->name : "?", (long long)begin, (long long)end);
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
    bool element_wise = node->op == QOP_ADD || node->op == QOP_MUL || node->op == QOP_TABLE;
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

/* Depthwise in groups of channels, row after row: of each group, first the window is read, then the output
 * row written. (A kernel that takes several rows at a time reads no later than that.) */
static int call_in_groups(struct chain_replay *chain, const struct qnode *node, int y0, int y1, int group)
{
    int c = tensor_at(chain, node->output)->c, rc = 0;
    for (int y = y0; y <= y1 && !rc; y++) {
        int first, last;
        rows_read(chain, node, 0, y, y, &first, &last);
        for (int begin = 0; begin < c && !rc; begin += group) {
            int count = c - begin < group ? c - begin : group;
            for (int row = first; row <= last && !rc; row++)
                rc = replay_require_channels(chain->replay, node->inputs[0], row, begin, count, -1);
            if (!rc)
                rc = replay_write_row(chain->replay, node->output, y, begin, count);
        }
    }
    return rc;
}

static int call(struct chain_replay *chain, int index, int y0, int y1)
{
    const struct qnode *node = node_at(chain, index);
    int group = node_channel_group(chain->replay->qmodel, node);
    chain->calls++;
    int rc = use_scratch(chain, index);
    if (rc)
        return rc;
    if (group > 0)
        return call_in_groups(chain, node, y0, y1, group);
    rc = require_inputs(chain, node, y0, y1, false);
    if (!node_accumulates(chain->replay->qmodel, node)) {
        if (!rc)
            rc = write_rows(chain, node, y0, y1);
        return rc ? rc : require_inputs(chain, node, y0, y1, true);
    }
    if (!rc && y1 == chain->progress[index].rows - 1)
        rc = write_rows(chain, node, 0, 0);
    return rc ? rc : require_inputs(chain, node, y0, y1, false);
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
        if (accumulates && step->bottom_up)
            rc = error("schedule: step %d: a sum from the last row to the first", replay->step);
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
