/*
 * planner.c - how long the search plans a candidate: bench_planner [--plans] SUPERNET [BOARD [CANDIDATES
 * [MODE]]]
 *
 * Random subnets of a supernet, planned on one thread in every mode of `optimize`, as nas/candidate.c does
 * it. CSV, a line per mode: median and 95th percentile of milliseconds of the plan alone (schedule_for_board)
 * and of the whole candidate (skeleton, lowering, plan, footprint, cycles from the board's cost table). The
 * least of three tries counts for each candidate. --plans: what was planned instead, to compare two planners.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/resource.h"
#include "base/rng.h"
#include "boards/board.h"
#include "codegen/cost_table.h"
#include "codegen/layouts.h"
#include "nas/space.h"
#include "nas/supernet.h"
#include "quant/qmodel.h"

enum { TRIES = 3 };

/* tight: in an eighth more than the least arena of each candidate. */
static const struct mode {
    const char *name;
    enum optimize optimize;
    bool fusion, tight;
} modes[] = {
    {"sram", OPTIMIZE_SRAM, true, false},
    {"balanced", OPTIMIZE_BALANCED, true, false},
    {"latency", OPTIMIZE_LATENCY, true, false},
    {"latency tight", OPTIMIZE_LATENCY, true, true},
    {"balanced tight", OPTIMIZE_BALANCED, true, true},
    {"sram without fusion", OPTIMIZE_SRAM, false, false},
};

struct bench {
    const struct supernet *supernet;
    const struct board *board;
    const struct subnet *subnets;
    const int64_t *least_arena;
    struct limits limits; /* of the board, with its cost table */
    bool plans;
};

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* How long the plan of one subnet takes; what it is, printed. */
static double plan_ms(const struct bench *bench, const char *mode, int index, const struct limits *limits)
{
    struct arena arena = ARENA_INIT;
    struct model *model;
    struct qmodel *qmodel;
    struct schedule schedule;
    struct footprint footprint;
    const struct limits effective = limits_effective(limits, bench->board);
    if (supernet_skeleton(&model, bench->supernet, &bench->subnets[index], &arena) ||
        qmodel_lower(&qmodel, model, &arena, NULL, NULL))
        exit(1);
    double begin = 1e3 * clock_now_s();
    schedule_for_board(&schedule, &footprint, qmodel, bench->board, &effective.plan, effective.flash_bytes,
                       &arena);
    double took = 1e3 * clock_now_s() - begin;
    if (bench->plans)
        printf("%s,%s,%d,%lld,%lld,%lld,%lld\n", bench->supernet->name, mode, index,
               (long long)footprint.arena_bytes, (long long)schedule_instructions(&schedule, qmodel),
               (long long)footprint.flash_bytes, (long long)schedule.lower_bound_bytes);
    arena_release(&arena);
    return took;
}

static double candidate_ms(const struct bench *bench, int index, const struct limits *limits)
{
    struct candidate_cost cost;
    double begin = 1e3 * clock_now_s();
    if (candidate_evaluate(&cost, bench->supernet, &bench->subnets[index], bench->board, limits))
        exit(1);
    return 1e3 * clock_now_s() - begin;
}

static void run_mode(const struct bench *bench, const struct mode *mode, int n, struct arena *arena)
{
    double *plan = ARENA_ARRAY(arena, double, (size_t)n), *candidate = ARENA_ARRAY(arena, double, (size_t)n);
    for (int i = 0; i < n; i++) {
        struct limits limits = bench->limits;
        limits.plan = (struct plan_options){.optimize = mode->optimize, .fusion = mode->fusion};
        limits.plan.sram_limit_bytes =
            mode->tight ? bench->least_arena[i] / 8 * 9 : bench->board->sram_bytes - FIRMWARE_STACK_BYTES;
        for (int k = 0; k < (bench->plans ? 1 : TRIES); k++) {
            double a = plan_ms(bench, mode->name, i, &limits), b = candidate_ms(bench, i, &limits);
            plan[i] = k == 0 || a < plan[i] ? a : plan[i];
            candidate[i] = k == 0 || b < candidate[i] ? b : candidate[i];
        }
    }
    qsort(plan, (size_t)n, sizeof *plan, compare_doubles);
    qsort(candidate, (size_t)n, sizeof *candidate, compare_doubles);
    if (!bench->plans)
        printf("%s,%s,%d,%.3f,%.3f,%.3f,%.3f\n", bench->supernet->name, mode->name, n, plan[n / 2],
               plan[n * 95 / 100], candidate[n / 2], candidate[n * 95 / 100]);
}

static int64_t least_arena(const struct bench *bench, const struct subnet *subnet)
{
    struct limits limits = bench->limits;
    struct candidate_cost cost;
    limits.plan = (struct plan_options){.optimize = OPTIMIZE_SRAM, .fusion = true};
    if (candidate_evaluate(&cost, bench->supernet, subnet, bench->board, &limits))
        exit(1);
    return cost.arena_bytes;
}

static const char *supernet_file(const char *name, struct arena *arena)
{
    const char *shipped = resource_find(arena_printf(arena, "nas/supernets/%s.onnx", name), arena);
    return shipped ? shipped : name;
}

int main(int argc, char **argv)
{
    struct arena arena = ARENA_INIT;
    struct bench bench = {0};
    struct supernet *supernet;
    struct board *board;
    bench.plans = argc > 1 && strcmp(argv[1], "--plans") == 0;
    argc -= bench.plans;
    argv += bench.plans;
    if (argc < 2)
        return fprintf(stderr, "usage: bench_planner [--plans] SUPERNET [BOARD [CANDIDATES [MODE]]]\n"), 2;
    int n = argc > 3 ? atoi(argv[3]) : 200;
    if (n < 1 || supernet_read(&supernet, supernet_file(argv[1], &arena), &arena) ||
        board_load(&board, argc > 2 ? argv[2] : "stm32f746", &arena))
        return 1;
    struct cost_table *table = ARENA_NEW(&arena, struct cost_table);
    const char *costs = resource_find(arena_printf(&arena, "boards/cost/%s.csv", board->name), &arena);
    if (costs && cost_table_read(table, costs, &arena))
        return 1;
    if (costs)
        cost_table_fit(table);
    bench.supernet = supernet;
    bench.board = board;
    bench.limits.costs = costs ? table : NULL;
    struct subnet *subnets = ARENA_ARRAY(&arena, struct subnet, (size_t)n);
    int64_t *least = ARENA_ARRAY(&arena, int64_t, (size_t)n);
    for (int i = 0; i < n; i++) {
        struct rng rng = rng_stream(1, (uint64_t)i);
        subnet_random(&subnets[i], supernet, -1, -1, &rng);
        least[i] = least_arena(&bench, &subnets[i]);
    }
    bench.subnets = subnets;
    bench.least_arena = least;
    if (!bench.plans)
        printf("supernet,mode,candidates,plan_median_ms,plan_p95_ms,candidate_median_ms,candidate_p95_ms\n");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc < 5 || strcmp(argv[4], modes[i].name) == 0)
            run_mode(&bench, &modes[i], n, &arena);
    arena_release(&arena);
    return 0;
}
