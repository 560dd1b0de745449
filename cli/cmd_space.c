/* mcunet space: which width x resolution of a supernet to search in, on a board. */
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/cost.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "nas/space_report.h"
#include "nas/supernet.h"

static const char usage[] = "mcunet space SUPERNET.onnx --board NAME -o DIR [options]\n"
                            "       mcunet space RECIPE.yml -o DIR";

static int write_artifacts(struct stage *stage, const struct space_report *report, const struct supernet *supernet,
                           const struct board *board, const json_t *json)
{
    struct strbuf text = STRBUF_INIT;
    int rc = json_write(stage_path(stage, "space.json"), json);
    space_report_csv(&text, report, supernet);
    if (!rc)
        rc = file_write_if_changed(stage_path(stage, "space.csv"), strbuf_text(&text), text.length, NULL);
    strbuf_clear(&text);
    space_report_svg(&text, report, supernet, board);
    if (!rc)
        rc = file_write_if_changed(stage_path(stage, "space.svg"), strbuf_text(&text), text.length, NULL);
    strbuf_release(&text);
    return rc;
}

static void print_winner(const struct space_report *report, const struct supernet *supernet)
{
    const struct space *best = &report->spaces[report->best];
    fprintf(stderr, "space: width %g, resolution %d: %d of %d subnets fit, %.2f M MACs on average\n",
            supernet->widths[best->width], best->resolution, best->fitting, best->samples, best->mean_macs / 1e6);
}

static int space(struct stage *stage, int samples)
{
    const struct recipe *recipe = &stage->recipe;
    struct space_options options = {
        .samples = samples ? samples : recipe->space.samples, .seed = recipe->top.seed, .threads = stage->threads, .quiet = stage->quiet};
    if (stage->operand)
        stage->recipe.top.supernet = stage->operand;
    struct supernet *supernet;
    struct board *board;
    struct limits limits;
    struct space_report report;
    int rc = stage_supernet(stage, &supernet);
    if (!rc)
        rc = stage_board(stage, &board);
    if (!rc)
        rc = limits_for_board(&limits, recipe, board);
    if (!rc)
        rc = cost_limits(&limits, NULL, recipe, board, stage_path(stage, "cost_table.csv"), stage->quiet, &stage->arena);
    if (!rc)
        rc = space_optimize(&report, supernet, board, &limits, &options, &stage->arena);
    if (rc)
        return rc;
    if (report.best < 0)
        return candidate_error(&report.nearest, &report.nearest_cost, &limits, board, NULL);
    json_t *json = space_report_json(&report, supernet, board, &limits, &options);
    rc = write_artifacts(stage, &report, supernet, board, json);
    if (!rc && stage->json)
        rc = json_print(json);
    else if (!rc && !stage->quiet)
        print_winner(&report, supernet);
    json_decref(json);
    return rc;
}

int cmd_space(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    int samples = 0;
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_INT(0, "samples", "N", &samples, "subnets drawn per width x resolution (default 1000)"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (samples < 0 || samples > SPACE_MAX_SAMPLES)
        return error_usage("--samples: expected 1 to %d", SPACE_MAX_SAMPLES);
    rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = space(&stage, samples);
    stage_end(&stage);
    return rc;
}
