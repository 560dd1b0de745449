#include "codegen/layouts.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "boards/board.h"
#include "codegen/row_graph.h"
#include "quant/qmodel.h"

bool core_has_dsp(const char *core)
{
    static const char *const cores[] = {"cortex-m4", "cortex-m7", "cortex-m33", "cortex-m35p", "cortex-m55"};
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
        if (!strcmp(core, cores[i]))
            return true;
    return false;
}

/* ---- cost of a schedule ---- */

/* Calls of so many rows, and one with the rest. */
static int64_t calls_instructions(const struct implementation *implementation, const struct qmodel *qmodel,
                                  const struct qnode *node, int rows)
{
    int steps = row_steps(qmodel, node), rest = steps % rows;
    int64_t sum = steps / rows * implementation_instructions(implementation, qmodel, node, rows);
    return rest ? sum + implementation_instructions(implementation, qmodel, node, rest) : sum;
}

static const struct step *step_at(const struct schedule *schedule, int position)
{
    const struct step *step = schedule->steps;
    while (step->first_node + step->n_nodes <= position)
        step++;
    return step;
}

int64_t schedule_instructions(const struct schedule *schedule, const struct qmodel *qmodel)
{
    (void)qmodel;
    int64_t sum = 0;
    for (int i = 0; i < schedule->n_order; i++)
        sum += schedule->instructions[i];
    return sum;
}

/* ---- reading weights from flash ----
 *
 * Wide weights are read in place by every tile of outputs, narrow ones once per panel or batch. Where a data
 * cache holds what the tiles read again and again, only the first of them waits for the flash.
 */

/* What a call reads: rounds (panels, batches, blocks) of so many tiles. */
struct weight_reads {
    int64_t bytes_again; /* read by every tile of a round: what a cache has to hold */
    int64_t bytes;       /* of all weights, once */
    int64_t rounds, tiles;
};

static struct weight_reads reads_of(const struct implementation *implementation, const struct qmodel *qmodel,
                                    const struct qnode *node, int rows)
{
    const struct qtensor *out = &qmodel->tensors[node->output];
    int64_t bytes = layout_weights_bytes(implementation->layout, qmodel, node), tile = implementation->tile;
    int64_t groups = (out->c + 3) / 4;
    if (node->op == QOP_DEPTHWISE)
        return (struct weight_reads){bytes / groups, bytes, (rows + tile - 1) / tile, tile};
    if (implementation->layout == LAYOUT_WINOGRAD) {
        enum { POSITIONS = 36 };
        int64_t tiles_w = (out->w + 3) / 4, tile_rows = (rows + 3) / 4;
        return (struct weight_reads){bytes / groups / POSITIONS, bytes, (tile_rows + tile - 1) / tile,
                                     (tiles_w * tile + 1) / 2};
    }
    int64_t pixels = (int64_t)rows * out->w;
    return (struct weight_reads){bytes / groups, bytes, (pixels + tile - 1) / tile, tile / 2};
}

/* Cycles that a call waits for weights. */
static int64_t weight_stalls(const struct implementation *implementation, const struct qmodel *qmodel,
                             const struct qnode *node, int rows, const struct board *board)
{
    if (!board->timing.known || implementation->tile == 0)
        return 0;
    const struct weight_reads reads = reads_of(implementation, qmodel, node, rows);
    const struct cache_spec *cache = &board->timing.dcache;
    bool in_place = implementation->layout != LAYOUT_NARROW;
    bool cached = reads.bytes_again * 2 <= cache->bytes;
    int64_t bytes = reads.bytes * reads.rounds * (in_place && !cached ? reads.tiles : 1);
    int64_t unit = cache->line_bytes > 0 ? cache->line_bytes : board->timing.flash_word_bytes;
    double each = (board->flash_wait_states + board->timing.flash_read_cycles) * board->timing.bus_divider;
    return unit > 0 && each > 0 ? (int64_t)((double)(bytes / unit) * each) : 0;
}

/* ---- upgrades ---- */

struct upgrade {
    int node;
    enum layout layout;
    int64_t gain;  /* instructions and cycles of waiting, against the smallest layout */
    int64_t bytes; /* of flash, too */
};

static int64_t layout_flash(enum layout layout, const struct qmodel *qmodel, const struct qnode *node)
{
    return layout_weights_bytes(layout, qmodel, node) + layout_constants_bytes(layout, qmodel, node);
}

/* More instructions per byte first. */
static int compare_upgrades(const void *a, const void *b)
{
    const struct upgrade *x = a, *y = b;
    double left = (double)x->gain * (double)y->bytes, right = (double)y->gain * (double)x->bytes;
    if (left != right)
        return left > right ? -1 : 1;
    return x->node != y->node ? (x->node > y->node) - (x->node < y->node) : (int)x->layout - (int)y->layout;
}

