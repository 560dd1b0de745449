/* Our figures for a table: plan, build, estimate; accuracy. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/options.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/cycles/cycles.h"
#include "cli/accuracy.h"
#include "cli/network.h"
#include "cli/plan.h"
#include "cli/recipe.h"
#include "cli/table.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"
#include "datasets/dataset.h"
#include "model/model.h"
#include "quant/qmodel.h"

static const double estimate_timeout_s = 600;

/* DIR/file or DIR/models/file, whichever there is first. */
static const char *find_net(const char *folder, const struct table_net *net, struct arena *arena)
{
    for (int i = 0; i < net->n_files; i++) {
        const char *path = path_join(arena, folder, net->files[i]);
        if (file_exists(path))
            return path;
        path = path_join(arena, folder, arena_printf(arena, "models/%s", net->files[i]));
        if (file_exists(path))
            return path;
    }
    return NULL;
}

/* ---- latency ----------------------------------------------------------------------------------------------
 *
 * Projects lie in the user's cache, one for each network, board and plan; Ninja builds what has changed. An
 * estimate is kept beside the ELF, under the hash of all that it depends on.
 */

static int cache_folder(const char **out, const char *name, struct arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!cache || *cache != '/') { /* the XDG specification: ignore a relative one */
        if (!home || !*home)
            return error("no place for built firmware: neither XDG_CACHE_HOME nor HOME is set");
        cache = path_join(arena, home, ".cache");
    }
    *out = arena_printf(arena, "%s/mcunet/tables/%s", cache, name);
    return 0;
}

static int estimate_key(struct sha256 *out, const char *elf, const struct board *board, struct arena *arena)
{
    struct sha256 hash;
    const struct timing_spec *timing = &board->timing;
    int rc = sha256_of_file(&hash, elf);
    const char *text =
        arena_printf(arena, "%s %s %s %d %d %s %d %d %d %d %d %d %d %a %a", MCUNET_VERSION, hash.hex,
                     board->core, board->clock_mhz, board->flash_wait_states, board->emulator.machine,
                     timing->flash_word_bytes, timing->icache.bytes, timing->icache.ways,
                     timing->icache.line_bytes, timing->dcache.bytes, timing->dcache.ways,
                     timing->dcache.line_bytes, board->energy.nj_per_cycle, board->energy.error_percent);
    for (int i = 0; i < n_timing_keys; i++)
        text = arena_printf(arena, "%s %a", text, timing_value(timing, &timing_keys[i]));
    *out = sha256_of(text, strlen(text));
    return rc;
}

static bool read_estimate(struct figure *figure, const char *path, const char *key)
{
    json_t *cached;
    const char *found = "";
    if (!file_exists(path) || json_read(&cached, path))
        return false;
    bool same = json_unpack(cached, "{s:s, s:F, s:F, s:F}", "key", &found, "ms", &figure->ms, "uj",
                            &figure->uj, "error_percent", &figure->error_percent) == 0 &&
                strcmp(found, key) == 0;
    json_decref(cached);
    return same;
}

static int estimate_elf(struct figure *figure, const char *folder, const struct board *board,
                        struct arena *arena)
{
    const char *elf = path_join(arena, folder, "emulator.elf"),
               *cached = path_join(arena, folder, "estimate.json");
    struct sha256 key;
    struct cycle_estimate estimate;
    int rc = estimate_key(&key, elf, board, arena);
    if (rc || read_estimate(figure, cached, key.hex))
        return rc;
    rc = cycle_estimate(&estimate, elf, board, estimate_timeout_s, arena);
    if (rc)
        return rc;
    figure->ms = estimate.ms;
    figure->uj = estimate.uj;
    figure->error_percent = estimate.error_percent;
    json_t *out = json_pack("{s:s, s:f, s:f, s:f}", "key", key.hex, "ms", figure->ms, "uj", figure->uj,
                            "error_percent", figure->error_percent);
    rc = json_write(cached, out);
    json_decref(out);
    return rc;
}

static int estimate_latency(struct figure *figure, const struct network *network,
                            const struct schedule *schedule, const struct board *board, const char *optimize,
                            const struct table_options *options, struct arena *arena)
{
    const char *folder = NULL;
    int rc = cache_folder(&folder, arena_printf(arena, "%.16s-%s-%s", network->sha256, board->name, optimize),
                          arena);
    if (!rc)
        rc = folder_create(folder);
    if (!rc)
        rc = emit_project(folder, network->qmodel, schedule, board,
                          &(struct emit_options){.model_sha256 = network->sha256, .command = "mcunet table"});
    if (!rc)
        rc = firmware_build(folder, true, options->threads, true);
    return rc ? rc : estimate_elf(figure, folder, board, arena);
}

