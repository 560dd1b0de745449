/* Cost table: text round trip, damage, averages, fits, predictions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "codegen/cost_table.h"
#include "codegen/kernels.h"
#include "codegen/layouts.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"

static struct cost_point point(int out_h, int out_w, int in_c, int out_c, int tile)
{
    return (struct cost_point){.kernel = KERNEL_CONV2D_DSP,
                               .layout = LAYOUT_NARROW,
                               .tile = tile,
                               .in_h = out_h,
                               .in_w = out_w,
                               .in_c = in_c,
                               .out_h = out_h,
                               .out_w = out_w,
                               .out_c = out_c,
                               .window_h = 1,
                               .window_w = 1,
                               .stride_h = 1,
                               .stride_w = 1,
                               .dilation = 1,
                               .calls = {.n = 1, .size = {{out_h, 1}}},
                               .times = 1};
}

/* What an imaginary core takes: a sum of terms that the fit has. */
static int64_t truth(const struct cost_point *p)
{
    int pixels = p->out_h * p->out_w, groups = (p->out_c + 3) / 4, depth = (p->in_c + 3) / 4 * 4;
    return 200 + 2 * (int64_t)pixels * depth + 5 * (int64_t)groups * ((pixels + 1) / 2) * depth +
           40 * (int64_t)groups * ((pixels + 1) / 2);
}

static void fill(struct cost_table *table, int first, int step)
{
    static const int sizes[] = {4, 6, 8, 12, 16, 20}, channels[] = {8, 12, 16, 24, 40, 64, 96, 160};
    for (int i = first; i < 6 * 8 * 8; i += step) {
        struct cost_point p = point(sizes[i % 6], sizes[i % 6], channels[i / 6 % 8], channels[i / 48],
                                    sizes[i % 6] * sizes[i % 6]);
        p.cycles = truth(&p);
        p.instructions = p.cycles / 2;
        cost_table_add(table, &p);
    }
}

static const char *text_of(struct cost_table *table, struct arena *arena)
{
    struct strbuf text = STRBUF_INIT;
    cost_table_text(table, &text);
    const char *out = arena_strdup(arena, strbuf_text(&text));
    strbuf_release(&text);
    return out;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct cost_table table, other, back;
    cost_table_init(&table, "core: imaginary\nflags: -O2\n", 4096, &arena);
    cost_table_init(&other, "core: imaginary\nflags: -O2\n", 4096, &arena);
    fill(&table, 0, 2), fill(&table, 1, 2);
    fill(&other, 1, 2), fill(&other, 0, 2);
    cost_table_add_network(&table, "b"), cost_table_add_network(&table, "a");
    cost_table_add_network(&other, "a"), cost_table_add_network(&other, "b");
    cost_table_add_network(&other, "a");
    const char *text = text_of(&table, &arena);
    assert_string_equal(text, text_of(&other, &arena)); /* in whatever order */
    assert_int_equal(cost_table_parse(&back, text, "x.csv", &arena), 0);
    assert_string_equal(back.identity, table.identity);
    assert_int_equal(back.dcache_bytes, 4096);
    assert_int_equal(back.n_points, table.n_points);
    assert_true(cost_table_has_network(&back, "b"));
    assert_false(cost_table_has_network(&back, "c"));
    assert_string_equal(back.sha256, table.sha256);
    assert_true(cost_table_intact(text));
    assert_false(cost_table_intact(text + 1));
    assert_false(cost_table_intact(""));
    assert_string_equal(text_of(&back, &arena), text);
    arena_release(&arena);
}

static void test_damage(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct cost_table table, back;
    cost_table_init(&table, "core: imaginary\n", 0, &arena);
    fill(&table, 0, 37);
    cost_table_add_network(&table, "a");
    const char *text = text_of(&table, &arena);
    size_t length = strlen(text);
    char *broken = arena_strdup(&arena, text);
    for (size_t cut = 0; cut < length; cut += 13) { /* prefixes */
        broken[cut] = '\0';
        assert_int_equal(cost_table_parse(&back, broken, "x.csv", &arena), EXIT_INPUT);
        broken[cut] = text[cut];
    }
    for (size_t i = 0; i < length; i += 17) { /* another character */
        broken[i] = text[i] == '1' ? '2' : '1';
        assert_int_equal(cost_table_parse(&back, broken, "x.csv", &arena), EXIT_INPUT);
        broken[i] = text[i];
    }
    assert_int_equal(cost_table_read(&back, "/nonexistent/x.csv", &arena), EXIT_INPUT);
    arena_release(&arena);
}

static void test_average(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct cost_table table;
    cost_table_init(&table, "", 0, &arena);
    struct cost_point p = point(8, 8, 16, 16, 64);
    p.cycles = 1000;
    cost_table_add(&table, &p);
    p.cycles = 1011;
    cost_table_add(&table, &p);
    cost_table_fit(&table);
    bool exact;
    assert_int_equal(table.n_points, 1);
    assert_int_equal(cost_table_point_cycles(&table, &p, &exact), 1006);
    assert_true(exact);
    p.kernel = KERNEL_SOFTMAX; /* nothing like it */
    assert_int_equal(cost_table_point_cycles(&table, &p, &exact), 0);
    assert_false(exact);
    arena_release(&arena);
}

