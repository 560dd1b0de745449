/*
 * describe.h - a JSON value for people: what `mcunet inspect` prints.
 *
 * Scalars become "key  value" lines, nested objects dotted keys, lists of scalars "(1, 64, 64, 3)", lists of
 * objects tables whose columns are the keys of the first row. Order is the value's own. Control characters in
 * names are shown as '?'.
 */
#ifndef CLI_DESCRIBE_H
#define CLI_DESCRIBE_H

#include <jansson.h>

struct strbuf;

void describe(struct strbuf *out, const json_t *object);

#endif
