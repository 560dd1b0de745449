/*
 * calls.h - in which calls a schedule computes each operator: what its cycles depend on besides its shape.
 */
#ifndef CODEGEN_CALLS_H
#define CODEGEN_CALLS_H

#include <stdint.h>

struct arena;
struct qmodel;
struct schedule;

enum { CALL_SIZES = 6 };

/* `count` calls of `rows` steps each (row_steps() of row_graph.h), rows ascending. Where an operator has
 * calls of more than CALL_SIZES sizes, the rest is counted with the last one. */
struct call_pattern {
    int n;
    struct {
        int rows, count;
    } size[CALL_SIZES];
};

/* The pattern of each entry of schedule->order, in the arena: schedule.h's order of calls, without the
 * memory. */
struct call_pattern *schedule_calls(const struct schedule *schedule, const struct qmodel *qmodel,
                                    struct arena *arena);

#endif
