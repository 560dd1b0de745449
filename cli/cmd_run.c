/* mcunet run: the whole pipeline through Ninja. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "base/strbuf.h"
#include "cli/commands.h"
#include "cli/pipeline.h"
#include "cli/preflight.h"
#include "cli/recipe.h"
#include "cli/summary.h"

static const char usage[] = "mcunet run RECIPE.yml [options]";

struct run_options {
    const char *folder, *until;
    struct option_list sets;
    int jobs;
    bool dry_run, quiet, json, keys;
};

static int print_keys(void)
{
    struct strbuf text = STRBUF_INIT;
    recipe_print_keys(&text);
    fputs(strbuf_text(&text), stdout);
    strbuf_release(&text);
    return 0;
}

static int run(const struct run_options *options, const char *recipe_path, struct arena *arena)
{
    struct recipe recipe;
    int rc = recipe_read(&recipe, recipe_path, &options->sets, arena);
    if (rc)
        return rc;
    const char *name = path_name(recipe_path);
    const char *folder = options->folder;
    if (!folder)
        folder = arena_printf(arena, "runs/%.*s", (int)strcspn(name, "."), name);
    if (options->until)
        rc = pipeline_check_stage(options->until, arena);
    if (!rc)
        rc = preflight(&recipe, options->until, arena);
    if (!rc)
        rc = pipeline_write(&recipe, folder, arena);
    if (rc)
        return rc;
    struct pipeline_run pipeline = {
        .folder = folder, .until = options->until, .jobs = options->jobs, .dry_run = options->dry_run, .quiet = options->quiet};
    rc = pipeline_run(&pipeline, arena);
    if (rc || options->dry_run)
        return rc;
    if (pipeline.idle && !options->quiet)
        fprintf(stderr, "everything in %s is up to date\n", folder);
    return summary_print(folder, options->json, arena);
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = {0};
    const struct option_spec options[] = {
        OPTION_STRING('o', "output", "DIR", &o.folder, "folder for the artifacts (default: runs/<recipe name>)"),
        OPTION_STRING(0, "until", "STAGE", &o.until, "stop after space, search, quantize, eval, codegen, build, emulate or report"),
        OPTION_LIST(0, "set", "KEY=VALUE", &o.sets, "override a recipe key; may repeat"),
        OPTION_FLAG('n', "dry-run", &o.dry_run, "print the stages that would run"),
        OPTION_FLAG(0, "keys", &o.keys, "print every recipe key with its default"),
        OPTION_INT('j', "jobs", "N", &o.jobs, "threads (default: all cores)"),
        OPTION_FLAG(0, "json", &o.json, "print the summary as JSON"),
        OPTION_FLAG('q', "quiet", &o.quiet, "no messages but errors"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (o.keys)
        return print_keys();
    if (argc != 1)
        return error_usage("run: name one recipe (recipes/ has some)");
    struct arena arena = ARENA_INIT;
    rc = run(&o, argv[0], &arena);
    arena_release(&arena);
    return rc;
}
