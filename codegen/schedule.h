/*
 * schedule.h - in what order operators run, and where every byte lives.
 *
 * A schedule is steps over one arena. A step is one operator computed whole, or a depth-first chain of
 * consecutive operators between two whole tensors: `rows` output rows of the last operator at a time, the
 * others just as far as they are needed, in calls of at most `inner_rows` rows, every row at most once. The
 * order of calls, which engine/chain.c and the checker follow, is
 *
 *     step:          run(last, next `rows` rows) until all rows are computed
 *     run(op, rows): for each input that an operator of the step computes, in order:
 *                        while it lacks rows that `rows` read: run(it, next rows, at most inner_rows)
 *                    call the kernel
 *
 * with "next" from row 0 upwards, or from the last row downwards (bottom_up). Steps of MEAN are input rows;
 * who reads its output needs them all. Each tensor has a storage:
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

#include "codegen/implement.h"
#include "quant/qmodel.h"

enum optimize { OPTIMIZE_SRAM, OPTIMIZE_LATENCY, OPTIMIZE_BALANCED };

struct plan_options {
    enum optimize optimize;
    int64_t sram_limit_bytes;   /* for the arena; 0: none */
    bool fusion;                /* allow depth-first groups */
    bool dsp;                   /* the core has the DSP extension: kernels of engine/dsp */
    const enum layout *layouts; /* per qnode; NULL: layout_smallest */
};

struct storage {
    int32_t offset;     /* of slot 0's first byte in the arena */
    int32_t row_stride; /* negative: slots downwards */
    int16_t ring, row_step, row_phase;
    int32_t begin, end;        /* bytes occupied: [begin, end) of the arena */
    int first_step, last_step; /* lifetime, inclusive; the input lives from -1, the output to n_steps */
};

struct step {
    int first_node, n_nodes; /* consecutive entries of schedule.order */
    bool depth_first;        /* a chain; otherwise one operator, whole */
    bool bottom_up;
    int rows;                              /* output rows of the last node per round; its h: all at once */
    int inner_rows;                        /* of chains; calls of MEAN at the end take so many input rows */
    int32_t scratch_offset, scratch_bytes; /* of all its operators */
    int64_t live_bytes;                    /* of the arena while the step runs, scratch included */
};

struct schedule {
    int *order; /* qnode indices */
    int n_order;
    int32_t *scratch; /* per entry of order: offset of the operator's scratch in the arena, inside that of
                         its step */
    struct implementation *implementations; /* per qnode */
    int64_t *instructions; /* per entry of order: of all its calls, by the cost model (implement.h) */
    int16_t *most_rows;    /* per entry of order: steps that its largest call computes */
    struct step *steps;
    int n_steps;
    struct storage *storage; /* per qtensor */
    int n_storage;
    int64_t arena_bytes;       /* what the firmware reserves: peak, aligned to 8 */
    int64_t lower_bound_bytes; /* no schedule of the same family and order can need less */
};

/*
 * Always finds a plan; whether it fits is for the caller to compare (arena_bytes against the limit).
 * Deterministic; about a millisecond per network without fusion. qmodel may be a skeleton. With fusion:
 *
 *     SRAM      the least arena; of the plans in it, the cheapest by the cost model (implement.h)
 *     LATENCY   the cheapest plan within the limit; the least arena if none fits
 *     BALANCED  the cheapest plan within 1.25 times the least arena, and within the limit if possible
 */
void schedule_plan(struct schedule *out, const struct qmodel *qmodel, const struct plan_options *options,
                   struct arena *arena);

/*
 * Several plans of one network, with other layouts or goals: what they have in common is worked out once. The
 * memory is in the arena, which outlives the plans made with it.
 */
struct plan_memory;
struct plan_memory *plan_memory_create(struct arena *arena);
/* As schedule_plan, but for the promise that schedule_keep_promise keeps. With OPTIMIZE_SRAM, returns false,
 * early, when the plan takes more than most_bytes (INT64_MAX: any); *out is of no use then. */
bool schedule_plan_again(struct schedule *out, const struct qmodel *qmodel,
                         const struct plan_options *options, int64_t most_bytes, struct plan_memory *memory,
                         struct arena *arena);
/* The search is not exhaustive: replaces a plan of OPTIMIZE_LATENCY by that of OPTIMIZE_SRAM with the same
 * options where that is faster. Returns whether it is. */
bool schedule_keep_promise(struct schedule *schedule, const struct qmodel *qmodel,
                           const struct plan_options *options, struct plan_memory *memory,
                           struct arena *arena);

/* Replays the schedule byte by byte: returns 0, or error() naming step, tensors and bytes of the first
 * overlap, read of a byte that its writer does not own any more, or access outside the arena. Shares no code
 * with the planner. */
int schedule_check(const struct schedule *schedule, const struct qmodel *qmodel);

#endif
