#include "model/onnx_proto.h"

#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/onnx_wire.h"

int onnx_proto_parse(Onnx__ModelProto **out, const void *data, size_t size, const char *path)
{
    /* Real files take about their size in memory again; small ones may be all structure. */
    const uint64_t max_bytes = ((uint64_t)256 << 20) + 4 * (uint64_t)size;
    size_t at;
    *out = NULL;
    if (size == 0)
        return error_input("%s: empty, expected an ONNX model", path);
    const char *wrong = onnx_wire_check(&onnx__model_proto__descriptor, data, size, max_bytes, &at);
    if (wrong)
        return error_input("%s: not an ONNX model: %s at byte %zu of %zu", path, wrong, at, size);
    Onnx__ModelProto *proto = onnx__model_proto__unpack(NULL, size, data);
    if (!proto)
        return error_input("%s: not an ONNX model", path);
    if (!proto->graph) {
        onnx_proto_free(proto);
        return error_input("%s: not an ONNX model: no graph", path);
    }
    *out = proto;
    return 0;
}

void onnx_proto_free(Onnx__ModelProto *proto)
{
    if (proto)
        onnx__model_proto__free_unpacked(proto, NULL);
}

int64_t onnx_proto_opset(const Onnx__ModelProto *proto)
{
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        const char *domain = proto->opset_import[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            return proto->opset_import[i]->version;
    }
    return 0;
}

const char *onnx_proto_text(const char *text, struct arena *arena)
{
    char *copy = arena_strdup(arena, text ? text : "");
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return copy;
}

/* The name for messages: the proto's own bytes are fine but for control characters. */
static int fail(const Onnx__TensorProto *tensor, const char *path, const char *why)
{
    struct arena arena = ARENA_INIT;
    const int rc = error_input("%s: tensor '%s': %s", path, onnx_proto_text(tensor->name, &arena), why);
    arena_release(&arena);
    return rc;
}

static int unsupported(const Onnx__TensorProto *tensor, const char *path, const char *why)
{
    struct arena arena = ARENA_INIT;
    const int rc = error_unsupported("%s: tensor '%s': %s", path, onnx_proto_text(tensor->name, &arena), why);
    arena_release(&arena);
    return rc;
}

int onnx_tensor_shape(struct shape *out, const Onnx__TensorProto *tensor, const char *path)
{
    if (tensor->n_dims > MODEL_MAX_RANK)
        return fail(tensor, path, "rank above 6");
    *out = (struct shape){.rank = (int)tensor->n_dims};
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 1 || tensor->dims[i] > INT_MAX)
            return fail(tensor, path, "dimension below 1 or too large");
        out->dim[i] = (int)tensor->dims[i];
    }
    return shape_check(out) ? fail(tensor, path, "too large") : 0;
}

/* Elements that dims announce; one dimension may be 0. */
static int tensor_elements(int64_t *out, const Onnx__TensorProto *tensor, const char *path)
{
    int64_t n = 1;
    if (tensor->n_dims > MODEL_MAX_RANK)
        return fail(tensor, path, "rank above 6");
    for (size_t i = 0; i < tensor->n_dims; i++)
        if (tensor->dims[i] < 0 || __builtin_mul_overflow(n, tensor->dims[i], &n) || n > SHAPE_MAX_ELEMENTS)
            return fail(tensor, path, "negative dimension or too large");
    *out = n;
    return 0;
}

static int check_location(const Onnx__TensorProto *tensor, const char *path)
{
    if (tensor->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL || tensor->n_external_data)
        return unsupported(tensor, path, "its data is in another file; save the model as one file");
    if (tensor->segment)
        return unsupported(tensor, path, "is split into segments");
    return 0;
}

int onnx_tensor_floats(const float **out, const Onnx__TensorProto *tensor, const char *path,
                       struct arena *arena)
{
    int64_t n;
    int rc = check_location(tensor, path);
    if (!rc)
        rc = tensor_elements(&n, tensor, path);
    if (rc)
        return rc;
    if (tensor->data_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return unsupported(tensor, path, "not float32; convert the model to float32");
    const size_t bytes = (size_t)n * sizeof(float);
    if (tensor->has_raw_data) {
        if (tensor->raw_data.len != bytes)
            return fail(tensor, path, "raw data does not match its dimensions");
        *out = arena_copy(arena, tensor->raw_data.data,
                          bytes); /* little-endian on disk and on every host we build for */
    } else {
        if (tensor->n_float_data != (size_t)n)
            return fail(tensor, path, "data does not match its dimensions");
        *out = arena_copy(arena, tensor->float_data, bytes);
    }
    return 0;
}

/* Bytes of one raw element, negative when signed; 0: not an integer type we read. */
static int integer_width(int type)
{
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
        return -8;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
        return -4;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8:
        return -1;
    case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
    case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
        return 1;
    default:
        return 0;
    }
}

static int64_t raw_integer(const uint8_t *raw, int width)
{
    int64_t wide;
    int32_t narrow;
    switch (width) {
    case -8:
        memcpy(&wide, raw, sizeof wide);
        return wide;
    case -4:
        memcpy(&narrow, raw, sizeof narrow);
        return narrow;
    case -1:
        return (int8_t)*raw;
    default:
        return *raw;
    }
}

int onnx_tensor_ints(const int64_t **out, int64_t *n, const Onnx__TensorProto *tensor, const char *path,
                     struct arena *arena)
{
    int rc = check_location(tensor, path);
    if (!rc)
        rc = tensor_elements(n, tensor, path);
    if (rc)
        return rc;
    const int width = integer_width(tensor->data_type);
    if (!width)
        return unsupported(tensor, path,
                           "its type is neither float32 nor an integer; convert the model to float32");
    const size_t bytes = (size_t)(width < 0 ? -width : width);
    int64_t *values = ARENA_ARRAY(arena, int64_t, (size_t)*n);
    if (tensor->has_raw_data) {
        if (tensor->raw_data.len != (size_t)*n * bytes)
            return fail(tensor, path, "raw data does not match its dimensions");
        for (int64_t i = 0; i < *n; i++)
            values[i] = raw_integer(tensor->raw_data.data + (size_t)i * bytes, width);
    } else if (width == -8) {
        if (tensor->n_int64_data != (size_t)*n)
            return fail(tensor, path, "data does not match its dimensions");
        if (*n)
            memcpy(values, tensor->int64_data, (size_t)*n * sizeof *values);
    } else {
        if (tensor->n_int32_data != (size_t)*n)
            return fail(tensor, path, "data does not match its dimensions");
        for (int64_t i = 0; i < *n; i++)
            values[i] = tensor->int32_data[i];
    }
    *out = values;
    return 0;
}
