/*
 * pipeline_m7.c - Cortex-M7: two instructions a cycle, in order, when operands are there and units are free.
 *
 * A scoreboard holds the cycle from which each register can be used by an instruction that needs it at the
 * usual stage. Addresses, and operands that pass the shifter, are needed a cycle earlier; accumulators a
 * cycle later (they are forwarded inside the multiplier), data of stores two. After LLVM's ARMScheduleM7.td;
 * latencies fitted, see the board files.
 */
#include "boards/cycles/pipeline.h"

#include <string.h>

#include "boards/board.h"
#include "boards/cycles/instruction.h"

enum {
    TAIL = 10, /* instructions of the block before that can still be felt */

    /* When an operand is needed, in cycles after issue. */
    NEED_ADDRESS = -1,
    NEED_SHIFTED = -1,
    NEED_ACCUMULATOR = 1,
    NEED_STORED = 2,

    /* Cycles from issue to use. */
    LATENCY = 1,
    LATENCY_NARROW_LOAD = 2,
    LATENCY_MULTIPLY = 2,
    LATENCY_SATURATE = 2,
    LATENCY_FLOAT = 3,
    LATENCY_FLOAT_DIVIDE = 16,

    /* Cycles that nothing else issues. */
    OCCUPIES_DIVIDE = 6,
    OCCUPIES_SYSTEM = 2,

    TAKEN_JUMP_CYCLES = 3, /* BX, TBB, loads of PC: the target is known late */

    LONG_AGO = -TAIL, /* when registers were written that nothing here wrote */
};

enum unit {
    UNIT_NONE,
    UNIT_ALU,
    UNIT_SHIFT,
    UNIT_SIMD,
    UNIT_MULTIPLY,
    UNIT_FLOAT,
    UNIT_LOAD,
    UNIT_STORE,
    UNIT_BRANCH,
    UNIT_ALL
};

struct pipeline_state {
    int64_t now; /* cycle in which the next instruction would issue */
    int64_t ready[REGISTERS], flags_ready;
    enum unit first; /* what issued in this cycle already */
    int issued;      /* 0 to 2 */
    bool closed;     /* nothing pairs with what issued */
    bool loads_pair; /* two loads may issue together: they hit different banks */
    int64_t waited, refilled;
};

static enum unit unit_of(const struct instruction *i)
{
    switch (i->kind) {
    case KIND_LOAD:
    case KIND_LOAD_FLOAT:
        return UNIT_LOAD;
    case KIND_STORE:
    case KIND_STORE_FLOAT:
        return UNIT_STORE;
    case KIND_MULTIPLY:
    case KIND_MULTIPLY_LONG:
        return UNIT_MULTIPLY;
    case KIND_SIMD:
        return UNIT_SIMD;
    case KIND_SHIFT:
        return UNIT_SHIFT;
    case KIND_FLOAT:
        return UNIT_FLOAT;
    case KIND_BRANCH:
    case KIND_BRANCH_COMPARE:
    case KIND_BRANCH_LINK:
    case KIND_BRANCH_REGISTER:
        return UNIT_BRANCH;
    case KIND_LOAD_PAIR:
    case KIND_LOAD_MULTIPLE:
    case KIND_LOAD_MULTIPLE_FLOAT:
    case KIND_STORE_PAIR:
    case KIND_STORE_MULTIPLE:
    case KIND_STORE_MULTIPLE_FLOAT:
    case KIND_DIVIDE:
    case KIND_BRANCH_TABLE:
    case KIND_SYSTEM:
        return UNIT_ALL;
    case KIND_NOP:
        return UNIT_ALU;
    default:
        return i->shifts ? UNIT_SHIFT : UNIT_ALU;
    }
}

static bool is_one_of(enum unit a, enum unit b, enum unit x, enum unit y)
{
    return (a == x && b == y) || (a == y && b == x);
}

/* Can `second` issue in the cycle in which `first` did? */
static bool pairs(const struct pipeline_state *state, enum unit first, enum unit second)
{
    if (second == UNIT_ALL || second == UNIT_SIMD) /* SIMD instructions only go first */
        return false;
    if (first == second && first == UNIT_LOAD)
        return state->loads_pair;
    if (first == second)
        return first == UNIT_ALU || first == UNIT_FLOAT;
    return !is_one_of(first, second, UNIT_LOAD, UNIT_STORE) &&
           !is_one_of(first, second, UNIT_SIMD, UNIT_SHIFT);
}

/* Cycles after issue at which instruction i needs one of its source registers. */
static int need_of(const struct instruction *i, register_set source)
{
    if (source & i->address_reads)
        return NEED_ADDRESS;
    if (i->traits & TRAIT_EARLY)
        return NEED_SHIFTED;
    if (i->kind == KIND_SIMD)
        return 0;
    if (i->shifts && i->kind == KIND_ALU)
        return NEED_SHIFTED;
    if (source & i->stores)
        return NEED_STORED;
    return source & i->accumulates ? NEED_ACCUMULATOR : 0;
}

static int64_t operands_ready(const struct pipeline_state *state, const struct instruction *i)
{
    int64_t ready = 0;
    for (register_set left = i->reads; left; left &= left - 1) {
        const int number = __builtin_ctzll(left);
        const int64_t then = state->ready[number] - need_of(i, UINT64_C(1) << number);
        ready = then > ready ? then : ready;
    }
    const int64_t flags = state->flags_ready - (i->kind == KIND_BRANCH);
    return i->needs_flags && flags > ready ? flags : ready;
}

