#include "codegen/order.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "quant/qmodel.h"

struct progress {
    const struct qmodel *qmodel;
    int *readers;   /* per tensor: nodes that still have to read it */
    bool *computed; /* per tensor */
    bool *done;     /* per node */
};

static bool reads(const struct qnode *node, int tensor, int before)
{
    for (int i = 0; i < before; i++)
        if (node->inputs[i] == tensor)
            return true;
    return false;
}

static bool ready(const struct progress *progress, int index)
{
    const struct qnode *node = &progress->qmodel->nodes[index];
    for (int i = 0; i < node->n_inputs; i++)
        if (!progress->computed[node->inputs[i]])
            return false;
    return !progress->done[index];
}

/* Bytes more in the arena after the node than before. */
static int64_t growth(const struct progress *progress, int index)
{
    const struct qmodel *qmodel = progress->qmodel;
    const struct qnode *node = &qmodel->nodes[index];
    int64_t bytes = qtensor_bytes(&qmodel->tensors[node->output]);
    for (int i = 0; i < node->n_inputs; i++)
        if (progress->readers[node->inputs[i]] == 1 && !reads(node, node->inputs[i], i))
            bytes -= qtensor_bytes(&qmodel->tensors[node->inputs[i]]);
    return bytes;
}

static int choose(const struct progress *progress)
{
    int best = -1;
    int64_t best_growth = 0;
    for (int n = 0; n < progress->qmodel->n_nodes; n++) {
        if (!ready(progress, n))
            continue;
        int64_t bytes = growth(progress, n);
        if (best < 0 || bytes < best_growth) {
            best = n;
            best_growth = bytes;
        }
    }
    return best;
}

static void run(struct progress *progress, int index)
{
    const struct qnode *node = &progress->qmodel->nodes[index];
    progress->done[index] = true;
    progress->computed[node->output] = true;
    for (int i = 0; i < node->n_inputs; i++)
        progress->readers[node->inputs[i]] -= !reads(node, node->inputs[i], i);
}

/* A chain has at most one ready node at any time: each reads the one before it. */
static bool has_branches(const struct qmodel *qmodel)
{
    for (int n = 1; n < qmodel->n_nodes; n++)
        if (!reads(&qmodel->nodes[n], qmodel->nodes[n - 1].output, qmodel->nodes[n].n_inputs))
            return true;
    return false;
}

bool order_by_freed_bytes(int *order, const struct qmodel *qmodel, struct arena *arena)
{
    if (!has_branches(qmodel))
        return false;
    struct progress progress = {qmodel, ARENA_ARRAY(arena, int, (size_t)qmodel->n_tensors),
                                ARENA_ARRAY(arena, bool, (size_t)qmodel->n_tensors),
                                ARENA_ARRAY(arena, bool, (size_t)qmodel->n_nodes)};
    for (int n = 0; n < qmodel->n_nodes; n++) {
        const struct qnode *node = &qmodel->nodes[n];
        for (int i = 0; i < node->n_inputs; i++)
            progress.readers[node->inputs[i]] += !reads(node, node->inputs[i], i);
    }
    progress.readers[qmodel->output]++; /* the caller reads it */
    progress.computed[qmodel->input] = true;
    bool changed = false;
    for (int s = 0; s < qmodel->n_nodes; s++) {
        order[s] = choose(&progress);
        if (order[s] < 0)
            die("order: the nodes of '%s' are not in execution order", qmodel->name ? qmodel->name : "?");
        run(&progress, order[s]);
        changed = changed || order[s] != s;
    }
    return changed;
}
