/*
 * board.h - a microcontroller board as data: boards/<name>.yml, read with libcyaml against a schema.
 * mcunet-boards(1) documents every key; board_check() says what is wrong with a file.
 */
#ifndef BOARDS_BOARD_H
#define BOARDS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
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

enum {
    /* At the far end of the emulator's flash and of its RAM: the harness that the board does not have. */
    EMULATOR_HARNESS_BYTES = 65536,
    BOARD_DEFAULT_BAUD = 115200,
};

/* LRU, sets = bytes / ways / line_bytes. bytes 0: there is none. */
struct cache_spec {
    int bytes, ways, line_bytes;
};

/*
 * What the cycle estimator needs beside clock_mhz and flash_wait_states. The model is chosen by `core`.
 *
 * The caches are those between core and flash: L1 of a Cortex-M7, whose data cache covers RAM too; ST's ART
 * accelerator of a Cortex-M4 and ICACHE of a Cortex-M33, where only flash is cached and RAM costs nothing. A
 * flash buffer of n words is a cache of n ways with lines of flash_word_bytes.
 */
struct timing_spec {
    bool known;           /* false: the file has no `timing:`; nothing can be estimated */
    int flash_word_bytes; /* what one flash access reads: L4R5 16 in single-bank mode, 8 in dual-bank */
    struct cache_spec icache, dcache;
#define TIMING(key, cores, minimum, maximum, unit, meaning) double key;
#include "boards/timing.inc"
#undef TIMING
};

struct energy_spec {
    double nj_per_cycle;  /* nanojoules a core cycle, whole microcontroller; 0: unknown */
    double error_percent; /* spread over networks */
};

/* How the measuring firmware talks: text for people and for the port file, which has the registers. */
struct uart_spec {
    const char *instance; /* "USART3"; "": unknown */
    const char *tx, *rx;  /* "PD8 AF7": pin and alternate function */
    const char *wired_to; /* "ST-LINK virtual COM port" */
    int baud;             /* BOARD_DEFAULT_BAUD when the file gives none */
};

/* Where the constants come from, by group; "": the file does not say. */
struct board_sources {
    const char *core;     /* core, fpu */
    const char *clock;    /* clock_mhz, flash_wait_states */
    const char *memory;   /* memory */
    const char *caches;   /* timing: flash_word_bytes, icache, dcache, bus_divider */
    const char *timing;   /* timing: the fitted numbers and error_percent */
    const char *energy;   /* energy */
    const char *flashing; /* flash_method, flash_config */
    const char *uart;     /* uart_... */
    const char *emulator; /* emulator */
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
    const char *flash_config; /* openocd: its scripts, blank-separated; dfu-util: USB id (0483:df11) or "" */
    const char *port;         /* boards/arm/port_<port>.c; "": none, the board cannot measure */
    struct uart_spec uart;
    struct timing_spec timing;
    struct energy_spec energy;
    struct emulator_spec emulator;
    const char *source; /* the documents, in short */
    struct board_sources sources;
};

/* name: of a shipped board, or a path to a .yml. Unknown: error_input listing what there is. Refuses whatever
 * would make a wrong build; sources and constants of the estimator may be missing (board_check() tells). */
int board_load(struct board **out, const char *name, struct arena *arena);
/* Names of the shipped boards, sorted. */
int board_list(const char *const **names, int *n, struct arena *arena);

/* Loads the board and checks all that can be known without the hardware: what board_load() refuses, a group
 * of constants without source, keys of the estimator's model missing or in excess, a missing port file. The
 * first problem is error_input with file and line. out may be NULL. */
int board_check(struct board **out, const char *name, struct arena *arena);

/* The region that holds "code", "arena" or "stack"; never NULL for a board that board_load accepted. */
const struct memory_region *board_region(const struct board *board, const char *what);

/* One key of timing.inc, for whoever prints or checks them all. */
struct timing_key {
    const char *name, *cores;
    double minimum, maximum;
    const char *unit, *meaning;
    size_t offset; /* of the double in struct timing_spec */
};

extern const struct timing_key timing_keys[];
extern const int n_timing_keys;

double timing_value(const struct timing_spec *timing, const struct timing_key *key);
/* Whether the model of this core takes the key. */
bool timing_key_applies(const struct timing_key *key, const char *core);

#endif
