/* mcunet costs: the table from which a search predicts latency. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/cost.h"
#include "cli/cost_network.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "codegen/cost_table.h"
#include "codegen/footprint.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "model/model.h"
#include "nas/space.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

static const char usage[] =
    "mcunet costs BOARD [options]\n\n"
    "Shows the table of cycles from which `search` predicts latency on a board. --fill measures what it\n"
    "lacks: networks are built and run under the cycle estimator. --check compares predictions with full\n"
    "estimates of random subnets that the table has not seen, as CSV.";

struct costs_command {
    bool fill, json, quiet;
    int networks, check, jobs, seed;
    const char *output, *supernet;
    struct option_list sets;
};

/* ---- --check ---- */

static int check_one(const struct cost_table *table, const struct supernet *supernet,
                     const struct board *board, const struct recipe *recipe, int i, const char *folder,
                     double *error_percent, int jobs)
{
    struct arena arena = ARENA_INIT;
    struct limits limits;
    struct subnet subnet;
    struct model *model;
    struct qmodel *qmodel;
    struct schedule schedule;
    struct footprint footprint;
    int64_t flash = board->flash_bytes - FIRMWARE_FLASH_MARGIN_BYTES, estimated = 0;
    struct rng rng = rng_stream(0x636865636b + (uint64_t)recipe->top.seed, (uint64_t)i);
    int rc = limits_for_board(&limits, recipe, board);
    *error_percent = NAN;
    subnet_random(&subnet, supernet, -1, -1, &rng);
    if (!rc)
        rc = supernet_skeleton(&model, supernet, &subnet, &arena);
    if (!rc)
        rc = qmodel_lower(&qmodel, model, &arena, NULL, NULL);
    if (!rc) {
        schedule_for_board(&schedule, &footprint, qmodel, board, &limits.plan, flash, &arena);
        if (footprint.flash_bytes > flash || footprint.arena_bytes > limits.plan.sram_limit_bytes) {
            arena_release(&arena);
            return 0;
        }
        rc = cost_network_constants(qmodel, (uint64_t)i + 1000);
    }
    if (!rc)
        rc = cost_measure(&estimated, NULL, qmodel, &schedule, board, folder, jobs, &arena);
    if (!rc) {
        int64_t predicted = cost_table_cycles(table, &schedule, qmodel);
        const struct cost_point *points = cost_points(&schedule, qmodel, &arena);
        int known = 0;
        for (int k = 0; k <= schedule.n_order; k++) {
            bool exact;
            cost_table_point_cycles(table, &points[k], &exact);
            known += exact;
        }
        *error_percent = 100.0 * (double)(predicted - estimated) / (double)estimated;
        printf("%s,%s,%d,%d,%d,%" PRId64 ",%" PRId64 ",%.2f,%s\n", board->name, supernet->name, i,
               schedule.n_order + 1, known, predicted, estimated, *error_percent,
               subnet_text(&subnet, &arena));
        fflush(stdout);
    }
    arena_release(&arena);
    return rc;
}

static int check(const struct cost_table *table, const struct costs_command *command,
                 const struct board *board, struct arena *arena)
{
    const struct supernet *supernets[COST_MOST_SUPERNETS];
    struct recipe recipe;
    const char *folder;
    int n, done = 0;
    double sum = 0, worst = 0;
    int rc = recipe_default(&recipe, &command->sets, arena);
    if (!rc)
        rc = cost_supernets(supernets, &n, command->supernet, arena);
    if (!rc)
        rc = cost_folder_create(&folder, arena);
    if (rc)
        return rc;
    printf(
        "board,supernet,subnet,operators,in_table,predicted_cycles,estimated_cycles,error_percent,choices\n");
    for (int i = 0; done < command->check && i < 20 * command->check && !rc; i++) {
        double error_percent;
        rc = check_one(table, supernets[i % n], board, &recipe, i, folder, &error_percent, command->jobs);
        if (rc || isnan(error_percent))
            continue;
        done++;
        sum += fabs(error_percent);
        worst = fmax(worst, fabs(error_percent));
    }
    cost_folder_remove(folder);
    if (!rc && !command->quiet && done)
        fprintf(stderr,
                "costs: %s: predictions of %d subnets are off by %.2f %% on average, %.2f %% at most\n",
                board->name, done, sum / done, worst);
    return rc;
}

