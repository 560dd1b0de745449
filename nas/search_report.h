/*
 * search_report.h - the outcome of a search for people and programs: JSON, CSV, SVG. Bytes depend on the
 * arguments only.
 *
 * JSON: {"schema_version": 1, "kind": "search", "tool_version", "supernet": {"name", "sha256"}, "board",
 * "limits", "seed", "method": "evolution" or "random", "options": {"population", "parents", "crossover",
 * "mutation", "mutation_probability", "iterations", "width" or null, "resolution" or null}, "evaluations",
 * "best": {"subnet", "accuracy", "macs", "params", "sram_bytes", "flash_bytes", "arena_bytes", "iteration",
 * "origin"}, "iterations": [{"iteration", "evaluations", "best_accuracy" so far, "mean_accuracy" of its own},
 * ...], "pareto": [as best, ascending MACs]}. Accuracies in percent, rounded to 4 decimals. With a cost table
 * there are latencies (space_report.h), "pareto" is of accuracy against latency and its entries have their
 * "latency_rank", 1 for the fastest subnet evaluated; best has the "full_cycles" and "full_latency_ms" of its
 * full estimate, and "rejected" says how many better subnets were above the limit by theirs.
 */
#ifndef NAS_SEARCH_REPORT_H
#define NAS_SEARCH_REPORT_H

#include <jansson.h>

#include "nas/search.h"

struct strbuf;

/* What accuracy is traded against. */
enum search_axis { AXIS_MACS, AXIS_SRAM, AXIS_LATENCY };

/* A new reference. */
json_t *search_report_json(const struct search_report *report, const struct supernet *supernet,
                           const struct board *board, const struct limits *limits,
                           const struct search_options *options);
/* What the report trades accuracy against: latency where it is known. */
enum search_axis search_report_axis(const struct search_report *report);
/* One line per evaluated subnet, in order; with cycles and latency where they are known. */
void search_report_csv(struct strbuf *out, const struct search_report *report);
/* Every evaluated subnet, the Pareto front and the chosen one. */
void search_report_svg(struct strbuf *out, const struct search_report *report, enum search_axis axis,
                       const struct supernet *supernet, const struct board *board);
/* Indices into history of the subnets that no other beats in both, by ascending cost; front has room for
 * n_history. Returns how many. */
int search_pareto(const struct search_report *report, enum search_axis axis, int *front);

#endif
