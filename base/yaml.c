#include "base/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"

enum { YAML_MAX_BYTES = 1 << 20, MAX_KEYS = 128, MAX_DEPTH = 32 };

/* One document being checked. */
struct check {
    struct arena *arena;
    const char *path;
    yaml_document_t *document;
    bool *seen; /* nodes visited: an alias leads to one twice */
};

static int line_of(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

static const char *scalar_text(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* As YAML 1.1 and libcyaml read it: nothing, or a plain null. */
static bool is_null(const yaml_node_t *node, bool words)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const char *text = scalar_text(node);
    return !*text || (words && (strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0));
}

static int wrong_type(const struct check *check, const yaml_node_t *node, const char *key,
                      const char *expected)
{
    const char *subject = *key ? arena_printf(check->arena, "'%s'", key) : "the file";
    const int line = line_of(node);
    if (node->type == YAML_SEQUENCE_NODE)
        return error_input("%s:%d: %s must be %s, not a list", check->path, line, subject, expected);
    if (node->type == YAML_MAPPING_NODE)
        return error_input("%s:%d: %s must be %s, not a mapping", check->path, line, subject, expected);
    if (is_null(node, false))
        return error_input("%s:%d: %s has no value; it must be %s", check->path, line, subject, expected);
    return error_input("%s:%d: %s must be %s, not '%.60s'", check->path, line, subject, expected,
                       scalar_text(node));
}

static int check_node(struct check *check, const yaml_node_t *node, const char *key,
                      const cyaml_schema_value_t *schema);

static bool fits_signed(const char *text, uint32_t bytes, bool *number)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 0);
    *number = end != text && !*end;
    const int spare = 64 - 8 * (int)bytes;
    const long long limit = INT64_MAX >> spare;
    return *number && !errno && value <= limit && value >= -limit - 1;
}

static bool fits_unsigned(const char *text, uint32_t bytes, bool *number)
{
    char *end;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 0);
    *number = end != text && !*end && !strchr(text, '-');
    return *number && !errno && value <= UINT64_MAX >> (64 - 8 * (int)bytes);
}

static int check_integer(struct check *check, const yaml_node_t *node, const char *key,
                         const cyaml_schema_value_t *schema)
{
    const bool is_signed = schema->type == CYAML_INT;
    const char *expected = is_signed ? "an integer" : "an integer of 0 or more";
    if (node->type != YAML_SCALAR_NODE)
        return wrong_type(check, node, key, expected);
    const char *text = scalar_text(node);
    bool number;
    const bool fits = is_signed ? fits_signed(text, schema->data_size, &number)
                                : fits_unsigned(text, schema->data_size, &number);
    if (!number)
        return wrong_type(check, node, key, expected);
    return fits ? 0
                : error_input("%s:%d: '%s' is out of range: %.60s", check->path, line_of(node), key, text);
}

static int check_real(struct check *check, const yaml_node_t *node, const char *key)
{
    if (node->type == YAML_SCALAR_NODE) {
        char *end;
        const double value = strtod(scalar_text(node), &end);
        const bool finite = value - value == 0;
        if (end != scalar_text(node) && !*end && finite)
            return 0;
    }
    return wrong_type(check, node, key, "a number");
}

static int check_boolean(struct check *check, const yaml_node_t *node, const char *key)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};
    if (node->type == YAML_SCALAR_NODE)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strcasecmp(scalar_text(node), words[i]) == 0)
                return 0;
    return wrong_type(check, node, key, "true or false");
}

static int check_enum(struct check *check, const yaml_node_t *node, const char *key,
                      const cyaml_schema_value_t *schema)
{
    const char *expected = "one of";
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *name = schema->enumeration.strings[i].str;
        if (node->type == YAML_SCALAR_NODE && strcmp(scalar_text(node), name) == 0)
            return 0;
        expected = arena_printf(check->arena, "%s%s %s", expected, i ? "," : "", name);
    }
    return wrong_type(check, node, key, expected);
}

static int check_string(struct check *check, const yaml_node_t *node, const char *key,
                        const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SCALAR_NODE || is_null(node, false))
        return wrong_type(check, node, key, "text");
    const size_t length = node->data.scalar.length;
    if (strlen(scalar_text(node)) != length)
        return error_input("%s:%d: '%s' contains a NUL", check->path, line_of(node), key);
    if (length < schema->string.min)
        return error_input("%s:%d: '%s' must have at least %u characters", check->path, line_of(node), key,
                           schema->string.min);
    if (length > schema->string.max)
        return error_input("%s:%d: '%s' must have at most %u characters", check->path, line_of(node), key,
                           schema->string.max);
    return 0;
}

