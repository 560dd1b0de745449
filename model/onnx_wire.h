/*
 * onnx_wire.h - looks over protobuf bytes before protobuf-c builds structs from them: protobuf-c recurses as
 * deep as the input says and allocates whatever it says.
 */
#ifndef MODEL_ONNX_WIRE_H
#define MODEL_ONNX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

enum { ONNX_WIRE_MAX_DEPTH = 16 };

/* NULL when data is well-formed, no deeper than ONNX_WIRE_MAX_DEPTH messages, and unpacks into at most
 * max_bytes; else what is wrong, with its offset in *at. */
const char *onnx_wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size,
                            uint64_t max_bytes, size_t *at);

#endif
