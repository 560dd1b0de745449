#include "datasets/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "base/yaml.h"

struct known_yaml {
    char *name, *title, *url, *sha256, *licence, *layout, *notes;
    enum known_kind kind;
    int classes;
    char **mirrors;
    uint32_t mirrors_count;
    int64_t bytes;
};

static const cyaml_strval_t kinds[] = {
    {"rendered", KNOWN_RENDERED}, {"archive", KNOWN_ARCHIVE}, {"own", KNOWN_OWN}};

static const cyaml_schema_value_t mirror_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 8, 512)};

#define TEXT(field, length)                                                                                  \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER, struct known_yaml, field, 1, length)
#define OPTIONAL(field, length)                                                                              \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct known_yaml, field, 1,    \
                           length)

static const cyaml_schema_field_t known_fields[] = {
    TEXT(name, 64),
    TEXT(title, 200),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct known_yaml, kind, kinds, 3),
    CYAML_FIELD_INT("classes", CYAML_FLAG_DEFAULT, struct known_yaml, classes),
    OPTIONAL(url, 512),
    CYAML_FIELD_SEQUENCE("mirrors", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct known_yaml, mirrors,
                         &mirror_schema, 0, 8),
    OPTIONAL(sha256, 64),
    CYAML_FIELD_INT("bytes", CYAML_FLAG_OPTIONAL, struct known_yaml, bytes),
    OPTIONAL(licence, 500),
    OPTIONAL(layout, 500),
    OPTIONAL(notes, 2000),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t known_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct known_yaml, known_fields)};

const char *known_kind_name(enum known_kind kind)
{
    return kinds[kind].str;
}

static int check(const struct known_yaml *yaml, const char *path, const char *name)
{
    if (strcmp(yaml->name, name)) {
        return error_input("%s: 'name' is '%s', not that of the file", path, yaml->name);
    }
    if ((yaml->kind == KNOWN_ARCHIVE) != (yaml->url != NULL)) {
        return error_input("%s: 'url' belongs to sets of kind archive, and they need it", path);
    }
    if (yaml->sha256 && (strlen(yaml->sha256) != 64 || strspn(yaml->sha256, "0123456789abcdef") != 64)) {
        return error_input("%s: 'sha256' must be 64 lower-case hexadecimal digits", path);
    }
    if (yaml->classes < 2 || yaml->bytes < 0) {
        return error_input("%s: 'classes' must be at least 2 and 'bytes' not negative", path);
    }
    return 0;
}

static const char *kept(const char *text, struct arena *arena)
{
    return text ? arena_strdup(arena, text) : "";
}

static int known_read(struct known_dataset *out, const char *path, const char *name, struct arena *arena)
{
    struct known_yaml *yaml;
    int rc = yaml_read((void **)&yaml, path, &known_schema);
    if (rc) {
        return rc;
    }
    rc = check(yaml, path, name);
    if (!rc) {
        const int n_urls = yaml->url ? 1 + (int)yaml->mirrors_count : 0;
        const char **urls = ARENA_ARRAY(arena, const char *, (size_t)n_urls + 1);
        for (int i = 0; i < n_urls; i++) {
            urls[i] = kept(i == 0 ? yaml->url : yaml->mirrors[i - 1], arena);
        }
        *out = (struct known_dataset){
            .name = kept(yaml->name, arena),
            .title = kept(yaml->title, arena),
            .kind = yaml->kind,
            .classes = yaml->classes,
            .urls = urls,
            .n_urls = n_urls,
            .sha256 = yaml->sha256 ? kept(yaml->sha256, arena) : NULL,
            .bytes = yaml->bytes,
            .licence = kept(yaml->licence, arena),
            .layout = kept(yaml->layout, arena),
            .notes = kept(yaml->notes, arena),
        };
    }
    yaml_release(&known_schema, yaml);
    return rc;
}

int dataset_known_list(const struct known_dataset **out, int *n, struct arena *arena)
{
    const char *const *names;
    int rc = resource_list(&names, n, "datasets", ".yml", arena);
    if (rc) {
        return rc;
    }
    struct known_dataset *sets = ARENA_ARRAY(arena, struct known_dataset, (size_t)*n + 1);
    for (int i = 0; !rc && i < *n; i++) {
        const char *path;
        rc = resource_path(&path, arena_printf(arena, "datasets/%s.yml", names[i]), arena);
        if (!rc) {
            rc = known_read(&sets[i], path, names[i], arena);
        }
    }
    *out = sets;
    return rc;
}

int dataset_known_find(const struct known_dataset **out, const char *name, struct arena *arena)
{
    *out = NULL;
    if (*name == '\0' || strchr(name, '/')) {
        return 0;
    }
    const char *path = resource_find(arena_printf(arena, "datasets/%s.yml", name), arena);
    if (!path) {
        return 0;
    }
    struct known_dataset *known = ARENA_NEW(arena, struct known_dataset);
    const int rc = known_read(known, path, name, arena);
    *out = rc ? NULL : known;
    return rc;
}

int dataset_known_missing(const char *name)
{
    struct arena arena = ARENA_INIT;
    struct strbuf list = STRBUF_INIT;
    const char *const *names;
    int n, rc = resource_list(&names, &n, "datasets", ".yml", &arena);
    if (!rc) {
        for (int i = 0; i < n; i++) {
            strbuf_addf(&list, "%s%s", i ? ", " : "", names[i]);
        }
        const char *nearest = nearest_name(name, names, n);
        rc = nearest ? error_input("no dataset '%s'; did you mean '%s'?", name, nearest)
                     : error_input("no dataset '%s': neither a file or folder nor a known set (%s)", name,
                                   strbuf_text(&list));
    }
    strbuf_release(&list);
    arena_release(&arena);
    return rc;
}

int dataset_known_place(const char **out, const struct known_dataset *known, struct arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!cache || *cache != '/') { /* the XDG specification: ignore a relative one */
        if (!home || !*home) {
            return error("no place for datasets: neither XDG_CACHE_HOME nor HOME is set");
        }
        cache = path_join(arena, home, ".cache");
    }
    const char *folder = arena_printf(arena, "%s/mcunet/datasets/%s", cache, known->name);
    *out = known->kind == KNOWN_ARCHIVE ? path_join(arena, folder, path_name(known->urls[0])) : folder;
    return 0;
}

bool dataset_known_here(const struct known_dataset *known, struct arena *arena)
{
    const char *path;
    if (known->kind == KNOWN_RENDERED) {
        return true;
    }
    if (dataset_known_place(&path, known, arena)) {
        return false;
    }
    return known->kind == KNOWN_ARCHIVE ? file_exists(path) : folder_exists(path);
}

int dataset_known_path(const char **out, const struct known_dataset *known, struct arena *arena)
{
    const int rc = dataset_known_place(out, known, arena);
    if (rc) {
        return rc;
    }
    if (known->kind == KNOWN_ARCHIVE && !file_exists(*out)) {
        return error_input("dataset '%s' is not here: run `mcunet fetch %s` (%lld MB from %s)", known->name,
                           known->name, (long long)(known->bytes / 1000000), known->urls[0]);
    }
    if (known->kind == KNOWN_OWN && !folder_exists(*out)) {
        return error_input("dataset '%s' is not here: %s; put it at '%s' or name its folder", known->name,
                           known->notes, *out);
    }
    return 0;
}
