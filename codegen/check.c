/*
 * check.c - replays a schedule byte by byte, knowing nothing of how it was planned.
 *
 * A shadow of the arena holds, for every byte, which byte of which tensor was last written there. Each step
 * writes its output row by row, as engine.h promises. An input row must be intact when a row that reads it
 * begins AND when that row is complete (so any order inside the row is safe); an element-wise kernel may
 * overwrite the very element it reads. A depthwise kernel that works on groups of channels reads and writes
 * as many rows at a time as its tile has. Scratch is filled with its own marks at the start of the step and
 * must be intact at its end. Convolutions read the inputs of a panel before they write any of its outputs,
 * whatever its size, so that they keep the promise of row after row.
 */
#include "codegen/schedule.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "codegen/check_parts.h"
#include "codegen/kernels.h"
#include "quant/qmodel.h"

static uint64_t mark(int tensor, int64_t element)
{
    return ((uint64_t)tensor + 1) << 40 | (uint64_t)element;
}

uint64_t replay_scratch_mark(int64_t call)
{
    return (uint64_t)REPLAY_SCRATCH_TENSOR << 40 | (uint64_t)call;
}

static bool is_scratch(uint64_t held)
{
    return held >> 40 == REPLAY_SCRATCH_TENSOR;
}

const char *replay_node_name(const struct replay *replay)
{
    const struct step *step = &replay->schedule->steps[replay->step];
    const char *name = replay->qmodel->nodes[replay->schedule->order[step->first_node]].name;
    return name ? name : "?";
}

const char *replay_tensor_name(const struct replay *replay, int tensor)
{
    return replay->qmodel->tensors[tensor].name ? replay->qmodel->tensors[tensor].name : "?";
}

static int64_t row_address(const struct storage *storage, int y)
{
    int slot = (y * storage->row_step + storage->row_phase) % storage->ring;
    return storage->offset + (int64_t)slot * storage->row_stride;
}

/* Bytes of a tensor's row within the arena? */
static int check_row_bounds(const struct replay *replay, int tensor, int y, int64_t *address)
{
    const struct qtensor *t = &replay->qmodel->tensors[tensor];
    *address = row_address(&replay->schedule->storage[tensor], y);
    if (*address < 0 || *address + (int64_t)t->w * t->c > replay->schedule->arena_bytes)
        return error(
            "schedule: step %d ('%s'): row %d of tensor '%s' at bytes %lld..%lld is outside the arena of "
            "%lld bytes",
            replay->step, replay_node_name(replay), y, replay_tensor_name(replay, tensor),
            (long long)*address, (long long)(*address + (int64_t)t->w * t->c),
            (long long)replay->schedule->arena_bytes);
    return 0;
}

/* Writes row y of a tensor: `count` channels of every pixel from channel `first` on. */
int replay_write_row(struct replay *replay, int tensor, int y, int first, int count)
{
    const struct qtensor *t = &replay->qmodel->tensors[tensor];
    int64_t address;
    int rc = check_row_bounds(replay, tensor, y, &address);
    if (rc)
        return rc;
    int64_t element = (int64_t)y * t->w * t->c;
    for (int x = 0; x < t->w; x++)
        for (int c = first; c < first + count; c++)
            replay->shadow[address + (int64_t)x * t->c + c] = mark(tensor, element + (int64_t)x * t->c + c);
    return 0;
}

int replay_require_channels(const struct replay *replay, int tensor, int y, int first, int count,
                            int element_wise_output)
{
    const struct qtensor *t = &replay->qmodel->tensors[tensor];
    int64_t address, bytes = (int64_t)t->w * t->c;
    int rc = check_row_bounds(replay, tensor, y, &address);
    if (rc)
        return rc;
    for (int64_t k = 0; k < (int64_t)t->w * count; k++) {
        int64_t i = k / count * t->c + first + k % count, element = (int64_t)y * bytes + i;
        uint64_t held = replay->shadow[address + i];
        if (held == mark(tensor, element) ||
            (element_wise_output >= 0 && held == mark(element_wise_output, element)))
            continue;
        if (held == 0 || is_scratch(held))
            return error(
                "schedule: step %d ('%s') reads byte %lld of the arena (tensor '%s', row %d), which %s",
                replay->step, replay_node_name(replay), (long long)(address + i),
                replay_tensor_name(replay, tensor), y, held == 0 ? "nobody wrote" : "scratch overwrote");
        return error("schedule: step %d ('%s') reads byte %lld of the arena (tensor '%s', row %d), which "
                     "tensor '%s' overwrote",
                     replay->step, replay_node_name(replay), (long long)(address + i),
                     replay_tensor_name(replay, tensor), y,
                     replay_tensor_name(replay, (int)(held >> 40) - 1));
    }
    return 0;
}

