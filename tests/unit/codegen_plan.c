/*
 * The planner on random graphs: every plan is replayed by the independent checker, meets or exceeds its lower
 * bound, is the same each time; and the checker is no rubber stamp: plans that were tampered with are
 * rejected.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/rng.h"
#include "codegen/schedule.h"

enum { GRAPHS = 2500, MAX_NODES = 24, MAX_TENSORS = MAX_NODES + 1 };

struct graph {
    struct qmodel qmodel;
    struct qtensor tensors[MAX_TENSORS];
    struct qnode nodes[MAX_NODES];
};

static struct qnode *add_node(struct graph *graph, enum qop op, int h, int w, int c)
{
    struct qmodel *q = &graph->qmodel;
    struct qnode *node = &graph->nodes[q->n_nodes];
    *node = (struct qnode){.op = op, .name = "node", .output = q->n_tensors};
    node->window = (struct window){1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    graph->tensors[q->n_tensors] =
        (struct qtensor){.name = "tensor", .h = h, .w = w, .c = c, .producer = q->n_nodes};
    q->n_nodes++;
    q->output = q->n_tensors++;
    return node;
}

static void add_input(struct qnode *node, int tensor)
{
    node->inputs[node->n_inputs++] = tensor;
}

/* A later tensor is more likely, so that most graphs look like networks, but any earlier one may be read
 * again. */
static int draw_tensor(struct rng *rng, const struct graph *graph)
{
    int n = graph->qmodel.n_tensors;
    return rng_below(rng, 3) ? n - 1 : (int)rng_below(rng, (uint32_t)n);
}

static int draw_same_shape(struct rng *rng, const struct graph *graph, int like)
{
    const struct qtensor *t = graph->tensors;
    int found = like;
    for (int i = 0; i < graph->qmodel.n_tensors; i++)
        if (i != like && t[i].h == t[like].h && t[i].w == t[like].w && t[i].c == t[like].c &&
            rng_below(rng, 2))
            found = i;
    return found;
}

static void add_windowed(struct rng *rng, struct graph *graph, enum qop op, int in)
{
    const struct qtensor *t = &graph->tensors[in];
    int stride = 1 + (int)rng_below(rng, 2), kernel = 1 + (int)rng_below(rng, 5),
        dilation = 1 + (int)rng_below(rng, 2);
    int pad = (int)rng_below(rng, (uint32_t)kernel), reach = (kernel - 1) * dilation + 1;
    int h = (t->h + 2 * pad - reach) / stride + 1, w = (t->w + 2 * pad - reach) / stride + 1;
    if (t->h + 2 * pad < reach || t->w + 2 * pad < reach)
        kernel = stride = dilation = 1, pad = 0, h = t->h, w = t->w;
    int c = op == QOP_CONV ? 1 + (int)rng_below(rng, 12) : t->c;
    struct qnode *node = add_node(graph, op, h, w, c);
    node->window = (struct window){kernel, kernel, stride, stride, dilation, dilation, pad, pad, pad, pad};
    add_input(node, in);
}

static void add_random(struct rng *rng, struct graph *graph)
{
    int in = draw_tensor(rng, graph);
    const struct qtensor t = graph->tensors[in];
    struct qnode *node;
    switch (rng_below(rng, 12)) {
    case 0:
    case 1:
    case 2:
        add_windowed(rng, graph, QOP_CONV, in);
        return;
    case 3:
    case 4:
        add_windowed(rng, graph, QOP_DEPTHWISE, in);
        return;
    case 5:
        add_windowed(rng, graph, rng_below(rng, 2) ? QOP_MAX_POOL : QOP_AVERAGE_POOL, in);
        return;
    case 6:
    case 7:
        node = add_node(graph, rng_below(rng, 4) ? QOP_ADD : QOP_MUL, t.h, t.w, t.c);
        add_input(node, in);
        graph->qmodel.n_tensors--; /* do not draw the output itself */
        add_input(node, draw_same_shape(rng, graph, in));
        graph->qmodel.n_tensors++;
        return;
    case 8:
        node = add_node(graph, QOP_TABLE, t.h, t.w, t.c);
        break;
    case 9: { /* squeeze and excite */
        node = add_node(graph, QOP_MEAN, 1, 1, t.c);
        add_input(node, in);
        if (graph->qmodel.n_nodes == MAX_NODES)
            return;
        int mean = graph->qmodel.output;
        node = add_node(graph, QOP_MUL, t.h, t.w, t.c);
        add_input(node, in);
        add_input(node, mean);
        return;
    }
    case 10:
        node = add_node(graph, QOP_PAD, t.h + 2, t.w + 2, t.c);
        break;
    default: {
        int other = draw_tensor(rng, graph);
        const struct qtensor o = graph->tensors[other];
        enum concat_axis axis = (enum concat_axis)rng_below(rng, 3);
        bool joined = (axis == CONCAT_ROWS || o.h == t.h) && (axis == CONCAT_COLUMNS || o.w == t.w) &&
                      (axis == CONCAT_CHANNELS || o.c == t.c);
        node = add_node(graph, QOP_CONCAT, t.h + (joined && axis == CONCAT_ROWS ? o.h : 0),
                        t.w + (joined && axis == CONCAT_COLUMNS ? o.w : 0),
                        t.c + (joined && axis == CONCAT_CHANNELS ? o.c : 0));
        node->axis = axis;
        add_input(node, in);
        if (joined)
            add_input(node, other);
        return;
    }
    }
    add_input(node, in);
}

