/*
 * layouts.h - a schedule for a board: which operators get faster weight layouts for the flash that is free.
 */
#ifndef CODEGEN_LAYOUTS_H
#define CODEGEN_LAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/footprint.h"
#include "codegen/schedule.h"

struct arena;
struct board;
struct qmodel;

/*
 * schedule_plan and footprint_of for a board. With OPTIMIZE_LATENCY, weights are widened or transformed
 * (implement.h) where that saves most instructions per byte, as long as the firmware stays within
 * flash_limit_bytes; with OPTIMIZE_SRAM they are widened in the steps that fill the arena, where that makes
 * it smaller; otherwise, and where not even the smallest layouts fit, they stay smallest. options->dsp and
 * ->layouts are set here. Deterministic; qmodel may be a skeleton.
 */
void schedule_for_board(struct schedule *out, struct footprint *footprint, const struct qmodel *qmodel,
                        const struct board *board, const struct plan_options *options,
                        int64_t flash_limit_bytes, struct arena *arena);

/* Instructions of one inference, by the cost model. */
int64_t schedule_instructions(const struct schedule *schedule, const struct qmodel *qmodel);

/* Has a core of this name ("cortex-m7") the DSP extension? */
bool core_has_dsp(const char *core);

#endif
