/*
 * transpose.h - moving float tensors between axis orders.
 *
 * ONNX keeps feature maps and convolution weights as (n, c, h, w) and (oc, ic, kh, kw); a model keeps every
 * rank-4 tensor with the channel axis last: one permutation serves both.
 */
#ifndef MODEL_TRANSPOSE_H
#define MODEL_TRANSPOSE_H

#include <stdbool.h>

#include "model/model.h"

/* out axis i is in axis permutation[i], as in ONNX Transpose. */
extern const int NCHW_TO_NHWC[4]; /* 0, 2, 3, 1 */
extern const int NHWC_TO_NCHW[4]; /* 0, 3, 1, 2 */

struct shape shape_transposed(const struct shape *in, const int *permutation);
/* out must not overlap in. */
void transpose_floats(float *out, const float *in, const struct shape *in_shape, const int *permutation);
/* Whether the elements stay in the same order, so that a Transpose is a Reshape. */
bool transpose_moves_nothing(const struct shape *in, const int *permutation);

#endif
