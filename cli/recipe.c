/*
 * recipe.c - recipe_keys.inc expanded: YAML in, --set, YAML out.
 */
#include "cli/recipe.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "base/strbuf.h"
#include "base/yaml.h"
#include "nas/space.h"

/* The YAML side: every key optional, so a pointer tells unset from zero. */
#define YAML_C_TEXT char *
#define YAML_C_INT  int *
#define YAML_C_REAL double *

#define SECTION(section, help)               struct section##_yaml {
#define KEY(section, name, kind, fallback, help) YAML_C_##kind name;
#define SECTION_END(section)                 };
#include "cli/recipe_keys.inc"

struct recipe_yaml {
    struct top_yaml top;
    struct limits_yaml *limits;
    struct space_yaml *space;
    struct search_yaml *search;
    struct quantize_yaml *quantize;
    struct codegen_yaml *codegen;
    struct evaluate_yaml *evaluate;
    struct emulate_yaml *emulate;
    struct expect_yaml *expect;
};

#define FIELD_TEXT(type, name) CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, name, 0, 4096)
#define FIELD_INT(type, name)  CYAML_FIELD_INT_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, name)
#define FIELD_REAL(type, name) CYAML_FIELD_FLOAT_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, name)

/* The sections' field lists; `top` is the document itself and gets its list by hand below, since it also holds the sections. */
#define SECTION(section, help)               static const cyaml_schema_field_t section##_fields[] = {
#define KEY(section, name, kind, fallback, help) FIELD_##kind(section##_yaml, name),
#define SECTION_END(section) CYAML_FIELD_END };
#include "cli/recipe_keys.inc"

enum { MAX_FIELDS = 32 };

struct document_schema {
    cyaml_schema_field_t fields[MAX_FIELDS];
    cyaml_schema_value_t value;
};

static void document_schema(struct document_schema *schema)
{
    static const cyaml_schema_field_t sections[] = {
#define SECTION_FIELD(section)                                                                               \
    CYAML_FIELD_MAPPING_PTR(#section, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct recipe_yaml, section, section##_fields)
        SECTION_FIELD(limits),   SECTION_FIELD(space),   SECTION_FIELD(search), SECTION_FIELD(quantize), SECTION_FIELD(codegen),
        SECTION_FIELD(evaluate), SECTION_FIELD(emulate), SECTION_FIELD(expect), CYAML_FIELD_END};
    int n = 0;
    for (const cyaml_schema_field_t *f = top_fields; f->key; f++)
        schema->fields[n++] = *f; /* top_yaml is recipe_yaml's first member: offsets agree */
    for (const cyaml_schema_field_t *f = sections; f->key; f++)
        schema->fields[n++] = *f;
    schema->fields[n] = (cyaml_schema_field_t)CYAML_FIELD_END;
    schema->value = (cyaml_schema_value_t){CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct recipe_yaml, schema->fields)};
}

static void take_defaults(struct recipe *recipe)
{
    memset(recipe, 0, sizeof *recipe);
    recipe->set = " ";
#define SECTION(section, help)
#define KEY(section, name, kind, fallback, help) recipe->section.name = fallback;
#define SECTION_END(section)
#include "cli/recipe_keys.inc"
}

#define TAKE_TEXT(to, from) to = arena_strdup(arena, from)
#define TAKE_INT(to, from)  to = *(from)
#define TAKE_REAL(to, from) to = *(from)

static void take_yaml(struct recipe *recipe, const struct recipe_yaml *yaml, struct arena *arena)
{
    const struct top_yaml *top = &yaml->top;
    const struct limits_yaml *limits = yaml->limits;
    const struct space_yaml *space = yaml->space;
    const struct search_yaml *search = yaml->search;
    const struct quantize_yaml *quantize = yaml->quantize;
    const struct codegen_yaml *codegen = yaml->codegen;
    const struct evaluate_yaml *evaluate = yaml->evaluate;
    const struct emulate_yaml *emulate = yaml->emulate;
    const struct expect_yaml *expect = yaml->expect;
#define SECTION(section, help)
#define KEY(section, name, kind, fallback, help)                                                             \
    if (section && section->name)                                                                            \
        TAKE_##kind(recipe->section.name, section->name);
#define SECTION_END(section)
#include "cli/recipe_keys.inc"
}

