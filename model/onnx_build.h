/*
 * onnx_build.h - putting an ONNX graph together with protobuf-c: nodes, attributes, initializers, unique
 * names. Shared by the writers of float models (onnx_write.c) and of QDQ models (quant/qdq.h). Everything
 * lies in the builder's arena.
 */
#ifndef MODEL_ONNX_BUILD_H
#define MODEL_ONNX_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include <onnx.pb-c.h>

#include "model/model.h"

struct name_table;

struct onnx_builder {
    struct arena *arena;
    Onnx__GraphProto *graph;
    size_t nodes_capacity, initializers_capacity;
    struct name_table *names; /* of values and nodes so far */
};

struct onnx_builder onnx_builder_create(struct arena *arena, const char *graph_name);
/* The wanted name, with a suffix when it is taken (or empty); taken from now on. */
const char *onnx_unique_name(struct onnx_builder *b, const char *wanted);

/* A node with one output; names are copied, not made unique. */
Onnx__NodeProto *onnx_add_node(struct onnx_builder *b, const char *op, const char *name,
                               const char *const *inputs, int n_inputs, const char *output);
void onnx_set_int(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_set_float(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, float value);
void onnx_set_string(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, const char *value);
void onnx_set_ints(struct onnx_builder *b, Onnx__NodeProto *node, const char *name, int n, const int *values);

/* Initializers as raw data; shape in ONNX axis order. type: ONNX__TENSOR_PROTO__DATA_TYPE__... */
Onnx__TensorProto *onnx_add_initializer(struct onnx_builder *b, const char *name, const struct shape *shape,
                                        int type, const void *data, size_t bytes);
/* The same under a unique name, which is returned. */
const char *onnx_add_floats(struct onnx_builder *b, const char *wanted, const struct shape *shape,
                            const float *data);
const char *onnx_add_ints(struct onnx_builder *b, const char *wanted, int n, const int64_t *data);

/* A float graph input or output; shape in ONNX axis order. */
void onnx_add_graph_input(struct onnx_builder *b, const char *name, const struct shape *shape);
void onnx_add_graph_output(struct onnx_builder *b, const char *name, const struct shape *shape);

/* A shape that the model stores channels last, in ONNX axis order; an axis of it. */
struct shape onnx_shape_of(const struct shape *stored);
int onnx_axis_of(int stored_axis, int rank);

/* The graph with a model's metadata as a file: IR 8, operator set 13, deterministic bytes, atomic,
 * write-if-changed. */
int onnx_build_write(struct onnx_builder *b, const struct model *model, const char *path);

#endif
