/*
 * cycles.h - how many cycles firmware will take on a board: an estimate, whole and layer by layer.
 *
 * The firmware runs in QEMU under a plugin that counts which code ran and what the caches missed between
 * bench_begin() and bench_end() (record.h); a pipeline model of the board's core turns the counts into cycles
 * (pipeline.h), with the constants of the board file. Wherever such a figure is shown it is called an
 * estimate, and the model's error stands beside it.
 */
#ifndef BOARDS_CYCLES_CYCLES_H
#define BOARDS_CYCLES_CYCLES_H

#include <stdint.h>

struct arena;
struct board;

/* Where cycles go: CAUSE(name, meaning). The causes of a row sum to its cycles. */
#define CYCLE_CAUSES(CAUSE)                                                                                  \
    CAUSE(issue, "instructions entering the pipeline")                                                       \
    CAUSE(pipeline, "operands not ready, instructions that take several cycles")                             \
    CAUSE(branch, "taken and mispredicted branches")                                                         \
    CAUSE(fetch, "instructions waiting for flash")                                                           \
    CAUSE(flash, "data waiting for flash")                                                                   \
    CAUSE(ram, "data waiting for RAM")                                                                       \
    CAUSE(unaligned, "unaligned loads and stores")

enum cycle_cause {
#define CAUSE(name, meaning) CAUSE_##name,
    CYCLE_CAUSES(CAUSE)
#undef CAUSE
        CYCLE_CAUSE_COUNT
};

extern const char *const cycle_cause_names[CYCLE_CAUSE_COUNT];

struct cycle_row {
    const char *name; /* of a layer: its identifier in model.c, e.g. "conv_3"; "rest": what belongs to none
                         (the chain runner, other code between the markers) */
    int64_t instructions, loads, stores;
    int64_t cycles; /* = sum of by_cause */
    int64_t by_cause[CYCLE_CAUSE_COUNT];
};

struct cycle_estimate {
    struct cycle_row whole;
    struct cycle_row
        *layers; /* in the order in which they first ran, "rest" last; rows sum to `whole`, field by field */
    int n_layers;
    double ms, cpi;
    double uj;                   /* microjoules; 0: the board file gives no energy */
    double error_percent;        /* of the model, for whole networks */
    double energy_error_percent; /* of nJ per cycle, beside that of the cycles */
};

/* What cycle_estimate() needs: the plugin, and a QEMU that loads it. */
struct cycle_counter {
    const char *path;    /* of the plugin; NULL: there is none */
    const char *problem; /* in one line; NULL: none, cycles can be estimated */
    int interface;       /* then: version of QEMU's plugin interface */
};
/* Looks for both, and has QEMU load the plugin. error (1): QEMU could not be started. */
int cycle_counter_probe(struct cycle_counter *out, struct arena *arena);

/* Runs elf, an emulator build (or any program with bench_begin() and bench_end() that ends by itself through
 * semihosting), on board's stand-in, and fills *out. Of several passes the last one counts. timeout_s 0:
 * none. error_tool: no QEMU, or no plugin beside the executable. error_input: elf is none for Arm or lacks
 * the markers; the board has no timing constants. error (1): the firmware failed, or did not end in time.
 * Never hangs when a timeout is given. Same ELF and board, same figures. */
int cycle_estimate(struct cycle_estimate *out, const char *elf, const struct board *board, double timeout_s,
                   struct arena *arena);

/* The two halves of cycle_estimate(): what ran, and what it takes. One record can be evaluated many times, with the board that it
 * was made for and other numbers of timing.inc in board->timing; caches and core must be the same. */
struct cycle_record;
int cycle_record(struct cycle_record **out, const char *elf, const struct board *board, double timeout_s, struct arena *arena);
void cycle_evaluate(struct cycle_estimate *out, const struct cycle_record *record, const struct board *board, struct arena *arena);

#endif
