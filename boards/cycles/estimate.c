/*
 * estimate.c - counts times constants: cycles by layer and cause.
 *
 * The whole is a sum over arrivals (block `to` after block `from`, in a layer) of what the pipeline model
 * says, plus misses times their stalls, plus mispredicted branches. Each layer is summed on its own and
 * rounded, cause by cause; the whole is the sum of the rounded layers, so that the table adds up to the last
 * cycle.
 */
#include "boards/cycles/cycles.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "boards/cycles/instruction.h"
#include "boards/cycles/pipeline.h"
#include "boards/cycles/profile.h"

const char *const cycle_cause_names[CYCLE_CAUSE_COUNT] = {
#define CAUSE(name, meaning) #name,
    CYCLE_CAUSES(CAUSE)
#undef CAUSE
};

/* A layer while it is summed. */
struct sums {
    double causes[CYCLE_CAUSE_COUNT];
    int64_t instructions;
};

struct accounts {
    const struct profile *profile;
    const struct timing_spec *timing;
    pipeline_model *model;
    struct block_view *blocks; /* decoded */
    struct sums *layers;
    bool predicts; /* the core guesses conditional branches */
};

static int decode_blocks(struct accounts *a, struct arena *arena)
{
    const struct profile *p = a->profile;
    struct decoder *decoder;
    int rc = decoder_open(&decoder, arena);
    if (rc)
        return rc;
    a->blocks = ARENA_ARRAY(arena, struct block_view, p->header->n_blocks + 1);
    for (uint32_t i = 0; i < p->header->n_blocks; i++) {
        struct instruction *list;
        decode_block(decoder, p->code + p->blocks[i].code_offset, p->blocks[i].bytes, p->blocks[i].address,
                     &list, &a->blocks[i].n, arena);
        a->blocks[i].instructions = list;
    }
    decoder_close(decoder);
    return 0;
}

/* ---- pipeline
 * ------------------------------------------------------------------------------------------------ */

static bool is_taken(const struct profile *p, const struct record_arrival *arrival)
{
    if (arrival->from == RECORD_NO_BLOCK)
        return false;
    const struct record_block *from = &p->blocks[arrival->from];
    return p->blocks[arrival->to].address != from->address + from->bytes;
}

static void add_pipeline(struct accounts *a)
{
    const struct profile *p = a->profile;
    struct pipeline_cycles cycles = {0};
    for (uint32_t i = 0; i < p->header->n_arrivals; i++) {
        const struct record_arrival *arrival = &p->arrivals[i], *last = i ? arrival - 1 : NULL;
        const struct block_view nothing = {0}, to = a->blocks[arrival->to],
                                from = arrival->from == RECORD_NO_BLOCK ? nothing : a->blocks[arrival->from];
        if (!last || last->to != arrival->to ||
            last->from != arrival->from) /* else in another layer: same cycles */
            cycles = a->model(a->timing, from, is_taken(p, arrival), to);
        struct sums *layer = &a->layers[arrival->layer];
        const double n = (double)arrival->count;
        layer->causes[CAUSE_issue] += n * cycles.issue;
        layer->causes[CAUSE_pipeline] += n * cycles.pipeline;
        layer->causes[CAUSE_branch] += n * cycles.branch;
        layer->instructions += (int64_t)arrival->count * to.n;
    }
}

/* ---- branch prediction
 * --------------------------------------------------------------------------------------- */

struct outcomes {
    uint64_t taken, not_taken;
};

static bool ends_in_choice(const struct block_view *block)
{
    if (!block->n)
        return false;
    const struct instruction *last = &block->instructions[block->n - 1];
    return last->kind == KIND_BRANCH_COMPARE || (last->kind == KIND_BRANCH && last->conditional);
}

/* The rarer outcome of each conditional branch is the mispredicted one, in whichever layer it happened. */
static void add_mispredictions(struct accounts *a, struct arena *arena)
{
    const struct profile *p = a->profile;
    struct outcomes *outcomes = ARENA_ARRAY(arena, struct outcomes, p->header->n_blocks + 1);
    for (uint32_t i = 0; i < p->header->n_arrivals; i++) {
        const struct record_arrival *arrival = &p->arrivals[i];
        if (arrival->from == RECORD_NO_BLOCK)
            continue;
        struct outcomes *o = &outcomes[arrival->from];
        *(is_taken(p, arrival) ? &o->taken : &o->not_taken) += arrival->count;
    }
    for (uint32_t i = 0; i < p->header->n_arrivals; i++) {
        const struct record_arrival *arrival = &p->arrivals[i];
        if (arrival->from == RECORD_NO_BLOCK || !ends_in_choice(&a->blocks[arrival->from]))
            continue;
        const struct outcomes *o = &outcomes[arrival->from];
        const bool taken_is_rare = o->taken <= o->not_taken;
        if (is_taken(p, arrival) == taken_is_rare)
            a->layers[arrival->layer].causes[CAUSE_branch] +=
                (double)arrival->count * a->timing->mispredict_cycles;
    }
}

/* ---- memory
 * -------------------------------------------------------------------------------------------------- */

