/*
 * onnx.h - ONNX in and out (protobuf-c over Debian's onnx.proto). Opset 7..22 in, opset 13, IR 8 out.
 *
 * Input is hostile: size-limited, every index and dimension checked, external data refused. Unsupported
 * operators are ALL listed in one error_unsupported message, each with its node name. Import converts feature
 * maps to NHWC and axis attributes with them; where ONNX semantics depend on the NCHW order (Flatten/Reshape
 * of h*w > 1, Transpose, ...) it inserts Transpose nodes that passes.h removes where they move nothing. Graph
 * inputs (1, c, h, w) become (1, h, w, c).
 */
#ifndef MODEL_ONNX_H
#define MODEL_ONNX_H

#include <stddef.h>

struct arena;
struct model;

enum { ONNX_MAX_BYTES = 512 << 20 };

/* Reads a float model (BatchNormalization kept; QDQ models are read by quant/qdq.h). Symbolic batch dims
 * become 1. Extra initializers no node reads (kernel transforms of a supernet) are kept as constants. Runs
 * shape_infer. */
int onnx_read(struct model **out, const char *path, struct arena *arena);
int onnx_parse(struct model **out, const void *data, size_t size, const char *path_for_messages,
               struct arena *arena);
/* Deterministic bytes; atomic, write-if-changed. Metadata becomes metadata_props. */
int onnx_write(const struct model *model, const char *path);

#endif
