/*
 * place.h - offsets for buffers with lifetimes, in as few bytes as possible. Private to codegen/.
 *
 * Two buffers alive in the same step conflict: their distance must avoid an open interval, normally "they
 * overlap", a smaller one when a step's output may reach into its dying input (kernels.h).
 */
#ifndef CODEGEN_PLACE_H
#define CODEGEN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct buffer {
    int tensor; /* -1: the scratch of step `first` */
    int first, last;
    int64_t bytes;  /* a multiple of the alignment */
    int64_t weight; /* live bytes of its most crowded step: that step decides the peak */
};

/* offset(self) - offset(other) must not lie strictly between low and high, unless it is `at` and exact. */
struct conflict {
    int other;
    int64_t low, high;
    bool exact;
    int64_t at;
};

struct problem {
    struct buffer *buffers;
    int n_buffers;
    struct conflict
        *conflicts; /* of buffer i: [start[i], start[i + 1]); each pair is listed from both sides */
    int *start;
    int64_t lower_bound; /* where to stop searching */
};

/* Fills offset[] of every buffer; returns the bytes used. Deterministic. */
int64_t place_buffers(int64_t *offset, const struct problem *problem, struct arena *arena);

#endif
