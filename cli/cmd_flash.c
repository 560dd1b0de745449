/* mcunet flash: firmware into a board's flash; with --measure also what inference takes there. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/flash.h"
#include "cli/commands.h"
#include "cli/estimate.h"
#include "cli/measurement.h"
#include "cli/stage.h"

static const char usage[] = "mcunet flash DIR [--harness KIND] [--dry-run]\n"
                            "       mcunet flash DIR --measure --port TTY [options]\n"
                            "       mcunet flash RECIPE.yml -o DIR ...";

enum { DEFAULT_RUNS = 10, MAX_RUNS = 65535, DEFAULT_TIMEOUT_S = 60 };

struct flash_command {
    const char *harness, *port, *input, *model, *measured;
    int runs, timeout, baud;
    bool measure, dry_run, no_flash;
};

static int check(const struct flash_command *c)
{
    if (c->harness && strcmp(c->harness, "mcunet") != 0 && strcmp(c->harness, "mlperf") != 0)
        return error_usage("flash: --harness is mcunet or mlperf, not '%s'", c->harness);
    if (c->measure && c->harness && strcmp(c->harness, "mcunet") != 0)
        return error_usage("flash: --measure speaks to --harness mcunet; mlperf is for MLPerf Tiny's own runner");
    if (c->measure && !c->port)
        return error_usage("flash: --measure needs --port, for example --port /dev/ttyACM0");
    if (!c->measure && (c->port || c->input || c->model || c->measured || c->no_flash))
        return error_usage("flash: --port, --input, --model, --measured and --no-flash go with --measure");
    if (c->runs < 1 || c->runs > MAX_RUNS)
        return error_usage("flash: --runs must be 1 to %d, not %d", MAX_RUNS, c->runs);
    if (c->timeout < 1)
        return error_usage("flash: --timeout must be at least 1, not %d", c->timeout);
    return 0;
}

/* Builds the ELF and writes it to the board, or prints how. */
static int write_flash(struct stage *stage, const char *folder, const struct board *board, const char *elf, bool dry_run)
{
    struct flash_plan plan;
    const char *path = path_join(&stage->arena, folder, elf);
    if (strcmp(elf, "firmware.elf") != 0 && (!board->port || !*board->port))
        return error_tool("board '%s' has no 'port' in its file: only firmware.elf can be built for it, not '%s' (boards/arm/port.h)",
                          board->name, elf);
    int rc = flash_plan(&plan, board, path, &stage->arena);
    for (int i = 0; i < plan.n && !rc && dry_run; i++)
        printf("%s\n", flash_command_text(plan.commands[i], &stage->arena));
    if (!rc && !dry_run)
        rc = firmware_build_elf(folder, elf, stage->threads, stage->quiet);
    if (!rc && !dry_run)
        rc = flash_run(&plan, board, stage->quiet, &stage->arena);
    return rc;
}

static int measure(struct stage *stage, const char *folder, const struct board *board, const struct flash_command *c)
{
    const struct measurement_request request = {
        .folder = folder,
        .board = board,
        .port = c->port,
        .baud = c->baud ? c->baud : board->uart.baud ? board->uart.baud : MCU_BAUD,
        .input = c->input,
        .model = c->model,
        .runs = c->runs,
        .timeout = c->timeout,
    };
    struct measurement measurement;
    int rc = measurement_take(&measurement, stage, &request);
    if (rc)
        return rc;
    json_t *json = measurement_json(&measurement, stage, &request);
    rc = measurement_add_estimate(json, stage, &request);
    if (!rc && c->measured)
        rc = json_write(c->measured, json);
    if (!rc && stage->json)
        rc = json_print(json);
    else if (!rc)
        measurement_print(json);
    json_decref(json);
    return rc;
}

static int flash(struct stage *stage, const struct flash_command *c)
{
    const char *folder = stage->operand ? stage->operand : stage_path(stage, "firmware");
    struct board *board;
    int rc = project_board(stage, folder, &board);
    const char *elf = c->measure ? "harness.elf" : !c->harness ? "firmware.elf" : strcmp(c->harness, "mlperf") == 0 ? "mlperf.elf" : "harness.elf";
    if (!rc && !c->no_flash)
        rc = write_flash(stage, folder, board, elf, c->dry_run);
    if (!rc && c->measure && !c->dry_run)
        rc = measure(stage, folder, board, c);
    return rc;
}

int cmd_flash(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct flash_command c = {.runs = DEFAULT_RUNS, .timeout = DEFAULT_TIMEOUT_S};
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_FLAG(0, "dry-run", &c.dry_run, "print the commands that would flash the board"),
        OPTION_STRING(0, "harness", "KIND", &c.harness, "flash measuring firmware: mcunet, or mlperf for MLPerf Tiny's runner"),
        OPTION_FLAG(0, "measure", &c.measure, "flash measuring firmware and measure on the board"),
        OPTION_FLAG(0, "no-flash", &c.no_flash, "measure with the firmware that is on the board"),
        OPTION_STRING(0, "port", "TTY", &c.port, "the board's serial port, for example /dev/ttyACM0"),
        OPTION_INT(0, "baud", "N", &c.baud, "speed of the port (default: the board file's)"),
        OPTION_STRING(0, "input", "FILE", &c.input, "raw int8 input tensors to run and compare, too"),
        OPTION_STRING(0, "model", "INT8.onnx", &c.model, "compare with this network on the host (default: found, or the emulator)"),
        OPTION_INT(0, "runs", "N", &c.runs, "timed inferences (default 10)"),
        OPTION_INT(0, "timeout", "S", &c.timeout, "seconds to wait for one inference (default 60)"),
        OPTION_STRING(0, "measured", "FILE", &c.measured, "write the measurement as JSON, for `mcunet boards calibrate`"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc < 1)
        return error_usage("flash: name a generated project or a recipe");
    rc = check(&c);
    if (!rc)
        rc = stage_start(&stage, argc, argv);
    if (!rc)
        rc = flash(&stage, &c);
    stage_end(&stage);
    return rc;
}
