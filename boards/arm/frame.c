#include "frame.h"

enum part { SYNC_0, SYNC_1, COMMAND, SEQUENCE, LENGTH_LOW, LENGTH_HIGH, PAYLOAD, CRC };

enum { CRC_BYTES = 4 };

static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
    crc = ~crc ^ byte;
    for (int bit = 0; bit < 8; bit++)
        crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    return ~crc;
}

uint32_t mcu_crc32(uint32_t crc, const void *data, uint32_t bytes)
{
    const uint8_t *at = data;
    while (bytes--)
        crc = crc_byte(crc, *at++);
    return crc;
}

static int read_crc(struct mcu_frame_reader *reader, uint8_t byte)
{
    reader->sent_crc |= (uint32_t)byte << (8 * reader->at++);
    if (reader->at < CRC_BYTES)
        return 0;
    reader->part = SYNC_0;
    return reader->sent_crc == reader->crc;
}

static void begin_part(struct mcu_frame_reader *reader, enum part part)
{
    reader->part = (uint8_t)part;
    reader->at = 0;
}

int mcu_frame_read(struct mcu_frame_reader *reader, uint8_t byte)
{
    struct mcu_frame *frame = &reader->frame;
    if (reader->part >= COMMAND && reader->part <= PAYLOAD)
        reader->crc = crc_byte(reader->crc, byte);
    switch ((enum part)reader->part) {
    case SYNC_0:
        reader->part = byte == MCU_SYNC_0 ? SYNC_1 : SYNC_0;
        return 0;
    case SYNC_1: /* A5 A5 5A begins a frame, too */
        reader->part = byte == MCU_SYNC_1 ? COMMAND : byte == MCU_SYNC_0 ? SYNC_1 : SYNC_0;
        reader->crc = reader->sent_crc = 0;
        return 0;
    case COMMAND:
        frame->command = byte;
        reader->part = SEQUENCE;
        return 0;
    case SEQUENCE:
        frame->sequence = byte;
        reader->part = LENGTH_LOW;
        return 0;
    case LENGTH_LOW:
        frame->length = byte;
        reader->part = LENGTH_HIGH;
        return 0;
    case LENGTH_HIGH:
        frame->length = (uint16_t)(frame->length | byte << 8);
        if (frame->length > MCU_PAYLOAD_MAX)
            reader->part = SYNC_0;
        else
            begin_part(reader, frame->length ? PAYLOAD : CRC);
        return 0;
    case PAYLOAD:
        frame->payload[reader->at++] = byte;
        if (reader->at == frame->length)
            begin_part(reader, CRC);
        return 0;
    case CRC:
        return read_crc(reader, byte);
    }
    reader->part = SYNC_0;
    return 0;
}

void mcu_frame_send(const struct mcu_frame *frame, void (*put)(void *to, uint8_t byte), void *to)
{
    const uint8_t head[4] = {frame->command, frame->sequence, (uint8_t)frame->length,
                             (uint8_t)(frame->length >> 8)};
    uint32_t crc = mcu_crc32(mcu_crc32(0, head, sizeof head), frame->payload, frame->length);
    put(to, MCU_SYNC_0);
    put(to, MCU_SYNC_1);
    for (uint32_t i = 0; i < sizeof head; i++)
        put(to, head[i]);
    for (uint32_t i = 0; i < frame->length; i++)
        put(to, frame->payload[i]);
    for (int i = 0; i < CRC_BYTES; i++)
        put(to, (uint8_t)(crc >> (8 * i)));
}

void mcu_frame_add(struct mcu_frame *frame, uint32_t number, int bytes)
{
    for (; bytes > 0 && frame->length < MCU_PAYLOAD_MAX; bytes--, number >>= 8)
        frame->payload[frame->length++] = (uint8_t)number;
}

uint32_t mcu_frame_number(const uint8_t *at, int bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < bytes; i++)
        number |= (uint32_t)at[i] << (8 * i);
    return number;
}
