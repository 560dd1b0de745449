/*
 * calibrate.h - statistics of the float network over the calibration images, and the scales they give.
 * Private to quant/.
 *
 * The float network runs in small batches of a fixed size with every tensor kept; visitors collect. Sums are
 * double or integer and are added in an order that does not depend on the number of threads.
 */
#ifndef QUANT_CALIBRATE_H
#define QUANT_CALIBRATE_H

#include <stdint.h>

#include "quant/qmodel.h"
#include "quant/quantize.h"

struct exec;

struct calibration {
    struct model *model; /* private copy: activations that become tables are nodes */
    struct qmodel *qmodel;
    const int *node_of, *tensor_of; /* qnode -> float node, qtensor -> float tensor */
    const float *images;            /* n x input elements */
    int n;
    const struct quantize_options *options;
    int threads;         /* > 0 */
    struct arena *arena; /* for statistics */
};

/* data: floats of float tensor `tensor` for images [first, first + count). */
const float *calibration_tensor(const struct calibration *calibration, const struct exec *exec, int qtensor,
                                int first);

/* Runs the float network over all images; visit() sees each batch. */
typedef void calibration_visit(void *context, const struct exec *exec, int first, int count);
int calibration_run(const struct calibration *calibration, const char *label, calibration_visit *visit,
                    void *context);

/* A Conv or Gemm as a window over its input: Gemm's window is the whole map. Depthwise reads channel oc *
 * in_c / out_c. */
struct layer {
    struct window window;
    int in_h, in_w, in_c, out_h, out_w, out_c, taps; /* taps: kernel_h * kernel_w */
    bool depthwise;
    int depth;            /* weights per output channel */
    const float *weights; /* (out_c, taps, in_c or 1) */
    const float *bias;    /* NULL: none */
};
/* False when the qnode has no weights. */
bool calibration_layer(const struct calibration *calibration, int qnode, struct layer *out);

/* equalize.c: scales channels between a ReLU/ReLU6 convolution and the only convolution that reads it. */
int equalize(struct calibration *calibration);

/* ranges.c: scale and zero point of every tensor; and, when tap_means is given, per layer qnode the mean over
 * images and output positions of the input at each (tap, in channel), 0 in the padding. */
int choose_ranges(struct calibration *calibration, double **tap_means);

/* correct.c: biases so that each layer's mean output is the float one, layer by layer with already corrected
 * inputs. biases[qnode]: writable int32 of the layer. */
int correct_biases(const struct calibration *calibration, double *const *tap_means, int32_t *const *biases);

#endif
