/*
 * quantize.h - post-training quantization of a float model to int8.
 *
 * The default recipe: activation equalization under ReLU6 (alpha 0.5, cap 8, margin 1.1) -> ranges with 0.001
 * % of each tail clipped, logits min-max x 1.25 -> per-channel symmetric weights, nearest -> sequential
 * empirical bias correction in execution order, with the engine's own integers as inputs.
 *
 * Measured on mcunet-in2 (64 images of imagenet1k-sample; the other 936: top-1, KL divergence of the softmax
 * from float's):
 *
 *     float                  68.48 %            no bias correction      67.52 %  0.0379
 *     default                68.48 %  0.0166    neither                 67.31 %  0.0362
 *     no equalization        67.95 %  0.0166    min-max ranges          68.70 %  0.0180
 *
 * (standard error of top-1 1.5 %: KL ranks). On networks with unequal channels equalization counts more
 * (tests/unit/quant_quantize.c).
 *
 * The result does not depend on the number of threads.
 */
#ifndef QUANT_QUANTIZE_H
#define QUANT_QUANTIZE_H

#include <stdbool.h>

struct arena;
struct model;
struct qmodel;

enum range_method { RANGE_MINMAX, RANGE_PERCENTILE };

struct quantize_options {
    bool equalize, correct_bias;
    enum range_method ranges;
    double tail;          /* fraction clipped at each end, RANGE_PERCENTILE; 1e-5 */
    double logits_margin; /* 1.25 */
    float input_scale;    /* 0: from the data */
    int input_zero_point;
    int threads; /* 0: all */
    bool quiet;  /* no progress */
};

#define QUANTIZE_DEFAULTS                                                                                    \
    {                                                                                                        \
        .equalize = true, .correct_bias = true, .ranges = RANGE_PERCENTILE, .tail = 1e-5,                    \
        .logits_margin = 1.25                                                                                \
    }

/* images: n x (h, w, c) floats, already preprocessed. model: inference-ready; not changed. */
int quantize(struct qmodel **out, const struct model *model, const float *images, int n,
             const struct quantize_options *options, struct arena *arena);

#endif
