#include "base/json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"

enum { JSON_MAX_BYTES = 64 << 20 };

int json_read(json_t **out, const char *path)
{
    struct arena arena = ARENA_INIT;
    struct file file;
    int rc = file_read(&file, path, JSON_MAX_BYTES, &arena);
    if (rc == 0) {
        json_error_t problem;
        json_t *value = json_loadb((const char *)file.data, file.size, JSON_REJECT_DUPLICATES, &problem);
        if (value)
            *out = value;
        else
            rc = error_input("%s:%d: not valid JSON: %s", path, problem.line > 0 ? problem.line : 1,
                             problem.text);
    }
    arena_release(&arena);
    return rc;
}

/* The fewest digits that read back as the same double; always recognisable as a real. */
static void add_real(struct strbuf *out, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    strbuf_adds(out, text);
    if (!strpbrk(text, ".e"))
        strbuf_adds(out, ".0");
}

static void add_string(struct strbuf *out, const char *text, size_t length)
{
    strbuf_adds(out, "\"");
    for (size_t i = 0; i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c == '\n')
            strbuf_adds(out, "\\n");
        else if (c == '\t')
            strbuf_adds(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            strbuf_addf(out, "\\u%04x", c);
        else
            strbuf_add(out, text + i, 1);
    }
    strbuf_adds(out, "\"");
}

static void add_newline(struct strbuf *out, int depth)
{
    strbuf_addf(out, "\n%*s", 2 * depth, "");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_value(struct strbuf *out, const json_t *value, int depth);

static void add_object(struct strbuf *out, const json_t *object, int depth)
{
    struct arena arena = ARENA_INIT;
    const size_t n = json_object_size(object);
    const char **keys = ARENA_ARRAY(&arena, const char *, n);
    size_t filled = 0;
    for (void *at = json_object_iter((json_t *)object); at && filled < n;
         at = json_object_iter_next((json_t *)object, at))
        keys[filled++] = json_object_iter_key(at);
    if (filled)
        qsort(keys, filled, sizeof *keys, compare_keys);

    strbuf_adds(out, "{");
    for (size_t i = 0; i < filled; i++) {
        strbuf_adds(out, i ? "," : "");
        add_newline(out, depth + 1);
        add_string(out, keys[i], strlen(keys[i]));
        strbuf_adds(out, ": ");
        add_value(out, json_object_get(object, keys[i]), depth + 1);
    }
    if (filled)
        add_newline(out, depth);
    strbuf_adds(out, "}");
    arena_release(&arena);
}

/* Arrays of scalars (shapes, histories) stay on one line. */
static void add_array(struct strbuf *out, const json_t *array, int depth)
{
    const size_t n = json_array_size(array);
    bool nested = false;
    for (size_t i = 0; i < n; i++)
        nested |= json_is_object(json_array_get(array, i)) || json_is_array(json_array_get(array, i));
    strbuf_adds(out, "[");
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(out, !i ? "" : nested ? "," : ", ");
        if (nested)
            add_newline(out, depth + 1);
        add_value(out, json_array_get(array, i), depth + 1);
    }
    if (nested)
        add_newline(out, depth);
    strbuf_adds(out, "]");
}

static void add_value(struct strbuf *out, const json_t *value, int depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(out, value, depth);
        break;
    case JSON_ARRAY:
        add_array(out, value, depth);
        break;
    case JSON_STRING:
        add_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        strbuf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        strbuf_adds(out, "true");
        break;
    case JSON_FALSE:
        strbuf_adds(out, "false");
        break;
    case JSON_NULL:
        strbuf_adds(out, "null");
        break;
    }
}

char *json_text(const json_t *value)
{
    struct strbuf out = STRBUF_INIT;
    add_value(&out, value, 0);
    strbuf_adds(&out, "\n");
    return out.text;
}

int json_write(const char *path, const json_t *value)
{
    char *text = json_text(value);
    const int rc = file_write_if_changed(path, text, strlen(text), NULL);
    free(text);
    return rc;
}

int json_print(const json_t *value)
{
    char *text = json_text(value);
    const bool written = fputs(text, stdout) != EOF && fflush(stdout) == 0;
    const int failed = errno;
    free(text);
    return written ? 0 : error("cannot write to standard output: %s", strerror(failed));
}
