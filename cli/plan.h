/*
 * plan.h - from an int8 network to a checked schedule that fits a board, as codegen and profile need it.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <jansson.h>

struct arena;
struct board;
struct footprint;
struct limits;
struct qmodel;
struct recipe;
struct schedule;

/* The recipe's limits with the plan options that codegen will use, so that the search plans what is emitted. */
int limits_for_board(struct limits *limits, const struct recipe *recipe, const struct board *board);

/* Plans with the recipe's codegen.optimize and limits, replays the plan through the independent checker, and compares the footprint with the
 * board and the limits (error_fit). what: the network's name in messages. */
int plan_for_board(struct schedule *schedule, struct footprint *footprint, const struct qmodel *qmodel, const struct board *board,
                   const struct recipe *recipe, const char *what, struct arena *arena);

/* Every field of the footprint by its own name: {"arena_bytes", "stack_bytes", ...}. */
json_t *footprint_figures(const struct footprint *footprint);

#endif
