/*
 * board.h - a microcontroller board as data: boards/<name>.yml, read with libcyaml against a schema.
 */
#ifndef BOARDS_BOARD_H
#define BOARDS_BOARD_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

struct memory_region {
    const char *name; /* "flash", "sram", "dtcm", ... */
    uint32_t origin;
    uint32_t bytes;
    const char *kind;  /* "flash" or "ram" */
    const char *holds; /* what the linker puts there, words of "code", "arena", "stack" (with .data and .bss);
                          "": nothing */
};

struct emulator_spec {
    const char *machine; /* qemu-system-arm -M */
    struct memory_region flash, ram;
};

struct board {
    const char *name;  /* "stm32f746" */
    const char *title; /* "STM32F746G-DISCO" */
    const char *core;  /* "cortex-m7": gcc's -mcpu */
    const char *fpu;   /* -mfpu */
    int clock_mhz;
    int flash_wait_states;
    struct memory_region *regions;
    int n_regions;
    /* Bytes of the RAM region that holds the arena: what a network may use. When the stack lies in another
     * region (stm32h743: DTCM), that one is checked for itself and sram_bytes is for the arena. */
    int64_t sram_bytes;
    int64_t flash_bytes;
    const char *flash_method; /* "openocd", "st-flash", "dfu-util" */
    const char *flash_config;
    struct emulator_spec emulator;
    const char *source; /* where the constants come from */
};

/* name: of a shipped board, or a path to a .yml. Unknown: error_input listing what there is. */
int board_load(struct board **out, const char *name, struct arena *arena);
/* Names of the shipped boards, sorted. */
int board_list(const char *const **names, int *n, struct arena *arena);

/* The region that holds "code", "arena" or "stack"; never NULL for a board that board_load accepted. */
const struct memory_region *board_region(const struct board *board, const char *what);

#endif
