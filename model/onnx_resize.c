/*
 * onnx_resize.c - ONNX's Resize, in and out: only mode "nearest", only rows and columns.
 */
#include "model/onnx_resize.h"

#include <math.h>
#include <string.h>

#include "model/onnx_import.h"
#include "model/transpose.h"

static const char *const coordinate_names[] = {
    [RESIZE_ASYMMETRIC] = "asymmetric",
    [RESIZE_HALF_PIXEL] = "half_pixel",
    [RESIZE_ALIGN_CORNERS] = "align_corners",
};
static const char *const rounding_names[] = {
    [RESIZE_FLOOR] = "floor",
    [RESIZE_CEIL] = "ceil",
    [RESIZE_HALVES_DOWN] = "round_prefer_floor",
    [RESIZE_HALVES_UP] = "round_prefer_ceil",
};
enum { N_COORDINATES = 3, N_ROUNDINGS = 4 };

void onnx_add_resize(struct onnx_builder *b, const char *name, const char *input, const struct shape *shape,
                     enum resize_coordinates coordinates, enum resize_rounding rounding, const char *output)
{
    int64_t sizes[MODEL_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        sizes[i] = shape->dim[i];
    const char *target = onnx_add_ints(b, arena_printf(b->arena, "%s/sizes", name), shape->rank, sizes);
    Onnx__NodeProto *proto =
        onnx_add_node(b, "Resize", name, (const char *[]){input, "", "", target}, 4, output);
    onnx_set_string(b, proto, "mode", "nearest");
    onnx_set_string(b, proto, "coordinate_transformation_mode", coordinate_names[coordinates]);
    onnx_set_string(b, proto, "nearest_mode", rounding_names[rounding]);
}

/* Index of a name; -1: none of them. */
static int find(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* One for rows, one for columns, as far as they lead to whole sizes; the other axes stay. */
static int sizes_from_scales(struct onnx_import *im, struct import_node *node, const struct shape *in,
                             int64_t *sizes, size_t input)
{
    const struct tensor scales = im->model->tensors[import_tensor(im, node, input)];
    if (node->rc)
        return node->rc;
    if (!scales.constant || !scales.data || shape_elements(&scales.shape) != 4)
        return import_unsupported(im, node, "the scales must be constants, one per dimension");
    for (int i = 0; i < 4; i++) {
        const double size = (double)scales.data[i] * in->dim[i];
        sizes[i] = (int64_t)fmin(fmax(floor(size + 0.5), 0), SHAPE_MAX_ELEMENTS);
        if (!(fabs(size - (double)sizes[i]) < 1e-3)) /* x / scale and x * in / out would differ */
            return import_unsupported(im, node, "scale %g of %d does not give a whole size; give sizes",
                                      (double)scales.data[i], in->dim[i]);
    }
    return 0;
}

int import_resize(struct onnx_import *im, struct import_node *node)
{
    const int in = import_tensor(im, node, 0);
    const bool old = im->opset < 11; /* scales in input 1, and no options */
    const char *mode = import_string(im, node, "mode", "nearest");
    const char *coordinates =
        old ? "asymmetric" : import_string(im, node, "coordinate_transformation_mode", "half_pixel");
    const char *rounding = old ? "floor" : import_string(im, node, "nearest_mode", "round_prefer_floor");
    int64_t n = 4, from_scales[4];
    const int64_t *sizes = from_scales;
    if (node->rc)
        return node->rc;
    const struct shape shape = import_onnx_shape(im, in);
    struct node draft = import_draft(OP_RESIZE, 1, &in);
    const int c = find(coordinates, coordinate_names, N_COORDINATES),
              r = find(rounding, rounding_names, N_ROUNDINGS);
    if (strcmp(mode, "nearest") != 0 || c < 0 || r < 0)
        return import_unsupported(im, node,
                                  "mode '%s', '%s', '%s'; only 'nearest' of asymmetric, half_pixel or "
                                  "align_corners positions is supported",
                                  mode, coordinates, rounding);
    if (shape.rank != 4)
        return import_unsupported(im, node, "of rank %d; only feature maps (n, c, h, w) are resized",
                                  shape.rank);
    if (import_has_input(node, 3))
        sizes = import_ints(im, node, 3, &n);
    else if (sizes_from_scales(im, node, &shape, from_scales, old ? 1 : 2))
        return node->rc;
    if (node->rc)
        return node->rc;
    if (n != 4 || sizes[0] != shape.dim[0] || sizes[1] != shape.dim[1])
        return import_unsupported(im, node, "of images or channels; only rows and columns are resized");
    draft.coordinates = (enum resize_coordinates)c;
    draft.rounding = (enum resize_rounding)r;
    const struct shape out =
        shape_of(4, shape.dim[0], import_ranged(im, node, sizes[2], 1, SHAPE_MAX_DIM, "height"),
                 import_ranged(im, node, sizes[3], 1, SHAPE_MAX_DIM, "width"), shape.dim[1]);
    import_bind(im, node, import_emit(im, node, &draft, &out));
    return node->rc;
}
