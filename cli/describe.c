#include "cli/describe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"

enum { MAX_COLUMNS = 24, MAX_CELL = 200 };

/* Characters on a terminal: UTF-8 sequences count once. */
static int text_width(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

/* On one line: white space becomes one space, other control characters '?'. */
static const char *plain_text(const char *text, struct arena *arena)
{
    char *copy = arena_strdup(arena, text), *end = copy;
    for (const char *c = text; *c; c++) {
        const bool space = *c == ' ' || *c == '\n' || *c == '\t';
        if (space && (end == copy || end[-1] == ' '))
            continue;
        *end++ = space ? ' ' : (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    if (end > copy && end[-1] == ' ')
        end--;
    *end = '\0';
    return copy;
}

/* A scalar, or a list of scalars, on one line. */
static const char *cell_text(const json_t *value, struct arena *arena)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return plain_text(json_string_value(value), arena);
    case JSON_INTEGER:
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return arena_printf(arena, "%.7g", json_real_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    case JSON_NULL:
        return "-";
    case JSON_OBJECT:
        return arena_printf(arena, "{%zu keys}", json_object_size(value));
    case JSON_ARRAY:
        break;
    }
    const char *list = "";
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item)
    {
        if (strlen(list) > MAX_CELL)
            return arena_printf(arena, "(%s, ... %zu in all)", list, json_array_size(value));
        list = arena_printf(arena, "%s%s%s", list, i ? ", " : "", cell_text(item, arena));
    }
    return *list ? arena_printf(arena, "(%s)", list) : "";
}

static bool is_table(const json_t *value)
{
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void add_cell(struct strbuf *out, const char *text, int width, bool right, bool last)
{
    const int pad = width - text_width(text);
    strbuf_addf(out, "%s%*s%s%*s", "  ", right && pad > 0 ? pad : 0, "", text,
                !right && !last && pad > 0 ? pad : 0, "");
}

static void add_table(struct strbuf *out, const char *title, const json_t *rows, struct arena *arena)
{
    const char *columns[MAX_COLUMNS];
    int width[MAX_COLUMNS], n = 0;
    bool number[MAX_COLUMNS];
    const char *key;
    json_t *value, *row;
    size_t r;
    json_object_foreach(json_array_get(rows, 0), key, value)
    {
        if (n == MAX_COLUMNS)
            break;
        columns[n] = plain_text(key, arena);
        width[n] = text_width(columns[n]);
        number[n++] = json_is_number(value);
    }
    json_array_foreach(rows, r, row)
    {
        for (int c = 0; c < n; c++) {
            value = json_object_get(row, columns[c]);
            const int w = value ? text_width(cell_text(value, arena)) : 0;
            width[c] = w > width[c] ? w : width[c];
        }
    }
    strbuf_addf(out, "\n%s\n", title);
    for (int c = 0; c < n; c++)
        add_cell(out, columns[c], width[c], number[c], c == n - 1);
    strbuf_adds(out, "\n");
    json_array_foreach(rows, r, row)
    {
        for (int c = 0; c < n; c++) {
            value = json_object_get(row, columns[c]);
            add_cell(out, value ? cell_text(value, arena) : "", width[c], number[c], c == n - 1);
        }
        strbuf_adds(out, "\n");
    }
}

/* Of the dotted keys that are lines, not tables. */
static int longest_key(const json_t *object, int prefix)
{
    int longest = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const int length = prefix + text_width(key);
        const int inner = json_is_object(value) ? longest_key(value, length + 1)
                          : is_table(value)     ? 0
                                                : length;
        longest = inner > longest ? inner : longest;
    }
    return longest;
}

/* Lines: everything but lists of objects. prefix: "" or "outer." */
static void add_lines(struct strbuf *out, const json_t *object, const char *prefix, int width,
                      struct arena *arena)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *name = arena_printf(arena, "%s%s", prefix, plain_text(key, arena));
        if (json_is_object(value))
            add_lines(out, value, arena_printf(arena, "%s.", name), width, arena);
        else if (!is_table(value))
            strbuf_addf(out, "%s%*s  %s\n", name, width > text_width(name) ? width - text_width(name) : 0, "",
                        cell_text(value, arena));
    }
}

static void add_tables(struct strbuf *out, const json_t *object, const char *prefix, struct arena *arena)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *name = arena_printf(arena, "%s%s", prefix, plain_text(key, arena));
        if (json_is_object(value))
            add_tables(out, value, arena_printf(arena, "%s.", name), arena);
        else if (is_table(value))
            add_table(out, name, value, arena);
    }
}

void describe(struct strbuf *out, const json_t *object)
{
    struct arena arena = ARENA_INIT;
    add_lines(out, object, "", longest_key(object, 0), &arena);
    add_tables(out, object, "", &arena);
    arena_release(&arena);
}
