/*
 * compare.h - how far apart two networks are on the same images: per tensor, and in what they answer.
 *
 * Tensors are matched by name. Quantization may rescale the channels of a tensor (equalization), so each
 * channel is compared after the gain that fits it best (least squares); the logits are compared as they are.
 * With a the first network's values and b the second's,
 *
 *     SQNR = 10 log10( sum a^2 / sum (a - gain b)^2 )   dB, over all images, positions and channels
 */
#ifndef CLI_COMPARE_H
#define CLI_COMPARE_H

#include <stdbool.h>

struct arena;
struct dataset;
struct network;

struct compared_tensor {
    const char *name, *op; /* op of the node that makes it; "input" */
    int h, w, c;
    double sqnr_db; /* HUGE_VAL: no difference at all */
};

struct comparison {
    struct compared_tensor *tensors; /* in the order of the second network's nodes */
    int n_tensors;
    int images, same_argmax, correct_a, correct_b;
    double logits_sqnr_db, logits_max_difference;
};

/* Runs the images, each preprocessed as each network wants it. Networks of different resolution or classes:
 * error_input. */
int compare_networks(struct comparison *out, const struct network *a, const struct network *b,
                     const struct dataset *images, int threads, bool quiet, struct arena *arena);

#endif
