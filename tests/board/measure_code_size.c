/*
 * Writes codegen/code_size.inc: builds the firmware of a network without operators and of networks of one
 * kernel each, for every core, and takes the differences of .text. Run by `make code-size` (target code-size)
 * when kernels, start-up or flags change; the sizes are gcc 12.2's, as in Debian 12.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "boards/build.h"
#include "codegen/emit.h"
#include "codegen/emit_harness.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
#include "networks.h"
#include "tests/unit/scratch.h"

enum { CORES = 3, MANY = 17 };

static const char *const board_of_core[CORES] = {"stm32f412", "stm32h743", "stm32u575"};

/* All operators in `chains` depth-first steps. What they compute does not matter here. */
static void make_chains(struct schedule *schedule, int chains)
{
    int each = schedule->n_order / chains;
    for (int s = 0; s < chains; s++)
        schedule->steps[s] = (struct step){
            .first_node = s * each, .n_nodes = each, .depth_first = true, .rows = 1, .inner_rows = 1};
    schedule->n_steps = chains;
}

/* .text of a firmware, or exit. chains 0: one operator after the other. layouts: NULL: LAYOUT_REFERENCE */
static int text_bytes(const struct qmodel *qmodel, const char *board_name, int chains,
                      const enum layout *layouts)
{
    struct arena arena = ARENA_INIT;
    struct scratch scratch;
    struct board *board;
    struct schedule schedule;
    struct elf_size size;
    const struct emit_options options = {"-", "-"};
    scratch_create(&scratch);
    schedule_plan(&schedule, qmodel, &(struct plan_options){.dsp = layouts, .layouts = layouts}, &arena);
    if (chains)
        make_chains(&schedule, chains);
    int rc = board_load(&board, board_name, &arena);
    if (!rc)
        rc = emit_project(scratch.folder, qmodel, &schedule, board, &options);
    if (!rc)
        rc = firmware_build(scratch.folder, false, 0, true);
    if (!rc)
        rc = elf_measure(&size, scratch_path(&scratch, "firmware.elf"), &arena);
    if (rc)
        exit(rc);
    scratch_remove(&scratch);
    arena_release(&arena);
    return (int)size.code_bytes;
}

static int kernel_text(enum qop op, int repeat, enum layout layout, int core)
{
    struct arena arena = ARENA_INIT;
    enum layout layouts[MANY];
    for (int i = 0; i < MANY; i++)
        layouts[i] = layout;
    int bytes = text_bytes(network_of_kernel(op, repeat, &arena), board_of_core[core], 0,
                           layout == LAYOUT_REFERENCE ? NULL : layouts);
    arena_release(&arena);
    return bytes;
}

/* Of the board's port, which is counted for itself. */
static int port_text(int core)
{
    struct arena arena = ARENA_INIT;
    struct board *board;
    if (board_load(&board, board_of_core[core], &arena))
        exit(1);
    int bytes = harness_port_code_bytes(board);
    arena_release(&arena);
    return bytes;
}

/* mcu_conv2d_s8__dsp and another kernel. */
static int pair_text(enum qop op, enum layout layout, int core)
{
    struct arena arena = ARENA_INIT;
    const enum layout layouts[] = {LAYOUT_NARROW, layout};
    int bytes = text_bytes(network_of_convolution_and(op, &arena), board_of_core[core], 0, layouts);
    arena_release(&arena);
    return bytes;
}

static int depthwise_text(int n, const int *kernels, const int *strides, bool exact, int core)
{
    struct arena arena = ARENA_INIT;
    const enum layout layouts[] = {LAYOUT_NARROW, LAYOUT_NARROW};
    int bytes =
        text_bytes(network_of_depthwise(n, kernels, strides, exact, &arena), board_of_core[core], 0, layouts);
    arena_release(&arena);
    return bytes;
}

/* The inner loops by kernel and stride, and the kernel without them. */
static void measure_depthwise(int core, int base, int call, int *kernel, int rows[3][2][CORES], int *exact)
{
    static const int kernels[] = {3, 3}, strides[] = {1, 2};
    int one = depthwise_text(1, kernels, strides, false, core);
    int other = depthwise_text(1, kernels, strides + 1, false, core);
    *kernel = one + other - depthwise_text(2, kernels, strides, false, core) - base;
    for (int k = 0; k < 3; k++)
        for (int s = 0; s < 2; s++) {
            const int kernel_w = 3 + 2 * k, stride = s + 1;
            rows[k][s][core] = depthwise_text(1, &kernel_w, &stride, false, core) - base - call - *kernel;
        }
    exact[core] = depthwise_text(1, kernels, strides, true, core) - one;
}

