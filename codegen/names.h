/*
 * names.h - how generated files and messages call things.
 */
#ifndef CODEGEN_NAMES_H
#define CODEGEN_NAMES_H

#include <stdint.h>

struct arena;
struct qmodel;
struct qtensor;

/* "conv_3": the C identifier of a node's argument struct, from operator and node index. */
const char *node_identifier(const struct qmodel *qmodel, int node, struct arena *arena);
/* A name from a model file (NULL: ""), as printable ASCII of at most 80 characters that cannot end a C
 * comment. */
const char *plain_name(const char *name, struct arena *arena);
/* "(80, 80, 16)" */
const char *tensor_shape(const struct qtensor *tensor, struct arena *arena);
/* "412 312": digits in groups of three. */
const char *grouped(int64_t n, struct arena *arena);

#endif