static int64_t calls_cost(const struct implementation *implementation, const struct qmodel *qmodel,
                          const struct qnode *node, int rows, const struct board *board)
{
    int steps = row_steps(qmodel, node);
    return calls_instructions(implementation, qmodel, node, rows) +
           (steps + rows - 1) / rows * weight_stalls(implementation, qmodel, node, rows, board);
}

/* Everything that would be faster in the calls that the schedule makes, in its scratch or, where the planner
 * can find more, in what the smallest tile takes. */
static int list_upgrades(struct upgrade *upgrades, const struct schedule *schedule,
                         const struct qmodel *qmodel, const struct board *board)
{
    int n = 0;
    for (int i = 0; i < schedule->n_order; i++) {
        const int index = schedule->order[i];
        const struct qnode *node = &qmodel->nodes[index];
        const struct implementation *now = &schedule->implementations[index];
        if (now->layout != LAYOUT_NARROW || (node->op != QOP_CONV && node->op != QOP_DEPTHWISE))
            continue;
        int rows = schedule->most_rows[i];
        int64_t cost = calls_cost(now, qmodel, node, rows, board);
        for (enum layout layout = LAYOUT_WIDE; layout < LAYOUT_COUNT; layout++) {
            if (!layout_possible(layout, qmodel, node, true))
                continue;
            struct implementation then = {layout, 0};
            then.tile = (int16_t)tile_within(layout, qmodel, node, rows, step_at(schedule, i)->scratch_bytes);
            int64_t gain = cost - calls_cost(&then, qmodel, node, rows, board);
            int64_t bytes = layout_flash(layout, qmodel, node) - layout_flash(LAYOUT_NARROW, qmodel, node);
            if (gain > 0 && bytes > 0)
                upgrades[n++] = (struct upgrade){index, layout, gain, bytes};
        }
    }
    qsort(upgrades, (size_t)n, sizeof *upgrades, compare_upgrades);
    return n;
}

/* Takes upgrades while they fit; a later one of the same operator replaces an earlier one when it gains more.
 * Returns whether any was taken. */
static bool take_upgrades(enum layout *layouts, const struct upgrade *upgrades, int n, int64_t bytes,
                          struct upgrade *taken, int n_nodes)
{
    bool any = false;
    for (int i = 0; i < n_nodes; i++)
        taken[i] = (struct upgrade){0};
    for (int i = 0; i < n; i++) {
        struct upgrade *before = &taken[upgrades[i].node];
        if (upgrades[i].gain <= before->gain || upgrades[i].bytes - before->bytes > bytes)
            continue;
        bytes -= upgrades[i].bytes - before->bytes;
        *before = upgrades[i];
        layouts[upgrades[i].node] = upgrades[i].layout;
        any = true;
    }
    return any;
}

static void smallest_layouts(enum layout *layouts, const struct qmodel *qmodel, bool dsp)
{
    for (int n = 0; n < qmodel->n_nodes; n++)
        layouts[n] = layout_smallest(qmodel, &qmodel->nodes[n], dsp);
}

/* What a choice of layouts works with. */
struct choice {
    struct schedule *schedule;
    struct footprint *footprint; /* of the schedule */
    const struct qmodel *qmodel;
    const struct board *board;
    struct plan_options plan;
    enum layout *layouts; /* plan.layouts */
    int64_t flash_limit_bytes;
    struct plan_memory *memory;
    struct arena *arena;
};

/* ---- least memory ---- */

/* Reads weights in place wherever a step that fills the arena would otherwise expand them in scratch. Returns
 * whether there are any. */
static bool widen_peak(enum layout *layouts, const struct schedule *schedule, const struct qmodel *qmodel)
{
    bool any = false;
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        if (step->live_bytes + 8 <= schedule->arena_bytes || step->scratch_bytes == 0)
            continue;
        for (int i = step->first_node; i < step->first_node + step->n_nodes; i++) {
            int n = schedule->order[i];
            if (layouts[n] == LAYOUT_NARROW &&
                layout_possible(LAYOUT_WIDE, qmodel, &qmodel->nodes[n], true)) {
                layouts[n] = LAYOUT_WIDE;
                any = true;
            }
        }
    }
    return any;
}

