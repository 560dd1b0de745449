/*
 * emit_harness.h - the measuring firmware of a generated project: harness.elf and mlperf.elf for a board that
 * has a port, harness_emulator.elf and mlperf_emulator.elf for its QEMU stand-in. Private to codegen/.
 *
 * They are targets of build.ninja that nothing builds by default: `mcunet build --harness` and `mcunet flash
 * --measure` name them. model.c is compiled once more, with its hooks before each step.
 */
#ifndef CODEGEN_EMIT_HARNESS_H
#define CODEGEN_EMIT_HARNESS_H

#include <stdbool.h>

struct arena;
struct board;
struct emission;
struct strbuf;

/* Whether the board has a port. */
bool harness_has_port(const struct board *board);
/* Code that the port adds to firmware.elf: clock and caches. */
int harness_port_code_bytes(const struct board *board);
/* "build/arm/port_stm32f7.o", or NULL. */
const char *harness_port_object(const struct board *board, struct arena *arena);
/* Files under arm/ beyond arm_files that the board's port needs; ends with NULL. */
const char *const *harness_port_files(const struct board *board, struct arena *arena);
/* The edges. objects: what every program of the project links beside main and model.o, as in a `build` line.
 */
void emit_harness_build(struct strbuf *out, const struct emission *emission, const char *objects);

#endif
