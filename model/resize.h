/*
 * resize.h - which input row (or column) a resized feature map takes at each of its own: nearest neighbour.
 *
 * Output position x of `out` lies at a coordinate of the input, whose nearest position is taken:
 *
 *     RESIZE_ASYMMETRIC      x * in / out                       TensorFlow without options, PyTorch's
 * "nearest" RESIZE_HALF_PIXEL      (x + 1/2) * in / out - 1/2         TensorFlow's half_pixel_centers
 *     RESIZE_ALIGN_CORNERS   x * (in - 1) / (out - 1)           TensorFlow's align_corners
 *
 * The three ways that TensorFlow Lite knows (asymmetric and down; half pixel, or aligned corners, and to the
 * nearest, halves up) are computed in float as its reference does, so that rounding errors are the same;
 * others in double. Sources: reference_ops::GetNearestNeighbor of TensorFlow Lite; Resize of the ONNX
 * operator specification.
 */
#ifndef MODEL_RESIZE_H
#define MODEL_RESIZE_H

enum resize_coordinates { RESIZE_ASYMMETRIC, RESIZE_HALF_PIXEL, RESIZE_ALIGN_CORNERS };
enum resize_rounding { RESIZE_FLOOR, RESIZE_CEIL, RESIZE_HALVES_DOWN, RESIZE_HALVES_UP };

/* 0..in-1, for x in 0..out-1; it never decreases with x. */
int resize_source(enum resize_coordinates coordinates, enum resize_rounding rounding, int x, int in, int out);

#endif
