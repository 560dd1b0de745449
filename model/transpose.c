#include "model/transpose.h"

const int NCHW_TO_NHWC[4] = {0, 2, 3, 1};
const int NHWC_TO_NCHW[4] = {0, 3, 1, 2};

struct shape shape_transposed(const struct shape *in, const int *permutation)
{
    struct shape out = {.rank = in->rank};
    for (int i = 0; i < in->rank; i++)
        out.dim[i] = in->dim[permutation[i]];
    return out;
}

void transpose_floats(float *out, const float *in, const struct shape *in_shape, const int *permutation)
{
    const int rank = in_shape->rank;
    const int64_t n = shape_elements(in_shape);
    int64_t in_stride[MODEL_MAX_RANK], step[MODEL_MAX_RANK];
    int index[MODEL_MAX_RANK] = {0};
    const struct shape shape = shape_transposed(in_shape, permutation);

    for (int64_t i = rank - 1, stride = 1; i >= 0; i--) {
        in_stride[i] = stride;
        stride *= in_shape->dim[i];
    }
    for (int i = 0; i < rank; i++)
        step[i] = in_stride[permutation[i]];

    /* An odometer over the output's axes; offset follows it through the input. */
    int64_t offset = 0;
    for (int64_t i = 0; i < n; i++) {
        out[i] = in[offset];
        for (int axis = rank - 1; axis >= 0; axis--) {
            offset += step[axis];
            if (++index[axis] < shape.dim[axis])
                break;
            offset -= step[axis] * shape.dim[axis];
            index[axis] = 0;
        }
    }
}

bool transpose_moves_nothing(const struct shape *in, const int *permutation)
{
    int last = -1;
    for (int i = 0; i < in->rank; i++) {
        if (in->dim[permutation[i]] == 1)
            continue;
        if (permutation[i] < last)
            return false;
        last = permutation[i];
    }
    return true;
}
