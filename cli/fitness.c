#include "cli/fitness.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/accuracy.h"
#include "cli/network.h"
#include "datasets/dataset.h"
#include "model/model.h"
#include "model/passes.h"
#include "nas/subnet.h"

int fitness_open(struct fitness *fitness, struct stage *stage, const struct supernet *supernet)
{
    *fitness = (struct fitness){.supernet = supernet, .threads = stage->threads};
    bool known;
    int rc = network_preprocess(&fitness->preprocess, &known, supernet->model, stage->recipe.top.preprocess);
    if (!rc)
        rc = stage_dataset(stage, SPLIT_CALIBRATION, supernet->classes, &fitness->bn_set);
    if (!rc)
        rc = stage_dataset(stage, SPLIT_SEARCH, supernet->classes, &fitness->search_set);
    if (rc) {
        fitness_close(fitness);
        return rc;
    }
    int n = dataset_count(fitness->search_set);
    fitness->labels = malloc(n * sizeof *fitness->labels);
    if (!fitness->labels)
        die("out of memory");
    for (int i = 0; i < n; i++)
        fitness->labels[i] = dataset_label(fitness->search_set, i);
    return 0;
}

void fitness_close(struct fitness *fitness)
{
    for (int i = 0; i < SUPERNET_MAX_CHOICES; i++) {
        free(fitness->cache[i].bn);
        free(fitness->cache[i].search);
    }
    free(fitness->labels);
    if (fitness->bn_set)
        dataset_close(fitness->bn_set);
    if (fitness->search_set)
        dataset_close(fitness->search_set);
    *fitness = (struct fitness){0};
}

static int load_all(const struct fitness *fitness, const struct dataset *set, int r, float **out)
{
    int n = dataset_count(set);
    *out = malloc((size_t)n * r * r * 3 * sizeof **out);
    if (!*out)
        die("out of memory for %d images", n);
    return dataset_load(set, 0, n, &fitness->preprocess, r, *out, fitness->threads);
}

/* Pixels at the subnet's resolution, decoding them on first use. */
static int pixels_at(struct fitness *fitness, int r, const struct fitness_pixels **out)
{
    const struct choices *resolutions = &fitness->supernet->resolutions;
    int index = 0;
    while (index < resolutions->n - 1 && resolutions->value[index] != r)
        index++;
    struct fitness_pixels *pixels = &fitness->cache[index];
    *out = pixels;
    int rc = pixels->bn ? 0 : load_all(fitness, fitness->bn_set, r, &pixels->bn);
    if (!rc && !pixels->search)
        rc = load_all(fitness, fitness->search_set, r, &pixels->search);
    return rc;
}

static int evaluate_one(struct fitness *fitness, const struct subnet *subnet, double *out)
{
    struct arena arena = ARENA_INIT;
    const struct fitness_pixels *pixels;
    struct model *model;
    struct accuracy accuracy;
    int rc = pixels_at(fitness, subnet->resolution, &pixels);
    if (!rc)
        rc = supernet_extract(&model, fitness->supernet, subnet, &arena);
    if (!rc)
        rc = supernet_reestimate_bn(model, pixels->bn, dataset_count(fitness->bn_set), fitness->threads);
    if (!rc)
        rc = passes_for_inference(model);
    if (!rc)
        rc = accuracy_of_pixels(&accuracy, model, pixels->search, fitness->labels, dataset_count(fitness->search_set), fitness->threads);
    if (!rc)
        *out = accuracy_top1(&accuracy);
    arena_release(&arena);
    return rc;
}

int fitness_evaluate(void *context, const struct subnet *subnets, int n, double *accuracy)
{
    int rc = 0;
    for (int i = 0; i < n && !rc; i++)
        rc = evaluate_one(context, &subnets[i], &accuracy[i]);
    return rc;
}
