#include "codegen/footprint.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "codegen/arguments.h"
#include "codegen/implement.h"
#include "codegen/emit_harness.h"
#include "codegen/kernels.h"
#include "codegen/names.h"
#include "codegen/schedule.h"
#include "engine/dsp/pack.h"
#include "quant/qmodel.h"

/* The columns of code_size.inc. */
enum code_core { CODE_M4, CODE_M7, CODE_M33, CODE_CORES };

static const struct code_size {
    int kernel[KERNEL_COUNT][CODE_CORES];
    int shared[KERNEL_COUNT][CODE_CORES]; /* of that, what KERNEL_CONV2D_DSP brings, too */
    int depthwise_rows[3][2][CODE_CORES]; /* kernel 3, 5, 7; stride 1, 2 */
    int depthwise_exact[CODE_CORES];
    int call[CODE_CORES], base[CODE_CORES];
    int chain_run[CODE_CORES], chain[CODE_CORES], chain_call[CODE_CORES];
} code_size = {
#define CODE_KERNEL(id, ...)                .kernel[KERNEL_##id] = {__VA_ARGS__},
#define CODE_SHARED(id, ...)                .shared[KERNEL_##id] = {__VA_ARGS__},
#define CODE_DEPTHWISE_ROWS(k, stride, ...) .depthwise_rows[(k - 3) / 2][stride - 1] = {__VA_ARGS__},
#define CODE_DEPTHWISE_EXACT(...)           .depthwise_exact = {__VA_ARGS__},
#define CODE_CALL(...)                      .call = {__VA_ARGS__},
#define CODE_BASE(...)                      .base = {__VA_ARGS__},
#define CODE_CHAIN_RUN(...)                 .chain_run = {__VA_ARGS__},
#define CODE_CHAIN(...)                     .chain = {__VA_ARGS__},
#define CODE_CHAIN_CALL(...)                .chain_call = {__VA_ARGS__},
#include "codegen/code_size.inc"
#undef CODE_KERNEL
#undef CODE_SHARED
#undef CODE_DEPTHWISE_ROWS
#undef CODE_DEPTHWISE_EXACT
#undef CODE_CALL
#undef CODE_BASE
#undef CODE_CHAIN_RUN
#undef CODE_CHAIN
#undef CODE_CHAIN_CALL
};

static enum code_core code_core_of(const char *core)
{
    return strcmp(core, "cortex-m4") == 0 ? CODE_M4 : strcmp(core, "cortex-m33") == 0 ? CODE_M33 : CODE_M7;
}

static int64_t aligned(int64_t bytes)
{
    return (bytes + FIRMWARE_FLASH_ALIGNMENT - 1) / FIRMWARE_FLASH_ALIGNMENT * FIRMWARE_FLASH_ALIGNMENT;
}

/* The tables of one chain (emit_chain.c): struct mcu_chain, a stage per operator, an entry per input from
 * inside. */
static int64_t chain_constants(const struct qmodel *qmodel, const struct schedule *schedule,
                               const struct step *step)
{
    enum { CHAIN_BYTES = 12, STAGE_BYTES = 8, INPUT_BYTES = 4 };
    int64_t bytes = CHAIN_BYTES;
    for (int i = step->first_node; i < step->first_node + step->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[i]];
        bytes += STAGE_BYTES;
        for (int k = 0; k < node->n_inputs; k++)
            for (int j = step->first_node; j < i; j++)
                if (qmodel->nodes[schedule->order[j]].output == node->inputs[k])
                    bytes += INPUT_BYTES;
    }
    return bytes;
}

