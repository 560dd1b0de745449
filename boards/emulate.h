/*
 * emulate.h - firmware in qemu-system-arm with semihosting: int8 tensors in, int8 tensors out.
 */
#ifndef BOARDS_EMULATE_H
#define BOARDS_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum {
    /* emulate() fails when the deepest stack came closer to the end of what is reserved. */
    EMULATE_STACK_GUARD_BYTES = 256,
};

struct emulate_run {
    const char *elf;     /* emulator.elf */
    const char *machine; /* board.emulator.machine */
    const int8_t *inputs;
    int n;                             /* images */
    int64_t input_bytes, output_bytes; /* of one image */
    int8_t *outputs;                   /* n x output_bytes */
    double timeout_s;                  /* for all images; 0: none */
    int threads;                       /* emulators at a time; 0: one a core */
    bool quiet;
    int64_t stack_used_bytes, stack_reserved_bytes; /* results: painted stack, deepest of all runs */
};

/* A fault, lockup, timeout or too deep a stack is error (1) with the firmware's own message; no QEMU is
 * error_tool. Never hangs when a timeout is given. */
int emulate(struct emulate_run *run, struct arena *arena);

/* The self-test: CRC-32 of the output for input[i] = (i * 37 + 11) mod 256 - 128. Uses elf, machine and
 * timeout_s only. */
int emulate_selftest(struct emulate_run *run, uint32_t *crc, struct arena *arena);

#endif
