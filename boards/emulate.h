/*
 * emulate.h - firmware in qemu-system-arm with semihosting: int8 tensors in, int8 tensors out.
 */
#ifndef BOARDS_EMULATE_H
#define BOARDS_EMULATE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct emulate_run {
    const char *elf;     /* emulator.elf */
    const char *machine; /* board.emulator.machine */
    const int8_t *inputs;
    int n;                             /* images */
    int64_t input_bytes, output_bytes; /* of one image */
    int8_t *outputs;                   /* n x output_bytes */
    double timeout_s;
    bool quiet;
    int64_t stack_used_bytes; /* result: painted stack */
};

/* A fault, lockup or timeout is error_differ / error with the firmware's own message; no QEMU is error_tool.
 * Never hangs. */
int emulate(struct emulate_run *run, struct arena *arena);

#endif
