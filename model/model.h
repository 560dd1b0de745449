/*
 * model.h - the float graph.
 *
 * A model is arrays of tensors and nodes owned by one arena. A tensor id is an index into tensors[]; nodes
 * are in execution order. Feature maps (rank 4) are stored (n, h, w, c), n = 1; weights of convolutions (out,
 * kh, kw, in / group). A constant has data; a shape-only model (weights not loaded, as the planner needs) has
 * constants with data == NULL and constant == true. ONNX's NCHW is converted at import and converted back at
 * export (onnx.h).
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/resize.h"

enum { MODEL_MAX_RANK = 6, MODEL_MAX_INPUTS = 16 };
/* Limits that keep sizes read from files within int and memory: elements of one tensor; kernel, stride,
 * padding. */
enum { SHAPE_MAX_ELEMENTS = 1 << 28, SHAPE_MAX_DIM = 1 << 16 };

enum op {
#define OP(id, name, min, max) OP_##id,
#include "model/ops.inc"
#undef OP
    OP_COUNT
};

/* ACT_LINEAR, alpha * x + beta, comes of arithmetic with a constant number, in int8 graphs only. */
enum activation { ACT_NONE, ACT_CLIP, ACT_HARD_SWISH, ACT_HARD_SIGMOID, ACT_SIGMOID, ACT_TANH, ACT_LINEAR };

struct shape {
    int rank;
    int dim[MODEL_MAX_RANK];
};

struct tensor {
    const char *name;
    struct shape shape;
    const float *data; /* constants only; row-major in shape's order */
    bool constant;
    int producer; /* node index, or -1: input or constant */
    bool rounded; /* int8 in the file the model is from: what reads it must not be merged with its producer */
};

/* Sliding window of Conv, AveragePool, MaxPool. */
struct window {
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_top, pad_left, pad_bottom, pad_right;
};

struct node {
    enum op op;
    const char *name; /* the ONNX node name, or one made from the op and index; unique */
    int inputs[MODEL_MAX_INPUTS];
    int n_inputs;
    int output;

    struct window window;
    int group;           /* Conv; == in channels: depthwise */
    enum activation act; /* fused, applied to the output */
    float act_min, act_max;
    float epsilon, alpha, beta, pad_value;
    int axis, n_axes, axes[MODEL_MAX_RANK], permutation[MODEL_MAX_RANK], pads[2 * MODEL_MAX_RANK];
    bool keep_dims, count_include_pad;
    enum resize_coordinates coordinates; /* Resize */
    enum resize_rounding rounding;
};

struct metadata {
    const char *key, *value;
};

struct model {
    struct arena *arena; /* not owned */
    const char *name;
    struct tensor *tensors;
    int n_tensors, tensors_capacity;
    struct node *nodes;
    int n_nodes, nodes_capacity;
    int *inputs, *outputs; /* tensor ids */
    int n_inputs, n_outputs;
    struct metadata *metadata;
    int n_metadata;
};

const char *op_name(enum op op);
int64_t shape_elements(const struct shape *shape);
bool shape_equal(const struct shape *a, const struct shape *b);
struct shape shape_of(int rank, ...); /* ints */
/* "(1, 64, 64, 3)" in the arena. */
const char *shape_text(const struct shape *shape, struct arena *arena);

struct model *model_create(struct arena *arena, const char *name);
int model_add_tensor(struct model *model, const char *name, struct shape shape);
/* data is kept, not copied; NULL for a shape-only model. */
int model_add_constant(struct model *model, const char *name, struct shape shape, const float *data);
/* Appends a zeroed node (window strides and dilations 1, group 1) with a new output tensor; its shape is
 * left to shape_infer(). The returned pointer is valid until the next add. */
struct node *model_add_node(struct model *model, enum op op, const char *name, const int *inputs,
                            int n_inputs);
void model_set_input(struct model *model, int tensor);
void model_set_output(struct model *model, int tensor);
const char *model_get_metadata(const struct model *model, const char *key); /* NULL: absent */
void model_set_metadata(struct model *model, const char *key, const char *value);
/* Deep copy of graph structure into another arena; constant data is shared. */
struct model *model_clone(const struct model *model, struct arena *arena);
/* Number of nodes reading a tensor (a graph output counts as one). */
int model_uses(const struct model *model, int tensor);

/* shape.c: fills every node's output shape. Fails with error_input naming node and shapes. */
int shape_infer(struct model *model);
/* The same for one node whose inputs have shapes: for code that appends nodes. */
int shape_infer_node(struct model *model, int node);
/* 0 when rank and dims are in range (every dim >= 1, at most SHAPE_MAX_ELEMENTS elements). Prints nothing. */
int shape_check(const struct shape *shape);

#endif
