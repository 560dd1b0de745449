/*
 * cost_search.c - what a search takes of the cost table, and its full estimates.
 */
#include <omp.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "cli/cost.h"
#include "cli/cost_network.h"
#include "cli/preflight.h"
#include "cli/recipe.h"
#include "codegen/cost_table.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "model/model.h"
#include "nas/space.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

bool cost_needed(const struct recipe *recipe)
{
    return *recipe->limits.latency || *recipe->limits.energy;
}

void cost_time_start(struct cost_time *time, int threads)
{
    *time = (struct cost_time){.threads = threads > 0 ? threads : omp_get_max_threads(),
                               .begin_s = clock_now_s()};
}

void cost_time_print(const struct cost_time *time)
{
    double predictions_s = (double)time->predictions_ns * 1e-9 / time->threads,
           all_s = clock_now_s() - time->begin_s;
    double sum_s = time->table_s + predictions_s + time->recheck_s;
    fprintf(stderr,
            "search: %.2f of %.2f s spent on latency (%.1f %%): cost table %.2f, predictions %.2f, full "
            "estimates %.2f\n",
            sum_s, all_s, 100 * sum_s / all_s, time->table_s, predictions_s, time->recheck_s);
}

int cost_limits(struct limits *limits, struct cost_time *time, const struct recipe *recipe,
                const struct board *board, const char *copy, bool quiet, struct arena *arena)
{
    if (!cost_needed(recipe))
        return 0;
    if (*recipe->limits.energy && !(board->energy.nj_per_cycle > 0))
        return error_input(
            "%s: 'limits.energy' is '%s', but the file of board '%s' gives no energy per cycle", recipe->path,
            recipe->limits.energy, board->name);
    struct cost_table *table = ARENA_NEW(arena, struct cost_table);
    struct strbuf text = STRBUF_INIT;
    const double begin = clock_now_s();
    int rc = cost_table_of_board(table, board, quiet, arena);
    if (!rc) {
        limits->costs = table;
        cost_table_text(table, &text);
        rc = file_write_if_changed(copy, strbuf_text(&text), text.length, NULL);
    }
    strbuf_release(&text);
    if (time) {
        time->table_s += clock_now_s() - begin;
        limits->prediction_ns = &time->predictions_ns;
    }
    return rc;
}

int cost_supernets(const struct supernet **out, int *n, const char *only, struct arena *arena)
{
    const char *const *names = &only;
    int rc = 0;
    *n = 1;
    if (!only)
        rc = resource_list(&names, n, "nas/supernets", ".onnx", arena);
    if (*n > COST_MOST_SUPERNETS)
        *n = COST_MOST_SUPERNETS;
    for (int i = 0; i < *n && !rc; i++) {
        const char *path;
        struct supernet *supernet;
        rc = supernet_path(&path, names[i], arena);
        if (!rc)
            rc = supernet_read(&supernet, path, arena);
        if (!rc)
            out[i] = supernet;
    }
    return rc;
}

static int estimate(int64_t *cycles, const struct cost_recheck *recheck, const struct subnet *subnet,
                    struct arena *arena)
{
    const struct limits effective = limits_effective(recheck->limits, recheck->board);
    const struct cost_table *table = recheck->limits->costs;
    struct model *model;
    struct qmodel *qmodel;
    struct schedule schedule;
    struct footprint footprint;
    struct cost_project project;
    int rc = supernet_skeleton(&model, recheck->supernet, subnet, arena);
    if (!rc)
        rc = qmodel_lower(&qmodel, model, arena, NULL, NULL);
    if (!rc) {
        schedule_for_board(&schedule, &footprint, qmodel, recheck->board, &effective.plan,
                           effective.flash_bytes, arena);
        rc = cost_network_constants(qmodel, 0);
    }
    if (!rc)
        rc = cost_project_open(&project, table->wanted ? table->wanted : table->identity, arena);
    if (!rc) {
        rc = cost_measure(cycles, NULL, qmodel, &schedule, recheck->board, project.folder, recheck->jobs,
                          arena);
        cost_project_close(&project);
    }
    return rc;
}

int cost_recheck(void *context, const struct subnet *subnet, int64_t *cycles)
{
    const struct cost_recheck *recheck = context;
    const double begin = clock_now_s();
    struct arena arena = ARENA_INIT;
    int rc = estimate(cycles, recheck, subnet, &arena);
    arena_release(&arena);
    if (recheck->time)
        recheck->time->recheck_s += clock_now_s() - begin;
    return rc;
}
