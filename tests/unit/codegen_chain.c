/*
 * Depth-first chains: every plan of known and random networks is replayed by the independent checker; sizes
 * of known networks; and plans that were tampered with are rejected.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "codegen/chain_plan.h"
#include "codegen/kernels.h"
#include "codegen/layouts.h"
#include "codegen/row_graph.h"
#include "codegen/schedule.h"
#include "codegen/schedule_chains.h"
#include "tests/unit/chain_nets.h"

static void plan(struct schedule *schedule, const struct net *net, bool dsp, enum optimize optimize,
                 int64_t limit, struct arena *arena)
{
    struct plan_options options = {
        .optimize = optimize, .sram_limit_bytes = limit, .fusion = true, .dsp = dsp};
    schedule_plan(schedule, &net->qmodel, &options, arena);
}

static int check_silently(const struct schedule *schedule, const struct qmodel *qmodel)
{
    fflush(stderr);
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    int rc = schedule_check(schedule, qmodel);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(null);
    return rc;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void known_networks_are_small(bool dsp, const int64_t *expected)
{
    static struct net net;
    for (size_t i = 0; i < NET_CASES; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule single, fused;
        net_case_build(&net, &net_cases[i]);
        schedule_plan(&single, &net.qmodel, &(struct plan_options){.dsp = dsp}, &arena);
        double from = seconds();
        plan(&fused, &net, dsp, OPTIMIZE_SRAM, 0, &arena);
        double ms = 1e3 * (seconds() - from);
        print_message("%-18s %7d bytes, unfused %7d, lower bound %7d; %2d steps of %2d operators; %.2f ms\n",
                      net_cases[i].name, (int)fused.arena_bytes, (int)single.arena_bytes,
                      (int)fused.lower_bound_bytes, fused.n_steps, fused.n_order, ms);
        assert_int_equal(schedule_check(&fused, &net.qmodel), 0);
        assert_true(fused.arena_bytes <= expected[i]);
        assert_true(fused.arena_bytes >= fused.lower_bound_bytes);
        assert_true(ms < 1000); /* absurd times only: machines differ */
        arena_release(&arena);
    }
}

/* The portable kernels need no scratch but do not work in place. */
static void known_networks_are_small_with_portable_kernels(void **state)
{
    (void)state;
    static const int64_t expected[NET_CASES] = {112320, 97152, 80640, 21440, 28032, 6112, 14400, 16640};
    known_networks_are_small(false, expected);
}

/* Scratch included, weights in the layouts that take least flash. */
static void known_networks_are_small_with_dsp_kernels(void **state)
{
    (void)state;
    static const int64_t expected[NET_CASES] = {114000, 98500, 81600, 22500, 28500, 5700, 18900, 17100};
    known_networks_are_small(true, expected);
}

/* What fits is found within every limit, and no limit makes it slower than the plan for the least memory. */
static void limits_are_kept(void **state)
{
    (void)state;
    static struct net net;
    for (size_t i = 0; i < NET_CASES; i++)
        for (int dsp = 0; dsp < 2; dsp++) {
            struct arena arena = ARENA_INIT;
            struct schedule least, schedule;
            net_case_build(&net, &net_cases[i]);
            plan(&least, &net, dsp, OPTIMIZE_SRAM, 0, &arena);
            for (int percent = 80; percent <= 300; percent += 40) {
                int64_t limit = least.arena_bytes * percent / 100;
                plan(&schedule, &net, dsp, OPTIMIZE_LATENCY, limit, &arena);
                assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
                assert_true(schedule.arena_bytes <= (percent < 100 ? least.arena_bytes : limit));
                assert_true(schedule_instructions(&schedule, &net.qmodel) <=
                            schedule_instructions(&least, &net.qmodel));
            }
            plan(&schedule, &net, dsp, OPTIMIZE_BALANCED, 0, &arena);
            assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
            assert_true(schedule.arena_bytes <= least.arena_bytes * 5 / 4 + 8);
            plan(&schedule, &net, dsp, OPTIMIZE_LATENCY, 0, &arena);
            assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
            arena_release(&arena);
        }
}

