/*
 * cost_table.h - cycles of a whole network without building it: a table of what operators took under the
 * estimator (boards/cycles/), and an interpolation for those that are not in it.
 *
 * A point is an operator in a schedule: kernel, layout, tile, shapes, window, and in which calls it is
 * computed. What several operators with the same key took is averaged. For keys that are not there, cycles
 * are fitted, per kernel, window and stride, over the terms that the kernel's loops have (cost_terms.h):
 * calls, panels x groups, expanded weights, tiles x depth, gathered values, weights streamed from flash,
 * working set beyond the data cache, ...; non-negative least squares of relative errors, times how far the
 * nearest points are off.
 *
 * A table belongs to an identity: the text that names everything else that cycles depend on (board timing,
 * core, compiler, flags, engine sources).
 *
 * File: text. "# mcunet cost table 1", "# identity: ..." lines, "# data cache: BYTES", a "# network: NAME"
 * line for each network measured, a line of column names, a line per point, and last "# sha256: HEX" of all
 * before it, so that a damaged file is noticed.
 */
#ifndef CODEGEN_COST_TABLE_H
#define CODEGEN_COST_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/calls.h"

struct arena;
struct cost_fits;
struct qmodel;
struct schedule;
struct strbuf;

/* What a point is known by, beside its calls: FIELD(name). Shapes are of the first input and of the output;
 * kernel is an enum kernel (COST_REST: what belongs to no operator). */
#define COST_KEY(FIELD)                                                                                      \
    FIELD(layout)                                                                                            \
    FIELD(tile)                                                                                              \
    FIELD(in_h)                                                                                              \
    FIELD(in_w)                                                                                              \
    FIELD(in_c)                                                                                              \
    FIELD(out_h)                                                                                             \
    FIELD(out_w)                                                                                             \
    FIELD(out_c)                                                                                             \
    FIELD(window_h)                                                                                          \
    FIELD(window_w)                                                                                          \
    FIELD(stride_h)                                                                                          \
    FIELD(stride_w)                                                                                          \
    FIELD(dilation)                                                                                          \
    FIELD(depth_first)

struct cost_point {
    int kernel;
#define FIELD(name) int name;
    COST_KEY(FIELD)
#undef FIELD
    struct call_pattern calls;
    int64_t times;                /* measured so often; 0: not measured */
    int64_t cycles, instructions; /* sums over those */
};

struct cost_table {
    struct arena *arena;  /* not owned */
    const char *identity; /* lines of text, each ending in a newline */
    const char *wanted;   /* the identity of what is installed, where that is known and another; or NULL */
    int dcache_bytes;
    const char **networks;
    int n_networks, networks_capacity;
    struct cost_point *points; /* sorted by key */
    int n_points, points_capacity;
    struct cost_fits *fits; /* NULL before cost_table_fit() */
    char sha256[65];        /* of the file's text; "" before cost_table_text() or _parse() */
};

void cost_table_init(struct cost_table *out, const char *identity, int dcache_bytes, struct arena *arena);
/* error_input "path:line: ..." when malformed, or when the checksum does not match. */
int cost_table_parse(struct cost_table *out, const char *text, const char *path, struct arena *arena);
/* Is the text whole, by its checksum? Says nothing. */
bool cost_table_intact(const char *text);
int cost_table_read(struct cost_table *out, const char *path, struct arena *arena);
/* Appends the file's text; sets sha256. Same points, same bytes, whatever order they came in. */
void cost_table_text(struct cost_table *table, struct strbuf *out);

bool cost_table_has_network(const struct cost_table *table, const char *name);
void cost_table_add_network(struct cost_table *table, const char *name);
/* Adds what a point took; forgets the fits. */
void cost_table_add(struct cost_table *table, const struct cost_point *point);

/* The points of a schedule: one per entry of its order, and COST_REST last; n_order + 1 in all. Not
 * measured. */
struct cost_point *cost_points(const struct schedule *schedule, const struct qmodel *qmodel,
                               struct arena *arena);

/* After the last add, before predictions. */
void cost_table_fit(struct cost_table *table);
/* Cycles of a point: the mean of what was measured, or the interpolation. *exact (may be NULL): the former.
 * Thread safe, as is the next. */
int64_t cost_table_point_cycles(const struct cost_table *table, const struct cost_point *point, bool *exact);
/* Cycles of one inference. */
int64_t cost_table_cycles(const struct cost_table *table, const struct schedule *schedule,
                          const struct qmodel *qmodel);

/* The interpolation of a point, measured or not; -1 when the table has nothing like it. without: leaves the
 * points with the point's own key out of the nearest ones (for checks). */
double cost_table_interpolate(const struct cost_table *table, const struct cost_point *point,
                              bool without_own);

#endif
