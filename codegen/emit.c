/*
 * emit.c - writes a generated project, file by file, each only when its bytes changed.
 */
#include "codegen/emit.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/emit_harness.h"
#include "codegen/emit_parts.h"
#include "codegen/kernels.h"
#include "codegen/memory_map.h"
#include "codegen/schedule_json.h"
#include "quant/qmodel.h"

enum { MAX_RESOURCE_BYTES = 1 << 20 };

static const char license_note[] = "model.c, model.h, weights.c, weights.h, the build file, the linker "
                                   "scripts, schedule.json and memory_map.* are output of mcunet:\n"
                                   "they are yours, under the terms of the model they were made from.\n"
                                   "\n"
                                   "engine/ and arm/ are copies from mcunet and stay under its licence:\n"
                                   "\n";

const struct implementation *emission_implementation(const struct emission *emission, int position)
{
    return &emission->schedule->implementations[emission->schedule->order[position]];
}

/* Everything that engine.h's structs point to is there. */
static int check_constants(const struct qnode *node, const char *name)
{
    bool multiplied = node_has_weights(node) || node->op == QOP_ADD || node->op == QOP_MUL ||
                      node->op == QOP_MEAN || node->op == QOP_SOFTMAX || node->op == QOP_ADD_CONSTANT;
    if ((node_has_weights(node) && !node->weights) || (multiplied && (!node->multiplier || !node->shift)) ||
        (node->op == QOP_TABLE && !node->table))
        return error("codegen: operator '%s' has no constants: the network is not quantized", name);
    return 0;
}

/* Values fit the fields of engine.h's structs. */
static int check_ranges(const struct qmodel *qmodel, const struct qnode *node, const char *name)
{
    const struct window *w = &node->window;
    const int small[] = {w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h, w->dilation_w};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (small[i] < 0 || small[i] > UINT8_MAX)
            return error_unsupported(
                "operator '%s': its window has an extent of %d, the engine's limit is %d", name, small[i],
                UINT8_MAX);
    if (w->pad_top < INT8_MIN || w->pad_top > INT8_MAX || w->pad_left < INT8_MIN || w->pad_left > INT8_MAX)
        return error_unsupported("operator '%s': its padding of %d, %d exceeds the engine's limit of %d",
                                 name, w->pad_top, w->pad_left, INT8_MAX);
    const struct qtensor *out = &qmodel->tensors[node->output];
    if (out->h > INT16_MAX || out->w > INT16_MAX || out->c > INT16_MAX)
        return error_unsupported("operator '%s': its output (%d, %d, %d) exceeds the engine's limit of %d",
                                 name, out->h, out->w, out->c, INT16_MAX);
    return 0;
}

static int check_emittable(const struct qmodel *qmodel)
{
    const struct qtensor *input = &qmodel->tensors[qmodel->input];
    if (input->h > INT16_MAX || input->w > INT16_MAX || input->c > INT16_MAX)
        return error_unsupported("the input (%d, %d, %d) exceeds the engine's limit of %d", input->h,
                                 input->w, input->c, INT16_MAX);
    for (int n = 0; n < qmodel->n_nodes; n++) {
        const struct qnode *node = &qmodel->nodes[n];
        const char *name = node->name ? node->name : "?";
        int rc = check_constants(node, name);
        if (!rc)
            rc = check_ranges(qmodel, node, name);
        if (rc)
            return rc;
    }
    return 0;
}

static int write_text(const char *folder, const char *name, struct strbuf *text, struct arena *arena)
{
    int rc = file_write_if_changed(path_join(arena, folder, name), strbuf_text(text), text->length, NULL);
    strbuf_clear(text);
    return rc;
}

static int copy_resource(const char *folder, const char *resource, const char *name, struct arena *arena)
{
    const char *path;
    struct file file;
    int rc = resource_path(&path, resource, arena);
    if (!rc)
        rc = file_read(&file, path, MAX_RESOURCE_BYTES, arena);
    return rc ? rc : file_write_if_changed(path_join(arena, folder, name), file.data, file.size, NULL);
}