/* mcunet-in4 in 128 kB costs at most 3 % more than in 320 kB. */
static void little_memory_is_fast_enough(void **state)
{
    (void)state;
    static struct net net;
    struct arena arena = ARENA_INIT;
    struct schedule small, large;
    net_case_build(&net, &net_cases[0]);
    plan(&small, &net, true, OPTIMIZE_LATENCY, 128 * 1024, &arena);
    plan(&large, &net, true, OPTIMIZE_LATENCY, 320 * 1024, &arena);
    int64_t slow = schedule_instructions(&small, &net.qmodel),
            fast = schedule_instructions(&large, &net.qmodel);
    print_message("%d and %d bytes: %.2f %% more instructions\n", (int)small.arena_bytes,
                  (int)large.arena_bytes, 100.0 * (double)(slow - fast) / (double)fast);
    assert_true(small.arena_bytes <= 128 * 1024);
    assert_true(slow <= fast * 1.03);
    arena_release(&arena);
}

static void draw_layouts(enum layout *layouts, const struct net *net, struct rng *rng)
{
    for (int n = 0; n < net->qmodel.n_nodes; n++)
        do
            layouts[n] = (enum layout)rng_below(rng, LAYOUT_COUNT);
        while (!layout_possible(layouts[n], &net->qmodel, &net->nodes[n], true));
}

/* Portable kernels, DSP kernels, any mix of layouts. */
static void random_networks_pass_the_checker(void **state)
{
    (void)state;
    enum { NETWORKS = 10000 };
    static struct net net;
    int chains = 0, up = 0, smaller = 0, tiled = 0;
    int64_t sum = 0, single_sum = 0;
    for (uint64_t i = 0; i < NETWORKS; i++) {
        struct arena arena = ARENA_INIT;
        struct rng rng = rng_stream(15, i);
        struct schedule schedule, again, single;
        enum layout layouts[NET_MAX_NODES];
        net_random(&net, i, 20);
        draw_layouts(layouts, &net, &rng);
        struct plan_options options = {.dsp = i % 5 > 0, .layouts = i % 5 > 1 ? layouts : NULL};
        schedule_plan(&single, &net.qmodel, &options, &arena);
        if (i % 4 == 0 && schedule_check(&single, &net.qmodel))
            fail_msg("network %d, one operator after the other", (int)i);
        options.fusion = true;
        options.optimize = i % 3 == 0 ? OPTIMIZE_LATENCY : i % 3 == 1 ? OPTIMIZE_BALANCED : OPTIMIZE_SRAM;
        options.sram_limit_bytes = i % 2 ? single.arena_bytes * (int64_t)(3 + i % 7) / 10 : 0;
        schedule_plan(&schedule, &net.qmodel, &options, &arena);
        if (schedule_check(&schedule, &net.qmodel))
            fail_msg("network %d", (int)i);
        assert_true(schedule.arena_bytes >= schedule.lower_bound_bytes);
        assert_int_equal(schedule.arena_bytes % 8, 0);
        if (options.optimize == OPTIMIZE_SRAM) {
            assert_true(schedule.arena_bytes <= single.arena_bytes);
            sum += schedule.arena_bytes;
            single_sum += single.arena_bytes;
            smaller += schedule.arena_bytes < single.arena_bytes;
        }
        for (int s = 0; s < schedule.n_steps; s++) {
            chains += schedule.steps[s].depth_first;
            up += schedule.steps[s].bottom_up;
        }
        for (int n = 0; n < net.qmodel.n_nodes; n++)
            tiled += schedule.implementations[n].tile > 2;
        schedule_plan(&again, &net.qmodel, &options, &arena);
        assert_int_equal(again.arena_bytes, schedule.arena_bytes);
        assert_int_equal(again.n_steps, schedule.n_steps);
        assert_memory_equal(again.storage, schedule.storage,
                            (size_t)schedule.n_storage * sizeof *schedule.storage);
        arena_release(&arena);
    }
    print_message("%d networks: %d chains, %d of them bottom-up; %d operators with large tiles; %d smaller "
                  "than without, %.1f %% of the bytes\n",
                  NETWORKS, chains, up, tiled, smaller, 100.0 * (double)sum / (double)single_sum);
    assert_true(chains > NETWORKS / 2 && up > NETWORKS / 10 && tiled > NETWORKS / 10);
}

