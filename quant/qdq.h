/*
 * qdq.h - the int8 graph as standard ONNX (opset 13): DequantizeLinear weights and biases,
 * QuantizeLinear/DequantizeLinear pairs around every operator, as ONNX Runtime expects. NCHW outside, like
 * any ONNX. qdq_read accepts what qdq_write writes, and says what it misses in other QDQ models. Round trip
 * is exact: same integers, same scales.
 */
#ifndef QUANT_QDQ_H
#define QUANT_QDQ_H

#include <stdbool.h>

struct arena;
struct qmodel;

int qdq_write(const struct qmodel *qmodel, const char *path);
int qdq_read(struct qmodel **out, const char *path, struct arena *arena);
/* True when the file is an ONNX model with QuantizeLinear nodes (so eval, codegen, ... know which reader to
 * use). */
int qdq_detect(const char *path, bool *is_qdq);

#endif