/* ---- accuracy ---------------------------------------------------------------------------------------------
 */

static int add_accuracy(struct figure *figure, const struct network *network, const struct table_net *net,
                        const struct table_options *options, struct arena *arena)
{
    const char *path = path_join(arena, options->folder, net->data);
    struct dataset *images;
    struct accuracy accuracy;
    if (!options->images || !*net->data || !network->resolution ||
        (!file_exists(path) && !folder_exists(path)))
        return 0;
    int rc = dataset_open(
        &images, path,
        &(struct dataset_options){
            .split = SPLIT_VAL_OR_ALL, .limit = options->images, .search = -1, .classes = network->classes});
    if (rc)
        return rc;
    rc = accuracy_measure(&accuracy, network, images, options->threads, options->quiet);
    dataset_close(images);
    if (rc)
        return rc;
    *(network->qmodel ? &figure->top1_int8 : &figure->top1_float) = accuracy_top1(&accuracy);
    figure->images = accuracy.images;
    return 0;
}

/* ---- lines ------------------------------------------------------------------------------------------------
 */

/* One board and plan. Returns an error only for what would fail the same way in every line. */
static int add_line(struct figure *figure, const struct network *network, const struct qmodel *qmodel,
                    const char *board_name, const char *optimize, struct table_options *options,
                    struct arena *arena)
{
    struct recipe recipe;
    struct board *board;
    struct schedule schedule;
    struct footprint footprint;
    int rc = board_load(&board, board_name, arena);
    if (!rc)
        rc = recipe_default(&recipe, options->sets, arena);
    if (rc)
        return rc;
    figure->board = board->name;
    recipe.codegen.optimize = optimize;
    rc = plan_for_board(&schedule, &footprint, qmodel, board, &recipe, figure->net, arena);
    if (rc == EXIT_FIT) {
        figure->note = "does not fit";
        return 0;
    }
    if (rc)
        return rc;
    figure->sram_bytes = footprint.sram_bytes;
    figure->flash_bytes = footprint.flash_bytes;
    figure->sram_kb = (double)footprint.sram_bytes / 1024;
    figure->flash_kb = (double)footprint.flash_bytes / 1024;
    if (!network->qmodel)
        figure->note = "float network: sizes as int8, not built";
    else if (options->estimate)
        rc = estimate_latency(figure, network, &schedule, board, optimize, options, arena);
    if (rc == EXIT_TOOL) { /* said why; the other lines can do without, too */
        options->estimate = false;
        rc = 0;
    }
    return rc;
}

static int load_net(struct network *network, struct qmodel **qmodel, const char *path, const char *preprocess,
                    struct arena *arena)
{
    int rc = network_load(network, path, preprocess, true, arena);
    if (rc)
        return rc;
    *qmodel = network->qmodel;
    return network->qmodel ? 0 : qmodel_lower(qmodel, network->model, arena, NULL, NULL);
}

int table_ours(struct figure **out, int *n, const struct table *table, const struct table_net *net,
               struct table_options *options, struct arena *arena)
{
    const char *const *boards = options->boards->n ? options->boards->values : table->boards;
    int n_boards = options->boards->n ? options->boards->n : table->n_boards;
    struct figure *lines = ARENA_ARRAY(arena, struct figure, (size_t)(n_boards * table->n_optimize));
    const char *path = find_net(options->folder, net, arena);
    *out = lines;
    *n = 0;
    if (!path) {
        lines[(*n)++] = (struct figure){.net = net->name,
                                        .board = "",
                                        .engine = "mcunet",
                                        .kind = FIGURE_ABSENT,
                                        .note = arena_printf(arena, "no %s", net->files[0])};
        return 0;
    }
    struct network network;
    struct qmodel *qmodel;
    struct figure accuracy = {.images = 0};
    int rc = load_net(&network, &qmodel, path, net->preprocess, arena);
    if (!rc)
        rc = add_accuracy(&accuracy, &network, net, options, arena);
    for (int b = 0; b < n_boards && !rc; b++)
        for (int o = 0; o < table->n_optimize && !rc; o++) {
            struct figure *line = &lines[(*n)++];
            *line = accuracy;
            line->net = net->name;
            line->board = boards[b];
            line->engine = arena_printf(arena, "mcunet (%s)", table->optimize[o]);
            line->kind = FIGURE_ESTIMATE;
            line->note = "";
            if (!options->quiet)
                fprintf(stderr, "table: %s on %s, %s\n", net->name, boards[b], table->optimize[o]);
            rc = add_line(line, &network, qmodel, boards[b], table->optimize[o], options, arena);
        }
    return rc;
}