static int check_sequence(struct check *check, const yaml_node_t *node, const char *key,
                          const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return wrong_type(check, node, key, "a list");
    const yaml_node_item_t *first = node->data.sequence.items.start;
    const int n = (int)(node->data.sequence.items.top - first);
    const uint32_t min = schema->sequence.min, max = schema->sequence.max;
    if ((uint32_t)n < min || (uint32_t)n > max) {
        const char *bound = min == max ? "exactly" : (uint32_t)n < min ? "at least" : "at most";
        const uint32_t limit = (uint32_t)n < min ? min : max;
        return error_input("%s:%d: '%s' must have %s %u %s, not %d", check->path, line_of(node), key, bound,
                           limit, limit == 1 ? "entry" : "entries", n);
    }
    for (int i = 0; i < n; i++) {
        const char *entry_key = arena_printf(check->arena, "%s[%d]", key, i);
        const int rc = check_node(check, yaml_document_get_node(check->document, first[i]), entry_key,
                                  schema->sequence.entry);
        if (rc)
            return rc;
    }
    return 0;
}

static int unknown_key(struct check *check, const yaml_node_t *name, const char *key,
                       const cyaml_schema_field_t *fields)
{
    const char *names[MAX_KEYS];
    int n = 0;
    for (; n < MAX_KEYS && fields[n].key; n++)
        names[n] = fields[n].key;
    const char *near = nearest_name(scalar_text(name), names, n);
    if (near)
        return error_input("%s:%d: unknown key '%.80s'; did you mean '%s'?", check->path, line_of(name), key,
                           near);
    const char *known = "";
    for (int i = 0; i < n; i++)
        known = arena_printf(check->arena, "%s%s%s", known, i ? ", " : "", names[i]);
    return error_input("%s:%d: unknown key '%.80s'; known here: %s", check->path, line_of(name), key, known);
}

static int check_mapping(struct check *check, const yaml_node_t *node, const char *key,
                         const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_MAPPING_NODE)
        return wrong_type(check, node, key, "a mapping");
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    bool given[MAX_KEYS] = {false};
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *name = yaml_document_get_node(check->document, pair->key);
        if (name->type != YAML_SCALAR_NODE)
            return error_input("%s:%d: a key must be a plain word", check->path, line_of(name));
        const char *full = arena_printf(check->arena, "%s%s%s", key, *key ? "." : "", scalar_text(name));
        int i = 0;
        while (fields[i].key && strcmp(fields[i].key, scalar_text(name)) != 0)
            i++;
        if (!fields[i].key)
            return unknown_key(check, name, full, fields);
        if (i >= MAX_KEYS)
            die("yaml: a mapping of more than %d keys", MAX_KEYS);
        if (given[i])
            return error_input("%s:%d: key '%s' is given twice", check->path, line_of(name), full);
        given[i] = true;
        const int rc =
            check_node(check, yaml_document_get_node(check->document, pair->value), full, &fields[i].value);
        if (rc)
            return rc;
    }
    for (int i = 0; fields[i].key; i++) {
        if (given[i] || (fields[i].value.flags & CYAML_FLAG_OPTIONAL))
            continue;
        if (!*key)
            return error_input("%s:%d: the key '%s' is missing", check->path, line_of(node), fields[i].key);
        return error_input("%s:%d: '%s' lacks the key '%s'", check->path, line_of(node), key, fields[i].key);
    }
    return 0;
}

/* Recurses as deep as the schema does. */
static int check_node(struct check *check, const yaml_node_t *node, const char *key,
                      const cyaml_schema_value_t *schema)
{
    const ptrdiff_t index = node - check->document->nodes.start;
    if (check->seen[index])
        return error_input("%s:%d: '%s' is an alias, which is not supported", check->path, line_of(node),
                           key);
    check->seen[index] = true;

    const bool null_allowed = (schema->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL;
    const bool null_words = (schema->flags & CYAML_FLAG_POINTER_NULL_STR) == CYAML_FLAG_POINTER_NULL_STR;
    if (null_allowed && is_null(node, null_words))
        return 0;

    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT:
        return check_integer(check, node, key, schema);
    case CYAML_FLOAT:
        return check_real(check, node, key);
    case CYAML_BOOL:
        return check_boolean(check, node, key);
    case CYAML_ENUM:
        return check_enum(check, node, key, schema);
    case CYAML_STRING:
        return check_string(check, node, key, schema);
    case CYAML_MAPPING:
        return check_mapping(check, node, key, schema);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        return check_sequence(check, node, key, schema);
    default: /* flags, bit fields, ignored values: libcyaml's own check has to do */
        return 0;
    }
}

static int syntax_error(const yaml_parser_t *parser, const char *path, const char *text)
{
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR) {
        /* The reader knows a byte offset only. */
        int line = 1;
        for (size_t i = 0; i < parser->problem_offset && text[i]; i++)
            line += text[i] == '\n';
        return error_input("%s:%d: not valid YAML: %s", path, line, problem);
    }
    return error_input("%s:%zu: not valid YAML: %s", path, parser->problem_mark.line + 1, problem);
}

/* Syntax and depth alone, stopping at the first offence: libyaml's time for building a document grows with
 * the square of the depth. */
