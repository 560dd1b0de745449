/*
 * measurement_estimate.c - the estimate beside the measurement: the whole, and operator by operator.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "boards/board.h"
#include "cli/estimate.h"
#include "cli/measurement.h"
#include "cli/stage.h"

/* Puts both cycles and, where the board counted cycles, how far the estimate is off into a row. */
static void add_row(json_t *row, const json_t *estimated, bool cycles)
{
    const double estimate = json_number_value(json_object_get(estimated, "cycles")), ticks = json_number_value(json_object_get(row, "ticks"));
    json_object_set_new(row, "estimated_cycles", json_integer((json_int_t)estimate));
    if (cycles && ticks > 0)
        json_object_set_new(row, "difference_percent", json_real(round(1e4 * (estimate - ticks) / ticks) / 1e2));
}

const json_t *measurement_find(const json_t *rows, const char *key, const json_t *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (name && json_equal(json_object_get(row, key), name))
            return row;
    }
    return NULL;
}

/* Rows of both are known by what model.c calls the operator. */
static void add_layers(json_t *layers, const json_t *estimated, bool cycles)
{
    size_t i;
    json_t *row;
    json_array_foreach(layers, i, row)
    {
        const json_t *same = measurement_find(estimated, "name", json_object_get(row, "identifier"));
        if (same)
            add_row(row, same, cycles);
    }
}

int measurement_add_estimate(json_t *json, struct stage *stage, const struct measurement_request *request)
{
    if (!request->board->timing.known)
        return 0;
    if (!process_find("qemu-system-arm", &stage->arena)) {
        warning("no estimate stands beside the measurement: 'qemu-system-arm' is not installed (apt install qemu-system-arm)");
        return 0;
    }
    json_t *estimate;
    int rc = estimate_project(&estimate, stage, request->folder, request->board, 60.0 + 10.0 * request->timeout);
    if (rc)
        return rc;
    const bool cycles = strcmp(json_string_value(json_object_get(json, "counter")), "core cycles") == 0;
    add_row(json, estimate, cycles);
    add_layers(json_object_get(json, "layers"), json_object_get(estimate, "layers"), cycles);
    json_object_set_new(json, "estimate", estimate);
    return 0;
}