int replay_require_row(const struct replay *replay, int tensor, int y, int element_wise_output)
{
    return replay_require_channels(replay, tensor, y, 0, replay->qmodel->tensors[tensor].c,
                                   element_wise_output);
}

int replay_require_rows(const struct replay *replay, int tensor, int first, int last)
{
    int h = replay->qmodel->tensors[tensor].h, rc = 0;
    for (int y = first < 0 ? 0 : first; y <= last && y < h && !rc; y++)
        rc = replay_require_row(replay, tensor, y, -1);
    return rc;
}

/* Windowed operators: output row y needs input rows [y * stride - pad, + dilated kernel). */
static int replay_windowed(struct replay *replay, const struct qnode *node)
{
    const struct qtensor *out = &replay->qmodel->tensors[node->output];
    const struct window *w = &node->window;
    int rc = 0;
    for (int y = 0; y < out->h && !rc; y++) {
        int first = y * w->stride_h - w->pad_top;
        int last = first + (w->kernel_h - 1) * (w->dilation_h > 0 ? w->dilation_h : 1);
        rc = replay_require_rows(replay, node->inputs[0], first, last);
        if (!rc)
            rc = replay_write_row(replay, node->output, y, 0, out->c);
        if (!rc)
            rc = replay_require_rows(replay, node->inputs[0], first, last);
    }
    return rc;
}

const struct implementation *replay_implementation(const struct replay *replay, const struct qnode *node)
{
    return &replay->schedule->implementations[node - replay->qmodel->nodes];
}

int replay_depthwise_groups(struct replay *replay, const struct qnode *node, int y0, int y1)
{
    const struct implementation *implementation = replay_implementation(replay, node);
    const struct qtensor *in = &replay->qmodel->tensors[node->inputs[0]];
    const struct window *w = &node->window;
    int c = replay->qmodel->tensors[node->output].c, rc = 0;
    int group = node_channel_group(implementation, replay->qmodel, node);
    int batch = implementation->tile < 1 ? 1 : implementation->tile;
    for (int from = y0; from <= y1 && !rc; from += batch) {
        int to = from + batch - 1 < y1 ? from + batch - 1 : y1;
        int first = from * w->stride_h - w->pad_top,
            last =
                to * w->stride_h - w->pad_top + (w->kernel_h - 1) * (w->dilation_h > 0 ? w->dilation_h : 1);
        first = first < 0 ? 0 : first;
        last = last < in->h ? last : in->h - 1;
        for (int begin = 0; begin < c && !rc; begin += group) {
            int count = c - begin < group ? c - begin : group;
            for (int y = first; y <= last && !rc; y++)
                rc = replay_require_channels(replay, node->inputs[0], y, begin, count, -1);
            for (int y = from; y <= to && !rc; y++)
                rc = replay_write_row(replay, node->output, y, begin, count);
        }
    }
    return rc;
}

int replay_find_scratch(const struct replay *replay, int position, int64_t *begin, int64_t *end)
{
    const struct schedule *schedule = replay->schedule;
    const struct step *step = &schedule->steps[replay->step];
    const struct qnode *node = &replay->qmodel->nodes[schedule->order[position]];
    int32_t bytes = implementation_scratch_bytes(replay_implementation(replay, node), replay->qmodel, node);
    *begin = bytes > 0 ? schedule->scratch[position] : step->scratch_offset;
    *end = *begin + bytes;
    if (bytes < 0 || *begin < step->scratch_offset ||
        *end > step->scratch_offset + (int64_t)step->scratch_bytes || (bytes > 0 && *begin % 4))
        return error("schedule: step %d: %d bytes of scratch of '%s' at %lld..%lld are not in the step's at "
                     "%d..%lld",
                     replay->step, bytes, node->name ? node->name : "?", (long long)*begin, (long long)*end,
                     step->scratch_offset, (long long)step->scratch_offset + step->scratch_bytes);
    return 0;
}

