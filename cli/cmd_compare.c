/*
 * cmd_compare.c - mcunet compare: how far apart two networks are.
 */
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/commands.h"
#include "cli/compare.h"
#include "cli/network.h"
#include "datasets/dataset.h"

static const char usage[] =
    "mcunet compare A.onnx B.onnx --data SET [options]\n\n"
    "Runs two networks, float or int8, on the same images: signal to noise per tensor,\n"
    "how often both give the same class, top-1 of each.";

enum { DEFAULT_IMAGES = 64 };

struct compare_options {
    const char *data, *preprocess;
    int images, threads;
    uint64_t seed;
    bool json, quiet;
};

/* JSON has no infinity: null is "no difference". */
static json_t *decibels_json(double db)
{
    return isfinite(db) ? json_real(round(db * 100) / 100) : json_null();
}

static double percent(int part, int of)
{
    return of ? 100.0 * part / of : 0;
}

static int print_json(const struct comparison *comparison, const struct network *a, const struct network *b)
{
    json_t *tensors = json_array();
    for (int i = 0; i < comparison->n_tensors; i++) {
        const struct compared_tensor *t = &comparison->tensors[i];
        json_array_append_new(tensors,
                              json_pack("{s:s, s:s, s:[i,i,i], s:o}", "name", t->name, "op", t->op, "shape",
                                        t->h, t->w, t->c, "sqnr_db", decibels_json(t->sqnr_db)));
    }
    const int n = comparison->images;
    json_t *top =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:o, s:f, s:o}", "schema_version", 1,
                  "tool_version", MCUNET_VERSION, "kind", "compare", "a_sha256", a->sha256, "b_sha256",
                  b->sha256, "images", n, "same_argmax", percent(comparison->same_argmax, n), "a_top1",
                  percent(comparison->correct_a, n), "b_top1", percent(comparison->correct_b, n),
                  "logits_sqnr_db", decibels_json(comparison->logits_sqnr_db), "logits_max_difference",
                  comparison->logits_max_difference, "tensors", tensors);
    const int rc = json_print(top);
    json_decref(top);
    return rc;
}

static void print_decibels(double db)
{
    if (isfinite(db))
        printf("%8.2f dB", db);
    else
        printf("%8s   ", db > 0 ? "equal" : "-");
}

static void print_text(const struct comparison *comparison)
{
    printf("       SQNR  %-20s %-14s %s\n", "operator", "output", "tensor");
    for (int i = 0; i < comparison->n_tensors; i++) {
        const struct compared_tensor *t = &comparison->tensors[i];
        char shape[48];
        snprintf(shape, sizeof shape, "%dx%dx%d", t->h, t->w, t->c);
        print_decibels(t->sqnr_db);
        printf("  %-20s %-14s %s\n", t->op, shape, t->name);
    }
    const int n = comparison->images;
    printf("\nsame class   %6.2f %% of %d images\ntop-1        %6.2f %% and %.2f %%\nlogits       SQNR",
           percent(comparison->same_argmax, n), n, percent(comparison->correct_a, n),
           percent(comparison->correct_b, n));
    print_decibels(comparison->logits_sqnr_db);
    printf(", largest difference %.4g\n", comparison->logits_max_difference);
}

static int compare(const char *path_a, const char *path_b, const struct compare_options *o,
                   struct arena *arena)
{
    struct network a, b;
    struct dataset *images;
    struct comparison comparison;
    int rc = network_load(&a, path_a, o->preprocess, o->quiet, arena);
    if (!rc)
        rc = network_load(&b, path_b, o->preprocess, o->quiet, arena);
    if (!rc)
        rc = dataset_open(&images, o->data,
                          &(struct dataset_options){.split = SPLIT_VAL_OR_ALL,
                                                    .limit = o->images,
                                                    .seed = o->seed,
                                                    .search = -1,
                                                    .classes = a.classes});
    if (rc)
        return rc;
    rc = compare_networks(&comparison, &a, &b, images, o->threads, o->quiet, arena);
    dataset_close(images);
    if (rc)
        return rc;
    if (o->json)
        return print_json(&comparison, &a, &b);
    print_text(&comparison);
    return 0;
}

int cmd_compare(int argc, char **argv)
{
    struct compare_options o = {.images = DEFAULT_IMAGES, .seed = 1};
    const struct option_spec options[] = {
        OPTION_STRING(0, "data", "SET", &o.data, "images: a known name, a folder, a zip, CIFAR records"),
        OPTION_INT(0, "images", "N", &o.images, "at most N images (default 64; 0: all)"),
        OPTION_STRING(0, "preprocess", "HOW", &o.preprocess,
                      "input transform: mcunet, vww, imagenet, squash or JSON"),
        OPTION_U64(0, "seed", "N", &o.seed, "of rendered images and of the choice of N (default 1)"),
        OPTION_INT('j', "jobs", "N", &o.threads, "threads (default: all cores)"),
        OPTION_FLAG(0, "json", &o.json, "print the result as JSON"),
        OPTION_FLAG('q', "quiet", &o.quiet, "no progress, no messages but errors"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc != 2 || !o.data)
        return error_usage("compare: name two networks, and images with --data");
    if (o.images < 0 || o.threads < 0)
        return error_usage("--images, --jobs: expected 0 or more");
    struct arena arena = ARENA_INIT;
    rc = compare(argv[0], argv[1], &o, &arena);
    arena_release(&arena);
    return rc;
}
