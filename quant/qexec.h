/*
 * qexec.h - int8 inference on the host through engine/: the answers the firmware must repeat bit for bit.
 */
#ifndef QUANT_QEXEC_H
#define QUANT_QEXEC_H

#include <stdint.h>

struct qmodel;

/* input (h, w, c) floats -> int8: clamp(round_half_away(x / scale) + zero_point). */
void qexec_quantize_input(const struct qmodel *qmodel, const float *image, int8_t *out);

/* One image. tensors: NULL, or an array of n_tensors buffers that receive every tensor (NULL entries are skipped). */
int qexec_run(const struct qmodel *qmodel, const int8_t *input, int8_t *output, int8_t *const *tensors);

/* n images in parallel (OpenMP); inputs n x input bytes, outputs n x output bytes. threads 0: all. done (may be NULL) is called after each image from
 * any thread. */
int qexec_run_batch(const struct qmodel *qmodel, const int8_t *inputs, int n, int8_t *outputs, int threads);

#endif
