#include "codegen/tile_cache.h"

#include "boards/board.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"

enum { CHANNELS_PER_GROUP = 4 };

static bool in_place(const struct schedule *schedule, const struct qnode *node)
{
    const struct storage *in = &schedule->storage[node->inputs[0]], *out = &schedule->storage[node->output];
    return in->begin < out->end && out->begin < in->end;
}

/* Cycles that a call of so many rows waits for RAM. */
static double batch_stalls(const struct schedule *schedule, const struct qmodel *qmodel,
                           const struct qnode *node, int tile, int rows, const struct board *board)
{
    const struct timing_spec *timing = &board->timing;
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    int64_t in_rows = (int64_t)(tile - 1) * node->window.stride_h + node->window.kernel_h;
    int64_t bytes = in_rows * in->w * in->c;
    if (!in_place(schedule, node))
        bytes += (int64_t)tile * out->w * out->c;
    int64_t planes = CHANNELS_PER_GROUP * in_rows * in->w * (int64_t)sizeof(int16_t);
    int64_t groups = out->c / CHANNELS_PER_GROUP, in_line = timing->dcache.line_bytes / CHANNELS_PER_GROUP;
    int64_t times = bytes + planes <= timing->dcache.bytes ? 1 : groups < in_line ? groups : in_line;
    return (double)((rows + tile - 1) / tile * times * (bytes / timing->dcache.line_bytes)) *
           timing->ram_fill_cycles * timing->bus_divider;
}

static void fit_batch(struct schedule *schedule, const struct qmodel *qmodel, int position,
                      const struct board *board)
{
    const double cycles_per_instruction = 0.85; /* of the kernel on a Cortex-M7 */
    int n = schedule->order[position], rows = schedule->most_rows[position];
    const struct qnode *node = &qmodel->nodes[n];
    struct implementation *now = &schedule->implementations[n], best = *now;
    int64_t before = implementation_instructions(now, qmodel, node, rows), instructions = before;
    double least = (double)before * cycles_per_instruction +
                   batch_stalls(schedule, qmodel, node, now->tile, rows, board);
    for (int tile = 1; tile < now->tile; tile++) {
        const struct implementation trial = {now->layout, (int16_t)tile};
        int64_t count = implementation_instructions(&trial, qmodel, node, rows);
        double cycles =
            (double)count * cycles_per_instruction + batch_stalls(schedule, qmodel, node, tile, rows, board);
        if (cycles < least) {
            least = cycles;
            best = trial;
            instructions = count;
        }
    }
    *now = best;
    schedule->instructions[position] =
        (int64_t)((double)schedule->instructions[position] * (double)instructions / (double)before);
}

void fit_batches_to_cache(struct schedule *schedule, const struct qmodel *qmodel, const struct board *board)
{
    const struct timing_spec *timing = &board->timing;
    if (!timing->known || timing->ram_fill_cycles <= 0 || timing->dcache.bytes <= 0 ||
        timing->dcache.line_bytes <= 0)
        return;
    for (int i = 0; i < schedule->n_order; i++) {
        int n = schedule->order[i];
        if (qmodel->nodes[n].op == QOP_DEPTHWISE && schedule->implementations[n].tile > 1)
            fit_batch(schedule, qmodel, i, board);
    }
}