/* Fusion never makes a plan for speed slower than the plan for the least memory. */
static void speed_is_never_slower(void **state)
{
    (void)state;
    static struct net net;
    for (uint64_t i = 0; i < 600; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule least, fast;
        net_random(&net, 20000 + i, 20);
        bool dsp = i % 4 > 0;
        plan(&least, &net, dsp, OPTIMIZE_SRAM, 0, &arena);
        for (int percent = 100; percent <= 250; percent += 50) {
            plan(&fast, &net, dsp, OPTIMIZE_LATENCY, percent == 250 ? 0 : least.arena_bytes * percent / 100,
                 &arena);
            if (schedule_instructions(&fast, &net.qmodel) > schedule_instructions(&least, &net.qmodel))
                fail_msg("network %d at %d %%", (int)i, percent);
        }
        arena_release(&arena);
    }
}

/* The checker is strict: a line buffer with one row less, a buffer four bytes elsewhere, less scratch, a
 * larger tile, fewer bytes of arena. What is still legal then has room, or rows that nobody needs. */
static void checker_rejects_tampering(void **state)
{
    (void)state;
    static struct net net;
    int rings = 0, rings_rejected = 0, moves = 0, moves_rejected = 0, scratches = 0, tiles = 0;
    for (uint64_t i = 0; i < 400; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule schedule;
        net_random(&net, i, 12);
        plan(&schedule, &net, i % 2, OPTIMIZE_SRAM, 0, &arena);
        for (int t = 0; t < schedule.n_storage; t++) {
            struct storage *storage = &schedule.storage[t];
            if (storage->first_step == storage->last_step && storage->ring > 1) {
                int16_t ring = storage->ring, phase = storage->row_phase, step = storage->row_step;
                storage->ring--;
                storage->row_step = (int16_t)(step == ring - 1 ? ring - 2 : step);
                rings++;
                rings_rejected += check_silently(&schedule, &net.qmodel) != 0;
                storage->ring = ring;
                storage->row_phase = phase;
                storage->row_step = step;
            }
            for (int by = -4; by <= 4; by += 8) {
                storage->offset += by;
                moves++;
                moves_rejected += check_silently(&schedule, &net.qmodel) != 0;
                storage->offset -= by;
            }
        }
        for (int s = 0; s < schedule.n_steps; s++)
            if (schedule.steps[s].scratch_bytes > 0) { /* as large as the largest kernel's, never larger */
                schedule.steps[s].scratch_bytes -= 4;
                scratches++;
                if (!check_silently(&schedule, &net.qmodel))
                    fail_msg("network %d: step %d does with less scratch", (int)i, s);
                schedule.steps[s].scratch_bytes += 4;
            }
        for (int n = 0; n < net.qmodel.n_nodes; n++)
            if (schedule.implementations[n].tile > 0) { /* twice the scratch is not there */
                int16_t tile = schedule.implementations[n].tile;
                schedule.implementations[n].tile = 2000;
                tiles++;
                if (!check_silently(&schedule, &net.qmodel))
                    fail_msg("network %d: operator %d has scratch for any tile", (int)i, n);
                schedule.implementations[n].tile = tile;
            }
        arena_release(&arena);
    }
    print_message("rejected: %d of %d shorter rings, %d of %d moves, all of %d scratches and %d tiles\n",
                  rings_rejected, rings, moves_rejected, moves, scratches, tiles);
    assert_true(rings_rejected >= rings * 95 / 100);
    assert_true(moves_rejected > moves / 2);
    assert_true(scratches > 100 && tiles > 100);
}

