/* Translators of operators that speak of axes: reshaping, reducing, joining, padding. */
#include <string.h>

#include "model/onnx_import.h"
#include "model/transpose.h"

int import_flatten(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    if (node->rc)
        return node->rc;
    const int rank = import_shape(im, in)->rank;
    int64_t axis = import_int(im, node, "axis", 1);
    if (axis != rank)
        axis = import_axis(im, node, axis, rank);
    if (node->rc)
        return node->rc;

    const struct shape shape = import_onnx_shape(im, in);
    struct shape flat = shape_of(2, 1, 1);
    for (int i = 0; i < rank; i++)
        flat.dim[i >= axis] *= shape.dim[i];
    int out;
    if (axis == 1) {
        const bool moves = rank == 4 && !transpose_moves_nothing(import_shape(im, in), NHWC_TO_NCHW);
        const int source = moves ? import_to_onnx_order(im, node, in) : in;
        struct node draft = import_draft(OP_FLATTEN, 1, &source);
        draft.axis = 1;
        out = import_emit(im, node, &draft, NULL);
    } else {
        out = import_reshape(im, node, import_to_onnx_order(im, node, in), &flat);
    }
    import_bind(im, node, out);
    return node->rc;
}

int import_reshape_node(struct onnx_import *im, struct import_node *node)
{
    int64_t n;
    const struct import_value *value = import_value_of(im, node, 0);
    const int64_t *target = import_ints(im, node, 1, &n);
    if (node->rc)
        return node->rc;
    if (value->tensor < 0) { /* a reshaped list of integers stays one, as long as it is a vector or scalar */
        if (n > 1)
            return import_unsupported(im, node, "integers to rank %lld", (long long)n);
        import_bind_ints(im, node, value->ints, value->n_ints, n == 0);
        return node->rc;
    }
    const int in = value->tensor;
    const struct shape shape = import_onnx_shape(im, in);
    const bool allow_zero = import_int(im, node, "allowzero", 0) != 0;
    if (n > MODEL_MAX_RANK)
        return import_unsupported(im, node, "to rank %lld", (long long)n);

    struct shape out = {.rank = (int)n};
    int64_t known = 1;
    int inferred = -1;
    for (int i = 0; i < out.rank; i++) {
        if (target[i] == -1) {
            if (inferred >= 0)
                return import_fail(im, node, "shape has two -1");
            inferred = i;
            continue;
        }
        if (target[i] == 0 && !allow_zero && i >= shape.rank)
            return import_fail(im, node, "shape keeps axis %d of rank %d", i, shape.rank);
        const int64_t dim = target[i] == 0 && !allow_zero ? shape.dim[i] : target[i];
        out.dim[i] = import_ranged(im, node, dim, 1, SHAPE_MAX_ELEMENTS, "dimension");
        known *= out.dim[i];
        if (node->rc || known > SHAPE_MAX_ELEMENTS)
            return import_fail(im, node, "shape is too large");
    }
    if (inferred >= 0) {
        if (shape_elements(&shape) % known)
            return import_fail(im, node, "%lld elements do not divide by %lld",
                               (long long)shape_elements(&shape), (long long)known);
        out.dim[inferred] = (int)(shape_elements(&shape) / known);
    }

    const bool moves = shape.rank == 4 && !transpose_moves_nothing(import_shape(im, in), NHWC_TO_NCHW);
    int reshaped = moves ? import_to_onnx_order(im, node, in) : in;
    if (out.rank == 4 && transpose_moves_nothing(&out, NCHW_TO_NHWC)) {
        const struct shape stored = shape_transposed(&out, NCHW_TO_NHWC);
        reshaped = import_reshape(im, node, reshaped, &stored);
    } else {
        reshaped = import_from_onnx_order(im, node, import_reshape(im, node, reshaped, &out));
    }
    import_bind(im, node, reshaped);
    return node->rc;
}

