/*
 * measure.h - the host's side of arm/protocol.h: asks measuring firmware (harness.elf) on a board, or in an
 * emulator, what inference takes there.
 *
 *     struct measure measure;
 *     int rc = measure_open(&measure, "/dev/ttyACM0", MCU_BAUD);
 *     if (!rc) rc = measure_check_model(&measure, sha256);
 *     if (!rc) rc = measure_load(&measure, input);
 *     if (!rc) rc = measure_infer(&measure, MCU_LOADED, 1, 60, &times);
 *     if (!rc) rc = measure_fetch(&measure, output);
 *     measure_close(&measure);
 *
 * All functions end: a request that stays unanswered is repeated twice, then it is error_tool (7), which says
 * whether nothing came or bytes that are no protocol of ours, as is a connection that is lost. A fault of the
 * firmware is error (1) with its registers.
 */
#ifndef BOARDS_MEASURE_H
#define BOARDS_MEASURE_H

#include <stdint.h>

#include "boards/arm/frame.h"
#include "boards/serial.h"

struct arena;

struct measure_hello {
    int counter; /* enum mcu_port_counter of arm/port.h: 0 none, 1 core cycles, 2 another clock */
    uint32_t clock_hz, tick_hz; /* 0: unknown */
    uint32_t input_bytes, output_bytes, arena_bytes, stack_bytes;
    uint32_t hook_ticks; /* what taking the time costs a call, in measure_layers() only */
    char model_sha256[65];
    char version[64], board[64], compiler[96];
};

struct measure {
    struct serial serial;
    struct mcu_frame_reader reader;
    struct measure_hello hello;
    uint8_t sequence;
    int64_t strange_bytes; /* that were no frame, since the request */
};

struct measure_times {
    int runs;
    uint32_t least, most; /* ticks of a run */
    double mean;
    uint32_t crc;        /* CRC-32 of the output of the last run */
    uint32_t stack_used; /* deepest so far */
};

struct layer_time {
    double ticks;   /* of all calls, without what taking the time cost */
    uint32_t calls; /* 1, or many where the operator runs depth-first */
};

/* Opens the port and greets the firmware. Another protocol version: error_differ. */
int measure_open(struct measure *out, const char *path, int baud);
/* The same over a port that is open; takes it over. */
int measure_attach(struct measure *out, const struct serial *serial);
void measure_close(struct measure *measure);

/* error_differ unless the firmware is of the model of that SHA-256. */
int measure_check_model(const struct measure *measure, const char *model_sha256);

/* hello.input_bytes of input. Inference uses it up. */
int measure_load(struct measure *measure, const int8_t *input);
/* runs 1 to 65535, 1 for MCU_LOADED; timeout_s: for all runs. */
int measure_infer(struct measure *measure, enum mcu_source source, int runs, double timeout_s,
                  struct measure_times *times);
/* hello.output_bytes of output of the last measure_infer(). */
int measure_fetch(struct measure *measure, int8_t *output);
/* Time of each operator, in the order of model.c, from runs on the pattern. timeout_s: for one run. */
int measure_layers(struct measure *measure, double timeout_s, struct layer_time **layers, int *n,
                   struct arena *arena);

#endif