static void random_graph(struct graph *graph, uint64_t index)
{
    struct rng rng = rng_stream(7, index);
    memset(graph, 0, sizeof *graph);
    graph->qmodel.tensors = graph->tensors;
    graph->qmodel.nodes = graph->nodes;
    graph->tensors[0] = (struct qtensor){.name = "input",
                                         .h = 1 + (int)rng_below(&rng, 12),
                                         .w = 1 + (int)rng_below(&rng, 12),
                                         .c = 1 + (int)rng_below(&rng, 4),
                                         .producer = -1};
    graph->qmodel.n_tensors = 1;
    int n = 1 + (int)rng_below(&rng, MAX_NODES);
    while (graph->qmodel.n_nodes < n)
        add_random(&rng, graph);
}

static void plan(struct schedule *schedule, const struct graph *graph, struct arena *arena)
{
    struct plan_options options = {0};
    schedule_plan(schedule, &graph->qmodel, &options, arena);
}

/* The checker's message about a bad plan is expected and would only be noise here. */
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

static void random_graphs_pass_the_checker(void **state)
{
    (void)state;
    int at_bound = 0;
    int64_t planned = 0, bound = 0;
    for (uint64_t i = 0; i < GRAPHS; i++) {
        struct arena arena = ARENA_INIT;
        struct graph graph;
        struct schedule schedule, again;
        random_graph(&graph, i);
        plan(&schedule, &graph, &arena);
        if (schedule_check(&schedule, &graph.qmodel))
            fail_msg("graph %d", (int)i);
        assert_true(schedule.arena_bytes >= schedule.lower_bound_bytes);
        assert_int_equal(schedule.arena_bytes % 8, 0);
        planned += schedule.arena_bytes;
        bound += schedule.lower_bound_bytes;
        at_bound += schedule.arena_bytes == schedule.lower_bound_bytes;
        for (int t = 0; t < schedule.n_storage; t++)
            assert_int_equal(schedule.storage[t].offset % 4, 0);

        plan(&again, &graph, &arena);
        assert_int_equal(again.arena_bytes, schedule.arena_bytes);
        assert_memory_equal(again.storage, schedule.storage,
                            (size_t)schedule.n_storage * sizeof *schedule.storage);
        arena_release(&arena);
    }
    print_message("%d of %d plans meet their lower bound, all together are %.2f %% above\n", at_bound, GRAPHS,
                  100.0 * (double)(planned - bound) / (double)bound);
    assert_true(at_bound >= GRAPHS * 85 / 100);
    assert_true(planned <= bound * 1.01);
}

/* Moving one tensor by a few bytes breaks most plans; where there was room, the shifted plan is legal. */
static void checker_rejects_shifted_tensors(void **state)
{
    (void)state;
    int shifted = 0, rejected = 0;
    for (uint64_t i = 0; i < 300; i++) {
        struct arena arena = ARENA_INIT;
        struct graph graph;
        struct schedule schedule;
        random_graph(&graph, i);
        plan(&schedule, &graph, &arena);
        for (int t = 0; t < schedule.n_storage; t++)
            for (int by = -4; by <= 4; by += 8) {
                schedule.storage[t].offset += by;
                shifted++;
                rejected += check_silently(&schedule, &graph.qmodel) != 0;
                schedule.storage[t].offset -= by;
            }
        arena_release(&arena);
    }
    print_message("%d of %d shifted plans rejected, the others had room\n", rejected, shifted);
    assert_true(rejected > shifted / 2);
}

