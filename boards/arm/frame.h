/*
 * frame.h - frames of protocol.h out of and into a stream of bytes; the same code on host and board. No
 * libraries.
 */
#ifndef MCU_FRAME_H
#define MCU_FRAME_H

#include <stdint.h>

#include "protocol.h"

struct mcu_frame {
    uint8_t command, sequence;
    uint16_t length; /* of the payload, 0 to MCU_PAYLOAD_MAX */
    uint8_t payload[MCU_PAYLOAD_MAX];
};

/* Starts as all zeros. */
struct mcu_frame_reader {
    struct mcu_frame frame; /* valid after mcu_frame_read() returned 1, until it is called again */
    uint32_t crc, sent_crc;
    uint16_t at;  /* bytes of the part that is being read */
    uint8_t part; /* enum in frame.c; 0: between frames */
};

/* Takes one byte. 1: it completed a frame with a right CRC. Else 0. */
int mcu_frame_read(struct mcu_frame_reader *reader, uint8_t byte);

/* Calls put(to, byte) for each byte of the frame. */
void mcu_frame_send(const struct mcu_frame *frame, void (*put)(void *to, uint8_t byte), void *to);

/* Payloads: numbers are little endian. Appending past MCU_PAYLOAD_MAX does nothing. */
void mcu_frame_add(struct mcu_frame *frame, uint32_t number, int bytes);
uint32_t mcu_frame_number(const uint8_t *at, int bytes);

/* CRC-32 with zlib's polynomial; starts from 0 like zlib's. */
uint32_t mcu_crc32(uint32_t crc, const void *data, uint32_t bytes);

#endif
