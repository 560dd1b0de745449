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
#include "codegen/row_graph.h"
#include "codegen/schedule.h"
#include "codegen/schedule_chains.h"
#include "tests/unit/chain_nets.h"

static void plan(struct schedule *schedule, const struct net *net, enum optimize optimize, int64_t limit,
                 struct arena *arena)
{
    struct plan_options options = {optimize, limit, true};
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

/* Arenas with the portable kernels, which need no scratch but do not work in place. */
static void known_networks_are_small(void **state)
{
    (void)state;
    static const int64_t expected[NET_CASES] = {112320, 97152, 80640, 21440, 28032, 6112, 14400, 16640};
    static struct net net;
    for (size_t i = 0; i < NET_CASES; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule single, fused;
        net_case_build(&net, &net_cases[i]);
        schedule_plan(&single, &net.qmodel, &(struct plan_options){0}, &arena);
        double from = seconds();
        plan(&fused, &net, OPTIMIZE_SRAM, 0, &arena);
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

/* Less memory never costs fewer calls; what fits is found within every limit. */
static void limits_are_kept(void **state)
{
    (void)state;
    static struct net net;
    for (size_t i = 0; i < NET_CASES; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule least, schedule;
        net_case_build(&net, &net_cases[i]);
        plan(&least, &net, OPTIMIZE_SRAM, 0, &arena);
        for (int percent = 80; percent <= 300; percent += 40) {
            int64_t limit = least.arena_bytes * percent / 100;
            plan(&schedule, &net, OPTIMIZE_LATENCY, limit, &arena);
            assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
            assert_true(schedule.arena_bytes <= (percent < 100 ? least.arena_bytes : limit));
        }
        plan(&schedule, &net, OPTIMIZE_BALANCED, 0, &arena);
        assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
        assert_true(schedule.arena_bytes <= least.arena_bytes * 5 / 4 + 8);
        plan(&schedule, &net, OPTIMIZE_LATENCY, 0, &arena);
        assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
        arena_release(&arena);
    }
}

static void random_networks_pass_the_checker(void **state)
{
    (void)state;
    enum { NETWORKS = 10000 };
    static struct net net;
    int chains = 0, up = 0, smaller = 0;
    int64_t sum = 0, single_sum = 0;
    for (uint64_t i = 0; i < NETWORKS; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule schedule, again, single;
        net_random(&net, i, 20);
        schedule_plan(&single, &net.qmodel, &(struct plan_options){0}, &arena);
        enum optimize optimize = i % 3 == 0   ? OPTIMIZE_LATENCY
                                 : i % 3 == 1 ? OPTIMIZE_BALANCED
                                              : OPTIMIZE_SRAM;
        int64_t limit = i % 2 ? single.arena_bytes * (int64_t)(3 + i % 7) / 10 : 0;
        plan(&schedule, &net, optimize, limit, &arena);
        if (schedule_check(&schedule, &net.qmodel))
            fail_msg("network %d", (int)i);
        assert_true(schedule.arena_bytes >= schedule.lower_bound_bytes);
        assert_int_equal(schedule.arena_bytes % 8, 0);
        if (optimize == OPTIMIZE_SRAM) {
            assert_true(schedule.arena_bytes <= single.arena_bytes);
            sum += schedule.arena_bytes;
            single_sum += single.arena_bytes;
            smaller += schedule.arena_bytes < single.arena_bytes;
        }
        for (int s = 0; s < schedule.n_steps; s++) {
            chains += schedule.steps[s].depth_first;
            up += schedule.steps[s].bottom_up;
        }
        plan(&again, &net, optimize, limit, &arena);
        assert_int_equal(again.arena_bytes, schedule.arena_bytes);
        assert_int_equal(again.n_steps, schedule.n_steps);
        assert_memory_equal(again.storage, schedule.storage,
                            (size_t)schedule.n_storage * sizeof *schedule.storage);
        arena_release(&arena);
    }
    print_message(
        "%d networks: %d chains, %d of them bottom-up; %d smaller than without, %.1f %% of the bytes\n",
        NETWORKS, chains, up, smaller, 100.0 * (double)sum / (double)single_sum);
    assert_true(chains > NETWORKS / 2 && up > NETWORKS / 10);
}

/* The checker is strict: a line buffer with one row less, a buffer four bytes elsewhere, fewer bytes of
 * arena. What is still legal then has room, or rows that nobody needs. */
static void checker_rejects_tampering(void **state)
{
    (void)state;
    static struct net net;
    int rings = 0, rings_rejected = 0, moves = 0, moves_rejected = 0;
    for (uint64_t i = 0; i < 400; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule schedule;
        net_random(&net, i, 12);
        plan(&schedule, &net, OPTIMIZE_SRAM, 0, &arena);
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
        arena_release(&arena);
    }
    print_message("rejected: %d of %d shorter rings, %d of %d moves\n", rings_rejected, rings, moves_rejected,
                  moves);
    assert_true(rings_rejected >= rings * 95 / 100);
    assert_true(moves_rejected > moves / 2);
}

/* One network as one chain: is the schedule with these addresses legal? */
struct whole_chain {
    struct row_graph graph;
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
    if (!row_graph_build(&chain->graph, q, chain->order, arena))
        return false;
    bool up = rng_below(rng, 2);
    for (int i = 0; i < chain->graph.n_ops; i++)
        if (chain->graph.ops[i].accumulates)
            up = false;
    int rows = 1 + (int)rng_below(rng, 4), inner_rows = rng_below(rng, 2) ? CHAIN_ALL_ROWS : 1;
    chain->step = (struct chain_step){.shape = {0, q->n_nodes, q->input, rows, inner_rows, up}, .output = q->output};
    chain_analyse(&chain->cost, &chain->step.shape, chain_work_create(&chain->graph, arena));
    chain->in = (qtensor_bytes(&q->tensors[q->input]) + 3) & ~3;
    chain->out = (qtensor_bytes(&q->tensors[q->output]) + 3) & ~3;
    chain->block = chain->cost.stores_bytes + chain->cost.scratch_bytes;
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
    chain_plan.arena_bytes = 4 * (chain->in + chain->out + chain->block) + 64;
    schedule_of_chain_plan(&schedule, &chain->graph, chain->order, &chain_plan, arena);
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
            int64_t block = up ? room + in : 0, reach = cost->reach;
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
        cmocka_unit_test(known_networks_are_small),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(random_networks_pass_the_checker),
        cmocka_unit_test(checker_rejects_tampering),
        cmocka_unit_test(distances_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
