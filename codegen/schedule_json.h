/*
 * schedule_json.h - schedule.json: the schedule and the footprint as a file, for reports and scripts.
 *
 * Top: schema_version 1, tool_version, model_sha256, board, input_bytes, output_bytes, arena_bytes,
 * lower_bound_bytes.
 *
 * "footprint": {"sram": {arena, stack, runtime, total}, "flash": {weights, constants, code, total}}, in
 * bytes; code is predicted, the rest exact.
 *
 * "steps": [{index, operators: [names], kernels, op, depth_first, bottom_up, rows, inner_rows, macs,
 * scratch_offset, scratch_bytes, live_bytes}]: schedule.h's struct step; op is the last operator's.
 * "kernels": [{ identifier (in model.c), name (in the network), function, layout, tile, instructions, macs}],
 * one per operator.
 *
 * "buffers": [{tensor, shape: [h, w, c], begin, bytes, offset, ring, row_step, row_phase, row_stride,
 * first_step, last_step}]: schedule.h's struct storage. Line buffers have fewer bytes than their tensor and
 * live in one step; the input lives from step -1, the output to the number of steps.
 */
#ifndef CODEGEN_SCHEDULE_JSON_H
#define CODEGEN_SCHEDULE_JSON_H

#include "base/json.h"

struct board;
struct footprint;
struct qmodel;
struct schedule;

enum { SCHEDULE_SCHEMA_VERSION = 1 };

/* A new reference. */
json_t *schedule_json(const struct schedule *schedule, const struct qmodel *qmodel,
                      const struct footprint *footprint, const struct board *board, const char *model_sha256);
/* A footprint alone, as in schedule.json; `profile --json` shows it too. */
json_t *footprint_json(const struct footprint *footprint);
/* The footprint from a schedule.json: error_input when a field is missing or not a number, or the schema is
 * unknown. */
int schedule_json_read_footprint(struct footprint *out, const char *path);

#endif