/* The inner loops of mcu_depthwise_s8__dsp that the network needs. */
static int depthwise_code(const struct qmodel *qmodel, const struct schedule *schedule, enum code_core core)
{
    bool used[3][2] = {{false}}, exact = false;
    for (int i = 0; i < schedule->n_order; i++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[i]];
        if (node->op != QOP_DEPTHWISE ||
            schedule->implementations[schedule->order[i]].layout == LAYOUT_REFERENCE)
            continue;
        const struct mcu_depthwise op = depthwise_arguments(qmodel, node);
        used[(node->window.kernel_w - 3) / 2][node->window.stride_w - 1] = true;
        exact = exact || mcu_depthwise_dsp_rows(&op).exact;
    }
    int bytes = exact ? code_size.depthwise_exact[core] : 0;
    for (int k = 0; k < 3; k++)
        for (int s = 0; s < 2; s++)
            bytes += used[k][s] ? code_size.depthwise_rows[k][s][core] : 0;
    return bytes;
}

void footprint_of(struct footprint *out, const struct qmodel *qmodel, const struct schedule *schedule,
                  const struct board *board)
{
    const struct code_size *code = &code_size;
    const enum code_core core = code_core_of(board->core);
    bool used[KERNEL_COUNT] = {false};

    *out = (struct footprint){.arena_bytes = schedule->arena_bytes,
                              .stack_bytes = FIRMWARE_STACK_BYTES,
                              .runtime_bytes = FIRMWARE_RUNTIME_BYTES,
                              .code_bytes = code->base[core] + harness_port_code_bytes(board)};
    bool chains = false;
    for (int i = 0, s = 0; i < schedule->n_order; i++) {
        const struct qnode *node = &qmodel->nodes[schedule->order[i]];
        while (schedule->steps[s].first_node + schedule->steps[s].n_nodes <= i)
            s++;
        const struct step *step = &schedule->steps[s];
        if (step->depth_first && step->first_node == i) {
            chains = true;
            out->constants_bytes += chain_constants(qmodel, schedule, step);
            out->code_bytes += code->chain[core];
        }
        const struct implementation *implementation = &schedule->implementations[schedule->order[i]];
        enum kernel kernels[QNODE_MAX_INPUTS];
        int n_kernels = node_kernels(implementation, qmodel, node, kernels);
        for (int k = 0; k < n_kernels; k++) {
            out->constants_bytes += kernel_info(kernels[k])->argument_bytes;
            out->code_bytes += step->depth_first ? code->chain_call[core] : code->call[core];
            used[kernels[k]] = true;
        }
        out->weights_bytes += layout_weights_bytes(implementation->layout, qmodel, node);
        out->constants_bytes += layout_constants_bytes(implementation->layout, qmodel, node);
    }
    for (int k = 0; k < KERNEL_COUNT; k++)
        if (used[k])
            out->code_bytes += code->kernel[k][core] - (used[KERNEL_CONV2D_DSP] ? code->shared[k][core] : 0);
    out->code_bytes += depthwise_code(qmodel, schedule, core);
    if (chains)
        out->code_bytes += code->chain_run[core];
    out->sram_bytes = out->arena_bytes + out->stack_bytes + out->runtime_bytes;
    out->flash_bytes = aligned(out->code_bytes) + out->constants_bytes + out->weights_bytes;
}

static int check_one(const char *what, const char *memory, const struct board *board, int64_t need,
                     int64_t have)
{
    if (need <= have)
        return 0;
    struct arena arena = ARENA_INIT;
    int rc = error_fit("%s needs %s bytes of %s, %s has %s: %s too many", what, grouped(need, &arena), memory,
                       board->name, grouped(have, &arena), grouped(need - have, &arena));
    arena_release(&arena);
    return rc;
}

int footprint_check(const struct footprint *footprint, const struct board *board, const char *what)
{
    const struct memory_region *arena = board_region(board, "arena"), *stack = board_region(board, "stack");
    int64_t stack_and_data = footprint->stack_bytes + footprint->runtime_bytes;
    int rc = check_one(what, "flash", board, footprint->flash_bytes, board->flash_bytes);
    if (rc || !arena || arena == stack)
        return rc ? rc : check_one(what, "SRAM", board, footprint->sram_bytes, board->sram_bytes);
    rc = check_one(what, arena->name, board, footprint->arena_bytes, arena->bytes);
    return rc || !stack ? rc : check_one(what, stack->name, board, stack_and_data, stack->bytes);
}
