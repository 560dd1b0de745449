/*
 * fitness.h - what the search maximises: top-1 of a subnet on images set aside of the training part, after its batch normalization
 * was re-estimated. A supernet that was trained on the whole part (the shipped ones were) has seen them: the figure ranks subnets, the validation part
 * measures. Pixels are decoded once per resolution and kept.
 */
#ifndef CLI_FITNESS_H
#define CLI_FITNESS_H

#include "cli/stage.h"
#include "datasets/preprocess.h"
#include "nas/supernet.h"

struct fitness_pixels {
    float *bn, *search; /* NULL: not loaded yet */
};

struct fitness {
    const struct supernet *supernet;
    struct dataset *bn_set, *search_set;
    struct preprocess preprocess;
    int *labels; /* of search_set */
    struct fitness_pixels cache[SUPERNET_MAX_CHOICES]; /* per resolution */
    int threads;
};

int fitness_open(struct fitness *fitness, struct stage *stage, const struct supernet *supernet);
void fitness_close(struct fitness *fitness);
/* A fitness_fn of nas/search.h; context is struct fitness. */
int fitness_evaluate(void *context, const struct subnet *subnets, int n, double *accuracy);

#endif
