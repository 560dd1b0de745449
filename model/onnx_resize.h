/*
 * onnx_resize.h - Resize with mode "nearest", as both writers of ONNX write it. Private to model/ and quant/.
 */
#ifndef MODEL_ONNX_RESIZE_H
#define MODEL_ONNX_RESIZE_H

#include "model/onnx_build.h"
#include "model/resize.h"

/* shape: the output's, in ONNX axis order; it goes into the file as `sizes`. */
void onnx_add_resize(struct onnx_builder *b, const char *name, const char *input, const struct shape *shape,
                     enum resize_coordinates coordinates, enum resize_rounding rounding, const char *output);

#endif
