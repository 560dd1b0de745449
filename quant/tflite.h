/*
 * tflite.h - an int8 TensorFlow Lite file as the int8 graph, with exactly TFLite's integers.
 *
 * Every scale, zero point, weight and bias is the file's; multipliers follow from them as TFLite (and TFLite
 * Micro) computes them, so the answers are those of its reference kernels, bit for bit. What moves no data
 * has no node:
 *
 * - QUANTIZE from and DEQUANTIZE to float or uint8 at the borders: the graph begins and ends with int8.
 * - PAD that only convolutions read: their window's padding (PAD writes the zero point).
 * - RESHAPE, SQUEEZE, EXPAND_DIMS, TRANSPOSE, STRIDED_SLICE of everything: a view, as long as those who read
 *   it see rows, columns and channels in order, or reduce them (MEAN).
 *
 * What is a function of one byte is a TABLE, tabulated with the reference's arithmetic: LOGISTIC, TANH,
 * HARD_SWISH, RELU and its like, QUANTIZE int8 to int8; ADD, SUB and MUL with one constant number. MUL by a
 * constant per channel is a depthwise convolution of one tap. SUB of two maps is ADD with qnode.subtract.
 * MEAN over columns, then over rows, is two MEAN nodes, each with its rounding. Channels with a negative
 * weight scale have their signs turned, which changes no answer.
 *
 * LOGISTIC and TANH are TFLite Micro's (fixed point), which TFLite's own float tables may miss by one step;
 * so is MUL's multiplier (a product of doubles).
 */
#ifndef QUANT_TFLITE_H
#define QUANT_TFLITE_H

struct arena;
struct qmodel;
struct tflite;

enum tflite_axis { AXIS_N, AXIS_H, AXIS_W, AXIS_C };

/* Where a tensor of the file is in the graph: dimension i of the file's shape runs along axis[i] of the
 * qtensor, whose map is padded with its zero point where `pad` says so (a folded PAD). */
struct tflite_view {
    int qtensor; /* -1: nowhere (constants, float borders) */
    enum tflite_axis axis[6];
    int pad_top, pad_left, pad_bottom, pad_right;
};

/*
 * views: NULL, or receives one view per tensor of the file. The file's bytes must outlive the graph (weights
 * are not copied). error_unsupported (4) lists ALL operators that have no int8 form, each with what to do
 * about it; error_input (3) for shapes and scales that contradict each other.
 */
int qmodel_from_tflite(struct qmodel **out, const struct tflite *file, struct arena *arena,
                       struct tflite_view **views);

#endif