/* The least arena, with wide weights where that makes it smaller. */
static void shrink_arena(const struct choice *choice)
{
    enum { TRIALS = 3 };
    struct schedule trial = *choice->schedule;
    for (int i = 0; i < TRIALS && widen_peak(choice->layouts, &trial, choice->qmodel); i++) {
        struct footprint larger;
        if (!schedule_plan_again(&trial, choice->qmodel, &choice->plan, choice->schedule->arena_bytes - 1,
                                 choice->memory, choice->arena))
            return;
        footprint_of(&larger, choice->qmodel, &trial, choice->board);
        if (larger.flash_bytes > choice->flash_limit_bytes)
            return;
        *choice->schedule = trial;
        *choice->footprint = larger;
    }
}

/* ---- least time ---- */

/* Faster layouts for the flash that is free. */
static void spend_flash(const struct choice *choice)
{
    /* The code of a kernel that only a layout needs is not in an upgrade's bytes: with what is left then, try
     * again. */
    enum { TRIALS = 3 };
    const struct qmodel *qmodel = choice->qmodel;
    size_t n_nodes = (size_t)qmodel->n_nodes + 1;
    struct upgrade *upgrades = ARENA_ARRAY(choice->arena, struct upgrade, n_nodes * LAYOUT_COUNT);
    struct upgrade *taken = ARENA_ARRAY(choice->arena, struct upgrade, n_nodes);
    int64_t free_bytes = choice->flash_limit_bytes - choice->footprint->flash_bytes;
    int64_t limit = choice->plan.sram_limit_bytes;
    int n = free_bytes > 0 ? list_upgrades(upgrades, choice->schedule, qmodel, choice->board) : 0;
    for (int trial = 0; trial < TRIALS && free_bytes > 0; trial++) {
        struct schedule faster;
        struct footprint larger;
        smallest_layouts(choice->layouts, qmodel, true);
        if (!take_upgrades(choice->layouts, upgrades, n, free_bytes, taken, qmodel->n_nodes))
            return;
        schedule_plan_again(&faster, qmodel, &choice->plan, INT64_MAX, choice->memory, choice->arena);
        footprint_of(&larger, qmodel, &faster, choice->board);
        if (larger.flash_bytes > choice->flash_limit_bytes) {
            free_bytes -= larger.flash_bytes - choice->flash_limit_bytes;
            continue;
        }
        bool fits =
            limit <= 0 || faster.arena_bytes <= limit || faster.arena_bytes <= choice->schedule->arena_bytes;
        if (fits &&
            schedule_instructions(&faster, qmodel) < schedule_instructions(choice->schedule, qmodel)) {
            *choice->schedule = faster;
            *choice->footprint = larger;
        }
        return;
    }
}

/* No plan for less memory, with the same layouts, is faster. */
static void keep_promise(const struct choice *choice)
{
    struct schedule smallest = *choice->schedule;
    struct footprint footprint;
    for (int n = 0; n < choice->qmodel->n_nodes; n++)
        choice->layouts[n] = smallest.implementations[n].layout;
    if (!schedule_keep_promise(&smallest, choice->qmodel, &choice->plan, choice->memory, choice->arena))
        return;
    footprint_of(&footprint, choice->qmodel, &smallest, choice->board);
    if (footprint.flash_bytes > choice->flash_limit_bytes &&
        footprint.flash_bytes > choice->footprint->flash_bytes)
        return;
    *choice->schedule = smallest;
    *choice->footprint = footprint;
}

static void choose_layouts(const struct choice *choice)
{
    const struct plan_options *plan = &choice->plan;
    smallest_layouts(choice->layouts, choice->qmodel, plan->dsp);
    schedule_plan_again(choice->schedule, choice->qmodel, plan, INT64_MAX, choice->memory, choice->arena);
    footprint_of(choice->footprint, choice->qmodel, choice->schedule, choice->board);
    if (plan->optimize == OPTIMIZE_SRAM && plan->dsp)
        shrink_arena(choice);
    if (plan->optimize == OPTIMIZE_LATENCY && plan->dsp)
        spend_flash(choice);
    keep_promise(choice);
}

void schedule_for_board(struct schedule *out, struct footprint *footprint, const struct qmodel *qmodel,
                        const struct board *board, const struct plan_options *options,
                        int64_t flash_limit_bytes, struct arena *arena)
{
    struct arena temporary = ARENA_INIT;
    struct choice choice = {.schedule = out,
                            .footprint = footprint,
                            .qmodel = qmodel,
                            .board = board,
                            .plan = *options,
                            .layouts = ARENA_ARRAY(&temporary, enum layout, (size_t)qmodel->n_nodes + 1),
                            .flash_limit_bytes = flash_limit_bytes,
                            .memory = plan_memory_create(&temporary),
                            .arena = arena};
    choice.plan.dsp = core_has_dsp(board->core);
    choice.plan.layouts = choice.layouts;
    choose_layouts(&choice);
    arena_release(&temporary);
}