static int set_text(const char **out, const char *key, const char *value, struct arena *arena)
{
    (void)key;
    *out = arena_strdup(arena, value);
    return 0;
}

static int set_int(int *out, const char *key, const char *value)
{
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number != (int)number)
        return error_usage("--set %s: '%s' is not an integer", key, value);
    *out = (int)number;
    return 0;
}

static int set_real(double *out, const char *key, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number))
        return error_usage("--set %s: '%s' is not a number", key, value);
    *out = number;
    return 0;
}

#define SET_TEXT(out, key, value) set_text(out, key, value, arena)
#define SET_INT(out, key, value)  set_int(out, key, value)
#define SET_REAL(out, key, value) set_real(out, key, value)

static int apply_set(struct recipe *recipe, const char *assignment, struct arena *arena)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return error_usage("--set '%s': expected key=value", assignment);
    const char *key = arena_printf(arena, "%.*s", (int)(equals - assignment), assignment);
    const char *value = equals + 1;
#define SECTION(section, help)
#define KEY(section, name, kind, fallback, help)                                                             \
    if (!strcmp(key, #section "." #name) || (!strcmp(#section, "top") && !strcmp(key, #name)))               \
        return SET_##kind(&recipe->section.name, key, value);
#define SECTION_END(section)
#include "cli/recipe_keys.inc"
    return error_usage("--set: unknown recipe key '%s' (`mcunet run --keys` lists them)", key);
}

/* Where a key got its value, for messages: "--set", "quick.yml:12", or the path alone where it is a default. */
static const char *place_of(const struct recipe *recipe, const char *key, struct arena *arena)
{
    if (strstr(recipe->set, arena_printf(arena, " %s ", key)))
        return "--set";
    int line = yaml_key_line(recipe->path, key);
    return line ? arena_printf(arena, "%s:%d", recipe->path, line) : recipe->path;
}

/* The key as users write it: those of the top have no prefix. */
static const char *key_as_written(const char *key)
{
    return strncmp(key, "top.", 4) ? key : key + 4;
}

/* value is within [low, high]; the key's name is in the message. */
static int check_range(const struct recipe *recipe, const char *key, double value, double low, double high)
{
    if (value >= low && value <= high)
        return 0;
    struct arena arena = ARENA_INIT;
    key = key_as_written(key);
    const char *range = low < high ? arena_printf(&arena, "%g to %g", low, high) : arena_printf(&arena, "%g", low);
    int rc = error_input("%s: '%s' is %g, expected %s", place_of(recipe, key, &arena), key, value, range);
    arena_release(&arena);
    return rc;
}

static int check_word(const struct recipe *recipe, const char *key, const char *word, const char *const *words,
                      const char *expected)
{
    for (int i = 0; words[i]; i++)
        if (!strcmp(word, words[i]))
            return 0;
    struct arena arena = ARENA_INIT;
    int rc = error_input("%s: '%s' is '%s', expected %s", place_of(recipe, key, &arena), key, word, expected);
    arena_release(&arena);
    return rc;
}

static int check_words(const struct recipe *recipe)
{
    static const char *const optimize[] = {"sram", "latency", "balanced", NULL}, *const fusion[] = {"on", "off", NULL};
    int rc = check_word(recipe, "codegen.optimize", recipe->codegen.optimize, optimize, "sram, latency or balanced");
    return rc ? rc : check_word(recipe, "codegen.fusion", recipe->codegen.fusion, fusion, "on or off");
}

static int validate(const struct recipe *recipe)
{
#define RANGE(section, name, low, high)                                                                      \
    if (check_range(recipe, #section "." #name, recipe->section.name, low, high))                            \
    return EXIT_INPUT
    if (recipe->top.schema != 1) /* of this format: no other is known */
        return check_range(recipe, "schema", recipe->top.schema, 1, 1);
    RANGE(top, classes, 0, 1000000);
    RANGE(top, seed, 0, 2147483647);
    RANGE(space, samples, 1, SPACE_MAX_SAMPLES);
    RANGE(search, population, 2, 100000);
    RANGE(search, parents, 1, recipe->search.population);
    RANGE(search, crossover, 0, 100000);
    RANGE(search, mutation, 0, 100000);
    RANGE(search, mutation_probability, 0, 1);
    RANGE(search, iterations, 0, 10000);
    RANGE(search, images, 1, 10000000);
    RANGE(search, bn_images, 32, 1000000);
    RANGE(quantize, images, 1, 100000);
    RANGE(evaluate, images, 0, 100000000);
    RANGE(evaluate, floor, 0, 100);
    RANGE(evaluate, max_loss, 0, 100);
    RANGE(emulate, images, 1, 100000);
    RANGE(emulate, timeout, 1, 1000000);
#undef RANGE
    if (check_words(recipe))
        return EXIT_INPUT;
    struct limits limits;
    return recipe_limits(recipe, &limits);
}

static int apply_sets(struct recipe *recipe, const struct option_list *sets, struct arena *arena)
{
    for (int i = 0; sets && i < sets->n; i++) {
        int rc = apply_set(recipe, sets->values[i], arena);
        if (rc)
            return rc;
        recipe->set = arena_printf(arena, "%s%.*s ", recipe->set, (int)strcspn(sets->values[i], "="), sets->values[i]);
    }
    return 0;
}

int recipe_default(struct recipe *recipe, const struct option_list *sets, struct arena *arena)
{
    take_defaults(recipe);
    recipe->path = "command line";
    int rc = apply_sets(recipe, sets, arena);
    return rc ? rc : validate(recipe);
}

int recipe_read(struct recipe *recipe, const char *path, const struct option_list *sets, struct arena *arena)
{
    struct document_schema schema;
    document_schema(&schema);
    void *yaml;
    int rc = yaml_read(&yaml, path, &schema.value);
    if (rc)
        return rc;
    take_defaults(recipe);
    recipe->path = arena_strdup(arena, path);
    take_yaml(recipe, yaml, arena);
    yaml_release(&schema.value, yaml);
    rc = apply_sets(recipe, sets, arena);
    if (rc)
        return rc;
    if (!*recipe->top.board)
        return error_input("%s: 'board' is missing (`mcunet boards` lists them)", path);
    if (!*recipe->top.supernet == !*recipe->top.model)
        return error_input("%s: name either 'supernet' or 'model', %s", path, *recipe->top.model ? "not both" : "neither is there");
    if (*recipe->top.model && (*recipe->limits.latency || *recipe->limits.energy))
        return error_input("%s: 'limits.%s' is for a search, and with 'model' there is none", path,
                           *recipe->limits.latency ? "latency" : "energy");
    if (!*recipe->top.dataset)
        return error_input("%s: 'dataset' is missing: a name from `mcunet datasets`, a folder or an archive of labelled images", path);
    return validate(recipe);
}

/* YAML needs quotes around text that would read as something else; double quotes and backslashes are escaped. */
static void print_text(struct strbuf *out, const char *text)
{
    strbuf_adds(out, "\"");
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            strbuf_add(out, "\\", 1);
        strbuf_add(out, p, 1);
    }
    strbuf_adds(out, "\"");
}

#define PRINT_TEXT(value) print_text(out, value)
#define PRINT_INT(value)  strbuf_addf(out, "%d", value)
#define PRINT_REAL(value) strbuf_addf(out, "%.15g", value)

void recipe_print(const struct recipe *recipe, const char *only, struct strbuf *out)
{
#define SECTION(section, help)                                                                               \
    if (!only || !strcmp(only, #section)) {                                                                  \
        const char *indent = strcmp(#section, "top") ? "  " : "";                                            \
        if (*indent)                                                                                         \
            strbuf_adds(out, #section ":\n");
#define KEY(section, name, kind, fallback, help)                                                             \
    strbuf_addf(out, "%s%s: ", indent, #name);                                                               \
    PRINT_##kind(recipe->section.name);                                                                      \
    strbuf_adds(out, "\n");
#define SECTION_END(section) }
#include "cli/recipe_keys.inc"
}

void recipe_print_keys(struct strbuf *out)
{
#define SHOW_TEXT(fallback) strbuf_adds(out, fallback)
#define SHOW_INT(fallback)  strbuf_addf(out, "%d", fallback)
#define SHOW_REAL(fallback) strbuf_addf(out, "%g", (double)fallback)
#define SECTION(section, help) strbuf_addf(out, "%s%s\n", out->length ? "\n" : "", help);
#define KEY(section, name, kind, fallback, help)                                                             \
    {                                                                                                        \
        const char *prefix = strcmp(#section, "top") ? #section "." : "";                                    \
        strbuf_addf(out, "  %s%-*s %s", prefix, 30 - (int)strlen(prefix), #name, help);                      \
        size_t before = out->length;                                                                         \
        strbuf_adds(out, " [");                                                                              \
        SHOW_##kind(fallback);                                                                               \
        if (out->length == before + 2) {                                                                     \
            out->length = before;                                                                            \
            strbuf_adds(out, "\n");                                                                          \
        } else {                                                                                             \
            strbuf_adds(out, "]\n");                                                                         \
        }                                                                                                    \
    }
#define SECTION_END(section)
#include "cli/recipe_keys.inc"
}

struct unit {
    const char *unit;
    double factor;
};

/* Bytes and counts; microseconds; nanojoules. */
static const struct unit plain_units[] = {{"", 1},      {"B", 1},      {"k", 1e3},  {"M", 1e6},        {"G", 1e9}, {"kB", 1e3},
                                          {"KB", 1024}, {"KiB", 1024}, {"MB", 1e6}, {"MiB", 1048576}, {NULL, 0}};
static const struct unit time_units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {NULL, 0}};
static const struct unit energy_units[] = {{"nJ", 1}, {"uJ", 1e3}, {"mJ", 1e6}, {"J", 1e9}, {NULL, 0}};

/* "320KiB" -> 327680 */
static int parse_amount(const struct recipe *recipe, const char *key, const char *text, const struct unit *units, const char *such_as,
                        int64_t *out)
{
    *out = 0;
    if (!*text)
        return 0;
    char *end;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (int i = 0; end != text && units[i].unit; i++) {
        double value = number * units[i].factor;
        if (!strcmp(end, units[i].unit) && value >= 1 && value < 1e15) {
            *out = (int64_t)value;
            return 0;
        }
    }
    struct arena arena = ARENA_INIT;
    int rc = error_input("%s: 'limits.%s' is '%s', expected an amount such as %s",
                         place_of(recipe, arena_printf(&arena, "limits.%s", key), &arena), key, text, such_as);
    arena_release(&arena);
    return rc;
}

int recipe_limits(const struct recipe *recipe, struct limits *limits)
{
    *limits = (struct limits){0};
    static const char amounts[] = "320KiB, 1MB or 12M";
    int rc = parse_amount(recipe, "sram", recipe->limits.sram, plain_units, amounts, &limits->sram_bytes);
    if (!rc)
        rc = parse_amount(recipe, "flash", recipe->limits.flash, plain_units, amounts, &limits->flash_bytes);
    if (!rc)
        rc = parse_amount(recipe, "macs", recipe->limits.macs, plain_units, amounts, &limits->macs);
    if (!rc)
        rc = parse_amount(recipe, "latency", recipe->limits.latency, time_units, "200ms or 0.5s", &limits->latency_us);
    if (!rc)
        rc = parse_amount(recipe, "energy", recipe->limits.energy, energy_units, "5mJ or 800uJ", &limits->energy_nj);
    return rc;
}

const char *recipe_user_path(const char *path, struct arena *arena)
{
    const char *folder = getenv("MCUNET_WORKDIR");
    if (!folder || path[0] == '/')
        return path;
    const char *joined = path_join(arena, folder, path);
    return file_exists(joined) || folder_exists(joined) ? joined : path;
}
