/* mcunet profile: what each step of a network costs on a board. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "boards/board.h"
#include "cli/commands.h"
#include "cli/network.h"
#include "cli/plan.h"
#include "cli/stage.h"
#include "codegen/footprint.h"
#include "codegen/schedule.h"
#include "nas/subnet.h"
#include "nas/supernet.h"
#include "model/model.h"
#include "quant/qmodel.h"

static const char usage[] = "mcunet profile MODEL.onnx --board NAME [options]";

/* Float networks and subnets are profiled as the int8 network they will become: structure decides every figure. */
static int load(struct stage *stage, const char *subnet_line, const struct qmodel **out)
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
            *out = network.qmodel;
            return 0;
        }
        model = network.model;
    }
    if (!rc)
        rc = qmodel_lower(&qmodel, model, arena, NULL, NULL);
    if (!rc)
        *out = qmodel;
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
    static const char *const totals[] = {"macs", "arena_bytes", "stack_bytes", "sram_bytes", "weights_bytes", "constants_bytes", "code_bytes", "flash_bytes"};
    printf("\n");
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++)
        printf("%-16s %12lld\n", totals[i], (long long)json_integer_value(json_object_get(result, totals[i])));
}

static int profile(struct stage *stage, const char *subnet_line)
{
    const struct qmodel *qmodel;
    struct board *board;
    struct schedule schedule;
    struct footprint footprint;
    int rc = stage_board(stage, &board);
    if (!rc)
        rc = load(stage, subnet_line, &qmodel);
    if (!rc)
        rc = plan_for_board(&schedule, &footprint, qmodel, board, &stage->recipe, stage->operand, &stage->arena);
    if (rc)
        return rc;
    int64_t macs = 0;
    json_t *result = stage_artifact(stage, "profile"), *memory = footprint_figures(&footprint);
    json_object_update(result, memory);
    json_decref(memory);
    json_object_set_new(result, "board", json_string(board->name));
    json_object_set_new(result, "steps", steps_json(&schedule, qmodel, &macs));
    json_object_set_new(result, "macs", json_integer(macs));
    json_object_set_new(result, "lower_bound_bytes", json_integer(schedule.lower_bound_bytes));
    if (stage->json)
        rc = json_print(result);
    else
        print_table(result);
    json_decref(result);
    return rc;
}

int cmd_profile(int argc, char **argv)
{
    struct stage stage = STAGE_INIT;
    const char *subnet = NULL;
    const struct option_spec options[] = {
        STAGE_OPTIONS(stage),
        OPTION_STRING(0, "subnet", "TEXT", &subnet, "profile this subnet of a supernet"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    rc = stage_start(&stage, argc, argv);
    if (!rc && !stage.operand)
        rc = error_usage("profile: which model?");
    if (!rc)
        rc = profile(&stage, subnet);
    stage_end(&stage);
    return rc;
}
