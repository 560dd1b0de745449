/*
 * onnx_writer.h - inside of onnx_write().
 *
 * A tensor of the model is one ONNX value of the same name (made unique), in ONNX's axis order. Layers whose
 * meaning depends on the order of the elements (Reshape, Flatten, MatMul, ...) go through helper values in
 * the model's own
 * ("stored") order.
 */
#ifndef MODEL_ONNX_WRITER_H
#define MODEL_ONNX_WRITER_H

#include "model/onnx_build.h"

struct onnx_writer {
    struct onnx_builder builder;
    const struct model *model;
    const char **values; /* per tensor: its ONNX value; NULL: not written yet */
};

/* Appends a node, and the ones it needs around it. Its inputs have values. */
void onnx_write_node(struct onnx_writer *w, const struct node *node);

#endif
