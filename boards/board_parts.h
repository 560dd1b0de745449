/*
 * board_parts.h - between board.c and board_check.c only.
 */
#ifndef BOARDS_BOARD_PARTS_H
#define BOARDS_BOARD_PARTS_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct board;

/* Which numbers of `timing:` the file gives, as bits by position in timing_keys[]. */
struct board_given {
    uint32_t timing;
};

/* board_load(), which also says what the file gave and where it lies. */
int board_read(struct board **out, struct board_given *given, const char **path, const char *name,
               struct arena *arena);

/* error_input "path:line: message"; the line is that of the dotted key. */
__attribute__((format(printf, 3, 4))) int board_error(const char *path, const char *key, const char *format,
                                                      ...);

/* What board_load() refuses beyond the schema. */
int board_validate(const struct board *board, const char *path, struct arena *arena);

/* Whether words (blank-separated) has word. */
bool board_has_word(const char *words, const char *word);

#endif
