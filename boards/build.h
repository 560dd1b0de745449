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

struct elf_size {
    int64_t flash_bytes;  /* everything loaded into flash */
    int64_t code_bytes;   /* .text, vectors */
    int64_t rodata_bytes; /* weights and constants as linked */
    int64_t ram_bytes;    /* .data + .bss + arena, without the stack */
    int64_t arena_bytes;  /* symbol mcu_arena */
    int64_t stack_bytes;  /* reserved by the linker script */
};

/* Builds folder/firmware.elf, or with emulator folder/emulator.elf. No cross compiler or ninja: error_tool
 * (what to install). A compile error: error with the compiler's first lines. */
int firmware_build(const char *folder, bool emulator, int jobs, bool quiet);
int elf_measure(struct elf_size *out, const char *elf_path, struct arena *arena);
/* Linked totals against the board: error_fit by how many bytes. */
int firmware_check(const struct elf_size *size, const struct board *board);

#endif