/* A depthwise operator on its own, in place: `shift` bytes below its input with any tile; with a tile of one
 * row also `distance` below; nothing in between, and nothing closer. */
static void depthwise_in_place(void **state)
{
    (void)state;
    static struct net net;
    for (int kernel = 3; kernel <= 7; kernel += 2)
        for (int stride = 1; stride <= 2; stride++)
            for (int tile = 1; tile <= 4; tile++) {
                struct arena arena = ARENA_INIT;
                struct schedule schedule;
                net_begin(&net, 12, 12, 8);
                net_windowed(&net, QOP_DEPTHWISE, 0, 0, kernel, kernel, stride, true);
                plan(&schedule, &net, true, OPTIMIZE_SRAM, 0, &arena);
                struct implementation *implementation = &schedule.implementations[0];
                implementation->tile = (int16_t)tile;
                struct overlap overlap;
                assert_true(node_overlap(&overlap, implementation, &net.qmodel, &net.nodes[0], 0));
                assert_true(overlap.shifted && overlap.shift % 8 == 0);
                int32_t scratch = implementation_scratch_bytes(implementation, &net.qmodel, &net.nodes[0]);
                int32_t in = 4096, end = in + 12 * 12 * 8;
                schedule.arena_bytes = 16384;
                schedule.steps[0].scratch_offset = schedule.scratch[0] = end;
                schedule.steps[0].scratch_bytes = scratch;
                schedule.storage[0].offset = schedule.storage[0].begin = in;
                for (int below = -400; below <= 3000; below++) {
                    schedule.storage[1].offset = in - below;
                    bool legal = below >= overlap.distance || below == overlap.shift;
                    bool accepted = check_silently(&schedule, &net.qmodel) == 0;
                    /* Further below, or with larger tiles, other multiples of the channels are as good, and
                     * group after group a few bytes less than the distance will do; nobody uses them. */
                    bool close = (below % 8 == 0 && (tile > 1 || below > overlap.shift)) ||
                                 below > overlap.distance - 8;
                    if (accepted != legal && !(accepted && close))
                        fail_msg("kernel %d stride %d tile %d: %d below", kernel, stride, tile, below);
                }
                arena_release(&arena);
            }
}

/* One network as one chain: is the schedule with these addresses legal? */
struct whole_chain {
    struct row_graph graph;
    struct chain_work *work;
    int order[NET_MAX_NODES];
    struct chain_step step;
    struct chain_cost cost;
    int64_t in, out, block; /* bytes */
};

static bool whole_chain_analyse(struct whole_chain *chain, const struct net *net, struct rng *rng,
                                struct arena *arena)
{
    const struct qmodel *q = &net->qmodel;
    for (int n = 0; n < q->n_nodes; n++)
        chain->order[n] = n;
    const struct plan_options options = {.fusion = true, .dsp = rng_below(rng, 2)};
    if (!row_graph_build(&chain->graph, q, chain->order, &options, arena))
        return false;
    bool up = rng_below(rng, 2);
    for (int i = 0; i < chain->graph.n_ops; i++)
        if (chain->graph.ops[i].accumulates)
            up = false;
    int rows = 1 + (int)rng_below(rng, 4), inner_rows = rng_below(rng, 2) ? CHAIN_ALL_ROWS : 1;
    chain->step =
        (struct chain_step){.shape = {0, q->n_nodes, q->input, rows, inner_rows, up}, .output = q->output};
    struct chain_scratch scratch;
    chain->work = chain_work_create(&chain->graph, arena);
    chain_analyse(&chain->cost, &chain->step.shape, chain->work);
    chain_scratch_choices(&scratch, chain->work);
    chain->in = (qtensor_bytes(&q->tensors[q->input]) + 3) & ~3;
    chain->out = (qtensor_bytes(&q->tensors[q->output]) + 3) & ~3;
    chain->block = chain->cost.stores_bytes + chain->cost.sums_bytes + scratch.bytes[0];
    return true;
}

