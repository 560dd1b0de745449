/*
 * build.h - from a generated project to an ELF (Ninja + arm-none-eabi-gcc), and a look at what came out
 * (libelf).
 */
#ifndef BOARDS_BUILD_H
#define BOARDS_BUILD_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct board;

/* Bytes by section of the linker template. What only the emulator's harness has (.harness_*) is not counted.
 */
struct elf_size {
    int64_t flash_bytes;     /* everything loaded into flash: code, constants, weights, .data */
    int64_t code_bytes;      /* .text: vectors, code, read-only data of the kernels */
    int64_t weights_bytes;   /* .weights */
    int64_t constants_bytes; /* .constants */
    int64_t rodata_bytes;    /* weights and constants */
    int64_t ram_bytes;       /* .data + .bss + .arena, without the stack */
    int64_t arena_bytes;     /* .arena, i.e. the symbol mcu_arena */
    int64_t stack_bytes;     /* .stack: reserved by the linker script */
};

/* Builds folder/firmware.elf, or with emulator folder/emulator.elf. jobs 0: as Ninja likes. No cross compiler
 * or ninja: error_tool (what to install). A compile error: error with the compiler's first lines. A memory of
 * the board overflows: error_fit (by how many bytes). */
int firmware_build(const char *folder, bool emulator, int jobs, bool quiet);
/* The same for any program of the project: "harness.elf", "mlperf_emulator.elf", ... */
int firmware_build_elf(const char *folder, const char *elf, int jobs, bool quiet);
/* error_input when it is not a firmware of ours. */
int elf_measure(struct elf_size *out, const char *elf_path, struct arena *arena);
/* Linked totals against the board: error_fit by how many bytes. */
int firmware_check(const struct elf_size *size, const struct board *board);

#endif
