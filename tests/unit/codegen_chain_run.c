/*
 * Generated projects with depth-first chains, compiled for the host: their answers are qexec's, bit for bit,
 * with portable and with DSP kernels (as C twins of the instructions), in every layout.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/process.h"
#include "boards/board.h"
#include "codegen/emit.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
#include "quant/qexec.h"
#include "tests/unit/chain_nets.h"
#include "tests/unit/scratch.h"

enum { NETWORKS = 60, IMAGES = 3 };

static const char driver[] =
    "#include <stdio.h>\n"
    "#include \"model.h\"\n"
    "int main(void)\n"
    "{\n"
    "    while (fread(mcu_model_input(), 1, MCU_INPUT_BYTES, stdin) == MCU_INPUT_BYTES) {\n"
    "        mcu_model_run();\n"
    "        fwrite(mcu_model_output(), 1, MCU_OUTPUT_BYTES, stdout);\n"
    "    }\n"
    "    return 0;\n"
    "}\n";

static void fill_node(struct net *net, struct qnode *node, struct rng *rng, struct arena *arena)
{
    node->name = arena_printf(arena, "node_%d", (int)(node - net->nodes));
    node->clip_min = -INFINITY;
    node->clip_max = INFINITY;
    if (node->op == QOP_TABLE)
        node->table_function = ACT_HARD_SWISH;
    if (node->op == QOP_ADD_CONSTANT) {
        float *values = ARENA_ARRAY(arena, float, (size_t)net->tensors[node->output].c);
        for (int c = 0; c < net->tensors[node->output].c; c++)
            values[c] = (float)(rng_uniform(rng) - 0.5);
        qmodel_set_summands(&net->qmodel, node, values);
        node->subtract = rng_below(rng, 2);
        node->constant_first = rng_below(rng, 2);
    }
    if (node->n_weights == 0)
        return;
    int channels = net->tensors[node->output].c;
    int8_t *weights = arena_alloc(arena, (size_t)node->n_weights);
    int32_t *bias = ARENA_ARRAY(arena, int32_t, (size_t)channels);
    float *scale = ARENA_ARRAY(arena, float, (size_t)channels);
    int64_t taps = node->n_weights / channels;
    for (int64_t i = 0; i < node->n_weights; i++)
        weights[i] = (int8_t)((int)rng_below(rng, 255) - 127);
    for (int c = 0; c < channels; c++) {
        bias[c] = (int32_t)rng_below(rng, 2001) - 1000;
        scale[c] = (float)((0.01 + 0.01 * rng_uniform(rng)) / sqrt((double)taps));
    }
    node->weights = weights;
    node->bias = bias;
    node->weight_scale = scale;
}

static void fill(struct net *net, uint64_t index, struct arena *arena)
{
    struct rng rng = rng_stream(12, index);
    net->qmodel.arena = arena;
    net->qmodel.name = "random";
    for (int t = 0; t < net->qmodel.n_tensors; t++) {
        net->tensors[t].name = arena_printf(arena, "t%d", t);
        net->tensors[t].scale = 0.05f; /* the same everywhere: pools, paddings and concatenations keep it */
        net->tensors[t].zero_point = -5;
    }
    for (int n = 0; n < net->qmodel.n_nodes; n++)
        fill_node(net, &net->nodes[n], &rng, arena);
    assert_int_equal(qmodel_finish(&net->qmodel), 0);
}

static void run(const char *const *argv, const char *folder, struct arena *arena)
{
    struct process process = {.argv = argv, .folder = folder, .timeout_s = 120};
    assert_int_equal(process_run(&process, arena), 0);
    assert_int_equal(process.exit_code, 0);
}

static void compare(struct scratch *scratch, const struct net *net, uint64_t index, struct arena *arena)
{
    size_t in = (size_t)qtensor_bytes(&net->tensors[net->qmodel.input]),
           out = (size_t)qtensor_bytes(&net->tensors[net->qmodel.output]);
    int8_t *images = arena_alloc(arena, IMAGES * in), *expected = arena_alloc(arena, IMAGES * out);
    struct rng rng = rng_stream(13, index);
    for (size_t i = 0; i < IMAGES * in; i++)
        images[i] = (int8_t)rng_below(&rng, 256);
    assert_int_equal(qexec_run_batch(&net->qmodel, images, IMAGES, expected, 1), 0);
    assert_int_equal(file_write(path_join(arena, scratch->folder, "images"), images, IMAGES * in), 0);

    static const char *const build[] = {
        "sh", "-c",
        "cc -std=c11 -O1 -Wall -Wextra -Werror -I. -o host host.c model.c weights.c "
        "engine.o && ./host < images > answers",
        NULL};
    run(build, scratch->folder, arena);
    struct file answers;
    assert_int_equal(file_read(&answers, path_join(arena, scratch->folder, "answers"), IMAGES * out, arena),
                     0);
    assert_int_equal(answers.size, IMAGES * out);
    assert_memory_equal(answers.data, expected, IMAGES * out);
}