static bool is_legal(struct whole_chain *chain, int64_t input, int64_t output, int64_t block,
                     struct arena *arena)
{
    struct schedule schedule;
    struct chain_plan chain_plan = {.steps = &chain->step, .n_steps = 1};
    chain->step.input_offset = input;
    chain->step.output_offset = output;
    chain->step.block_offset = block;
    chain->step.block_bytes = chain->block;
    chain_plan.arena_bytes = 4 * (chain->in + chain->out + chain->block) + 64;
    schedule_of_chain_plan(&schedule, &chain->graph, chain->work, chain->order, &chain_plan, arena);
    return check_silently(&schedule, chain->graph.qmodel) == 0;
}

/* The distances of chain_analyse are not only safe, they are exact: one byte closer is wrong. */
static void distances_are_exact(void **state)
{
    (void)state;
    static struct net net;
    static struct whole_chain chain;
    int distances = 0, reaches = 0, rejected = 0;
    for (uint64_t i = 0; i < 1500; i++) {
        struct arena arena = ARENA_INIT;
        struct rng rng = rng_stream(14, i);
        net_random(&net, i, 10);
        if (net.qmodel.n_nodes <= CHAIN_MAX_OPS && whole_chain_analyse(&chain, &net, &rng, &arena)) {
            const struct chain_cost *cost = &chain.cost;
            bool up = chain.step.shape.bottom_up;
            int64_t in = qtensor_bytes(&net.tensors[net.qmodel.input]),
                    out = qtensor_bytes(&net.tensors[net.qmodel.output]);
            int64_t room = chain.block + chain.in + chain.out;
            if (cost->distance != INT64_MIN) {
                int64_t at = up ? room + in - out + cost->distance : room - cost->distance;
                assert_true(is_legal(&chain, room, at, 0, &arena));
                int64_t closer = up ? at - 1 : at + 1;
                if (closer != room) /* exactly on its input an element-wise operator is legal again */
                    assert_false(is_legal(&chain, room, closer, 0, &arena));
                distances++;
            }
            /* The block in front of the input, or behind it; the output far away. Rows and reach are rounded
             * to 4 bytes. */
            int64_t input = up ? room : chain.block, output = up ? 0 : chain.block + chain.in;
            int64_t block = up ? room + chain.in : 0, reach = cost->reach; /* scratch is aligned */
            assert_true(
                is_legal(&chain, up ? input : input - reach, output, up ? block - reach : block, &arena));
            if (reach + 8 < cost->stores_bytes && reach + 8 <= in) {
                reach += 8;
                reaches++;
                rejected +=
                    !is_legal(&chain, up ? input : input - reach, output, up ? block - reach : block, &arena);
            }
        }
        arena_release(&arena);
    }
    print_message("%d distances; %d of %d larger reaches rejected\n", distances, rejected, reaches);
    assert_true(distances > 300 && reaches > 300);
    /* By chance an element-wise operator may come to lie exactly on its input. */
    assert_true(rejected >= reaches * 99 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_networks_are_small_with_portable_kernels),
        cmocka_unit_test(known_networks_are_small_with_dsp_kernels),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(random_networks_pass_the_checker),
        cmocka_unit_test(little_memory_is_fast_enough),
        cmocka_unit_test(speed_is_never_slower),
        cmocka_unit_test(checker_rejects_tampering),
        cmocka_unit_test(depthwise_in_place),
        cmocka_unit_test(distances_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
