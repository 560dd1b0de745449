/*
 * yaml.h - YAML against a libcyaml schema, with messages "path:line: unknown key 'x' ..." (exit code 3) instead of libcyaml's log.
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <cyaml/cyaml.h>
#include <stddef.h>

/* Loads path (at most 1 MiB). *data is libcyaml's allocation: free with yaml_free(schema, data). */
int yaml_read(void **data, const char *path, const cyaml_schema_value_t *schema);
/* The same from text; path only for messages. */
int yaml_parse(void **data, const char *text, size_t size, const char *path, const cyaml_schema_value_t *schema);
void yaml_free(const cyaml_schema_value_t *schema, void *data);

#endif
