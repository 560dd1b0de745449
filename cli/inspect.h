/*
 * inspect.h - what is in a network, as JSON: for `mcunet inspect` and, through describe.h, for people.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <jansson.h>

struct model;
struct qmodel;
struct supernet;

/* New references. Shapes are lists in the order of the struct that holds them: (n, h, w, c), int8 networks
 * (h, w, c). */
json_t *inspect_model(const struct model *model);
json_t *inspect_qmodel(const struct qmodel *qmodel);
json_t *inspect_supernet(const struct supernet *supernet);

#endif
