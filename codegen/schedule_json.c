#include "codegen/schedule_json.h"

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "codegen/footprint.h"
#include "codegen/kernels.h"
#include "codegen/layouts.h"
#include "codegen/names.h"
#include "codegen/schedule.h"

/* The footprint's fields with their places in the file: written and read by the same list. */
#define FOOTPRINT_FIELDS(X)                                                                                  \
    X(arena_bytes, "sram", "arena")                                                                          \
    X(stack_bytes, "sram", "stack")                                                                          \
    X(runtime_bytes, "sram", "runtime")                                                                      \
    X(sram_bytes, "sram", "total")                                                                           \
    X(weights_bytes, "flash", "weights")                                                                     \
    X(constants_bytes, "flash", "constants")                                                                 \
    X(code_bytes, "flash", "code")                                                                           \
    X(flash_bytes, "flash", "total")

json_t *footprint_json(const struct footprint *footprint)
{
    json_t *root = json_pack("{s:{}, s:{}}", "sram", "flash");
#define WRITE(field, part, key)                                                                              \
    json_object_set_new(json_object_get(root, part), key, json_integer(footprint->field));
    FOOTPRINT_FIELDS(WRITE)
#undef WRITE
    return root;
}

/* How an operator is computed, and what model.c calls it; of CONCAT and PAD the first call. instructions: by
 * the cost model. */
static json_t *kernel_json(const struct schedule *schedule, const struct qmodel *qmodel, int position,
                           struct arena *arena)
{
    const struct qnode *node = &qmodel->nodes[schedule->order[position]];
    const struct implementation *implementation = &schedule->implementations[node - qmodel->nodes];
    enum kernel kernels[QNODE_MAX_INPUTS];
    node_kernels(implementation, qmodel, node, kernels);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I}", "identifier",
                     node_identifier(qmodel, schedule->order[position], arena), "name",
                     plain_name(node->name, arena), "function", kernel_info(kernels[0])->function, "layout",
                     layout_name(implementation->layout), "tile", implementation->tile, "instructions",
                     (json_int_t)schedule->instructions[position], "macs",
                     (json_int_t)qnode_macs(qmodel, node));
}

static json_t *step_json(const struct schedule *schedule, const struct qmodel *qmodel, int index,
                         struct arena *arena)
{
    const struct step *step = &schedule->steps[index];
    json_t *operators = json_array(), *kernels = json_array();
    int64_t macs = 0;
    for (int i = 0; i < step->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[step->first_node + i]];
        json_array_append_new(operators, json_string(plain_name(node->name, arena)));
        json_array_append_new(kernels, kernel_json(schedule, qmodel, step->first_node + i, arena));
        macs += qnode_macs(qmodel, node);
    }
    const struct qnode *last = &qmodel->nodes[schedule->order[step->first_node + step->n_nodes - 1]];
    return json_pack("{s:i, s:o, s:o, s:s, s:b, s:b, s:i, s:i, s:I, s:i, s:i, s:I}", "index", index,
                     "operators", operators, "kernels", kernels, "op", qop_name(last->op), "depth_first",
                     step->depth_first, "bottom_up", step->bottom_up, "rows", step->rows, "inner_rows",
                     step->inner_rows, "macs", (json_int_t)macs, "scratch_offset", step->scratch_offset,
                     "scratch_bytes", step->scratch_bytes, "live_bytes", (json_int_t)step->live_bytes);
}

static json_t *buffer_json(const struct schedule *schedule, const struct qmodel *qmodel, int tensor,
                           struct arena *arena)
{
    const struct storage *storage = &schedule->storage[tensor];
    const struct qtensor *t = &qmodel->tensors[tensor];
    return json_pack("{s:s, s:[i,i,i], s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "tensor",
                     plain_name(t->name, arena), "shape", t->h, t->w, t->c, "begin", storage->begin, "bytes",
                     storage->end - storage->begin, "offset", storage->offset, "ring", storage->ring,
                     "row_step", storage->row_step, "row_phase", storage->row_phase, "row_stride",
                     storage->row_stride, "first_step", storage->first_step, "last_step", storage->last_step);
}

json_t *schedule_json(const struct schedule *schedule, const struct qmodel *qmodel,
                      const struct footprint *footprint, const struct board *board, const char *model_sha256)
{
    struct arena arena = ARENA_INIT; /* for names */
    json_t *steps = json_array(), *buffers = json_array();
    for (int s = 0; s < schedule->n_steps; s++)
        json_array_append_new(steps, step_json(schedule, qmodel, s, &arena));
    for (int t = 0; t < schedule->n_storage; t++)
        if (schedule->storage[t].first_step != -2)
            json_array_append_new(buffers, buffer_json(schedule, qmodel, t, &arena));
    const struct qtensor *in = &qmodel->tensors[qmodel->input], *out = &qmodel->tensors[qmodel->output];
    json_t *root = json_pack(
        "{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "schema_version", SCHEDULE_SCHEMA_VERSION,
        "tool_version", MCUNET_VERSION, "model_sha256", model_sha256, "board", board->name, "input_bytes",
        (json_int_t)qtensor_bytes(in), "output_bytes", (json_int_t)qtensor_bytes(out), "arena_bytes",
        (json_int_t)schedule->arena_bytes, "lower_bound_bytes", (json_int_t)schedule->lower_bound_bytes,
        "footprint", footprint_json(footprint), "steps", steps, "buffers", buffers);
    arena_release(&arena);
    return root;
}

static int read_bytes(int64_t *out, const json_t *root, const char *part, const char *key, const char *path)
{
    const json_t *value = json_object_get(json_object_get(json_object_get(root, "footprint"), part), key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_input("%s: 'footprint.%s.%s' is missing or not a number of bytes", path, part, key);
    *out = json_integer_value(value);
    return 0;
}

int schedule_json_read_footprint(struct footprint *out, const char *path)
{
    json_t *root;
    int rc = json_read(&root, path);
    if (rc)
        return rc;
    const json_t *version = json_object_get(root, "schema_version");
    if (!json_is_integer(version) || json_integer_value(version) != SCHEDULE_SCHEMA_VERSION)
        rc = error_input("%s: not a schedule of schema version %d", path, SCHEDULE_SCHEMA_VERSION);
#define READ(field, part, key)                                                                               \
    if (!rc)                                                                                                 \
        rc = read_bytes(&out->field, root, part, key, path);
    FOOTPRINT_FIELDS(READ)
#undef READ
    json_decref(root);
    return rc;
}
