/*
 * json.h - jansson with our two rules: output is canonical (keys sorted, 2-space indent, shortest
 * round-trip reals, newline at end), and reading a file gives file:line errors.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

/* Parses path (at most 64 MiB). Syntax error: error_input "path:line: ...". *out is a new reference. */
int json_read(json_t **out, const char *path);
/* Canonical text; free() it. */
char *json_text(const json_t *value);
/* Canonical text to path, write-if-changed. Steals nothing. */
int json_write(const char *path, const json_t *value);
/* Canonical text to stdout. */
int json_print(const json_t *value);

#endif
