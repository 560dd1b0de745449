#include "cli/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "boards/board.h"
#include "cli/preflight.h"
#include "nas/supernet.h"

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && !strcmp(text + n - m, suffix);
}

/* `run` passes -j and -q to its stages through the environment, so that no artifact depends on it. */
static int default_threads(void)
{
    const char *text = getenv("MCUNET_THREADS");
    int n = text ? atoi(text) : 0;
    return n > 0 ? n : 0;
}

int stage_start(struct stage *stage, int argc, char **argv)
{
    int rc, next = 0;
    if (stage->threads < 0)
        stage->threads = default_threads();
    stage->quiet |= getenv("MCUNET_QUIET") != NULL;
    if (argc > 0 && (ends_with(argv[0], ".yml") || ends_with(argv[0], ".yaml"))) {
        rc = recipe_read(&stage->recipe, argv[0], &stage->sets, &stage->arena);
        next = 1;
    } else {
        rc = recipe_default(&stage->recipe, &stage->sets, &stage->arena);
    }
    if (rc)
        return rc;
    if (argc > next)
        stage->operand = argv[next++];
    if (argc > next)
        return error_usage("unexpected argument '%s'", argv[next]);
    if (stage->board)
        stage->recipe.top.board = stage->board;
    if (stage->supernet)
        stage->recipe.top.supernet = stage->supernet;
    if (stage->data)
        stage->recipe.top.dataset = stage->data;
    return folder_create(stage->folder);
}

void stage_end(struct stage *stage)
{
    arena_release(&stage->arena);
}

const char *stage_path(struct stage *stage, const char *name)
{
    return path_join(&stage->arena, stage->folder, name);
}

int stage_board(struct stage *stage, struct board **out)
{
    if (!*stage->recipe.top.board)
        return error_usage("which board? --board NAME (`mcunet boards` lists them)");
    return board_load(out, recipe_user_path(stage->recipe.top.board, &stage->arena), &stage->arena);
}

int stage_supernet(struct stage *stage, struct supernet **out)
{
    struct arena *arena = &stage->arena;
    const char *name = stage->recipe.top.supernet;
    if (!*name)
        return error_usage("which supernet? --supernet FILE.onnx or the name of a shipped one");
    const char *path;
    int rc = supernet_path(&path, name, arena);
    return rc ? rc : supernet_read(out, path, arena);
}

int stage_dataset_limited(struct stage *stage, enum split split, int classes, int limit, struct dataset **out)
{
    const struct recipe *recipe = &stage->recipe;
    if (!*recipe->top.dataset)
        return error_usage("which images? --data SET (`mcunet datasets` lists the known ones)");
    bool search = *recipe->top.supernet;
    int bn = search ? recipe->search.bn_images : 0, calibration = recipe->quantize.images;
    struct dataset_options options = {
        .split = split,
        .limit = limit,
        .seed = recipe->top.seed,
        .calibration = bn > calibration ? bn : calibration,
        .search = search ? recipe->search.images : -1,
        .classes = recipe->top.classes ? recipe->top.classes : classes,
    };
    return dataset_open(out, recipe_user_path(recipe->top.dataset, &stage->arena), &options);
}

int stage_dataset(struct stage *stage, enum split split, int classes, struct dataset **out)
{
    return stage_dataset_limited(stage, split, classes, 0, out);
}

json_t *stage_artifact(const struct stage *stage, const char *kind)
{
    return json_pack("{s:i, s:s, s:s, s:i}", "schema_version", 1, "tool_version", MCUNET_VERSION, "kind", kind, "seed",
                     stage->recipe.top.seed);
}
