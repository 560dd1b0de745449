#include "model/exec_plan.h"

#include "base/arena.h"

enum { ALIGN_FLOATS = 16 };

struct block {
    int64_t offset, size;
    int tensor, last_use;
};

bool exec_in_place(enum op op)
{
    switch (op) {
    case OP_BATCH_NORM:
    case OP_CLIP:
    case OP_HARD_SWISH:
    case OP_HARD_SIGMOID:
    case OP_SIGMOID:
    case OP_TANH:
    case OP_FLATTEN:
    case OP_RESHAPE:
    case OP_IDENTITY:
        return true;
    default:
        return false;
    }
}

/* First fit, in execution order: blocks are kept sorted by offset, and dead ones dropped as the walk passes
 * them. */
int64_t exec_plan(int64_t *offsets, const struct model *model, const bool *planned)
{
    struct arena arena = ARENA_INIT;
    int *last_use = ARENA_ARRAY(&arena, int, (size_t)model->n_tensors);
    struct block *live = ARENA_ARRAY(&arena, struct block, (size_t)model->n_nodes + 1);
    int n_live = 0;
    int64_t total = 0;
    for (int i = 0; i < model->n_nodes; i++) {
        last_use[model->nodes[i].output] = i;
        for (int j = 0; j < model->nodes[i].n_inputs; j++)
            last_use[model->nodes[i].inputs[j]] = i;
    }
    for (int i = 0; i < model->n_nodes; i++) {
        const int tensor = model->nodes[i].output;
        int kept = 0;
        for (int j = 0; j < n_live; j++)
            if (live[j].last_use >= i)
                live[kept++] = live[j];
        n_live = kept;
        if (!planned[tensor])
            continue;

        const int first = model->nodes[i].inputs[0];
        struct block *reused = NULL;
        for (int j = 0; j < n_live && !reused; j++)
            if (live[j].tensor == first && live[j].last_use == i && exec_in_place(model->nodes[i].op))
                reused = &live[j];
        if (reused) {
            reused->tensor = tensor;
            reused->last_use = last_use[tensor];
            offsets[tensor] = reused->offset;
            continue;
        }

        const int64_t n = shape_elements(&model->tensors[tensor].shape);
        struct block block = {0, (n + ALIGN_FLOATS - 1) / ALIGN_FLOATS * ALIGN_FLOATS, tensor,
                              last_use[tensor]};
        int place = 0;
        while (place < n_live && live[place].offset - block.offset < block.size) {
            block.offset = live[place].offset + live[place].size;
            place++;
        }
        for (int j = n_live++; j > place; j--)
            live[j] = live[j - 1];
        live[place] = block;
        offsets[tensor] = block.offset;
        if (block.offset + block.size > total)
            total = block.offset + block.size;
    }
    arena_release(&arena);
    return total;
}