static int write_generated(const char *folder, const struct emission *emission)
{
    static const struct {
        const char *name;
        void (*emit)(struct strbuf *out, const struct emission *emission);
    } parts[] = {
        {"model.h", emit_model_h},     {"model.c", emit_model_c},         {"weights.h", emit_weights_h},
        {"weights.c", emit_weights_c}, {"build.ninja", emit_build_ninja},
    };
    struct strbuf text = STRBUF_INIT;
    int rc = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !rc; i++) {
        parts[i].emit(&text, emission);
        rc = write_text(folder, parts[i].name, &text, emission->arena);
    }
    if (!rc) {
        memory_map_svg(&text, emission->qmodel, emission->schedule);
        rc = write_text(folder, "memory_map.svg", &text, emission->arena);
    }
    if (!rc) {
        memory_map_text(&text, emission->qmodel, emission->schedule);
        rc = write_text(folder, "memory_map.txt", &text, emission->arena);
    }
    strbuf_release(&text);
    return rc;
}

static int write_linker_scripts(const char *folder, const struct emission *emission)
{
    struct arena *arena = emission->arena;
    const char *path;
    struct file template;
    int rc = resource_path(&path, "boards/arm/link.ld.in", arena);
    if (!rc)
        rc = file_read(&template, path, MAX_RESOURCE_BYTES, arena);
    struct strbuf text = STRBUF_INIT;
    for (int emulator = 0; emulator < 2 && !rc; emulator++) {
        emit_linker_script(&text, emission, (const char *)template.data, emulator);
        rc = write_text(folder, emulator ? "emulator.ld" : "firmware.ld", &text, arena);
    }
    strbuf_release(&text);
    return rc;
}

static int write_license(const char *folder, struct arena *arena)
{
    const char *path;
    struct file license;
    int rc = resource_path(&path, "LICENSE", arena);
    if (!rc)
        rc = file_read(&license, path, MAX_RESOURCE_BYTES, arena);
    if (rc)
        return rc;
    struct strbuf text = STRBUF_INIT;
    strbuf_adds(&text, license_note);
    strbuf_add(&text, license.data, license.size);
    rc = write_text(folder, "LICENSE", &text, arena);
    strbuf_release(&text);
    return rc;
}

static int write_schedule(const char *folder, const struct emission *emission)
{
    json_t *json = schedule_json(emission->schedule, emission->qmodel, &emission->footprint, emission->board,
                                 emission->options->model_sha256);
    int rc = json_write(path_join(emission->arena, folder, "schedule.json"), json);
    json_decref(json);
    return rc;
}

int emit_project(const char *folder, const struct qmodel *qmodel, const struct schedule *schedule,
                 const struct board *board, const struct emit_options *options)
{
    int rc = check_emittable(qmodel);
    if (rc)
        return rc;
    struct arena arena = ARENA_INIT;
    struct emission emission = {qmodel, schedule, board, options, {0}, &arena};
    footprint_of(&emission.footprint, qmodel, schedule, board);

    static const char *const folders[] = {"", "engine", "engine/ref", "engine/dsp", "arm"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !rc; i++)
        rc = folder_create(path_join(&arena, folder, folders[i]));
    for (int i = 0; engine_files[i] && !rc; i++)
        rc = copy_resource(folder, engine_files[i], engine_files[i], &arena);
    for (int i = 0; arm_files[i] && !rc; i++)
        rc = copy_resource(folder, arena_printf(&arena, "boards/%s", arm_files[i]), arm_files[i], &arena);
    const char *const *port_files = harness_port_files(board, &arena);
    for (int i = 0; port_files[i] && !rc; i++)
        rc = copy_resource(folder, arena_printf(&arena, "boards/%s", port_files[i]), port_files[i], &arena);
    if (!rc)
        rc = write_generated(folder, &emission);
    if (!rc)
        rc = write_linker_scripts(folder, &emission);
    if (!rc)
        rc = write_license(folder, &arena);
    if (!rc)
        rc = write_schedule(folder, &emission); /* last: whoever finds it finds the rest */
    arena_release(&arena);
    return rc;
}
