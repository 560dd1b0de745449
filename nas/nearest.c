/*
 * nearest.c - from a subnet that does not fit to a near one that does.
 */
#include "base/error.h"
#include "nas/space.h"
#include "nas/supernet.h"

/* Plans asked for at most; a real supernet needs a few hundred to a few thousand. */
enum { MOST_PLANS = 20000 };

struct descent {
    const struct supernet *supernet;
    const struct board *board;
    const struct limits *limits;
    struct limits effective;
    struct subnet at;
    struct candidate_cost cost;
    struct subnet best; /* of this step */
    struct candidate_cost best_cost;
    double best_gain;
    bool any;
    int plans;
};

/* The next smaller choice, or -1. */
static int smaller(const struct choices *choices, int value)
{
    for (int i = choices->n - 1; i >= 0; i--)
        if (choices->value[i] < value)
            return choices->value[i];
    return -1;
}

/* Misfit removed per share of the MACs; among those that fit, most MACs. */
static int consider(struct descent *d, const struct subnet *subnet)
{
    struct candidate_cost cost;
    int rc = candidate_evaluate(&cost, d->supernet, subnet, d->board, d->limits);
    d->plans++;
    if (rc)
        return rc;
    double lost = (double)(d->cost.macs - cost.macs) / (double)d->cost.macs + 1e-6;
    double gain = (candidate_misfit(&d->cost, &d->effective) - candidate_misfit(&cost, &d->effective)) / lost;
    bool better = !d->any || gain > d->best_gain || (gain == d->best_gain && cost.macs > d->best_cost.macs);
    if (d->any && cost.fits != d->best_cost.fits)
        better = cost.fits;
    else if (d->any && cost.fits)
        better = cost.macs > d->best_cost.macs;
    if (better) {
        d->best = *subnet;
        d->best_cost = cost;
        d->best_gain = gain;
        d->any = true;
    }
    return 0;
}

static int consider_blocks(struct descent *d, int stage, const struct supernet_layer *layer)
{
    int rc = 0, depth = smaller(&layer->depths, d->at.depth[stage]);
    if (depth > 0) {
        struct subnet shallower = d->at;
        for (int b = depth; b < d->at.depth[stage]; b++)
            shallower.kernel[stage][b] = shallower.expand[stage][b] = 0;
        shallower.depth[stage] = depth;
        rc = consider(d, &shallower);
    }
    for (int b = 0; b < d->at.depth[stage] && !rc; b++) {
        struct subnet subnet = d->at;
        int kernel = smaller(&layer->kernels, d->at.kernel[stage][b]),
            expand = smaller(&layer->expands, d->at.expand[stage][b]);
        if (kernel > 0) {
            subnet.kernel[stage][b] = (int8_t)kernel;
            rc = consider(d, &subnet);
        }
        if (expand > 0 && !rc) {
            subnet = d->at;
            subnet.expand[stage][b] = (int8_t)expand;
            rc = consider(d, &subnet);
        }
    }
    return rc;
}

static int consider_all(struct descent *d)
{
    const struct supernet *supernet = d->supernet;
    int rc = 0, resolution = smaller(&supernet->resolutions, d->at.resolution);
    struct subnet subnet = d->at;
    if (resolution > 0) {
        subnet.resolution = resolution;
        rc = consider(d, &subnet);
    }
    if (d->at.width > 0 && !rc) {
        subnet = d->at;
        subnet.width--;
        rc = consider(d, &subnet);
    }
    for (int i = 0, stage = 0; i < supernet->n_layers && !rc; i++)
        if (supernet->layers[i].kind == LAYER_STAGE)
            rc = consider_blocks(d, stage++, &supernet->layers[i]);
    return rc;
}

int candidate_nearest(struct subnet *out, struct candidate_cost *cost, bool *found,
                      const struct subnet *wanted, const struct supernet *supernet, const struct board *board,
                      const struct limits *limits)
{
    struct descent d = {.supernet = supernet,
                        .board = board,
                        .limits = limits,
                        .effective = limits_effective(limits, board),
                        .at = *wanted};
    int rc = candidate_evaluate(&d.cost, supernet, wanted, board, limits);
    while (!rc && !d.cost.fits) {
        d.any = false;
        if (d.plans < MOST_PLANS)
            rc = consider_all(&d);
        if (rc || !d.any)
            break;
        d.at = d.best;
        d.cost = d.best_cost;
    }
    if (!rc && !d.cost.fits) { /* out of steps or of patience */
        subnet_smallest(&d.at, supernet);
        rc = candidate_evaluate(&d.cost, supernet, &d.at, board, limits);
    }
    *out = d.at;
    *cost = d.cost;
    *found = !rc && d.cost.fits;
    return rc;
}
