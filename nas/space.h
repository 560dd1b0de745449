/*
 * space.h - search-space optimization (TinyNAS stage 1, arXiv 2007.10319 section 3.1): which width x
 * resolution to search in.
 *
 * For every (width, resolution) of the supernet: draw `samples` random subnets, plan each with the real
 * planner, keep those whose footprint fits the board and limits; the space with the largest mean MACs of its
 * fitting subnets wins.
 */
#ifndef NAS_SPACE_H
#define NAS_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/schedule.h"
#include "nas/subnet.h"

struct arena;
struct board;
struct cost_table;
struct supernet;

/* Limits of a search; 0: the board's own (sram, flash) or none (macs). A limit above the board's own is the
 * board's own. Latency and energy need the board's cost table (codegen/cost_table.h), and energy a board file
 * that gives it; with a table, latencies are predicted whether or not they are limited. */
struct limits {
    int64_t sram_bytes, flash_bytes, macs;
    int64_t latency_us, energy_nj;  /* of one inference; 0: none */
    const struct cost_table *costs; /* fitted; NULL: latencies are not known */
    int64_t cycles;                 /* of limits_effective(): what latency and energy come to */
    int64_t *prediction_ns;         /* what predictions take is added here, from any thread; or NULL */
    struct plan_options
        plan; /* as codegen will be asked: what makes the figures equal those of the firmware */
};

/* The limits in force (for arena + stack + runtime, as footprint.sram_bytes): zeros replaced by what they
 * stand for, INT64_MAX for no limit of MACs or cycles. */
struct limits limits_effective(const struct limits *limits, const struct board *board);

/* What a candidate costs, from skeleton -> lower -> schedule -> footprint. */
struct candidate_cost {
    int64_t macs, params, sram_bytes, flash_bytes, arena_bytes;
    int64_t cycles;    /* predicted; 0: not known (no table) */
    double latency_ms; /* what they take on the board */
    double energy_uj;  /* 0: not known */
    bool fits;
};

/* About a millisecond. Thread safe. */
int candidate_evaluate(struct candidate_cost *out, const struct supernet *supernet,
                       const struct subnet *subnet, const struct board *board, const struct limits *limits);

/* How far a cost is outside the limits: the sum of relative excesses; 0 when it fits. */
double candidate_misfit(const struct candidate_cost *cost, const struct limits *effective);

/* error_fit: "no subnet fits ...", naming the nearest subnet, each limit that it misses and by how much; and
 * one that fits elsewhere, or NULL. */
int candidate_error(const struct subnet *nearest, const struct candidate_cost *cost,
                    const struct limits *limits, const struct board *board, const struct subnet *fitting);

/*
 * The nearest subnet that fits: from `wanted`, one choice after another made one step smaller (kernel,
 * expand, depth, width, resolution), each time the step that brings it nearest to the limits for the fewest
 * MACs lost. *found is false when not even the smallest fits; out is then the smallest.
 */
int candidate_nearest(struct subnet *out, struct candidate_cost *cost, bool *found,
                      const struct subnet *wanted, const struct supernet *supernet, const struct board *board,
                      const struct limits *limits);

struct space {
    int width, resolution;
    int samples, fitting;
    double mean_macs; /* of the fitting; 0 when none fits */
    int64_t *macs;    /* of the fitting, ascending (the CDF) */
};

struct space_report {
    struct space *spaces;
    int n_spaces, best; /* best: -1 when nothing fits anywhere */
    int64_t smallest_sram_bytes,
        smallest_flash_bytes; /* of any subnet seen: for the message when nothing fits */
    struct subnet nearest;    /* the subnet that misses the limits by least */
    struct candidate_cost nearest_cost;
};

enum { SPACE_MAX_SAMPLES = 20000 };

struct space_options {
    int samples; /* per space; 1000 by default */
    uint64_t seed;
    int threads;
    bool quiet;
};

/* Same result for any number of threads. Nothing fits: returns 0 with best == -1; the caller reports through
 * candidate_error(). The smallest subnet of every space counts for smallest_* and nearest, besides the
 * samples. */
int space_optimize(struct space_report *out, const struct supernet *supernet, const struct board *board,
                   const struct limits *limits, const struct space_options *options, struct arena *arena);

#endif