/* ADD, ADD_CONSTANT, MUL, TABLE. A (1, 1, c) factor beside a larger output is needed as long as the operator
 * runs. */
static int replay_element_wise(struct replay *replay, const struct qnode *node)
{
    const struct qtensor *out = &replay->qmodel->tensors[node->output];
    int rc = 0;
    for (int y = 0; y < out->h && !rc; y++)
        for (int after = 0; after < 2 && !rc; after++) {
            if (after)
                rc = replay_write_row(replay, node->output, y, 0, out->c);
            for (int i = 0; i < node->n_inputs && !rc; i++) {
                const struct qtensor *in = &replay->qmodel->tensors[node->inputs[i]];
                bool broadcast = in->h != out->h || in->w != out->w;
                rc = broadcast ? replay_require_rows(replay, node->inputs[i], 0, in->h - 1)
                               : replay_require_row(replay, node->inputs[i], y, after ? node->output : -1);
            }
        }
    return rc;
}

static int require_inputs(const struct replay *replay, const struct qnode *node)
{
    int rc = 0;
    for (int i = 0; i < node->n_inputs && !rc; i++)
        rc = replay_require_rows(replay, node->inputs[i], 0, replay->qmodel->tensors[node->inputs[i]].h - 1);
    return rc;
}

/* MEAN, FULLY_CONNECTED, SOFTMAX: every output byte may need every input byte; and what is never written
 * over its inputs. */
static int replay_whole(struct replay *replay, const struct qnode *node)
{
    const struct qtensor *out = &replay->qmodel->tensors[node->output];
    int rc = require_inputs(replay, node);
    for (int y = 0; y < out->h && !rc; y++)
        rc = replay_write_row(replay, node->output, y, 0, out->c);
    return rc ? rc : require_inputs(replay, node);
}

static int replay_node(struct replay *replay, const struct qnode *node)
{
    if (node_accumulates(replay->qmodel, node))
        return replay_whole(replay, node);
    if (node_channel_group(replay_implementation(replay, node), replay->qmodel, node) > 0)
        return replay_depthwise_groups(replay, node, 0, replay->qmodel->tensors[node->output].h - 1);
    switch (node->op) {
    case QOP_CONV:
    case QOP_DEPTHWISE:
    case QOP_AVERAGE_POOL:
    case QOP_MAX_POOL:
        return replay_windowed(replay, node);
    case QOP_ADD:
    case QOP_ADD_CONSTANT:
    case QOP_MUL:
    case QOP_TABLE:
        return replay_element_wise(replay, node);
    case QOP_MEAN:
    case QOP_FULLY_CONNECTED:
    case QOP_SOFTMAX:
    case QOP_RESIZE_NEAREST:
    case QOP_PAD: /* the fill writes everything before the copy reads */
    case QOP_CONCAT:
        return replay_whole(replay, node);
    case QOP_COUNT:
        break;
    }
    return error("schedule: step %d: unknown operator %d", replay->step, (int)node->op);
}

static int replay_step(struct replay *replay)
{
    const struct schedule *schedule = replay->schedule;
    const struct step *step = &schedule->steps[replay->step];
    const struct qnode *node = &replay->qmodel->nodes[schedule->order[step->first_node]];
    for (int i = 0; i < node->n_inputs && !step->depth_first; i++)
        if (!replay->written[node->inputs[i]])
            return error("schedule: step %d ('%s') reads tensor '%s' before it is computed", replay->step,
                         replay_node_name(replay), replay_tensor_name(replay, node->inputs[i]));

    int64_t begin = step->scratch_offset, end = begin + step->scratch_bytes;
    if (step->scratch_bytes < 0 || begin < 0 || end > schedule->arena_bytes)
        return error("schedule: step %d ('%s'): scratch %lld..%lld is outside the arena of %lld bytes",
                     replay->step, replay_node_name(replay), (long long)begin, (long long)end,
                     (long long)schedule->arena_bytes);
    for (int64_t i = begin; i < end; i++)
        replay->shadow[i] = replay_scratch_mark(0);
    if (step->depth_first)
        return replay_chain(replay);

    int rc = replay_find_scratch(replay, step->first_node, &begin, &end);
    if (!rc)
        rc = replay_node(replay, node);
    if (rc)
        return rc;
    for (int64_t i = begin; i < end; i++)
        if (!is_scratch(replay->shadow[i]))
            return error(
                "schedule: step %d ('%s'): scratch byte %lld of the arena is overwritten by tensor '%s'",
                replay->step, replay_node_name(replay), (long long)i,
                replay_tensor_name(replay, (int)(replay->shadow[i] >> 40) - 1));
    replay->written[node->output] = true;
    return replay_require_rows(replay, node->output, 0, replay->qmodel->tensors[node->output].h - 1);
}

