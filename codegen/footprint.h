/*
 * footprint.h - what a network will occupy on a board, before anything is built.
 *
 * arena, weights and constants are exact to the byte (the emitter lays out the same structures); code is
 * predicted from a committed table of kernel sizes (codegen/code_size.inc, `make code-size` refreshes it) and
 * checked against the ELF after the build.
 */
#ifndef CODEGEN_FOOTPRINT_H
#define CODEGEN_FOOTPRINT_H

#include <stdint.h>

struct board;
struct qmodel;
struct schedule;

enum {
    /* Reserved for the stack at the bottom of its RAM region, so that an overflow faults instead of
     * corrupting data. The emulator paints it and reports how deep it went; `mcunet emulate` fails when it
     * came near the end (boards/emulate.h). */
    FIRMWARE_STACK_BYTES = 2048,
    /* mcu_fault_record of boards/arm/startup.c and mcu_selftest_result of boards/arm/selftest.c */
    FIRMWARE_RUNTIME_BYTES = 32,
    /* Sections and arrays are aligned to this in flash. */
    FIRMWARE_FLASH_ALIGNMENT = 4,
    /* What a search leaves free of the board's flash: code is predicted within 2 %, the linker has the last
       word. */
    FIRMWARE_FLASH_MARGIN_BYTES = 512,
};

struct footprint {
    /* SRAM */
    int64_t arena_bytes;   /* tensors, line buffers, scratch, input and output */
    int64_t stack_bytes;   /* reserved for the stack */
    int64_t runtime_bytes; /* .data and .bss of start-up and harness */
    int64_t sram_bytes;    /* the sum */
    /* flash */
    int64_t weights_bytes;   /* weights and biases */
    int64_t constants_bytes; /* multipliers, shifts, tables, argument structs */
    int64_t code_bytes;      /* predicted */
    int64_t flash_bytes;     /* the sum, alignment included */
};

/* board: its core decides the code size. qmodel may be a skeleton: same bytes as the finished one. */
void footprint_of(struct footprint *out, const struct qmodel *qmodel, const struct schedule *schedule,
                  const struct board *board);

/* 0, or error_fit naming what does not fit and by how many bytes. what: "subnet 'r64 ...'", a file name, ...
 */
int footprint_check(const struct footprint *footprint, const struct board *board, const char *what);

#endif
