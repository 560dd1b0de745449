/*
 * cost.h - the cost table of a board: where it lies, whether it still holds, and how it is filled.
 *
 * Tables lie in $XDG_CACHE_HOME/mcunet/cost/ (~/.cache), named by the SHA-256 of their identity: what cycles
 * depend on besides the network. Those that ship are boards/cost/<board>.csv.
 */
#ifndef CLI_COST_H
#define CLI_COST_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct board;
struct cost_table;
struct limits;
struct qmodel;
struct recipe;
struct schedule;
struct subnet;
struct supernet;

/* Board timing, compiler with flags, and engine, as lines of text. error_input: the board has no timing
 * constants; error_tool: no compiler. */
int cost_identity(const char **out, const struct board *board, struct arena *arena);

/* Where the cached table of this identity lies. */
int cost_cache_path(const char **out, const char *identity, struct arena *arena);

/* Reads the table at path if it is whole and of this identity; else *found is false, with one warning where
 * there is a file that is not. */
int cost_read_own(struct cost_table *out, bool *found, const char *path, const char *identity,
                  struct arena *arena);

/*
 * The table for a board, fitted: the cached one, else the shipped one; both with the board's own identity,
 * else the shipped one of the same board timing but another compiler or engine, which a warning says. No
 * table: it is filled. A damaged file in the cache is told in one message and replaced.
 */
int cost_table_of_board(struct cost_table *out, const struct board *board, bool quiet, struct arena *arena);

/*
 * A folder for building firmware of the board that the table is for: one in the cache, named by the same
 * identity, where the objects of the engine stay from one build to the next; a new one where there is no
 * cache or another process is building there.
 */
struct cost_project {
    const char *folder;
    int lock; /* of the folder in the cache; -1: the folder is removed in the end */
};
int cost_project_open(struct cost_project *out, const char *identity, struct arena *arena);
void cost_project_close(struct cost_project *project);

/* Does the recipe limit latency or energy? */
bool cost_needed(const struct recipe *recipe);

/* What a search spends on latency, and the line on stderr that says so. */
struct cost_time {
    int threads; /* of the search */
    double begin_s;
    double table_s;         /* reading and fitting the table, and asking whether it still holds */
    int64_t predictions_ns; /* of all threads */
    double recheck_s;       /* full estimates */
};
void cost_time_start(struct cost_time *time, int threads);
void cost_time_print(const struct cost_time *time);

/* Gives limits_for_board() the board's table where it is needed, and writes it to `copy`, among the
 * artifacts. time receives what that and predictions take, and outlives limits; may be NULL. error_input: the
 * board file gives no energy. */
int cost_limits(struct limits *limits, struct cost_time *time, const struct recipe *recipe,
                const struct board *board, const char *copy, bool quiet, struct arena *arena);

/* A full estimate of a subnet: recheck_fn of nas/search.h, whose context this is. */
struct cost_recheck {
    const struct supernet *supernet;
    const struct board *board;
    const struct limits *limits;
    int jobs;
    struct cost_time *time;
};
int cost_recheck(void *context, const struct subnet *subnet, int64_t *cycles);

struct cost_fill {
    const struct board *board;
    const struct supernet *const *supernets; /* random subnets of these, besides drawn networks */
    int n_supernets;
    int networks; /* that the table shall have */
    int jobs;     /* of the build */
    bool quiet;
};

/* The supernets to fill from: `only`, a name or file, or NULL: all that ship. out has room for
 * COST_MOST_SUPERNETS. */
enum { COST_MOST_SUPERNETS = 16, COST_NETWORKS = 120 };
int cost_supernets(const struct supernet **out, int *n, const char *only, struct arena *arena);

/* Measures networks that the table lacks, writing it to path after each: a fill that was stopped goes on
 * where it was. Their order, and so the result, does not depend on that. */
int cost_fill(struct cost_table *table, const struct cost_fill *fill, const char *path, struct arena *arena);

/* Builds the firmware of a network with constants in `folder` and estimates it. table (may be NULL) receives
 * the points. */
int cost_measure(int64_t *cycles, struct cost_table *table, const struct qmodel *qmodel,
                 const struct schedule *schedule, const struct board *board, const char *folder, int jobs,
                 struct arena *arena);

/* A new folder for firmware below $TMPDIR, and its end. */
int cost_folder_create(const char **out, struct arena *arena);
void cost_folder_remove(const char *folder);

#endif
