/*
 * chain_edges.h - the cuts of a network, and the ways to compute what lies between two of them. Private to
 * codegen/.
 */
#ifndef CODEGEN_CHAIN_EDGES_H
#define CODEGEN_CHAIN_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codegen/chain.h"

struct arena;
struct row_graph;

enum { CHAIN_ALIGNMENT = 8 }; /* of arena sizes */

/* More bytes than any arena: it cannot be done. */
static const int64_t never = INT64_MAX / 4;

static inline int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t round_up(int64_t n, int64_t multiple)
{
    int64_t rest = ((n % multiple) + multiple) % multiple;
    return rest == 0 ? n : n + multiple - rest;
}

/* A place between operators where one tensor is alive. */
struct cut {
    int position; /* operators [0, position) are done */
    int tensor;
    int64_t bytes; /* a multiple of 4 */
};

/* One way to compute the operators between two cuts. */
struct option {
    struct option *next;
    int rows, inner_rows;
    bool bottom_up, whole;
    bool least_scratch; /* of the options that are the same but for scratch */
    bool exact;         /* the output may also lie exactly `shift` below the input */
    int64_t shift;
    int64_t block;    /* bytes of scratch and stores */
    int32_t scratch;  /* of them shared by the calls, one after the other */
    int16_t tile;     /* of a whole operator */
    int64_t distance; /* top-down: input - output >= distance; bottom-up: output - input >= distance */
    int64_t reach;
    int64_t call_cost; /* instructions of all calls */
    int64_t footprint; /* the least arena in which it fits */
};

enum edge_state { NOT_ANALYSED, ANALYSED, ANALYSED_RICHLY };

struct edge {
    struct option *options;
    int64_t footprint; /* the least of the options; before the analysis a lower bound */
    enum edge_state state;
};

struct chain_planner {
    const struct row_graph *graph;
    struct arena *arena;
    struct chain_work *work;
    struct cut *cuts;
    int n_cuts;
    struct edge *edges; /* [from * n_cuts + to] */
    int n_options;      /* kept so far */
    /* working memory of chain_place */
    struct label_set **labels;
    int64_t *remaining;
};

static inline struct edge *edge_of(const struct chain_planner *planner, int from, int to)
{
    return &planner->edges[(size_t)from * (size_t)planner->n_cuts + (size_t)to];
}

static inline int edge_length(const struct chain_planner *planner, int from, int to)
{
    return planner->cuts[to].position - planner->cuts[from].position;
}

/* Finds the cuts and bounds every edge from below. Returns false when the network has none to plan between.
 */
bool edges_create(struct chain_planner *out, const struct row_graph *graph, struct chain_work *work,
                  struct arena *arena);
/* The options with the least memory, and with the fewest calls; each with several sizes of scratch. */
void edge_analyse(struct chain_planner *planner, int from, int to);
/* Also ways in between that fit in `limit` bytes. */
void edge_analyse_richly(struct chain_planner *planner, int from, int to, int64_t limit);
struct chain_shape edge_shape(const struct chain_planner *planner, int from, int to, int rows, int inner_rows,
                              bool bottom_up);

#endif
