/*
 * qexec.h - int8 inference on the host through engine/: the answers the firmware must repeat bit for bit.
 */
#ifndef QUANT_QEXEC_H
#define QUANT_QEXEC_H

#include <stdint.h>

struct qmodel;

/* input (h, w, c) floats -> int8: clamp(round(x / scale) + zero_point), ties up; what is within 1e-3 steps of
 * a tie is one, so that pixels p / 127.5 - 1 become exactly p - 128 with scale 2 / 255 and zero point -1. */
void qexec_quantize_input(const struct qmodel *qmodel, const float *image, int8_t *out);

/* One image. tensors: NULL, or an array of n_tensors buffers that receive every tensor (NULL entries are
 * skipped). */
int qexec_run(const struct qmodel *qmodel, const int8_t *input, int8_t *output, int8_t *const *tensors);

/* n images in parallel (OpenMP); inputs n x input bytes, outputs n x output bytes. threads 0: all. */
int qexec_run_batch(const struct qmodel *qmodel, const int8_t *inputs, int n, int8_t *outputs, int threads);

#endif
