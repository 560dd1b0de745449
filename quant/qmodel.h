/*
 * qmodel.h - the int8 graph: a model plus scale and zero point per tensor, multiplier and shift per channel.
 *
 * real = scale * (q - zero_point). Every tensor is one feature map (h, w, c) of int8, batch 1. Weights are
 * int8, symmetric, per output channel; bias is int32 with scale in.scale * weight_scale[c]; constants hang on
 * their node, so tensors are exactly what needs memory at run time: a qmodel with weights == NULL
 * ("skeleton", qmodel_lower) is all the planner needs. Semantics are the engine's (engine/engine.h), i.e.
 * TFLite's.
 */
#ifndef QUANT_QMODEL_H
#define QUANT_QMODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

enum { QNODE_MAX_INPUTS = 16 };

enum qop {
#define QOP(id, name, min, max) QOP_##id,
#include "quant/qops.inc"
#undef QOP
    QOP_COUNT
};

/* Where a TABLE's 256 answers come from: computed from scales and table_function; given, and near that
 * function. */
enum table_source { TABLE_COMPUTED, TABLE_GIVEN };

/* Along which side CONCAT joins its inputs. */
enum concat_axis { CONCAT_CHANNELS, CONCAT_ROWS, CONCAT_COLUMNS };

struct qtensor {
    const char *name;
    int h, w, c;
    float scale;
    int zero_point;
    int producer; /* qnode index, -1: input */
};

struct qnode {
    enum qop op;
    const char *name;
    int inputs[QNODE_MAX_INPUTS];
    int n_inputs;
    int output;

    struct window window;     /* CONV, DEPTHWISE, pools; PAD uses its pads */
    float clip_min, clip_max; /* fused Relu, Relu6, Clip, or TABLE's ACT_CLIP; -INFINITY, INFINITY: none */
    float alpha, beta;        /* TABLE's ACT_HARD_SIGMOID, ACT_LINEAR */
    int act_min, act_max;     /* int8 clamp, from clip_min and clip_max */
    const int8_t *weights;    /* CONV (oc, kh, kw, ic); DEPTHWISE (kh, kw, c); FULLY_CONNECTED (oc, inputs) */
    int64_t n_weights;        /* known for skeletons too */
    const int32_t *bias;      /* (oc); ADD_CONSTANT: the constants, less their zero point */
    const float *weight_scale; /* (oc); ADD_CONSTANT: one */
    const int32_t *multiplier; /* CONV/DEPTHWISE/FULLY_CONNECTED: per channel; ADD: in0, in1, out; ADD_CONSTANT: in, out; MUL, MEAN,
                                  SOFTMAX: one */
    const int8_t *shift;
    bool subtract;                  /* ADD: in0 - in1 (TFLite's SUB); multiplier[1] is negative. ADD_CONSTANT: a difference */
    bool constant_first;            /* ADD_CONSTANT, subtract: constant - in0; multiplier[0] is negative */
    const int32_t *summands;        /* ADD_CONSTANT: what the constants add (oc) */
    int diff_min;                   /* SOFTMAX */
    const int8_t *table;            /* TABLE: 256 entries, table[q + 128] */
    enum activation table_function; /* what the table computes; ACT_NONE: requantise */
    enum table_source table_source;
    enum concat_axis axis;               /* CONCAT */
    enum resize_coordinates coordinates; /* RESIZE_NEAREST, with what qmodel_set_resize() makes of them */
    enum resize_rounding rounding;
    const int16_t *rows, *columns; /* RESIZE_NEAREST: the input's, per row and column of the output */
};

struct qmodel {
    struct arena *arena; /* not owned */
    const char *name;
    struct qtensor *tensors;
    int n_tensors;
    struct qnode *nodes; /* in execution order */
    int n_nodes;
    int input, output; /* tensor ids; one of each */
    struct metadata *metadata;
    int n_metadata;
};

const char *qop_name(enum qop op);
int64_t qtensor_bytes(const struct qtensor *tensor);
/* Multiply-accumulates of CONV, DEPTHWISE and FULLY_CONNECTED, padding taps included; 0 for the rest.
 * (qcost.c) */
int64_t qnode_macs(const struct qmodel *qmodel, const struct qnode *node);

/* Where a part begins in the output. */
struct qpart {
    int y, x, c;
};
/* Input i of a CONCAT. (qcost.c) */
struct qpart qnode_part(const struct qmodel *qmodel, const struct qnode *node, int i);

/*
 * Lowers an inference-ready float model (passes_for_inference done, shape-only allowed) to int8 structure:
 * one qnode per engine call, no scales, weights NULL. Unsupported nodes: error_unsupported listing ALL of
 * them with names and what to do. node_of (may be NULL) receives, per qnode, the float node's index; tensor
 * ids map through tensor_of (float id per qtensor; -1: the value before an activation that has become a TABLE
 * node).
 *
 *     Conv, group 1 -> CONV; group == in channels -> DEPTHWISE      GlobalAveragePool -> MEAN (same scale, 1
 * / (h * w) in the multiplier) Gemm -> FULLY_CONNECTED (over an (h, w, c) map, too)          Clip fused into
 * Conv, Gemm, Add, Mul: act bounds; alone: TABLE Flatten, Reshape, Transpose that move nothing: no node
 * HardSwish, HardSigmoid, Sigmoid, Tanh: TABLE, also when fused; Add, Sub, Mul with one constant number:
 * TABLE; Add, Sub with one constant per channel: ADD_CONSTANT
 */
int qmodel_lower(struct qmodel **out, const struct model *model, struct arena *arena, int **node_of,
                 int **tensor_of);

/* The lists of rows and columns of a RESIZE_NEAREST, from its tensors' sizes and its way of rounding. */
void qmodel_set_resize(struct qmodel *qmodel, struct qnode *node);
/* The constants of an ADD_CONSTANT (output's channels) as int8 of one scale. */
void qmodel_set_summands(struct qmodel *qmodel, struct qnode *node, const float *values);
/* Multiplier in [2^30, 2^31) and shift with real = multiplier * 2^(shift - 31) (TFLite's QuantizeMultiplier).
 */
void quantize_multiplier(double real, int32_t *multiplier, int8_t *shift);
/* Computes multiplier, shift, act bounds, tables of every node from the scales; what quantize(), qdq_read()
 * and tflite import end with. error_input when scales cannot be expressed: not positive, zero points outside
 * int8, pools whose input and output differ, ... */
int qmodel_finish(struct qmodel *qmodel);

#endif
