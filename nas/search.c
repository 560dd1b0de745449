/*
 * search.c - evolution over subnets that fit, and its random baseline.
 *
 * Every attempt to find a candidate has a number, and draws from the stream (seed, iteration, origin,
 * number). Attempts are planned in parallel a batch at a time and accepted in order of their numbers, so
 * threads change nothing but the time.
 */
#include "nas/search.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "codegen/cost_table.h"
#include "nas/journal.h"
#include "nas/subnet_set.h"
#include "nas/supernet.h"

/* Attempts planned at a time, and most attempts per candidate wanted (and at least) before going on with
 * fewer. */
enum { ATTEMPTS = 64, ATTEMPTS_PER_CANDIDATE = 100, ATTEMPTS_MIN = 2048 };

/* Subnets that do not fit are remembered up to this many, to save time; those that do, always. */
enum { MOST_REMEMBERED = 1 << 20 };

struct attempt {
    struct subnet subnet;
    struct candidate_cost cost;
    bool known; /* planned before: not planned again */
};

struct search {
    const struct supernet *supernet;
    const struct board *board;
    const struct limits *limits;
    const struct search_options *options;
    struct arena *arena;
    struct subnet_set seen; /* planned, fitting or not */
    struct evaluated *history;
    int n_history, capacity;
    int *parents; /* indices into history, best first */
    int n_parents;
    struct attempt nearest;
    double misfit; /* of nearest; < 0: nothing planned yet */
    struct journal journal;
    struct progress progress;
};

static bool space_fixed(const struct search_options *options)
{
    return options->width >= 0 && options->resolution >= 0;
}

/* ---- candidates ---------------------------------------------------------------------------------------- */

/* A parent, better ones not more often: what is selected is the set, as in MCUNet. */
static const struct subnet *draw_parent(const struct search *search, struct rng *rng)
{
    return &search->history[search->parents[rng_below(rng, (uint32_t)search->n_parents)]].subnet;
}

static void keep_space(struct subnet *subnet, const struct search_options *options)
{
    if (options->width >= 0)
        subnet->width = options->width;
    if (options->resolution >= 0)
        subnet->resolution = options->resolution;
}

static void propose(const struct search *search, struct subnet *out, enum origin origin, struct rng *rng)
{
    const struct search_options *options = search->options;
    switch (origin) {
    case ORIGIN_RANDOM:
        subnet_random(out, search->supernet, options->resolution, options->width, rng);
        break;
    case ORIGIN_MUTATION:
        *out = *draw_parent(search, rng);
        subnet_mutate(out, search->supernet, options->mutation_probability, space_fixed(options), rng);
        keep_space(out, options);
        break;
    case ORIGIN_CROSSOVER: {
        const struct subnet *a = draw_parent(search, rng);
        subnet_crossover(out, a, draw_parent(search, rng), rng);
        break;
    }
    }
}

static void note_nearest(struct search *search, const struct attempt *attempt)
{
    struct limits effective = limits_effective(search->limits, search->board);
    double misfit = candidate_misfit(&attempt->cost, &effective);
    if (search->misfit < 0 || misfit < search->misfit) {
        search->misfit = misfit;
        search->nearest = *attempt;
    }
}

/* Room for one more; the new entry, zeroed. */
static struct evaluated *append(struct search *search)
{
    if (search->n_history == search->capacity) {
        search->capacity = search->capacity ? 2 * search->capacity : 64;
        struct evaluated *larger = ARENA_ARRAY(search->arena, struct evaluated, (size_t)search->capacity);
        if (search->n_history)
            memcpy(larger, search->history, (size_t)search->n_history * sizeof *larger);
        search->history = larger;
    }
    return &search->history[search->n_history++];
}

/* Into the history, without accuracy yet, when it fits and is new. */
static bool accept(struct search *search, const struct attempt *attempt, int iteration, enum origin origin)
{
    if (attempt->known)
        return false;
    note_nearest(search, attempt);
    bool remembered = attempt->cost.fits || search->seen.n < MOST_REMEMBERED;
    if ((remembered && !subnet_set_add(&search->seen, &attempt->subnet)) || !attempt->cost.fits)
        return false;
    *append(search) = (struct evaluated){.subnet = attempt->subnet,
                                         .cost = attempt->cost,
                                         .accuracy = NAN,
                                         .iteration = iteration,
                                         .origin = origin};
    return true;
}

