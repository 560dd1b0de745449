#include "nas/space.h"

#include <omp.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/rng.h"
#include "nas/supernet.h"

struct sample {
    struct subnet subnet;
    struct candidate_cost cost;
};

/* The largest subnet, once: what cannot be planned at all says so in one message, not in one per thread. */
static int check_plannable(const struct supernet *supernet, const struct board *board,
                           const struct limits *limits)
{
    struct subnet largest;
    struct candidate_cost cost;
    subnet_largest(&largest, supernet);
    return candidate_evaluate(&cost, supernet, &largest, board, limits);
}

/* Sample i of a space is drawn from its own stream; sample `samples` is the smallest subnet. */
static int evaluate_sample(struct sample *out, const struct supernet *supernet, const struct space *space,
                           int index, int i, const struct board *board, const struct limits *limits,
                           uint64_t seed)
{
    if (i == space->samples) {
        subnet_smallest(&out->subnet, supernet);
        out->subnet.resolution = space->resolution;
        out->subnet.width = space->width;
    } else {
        struct rng rng = rng_stream(seed, (uint64_t)index << 32 | (uint32_t)i);
        subnet_random(&out->subnet, supernet, space->resolution, space->width, &rng);
    }
    return candidate_evaluate(&out->cost, supernet, &out->subnet, board, limits);
}

static int compare_macs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void note_nearest(struct space_report *out, const struct sample *sample,
                         const struct limits *effective, double *misfit)
{
    double own = candidate_misfit(&sample->cost, effective);
    if (*misfit < 0 || own < *misfit) {
        *misfit = own;
        out->nearest = sample->subnet;
        out->nearest_cost = sample->cost;
    }
    if (!out->smallest_sram_bytes || sample->cost.sram_bytes < out->smallest_sram_bytes)
        out->smallest_sram_bytes = sample->cost.sram_bytes;
    if (!out->smallest_flash_bytes || sample->cost.flash_bytes < out->smallest_flash_bytes)
        out->smallest_flash_bytes = sample->cost.flash_bytes;
}

/* samples: space->samples + 1 of them. The mean is over an exact sum, so no order of addition shows. */
static void summarize(struct space *space, const struct sample *samples, struct arena *arena)
{
    int64_t sum = 0;
    space->macs = ARENA_ARRAY(arena, int64_t, (size_t)space->samples);
    for (int i = 0; i < space->samples; i++) {
        if (!samples[i].cost.fits)
            continue;
        sum += samples[i].cost.macs;
        space->macs[space->fitting++] = samples[i].cost.macs;
    }
    qsort(space->macs, (size_t)space->fitting, sizeof *space->macs, compare_macs);
    space->mean_macs = space->fitting ? (double)sum / space->fitting : 0;
}

int space_optimize(struct space_report *out, const struct supernet *supernet, const struct board *board,
                   const struct limits *limits, const struct space_options *options, struct arena *arena)
{
    if (options->samples < 1 || options->samples > SPACE_MAX_SAMPLES)
        return error_usage("samples per space must be 1 to %d, not %d", SPACE_MAX_SAMPLES, options->samples);
    int rc = check_plannable(supernet, board, limits);
    if (rc)
        return rc;

    *out = (struct space_report){.n_spaces = supernet->n_widths * supernet->resolutions.n, .best = -1};
    out->spaces = ARENA_ARRAY(arena, struct space, (size_t)out->n_spaces);
    for (int i = 0; i < out->n_spaces; i++) {
        out->spaces[i].width = i / supernet->resolutions.n;
        out->spaces[i].resolution = supernet->resolutions.value[i % supernet->resolutions.n];
        out->spaces[i].samples = options->samples;
    }

    int per_space = options->samples + 1, n = out->n_spaces * per_space;
    struct arena own = ARENA_INIT;
    struct sample *samples = ARENA_ARRAY(&own, struct sample, (size_t)n);
    struct error_first failed = ERROR_FIRST_INIT;
    struct progress progress;
    progress_start(&progress, options->quiet, "space", n, "subnets");
#pragma omp parallel for schedule(dynamic, 16)                                                               \
    num_threads(options->threads > 0 ? options->threads : omp_get_max_threads())
    for (int i = 0; i < n; i++) {
        const int space = i / per_space;
        if (error_first_enter(&failed, i))
            error_first_leave(&failed, i,
                              evaluate_sample(&samples[i], supernet, &out->spaces[space], space,
                                              i % per_space, board, limits, options->seed));
        progress_step(&progress, 1);
    }
    progress_end(&progress);
    rc = error_first_end(&failed);

    struct limits effective = limits_effective(limits, board);
    double misfit = -1;
    for (int i = 0; i < out->n_spaces && !rc; i++) {
        struct space *space = &out->spaces[i];
        summarize(space, samples + (size_t)i * (size_t)per_space, arena);
        for (int j = 0; j < per_space; j++)
            note_nearest(out, &samples[(size_t)i * (size_t)per_space + (size_t)j], &effective, &misfit);
        if (space->fitting && (out->best < 0 || space->mean_macs > out->spaces[out->best].mean_macs))
            out->best = i;
    }
    arena_release(&own);
    return rc;
}
