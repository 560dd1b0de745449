/*
 * qdq_strip.h - a QDQ graph taken apart: the plain float graph, and what the QuantizeLinear/DequantizeLinear
 * nodes said. Private to quant/.
 */
#ifndef QUANT_QDQ_STRIP_H
#define QUANT_QDQ_STRIP_H

#include <stdint.h>

#include "model/onnx_proto.h"

struct arena;
struct name_table;

/* Of one float tensor, by its name in the stripped graph. */
struct strip_tensor {
    const char *name;
    float scale;
    int zero_point;           /* of int8 */
    float clip_min, clip_max; /* Clip or Relu between the operator and QuantizeLinear */
};

/* One dequantised initializer. */
struct strip_constant {
    const char *name;
    const int64_t *values;
    int64_t n_values;
    const float *scales;
    int64_t n_scales;
    int type; /* ONNX__TENSOR_PROTO__DATA_TYPE__... */
};

struct strip {
    struct strip_tensor *tensors;
    int n_tensors;
    struct name_table *tensor_names;
    struct strip_constant *constants;
    int n_constants;
    struct name_table *constant_names;
};

/*
 * Writes the float graph to *plain: new nodes and tensors are in the arena, the rest is shared with graph,
 * which is not changed. Scales of activations are recorded under the name that DequantizeLinear wrote, which
 * becomes the name of the operator's own output; a graph input keeps its name. Names are the file's bytes
 * (onnx_proto_text() makes the model's names of them).
 */
int qdq_strip(struct strip *out, Onnx__GraphProto *plain, const Onnx__GraphProto *graph, const char *path,
              struct arena *arena);

#endif
