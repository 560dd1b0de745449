/* mcunet profile: what each step of a network costs on a board: memory from its plan, cycles from its firmware. */
#include <jansson.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/estimate.h"
#include "cli/network.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "codegen/emit.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"
#include "codegen/schedule_json.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "model/model.h"
#include "quant/qmodel.h"

static const char usage[] = "mcunet profile MODEL.onnx --board NAME [--cycles] [options]\n"
                            "       mcunet profile DIR [--board NAME] [options]";

struct profile_command {
    const char *subnet;
    bool cycles;
    int timeout; /* of the emulator, in seconds */
};

/* What is profiled. */
struct subject {
    const struct qmodel *qmodel;
    const char *sha256; /* NULL: no int8 file, structure alone */
};

/* Float networks and subnets are profiled as the int8 network they will become: structure decides every figure. */
static int load(struct stage *stage, const char *subnet_line, struct subject *out)
{
    struct arena *arena = &stage->arena;
    struct model *model;
    struct qmodel *qmodel;
    int rc;
    if (subnet_line) {
        struct supernet *supernet;
        struct subnet subnet;
        stage->recipe.top.supernet = stage->operand;
        rc = stage_supernet(stage, &supernet);
        if (!rc)
            rc = subnet_parse(&subnet, subnet_line, supernet);
        if (!rc)
            rc = supernet_skeleton(&model, supernet, &subnet, arena);
    } else {
        struct network network;
        rc = network_load(&network, stage->operand, stage->recipe.top.preprocess, true, arena);
        if (!rc && network.qmodel) {
            *out = (struct subject){network.qmodel, arena_strdup(arena, network.sha256)};
            return 0;
        }
        model = network.model;
    }
    if (!rc)
        rc = qmodel_lower(&qmodel, model, arena, NULL, NULL);
    if (!rc)
        *out = (struct subject){qmodel, NULL};
    return rc;
}

static json_t *steps_json(const struct schedule *schedule, const struct qmodel *qmodel, int64_t *macs)
{
    json_t *rows = json_array();
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        int64_t step_macs = 0, weights = 0;
        for (int i = 0; i < step->n_nodes; i++) {
            const struct qnode *node = &qmodel->nodes[schedule->order[step->first_node + i]];
            step_macs += qnode_macs(qmodel, node);
            weights += node->n_weights;
        }
        const struct qnode *last = &qmodel->nodes[schedule->order[step->first_node + step->n_nodes - 1]];
        const struct qtensor *out = &qmodel->tensors[last->output];
        *macs += step_macs;
        json_array_append_new(rows, json_pack("{s:s, s:s, s:[i,i,i], s:I, s:I, s:I, s:i}", "name", last->name, "op",
                                              qop_name(last->op), "output", out->h, out->w, out->c, "macs",
                                              (json_int_t)step_macs, "weights_bytes", (json_int_t)weights, "live_bytes",
                                              (json_int_t)step->live_bytes, "operators", step->n_nodes));
    }
    return rows;
}

static void print_totals(const json_t *result)
{
    static const char *const totals[] = {"macs", "arena_bytes", "stack_bytes", "sram_bytes", "weights_bytes", "constants_bytes", "code_bytes", "flash_bytes"};
    printf("\n");
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        printf("%-16s %12lld\n", totals[i], (long long)json_integer_value(json_object_get(result, totals[i])));
}

static void print_table(const json_t *result)
{
    size_t index;
    json_t *row;
    printf("%-28s %-18s %-14s %12s %10s %10s\n", "step", "operator", "output", "MACs", "weights B", "live B");
    json_array_foreach(json_object_get(result, "steps"), index, row)
    {
        const char *name, *op;
        int h, w, c;
        json_int_t macs, weights, live;
        json_unpack(row, "{s:s, s:s, s:[i,i,i], s:I, s:I, s:I}", "name", &name, "op", &op, "output", &h, &w, &c, "macs", &macs,
                    "weights_bytes", &weights, "live_bytes", &live);
        char shape[40];
        snprintf(shape, sizeof shape, "%dx%dx%d", h, w, c);
        printf("%-28.28s %-18s %-14s %12lld %10lld %10lld\n", name, op, shape, (long long)macs, (long long)weights, (long long)live);
    }
    print_totals(result);
}

