#include "model/onnx_wire.h"

#include <stdbool.h>

enum wire_type { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LENGTH = 2, WIRE_32 = 5 };

struct reader {
    const uint8_t *data;
    size_t at;
    uint64_t budget_bytes;
};

static bool read_varint(struct reader *r, size_t end, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 70 && r->at < end; shift += 7) {
        const uint8_t byte = r->data[r->at++];
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool spend(struct reader *r, uint64_t bytes)
{
    if (bytes > r->budget_bytes)
        return false;
    r->budget_bytes -= bytes;
    return true;
}

static const char *check_message(struct reader *r, const ProtobufCMessageDescriptor *descriptor, size_t end,
                                 int depth);

/* One length-delimited field: a message, a string, bytes or packed numbers. */
static const char *check_delimited(struct reader *r, const ProtobufCFieldDescriptor *field, size_t end,
                                   int depth)
{
    uint64_t length;
    if (!read_varint(r, end, &length) || length > end - r->at)
        return "truncated";
    const size_t field_end = r->at + (size_t)length;
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return check_message(r, field->descriptor, field_end, depth + 1);
    /* The worst case of packed numbers: one byte on the wire, eight in memory. */
    const bool text =
        field && (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES);
    const bool fixed = field && field->type == PROTOBUF_C_TYPE_FLOAT;
    if (!spend(r, (text || fixed ? length : 8 * length) + 32))
        return "takes too much memory";
    r->at = field_end;
    return NULL;
}

static const char *check_message(struct reader *r, const ProtobufCMessageDescriptor *descriptor, size_t end,
                                 int depth)
{
    if (depth > ONNX_WIRE_MAX_DEPTH)
        return "nested too deep";
    if (!spend(r, descriptor->sizeof_message + 32))
        return "takes too much memory";
    while (r->at < end) {
        uint64_t tag, ignored;
        if (!read_varint(r, end, &tag))
            return "truncated";
        if (tag > UINT32_MAX || tag >> 3 == 0)
            return "bad field number";
        /* Known fields cost their element, unknown ones are kept by protobuf-c in an array. */
        if (!spend(r, sizeof(ProtobufCMessageUnknownField)))
            return "takes too much memory";
        const char *wrong = NULL;
        switch (tag & 7) {
        case WIRE_VARINT:
            if (!read_varint(r, end, &ignored))
                wrong = "truncated";
            break;
        case WIRE_64:
        case WIRE_32: {
            const size_t bytes = (tag & 7) == WIRE_64 ? 8 : 4;
            if (end - r->at < bytes)
                return "truncated";
            r->at += bytes;
            break;
        }
        case WIRE_LENGTH:
            wrong = check_delimited(
                r, protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3)), end, depth);
            break;
        default:
            wrong = "bad wire type";
        }
        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *onnx_wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size,
                            uint64_t max_bytes, size_t *at)
{
    struct reader reader = {.data = data, .budget_bytes = max_bytes};
    const char *wrong = check_message(&reader, descriptor, size, 1);
    *at = reader.at;
    return wrong;
}