/* The order is a permutation of the nodes, every step is one of its entries, rings hold whole rows. */
static int check_structure(const struct schedule *schedule, const struct qmodel *qmodel, bool *seen)
{
    if (schedule->n_order != qmodel->n_nodes || schedule->n_storage != qmodel->n_tensors)
        return error("schedule: %d operators and %d tensors, the network has %d and %d", schedule->n_order,
                     schedule->n_storage, qmodel->n_nodes, qmodel->n_tensors);
    int covered = 0;
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        if (step->first_node != covered || step->n_nodes < 1 || step->n_nodes > schedule->n_order - covered)
            return error("schedule: step %d does not begin at operator %d", s, covered);
        if (step->depth_first ? step->rows < 1 || step->inner_rows < 1 : step->n_nodes != 1)
            return error("schedule: step %d: %d operators, %d and %d rows at a time", s, step->n_nodes,
                         step->rows, step->inner_rows);
        covered += schedule->steps[s].n_nodes;
    }
    if (covered != schedule->n_order)
        return error("schedule: steps cover %d of %d operators", covered, schedule->n_order);
    for (int i = 0; i < schedule->n_order; i++) {
        int node = schedule->order[i];
        if (node < 0 || node >= qmodel->n_nodes || seen[node])
            return error("schedule: operator %d of the order is missing or runs twice", i);
        seen[node] = true;
    }
    for (int n = 0; n < qmodel->n_nodes; n++) {
        const struct implementation *implementation = &schedule->implementations[n];
        if ((int)implementation->layout < 0 || implementation->layout >= LAYOUT_COUNT ||
            implementation->tile < 0 ||
            !layout_possible(implementation->layout, qmodel, &qmodel->nodes[n], true))
            return error("schedule: operator %d cannot be computed that way", n);
    }
    for (int t = 0; t < schedule->n_storage; t++)
        if (schedule->storage[t].first_step != -2 &&
            (schedule->storage[t].ring < 1 || schedule->storage[t].row_step < 0 ||
             schedule->storage[t].row_phase < 0))
            return error("schedule: tensor %d has no rows", t);
    return 0;
}

int schedule_check(const struct schedule *schedule, const struct qmodel *qmodel)
{
    enum { MAX_ARENA_BYTES = 256 << 20 }; /* far above any microcontroller; bounds the shadow */
    if (schedule->arena_bytes < 0 || schedule->arena_bytes > MAX_ARENA_BYTES)
        return error("schedule: arena of %lld bytes", (long long)schedule->arena_bytes);

    struct arena arena = ARENA_INIT;
    struct replay replay = {schedule, qmodel,
                            ARENA_ARRAY(&arena, uint64_t, (size_t)schedule->arena_bytes + 1),
                            ARENA_ARRAY(&arena, bool, (size_t)qmodel->n_tensors + 1), -1};
    int rc = check_structure(schedule, qmodel, ARENA_ARRAY(&arena, bool, (size_t)qmodel->n_nodes + 1));
    if (!rc && schedule->n_steps > 0) {
        replay.step = 0; /* for messages */
        for (int y = 0; y < qmodel->tensors[qmodel->input].h && !rc; y++)
            rc = replay_write_row(&replay, qmodel->input, y, 0, qmodel->tensors[qmodel->input].c);
        replay.written[qmodel->input] = true;
    }
    for (int s = 0; s < schedule->n_steps && !rc; s++) {
        replay.step = s;
        rc = replay_step(&replay);
    }
    if (!rc && schedule->n_steps > 0)
        rc = replay_require_rows(&replay, qmodel->output, 0, qmodel->tensors[qmodel->output].h - 1);
    arena_release(&arena);
    return rc;
}
