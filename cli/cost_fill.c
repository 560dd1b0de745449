/*
 * cost_fill.c - measures networks for the cost table.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/cycles/cycles.h"
#include "cli/cost.h"
#include "cli/cost_network.h"
#include "codegen/cost_table.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/names.h"
#include "codegen/schedule.h"
#include "model/model.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

enum { MOST_SHRINKS = 16, TIMEOUT_S = 120, MOST_MACS = 12000000 };

/* ---- one network ---- */

/* Does a layer's name belong to a node? Nodes of several calls have a suffix for each. */
static bool is_layer_of(const char *layer, const char *identifier)
{
    size_t length = strlen(identifier);
    return strncmp(layer, identifier, length) == 0 && (layer[length] == '\0' || layer[length] == '_');
}

static void add_rows(struct cost_table *table, const struct cycle_estimate *estimate,
                     const struct schedule *schedule, const struct qmodel *qmodel, struct arena *arena)
{
    struct cost_point *points = cost_points(schedule, qmodel, arena);
    for (int i = 0; i <= schedule->n_order; i++) {
        const char *identifier =
            i < schedule->n_order ? node_identifier(qmodel, schedule->order[i], arena) : "rest";
        for (int r = 0; r < estimate->n_layers; r++) {
            const struct cycle_row *row = &estimate->layers[r];
            if (!is_layer_of(row->name, identifier))
                continue;
            points[i].times = 1;
            points[i].cycles += row->cycles;
            points[i].instructions += row->instructions;
        }
        if (points[i].times && points[i].calls.n)
            cost_table_add(table, &points[i]);
    }
}

int cost_measure(int64_t *cycles, struct cost_table *table, const struct qmodel *qmodel,
                 const struct schedule *schedule, const struct board *board, const char *folder, int jobs,
                 struct arena *arena)
{
    struct cycle_estimate estimate;
    int rc = emit_project(folder, qmodel, schedule, board,
                          &(struct emit_options){.model_sha256 = "", .command = "mcunet costs"});
    if (!rc)
        rc = firmware_build(folder, true, jobs, true);
    if (!rc)
        rc = cycle_estimate(&estimate, path_join(arena, folder, "emulator.elf"), board, TIMEOUT_S, arena);
    if (rc)
        return rc;
    *cycles = estimate.whole.cycles;
    if (table)
        add_rows(table, &estimate, schedule, qmodel, arena);
    return 0;
}

/* ---- which networks ---- */

struct sample {
    struct qmodel *qmodel;
    struct schedule schedule;
    struct footprint footprint;
    bool fits;
};

static int64_t macs_of(const struct qmodel *qmodel)
{
    int64_t macs = 0;
    for (int n = 0; n < qmodel->n_nodes; n++)
        macs += qnode_macs(qmodel, &qmodel->nodes[n]);
    return macs;
}

static void plan_sample(struct sample *sample, const struct board *board, struct rng *rng,
                        struct arena *arena)
{
    struct plan_options options = {.optimize = (enum optimize)rng_below(rng, 3),
                                   .fusion = true,
                                   .sram_limit_bytes =
                                       board->sram_bytes - FIRMWARE_STACK_BYTES - FIRMWARE_RUNTIME_BYTES};
    int64_t flash = board->flash_bytes - FIRMWARE_FLASH_MARGIN_BYTES;
    schedule_for_board(&sample->schedule, &sample->footprint, sample->qmodel, board, &options, flash, arena);
    sample->fits = sample->footprint.flash_bytes <= flash &&
                   sample->footprint.arena_bytes <= options.sram_limit_bytes &&
                   macs_of(sample->qmodel) <= MOST_MACS;
}

static int subnet_sample(struct sample *sample, const struct supernet *supernet, const struct board *board,
                         struct rng *rng, struct arena *arena)
{
    struct subnet subnet;
    struct model *model;
    subnet_random(&subnet, supernet, -1, -1, rng);
    int rc = supernet_skeleton(&model, supernet, &subnet, arena);
    if (!rc)
        rc = qmodel_lower(&sample->qmodel, model, arena, NULL, NULL);
    if (!rc)
        plan_sample(sample, board, rng, arena);
    return rc;
}

/* Sample i of a table: subnets of the supernets and drawn networks by turns. What does not fit the board is
 * drawn again, smaller. */
static int take_sample(struct sample *sample, const char **name, const struct cost_fill *fill, int i,
                       struct arena *arena)
{
    int turn = i % (fill->n_supernets + 1), number = i / (fill->n_supernets + 1), rc = 0;
    const struct supernet *supernet = turn ? fill->supernets[turn - 1] : NULL;
    *name = arena_printf(arena, "%s %d", supernet ? plain_name(supernet->name, arena) : "drawn", number);
    sample->fits = false;
    for (int shrink = 0; shrink <= MOST_SHRINKS && !sample->fits && !rc; shrink++) {
        struct rng rng = rng_stream(supernet ? 0x7375626e + (uint64_t)turn : 0x706c616e,
                                    (uint64_t)number << 8 | (uint64_t)shrink);
        if (supernet) {
            rc = subnet_sample(sample, supernet, fill->board, &rng, arena);
        } else {
            sample->qmodel = cost_network_drawn(number, shrink, arena);
            plan_sample(sample, fill->board, &rng, arena);
        }
    }
    return rc;
}

static int write_table(struct cost_table *table, const char *path)
{
    struct arena arena = ARENA_INIT;
    struct strbuf text = STRBUF_INIT;
    cost_table_text(table, &text);
    int rc = folder_create(path_folder(&arena, path));
    if (!rc)
        rc = file_write(path, strbuf_text(&text), text.length);
    strbuf_release(&text);
    arena_release(&arena);
    return rc;
}

static int fill_one(struct cost_table *table, const struct cost_fill *fill, int i, const char *folder,
                    const char *path, bool *measured)
{
    struct arena arena = ARENA_INIT;
    struct sample sample;
    const char *name;
    int64_t cycles;
    *measured = false;
    int rc = take_sample(&sample, &name, fill, i, &arena);
    if (!rc && sample.fits && !cost_table_has_network(table, name)) {
        rc = cost_network_constants(sample.qmodel, (uint64_t)i);
        if (!rc)
            rc = cost_measure(&cycles, table, sample.qmodel, &sample.schedule, fill->board, folder,
                              fill->jobs, &arena);
        if (!rc) {
            cost_table_add_network(table, name);
            rc = write_table(table, path);
        }
        *measured = true;
    }
    arena_release(&arena);
    return rc;
}

int cost_fill(struct cost_table *table, const struct cost_fill *fill, const char *path, struct arena *arena)
{
    const char *folder;
    int rc = cost_folder_create(&folder, arena);
    if (rc)
        return rc;
    struct progress progress;
    progress_start(&progress, fill->quiet, arena_printf(arena, "cost table of %s", fill->board->name),
                   fill->networks, "networks");
    for (int i = 0; i < fill->networks && !rc; i++) {
        bool measured;
        rc = fill_one(table, fill, i, folder, path, &measured);
        progress_step(&progress, 1);
    }
    progress_end(&progress);
    cost_folder_remove(folder);
    return rc;
}
