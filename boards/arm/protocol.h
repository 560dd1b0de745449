/*
 * protocol.h - what host and measuring firmware (harness.c) say to each other over a UART. Both include it.
 *
 * A frame, numbers little endian:
 *
 *     A5 5A | command | sequence | length (2) | payload (length bytes, at most 256) | CRC-32 (4)
 *
 * The CRC (zlib's polynomial) covers command to payload. Whatever does not make a frame is skipped. The host
 * asks, the board answers each request once with command | MCU_REPLY, the same sequence number and a payload
 * that begins with a status byte; a status other than MCU_OK ends the payload. A request with the sequence
 * number of the last one is not carried out again: the board repeats its reply, so that a host that heard
 * nothing may ask again. MCU_HELLO is always carried out. A host whose request stayed unanswered sends
 * MCU_FRAME_MAX zeros first: they end whatever the board takes for an unfinished frame. The board also drops
 * a frame whose bytes stop coming for a quarter of a second.
 *
 *     request                               reply after the status
 *     HELLO                                 u8 protocol version, u8 enum mcu_port_counter, u8 0,
 *                                           u32 clock_hz, tick_hz, input_bytes, output_bytes,
 *                                               arena_bytes, stack_bytes, hook_ticks,
 *                                           u8[32] SHA-256 of the int8 model,
 *                                           texts, each with its NUL: version of mcunet, board, compiler
 *     LOAD  u32 offset, input bytes         u32 bytes loaded: from 0 on without gaps; offset 0 starts anew
 *     INFER  u8 enum mcu_source, u16 runs   u32 runs, u32 least ticks, u32 most, u64 sum,
 *                                           u32 CRC-32 of the last output, u32 stack used
 *     FETCH  u32 offset, u16 bytes          output bytes
 *     LAYER_TIMES  u32 first operator       u32 operators in all, u8 n, then for operators first to
 *                                           first + n - 1: u32 ticks of all their calls, u32 calls
 *
 * Inference overwrites its input: MCU_LOADED runs once per load. MCU_PATTERN fills the input anew
 * (selftest.h) before each run, outside of the time that is taken. LAYER_TIMES makes one run on the pattern;
 * each call costs hook_ticks more for taking the time. FAULT is said once unasked, and instead of every
 * reply, after the core stopped with a fault: u32 exception, cfsr, hfsr, address, pc, lr as in startup.h.
 */
#ifndef MCU_PROTOCOL_H
#define MCU_PROTOCOL_H

enum {
    MCU_PROTOCOL_VERSION = 1,
    MCU_BAUD = 115200,

    MCU_SYNC_0 = 0xA5,
    MCU_SYNC_1 = 0x5A,
    MCU_PAYLOAD_MAX = 256,
    MCU_FRAME_OVERHEAD = 10, /* sync, command, sequence, length, CRC */
    MCU_FRAME_MAX = MCU_PAYLOAD_MAX + MCU_FRAME_OVERHEAD,

    MCU_REPLY = 0x80,

    MCU_LOAD_DATA_MAX = MCU_PAYLOAD_MAX - 4,  /* after the offset */
    MCU_FETCH_DATA_MAX = MCU_PAYLOAD_MAX - 1, /* after the status */
    MCU_LAYER_TIMES_MAX = 30,                 /* of one LAYER_TIMES reply */

    MCU_HELLO_TEXTS = 64, /* where they begin in the reply */
};

enum mcu_command {
    MCU_HELLO = 1,
    MCU_LOAD = 2,
    MCU_INFER = 3,
    MCU_FETCH = 4,
    MCU_LAYER_TIMES = 5,
    MCU_FAULT = 0x7F,
};

enum mcu_source { MCU_PATTERN = 0, MCU_LOADED = 1 };

enum mcu_status {
    MCU_OK = 0,
    MCU_UNKNOWN_COMMAND = 1,
    MCU_BAD_LENGTH = 2, /* of the payload */
    MCU_BAD_RANGE = 3,  /* offset, count, source or first operator */
    MCU_NOT_LOADED = 4, /* INFER without a whole input */
    MCU_NO_OUTPUT = 5,  /* FETCH before INFER, or after the input was touched */
};

#endif
