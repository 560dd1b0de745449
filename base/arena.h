/*
 * arena.h - region allocator: many allocations, one release.
 *
 * Life cycle: struct arena a = ARENA_INIT; ... arena_release(&a). Memory is zeroed and aligned to 64 bytes
 * when it is 64 bytes or larger (vector loads), else to 16. Out of memory dies: a request derived from input
 * must be bounded by the parser before it gets here. Not thread safe: one arena per thread.
 *
 *     chunk:  [ header | used ............ | free ........ ]  ->  previous chunk
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *head;
    size_t bytes; /* handed out so far */
};

#define ARENA_INIT                                                                                           \
    {                                                                                                        \
        0                                                                                                    \
    }

void *arena_alloc(struct arena *arena, size_t bytes);
/* n elements of size bytes each; dies when n * bytes overflows. */
void *arena_array(struct arena *arena, size_t n, size_t bytes);
void *arena_copy(struct arena *arena, const void *data, size_t bytes);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *fmt, va_list args);
void arena_release(struct arena *arena);

#define ARENA_NEW(arena, type)      ((type *)arena_alloc(arena, sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_array(arena, n, sizeof(type)))

#endif