/* One network of known numbers: conv 3x3 (4 -> 8 channels), depthwise 3x3, conv 1x1 (8 -> 4), add. */
static void residual_block(struct graph *graph)
{
    memset(graph, 0, sizeof *graph);
    graph->qmodel.tensors = graph->tensors;
    graph->qmodel.nodes = graph->nodes;
    graph->tensors[0] = (struct qtensor){.name = "input", .h = 8, .w = 8, .c = 4, .producer = -1};
    graph->qmodel.n_tensors = 1;
    add_input(add_node(graph, QOP_CONV, 8, 8, 8), 0);
    struct qnode *depthwise = add_node(graph, QOP_DEPTHWISE, 8, 8, 8);
    depthwise->window = (struct window){3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
    add_input(depthwise, 1);
    add_input(add_node(graph, QOP_CONV, 8, 8, 4), 2);
    struct qnode *add = add_node(graph, QOP_ADD, 8, 8, 4);
    add_input(add, 0);
    add_input(add, 3);
}

static void residual_block_overlaps_dying_rows(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct graph graph;
    struct schedule schedule;
    residual_block(&graph);
    plan(&schedule, &graph, &arena);
    assert_int_equal(schedule_check(&schedule, &graph.qmodel), 0);
    /* Depthwise: the skip tensor (256) + the input (512) + two rows (2 x 64) that the output runs ahead. */
    assert_int_equal(schedule.lower_bound_bytes, 256 + 512 + 128);
    /* The projection must not touch the skip tensor either, which costs one of its rows more
     * (no_smaller_arena_exists). */
    assert_int_equal(schedule.arena_bytes, schedule.lower_bound_bytes + 32);
    assert_int_equal(schedule.storage[1].offset - schedule.storage[2].offset, 128);
    /* The sum is written over one of its terms. */
    assert_true(schedule.storage[4].offset == schedule.storage[0].offset ||
                schedule.storage[4].offset == schedule.storage[3].offset);
    assert_int_equal(schedule.storage[0].first_step, -1);
    assert_int_equal(schedule.storage[0].last_step, 3);
    assert_int_equal(schedule.storage[4].last_step, 4);
    arena_release(&arena);
}

/* All positions of five tensors in an arena 8 bytes smaller, each judged by the checker: none may be legal.
 */
static void no_smaller_arena_exists(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct graph graph;
    struct schedule schedule;
    residual_block(&graph);
    for (int t = 0; t < graph.qmodel.n_tensors; t++)
        graph.tensors[t].h = 4, graph.tensors[t].w = 1;
    plan(&schedule, &graph, &arena);
    assert_int_equal(schedule_check(&schedule, &graph.qmodel), 0);
    schedule.arena_bytes -= 8;
    int positions[5], at[5] = {0}, legal = 0, tried = 0;
    for (int t = 0; t < 5; t++)
        positions[t] = (int)(schedule.arena_bytes - 4 * graph.tensors[t].c) / 4 + 1;
    for (int digit = 0; digit < 5;) {
        for (int t = 0; t < 5; t++)
            schedule.storage[t].offset = 4 * at[t];
        legal += check_silently(&schedule, &graph.qmodel) == 0;
        tried++;
        for (digit = 0; digit < 5 && ++at[digit] == positions[digit]; digit++)
            at[digit] = 0;
    }
    print_message("%d plans in %d bytes, %d legal\n", tried, (int)schedule.arena_bytes, legal);
    assert_int_equal(legal, 0);
    arena_release(&arena);
}

/* Two branches, each growing eightfold before it shrinks: the given order grows both first, which nobody has
 * to. */
static void branches_are_reordered(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct graph graph;
    struct schedule schedule;
    memset(&graph, 0, sizeof graph);
    graph.qmodel.tensors = graph.tensors;
    graph.qmodel.nodes = graph.nodes;
    graph.tensors[0] = (struct qtensor){.name = "input", .h = 8, .w = 8, .c = 2, .producer = -1};
    graph.qmodel.n_tensors = 1;
    add_input(add_node(&graph, QOP_CONV, 8, 8, 16), 0); /* tensor 1 */
    add_input(add_node(&graph, QOP_CONV, 8, 8, 16), 0); /* tensor 2 */
    add_input(add_node(&graph, QOP_CONV, 8, 8, 2), 1);  /* tensor 3 */
    add_input(add_node(&graph, QOP_CONV, 8, 8, 2), 2);  /* tensor 4 */
    struct qnode *add = add_node(&graph, QOP_ADD, 8, 8, 2);
    add_input(add, 3);
    add_input(add, 4);
    plan(&schedule, &graph, &arena);
    assert_int_equal(schedule_check(&schedule, &graph.qmodel), 0);
    const int expected[] = {0, 2, 1, 3, 4};
    assert_memory_equal(schedule.order, expected, sizeof expected);
    assert_true(schedule.arena_bytes < 2 * 8 * 8 * 16);
    arena_release(&arena);
}

static void expect_rejected(struct schedule *schedule, const struct graph *graph)
{
    assert_int_equal(check_silently(schedule, &graph->qmodel), 1);
}

static void checker_rejects_tampering(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct graph graph;
    struct schedule good, bad;
    residual_block(&graph);
    plan(&good, &graph, &arena);

    plan(&bad, &graph, &arena);
    bad.storage[2].offset += 4; /* four bytes into rows still needed */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.storage[0].offset = bad.storage[1].offset; /* the skip tensor is overwritten */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.arena_bytes -= 8; /* outside */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.storage[1].ring = 4; /* a ring too small for a whole map */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.order[0] = 1, bad.order[1] = 0; /* reads before it is written */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.order[3] = 2; /* an operator runs twice, another never */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.steps[1].scratch_offset = bad.storage[0].offset,
    bad.steps[1].scratch_bytes = 4; /* scratch over the skip tensor */
    expect_rejected(&bad, &graph);
    plan(&bad, &graph, &arena);
    bad.steps[3].first_node = 0;
    expect_rejected(&bad, &graph);
    arena_release(&arena);
}

/* Search plans a hundred thousand networks: a net of 60 operators may not take a millisecond. Prints; only
 * absurd times fail. */
static void planning_is_fast(void **state)
{
    (void)state;
    static struct graph block;
    struct qtensor tensors[80];
    struct qnode nodes[80];
    struct qmodel qmodel = {.tensors = tensors, .nodes = nodes, .n_tensors = 1};
    residual_block(&block);
    tensors[0] = block.tensors[0];
    for (int b = 0; b < 15; b++) { /* 60 operators: blocks in a row */
        int base = qmodel.n_tensors - 1;
        for (int k = 0; k < 4; k++) {
            struct qnode node = block.nodes[k];
            for (int i = 0; i < node.n_inputs; i++)
                node.inputs[i] += base;
            node.output += base;
            nodes[qmodel.n_nodes++] = node;
            tensors[qmodel.n_tensors] = block.tensors[k + 1];
            tensors[qmodel.n_tensors++].c += b % 3 * (k == 0 || k == 1) * 4;
        }
    }
    qmodel.output = qmodel.n_tensors - 1;
    struct timespec from, to;
    enum { ROUNDS = 200 };
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < ROUNDS; i++) {
        struct arena arena = ARENA_INIT;
        struct schedule schedule;
        struct plan_options options = {0};
        schedule_plan(&schedule, &qmodel, &options, &arena);
        arena_release(&arena);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double us =
        ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / ROUNDS;
    print_message("%d operators: %.0f us a plan\n", qmodel.n_nodes, us);
    assert_true(us < 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_block_overlaps_dying_rows),
        cmocka_unit_test(no_smaller_arena_exists),
        cmocka_unit_test(branches_are_reordered),
        cmocka_unit_test(random_graphs_pass_the_checker),
        cmocka_unit_test(checker_rejects_shifted_tensors),
        cmocka_unit_test(checker_rejects_tampering),
        cmocka_unit_test(planning_is_fast),
    };
    return cmocka_run_group_tests_name("codegen_plan", tests, NULL, NULL);
}
