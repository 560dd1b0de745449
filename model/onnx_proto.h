/*
 * onnx_proto.h - hostile ONNX bytes to protobuf-c structs, and initializers to plain arrays. Shared by the
 * readers of float models (onnx_read.c) and of QDQ models (quant/qdq.h).
 */
#ifndef MODEL_ONNX_PROTO_H
#define MODEL_ONNX_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include <onnx.pb-c.h>

#include "model/model.h"

/* Parses a ModelProto that has a graph, after checking that nesting and the memory it would take are bounded.
 * Free with onnx_proto_free(). Fails with error_input naming path. */
int onnx_proto_parse(Onnx__ModelProto **out, const void *data, size_t size, const char *path);
void onnx_proto_free(Onnx__ModelProto *proto);

/* Version of the default operator set, or 0 when none is imported. */
int64_t onnx_proto_opset(const Onnx__ModelProto *proto);

/* A proto's text for messages and names: "" for NULL, control characters replaced by '?'. In the arena. */
const char *onnx_proto_text(const char *text, struct arena *arena);

/* dims of a tensor in ONNX axis order; every dim 1 .. INT_MAX, bounded as shape_check(). Fails with
 * error_input. */
int onnx_tensor_shape(struct shape *out, const Onnx__TensorProto *tensor, const char *path);
/* Elements as float (FLOAT), or int64 (INT64, INT32, INT8, UINT8, BOOL), from raw_data or the typed field;
 * the count is checked against dims. In the arena. A tensor of another type or with external data:
 * error_unsupported. */
int onnx_tensor_floats(const float **out, const Onnx__TensorProto *tensor, const char *path,
                       struct arena *arena);
int onnx_tensor_ints(const int64_t **out, int64_t *n, const Onnx__TensorProto *tensor, const char *path,
                     struct arena *arena);

#endif
