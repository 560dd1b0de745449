/* mcunet build: generated project -> firmware.elf and emulator.elf, measured and checked against the board. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "boards/board.h"
#include "boards/build.h"
#include "cli/commands.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "codegen/footprint.h"
#include "codegen/schedule_json.h"

static const char usage[] = "mcunet build DIR [options]\n"
                            "       mcunet build RECIPE.yml -o DIR";

static json_t *linked_json(const struct elf_size *size)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "arena_bytes", (json_int_t)size->arena_bytes, "sram_bytes",
                     (json_int_t)(size->ram_bytes + size->stack_bytes), "stack_bytes", (json_int_t)size->stack_bytes,
                     "ram_bytes", (json_int_t)size->ram_bytes, "flash_bytes", (json_int_t)size->flash_bytes, "code_bytes",
                     (json_int_t)size->code_bytes, "rodata_bytes", (json_int_t)size->rodata_bytes);
}

static json_t *build_report(const struct stage *stage, const struct board *board, const struct elf_size *size,
                            const struct footprint *footprint)
{
    json_t *result = stage_artifact(stage, "build");
    json_object_set_new(result, "board", json_string(board->name));
    json_object_set_new(result, "board_sram_bytes", json_integer(board->sram_bytes));
    json_object_set_new(result, "board_flash_bytes", json_integer(board->flash_bytes));
    json_object_set_new(result, "predicted", footprint_figures(footprint));
    json_object_set_new(result, "linked", linked_json(size));
    double code = footprint->code_bytes;
    if (size->code_bytes) /* to a hundredth of a percent */
        json_object_set_new(result, "code_error_percent",
                            json_real(round(1e4 * (code - size->code_bytes) / size->code_bytes) / 1e2));
    return result;
}

/* The board a project was generated for: --board, else the one schedule.json names. */
static int project_board(struct stage *stage, const char *folder, struct footprint *footprint, struct board **board)
{
    struct arena *arena = &stage->arena;
    const char *path = path_join(arena, folder, "schedule.json");
    if (!file_exists(path))
        return error_input("'%s' is no generated project: it has no schedule.json (`mcunet codegen` writes one)", folder);
    json_t *schedule;
    int rc = schedule_json_read_footprint(footprint, path);
    if (!rc)
        rc = json_read(&schedule, path);
    if (rc)
        return rc;
    const char *name = json_string_value(json_object_get(schedule, "board"));
    if (!*stage->recipe.top.board)
        stage->recipe.top.board = name ? arena_strdup(arena, name) : "";
    json_decref(schedule);
    return stage_board(stage, board);
}

static void print_sizes(const struct elf_size *size, const struct board *board, const char *elf)
{
    printf("%s\n  SRAM   %lld of %lld bytes (arena %lld, stack %lld)\n  flash  %lld of %lld bytes (code %lld)\n", elf,
           (long long)(size->ram_bytes + size->stack_bytes), (long long)board->sram_bytes, (long long)size->arena_bytes,
           (long long)size->stack_bytes, (long long)size->flash_bytes, (long long)board->flash_bytes, (long long)size->code_bytes);
}

/* Measuring firmware: not what footprint.h predicts, so it is checked against the board and that is all. */
static int build_harness(struct stage *stage, const char *kind, bool emulator)
{
    const bool mlperf = strcmp(kind, "mlperf") == 0;
    if (!mlperf && strcmp(kind, "mcunet") != 0)
        return error_usage("build: --harness is mcunet or mlperf, not '%s'", kind);
    const char *folder = stage->operand ? stage->operand : stage_path(stage, "firmware");
    const char *elf = arena_printf(&stage->arena, "%s%s.elf", mlperf ? "mlperf" : "harness", emulator ? "_emulator" : "");
    struct footprint footprint;
    struct board *board;
    struct elf_size size;
    int rc = project_board(stage, folder, &footprint, &board);
    if (!rc && !emulator && (!board->port || !*board->port))
        rc = error_tool("board '%s' has no 'port' in its file: '%s' cannot be built for it (boards/arm/port.h)", board->name, elf);
    if (!rc)
        rc = firmware_build_elf(folder, elf, stage->threads, stage->quiet);
    const char *path = path_join(&stage->arena, folder, elf);
    if (!rc)
        rc = elf_measure(&size, path, &stage->arena);
    if (!rc)
        rc = firmware_check(&size, board);
    if (!rc && stage->json) {
        json_t *report = stage_artifact(stage, "build");
        json_object_set_new(report, "board", json_string(board->name));
        json_object_set_new(report, "linked", linked_json(&size));
        rc = json_print(report);
        json_decref(report);
    } else if (!rc && !stage->quiet) {
        print_sizes(&size, board, path);
    }
    return rc;
}

static int build(struct stage *stage, bool emulator_only)
{
    struct arena *arena = &stage->arena;
    bool of_run = !stage->operand;
    const char *folder = of_run ? stage_path(stage, "firmware") : stage->operand;
    struct footprint footprint;
    struct board *board;
    struct elf_size size;
    int rc = project_board(stage, folder, &footprint, &board);
    if (!rc && (of_run || !emulator_only))
        rc = firmware_build(folder, false, stage->threads, stage->quiet);
    if (!rc && (of_run || emulator_only))
        rc = firmware_build(folder, true, stage->threads, stage->quiet);
    const char *elf = path_join(arena, folder, emulator_only ? "emulator.elf" : "firmware.elf");
    if (!rc)
        rc = elf_measure(&size, elf, arena);
    if (!rc)
        rc = firmware_check(&size, board);
    if (!rc) {
        json_t *report = build_report(stage, board, &size, &footprint);
        if (of_run)
            rc = json_write(stage_path(stage, "build.json"), report);
        if (!rc && stage->json)
            rc = json_print(report);
        else if (!stage->quiet && !of_run)
            print_sizes(&size, board, elf);
        json_decref(report);
    }
    return rc;
}

int cmd_build(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    bool emulator = false;
    const char *harness = NULL;
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_STRING(0, "harness", "KIND", &harness, "build measuring firmware instead: mcunet, or mlperf for MLPerf Tiny's runner"),
        OPTION_FLAG(0, "emulator", &emulator, "build DIR/emulator.elf for the board's QEMU stand-in"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc < 1)
        return error_usage("build: name a generated project or a recipe");
    rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = harness ? build_harness(&stage, harness, emulator) : build(&stage, emulator);
    stage_end(&stage);
    return rc;
}
