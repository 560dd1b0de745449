/*
 * estimate.h - estimated cycles of a generated project, as `profile` and `emulate` show them.
 */
#ifndef CLI_ESTIMATE_H
#define CLI_ESTIMATE_H

#include <jansson.h>

struct board;
struct stage;

/* Builds folder/emulator.elf when it is missing or out of date, and estimates it for the board: the value of
 * "estimate" in results, with clock, wait states, caches, compiler, flags, the model's error, the whole and
 * the layers. board must be of the core that the project was compiled for. timeout_s: of the emulator. */
int estimate_project(json_t **out, struct stage *stage, const char *folder, const struct board *board,
                     double timeout_s);
/* The same as text on stdout. */
void estimate_print(const json_t *estimate);

/* The board of a generated project: --board, else the one that its schedule.json names. */
int project_board(struct stage *stage, const char *folder, struct board **out);

#endif