static int global_pool_text(enum layout layout, int core)
{
    struct arena arena = ARENA_INIT;
    int bytes = text_bytes(network_of_global_pool(&arena), board_of_core[core], 0,
                           layout == LAYOUT_REFERENCE ? NULL : &layout);
    arena_release(&arena);
    return bytes;
}

static int chain_text(int operators, int chains, int core)
{
    struct arena arena = ARENA_INIT;
    int bytes =
        text_bytes(network_of_kernel(QOP_TABLE, operators, &arena), board_of_core[core], chains, NULL);
    arena_release(&arena);
    return bytes;
}

static const char header[] =
    "/*\n"
    " * code_size.inc - bytes of code on each core. Written by tests/board/measure_code_size.c (`make "
    "code-size`); do not edit.\n"
    " *\n"
    " * arm-none-eabi-gcc 12.2.1 of Debian 12 with the flags of build.ninja. Read-only data of a kernel "
    "counts as its code.\n"
    " *\n"
    " * CODE_KERNEL(id, cortex-m4, cortex-m7, cortex-m33): the kernel with its helpers, linked once if any "
    "call needs "
    "it\n"
    " * CODE_SHARED(id, cortex-m4, cortex-m7, cortex-m33): of that, what CONV2D_DSP brings, too\n"
    " * CODE_DEPTHWISE_ROWS(kernel, stride, ...): of DEPTHWISE_DSP, linked once if any call needs it\n"
    " * CODE_DEPTHWISE_EXACT: the same for calls with channels of MCU_REQUANT_EXACT\n"
    " * CODE_CALL: per engine call in mcu_model_run\n"
    " * CODE_CHAIN_RUN: engine/chain.c, linked once if any step is depth-first\n"
    " * CODE_CHAIN: per depth-first step\n"
    " * CODE_CHAIN_CALL: per engine call of a depth-first step\n"
    " * CODE_BASE: vectors, start-up, fault record, memcpy and memset, self-test, main\n"
    " */\n";

static void add_line(struct strbuf *out, const char *macro, const int *bytes)
{
    strbuf_addf(out, "%s(%d, %d, %d)\n", macro, bytes[0], bytes[1], bytes[2]);
}