static void generated_chains_equal_qexec(void **state)
{
    (void)state;
    static const char *const engine[] = {
        "sh", "-c",
        "cc -std=c11 -O2 -I. -r -nostdlib -o engine.o engine/chain.c engine/ref/*.c engine/dsp/*.c", NULL};
    static const struct emit_options options = {"-", "-"};
    static struct net net;
    struct scratch scratch;
    int chains = 0, up = 0, joined = 0, sums_up = 0, operators = 0, dsp = 0, in_place = 0;
    scratch_create(&scratch);
    for (uint64_t i = 0; i < NETWORKS; i++) {
        struct arena arena = ARENA_INIT;
        struct board *board;
        struct schedule schedule;
        if (!process_find("cc", &arena)) {
            print_message("SKIPPED: no C compiler\n");
            arena_release(&arena);
            skip();
        }
        if (i % 3 == 2)
            net_random_mobile(&net, i);
        else
            net_random(&net, 1000 + i, 16);
        fill(&net, i, &arena);
        struct rng rng = rng_stream(17, i);
        enum layout layouts[NET_MAX_NODES];
        for (int n = 0; n < net.qmodel.n_nodes; n++)
            do
                layouts[n] = (enum layout)rng_below(&rng, LAYOUT_COUNT);
            while (!layout_possible(layouts[n], &net.qmodel, &net.nodes[n], true));
        struct plan_options plan = {.optimize = (enum optimize)(i / 3 % 3),
                                    .fusion = i % 12 != 11,
                                    .dsp = i % 3 > 0,
                                    .layouts = i % 6 > 3 ? layouts : NULL};
        schedule_plan(&schedule, &net.qmodel, &plan, &arena);
        assert_int_equal(schedule_check(&schedule, &net.qmodel), 0);
        for (int s = 0; s < schedule.n_steps; s++) {
            chains += schedule.steps[s].depth_first;
            up += schedule.steps[s].bottom_up;
            operators += schedule.steps[s].depth_first ? schedule.steps[s].n_nodes : 0;
            for (int k = 0; k < schedule.steps[s].n_nodes; k++)
                joined += schedule.steps[s].depth_first &&
                          net.nodes[schedule.order[schedule.steps[s].first_node + k]].axis == CONCAT_ROWS;
            for (int k = 0; k < schedule.steps[s].n_nodes; k++)
                sums_up += schedule.steps[s].bottom_up &&
                           node_accumulates(&net.qmodel,
                                            &net.nodes[schedule.order[schedule.steps[s].first_node + k]]);
        }
        for (int n = 0; n < net.qmodel.n_nodes; n++) {
            dsp += schedule.implementations[n].layout != LAYOUT_REFERENCE;
            const struct storage *in = &schedule.storage[net.nodes[n].inputs[0]],
                                 *out = &schedule.storage[net.nodes[n].output];
            in_place += net.nodes[n].op == QOP_DEPTHWISE && in->begin < out->end && out->begin < in->end;
        }
        assert_int_equal(board_load(&board, "stm32f746", &arena), 0);
        assert_int_equal(emit_project(scratch.folder, &net.qmodel, &schedule, board, &options), 0);
        assert_int_equal(file_write(path_join(&arena, scratch.folder, "host.c"), driver, sizeof driver - 1),
                         0);
        if (i == 0)
            run(engine, scratch.folder, &arena);
        compare(&scratch, &net, i, &arena);
        arena_release(&arena);
    }
    scratch_remove(&scratch);
    print_message("%d networks, %d chains of %d operators, %d bottom-up, with %d sums, %d concatenations of "
                  "rows; %d DSP kernels, %d "
                  "depthwise in place\n",
                  NETWORKS, chains, operators, up, sums_up, joined, dsp, in_place);
    assert_true(chains > NETWORKS && up > 0 && sums_up > 0 && joined > 0 && dsp > NETWORKS && in_place > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(generated_chains_equal_qexec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
