/*
 * recipe.h - what to run, validated as a whole before anything starts. Keys: recipe_keys.inc.
 */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include <stdint.h>

struct arena;
struct limits;
struct option_list;
struct strbuf;

#define RECIPE_C_TEXT const char *
#define RECIPE_C_INT  int
#define RECIPE_C_REAL double

struct recipe {
#define SECTION(section, help)               struct {
#define KEY(section, name, kind, fallback, help) RECIPE_C_##kind name;
#define SECTION_END(section)                 } section;
#include "cli/recipe_keys.inc"
    const char *path; /* for messages */
    const char *set;  /* the keys that --set gave: " search.images seed " */
};

/*
 * Reads path, applies defaults and then the --set list ("search.iterations=4"), validates ranges and that board, supernet/model and dataset are
 * named. Bad file: error_input path:line; bad --set: error_usage.
 */
int recipe_read(struct recipe *recipe, const char *path, const struct option_list *sets, struct arena *arena);
/* Defaults and --set only: for stages called with explicit files. */
int recipe_default(struct recipe *recipe, const struct option_list *sets, struct arena *arena);

/* Every key with its value, as YAML that recipe_read accepts. section NULL: all; else only that section's keys. */
void recipe_print(const struct recipe *recipe, const char *section, struct strbuf *out);
/* The keys with defaults and help, for `mcunet run --keys`. */
void recipe_print_keys(struct strbuf *out);

/* limits.* as numbers. error_input names the key on a bad amount. */
int recipe_limits(const struct recipe *recipe, struct limits *limits);

/* A path a user gave in a recipe is relative to where mcunet was called, also inside `run`, whose stages work in the output folder
 * (MCUNET_WORKDIR). Names of shipped things pass through. */
const char *recipe_user_path(const char *path, struct arena *arena);

#endif