/* ---- the table ---- */

static int show(const struct cost_table *table, const struct board *board, const char *path, bool json)
{
    int rc = 0;
    int64_t measured = 0;
    for (int i = 0; i < table->n_points; i++)
        measured += table->points[i].times;
    if (json) {
        json_t *out = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:s}", "schema_version", 1,
                                "tool_version", MCUNET_VERSION, "kind", "costs", "board", board->name, "path",
                                path, "networks", table->n_networks, "points", table->n_points, "measured",
                                (json_int_t)measured, "identity", table->identity);
        json_object_set_new(out, "sha256", json_string(table->sha256));
        rc = json_print(out);
        json_decref(out);
    } else {
        printf("cost table of %s: %d points, %lld operators of %d networks\n%s%s\n", board->name,
               table->n_points, (long long)measured, table->n_networks, table->identity, path);
    }
    return rc;
}

static int costs(const char *name, const struct costs_command *command, struct arena *arena)
{
    struct board *board;
    const char *identity, *path;
    struct cost_table table;
    int rc = board_load(&board, name, arena);
    if (!rc)
        rc = cost_identity(&identity, board, arena);
    if (!rc)
        rc = cost_cache_path(&path, identity, arena);
    if (command->output)
        path = command->output;
    if (!rc && command->fill) {
        const struct supernet *supernets[COST_MOST_SUPERNETS];
        struct cost_fill fill = {.board = board,
                                 .supernets = supernets,
                                 .networks = command->networks,
                                 .jobs = command->jobs,
                                 .quiet = command->quiet};
        bool found;
        rc = cost_read_own(&table, &found, path, identity, arena);
        if (!rc && !found)
            cost_table_init(&table, identity, board->timing.dcache.bytes, arena);
        if (!rc)
            rc = cost_supernets(supernets, &fill.n_supernets, command->supernet, arena);
        if (!rc)
            rc = cost_fill(&table, &fill, path, arena);
        if (!rc)
            cost_table_fit(&table);
    } else if (!rc && command->output) {
        rc = cost_table_read(&table, path, arena);
        if (!rc)
            cost_table_fit(&table);
    } else if (!rc) {
        rc = cost_table_of_board(&table, board, command->quiet, arena);
        if (!rc && !file_exists(path))
            path = arena_printf(arena, "boards/cost/%s.csv", board->name);
    }
    if (!rc && command->check)
        return check(&table, command, board, arena);
    return rc ? rc : show(&table, board, path, command->json);
}

int cmd_costs(int argc, char **argv)
{
    struct costs_command c = {.networks = COST_NETWORKS};
    const struct option_spec options[] = {
        OPTION_FLAG(0, "fill", &c.fill,
                    "measure networks until the table has enough; goes on where it was stopped"),
        OPTION_INT(0, "networks", "N", &c.networks, "how many the table shall have (default 120)"),
        OPTION_STRING(0, "supernet", "NAME", &c.supernet,
                      "subnets of this supernet (default: of all that ship)"),
        OPTION_STRING('o', "output", "FILE", &c.output, "the table's file (default: in the user's cache)"),
        OPTION_INT(0, "check", "N", &c.check, "predict and estimate N random subnets, print CSV"),
        OPTION_LIST(0, "set", "KEY=VALUE", &c.sets,
                    "--check: recipe key, e.g. codegen.optimize=latency; may repeat"),
        OPTION_INT('j', "jobs", "N", &c.jobs, "compilers at a time (default: all cores)"),
        OPTION_FLAG(0, "json", &c.json, "print JSON on stdout"),
        OPTION_FLAG('q', "quiet", &c.quiet, "no progress, no messages but errors"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc != 1)
        return error_usage("costs: name one board (`mcunet boards` lists them)");
    if (c.networks < 1 || c.networks > 10000 || c.check < 0 || c.check > 10000)
        return error_usage("costs: --networks is 1 to 10000, --check 0 to 10000");
    struct arena arena = ARENA_INIT;
    rc = costs(argv[0], &c, &arena);
    arena_release(&arena);
    return rc;
}
