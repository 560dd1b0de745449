/*
 * search.h - subnet selection (TinyNAS stage 2): evolution over one space under hard limits.
 *
 * Population 100, 20 parents, 50 crossover + 50 mutation (p = 0.1), 30 iterations in the paper; smaller by
 * default. Fitness is asked from the caller (cli: accuracy of the extracted subnet after BN re-estimation on
 * held-out images), once per distinct subnet.
 */
#ifndef NAS_SEARCH_H
#define NAS_SEARCH_H

#include "nas/space.h"

/* Accuracy in percent of each of n subnets; same subnet, same answer. Called from one thread with at most
 * SEARCH_BATCH subnets. */
enum { SEARCH_BATCH = 8 };
typedef int fitness_fn(void *context, const struct subnet *subnets, int n, double *accuracy);

/* Cycles of a subnet's firmware, estimated in full. Same subnet, same answer. */
typedef int recheck_fn(void *context, const struct subnet *subnet, int64_t *cycles);

struct search_options {
    int population, parents, crossover, mutation, iterations;
    double mutation_probability;
    int width, resolution; /* the space; -1: search over all */
    uint64_t seed;
    int threads;
    bool quiet;
    bool random; /* baseline: as many random fitting subnets instead of evolution */
    /* journal of evaluated subnets for resuming a killed search: path or NULL */
    const char *journal;
    /* what the fitness depends on besides the supernet (data, images, seeds), for the journal's key; or NULL
     */
    const char *fitness_name;
    /* Where latency or energy is limited: the winner is estimated in full, and when it exceeds the limit the
     * next best takes its place, which a warning says. NULL: predictions are believed. */
    recheck_fn *recheck;
    void *recheck_context;
};

#define SEARCH_DEFAULTS                                                                                      \
    {                                                                                                        \
        .population = 40, .parents = 10, .crossover = 15, .mutation = 15, .iterations = 8,                   \
        .mutation_probability = 0.1, .width = -1, .resolution = -1                                           \
    }

enum origin { ORIGIN_RANDOM, ORIGIN_MUTATION, ORIGIN_CROSSOVER };

struct evaluated {
    struct subnet subnet;
    struct candidate_cost cost;
    double accuracy;
    int iteration; /* 0: the first population */
    enum origin origin;
    int64_t full_cycles; /* of recheck; 0: not asked */
};

struct search_report {
    struct evaluated *history; /* in order of evaluation, distinct */
    int n_history, best;       /* best: highest accuracy, then fewest MACs, then first */
    int n_rejected;            /* better ones whose full estimate exceeds the limit */
};

/*
 * Draws until `population` distinct subnets fit (bounded; when draws alone do not fill it, it is filled by
 * mutation), asks their fitness, and repeats: the best `parents` breed children that fit and were not seen
 * before; what crossover cannot fill, mutation does, then draws. When the space has no more of them it goes
 * on with fewer. The result depends on supernet, board, limits, options and fitness only, not on threads nor
 * on how often it was killed and resumed from its journal. Nothing fits: error_fit naming the limit, the
 * nearest subnet and by how many bytes. No subnet passes the recheck: error_fit, too.
 */
int search_subnets(struct search_report *out, const struct supernet *supernet, const struct board *board,
                   const struct limits *limits, const struct search_options *options, fitness_fn *fitness,
                   void *context, struct arena *arena);

#endif
