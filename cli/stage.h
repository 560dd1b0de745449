/*
 * stage.h - what the stage commands share: a recipe or explicit files in, a folder of artifacts out.
 *
 *     struct stage stage = STAGE_INIT;
 *     struct option_spec options[] = {STAGE_OPTIONS(stage), ..., OPTION_END};
 *     int rc = options_parse(&argc, &argv, usage, options);
 *     if (!rc)
 *         rc = stage_start(&stage, argc, argv);        reads the recipe, when the first operand is one
 *     ...
 *     stage_end(&stage);
 */
#ifndef CLI_STAGE_H
#define CLI_STAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/options.h"
#include "cli/recipe.h"
#include "datasets/dataset.h"

struct board;
struct supernet;

struct stage {
    struct arena arena;
    struct recipe recipe;
    const char *operand;  /* the first one that is not a recipe, or NULL */
    const char *folder;   /* -o; "." */
    const char *board, *supernet, *data; /* options; NULL: the recipe's */
    struct option_list sets;
    int threads;
    bool quiet, json;
};

#define STAGE_INIT {.folder = ".", .threads = -1}

#define STAGE_OPTIONS(stage)                                                                                 \
    OPTION_STRING('o', "output", "DIR", &(stage).folder, "folder for the artifacts (default: here)"), STAGE_INPUT_OPTIONS(stage)

#define STAGE_INPUT_OPTIONS(stage)                                                                           \
    OPTION_STRING(0, "board", "NAME", &(stage).board, "board: a name or a .yml file"),                       \
        OPTION_STRING(0, "data", "SET", &(stage).data, "images: a known name, a folder, a zip, CIFAR records"), \
        OPTION_LIST(0, "set", "KEY=VALUE", &(stage).sets, "override a recipe key; may repeat"),              \
        OPTION_INT('j', "jobs", "N", &(stage).threads, "threads (default: all cores)"),                      \
        OPTION_FLAG(0, "json", &(stage).json, "print the result as JSON"),                                   \
        OPTION_FLAG('q', "quiet", &(stage).quiet, "no progress, no messages but errors")

/* operands: [RECIPE.yml] [FILE]. Options beat --set, which beats the recipe. Creates the output folder. */
int stage_start(struct stage *stage, int argc, char **argv);
void stage_end(struct stage *stage);

/* A path inside the output folder. */
const char *stage_path(struct stage *stage, const char *name);
/* The recipe's board, supernet; error_usage when none was named. */
int stage_board(struct stage *stage, struct board **out);
int stage_supernet(struct stage *stage, struct supernet **out);
/* The recipe's images. Sizes of the cuts: search.images; the larger of search.bn_images and quantize.images for calibration (no supernet:
 * quantize.images, and nothing held out for search). classes 0: the recipe's. */
int stage_dataset(struct stage *stage, enum split split, int classes, struct dataset **out);
/* At most `limit` images. */
int stage_dataset_limited(struct stage *stage, enum split split, int classes, int limit, struct dataset **out);

/* {"schema_version": 1, "tool_version": ..., "kind": kind, "seed": ...}: what every artifact starts from. */
json_t *stage_artifact(const struct stage *stage, const char *kind);

#endif