static int evaluate_attempt(const struct search *search, struct attempt *attempt, enum origin origin,
                            struct rng rng)
{
    propose(search, &attempt->subnet, origin, &rng);
    attempt->known = subnet_set_find(&search->seen, &attempt->subnet) >= 0;
    if (attempt->known)
        return 0;
    return candidate_evaluate(&attempt->cost, search->supernet, &attempt->subnet, search->board,
                              search->limits);
}

static int plan_attempts(const struct search *search, struct attempt *attempts, int64_t first, int iteration,
                         enum origin origin)
{
    const int threads = search->options->threads > 0 ? search->options->threads : omp_get_max_threads();
    struct error_first failed = ERROR_FIRST_INIT;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int i = 0; i < ATTEMPTS; i++) {
        const uint64_t stream = ((uint64_t)iteration * 3 + origin) << 32 | (uint64_t)(first + i);
        if (error_first_enter(&failed, i))
            error_first_leave(
                &failed, i,
                evaluate_attempt(search, &attempts[i], origin, rng_stream(search->options->seed, stream)));
    }
    return error_first_end(&failed);
}

/* Adds up to `wanted` new fitting candidates to the history. */
static int collect(struct search *search, int wanted, int iteration, enum origin origin)
{
    struct attempt attempts[ATTEMPTS];
    int64_t most = (int64_t)wanted * ATTEMPTS_PER_CANDIDATE;
    if (most < ATTEMPTS_MIN)
        most = ATTEMPTS_MIN;
    for (int64_t first = 0; wanted > 0 && first < most; first += ATTEMPTS) {
        int rc = plan_attempts(search, attempts, first, iteration, origin);
        if (rc)
            return rc;
        for (int i = 0; i < ATTEMPTS && wanted > 0; i++)
            wanted -= accept(search, &attempts[i], iteration, origin);
    }
    return 0;
}

static int nothing_fits(const struct search *search)
{
    struct subnet fitting;
    struct candidate_cost cost;
    bool found;
    int rc = candidate_nearest(&fitting, &cost, &found, &search->nearest.subnet, search->supernet,
                               search->board, search->limits);
    return rc ? rc
              : candidate_error(&search->nearest.subnet, &search->nearest.cost, search->limits, search->board,
                                found ? &fitting : NULL);
}

/* The smallest subnet of every space searched: when none of them fits, nothing does. */
static int collect_smallest(struct search *search)
{
    const struct supernet *supernet = search->supernet;
    for (int w = 0; w < supernet->n_widths; w++) {
        for (int r = 0; r < supernet->resolutions.n; r++) {
            struct attempt attempt = {.known = false};
            subnet_smallest(&attempt.subnet, supernet);
            attempt.subnet.width = w;
            attempt.subnet.resolution = supernet->resolutions.value[r];
            struct subnet kept = attempt.subnet;
            keep_space(&kept, search->options);
            if (!subnet_equal(&kept, &attempt.subnet))
                continue;
            int rc =
                candidate_evaluate(&attempt.cost, supernet, &attempt.subnet, search->board, search->limits);
            if (rc)
                return rc;
            accept(search, &attempt, 0, ORIGIN_RANDOM);
        }
    }
    return search->n_history ? 0 : nothing_fits(search);
}

/* ---- accuracy ------------------------------------------------------------------------------------------ */

/* A batch of the history whose accuracy is asked from the journal, then from the fitness. */
static int evaluate_batch(struct search *search, int first, int n, fitness_fn *fitness, void *context)
{
    struct subnet unknown[SEARCH_BATCH];
    int entry[SEARCH_BATCH], n_unknown = 0;
    double accuracy[SEARCH_BATCH];
    for (int i = first; i < first + n; i++) {
        if (journal_find(&search->journal, &search->history[i].subnet, &search->history[i].accuracy))
            continue;
        entry[n_unknown] = i;
        unknown[n_unknown++] = search->history[i].subnet;
    }
    int rc = n_unknown ? fitness(context, unknown, n_unknown, accuracy) : 0;
    for (int i = 0; i < n_unknown && !rc; i++) {
        if (!isfinite(accuracy[i]))
            rc = error("the accuracy of a subnet is not a finite number");
        search->history[entry[i]].accuracy = accuracy[i];
    }
    if (!rc && n_unknown)
        rc = journal_append(&search->journal, unknown, accuracy, n_unknown);
    if (!rc)
        progress_step(&search->progress, n);
    return rc;
}