static void add_kernel(struct strbuf *out, const char *macro, const char *id, const int *bytes)
{
    strbuf_addf(out, "%s(%s, %d, %d, %d)\n", macro, id, bytes[0], bytes[1], bytes[2]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *id;
        enum qop op;
        enum layout layout;
    } kernels[] = {{"CONV2D", QOP_CONV, LAYOUT_REFERENCE},
                   {"CONV2D_DSP", QOP_CONV, LAYOUT_NARROW},
                   {"WINOGRAD_DSP", QOP_CONV, LAYOUT_WINOGRAD},
                   {"DEPTHWISE", QOP_DEPTHWISE, LAYOUT_REFERENCE},
                   {"DEPTHWISE_DSP", QOP_DEPTHWISE, LAYOUT_NARROW},
                   {"FULLY_CONNECTED", QOP_FULLY_CONNECTED, LAYOUT_REFERENCE},
                   {"FULLY_CONNECTED_DSP", QOP_FULLY_CONNECTED, LAYOUT_NARROW},
                   {"ADD", QOP_ADD, LAYOUT_REFERENCE},
                   {"ADD_DSP", QOP_ADD, LAYOUT_NARROW},
                   {"ADD_CONSTANT", QOP_ADD_CONSTANT, LAYOUT_REFERENCE},
                   {"MUL", QOP_MUL, LAYOUT_REFERENCE},
                   {"AVERAGE_POOL", QOP_AVERAGE_POOL, LAYOUT_REFERENCE},
                   {"AVERAGE_POOL_DSP", QOP_AVERAGE_POOL, LAYOUT_NARROW},
                   {"MAX_POOL", QOP_MAX_POOL, LAYOUT_REFERENCE},
                   {"MAX_POOL_DSP", QOP_MAX_POOL, LAYOUT_NARROW},
                   {"MEAN", QOP_MEAN, LAYOUT_REFERENCE},
                   {"MEAN_DSP", QOP_MEAN, LAYOUT_NARROW},
                   {"TABLE", QOP_TABLE, LAYOUT_REFERENCE},
                   {"SOFTMAX", QOP_SOFTMAX, LAYOUT_REFERENCE},
                   {"RESIZE_NEAREST", QOP_RESIZE_NEAREST, LAYOUT_REFERENCE},
                   {"COPY", QOP_CONCAT, LAYOUT_REFERENCE}};
    enum { N = sizeof kernels / sizeof *kernels, CONV2D_DSP = 1, DEPTHWISE_DSP = 4 };
    int base[CORES], call[CORES], run[CORES], chain[CORES], chain_call[CORES], kernel[N][CORES], fill[CORES],
        pool[CORES], pool_dsp[CORES], shared[N][CORES], rows[3][2][CORES], exact[CORES];
    if (argc != 2) {
        fprintf(stderr, "usage: measure_code_size OUTPUT\n");
        return 2;
    }
    for (int core = 0; core < CORES; core++) {
        base[core] = kernel_text(QOP_TABLE, 0, LAYOUT_REFERENCE, core);
        int one = kernel_text(QOP_TABLE, 1, LAYOUT_REFERENCE, core);
        call[core] =
            (kernel_text(QOP_TABLE, MANY, LAYOUT_REFERENCE, core) - one + (MANY - 1) / 2) / (MANY - 1);
        int chains_16 = chain_text(64, 16, core), chains_4 = chain_text(64, 4, core);
        chain[core] = (chains_16 - chains_4 + 6) / 12;
        chain_call[core] = (chains_4 - chain_text(32, 4, core) + 16) / 32;
        run[core] = chains_4 - (one - call[core]) - 4 * chain[core] - 64 * chain_call[core];
        for (int k = 0; k < N; k++)
            kernel[k][core] =
                kernel_text(kernels[k].op, 1, kernels[k].layout, core) - base[core] - call[core];
        for (int k = 0; k < N; k++)
            shared[k][core] = kernels[k].layout == LAYOUT_REFERENCE || k == CONV2D_DSP
                                  ? 0
                                  : base[core] + 2 * call[core] + kernel[CONV2D_DSP][core] + kernel[k][core] -
                                        pair_text(kernels[k].op, kernels[k].layout, core);
        measure_depthwise(core, base[core], call[core], &kernel[DEPTHWISE_DSP][core], rows, exact);
        pool[core] = global_pool_text(LAYOUT_REFERENCE, core) - base[core] - call[core];
        pool_dsp[core] = global_pool_text(LAYOUT_NARROW, core) - base[core] - call[core];
        /* PAD is a fill and a copy. */
        fill[core] = kernel_text(QOP_PAD, 1, LAYOUT_REFERENCE, core) - base[core] - 2 * call[core] -
                     kernel[N - 1][core];
    }
    for (int core = 0; core < CORES; core++)
        base[core] -= port_text(core);
    struct strbuf text = STRBUF_INIT;
    strbuf_adds(&text, header);
    for (int k = 0; k < N; k++)
        add_kernel(&text, "CODE_KERNEL", kernels[k].id, kernel[k]);
    for (int k = 0; k < N; k++)
        if (shared[k][0] || shared[k][1] || shared[k][2])
            add_kernel(&text, "CODE_SHARED", kernels[k].id, shared[k]);
    add_kernel(&text, "CODE_KERNEL", "GLOBAL_AVERAGE_POOL", pool);
    add_kernel(&text, "CODE_KERNEL", "GLOBAL_AVERAGE_POOL_DSP", pool_dsp);
    add_kernel(&text, "CODE_KERNEL", "FILL", fill);
    for (int k = 0; k < 3; k++)
        for (int s = 0; s < 2; s++)
            strbuf_addf(&text, "CODE_DEPTHWISE_ROWS(%d, %d, %d, %d, %d)\n", 3 + 2 * k, s + 1, rows[k][s][0],
                        rows[k][s][1], rows[k][s][2]);
    add_line(&text, "CODE_DEPTHWISE_EXACT", exact);
    add_line(&text, "CODE_CALL", call);
    add_line(&text, "CODE_BASE", base);
    add_line(&text, "CODE_CHAIN_RUN", run);
    add_line(&text, "CODE_CHAIN", chain);
    add_line(&text, "CODE_CHAIN_CALL", chain_call);
    int rc = file_write_if_changed(argv[1], text.text, text.length, NULL);
    strbuf_release(&text);
    return rc;
}