static void add_stalls(struct accounts *a, const struct board *board)
{
    const struct timing_spec *t = a->timing;
    const double fetch = board->flash_wait_states + t->flash_fetch_cycles,
                 read = board->flash_wait_states + t->flash_read_cycles;
    for (uint32_t i = 0; i < a->profile->header->n_layers; i++) {
        const struct record_layer *memory = &a->profile->layers[i];
        double *causes = a->layers[i].causes;
        causes[CAUSE_fetch] =
            t->bus_divider * ((double)memory->fetch_misses * fetch -
                              (double)memory->sequential_fetch_misses * t->sequential_fetch_saving);
        causes[CAUSE_flash] = t->bus_divider * (double)memory->flash_misses * read;
        causes[CAUSE_ram] = t->bus_divider * (double)memory->ram_misses * t->ram_fill_cycles;
        causes[CAUSE_unaligned] = (double)memory->unaligned * t->unaligned_cycles;
    }
}

/* ---- results
 * ------------------------------------------------------------------------------------------------- */

static struct cycle_row row_of(const struct sums *sums, const struct record_layer *memory, const char *name)
{
    struct cycle_row row = {.name = name,
                            .instructions = sums->instructions,
                            .loads = (int64_t)memory->loads,
                            .stores = (int64_t)memory->stores};
    for (int c = 0; c < CYCLE_CAUSE_COUNT; c++) {
        row.by_cause[c] = llround(sums->causes[c]);
        row.cycles += row.by_cause[c];
    }
    return row;
}

static void add_row(struct cycle_row *total, const struct cycle_row *row)
{
    total->instructions += row->instructions;
    total->loads += row->loads;
    total->stores += row->stores;
    total->cycles += row->cycles;
    for (int c = 0; c < CYCLE_CAUSE_COUNT; c++)
        total->by_cause[c] += row->by_cause[c];
}

/* Layers in the order in which they first ran; layer 0, "rest", comes last. */
static const int *order_of_layers(const struct profile *p, struct arena *arena)
{
    const int n = (int)p->header->n_layers;
    int *order = ARENA_ARRAY(arena, int, (size_t)n), next = 0;
    int *entered = ARENA_ARRAY(arena, int, (size_t)n); /* by record_layer's `entered` */
    for (int i = 1; i < n; i++)
        entered[p->layers[i].entered] = i;
    for (int k = 1; k < n; k++)
        if (entered[k])
            order[next++] = entered[k];
    order[next] = 0;
    return order;
}

static void fill_estimate(struct cycle_estimate *out, const struct accounts *a, const struct board *board,
                          const struct marker_table *markers, struct arena *arena)
{
    *out = (struct cycle_estimate){.whole = {.name = "whole"}};
    out->layers = ARENA_ARRAY(arena, struct cycle_row, (size_t)markers->n_layers);
    const int *order = order_of_layers(a->profile, arena);
    for (int i = 0, layer = -1; layer != 0; i++) {
        layer = order[i];
        const struct cycle_row row =
            row_of(&a->layers[layer], &a->profile->layers[layer], markers->names[layer]);
        add_row(&out->whole, &row);
        out->layers[out->n_layers++] = row;
    }
    const double cycles = (double)out->whole.cycles;
    out->ms = cycles / (board->clock_mhz * 1e3);
    out->cpi = out->whole.instructions ? cycles / (double)out->whole.instructions : 0;
    out->uj = cycles * board->energy.nj_per_cycle * 1e-3;
    out->error_percent = a->timing->error_percent;
    out->energy_error_percent = board->energy.error_percent;
}

struct cycle_record {
    struct marker_table markers;
    struct profile profile;
    struct block_view *blocks;
};

static int check_board(const struct board *board)
{
    if (!board->timing.known)
        return error_input("board '%s' has no 'timing:' in its file: its cycles cannot be estimated",
                           board->name);
    if (!pipeline_of(board->core))
        return error_input("board '%s': there is no pipeline model of a %s", board->name, board->core);
    return 0;
}

int cycle_record(struct cycle_record **out, const char *elf, const struct board *board, double timeout_s,
                 struct arena *arena)
{
    struct cycle_record *record = ARENA_NEW(arena, struct cycle_record);
    struct accounts accounts = {.profile = &record->profile};
    int rc = check_board(board);
    if (!rc)
        rc = markers_of_elf(&record->markers, elf, arena);
    if (!rc)
        rc = profile_run(&record->profile, elf, board, &record->markers, timeout_s, arena);
    if (!rc)
        rc = decode_blocks(&accounts, arena);
    record->blocks = accounts.blocks;
    *out = record;
    return rc;
}

void cycle_evaluate(struct cycle_estimate *out, const struct cycle_record *record, const struct board *board,
                    struct arena *arena)
{
    struct accounts accounts = {.profile = &record->profile,
                                .timing = &board->timing,
                                .model = pipeline_of(board->core),
                                .blocks = record->blocks,
                                .layers = ARENA_ARRAY(arena, struct sums, (size_t)record->markers.n_layers),
                                .predicts = strcmp(board->core, "cortex-m7") == 0};
    add_pipeline(&accounts);
    if (accounts.predicts)
        add_mispredictions(&accounts, arena);
    add_stalls(&accounts, board);
    fill_estimate(out, &accounts, board, &record->markers, arena);
}

int cycle_estimate(struct cycle_estimate *out, const char *elf, const struct board *board, double timeout_s,
                   struct arena *arena)
{
    struct cycle_record *record;
    int rc = cycle_record(&record, elf, board, timeout_s, arena);
    if (!rc)
        cycle_evaluate(out, record, board, arena);
    return rc;
}