static int evaluate_from(struct search *search, int first, fitness_fn *fitness, void *context)
{
    int rc = 0;
    for (; first < search->n_history && !rc; first += SEARCH_BATCH) {
        int n = search->n_history - first;
        rc = evaluate_batch(search, first, n < SEARCH_BATCH ? n : SEARCH_BATCH, fitness, context);
    }
    return rc;
}

/* ---- evolution ----------------------------------------------------------------------------------------- */

static bool better(const struct evaluated *history, int a, int b)
{
    const struct evaluated *x = &history[a], *y = &history[b];
    if (x->accuracy != y->accuracy)
        return x->accuracy > y->accuracy;
    if (x->cost.macs != y->cost.macs)
        return x->cost.macs < y->cost.macs;
    return a < b;
}

/* The best of everything seen: a population is its parents and their children, and parents are only displaced
 * by better ones, so this is the same set. */
static void select_parents(struct search *search, int wanted)
{
    search->n_parents = 0;
    for (int i = 0; i < search->n_history; i++) {
        int at = search->n_parents;
        while (at > 0 && better(search->history, i, search->parents[at - 1]))
            at--;
        if (at == wanted)
            continue;
        int kept = search->n_parents < wanted ? search->n_parents : wanted - 1;
        memmove(&search->parents[at + 1], &search->parents[at],
                (size_t)(kept - at) * sizeof *search->parents);
        search->parents[at] = i;
        search->n_parents = kept + 1;
    }
}

/* The first population. Where draws seldom fit, mutations of those that do fill it. */
static int collect_population(struct search *search, int wanted)
{
    int rc = collect(search, wanted, 0, ORIGIN_RANDOM);
    if (!rc && search->n_history == 0)
        rc = collect_smallest(search);
    while (!rc && search->n_history < wanted) {
        int before = search->n_history;
        /* every one of them may breed: none has an accuracy yet */
        search->parents = ARENA_ARRAY(search->arena, int, (size_t)before);
        for (search->n_parents = 0; search->n_parents < before; search->n_parents++)
            search->parents[search->n_parents] = search->n_parents;
        int round = wanted - before < before ? wanted - before : before;
        rc = collect(search, round, 0, ORIGIN_MUTATION);
        if (search->n_history < before + round)
            break;
    }
    return rc;
}

static int evolve(struct search *search, fitness_fn *fitness, void *context)
{
    const struct search_options *options = search->options;
    int rc = collect_population(search, options->population);
    if (!rc)
        rc = evaluate_from(search, 0, fitness, context);
    search->parents = ARENA_ARRAY(search->arena, int, (size_t)options->parents);
    for (int i = 1; i <= options->iterations && !rc; i++) {
        int first = search->n_history, wanted = options->crossover + options->mutation;
        select_parents(search, options->parents);
        rc = collect(search, options->crossover, i, ORIGIN_CROSSOVER);
        /* parents that have become alike leave crossover nothing new, then mutation: the next in line takes
         * over */
        if (!rc)
            rc = collect(search, first + wanted - search->n_history, i, ORIGIN_MUTATION);
        if (!rc)
            rc = collect(search, first + wanted - search->n_history, i, ORIGIN_RANDOM);
        if (!rc)
            rc = evaluate_from(search, first, fitness, context);
    }
    return rc;
}

static int evaluations(const struct search_options *options)
{
    return options->population + options->iterations * (options->crossover + options->mutation);
}

static int draw_all(struct search *search, fitness_fn *fitness, void *context)
{
    int rc = collect(search, evaluations(search->options), 0, ORIGIN_RANDOM);
    if (!rc && search->n_history == 0)
        rc = collect_smallest(search);
    return rc ? rc : evaluate_from(search, 0, fitness, context);
}

/* ---- the winner ---------------------------------------------------------------------------------------- */

/* The best of those not rejected yet; -1: none is left. */
static int best_left(const struct search_report *report, const bool *rejected)
{
    int best = -1;
    for (int i = 0; i < report->n_history; i++)
        if (!rejected[i] && (best < 0 || better(report->history, i, best)))
            best = i;
    return best;
}

