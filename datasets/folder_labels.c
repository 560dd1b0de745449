/*
 * folder_labels.c - labels.tsv beside images/.
 *
 * labels.tsv has a line per image, fields separated by tabs. A first line with the word "file" in a field
 * names the columns: file, class_index (or index, or label), and name or class for the class's name if there.
 * Without it: file, index.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "datasets/source.h"

enum { LABELS_MAX_BYTES = 256 << 20, FIELDS = 32 };

struct columns {
    int file, index, name; /* name: -1 when there is none */
};

/* Cuts line at tabs; fields past the last that is of use are left alone. */
static int split_fields(char *line, char *fields[FIELDS])
{
    int n = 0;
    for (char *at = line; at && n < FIELDS; n++) {
        fields[n] = at;
        at = strchr(at, '\t');
        if (at) {
            *at++ = '\0';
        }
    }
    return n;
}

static int find_column(char *const fields[], int n, const char *name)
{
    for (int i = 0; i < n; i++) {
        if (!strcmp(fields[i], name)) {
            return i;
        }
    }
    return -1;
}

/* True when the first line names columns. */
static bool read_header(struct columns *columns, char *const fields[], int n)
{
    const int file = find_column(fields, n, "file");
    if (file < 0) {
        return false;
    }
    static const char *const index_names[] = {"class_index", "label", "index"};
    columns->file = file;
    columns->index = -1;
    for (int i = 0; i < 3 && columns->index < 0; i++) {
        columns->index = find_column(fields, n, index_names[i]);
    }
    columns->name = find_column(fields, n, "name");
    if (columns->name < 0) {
        columns->name = find_column(fields, n, "class");
    }
    return true;
}

/* Stays below images/: not absolute, no "..". */
static bool name_is_safe(const char *name)
{
    if (*name == '\0' || *name == '/') {
        return false;
    }
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0')) {
            return false;
        }
    }
    return true;
}

struct labels {
    struct dataset *dataset;
    const char *path;
    struct columns columns;
    const char **class_names; /* malloc'ed, DATASET_MAX_CLASSES; NULL where not told */
    int line;
};

static int add_line(struct labels *labels, char *const fields[], int n)
{
    const struct columns *columns = &labels->columns;
    struct dataset *dataset = labels->dataset;
    if (n <= columns->file || n <= columns->index) {
        return error_input("%s:%d: expected a file and a class index, separated by a tab", labels->path,
                           labels->line);
    }
    const char *file = fields[columns->file], *number = fields[columns->index];
    char *end;
    const long label = strtol(number, &end, 10);
    if (end == number || *end || label < 0 || label >= DATASET_MAX_CLASSES) {
        return error_input("%s:%d: class index '%s' is not a number from 0 to %d", labels->path, labels->line,
                           number, DATASET_MAX_CLASSES - 1);
    }
    if (!name_is_safe(file)) {
        return error_input("%s:%d: file '%s' is not a name below images/", labels->path, labels->line, file);
    }
    const char *name = arena_printf(&dataset->arena, "images/%s", file);
    if (access(path_join(&dataset->arena, dataset->root, name), R_OK)) {
        return error_input("%s:%d: cannot read '%s/%s'", labels->path, labels->line, dataset->root, name);
    }
    if (label >= dataset->classes) {
        dataset->classes = (int)label + 1;
    }
    if (columns->name >= 0 && columns->name < n && !labels->class_names[label]) {
        labels->class_names[label] = arena_strdup(&dataset->arena, fields[columns->name]);
    }
    return source_add(dataset, (struct image){.name = name, .label = (int32_t)label});
}

static int read_lines(struct labels *labels, char *text)
{
    for (char *at = text; at;) {
        char *next = strchr(at, '\n');
        if (next) {
            *next++ = '\0';
        }
        labels->line++;
        at[strcspn(at, "\r")] = '\0';
        if (*at) {
            char *fields[FIELDS];
            const int n = split_fields(at, fields);
            if (labels->line == 1 && read_header(&labels->columns, fields, n)) {
                if (labels->columns.index < 0) {
                    return error_input("%s:1: no column class_index, label or index", labels->path);
                }
            } else {
                const int rc = add_line(labels, fields, n);
                if (rc) {
                    return rc;
                }
            }
        }
        at = next;
    }
    return 0;
}

int open_folder_labels(struct dataset *dataset)
{
    struct arena arena = ARENA_INIT;
    struct labels labels = {.dataset = dataset, .columns = {0, 1, -1}};
    struct file file;
    labels.path = path_join(&dataset->arena, dataset->root, "labels.tsv");
    int rc = file_read(&file, labels.path, LABELS_MAX_BYTES, &arena);
    if (!rc && memchr(file.data, 0, file.size)) {
        rc = error_input("%s: not a text file", labels.path);
    }
    if (!rc) {
        labels.class_names = ARENA_ARRAY(&arena, const char *, DATASET_MAX_CLASSES);
        rc = read_lines(&labels, arena_copy(&arena, file.data, file.size + 1));
    }
    if (!rc && dataset->n == 0) {
        rc = error_input("%s: no images", labels.path);
    }
    if (!rc) {
        dataset->class_names = ARENA_ARRAY(&dataset->arena, const char *, (size_t)dataset->classes);
        for (int c = 0; c < dataset->classes; c++) {
            const char *name = labels.class_names[c];
            dataset->class_names[c] = name ? name : arena_printf(&dataset->arena, "%d", c);
        }
    }
    arena_release(&arena);
    return rc;
}