int import_transpose_node(struct onnx_import *im, struct import_node *node)
{
    size_t n;
    const int in = import_tensor(im, node, 0);
    const int64_t *list = import_int_list(im, node, "perm", &n);
    if (node->rc)
        return node->rc;
    const int rank = import_shape(im, in)->rank;
    if (list && n != (size_t)rank)
        return import_fail(im, node, "perm has %zu axes, the input %d", n, rank);
    int permutation[MODEL_MAX_RANK], stored[MODEL_MAX_RANK];
    unsigned seen = 0;
    for (int i = 0; i < rank; i++) {
        permutation[i] = list ? import_ranged(im, node, list[i], 0, rank - 1, "perm") : rank - 1 - i;
        seen |= 1u << permutation[i];
    }
    if (seen != (1u << rank) - 1)
        return import_fail(im, node, "perm names an axis twice");
    /* The same permutation between tensors that are both stored channels last. */
    for (int i = 0; i < rank; i++) {
        const int onnx_axis = rank == 4 ? NCHW_TO_NHWC[i] : i;
        stored[i] = import_stored_axis(permutation[onnx_axis], rank);
    }
    import_bind(im, node, import_transpose(im, node, in, stored));
    return node->rc;
}

int import_concat(struct onnx_import *im, struct import_node *node)
{
    const size_t n = node->proto->n_input;
    if (n < 1)
        return import_fail(im, node, "has no inputs");
    const struct import_value *first = import_value_of(im, node, 0);
    if (first && first->tensor < 0) { /* a shape being put together */
        int64_t total = 0, count;
        for (size_t i = 0; i < n && !node->rc; i++) {
            import_ints(im, node, i, &count);
            total += count;
        }
        if (node->rc)
            return node->rc;
        int64_t *joined = ARENA_ARRAY(im->scratch, int64_t, (size_t)total), *end = joined;
        for (size_t i = 0; i < n; i++) {
            const int64_t *ints = import_ints(im, node, i, &count);
            memcpy(end, ints, (size_t)count * sizeof *ints);
            end += count;
        }
        import_bind_ints(im, node, joined, total, false);
        return node->rc;
    }
    if (n > MODEL_MAX_INPUTS)
        return import_unsupported(im, node, "%zu inputs, at most %d", n, MODEL_MAX_INPUTS);
    int inputs[MODEL_MAX_INPUTS];
    for (size_t i = 0; i < n; i++)
        inputs[i] = import_tensor(im, node, i);
    if (!import_attribute(node, "axis"))
        return import_fail(im, node, "attribute 'axis' is missing");
    if (node->rc)
        return node->rc;
    const int rank = import_shape(im, inputs[0])->rank;
    struct node draft = import_draft(OP_CONCAT, (int)n, inputs);
    draft.axis = import_stored_axis(import_axis(im, node, import_int(im, node, "axis", 0), rank), rank);
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

int import_reduce_mean(struct onnx_import *im, struct import_node *node)
{
    int64_t n = 0;
    const int in = import_tensor(im, node, 0);
    const int64_t *axes = NULL;
    const bool keep = import_int(im, node, "keepdims", 1) != 0;
    if (im->opset < 18) {
        size_t count;
        axes = import_int_list(im, node, "axes", &count);
        n = (int64_t)count;
    } else if (import_has_input(node, 1)) {
        axes = import_ints(im, node, 1, &n);
    }
    if (node->rc)
        return node->rc;
    if (n == 0 && import_int(im, node, "noop_with_empty_axes", 0)) {
        import_bind(im, node, import_unary(im, node, OP_IDENTITY, in));
        return node->rc;
    }
    const int rank = import_shape(im, in)->rank;
    bool reduced[MODEL_MAX_RANK] = {0};
    for (int64_t i = 0; i < n; i++)
        reduced[import_axis(im, node, axes[i], rank)] = true;

    /* Without keep_dims the axes that are left must come out in ONNX's order: (n, h, w, c) without h is (n,
     * w, c), ONNX says (n, c, w). Only a single kept axis among c, h, w, or no c, needs no help. */
    const bool reorder = rank == 4 && !keep && n && !reduced[1] && !(reduced[2] && reduced[3]);
    const int source = reorder ? import_to_onnx_order(im, node, in) : in;
    struct node draft = import_draft(OP_REDUCE_MEAN, 1, &source);
    draft.keep_dims = keep;
    for (int i = 0; i < rank; i++) {
        const int axis = rank == 4 && !reorder ? NCHW_TO_NHWC[i] : i; /* ONNX axis of the model's axis i */
        if (n == 0 || reduced[axis])
            draft.axes[draft.n_axes++] = i;
    }
    int out = import_emit(im, node, &draft, NULL);
    if (!node->rc && rank != 4)
        out = import_from_onnx_order(im, node, out); /* rank 5 or 6 reduced to 4 */
    import_bind(im, node, out);
    return node->rc;
}

int import_pad(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    const char *mode = import_string(im, node, "mode", "constant");
    int64_t n = 0;
    const int64_t *pads;
    float pad_value = 0;
    if (strcmp(mode, "constant") != 0)
        return import_unsupported(im, node, "mode '%s'; only 'constant' is supported", mode);
    if (im->opset < 11) {
        size_t count;
        pads = import_int_list(im, node, "pads", &count);
        n = (int64_t)count;
        pad_value = import_float(im, node, "value", 0);
    } else {
        pads = import_ints(im, node, 1, &n);
        if (import_has_input(node, 2))
            pad_value = import_constant_float(im, node, 2);
        if (import_has_input(node, 3))
            return import_unsupported(im, node, "pads of chosen axes; give them for all");
    }
    if (node->rc)
        return node->rc;
    const int rank = import_shape(im, in)->rank;
    if (n != 2 * rank)
        return import_fail(im, node, "%lld pads for rank %d", (long long)n, rank);
    struct node draft = import_draft(OP_PAD, 1, &in);
    draft.pad_value = pad_value;
    for (int i = 0; i < rank; i++) {
        const int axis = rank == 4 ? NCHW_TO_NHWC[i] : i;
        draft.pads[i] = import_ranged(im, node, pads[axis], 0, SHAPE_MAX_DIM, "pads");
        draft.pads[rank + i] = import_ranged(im, node, pads[rank + axis], 0, SHAPE_MAX_DIM, "pads");
    }
    import_bind(im, node, import_emit(im, node, &draft, NULL));
    return node->rc;
}

int import_softmax(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    if (node->rc)
        return node->rc;
    const struct shape shape = import_onnx_shape(im, in);
    const int rank = shape.rank;
    int axis = import_axis(im, node, import_int(im, node, "axis", im->opset < 13 ? 1 : -1), rank);
    if (node->rc)
        return node->rc;

    /* Before opset 13 the axes from `axis` on count as one. That is a plain softmax where only one of them is
     * > 1. */
    int last_wide = axis, wide = 0;
    for (int i = axis; im->opset < 13 && i < rank; i++) {
        if (shape.dim[i] > 1) {
            wide++;
            last_wide = i;
        }
    }
    int out;
    if (wide <= 1) {
        struct node draft = import_draft(OP_SOFTMAX, 1, &in);
        draft.axis = import_stored_axis(last_wide, rank);
        out = import_emit(im, node, &draft, NULL);
    } else {
        struct shape flat = shape_of(2, 1, 1);
        for (int i = 0; i < rank; i++)
            flat.dim[i >= axis] *= shape.dim[i];
        const int rows = import_reshape(im, node, import_to_onnx_order(im, node, in), &flat);
        struct node draft = import_draft(OP_SOFTMAX, 1, &rows);
        draft.axis = 1;
        out = import_reshape(im, node, import_emit(im, node, &draft, NULL), &shape);
        out = import_from_onnx_order(im, node, out);
    }
    import_bind(im, node, out);
    return node->rc;
}