/* ---- cycles ------------------------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Generates the firmware in a temporary folder, builds it and estimates it. */
static int estimate_model(json_t **out, struct stage *stage, const struct subject *subject, const struct schedule *schedule,
                          const struct board *board, int timeout)
{
    if (!subject->sha256)
        return error_input("profile: cycles are those of int8 firmware, and '%s' is no int8 network (`mcunet quantize` makes one)",
                           stage->operand);
    const char *base = getenv("TMPDIR");
    char *folder = arena_printf(&stage->arena, "%s/mcunet-profile-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder))
        return error("cannot create a folder for the firmware, '%s': %m", folder);
    int rc = emit_project(folder, subject->qmodel, schedule, board,
                          &(struct emit_options){.model_sha256 = subject->sha256, .command = "mcunet profile"});
    if (!rc)
        rc = estimate_project(out, stage, folder, board, timeout);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return rc;
}

static int profile_model(struct stage *stage, const struct profile_command *command)
{
    struct subject subject;
    struct board *board;
    struct schedule schedule;
    struct footprint footprint;
    json_t *estimate = NULL;
    int rc = stage_board(stage, &board);
    if (!rc)
        rc = load(stage, command->subnet, &subject);
    if (!rc)
        rc = plan_for_board(&schedule, &footprint, subject.qmodel, board, &stage->recipe, stage->operand, &stage->arena);
    if (!rc && command->cycles)
        rc = estimate_model(&estimate, stage, &subject, &schedule, board, command->timeout);
    if (rc)
        return rc;
    int64_t macs = 0;
    json_t *result = stage_artifact(stage, "profile"), *memory = footprint_figures(&footprint);
    json_object_update(result, memory);
    json_decref(memory);
    json_object_set_new(result, "board", json_string(board->name));
    json_object_set_new(result, "steps", steps_json(&schedule, subject.qmodel, &macs));
    json_object_set_new(result, "macs", json_integer(macs));
    json_object_set_new(result, "lower_bound_bytes", json_integer(schedule.lower_bound_bytes));
    if (estimate)
        json_object_set_new(result, "estimate", estimate);
    if (stage->json) {
        rc = json_print(result);
    } else {
        print_table(result);
        if (estimate) {
            printf("\n");
            estimate_print(estimate);
        }
    }
    json_decref(result);
    return rc;
}

/* ---- a generated project ------------------------------------------------------------------------------------- */

static int project_figures(json_t *result, struct stage *stage, const char *folder)
{
    const char *path = path_join(&stage->arena, folder, "schedule.json");
    struct footprint footprint;
    json_t *schedule;
    int rc = schedule_json_read_footprint(&footprint, path);
    if (!rc)
        rc = json_read(&schedule, path);
    if (rc)
        return rc;
    size_t index;
    json_t *step, *memory = footprint_figures(&footprint);
    json_int_t macs = 0;
    json_array_foreach(json_object_get(schedule, "steps"), index, step) macs += json_integer_value(json_object_get(step, "macs"));
    json_object_update(result, memory);
    json_decref(memory);
    json_object_set_new(result, "macs", json_integer(macs));
    json_object_set(result, "lower_bound_bytes", json_object_get(schedule, "lower_bound_bytes"));
    json_decref(schedule);
    return 0;
}

static int profile_project(struct stage *stage, const struct profile_command *command)
{
    const char *folder = stage->operand;
    struct board *board;
    json_t *estimate = NULL, *result = stage_artifact(stage, "profile");
    int rc = command->subnet ? error_usage("profile: --subnet goes with a supernet, not with a generated project") : 0;
    if (!rc)
        rc = project_board(stage, folder, &board);
    if (!rc)
        rc = project_figures(result, stage, folder);
    if (!rc)
        rc = estimate_project(&estimate, stage, folder, board, command->timeout);
    if (!rc) {
        json_object_set_new(result, "board", json_string(board->name));
        json_object_set_new(result, "estimate", estimate);
    }
    if (!rc && stage->json)
        rc = json_print(result);
    else if (!rc) {
        estimate_print(estimate);
        print_totals(result);
    }
    json_decref(result);
    return rc;
}

int cmd_profile(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    struct profile_command command = {.timeout = 600};
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_STRING(0, "subnet", "TEXT", &command.subnet, "profile this subnet of a supernet"),
        OPTION_FLAG(0, "cycles", &command.cycles, "build the int8 network's firmware and estimate its cycles (a DIR always is)"),
        OPTION_INT(0, "timeout", "S", &command.timeout, "seconds before the emulator is stopped (default 600)"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    rc = stage_start(&stage, argc, argv);
    if (!rc && !stage.operand)
        rc = error_usage("profile: which model or generated project?");
    if (!rc)
        rc = folder_exists(stage.operand) ? profile_project(&stage, &command) : profile_model(&stage, &command);
    stage_end(&stage);
    return rc;
}
