/*
 * calibrate.h - `mcunet boards calibrate`: measurements of `mcunet flash --measured` into the timing constants of a board file.
 */
#ifndef CLI_CALIBRATE_H
#define CLI_CALIBRATE_H

#include <stdbool.h>

struct arena;

/* files: measurements, each in the folder of the project that was measured, all of one board. board: NULL, or another file to start
 * from. output: where the new board file goes; NULL: nowhere. Prints the constants that change and what each measurement is off by, before and
 * after. */
int calibrate_board(char **files, int n, const char *board, const char *output, bool json, struct arena *arena);

#endif