static void next_cycle(struct pipeline_state *state, int64_t cycle)
{
    state->now = cycle;
    state->issued = 0;
    state->closed = false;
}

/* Cycles beyond the first in which an instruction that issues alone keeps the pipeline. */
static int occupies(const struct instruction *i)
{
    switch (i->kind) {
    case KIND_STORE_MULTIPLE:
    case KIND_STORE_MULTIPLE_FLOAT:
        return i->count - 1;
    case KIND_LOAD_MULTIPLE:
    case KIND_LOAD_MULTIPLE_FLOAT: /* two registers a cycle */
        return (i->count + 1) / 2 - 1;
    case KIND_DIVIDE:
        return OCCUPIES_DIVIDE;
    case KIND_BRANCH_TABLE:
    case KIND_SYSTEM:
        return OCCUPIES_SYSTEM;
    default:
        return 0;
    }
}

static int latency_of(const struct instruction *i)
{
    switch (i->kind) {
    case KIND_LOAD:
        return i->traits & TRAIT_NARROW ? LATENCY_NARROW_LOAD : LATENCY;
    case KIND_MULTIPLY:
    case KIND_MULTIPLY_LONG:
        return LATENCY_MULTIPLY;
    case KIND_SIMD:
        return i->traits & TRAIT_SATURATES ? LATENCY_SATURATE : LATENCY;
    case KIND_FLOAT:
        return i->traits & TRAIT_ITERATES ? LATENCY_FLOAT_DIVIDE
               : i->traits & TRAIT_MOVES  ? LATENCY
                                          : LATENCY_FLOAT;
    default:
        return LATENCY;
    }
}

/* A base register that moves on is there in the same cycle. */
static register_set updated_bases(const struct instruction *i)
{
    switch (i->kind) {
    case KIND_LOAD:
    case KIND_STORE:
    case KIND_LOAD_PAIR:
    case KIND_STORE_PAIR:
    case KIND_LOAD_MULTIPLE:
    case KIND_STORE_MULTIPLE:
        return i->writes_back ? i->address_reads : 0;
    default:
        return 0;
    }
}

static void issue(struct pipeline_state *state, const struct instruction *i)
{
    const int64_t ready = operands_ready(state, i);
    if (ready > state->now) {
        state->waited += ready - state->now - (state->issued != 0);
        next_cycle(state, ready);
    }
    if (i->kind == KIND_IT) /* folded into the instruction before it */
        return;
    const enum unit unit = unit_of(i);
    if (state->closed || state->issued == 2 || (state->issued == 1 && !pairs(state, state->first, unit)))
        next_cycle(state, state->now + 1);
    if (state->issued++ == 0)
        state->first = unit;
    if (unit == UNIT_ALL) {
        state->now += occupies(i);
        state->closed = true;
    }
    const register_set bases = updated_bases(i);
    for (register_set left = i->writes; left; left &= left - 1) {
        const int number = __builtin_ctzll(left);
        state->ready[number] = state->now + (bases >> number & 1 ? 0 : latency_of(i));
    }
    if (i->sets_flags)
        state->flags_ready = state->now + LATENCY;
}

static void refill(struct pipeline_state *state, const struct timing_spec *timing,
                   const struct instruction *i)
{
    const bool late = i->kind == KIND_BRANCH_REGISTER || i->kind == KIND_BRANCH_TABLE ||
                      i->kind == KIND_LOAD || i->kind == KIND_LOAD_MULTIPLE; /* of PC, as it is taken */
    const int cycles = late ? TAKEN_JUMP_CYCLES : 1 + (int)(timing->taken_branch_cycles + 0.5);
    state->refilled += cycles - (state->issued != 0);
    next_cycle(state, state->now + cycles);
}

/* The first cycle after all that issued. */
static int64_t end_of(const struct pipeline_state *state)
{
    return state->now + (state->issued != 0);
}

static struct pipeline_cycles replay(const struct timing_spec *timing, struct block_view before, bool taken,
                                     struct block_view block, bool loads_pair)
{
    struct pipeline_state state = {.loads_pair = loads_pair};
    for (int i = 0; i < REGISTERS; i++)
        state.ready[i] = LONG_AGO;
    for (int i = before.n > TAIL ? before.n - TAIL : 0; i < before.n; i++)
        issue(&state, &before.instructions[i]);
    const struct pipeline_state start = state;
    if (taken && before.n)
        refill(&state, timing, &before.instructions[before.n - 1]);
    for (int i = 0; i < block.n; i++)
        issue(&state, &block.instructions[i]);
    const double cycles = (double)(end_of(&state) - end_of(&start)),
                 waited = (double)(state.waited - start.waited),
                 refilled = (double)(state.refilled - start.refilled);
    return (struct pipeline_cycles){cycles - waited - refilled, waited, refilled};
}

struct pipeline_cycles pipeline_m7(const struct timing_spec *timing, struct block_view before, bool taken,
                                   struct block_view block)
{
    const struct pipeline_cycles together = replay(timing, before, taken, block, true),
                                 apart = replay(timing, before, taken, block, false);
    const double a = timing->load_pair_conflict, b = 1 - a;
    return (struct pipeline_cycles){a * apart.issue + b * together.issue,
                                    a * apart.pipeline + b * together.pipeline,
                                    a * apart.branch + b * together.branch};
}
