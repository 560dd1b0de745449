/*
 * candidate.c - what a subnet would cost on a board, asked from the planner that codegen uses.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/cost_table.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "model/cost.h"
#include "model/model.h"
#include "nas/space.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

static int64_t tighter(int64_t limit, int64_t of_board)
{
    return limit > 0 && limit < of_board ? limit : of_board;
}

/* Where the stack has a region of its own, the arena's region bounds the sum less what lies outside it. */
static int64_t board_sram(const struct board *board)
{
    if (board_region(board, "arena") == board_region(board, "stack"))
        return board->sram_bytes;
    return board->sram_bytes + FIRMWARE_STACK_BYTES + FIRMWARE_RUNTIME_BYTES;
}

/* Cycles within which latency and energy stay. */
static int64_t cycles_limit(const struct limits *limits, const struct board *board)
{
    int64_t cycles = INT64_MAX;
    if (limits->latency_us > 0)
        cycles = limits->latency_us * board->clock_mhz;
    if (limits->energy_nj > 0 && board->energy.nj_per_cycle > 0)
        cycles = tighter((int64_t)((double)limits->energy_nj / board->energy.nj_per_cycle), cycles);
    return cycles;
}

struct limits limits_effective(const struct limits *limits, const struct board *board)
{
    return (struct limits){
        .sram_bytes = tighter(limits->sram_bytes, board_sram(board)),
        .flash_bytes = tighter(limits->flash_bytes, board->flash_bytes - FIRMWARE_FLASH_MARGIN_BYTES),
        .macs = tighter(limits->macs, INT64_MAX),
        .latency_us = limits->latency_us,
        .energy_nj = limits->energy_nj,
        .costs = limits->costs,
        .cycles = cycles_limit(limits, board),
        .prediction_ns = limits->prediction_ns,
        .plan = limits->plan,
    };
}

static double excess(int64_t value, int64_t limit)
{
    return value > limit ? (double)(value - limit) / (double)limit : 0;
}

double candidate_misfit(const struct candidate_cost *cost, const struct limits *effective)
{
    return excess(cost->sram_bytes, effective->sram_bytes) +
           excess(cost->flash_bytes, effective->flash_bytes) + excess(cost->macs, effective->macs) +
           excess(cost->cycles, effective->cycles);
}

static int64_t predict(const struct limits *limits, const struct schedule *schedule,
                       const struct qmodel *qmodel)
{
    const int64_t begin = clock_now_ns(), cycles = cost_table_cycles(limits->costs, schedule, qmodel);
    if (limits->prediction_ns) {
        const int64_t took = clock_now_ns() - begin;
#pragma omp atomic
        *limits->prediction_ns += took;
    }
    return cycles;
}

int candidate_evaluate(struct candidate_cost *out, const struct supernet *supernet,
                       const struct subnet *subnet, const struct board *board, const struct limits *limits)
{
    struct arena arena = ARENA_INIT;
    struct limits effective = limits_effective(limits, board);
    struct model *model;
    struct qmodel *qmodel;
    int rc = supernet_skeleton(&model, supernet, subnet, &arena);
    if (!rc)
        rc = qmodel_lower(&qmodel, model, &arena, NULL, NULL);
    if (!rc) {
        struct schedule schedule;
        struct footprint footprint;
        schedule_for_board(&schedule, &footprint, qmodel, board, &effective.plan, effective.flash_bytes,
                           &arena);
        struct cost cost = model_cost(model);
        *out = (struct candidate_cost){
            .macs = cost.macs,
            .params = cost.params,
            .sram_bytes = footprint.sram_bytes,
            .flash_bytes = footprint.flash_bytes,
            .arena_bytes = footprint.arena_bytes,
        };
        if (limits->costs) {
            out->cycles = predict(limits, &schedule, qmodel);
            out->latency_ms = (double)out->cycles / (board->clock_mhz * 1e3);
            out->energy_uj = (double)out->cycles * board->energy.nj_per_cycle * 1e-3;
        }
        out->fits = candidate_misfit(out, &effective) == 0;
    }
    arena_release(&arena);
    return rc;
}

static void add_excess(struct strbuf *out, int64_t value, int64_t limit, const char *what, const char *unit)
{
    if (value > limit)
        strbuf_addf(out, "%s %lld %s of %s, %lld more than the limit of %lld", out->length ? " and" : "",
                    (long long)value, unit, what, (long long)(value - limit), (long long)limit);
}

int candidate_error(const struct subnet *nearest, const struct candidate_cost *cost,
                    const struct limits *limits, const struct board *board, const struct subnet *fitting)
{
    struct arena arena = ARENA_INIT;
    struct strbuf text = STRBUF_INIT;
    struct limits effective = limits_effective(limits, board);
    add_excess(&text, cost->sram_bytes, effective.sram_bytes, "SRAM", "bytes");
    add_excess(&text, cost->flash_bytes, effective.flash_bytes, "flash", "bytes");
    add_excess(&text, cost->macs, effective.macs, "work", "MACs");
    if (limits->latency_us)
        add_excess(&text, cost->cycles / board->clock_mhz, limits->latency_us, "latency (predicted)",
                   "microseconds");
    if (limits->energy_nj)
        add_excess(&text, (int64_t)(cost->energy_uj * 1e3), limits->energy_nj, "energy (predicted)",
                   "nanojoules");
    if (fitting)
        strbuf_addf(&text, "; in another space '%s' fits", subnet_text(fitting, &arena));
    int rc = error_fit("no subnet fits '%s': the nearest, '%s', needs%s", board->name,
                       subnet_text(nearest, &arena), strbuf_text(&text));
    strbuf_release(&text);
    arena_release(&arena);
    return rc;
}
