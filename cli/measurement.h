/*
 * measurement.h - what inference takes on a real board, compared bit for bit with the host and put beside the estimate.
 */
#ifndef CLI_MEASUREMENT_H
#define CLI_MEASUREMENT_H

#include <stdint.h>

#include <jansson.h>

#include "boards/measure.h"

struct board;
struct stage;

struct measurement_request {
    const char *folder;       /* generated project */
    const struct board *board;
    const char *port;
    int baud;
    const char *input;        /* raw int8 tensors that are run and compared, too; or NULL */
    const char *model;        /* int8 network of the host; NULL: int8.onnx beside the project if it is the one, else the emulator */
    int runs;                 /* on the pattern */
    int timeout;              /* seconds for one inference */
};

struct measurement {
    struct measure_hello hello;
    const char *reference;    /* whose outputs the board's were compared with: "host" or "emulator" */
    int images;               /* of input */
    struct measure_times times;
    double image_mean_ticks;  /* of input; 0: none */
    struct layer_time *layers; /* in the order of model.c */
    int n_layers;
};

/* Exit codes: 3 the input or model does not belong to the project, 7 no board, 8 another network on the board or different outputs. */
int measurement_take(struct measurement *out, struct stage *stage, const struct measurement_request *request);

/* Artifact of kind "measurement". */
json_t *measurement_json(const struct measurement *measurement, const struct stage *stage, const struct measurement_request *request);
/* Adds "estimate" and, to each row, "estimated_cycles" and "difference_percent" of it. Nothing for a board without timing
 * constants, or (with a warning) without QEMU. */
int measurement_add_estimate(json_t *json, struct stage *stage, const struct measurement_request *request);
/* The row whose key is the name, or NULL. */
const json_t *measurement_find(const json_t *rows, const char *key, const json_t *name);
/* The same for people, on stdout. */
void measurement_print(const json_t *json);

#endif
