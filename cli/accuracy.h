/*
 * accuracy.h - top-1 and top-5 of a network on labelled images.
 */
#ifndef CLI_ACCURACY_H
#define CLI_ACCURACY_H

#include <stdbool.h>
#include <stdint.h>

struct dataset;
struct model;
struct network;

struct accuracy {
    int images, correct1, correct5;
};

double accuracy_top1(const struct accuracy *accuracy); /* percent */
double accuracy_top5(const struct accuracy *accuracy);

/* Whichever of float and int8 the network is. threads 0: all. Shows progress unless quiet. */
int accuracy_measure(struct accuracy *out, const struct network *network, const struct dataset *dataset, int threads, bool quiet);

/* A float model on images already in memory (n x r x r x 3). Used by the search, many times. */
int accuracy_of_pixels(struct accuracy *out, const struct model *model, const float *pixels, const int *labels, int n, int threads);

/* Adds one image's scores; ties go to the lower index, NaN never wins. */
void accuracy_count(struct accuracy *accuracy, const float *scores, int classes, int label);
void accuracy_count_int8(struct accuracy *accuracy, const int8_t *scores, int classes, int label);

#endif
