#include "cli/table.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/resource.h"
#include "base/yaml.h"

struct net_yaml {
    char *name, *data, *preprocess;
    char **files;
    uint32_t files_count;
};

struct figure_yaml {
    char *net, *board, *engine, *note;
    int kind;
    double ms, sram_kb, flash_kb, top1_float, top1_int8;
};

struct table_yaml {
    char *title, *source;
    char **boards, **optimize;
    uint32_t boards_count, optimize_count;
    struct net_yaml *nets;
    uint32_t nets_count;
    struct figure_yaml *published;
    uint32_t published_count;
};

enum { WORD = 64, TEXT = 512, MAX_LIST = 16, MAX_ROWS = 4096 };

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, WORD),
};

#define STRING(type, field, flags, length)                                                                   \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | (flags), struct type, field, 1, length)
#define WORDS(type, field)                                                                                   \
    CYAML_FIELD_SEQUENCE(#field, CYAML_FLAG_POINTER, struct type, field, &word_schema, 1, MAX_LIST)
#define NUMBER(type, field) CYAML_FIELD_FLOAT(#field, CYAML_FLAG_OPTIONAL, struct type, field)

static const cyaml_schema_field_t net_fields[] = {
    STRING(net_yaml, name, 0, WORD),
    WORDS(net_yaml, files),
    STRING(net_yaml, data, CYAML_FLAG_OPTIONAL, WORD),
    STRING(net_yaml, preprocess, CYAML_FLAG_OPTIONAL, TEXT),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t net_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct net_yaml, net_fields),
};

static const cyaml_strval_t kinds[] = {{"measured", FIGURE_MEASURED}, {"estimate", FIGURE_ESTIMATE}};

static const cyaml_schema_field_t figure_fields[] = {
    STRING(figure_yaml, net, 0, WORD),
    STRING(figure_yaml, board, CYAML_FLAG_OPTIONAL, WORD),
    STRING(figure_yaml, engine, 0, WORD),
    STRING(figure_yaml, note, CYAML_FLAG_OPTIONAL, TEXT),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct figure_yaml, kind, kinds, 2),
    NUMBER(figure_yaml, ms),
    NUMBER(figure_yaml, sram_kb),
    NUMBER(figure_yaml, flash_kb),
    NUMBER(figure_yaml, top1_float),
    NUMBER(figure_yaml, top1_int8),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t figure_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct figure_yaml, figure_fields),
};

static const cyaml_schema_field_t table_fields[] = {
    STRING(table_yaml, title, 0, TEXT),
    STRING(table_yaml, source, 0, TEXT),
    WORDS(table_yaml, optimize),
    WORDS(table_yaml, boards),
    CYAML_FIELD_SEQUENCE("nets", CYAML_FLAG_POINTER, struct table_yaml, nets, &net_schema, 1, MAX_ROWS),
    CYAML_FIELD_SEQUENCE("published", CYAML_FLAG_POINTER, struct table_yaml, published, &figure_schema, 1,
                         MAX_ROWS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t table_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct table_yaml, table_fields),
};

const char *figure_kind_name(enum figure_kind kind)
{
    static const char *const names[] = {"measured", "estimate", "absent"};
    return names[kind];
}

static const char *text_from(const char *yaml, struct arena *arena)
{
    return arena_strdup(arena, yaml ? yaml : "");
}

static const char *const *words_from(char **yaml, uint32_t n, struct arena *arena)
{
    const char **words = ARENA_ARRAY(arena, const char *, n);
    for (uint32_t i = 0; i < n; i++)
        words[i] = arena_strdup(arena, yaml[i]);
    return words;
}

static void table_from(struct table *out, const struct table_yaml *yaml, struct arena *arena)
{
    out->title = arena_strdup(arena, yaml->title);
    out->source = arena_strdup(arena, yaml->source);
    out->n_boards = (int)yaml->boards_count;
    out->boards = words_from(yaml->boards, yaml->boards_count, arena);
    out->n_optimize = (int)yaml->optimize_count;
    out->optimize = words_from(yaml->optimize, yaml->optimize_count, arena);
    out->n_nets = (int)yaml->nets_count;
    out->nets = ARENA_ARRAY(arena, struct table_net, yaml->nets_count);
    for (int i = 0; i < out->n_nets; i++) {
        const struct net_yaml *net = &yaml->nets[i];
        out->nets[i] = (struct table_net){.name = arena_strdup(arena, net->name),
                                          .files = words_from(net->files, net->files_count, arena),
                                          .n_files = (int)net->files_count,
                                          .data = text_from(net->data, arena),
                                          .preprocess = text_from(net->preprocess, arena)};
    }
    out->n_published = (int)yaml->published_count;
    out->published = ARENA_ARRAY(arena, struct figure, yaml->published_count);
    for (int i = 0; i < out->n_published; i++) {
        const struct figure_yaml *figure = &yaml->published[i];
        out->published[i] = (struct figure){.net = arena_strdup(arena, figure->net),
                                            .board = text_from(figure->board, arena),
                                            .engine = arena_strdup(arena, figure->engine),
                                            .kind = (enum figure_kind)figure->kind,
                                            .ms = figure->ms,
                                            .sram_kb = figure->sram_kb,
                                            .flash_kb = figure->flash_kb,
                                            .top1_float = figure->top1_float,
                                            .top1_int8 = figure->top1_int8,
                                            .note = text_from(figure->note, arena)};
    }
}

static bool has_net(const struct table *table, const char *name)
{
    for (int i = 0; i < table->n_nets; i++)
        if (strcmp(table->nets[i].name, name) == 0)
            return true;
    return false;
}

static int unknown_table(const char *name, struct arena *arena)
{
    const char *const *names, *known = "";
    int n, rc = resource_list(&names, &n, "cli/tables", ".yml", arena);
    if (rc)
        return rc;
    const char *near = nearest_name(name, names, n);
    if (near)
        return error_input("unknown table '%s'; did you mean '%s'?", name, near);
    for (int i = 0; i < n; i++)
        known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", names[i]);
    return error_input("unknown table '%s'; there are: %s", name, known);
}

int table_read(struct table *out, const char *name, struct arena *arena)
{
    const char *path =
        strchr(name, '/') ? NULL : resource_find(arena_printf(arena, "cli/tables/%s.yml", name), arena);
    if (!path)
        return unknown_table(name, arena);
    void *data;
    int rc = yaml_read(&data, path, &table_schema);
    if (rc)
        return rc;
    *out = (struct table){.name = arena_strdup(arena, name)};
    table_from(out, data, arena);
    yaml_release(&table_schema, data);
    for (int i = 0; i < out->n_published && !rc; i++)
        if (!has_net(out, out->published[i].net))
            rc = error_input("%s:%d: there is no net '%s'", path,
                             yaml_key_line(path, arena_printf(arena, "published[%d]", i)),
                             out->published[i].net);
    return rc;
}