/* Predictions are off by a few percent: what is returned keeps the limit by a full estimate, too. */
static int choose(struct search_report *report, const struct search *search)
{
    const struct limits limits = limits_effective(search->limits, search->board);
    bool *rejected = ARENA_ARRAY(search->arena, bool, (size_t)report->n_history);
    const double per_ms = search->board->clock_mhz * 1e3, limit_ms = (double)limits.cycles / per_ms;
    for (;;) {
        report->best = best_left(report, rejected);
        if (report->best < 0)
            return error_fit(
                "none of the %d subnets that are predicted to fit '%s' takes at most %.3f ms by a "
                "full estimate",
                report->n_history, search->board->name, limit_ms);
        struct evaluated *best = &report->history[report->best];
        if (limits.cycles == INT64_MAX || !search->options->recheck)
            return 0;
        int rc =
            search->options->recheck(search->options->recheck_context, &best->subnet, &best->full_cycles);
        if (rc || best->full_cycles <= limits.cycles)
            return rc;
        warning("the best subnet is estimated at %.3f ms in full, not the %.3f ms that were predicted, above "
                "the limit of %.3f ms: the next best takes its place",
                (double)best->full_cycles / per_ms, best->cost.latency_ms, limit_ms);
        rejected[report->best] = true;
        report->n_rejected++;
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

/* Everything that a search depends on, hashed. */
static struct sha256 journal_key(const struct search *search)
{
    const struct search_options *o = search->options;
    const struct limits l = limits_effective(search->limits, search->board);
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "supernet %s\nboard %s %lld %lld\n", search->supernet->sha256, search->board->name,
                (long long)search->board->sram_bytes, (long long)search->board->flash_bytes);
    strbuf_addf(&text, "limits %lld %lld %lld plan %d %lld %d\n", (long long)l.sram_bytes,
                (long long)l.flash_bytes, (long long)l.macs, (int)l.plan.optimize,
                (long long)l.plan.sram_limit_bytes, (int)l.plan.fusion);
    strbuf_addf(&text, "options %d %d %d %d %d %.17g %d %d %llu %d\n", o->population, o->parents,
                o->crossover, o->mutation, o->iterations, o->mutation_probability, o->width, o->resolution,
                (unsigned long long)o->seed, (int)o->random);
    if (l.costs)
        strbuf_addf(&text, "latency %lld energy %lld costs %s\n", (long long)l.latency_us,
                    (long long)l.energy_nj, l.costs->sha256);
    strbuf_addf(&text, "fitness %s\n", o->fitness_name ? o->fitness_name : "");
    struct sha256 key = sha256_of(strbuf_text(&text), text.length);
    strbuf_release(&text);
    return key;
}

static int check_options(const struct search_options *o, const struct supernet *supernet)
{
    enum { MOST = 100000 };
    if (o->population < 1 || o->population > MOST || o->parents < 1 || o->parents > MOST ||
        o->crossover < 0 || o->crossover > MOST || o->mutation < 0 || o->mutation > MOST ||
        o->iterations < 0 || o->iterations > 10000 ||
        o->population + (int64_t)o->iterations * (o->crossover + o->mutation) > 1000000)
        return error_usage("a search needs population and parents of at least 1, no negative numbers, and at "
                           "most a million evaluations");
    if (!(o->mutation_probability >= 0 && o->mutation_probability <= 1))
        return error_usage("the mutation probability must be 0 to 1, not %g", o->mutation_probability);
    if (o->width >= supernet->n_widths)
        return error_usage("width index %d: the supernet has 0 to %d", o->width, supernet->n_widths - 1);
    if (o->resolution >= 0 && !choices_have(&supernet->resolutions, o->resolution))
        return error_usage("resolution %d is not one of the supernet's", o->resolution);
    return 0;
}

int search_subnets(struct search_report *out, const struct supernet *supernet, const struct board *board,
                   const struct limits *limits, const struct search_options *options, fitness_fn *fitness,
                   void *context, struct arena *arena)
{
    struct search search = {.supernet = supernet,
                            .board = board,
                            .limits = limits,
                            .options = options,
                            .arena = arena,
                            .seen = {.arena = arena},
                            .misfit = -1};
    int rc = check_options(options, supernet);
    if (!rc)
        rc = journal_open(&search.journal, options->journal, journal_key(&search).hex, supernet, arena);
    if (rc)
        return rc;
    progress_start(&search.progress, options->quiet, options->random ? "random search" : "search",
                   evaluations(options), "subnets");
    rc = options->random ? draw_all(&search, fitness, context) : evolve(&search, fitness, context);
    progress_end(&search.progress);
    journal_close(&search.journal);
    if (rc)
        return rc;
    *out = (struct search_report){.history = search.history, .n_history = search.n_history};
    return choose(out, &search);
}
