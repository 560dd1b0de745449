/*
 * cmd_datasets.c - mcunet datasets: the known sets; and any set as image files.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "cli/png.h"
#include "datasets/dataset.h"
#include "datasets/known.h"

static const char usage[] =
    "mcunet datasets [options]\n"
    "       mcunet datasets export SET -o DIR [options]\n\n"
    "Lists the sets of images that mcunet knows by name. `export` writes the images of any\n"
    "set as PNG files, one folder per class: DIR/<label>_<class>/<index>.png.";

enum { DEFAULT_SIDE = 96 };

struct datasets_options {
    const char *folder, *split;
    int images, size;
    uint64_t seed;
    bool json, quiet;
};

static int parse_split(enum split *out, const char *name)
{
    static const struct {
        const char *name;
        enum split split;
    } splits[] = {{"all", SPLIT_ALL}, {"train", SPLIT_TRAIN}, {"val", SPLIT_VAL}};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
        if (strcmp(name, splits[i].name) == 0) {
            *out = splits[i].split;
            return 0;
        }
    }
    return error_usage("--split: expected all, train or val, not '%s'", name);
}

/* "003_fire_truck": sorted folder names keep the order of the labels; nothing in a class name can leave the
 * folder. */
static const char *class_folder(const struct dataset *dataset, int label, struct arena *arena)
{
    const int classes = dataset_classes(dataset);
    const int digits = snprintf(NULL, 0, "%d", classes - 1);
    char *name = arena_printf(arena, "%0*d_%.60s", digits, label, dataset_class_name(dataset, label));
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-')
            *c = '_';
    return name;
}

static int export_image(const struct dataset *dataset, int index, const char *folder, int side,
                        struct arena *arena)
{
    unsigned char *rgb;
    int width, height;
    int rc = dataset_decode(dataset, index, side, &rgb, &width, &height);
    if (rc)
        return rc;
    const char *class_path =
        path_join(arena, folder, class_folder(dataset, dataset_label(dataset, index), arena));
    rc = folder_create(class_path);
    if (!rc)
        rc = png_write(path_join(arena, class_path, arena_printf(arena, "%06d.png", index)), rgb, width,
                       height);
    free(rgb);
    return rc;
}

static int export_set(const char *name, const struct datasets_options *options)
{
    struct dataset_options wanted = {.limit = options->images, .seed = options->seed, .search = -1};
    struct dataset *dataset;
    int rc = parse_split(&wanted.split, options->split);
    if (!rc)
        rc = dataset_open(&dataset, name, &wanted);
    if (rc)
        return rc;
    const int n = dataset_count(dataset);
    struct progress progress;
    progress_start(&progress, options->quiet, "export", n, "images");
    for (int i = 0; i < n && !rc; i++) {
        struct arena arena = ARENA_INIT;
        rc = export_image(dataset, i, options->folder, options->size, &arena);
        arena_release(&arena);
        progress_step(&progress, 1);
    }
    progress_end(&progress);
    if (!rc)
        printf("%d images of %d classes in %s\n", n, dataset_classes(dataset), options->folder);
    dataset_close(dataset);
    return rc;
}

static json_t *known_json(const struct known_dataset *known, struct arena *arena)
{
    json_t *urls = json_array();
    for (int i = 0; i < known->n_urls; i++)
        json_array_append_new(urls, json_string(known->urls[i]));
    const char *place = NULL;
    if (known->kind != KNOWN_RENDERED && dataset_known_here(known, arena))
        (void)dataset_known_place(&place, known, arena);
    return json_pack("{s:s, s:s, s:s, s:i, s:b, s:s?, s:I, s:o, s:s?, s:s, s:s, s:s}", "name", known->name,
                     "title", known->title, "kind", known_kind_name(known->kind), "classes", known->classes,
                     "here", (int)dataset_known_here(known, arena), "path", place, "bytes",
                     (json_int_t)known->bytes, "urls", urls, "sha256", known->sha256, "licence",
                     known->licence, "layout", known->layout, "notes", known->notes);
}

static void print_known(const struct known_dataset *known, struct arena *arena)
{
    const char *state = known->kind == KNOWN_RENDERED      ? "rendered on the fly"
                        : dataset_known_here(known, arena) ? "here"
                        : known->kind == KNOWN_OWN         ? "your own copy is needed"
                        : known->bytes ? arena_printf(arena, "mcunet fetch %s (%lld MB)", known->name,
                                                      (long long)(known->bytes / 1000000))
                                       : arena_printf(arena, "mcunet fetch %s", known->name);
    printf("%s: %s\n  get      %s\n  licence  %s\n  layout   %s\n", known->name, known->title, state,
           known->licence, known->layout);
    if (known->kind == KNOWN_OWN)
        printf("  notes    %s\n", known->notes);
}

static int list_sets(bool json)
{
    struct arena arena = ARENA_INIT;
    const struct known_dataset *sets;
    int n;
    int rc = dataset_known_list(&sets, &n, &arena);
    if (!rc && json) {
        json_t *list = json_array();
        for (int i = 0; i < n; i++)
            json_array_append_new(list, known_json(&sets[i], &arena));
        json_t *top = json_pack("{s:i, s:s, s:s, s:o}", "schema_version", 1, "tool_version", MCUNET_VERSION,
                                "kind", "datasets", "datasets", list);
        rc = json_print(top);
        json_decref(top);
    } else if (!rc) {
        for (int i = 0; i < n; i++)
            print_known(&sets[i], &arena);
    }
    arena_release(&arena);
    return rc;
}

int cmd_datasets(int argc, char **argv)
{
    struct datasets_options o = {.split = "all", .size = DEFAULT_SIDE, .seed = 1};
    const struct option_spec options[] = {
        OPTION_STRING('o', "output", "DIR", &o.folder, "export: where the images go"),
        OPTION_STRING(0, "split", "PART", &o.split, "export: all, train or val (default all)"),
        OPTION_INT(0, "images", "N", &o.images, "export: at most N images, classes balanced (default: all)"),
        OPTION_INT(0, "size", "S", &o.size, "export: side of rendered images, 16 to 512 (default 96)"),
        OPTION_U64(0, "seed", "N", &o.seed, "export: of rendered images and of the choice of N (default 1)"),
        OPTION_FLAG(0, "json", &o.json, "print the list as JSON"),
        OPTION_FLAG('q', "quiet", &o.quiet, "no progress"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc == 0)
        return list_sets(o.json);
    if (strcmp(argv[0], "export") != 0)
        return error_usage("datasets: unknown action '%s'; there is only export", argv[0]);
    if (argc != 2 || !o.folder)
        return error_usage("datasets export: name one set, and a folder with -o");
    if (o.images < 0)
        return error_usage("--images: expected 1 or more");
    if (o.size < 16 || o.size > 512)
        return error_usage("--size: expected 16 to 512");
    return export_set(argv[1], &o);
}
