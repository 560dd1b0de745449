/* mcunet search: the most accurate subnet of the chosen space that fits, and its float network. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/cost.h"
#include "cli/fingerprint.h"
#include "cli/fitness.h"
#include "cli/network.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "base/hash.h"
#include "model/model.h"
#include "model/onnx.h"
#include "nas/search_report.h"
#include "nas/space_report.h"

static const char usage[] = "mcunet search SUPERNET.onnx --board NAME --data SET -o DIR [options]\n"
                            "       mcunet search RECIPE.yml -o DIR";

struct search_command {
    const char *space;
    bool random, all_spaces, no_network;
};

/* What the fitness depends on besides the supernet: the journal of another set of images is not ours. */
static int fitness_name(struct stage *stage, const char **out)
{
    const struct recipe *recipe = &stage->recipe;
    struct sha256 sha;
    int rc = fingerprint(&sha, recipe_user_path(recipe->top.dataset, &stage->arena));
    *out = arena_printf(&stage->arena, "%s %d %d %d %s", sha.hex, recipe->search.images, recipe->search.bn_images,
                        recipe->quantize.images, recipe->top.preprocess);
    return rc;
}

static int take_options(struct stage *stage, const struct search_command *command, const struct supernet *supernet,
                        struct search_options *options)
{
    const struct recipe *recipe = &stage->recipe;
    *options = (struct search_options){
        .population = recipe->search.population,
        .parents = recipe->search.parents,
        .crossover = recipe->search.crossover,
        .mutation = recipe->search.mutation,
        .iterations = recipe->search.iterations,
        .mutation_probability = recipe->search.mutation_probability,
        .width = -1,
        .resolution = -1,
        .seed = recipe->top.seed,
        .threads = stage->threads,
        .quiet = stage->quiet,
        .random = command->random,
        .journal = stage_path(stage, ".search_journal"),
    };
    int rc = fitness_name(stage, &options->fitness_name);
    if (rc || command->all_spaces)
        return rc;
    const char *path = command->space ? command->space : stage_path(stage, "space.json");
    return space_winner_read(&options->width, &options->resolution, path, supernet);
}

static int write_reports(struct stage *stage, const struct search_report *report, const struct supernet *supernet,
                         const struct board *board, const json_t *json)
{
    struct strbuf text = STRBUF_INIT;
    int rc = json_write(stage_path(stage, "search.json"), json);
    search_report_csv(&text, report);
    if (!rc)
        rc = file_write_if_changed(stage_path(stage, "history.csv"), strbuf_text(&text), text.length, NULL);
    strbuf_clear(&text);
    search_report_svg(&text, report, search_report_axis(report), supernet, board);
    if (!rc)
        rc = file_write_if_changed(stage_path(stage, "pareto.svg"), strbuf_text(&text), text.length, NULL);
    strbuf_clear(&text);
    strbuf_addf(&text, "%s\n", subnet_text(&report->history[report->best].subnet, &stage->arena));
    if (!rc)
        rc = file_write_if_changed(stage_path(stage, "subnet.txt"), strbuf_text(&text), text.length, NULL);
    strbuf_release(&text);
    return rc;
}

static void print_best(const struct search_report *report, const struct board *board, struct arena *arena)
{
    const struct evaluated *best = &report->history[report->best];
    fprintf(stderr, "search: %s: %.2f %% on the search images, best of %d subnets\n", subnet_text(&best->subnet, arena),
            best->accuracy, report->n_history);
    if (best->full_cycles)
        fprintf(stderr, "search: %.3f ms on %s by a full estimate, %.3f ms predicted (%d better ones were above the limit)\n",
                (double)best->full_cycles / (board->clock_mhz * 1e3), board->name, best->cost.latency_ms, report->n_rejected);
}

static int search(struct stage *stage, const struct search_command *command)
{
    struct supernet *supernet;
    struct board *board;
    struct limits limits;
    struct search_options options;
    struct search_report report;
    struct fitness fitness;
    struct network network;
    struct cost_time spent;
    cost_time_start(&spent, stage->threads);
    if (stage->operand)
        stage->recipe.top.supernet = stage->operand;
    int rc = stage_supernet(stage, &supernet);
    if (!rc)
        rc = stage_board(stage, &board);
    if (!rc)
        rc = limits_for_board(&limits, &stage->recipe, board);
    if (!rc)
        rc = cost_limits(&limits, &spent, &stage->recipe, board, stage_path(stage, "cost_table.csv"), stage->quiet, &stage->arena);
    if (!rc)
        rc = take_options(stage, command, supernet, &options);
    if (!rc)
        rc = fitness_open(&fitness, stage, supernet);
    if (rc)
        return rc;
    struct cost_recheck recheck = {supernet, board, &limits, stage->threads, &spent};
    options.recheck = cost_recheck;
    options.recheck_context = &recheck;
    rc = search_subnets(&report, supernet, board, &limits, &options, fitness_evaluate, &fitness, &stage->arena);
    if (!rc && !command->no_network)
        rc = network_from_subnet(&network, supernet, &report.history[report.best].subnet, fitness.bn_set, dataset_count(fitness.bn_set),
                                 stage->threads, &stage->arena);
    fitness_close(&fitness);
    if (!rc && !command->no_network)
        rc = onnx_write(network.model, stage_path(stage, "subnet.onnx"));
    if (rc)
        return rc;
    json_t *json = search_report_json(&report, supernet, board, &limits, &options);
    rc = write_reports(stage, &report, supernet, board, json);
    if (!rc && stage->json)
        rc = json_print(json);
    else if (!rc && !stage->quiet)
        print_best(&report, board, &stage->arena);
    if (!rc && limits.costs && !stage->quiet)
        cost_time_print(&spent);
    json_decref(json);
    return rc;
}

int cmd_search(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct search_command c = {0};
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_STRING(0, "space", "FILE", &c.space, "space.json of `mcunet space` (default: DIR/space.json)"),
        OPTION_FLAG(0, "all-spaces", &c.all_spaces, "search every width and resolution at once"),
        OPTION_FLAG(0, "random", &c.random, "baseline: as many random subnets that fit, no evolution"),
        OPTION_FLAG(0, "no-network", &c.no_network, "do not write subnet.onnx"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = search(&stage, &c);
    stage_end(&stage);
    return rc;
}
