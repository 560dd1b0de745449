/*
 * model_onnx_small.h - ONNX files of a few nodes, built in memory and read. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_MODEL_ONNX_SMALL_H
#define TESTS_UNIT_MODEL_ONNX_SMALL_H

#include "base/error.h"
#include "base/file.h"
#include "capture.h"
#include "model/onnx.h"
#include "model/onnx_build.h"
#include "model/onnx_proto.h"

struct small {
    struct arena arena;
    struct onnx_builder b;
    int64_t opset;
};

static inline void small_create(struct small *small)
{
    *small = (struct small){.arena = ARENA_INIT, .opset = 13};
    small->b = onnx_builder_create(&small->arena, "small");
}

static inline void small_input(struct small *small, const char *name, struct shape shape)
{
    onnx_add_graph_input(&small->b, name, &shape);
}

static inline void small_output(struct small *small, const char *name)
{
    const struct shape shape = shape_of(0);
    onnx_add_graph_output(&small->b, name, &shape);
}

static inline Onnx__NodeProto *small_node(struct small *small, const char *op, const char *name,
                                          const char *input, const char *second, const char *output)
{
    return onnx_add_node(&small->b, op, name, (const char *[]){input, second}, second ? 2 : 1, output);
}

static inline struct file small_bytes(struct small *small)
{
    Onnx__ModelProto proto = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};
    opset.has_version = 1;
    opset.version = small->opset;
    proto.n_opset_import = small->opset != 0;
    proto.opset_import = opsets;
    proto.graph = small->b.graph;
    uint8_t *bytes = arena_alloc(&small->arena, onnx__model_proto__get_packed_size(&proto) + 1);
    return (struct file){bytes, onnx__model_proto__pack(&proto, bytes)};
}

/* Reads it; expected: the whole of stderr. */
static inline void small_fails(struct small *small, int code, const char *expected)
{
    struct capture capture;
    struct model *model;
    const struct file file = small_bytes(small);
    capture_start(&capture, STDERR_FILENO);
    const int rc = onnx_parse(&model, file.data, file.size, "small.onnx", &small->arena);
    assert_string_equal(capture_end(&capture), expected);
    assert_int_equal(rc, code);
    assert_null(model);
    arena_release(&small->arena);
}

static inline struct model *small_reads(struct small *small)
{
    struct model *model;
    const struct file file = small_bytes(small);
    assert_int_equal(onnx_parse(&model, file.data, file.size, "small.onnx", &small->arena), 0);
    return model;
}

#endif
