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

/* Both list the operators in the order of model.c; the estimate has a row for the rest, too. Where they are not the same
 * number, nothing can be said of single ones. */
static void add_layers(json_t *layers, const json_t *estimated, bool cycles)
{
    size_t k = 0, i;
    const size_t n = json_array_size(layers);
    json_t *row, *rows[1 << 10];
    json_array_foreach(estimated, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (name && strcmp(name, "rest") != 0 && k < sizeof rows / sizeof *rows)
            rows[k++] = row;
    }
    for (i = 0; k == n && i < n; i++)
        add_row(json_array_get(layers, i), rows[i], cycles);
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
