#include "model/exec_plan.h"

#include "base/arena.h"
#include "model/model.h"

enum { ALIGN_FLOATS = 16 };

struct block {
    int64_t offset, size;
    int tensor, last_use;
};

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
