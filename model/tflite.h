/*
 * tflite.h - a bounded reader of TensorFlow Lite files (flatbuffer, schema v3, identifier "TFL3").
 *
 * The file is hostile: every offset, vector, vtable and index is checked against the bytes before it is
 * followed, nothing is executed, nesting is that of the schema (no recursion). What comes out is a view:
 * names are copied and cleaned, everything else points into the file's bytes, which must outlive it. Only
 * subgraph 0 is read. Operators are in execution order: each reads constants, graph inputs, or what an
 * earlier operator wrote, and no tensor is written twice. Operators the reader does not know are kept with
 * their name; whether they can be used is for the importer to say (quant/tflite.h, tflite_to_model).
 *
 * Source: tensorflow/lite/schema/schema.fbs.
 */
#ifndef MODEL_TFLITE_H
#define MODEL_TFLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

enum { TFLITE_MAX_BYTES = 512 << 20, TFLITE_MAX_TENSORS = 16384, TFLITE_MAX_OPERATORS = 8192 };
enum { TFLITE_MAX_INPUTS = 16 };

/* enum BuiltinOperator, those of tflite_ops.inc whose options are read. */
enum tflite_op {
#define TFLITE_OP(number, name)
#define TFLITE_OP_READ(number, name, options) TFLITE_##name = number,
#include "model/tflite_ops.inc"
};

/* enum TensorType; others are kept as their number. */
enum tflite_type {
    TFLITE_FLOAT32 = 0,
    TFLITE_FLOAT16 = 1,
    TFLITE_INT32 = 2,
    TFLITE_UINT8 = 3,
    TFLITE_INT64 = 4,
    TFLITE_INT16 = 7,
    TFLITE_INT8 = 9
};

enum tflite_activation {
    TFLITE_ACT_NONE,
    TFLITE_ACT_RELU,
    TFLITE_ACT_RELU_N1_TO_1,
    TFLITE_ACT_RELU6,
    TFLITE_ACT_TANH,
    TFLITE_ACT_SIGN_BIT
};

/* Little-endian values somewhere in the file, not aligned. */
struct tflite_bytes {
    const uint8_t *data;
    size_t n; /* elements */
};

struct tflite_tensor {
    const char *name; /* printable, never empty */
    int type;
    struct shape shape;             /* rank 0: a scalar; every dimension >= 1 */
    const uint8_t *data;            /* constants only: shape_elements() elements of type; else NULL */
    struct tflite_bytes scale;      /* float; none: not quantized. real = scale * (q - zero_point) */
    struct tflite_bytes zero_point; /* int64; as many as scales, or none: all 0 */
    int quantized_dimension;
    bool variable;
};

struct tflite_operator {
    int code;         /* enum tflite_op, or another BuiltinOperator */
    const char *name; /* "CONV_2D"; "CUSTOM 'what'"; "operator 999" */
    int inputs[TFLITE_MAX_INPUTS], outputs[TFLITE_MAX_INPUTS]; /* tensors; -1: an optional one is absent */
    int n_inputs, n_outputs;                                   /* at most TFLITE_MAX_INPUTS are kept */
    bool truncated;                                            /* it had more: not usable */

    /* Builtin options, with the schema's defaults. */
    bool same_padding;                                                  /* else VALID */
    int stride_h, stride_w, dilation_h, dilation_w, kernel_h, kernel_w; /* kernel: pools; 0 where not given */
    int depth_multiplier;
    int activation; /* enum tflite_activation */
    int axis;       /* CONCATENATION */
    float beta;     /* SOFTMAX */
    bool keep_dims; /* MEAN; FULLY_CONNECTED's keep_num_dims */
    bool align_corners, half_pixel_centers;
    int weights_format;                                                       /* FULLY_CONNECTED; 0: plain */
    int begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask; /* STRIDED_SLICE */
};

struct tflite {
    const char *path; /* for messages */
    const char *description;
    struct tflite_tensor *tensors;
    int n_tensors;
    struct tflite_operator *operators;
    int n_operators;
    int *inputs, *outputs; /* graph inputs and outputs */
    int n_inputs, n_outputs;
};

/* error_input (3) for anything that is not a well-formed file. *out lives in the arena. */
int tflite_read(struct tflite **out, const char *path, struct arena *arena);
int tflite_parse(struct tflite **out, const void *data, size_t size, const char *path, struct arena *arena);
/* True when the file starts as a TensorFlow Lite file does. A file that cannot be read: error. */
int tflite_detect(const char *path, bool *is_tflite);

float tflite_scale(const struct tflite_tensor *tensor, size_t channel);        /* channel < scale.n */
int64_t tflite_zero_point(const struct tflite_tensor *tensor, size_t channel); /* 0 where there is none */
/* Element i of a constant INT32, INT64, INT8 or UINT8 tensor. */
int64_t tflite_int(const struct tflite_tensor *tensor, size_t i);
float tflite_float(const struct tflite_tensor *tensor, size_t i); /* of FLOAT32 or FLOAT16 */
const char *tflite_type_name(int type);                           /* "FLOAT32"; "type 99" is "?" */
/* Integers compute: some CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED reads int8, or (without any of them)
 * an operator other than QUANTIZE and DEQUANTIZE does. */
bool tflite_is_int8(const struct tflite *file);
/* needed[i]: operator i contributes to a graph output. */
bool *tflite_needed(const struct tflite *file, struct arena *arena);

/*
 * Where the window lies: SAME puts the odd row or column of padding at the end, as TFLite does. Fills pads
 * and checks the output's size against the input's; in_* already contains explicit padding. False: the sizes
 * contradict each other.
 */
bool tflite_window(struct window *window, const struct tflite_operator *op, int in_h, int in_w, int out_h,
                   int out_w);

/* Why a RESIZE_NEAREST_NEIGHBOR cannot be used; NULL: it can. */
const char *tflite_resize_problem(const struct tflite *file, const struct tflite_operator *op);
void tflite_resize_rule(const struct tflite_operator *op, enum resize_coordinates *coordinates,
                        enum resize_rounding *rounding);

/* A float file as a model (tflite_float.c), inference-ready after passes. error_unsupported lists every
 * operator that cannot be expressed, at once. Names are the tensors'. */
int tflite_to_model(struct model **out, const struct tflite *file, struct arena *arena);

#endif
