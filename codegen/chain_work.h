/*
 * chain_work.h - what an analysis of a chain (chain.h) works with. Private to chain*.c.
 *
 * Operators and tensors have the graph's indices. Rows are counted from the top, or from the bottom in
 * bottom-up chains; what differs is the padding, so links and readers exist once for either direction.
 */
#ifndef CODEGEN_CHAIN_WORK_H
#define CODEGEN_CHAIN_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "codegen/chain.h"

/* An input of an operator: step p reads rows [p * stride - pad, p * stride - pad + extent). */
struct chain_link {
    int producer; /* operator; before the chain's begin: the chain's input */
    int stride, pad, extent;
};

/* The same seen from a tensor. */
struct chain_reader {
    int op, stride, pad;
};

struct chain_direction {
    struct chain_link *links;     /* of operator i: [first_link[i], first_link[i + 1]) */
    struct chain_reader *readers; /* of tensor t: [first_reader[t], first_reader[t + 1]) */
};

/* A call, steps counted from the bottom in bottom-up chains. */
struct chain_event {
    int op, first, last;
};

/* Calls of an operator that compute equally many steps. */
struct chain_calls {
    int next; /* index; 0: none */
    int rows, count;
};

/* Per operator of the graph; of the chain's operators only, but for what is marked. */
struct chain_op {
    int done;         /* steps computed */
    int total;        /* steps in the end: the last ones may be of no use to anybody */
    int steps;        /* always */
    bool accumulates; /* always */
    bool shares;      /* element-wise, in the store of an input */
    int leader;       /* operator whose output began the store of this one's output; -1: no line buffer */
    int step, phase;  /* v = step * row + phase */
    int ring;         /* of leaders */
    int store;        /* of leaders: index */
    int next_member;  /* of the same store; -1: none */
    int calls;        /* index of the first in the list */
    int64_t scratch_offset;
};

/* An analysis that was made before. */
struct chain_known {
    uint64_t key; /* of its shape; 0: free */
    struct chain_cost cost;
    struct chain_scratch scratch;
    int version; /* of the graph, when scratch was worked out */
    int *calls;  /* per operator of the chain: as chain_op.calls */
};

enum { LOG2_PATTERNS = 10 };

/* What all calls of an operator cost in one of its patterns: so many calls of so many rows. */
struct chain_pattern {
    uint64_t calls; /* rows and count of up to two sizes; 0: free */
    int op;
    int version; /* of the graph, when it was worked out */
    const struct row_tiles *tiles;
    int64_t cost[TILE_LEVELS]; /* per tile of tiles; -1: not worked out */
};

struct chain_work {
    const struct row_graph *graph;
    struct arena *arena;
    struct chain_op *ops;
    struct chain_direction directions[2]; /* top-down, bottom-up */
    int *first_link, *first_reader;
    const struct chain_link *links; /* of the direction of the shape */
    const struct chain_reader *readers;
    struct chain_event *events;
    int n_events, max_events;
    struct chain_calls *calls; /* entry 0 is not used */
    int n_calls, max_calls;
    int64_t *first_use; /* per slot of a store: input bytes already consumed when it is first written */
    int max_slots;
    struct chain_store stores[CHAIN_MAX_OPS];
    int store_slot[CHAIN_MAX_OPS]; /* first index in first_use */
    int n_stores;
    struct chain_shape shape;   /* of the analysis that is running, or was the latest */
    bool illegal;               /* an operator may not write in place after all */
    struct chain_known **known; /* hash table of 2^log2_known entries */
    int log2_known, n_known;
    struct chain_pattern **patterns; /* of 2^LOG2_PATTERNS hashes the latest */
};

/* First row of a tensor that somebody still has to read; INT32_MAX: none. An operator whose call is being
 * made counts as before the call. */
static inline int chain_needed_from(const struct chain_work *work, int tensor)
{
    int needed = INT32_MAX;
    for (int i = work->first_reader[tensor]; i < work->first_reader[tensor + 1]; i++) {
        const struct chain_reader *reader = &work->readers[i];
        const struct chain_op *op = &work->ops[reader->op];
        int row = op->done * reader->stride - reader->pad;
        if (op->done < op->total && row < needed)
            needed = row;
    }
    return needed;
}

/* The stores of an analysis whose calls are known, and how far they reach into the input. */
void chain_lay_out(struct chain_cost *out, struct chain_work *work);

#endif
