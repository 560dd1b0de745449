#include "cli/preflight.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/resource.h"
#include "boards/board.h"
#include "cli/cost.h"
#include "cli/pipeline.h"
#include "cli/recipe.h"
#include "datasets/known.h"

int supernet_path(const char **out, const char *name, struct arena *arena)
{
    *out = recipe_user_path(name, arena);
    if (file_exists(*out))
        return 0;
    const char *shipped = resource_find(arena_printf(arena, "nas/supernets/%s.onnx", name), arena);
    if (shipped) {
        *out = shipped;
        return 0;
    }
    const char *const *names;
    int n;
    int rc = resource_list(&names, &n, "nas/supernets", ".onnx", arena);
    if (rc)
        return rc;
    const char *list = "";
    for (int i = 0; i < n; i++)
        list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", names[i]);
    return error_input("no supernet '%s': neither a file nor one that mcunet ships (%s); nas/train/train.py trains one on your "
                       "images",
                       name, list);
}

static int check_images(const char *name, struct arena *arena)
{
    const char *path = recipe_user_path(name, arena);
    const struct known_dataset *known;
    if (file_exists(path) || folder_exists(path))
        return 0;
    int rc = dataset_known_find(&known, name, arena);
    if (rc)
        return rc;
    if (!known)
        return dataset_known_missing(name);
    return known->kind == KNOWN_RENDERED ? 0 : dataset_known_path(&path, known, arena);
}

/* In the order of the stages; a run until quantize needs no compiler. */
static const struct {
    const char *program, *stage, *package;
} programs[] = {
    {"ninja", "space", "ninja-build"},
    {"arm-none-eabi-gcc", "build", "gcc-arm-none-eabi"},
    {"qemu-system-arm", "emulate", "qemu-system-arm"},
};

int preflight(const struct recipe *recipe, const char *until, struct arena *arena)
{
    struct board *board;
    const char *path = recipe_user_path(recipe->top.model, arena);
    int rc = board_load(&board, recipe_user_path(recipe->top.board, arena), arena);
    if (!rc && *recipe->top.supernet)
        rc = supernet_path(&path, recipe->top.supernet, arena);
    else if (!rc && !file_exists(path))
        rc = error_input("%s: no model '%s'", recipe->path, path);
    if (!rc)
        rc = check_images(recipe->top.dataset, arena);
    const int last = pipeline_stage_index(until ? until : "");
    for (size_t i = 0; i < sizeof programs / sizeof *programs && !rc; i++)
        if ((pipeline_stage_index(programs[i].stage) <= last || cost_needed(recipe)) && !process_find(programs[i].program, arena))
            rc = error_tool("'%s' is not installed, and stage %s needs it: apt install %s", programs[i].program,
                            programs[i].stage, programs[i].package);
    return rc;
}
