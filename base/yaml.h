/*
 * yaml.h - YAML against a libcyaml schema, with messages "path:line: unknown key 'x' ..." (exit code 3)
 * instead of libcyaml's log.
 *
 * The text is checked against the schema first (on libyaml's document), because libcyaml knows neither the
 * line of an unknown key nor duplicate keys, and takes any word for a true boolean. Then libcyaml loads it.
 * Stricter than YAML: one document, no aliases, booleans are true or false (yes/no, on/off as in YAML 1.1).
 * Every problem is error_input with the line, the dotted key and what was expected:
 *
 *     recipe.yml:7: unknown key 'search.populatoin'; did you mean 'population'?
 *     board.yml:3: 'clock_mhz' must be an integer, not 'fast'
 *     board.yml:9: 'regions[1]' lacks the key 'origin'
 */
#ifndef BASE_YAML_H
#define BASE_YAML_H

#include <cyaml/cyaml.h>
#include <stddef.h>

/* Loads path (at most 1 MiB). *data is libcyaml's allocation: free with yaml_release(schema, data). */
int yaml_read(void **data, const char *path, const cyaml_schema_value_t *schema);
/* The same from text; path only for messages. */
int yaml_parse(void **data, const char *text, size_t size, const char *path,
               const cyaml_schema_value_t *schema);
/* Line of the value of a dotted key ("memory[1].origin"; "" is the whole document) in a file that yaml_read
 * accepted, for messages of checks beyond the schema; 0: no such key, or no such file. */
int yaml_key_line(const char *path, const char *key);
/* Not called yaml_free: libyaml has a function of that name, which ours would replace. */
void yaml_release(const cyaml_schema_value_t *schema, void *data);

#endif
