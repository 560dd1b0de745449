/*
 * space_report.h - the outcome of space optimization for people and programs: JSON, CSV, SVG. Bytes depend on
 * the arguments only.
 *
 * JSON: {"schema_version": 1, "kind": "space", "tool_version", "supernet": {"name", "sha256"}, "board",
 * "limits": {"sram_bytes", "flash_bytes", "macs" or null}, "seed", "samples", "best": {"width",
 * "width_multiplier", "resolution"} or null, "smallest_sram_bytes", "smallest_flash_bytes", "nearest":
 * {"subnet", costs}, "spaces": [{"width", "width_multiplier", "resolution", "samples", "fitting",
 * "mean_macs", "median_macs"}, ...]}. mean_macs is rounded to a whole number. With a cost table, limits have
 * "cost_table_sha256" and where set "latency_ms", "energy_uj", and costs have the predicted "cycles",
 * "latency_ms", "energy_uj" or null.
 */
#ifndef NAS_SPACE_REPORT_H
#define NAS_SPACE_REPORT_H

#include <jansson.h>

#include "nas/space.h"

struct strbuf;

/* A new reference. */
json_t *space_report_json(const struct space_report *report, const struct supernet *supernet,
                          const struct board *board, const struct limits *limits,
                          const struct space_options *options);
/* One line per space; the CDF of MACs of its fitting subnets as quantiles in steps of 5 %, empty when none
 * fits. */
void space_report_csv(struct strbuf *out, const struct space_report *report, const struct supernet *supernet);
/* The CDFs, the winner highlighted. */
void space_report_svg(struct strbuf *out, const struct space_report *report, const struct supernet *supernet,
                      const struct board *board);

/* The winner of an earlier report file, for the search. Another supernet's or a malformed file is
 * error_input, one where nothing fits error_fit. */
int space_winner_read(int *width, int *resolution, const char *path, const struct supernet *supernet);

/* {"sram_bytes", "flash_bytes", "macs"} of the limits in force; a new reference. */
json_t *limits_json(const struct limits *limits, const struct board *board);
/* {"subnet": text, "macs", "params", "sram_bytes", "flash_bytes", "arena_bytes"}; a new reference. */
json_t *candidate_json(const struct subnet *subnet, const struct candidate_cost *cost);
/* {"name", "sha256"}; a new reference. */
json_t *supernet_json(const struct supernet *supernet);

#endif
