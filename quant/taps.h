/*
 * taps.h - the sum of a layer's input over output positions, per (tap, in channel). A layer is linear, so
 * these sums give the mean of its output without computing it. Private to quant/.
 */
#ifndef QUANT_TAPS_H
#define QUANT_TAPS_H

#include <stdint.h>

struct layer;

/* x: one image (in_h, in_w, in_c). Adds to sums (taps, in_c); taps in the padding add nothing. */
void tap_sums_float(const struct layer *layer, const float *x, double *sums);
void tap_sums_int8(const struct layer *layer, const int8_t *x, int zero_point, int64_t *sums);

#endif
