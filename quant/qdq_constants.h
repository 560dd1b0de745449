/*
 * qdq_constants.h - what a QDQ graph knows before it runs: initializers, Constant nodes, attributes, and with
 * them the parameters of QuantizeLinear and DequantizeLinear. Private to quant/.
 */
#ifndef QUANT_QDQ_CONSTANTS_H
#define QUANT_QDQ_CONSTANTS_H

#include <stdint.h>

#include "model/onnx_proto.h"

struct arena;
struct name_table;

struct qdq_constants {
    const char *path; /* for messages */
    struct arena *arena;
    Onnx__TensorProto **tensors;
    size_t n;
    struct name_table *names;
};

/* Room for `capacity` tensors. */
struct qdq_constants qdq_constants_create(const char *path, size_t capacity, struct arena *arena);
int qdq_constants_add(struct qdq_constants *constants, Onnx__TensorProto *tensor);
const Onnx__TensorProto *qdq_constants_find(const struct qdq_constants *constants, const char *name);

/* A node's name for messages. */
const char *qdq_node_name(const Onnx__NodeProto *node);
int64_t qdq_attribute_int(const Onnx__NodeProto *node, const char *name, int64_t absent);
float qdq_attribute_float(const Onnx__NodeProto *node, const char *name, float absent);
/* The tensor of a Constant node, which is an initializer written another way; NULL for other nodes. */
Onnx__TensorProto *qdq_constant_node(const Onnx__NodeProto *node, struct arena *arena);

/* Scales and zero points of a QuantizeLinear or DequantizeLinear node. */
struct qdq_parameters {
    const float *scales; /* all positive */
    int64_t n;
    const int64_t *zero_points; /* n, or NULL: 0 */
    int type;                   /* of the zero points, hence of the integers; uint8 without */
};
int qdq_parameters_read(struct qdq_parameters *out, const struct qdq_constants *constants,
                        const Onnx__NodeProto *node);
/* The single zero point of an activation, of int8: uint8 is shifted by 128. */
int qdq_zero_point(const struct qdq_parameters *parameters);

#endif
