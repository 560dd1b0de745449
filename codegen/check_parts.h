/*
 * check_parts.h - the replay of a schedule, shared by check.c and check_chain.c. Private to codegen/.
 */
#ifndef CODEGEN_CHECK_PARTS_H
#define CODEGEN_CHECK_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct implementation;
struct qmodel;
struct qnode;
struct schedule;

struct replay {
    const struct schedule *schedule;
    const struct qmodel *qmodel;
    uint64_t *shadow; /* per arena byte: mark of what it holds, 0: nothing */
    bool *written;    /* per tensor: has been computed */
    int step;
};

/* Writes row y of a tensor: `count` channels of every pixel from channel `first` on. */
int replay_write_row(struct replay *replay, int tensor, int y, int first, int count);
/* Are these channels of row y intact? Where they are not, a byte may only hold the same element of
 * `element_wise_output` (-1: nothing). */
int replay_require_channels(const struct replay *replay, int tensor, int y, int first, int count,
                            int element_wise_output);
int replay_require_row(const struct replay *replay, int tensor, int y, int element_wise_output);
/* Rows [first, last], as far as they exist. */
int replay_require_rows(const struct replay *replay, int tensor, int first, int last);

/* Depthwise in groups of channels, rows [y0, y1]: `tile` rows at a time, the kernel copies the windows of all
 * of them to scratch and then writes them, one group after the other. */
int replay_depthwise_groups(struct replay *replay, const struct qnode *node, int y0, int y1);
const struct implementation *replay_implementation(const struct replay *replay, const struct qnode *node);
/* Bytes of the arena that the kernel of operator number `position` of the order uses as scratch; error when
 * they are not in those of its step. */
int replay_find_scratch(const struct replay *replay, int position, int64_t *begin, int64_t *end);

/* A depth-first step: every call of every operator. */
int replay_chain(struct replay *replay);

/* For messages. */
const char *replay_node_name(const struct replay *replay);
const char *replay_tensor_name(const struct replay *replay, int tensor);

/* What scratch bytes hold: of the step, or the n-th call's. */
enum { REPLAY_SCRATCH_TENSOR = 0xffffff };
uint64_t replay_scratch_mark(int64_t call);

#endif