static int check_depth(const char *text, size_t size, const char *path)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        die("out of memory in libyaml");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int rc = 0, depth = 0;
    for (bool end = false; !end && !rc;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = syntax_error(&parser, path, text);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
        depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        if (depth > MAX_DEPTH)
            rc = error_input("%s:%zu: nested deeper than %d levels", path, event.start_mark.line + 1,
                             MAX_DEPTH);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* The whole text against the schema, with our messages. text is NUL terminated. */
static int check_text(const char *text, size_t size, const char *path, const cyaml_schema_value_t *schema,
                      struct arena *arena)
{
    yaml_parser_t parser;
    yaml_document_t document, next;
    if (!yaml_parser_initialize(&parser))
        die("out of memory in libyaml");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);

    int rc = 0;
    if (!yaml_parser_load(&parser, &document)) {
        rc = syntax_error(&parser, path, text);
    } else {
        struct check check = {.arena = arena, .path = path, .document = &document};
        const yaml_node_t *root = yaml_document_get_root_node(&document);
        if (!root) {
            rc = error_input("%s:1: the file is empty", path);
        } else {
            check.seen = ARENA_ARRAY(arena, bool, (size_t)(document.nodes.top - document.nodes.start));
            rc = check_node(&check, root, "", schema);
        }
        if (!rc && yaml_parser_load(&parser, &next)) {
            root = yaml_document_get_root_node(&next);
            if (root)
                rc = error_input("%s:%d: a second document in one file", path, line_of(root));
            yaml_document_delete(&next);
        } else if (!rc) {
            rc = syntax_error(&parser, path, text);
        }
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return rc;
}

/* libcyaml's first complaint, kept for the case that it refuses what our check let pass. */
struct complaint {
    char text[256];
};

static void keep_complaint(cyaml_log_t level, void *context, const char *fmt, va_list args)
{
    struct complaint *complaint = context;
    if (level < CYAML_LOG_WARNING || complaint->text[0])
        return;
    vsnprintf(complaint->text, sizeof complaint->text, fmt, args);
    complaint->text[strcspn(complaint->text, "\n")] = '\0';
}

int yaml_parse(void **data, const char *text, size_t size, const char *path,
               const cyaml_schema_value_t *schema)
{
    struct arena arena = ARENA_INIT;
    int rc = 0;
    if (size > YAML_MAX_BYTES)
        rc = error_input("%s: %zu bytes of YAML, more than the limit of %d", path, size, YAML_MAX_BYTES);
    const char *copy = rc ? NULL : arena_printf(&arena, "%.*s", (int)size, text);
    if (!rc && strlen(copy) != size)
        rc = error_input("%s: contains a NUL", path);
    if (!rc)
        rc = check_depth(copy, size, path);
    if (!rc)
        rc = check_text(copy, size, path, schema, &arena);
    arena_release(&arena);
    if (rc)
        return rc;

    struct complaint complaint = {""};
    const cyaml_config_t config = {.log_fn = keep_complaint,
                                   .log_ctx = &complaint,
                                   .mem_fn = cyaml_mem,
                                   .log_level = CYAML_LOG_WARNING,
                                   .flags = CYAML_CFG_NO_ALIAS};
    *data = NULL;
    const cyaml_err_t err = cyaml_load_data((const uint8_t *)text, size, &config, schema, data, NULL);
    if (err != CYAML_OK)
        return error_input("%s: %s", path, complaint.text[0] ? complaint.text : cyaml_strerror(err));
    return 0;
}

int yaml_read(void **data, const char *path, const cyaml_schema_value_t *schema)
{
    struct arena arena = ARENA_INIT;
    struct file file;
    int rc = file_read(&file, path, YAML_MAX_BYTES, &arena);
    if (!rc)
        rc = yaml_parse(data, (const char *)file.data, file.size, path, schema);
    arena_release(&arena);
    return rc;
}

/* One step of a dotted key, cut off *key: a member of a mapping, or an entry [n] of a sequence. NULL: none.
 */
static const yaml_node_t *child_of(yaml_document_t *document, const yaml_node_t *node, const char **key)
{
    if (**key == '[') {
        char *end;
        const unsigned long index = strtoul(*key + 1, &end, 10);
        if (*end != ']')
            return NULL;
        *key = end + 1;
        if (node->type != YAML_SEQUENCE_NODE ||
            index >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start))
            return NULL;
        return yaml_document_get_node(document, node->data.sequence.items.start[index]);
    }
    *key += **key == '.';
    const size_t length = strcspn(*key, ".[");
    const char *name = *key;
    *key += length;
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        const yaml_node_t *at = yaml_document_get_node(document, pair->key);
        if (at->type == YAML_SCALAR_NODE && at->data.scalar.length == length &&
            memcmp(scalar_text(at), name, length) == 0)
            return yaml_document_get_node(document, pair->value);
    }
    return NULL;
}

int yaml_key_line(const char *path, const char *key)
{
    yaml_parser_t parser;
    yaml_document_t document;
    int line = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    if (!yaml_parser_initialize(&parser))
        die("out of memory in libyaml");
    yaml_parser_set_input_file(&parser, file);
    if (yaml_parser_load(&parser, &document)) {
        const yaml_node_t *node = yaml_document_get_root_node(&document);
        while (node && *key)
            node = child_of(&document, node, &key);
        line = node ? line_of(node) : 0;
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    return line;
}

void yaml_release(const cyaml_schema_value_t *schema, void *data)
{
    const cyaml_config_t config = {.mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
    cyaml_free(&config, schema, data, 0);
}