static void test_fit(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct cost_table table;
    cost_table_init(&table, "", 0, &arena);
    fill(&table, 0, 3);
    cost_table_fit(&table);
    static const struct {
        int size, in, out;
    } unseen[] = {{5, 32, 48}, {10, 20, 56}, {14, 80, 24}, {18, 120, 120}, {24, 200, 64}};
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        struct cost_point p = point(unseen[i].size, unseen[i].size, unseen[i].in, unseen[i].out,
                                    unseen[i].size * unseen[i].size);
        bool exact;
        double cycles = (double)cost_table_point_cycles(&table, &p, &exact), expected = (double)truth(&p);
        assert_false(exact);
        assert_true(fabs(cycles - expected) < 0.01 * expected);
        struct cost_point again = p;
        assert_int_equal(cost_table_point_cycles(&table, &again, NULL), (int64_t)cycles);
    }
    arena_release(&arena);
}

/* conv 1x1, depthwise 3x3, conv 1x1 on 32 x 32 x 8, without weights. */
static struct qmodel *three_nodes(struct arena *arena)
{
    struct qmodel *q = ARENA_NEW(arena, struct qmodel);
    static const int channels[] = {8, 48, 48, 16};
    q->arena = arena;
    q->tensors = ARENA_ARRAY(arena, struct qtensor, 4);
    q->nodes = ARENA_ARRAY(arena, struct qnode, 3);
    for (int t = 0; t < 4; t++)
        q->tensors[t] = (struct qtensor){"t", 32, 32, channels[t], 0.1f, 0, t - 1};
    for (int n = 0; n < 3; n++) {
        int kernel = n == 1 ? 3 : 1, pad = n == 1;
        q->nodes[n] = (struct qnode){.op = n == 1 ? QOP_DEPTHWISE : QOP_CONV,
                                     .name = "n",
                                     .inputs = {n},
                                     .n_inputs = 1,
                                     .output = n + 1,
                                     .window = {kernel, kernel, 1, 1, 1, 1, pad, pad, pad, pad},
                                     .n_weights = n == 1 ? 9 * 48 : channels[n] * channels[n + 1]};
    }
    q->n_tensors = 4, q->n_nodes = 3, q->input = 0, q->output = 3;
    return q;
}

static void test_schedule(void **state)
{
    (void)state;
    struct arena arena = ARENA_INIT;
    struct qmodel *q = three_nodes(&arena);
    for (int fusion = 0; fusion < 2; fusion++) {
        struct schedule schedule;
        struct plan_options options = {.optimize = OPTIMIZE_SRAM, .fusion = fusion, .dsp = true};
        schedule_plan(&schedule, q, &options, &arena);
        const struct cost_point *points = cost_points(&schedule, q, &arena);
        int64_t instructions = 0;
        for (int i = 0; i < 3; i++) {
            int rows = 0;
            for (int k = 0; k < points[i].calls.n; k++) {
                const int r = points[i].calls.size[k].rows, n = points[i].calls.size[k].count;
                rows += r * n;
                instructions += n * implementation_instructions(&schedule.implementations[schedule.order[i]],
                                                                q, &q->nodes[schedule.order[i]], r);
            }
            assert_int_equal(rows, 32); /* each once */
            assert_int_equal(points[i].depth_first, fusion);
            assert_int_equal(points[i].calls.size[points[i].calls.n - 1].rows, schedule.most_rows[i]);
        }
        /* the planner counts the same calls */
        assert_int_equal(instructions, schedule_instructions(&schedule, q));
    }
    /* a table without anything, and one that has all */
    struct schedule schedule;
    struct plan_options options = {.optimize = OPTIMIZE_SRAM, .fusion = true, .dsp = true};
    schedule_plan(&schedule, q, &options, &arena);
    struct cost_table table;
    cost_table_init(&table, "", 4096, &arena);
    cost_table_fit(&table);
    assert_int_equal(cost_table_cycles(&table, &schedule, q), 2 * schedule_instructions(&schedule, q));
    struct cost_point *points = cost_points(&schedule, q, &arena);
    for (int i = 0; i <= 3; i++) {
        points[i].times = 2;
        points[i].cycles = 2 * (1000 + i);
        cost_table_add(&table, &points[i]);
    }
    cost_table_fit(&table);
    assert_int_equal(cost_table_cycles(&table, &schedule, q), 4006);
    arena_release(&arena);
}

/* The tables that ship are whole and of their boards, and their interpolation tells the points that it is not
 * shown. */
static void test_shipped(void **state)
{
    (void)state;
    static const char *const boards[] = {"stm32f412", "stm32f746", "stm32f765", "stm32h743",
                                         "stm32h7a3", "stm32l4r5", "stm32u575"};
    for (size_t b = 0; b < sizeof boards / sizeof *boards; b++) {
        struct arena arena = ARENA_INIT;
        struct cost_table table;
        const char *path = arena_printf(&arena, "boards/cost/%s.csv", boards[b]);
        assert_int_equal(cost_table_read(&table, path, &arena), 0);
        const char *first = arena_printf(&arena, "board: %s,", boards[b]);
        assert_int_equal(strncmp(table.identity, first, strlen(first)), 0);
        assert_true(table.n_points > 1000 && table.n_networks >= 100);
        cost_table_fit(&table);
        double sum = 0, off = 0;
        for (int i = 0; i < table.n_points; i++) {
            double measured = (double)table.points[i].cycles;
            double guess = cost_table_interpolate(&table, &table.points[i], true);
            sum += measured;
            off += fabs(guess * (double)table.points[i].times - measured);
        }
        assert_true(off < 0.05 * sum);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damage),   cmocka_unit_test(test_average),
        cmocka_unit_test(test_fit),        cmocka_unit_test(test_schedule), cmocka_unit_test(test_shipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
