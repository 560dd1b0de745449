/*
 * onnx_import.h - inside of onnx_read(): what the translators of single ONNX nodes work with.
 *
 * onnx_read.c walks the graph; onnx_nodes.c and onnx_shape_nodes.c hold one translator per ONNX operator.
 *
 * Axis order: every rank-4 tensor of the model has its channel axis last (transpose.h); other ranks keep
 * ONNX's order. A translator whose meaning depends on ONNX's order brings rank-4 inputs into it with
 * import_to_onnx_order() and its rank-4 result back with import_from_onnx_order().
 *
 * Errors in one node are sticky: accessors record the first in node->rc and return something harmless, a
 * translator ends with `return node->rc` or checks it before it relies on what it read.
 */
#ifndef MODEL_ONNX_IMPORT_H
#define MODEL_ONNX_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"
#include "model/onnx_proto.h"

/* What an ONNX name stands for: a tensor of the model, or integers known at import (shapes, axes). */
struct import_value {
    const char *name;
    int tensor; /* -1: integers */
    const int64_t *ints;
    int64_t n_ints;
    bool scalar; /* integers of rank 0 */
};

struct name_table; /* name -> index of a value */

struct onnx_import {
    struct model *model;
    struct arena *arena; /* of the model: what outlives the import */
    struct arena *scratch;
    const char *path;
    int64_t opset;
    struct import_value *values;
    int n_values, values_capacity;
    struct name_table *value_names, *node_names;
};

struct import_node {
    const Onnx__NodeProto *proto;
    const char *name; /* unique, printable */
    const char *op;
    int rc; /* first error */
};

/* Errors: "path: layer 'name' (Op): ..." */
int import_fail(struct onnx_import *im, struct import_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int import_unsupported(struct onnx_import *im, struct import_node *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Inputs. A name that is empty or absent is "not given". */
bool import_has_input(const struct import_node *node, size_t index);
const struct import_value *import_value_of(struct onnx_import *im, struct import_node *node, size_t index);
/* A float tensor's id; with an error, 0. */
int import_tensor(struct onnx_import *im, struct import_node *node, size_t index);
/* Integers known at import; with an error, none. */
const int64_t *import_ints(struct onnx_import *im, struct import_node *node, size_t index, int64_t *n);
/* One float known at import. */
float import_constant_float(struct onnx_import *im, struct import_node *node, size_t index);
const struct shape *import_shape(const struct onnx_import *im, int tensor);
/* The shape in ONNX axis order. */
struct shape import_onnx_shape(const struct onnx_import *im, int tensor);

/* Attributes. */
const Onnx__AttributeProto *import_attribute(const struct import_node *node, const char *name);
int64_t import_int(struct onnx_import *im, struct import_node *node, const char *name, int64_t fallback);
float import_float(struct onnx_import *im, struct import_node *node, const char *name, float fallback);
const char *import_string(struct onnx_import *im, struct import_node *node, const char *name,
                          const char *fallback);
/* NULL and *n = 0 when absent. */
const int64_t *import_int_list(struct onnx_import *im, struct import_node *node, const char *name, size_t *n);
/* 0 <= axis < rank from -rank <= axis < rank; else an error. */
int import_axis(struct onnx_import *im, struct import_node *node, int64_t axis, int rank);
/* An ONNX axis of a tensor of this rank, in the model's order. */
int import_stored_axis(int axis, int rank);
/* value as an int in [min, max]; else an error naming what. */
int import_ranged(struct onnx_import *im, struct import_node *node, int64_t value, int min, int max,
                  const char *what);

/* Building. A draft is a node with defaults; import_emit() appends it under node's name (made unique) and
 * infers its shape; shape only for Reshape. Returns the output tensor. */
struct node import_draft(enum op op, int n_inputs, const int *inputs);
int import_emit(struct onnx_import *im, struct import_node *node, const struct node *draft,
                const struct shape *shape);
int import_unary(struct onnx_import *im, struct import_node *node, enum op op, int input);
int import_binary(struct onnx_import *im, struct import_node *node, enum op op, int a, int b);
int import_reshape(struct onnx_import *im, struct import_node *node, int tensor, const struct shape *shape);
int import_transpose(struct onnx_import *im, struct import_node *node, int tensor, const int *permutation);
int import_constant(struct onnx_import *im, const struct import_node *node, const char *suffix,
                    struct shape shape, const float *data);
int import_to_onnx_order(struct onnx_import *im, struct import_node *node, int tensor);
int import_from_onnx_order(struct onnx_import *im, struct import_node *node, int tensor);
/* The node's first output is this tensor / are these integers. */
void import_bind(struct onnx_import *im, struct import_node *node, int tensor);
void import_bind_ints(struct onnx_import *im, struct import_node *node, const int64_t *ints, int64_t n,
                      bool scalar);

/* The translators: one function per line of onnx_ops.inc. */
#define IMPORT(onnx_op, function) int function(struct onnx_import *im, struct import_node *node);
#include "model/onnx_ops.inc"
#undef IMPORT

#endif
