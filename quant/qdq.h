/*
 * qdq.h - the int8 graph as standard ONNX (opset 13): DequantizeLinear weights and biases,
 * QuantizeLinear/DequantizeLinear pairs around every operator, as ONNX Runtime expects. NCHW outside, like
 * any ONNX. Round trip is exact: same integers, same scales.
 *
 * qdq_read accepts what qdq_write writes and the like of it: every operator between DequantizeLinear and
 * QuantizeLinear (int8, or uint8 activations), symmetric int8 weights per tensor or per output channel,
 * biases int32 in the scale of input times weights, or float. It says what it misses in other QDQ models.
 *
 * ONNX Runtime rounds once, in float, where TFLite and the engine round twice, in fixed point: about 0.4 % of
 * a layer's values differ by one step, which a deep network turns into noise as large as the quantization
 * noise. Accuracy is the same (mcunet-in2, 936 images: 68.48 % both, 95.8 % of the images with the same
 * top-1); bytes are not (tests/onnx/qdq_compare.cjs).
 */
#ifndef QUANT_QDQ_H
#define QUANT_QDQ_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct qmodel;

int qdq_write(const struct qmodel *qmodel, const char *path);
int qdq_read(struct qmodel **out, const char *path, struct arena *arena);
/* The same from bytes; path only for messages. */
int qdq_parse(struct qmodel **out, const void *data, size_t size, const char *path, struct arena *arena);
/* True when the file is an ONNX model with QuantizeLinear nodes (so eval, codegen, ... know which reader to
 * use). */
int qdq_detect(const char *path, bool *is_qdq);

#endif
