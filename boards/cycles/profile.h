/*
 * profile.h - what ran in the emulator: record.h's counts in memory, checked. Private to boards/cycles/.
 */
#ifndef BOARDS_CYCLES_PROFILE_H
#define BOARDS_CYCLES_PROFILE_H

#include "boards/cycles/record.h"

struct arena;
struct board;

/* What the ELF's symbols say. */
struct marker_table {
    uint32_t begin, end; /* of bench_begin() and bench_end(), without the Thumb bit */
    struct record_marker *markers;
    const char **names; /* of layers; [0] is "rest" */
    int n_markers, n_layers;
};

/* Layers are the constant objects of model.c: each engine call has its own argument struct, and the kernel
 * reads it before it does anything else. Objects of one operator ("pad_2", "pad_2_border") are one layer;
 * those of chains ("chain_7") are layer 0. A program without model.c has layer 0 only. error_input: no ELF
 * for Arm, or without bench_begin and bench_end. */
int markers_of_elf(struct marker_table *out, const char *elf, struct arena *arena);

struct profile {
    const struct record_header *header;
    const struct record_layer *layers;
    const struct record_block *blocks;
    const struct record_arrival
        *arrivals; /* sorted by to, from, layer: the order does not depend on the plugin */
    const uint8_t *code;
};

/* Runs the ELF under the plugin. */
int profile_run(struct profile *out, const char *elf, const struct board *board,
                const struct marker_table *markers, double timeout_s, struct arena *arena);
/* Reads a counts file; damaged ones are error_input. */
int profile_read(struct profile *out, const char *path, struct arena *arena);

#endif
