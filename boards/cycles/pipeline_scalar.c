/*
 * pipeline_scalar.c - Cortex-M4 and Cortex-M33: one instruction after the other.
 *
 * Cycles beyond one, on the M4 (Arm 100166, table 3-1): a load 1, unless it follows a load whose result is
 * not its address (they pipeline); LDRD, STRD 2; LDM, STM, VLDM, VSTM one per register; divisions 5 and 13
 * (VDIV, VSQRT); VMLA and its kin 2; refilling the pipeline after a jump 1, after a load of PC 3. A taken
 * branch costs taken_branch_cycles on the edge.
 */
#include "boards/cycles/pipeline.h"

#include <string.h>

#include "boards/board.h"
#include "boards/cycles/instruction.h"

static const double divide_cycles = 5, float_divide_cycles = 13, float_accumulate_cycles = 2;
static const double m4_jump_cycles = 1, m4_load_pc_cycles = 3;
static const double m33_jump_taken_branches = 1.5; /* fitted: a jump is worth this many taken branches more */

static bool is_single_load(const struct instruction *i)
{
    return i->kind == KIND_LOAD || i->kind == KIND_LOAD_FLOAT;
}

/* What a load brings from memory: without the base register that it moves on. */
static register_set loaded(const struct instruction *i)
{
    return i->writes & ~(i->writes_back ? i->address_reads : 0);
}

/* The load before it is in flight and this one does not have to wait for it. */
static bool pipelines_behind(const struct instruction *previous, const struct instruction *i)
{
    return previous && is_single_load(previous) && !(loaded(previous) & i->address_reads);
}

static bool is_jump(const struct instruction *i)
{
    return i->kind == KIND_BRANCH_REGISTER || i->kind == KIND_BRANCH_LINK || i->kind == KIND_BRANCH_TABLE;
}

static bool loads_pc(const struct instruction *i)
{
    return (i->kind == KIND_LOAD || i->kind == KIND_LOAD_MULTIPLE) && i->writes >> REGISTER_PC & 1;
}

/* Cycles beyond the first that both cores have in common. */
static double extra_cycles(const struct timing_spec *timing, const struct instruction *previous,
                           const struct instruction *i)
{
    switch (i->kind) {
    case KIND_LOAD:
    case KIND_LOAD_FLOAT:
        return pipelines_behind(previous, i) ? 0 : timing->load_cycles;
    case KIND_LOAD_PAIR:
    case KIND_STORE_PAIR:
        return 2 * timing->multiple_cycles;
    case KIND_LOAD_MULTIPLE:
    case KIND_LOAD_MULTIPLE_FLOAT:
    case KIND_STORE_MULTIPLE:
    case KIND_STORE_MULTIPLE_FLOAT:
        return i->count * timing->multiple_cycles;
    case KIND_DIVIDE:
        return divide_cycles;
    case KIND_FLOAT:
        return i->traits & TRAIT_ITERATES      ? float_divide_cycles
               : i->traits & TRAIT_ACCUMULATES ? float_accumulate_cycles
                                               : 0;
    default:
        return 0;
    }
}

struct pipeline_cycles pipeline_m4(const struct timing_spec *timing, struct block_view before, bool taken,
                                   struct block_view block)
{
    (void)before;
    struct pipeline_cycles sum = {.issue = block.n, .branch = taken ? timing->taken_branch_cycles : 0};
    const struct instruction *previous = NULL;
    for (int k = 0; k < block.n; k++) {
        const struct instruction *i = &block.instructions[k];
        sum.pipeline += extra_cycles(timing, previous, i);
        sum.branch += is_jump(i) ? m4_jump_cycles : loads_pc(i) ? m4_load_pc_cycles : 0;
        previous = i;
    }
    return sum;
}

struct pipeline_cycles pipeline_m33(const struct timing_spec *timing, struct block_view before, bool taken,
                                    struct block_view block)
{
    (void)before;
    struct pipeline_cycles sum = {.issue = block.n, .branch = taken ? timing->taken_branch_cycles : 0};
    const struct instruction *previous = NULL;
    for (int k = 0; k < block.n; k++) {
        const struct instruction *i = &block.instructions[k], *next = k + 1 < block.n ? i + 1 : NULL;
        sum.pipeline += extra_cycles(timing, previous, i);
        if (is_single_load(i) && next && next->kind != KIND_LOAD && loaded(i) & next->reads)
            sum.pipeline += timing->load_use_cycles;
        sum.branch += is_jump(i) ? m33_jump_taken_branches * timing->taken_branch_cycles : 0;
        previous = i;
    }
    return sum;
}

pipeline_model *pipeline_of(const char *core)
{
    return strcmp(core, "cortex-m4") == 0    ? pipeline_m4
           : strcmp(core, "cortex-m7") == 0  ? pipeline_m7
           : strcmp(core, "cortex-m33") == 0 ? pipeline_m33
                                             : NULL;
}
