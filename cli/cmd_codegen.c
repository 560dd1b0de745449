/* mcunet codegen: int8 network -> memory schedule and generated C project. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/network.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"
#include "base/json.h"

static const char usage[] = "mcunet codegen INT8.onnx --board NAME -o DIR [options]\n"
                            "       mcunet codegen RECIPE.yml -o DIR";

static int codegen(struct stage *stage)
{
    struct arena *arena = &stage->arena;
    /* of a run folder: int8.onnx -> firmware/; alone: the operand -> the output folder itself */
    const char *path = stage->operand ? stage->operand : stage_path(stage, "int8.onnx");
    const char *folder = stage->operand ? stage->folder : stage_path(stage, "firmware");
    struct board *board;
    struct network network;
    struct schedule schedule;
    struct footprint footprint;
    int rc = stage_board(stage, &board);
    if (!rc)
        rc = network_load(&network, path, stage->recipe.top.preprocess, true, arena);
    if (rc)
        return rc;
    if (!network.qmodel)
        return error_input("'%s' is a float network; `mcunet quantize` makes it int8", path);
    rc = plan_for_board(&schedule, &footprint, network.qmodel, board, &stage->recipe, path, arena);
    if (!rc)
        rc = emit_project(folder, network.qmodel, &schedule, board,
                          &(struct emit_options){.model_sha256 = network.sha256, .command = "mcunet codegen"});
    if (rc)
        return rc;
    if (stage->json) {
        json_t *result = stage_artifact(stage, "codegen");
        json_t *memory = footprint_figures(&footprint);
        json_object_update(result, memory);
        json_object_set_new(result, "lower_bound_bytes", json_integer(schedule.lower_bound_bytes));
        json_decref(memory);
        rc = json_print(result);
        json_decref(result);
    } else if (!stage->quiet) {
        fprintf(stderr, "codegen: %s needs %lld bytes of SRAM (arena %lld, lower bound %lld) and %lld bytes of flash\n",
                board->name, (long long)footprint.sram_bytes, (long long)footprint.arena_bytes,
                (long long)schedule.lower_bound_bytes, (long long)footprint.flash_bytes);
    }
    return rc;
}

int cmd_codegen(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    const struct option_spec options[] = {STAGE_OPTIONS(stage), OPTION_END};
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = codegen(&stage);
    stage_end(&stage);
    return rc;
}
