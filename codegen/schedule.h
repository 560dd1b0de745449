/*
 * schedule.h - in what order operators run, and where every byte lives.
 *
 * A schedule is steps over one arena. A step is one operator computed whole, or a fused group of consecutive
 * operators computed depth-first, `rows` output rows of the last operator at a time, every row of every
 * tensor exactly once (issue: the planner of this version emits single-operator steps with in-place
 * operators; the structures already describe groups). Each tensor has a storage:
 *
 *     row y of tensor t starts at  arena + offset + ((y * row_step + row_phase) mod ring) * row_stride
 *
 * which is engine/engine.h's struct mcu_map. All scratch is in the same arena. Every schedule is replayed by
 * an independent checker (schedule_check) that tracks the owner of every byte.
 */
#ifndef CODEGEN_SCHEDULE_H
#define CODEGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "quant/qmodel.h"

enum optimize { OPTIMIZE_SRAM, OPTIMIZE_LATENCY, OPTIMIZE_BALANCED };

struct plan_options {
    enum optimize optimize;
    int64_t sram_limit_bytes; /* for the arena; 0: none */
    bool fusion;              /* allow depth-first groups */
};

struct storage {
    int32_t offset; /* of slot 0's first byte in the arena */
    int32_t row_stride;
    int16_t ring, row_step, row_phase;
    int32_t begin, end;        /* bytes occupied: [begin, end) of the arena */
    int first_step, last_step; /* lifetime, inclusive; the input lives from -1, the output to n_steps */
};

struct step {
    int first_node, n_nodes; /* consecutive entries of schedule.order */
    int rows;                /* output rows of the last node per round; its h: all at once */
    int32_t scratch_offset, scratch_bytes;
    int64_t live_bytes; /* of the arena while the step runs, scratch included */
};

struct schedule {
    int *order; /* qnode indices */
    int n_order;
    struct step *steps;
    int n_steps;
    struct storage *storage; /* per qtensor */
    int n_storage;
    int64_t arena_bytes;       /* what the firmware reserves: peak, aligned to 8 */
    int64_t lower_bound_bytes; /* no schedule of the same family and order can need less */
};

/* Always finds a plan; whether it fits is for the caller to compare (arena_bytes against the limit).
 * Deterministic; about a millisecond per network. qmodel may be a skeleton. */
void schedule_plan(struct schedule *out, const struct qmodel *qmodel, const struct plan_options *options,
                   struct arena *arena);

/* Replays the schedule byte by byte: returns 0, or error() naming step, tensors and bytes of the first
 * overlap, read of a byte that its writer does not own any more, or access outside the arena. Shares no code
 * with the planner. */
int schedule_check(const struct schedule *schedule, const struct qmodel *qmodel);

#endif
