#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { CHUNK_BYTES = 64 << 10, WIDE_ALIGNMENT = 64, NARROW_ALIGNMENT = 16 };

struct arena_chunk {
    alignas(WIDE_ALIGNMENT) struct arena_chunk *previous;
    size_t size, used; /* of data[] */
    alignas(WIDE_ALIGNMENT) uint8_t data[];
};

static size_t align_up(size_t n, size_t alignment)
{
    return (n + alignment - 1) & ~(alignment - 1);
}

static struct arena_chunk *chunk_create(size_t size)
{
    size_t total;
    if (__builtin_add_overflow(size, sizeof(struct arena_chunk) + WIDE_ALIGNMENT, &total))
        die("arena: %zu bytes overflow the address space", size);
    struct arena_chunk *chunk = aligned_alloc(WIDE_ALIGNMENT, align_up(total, WIDE_ALIGNMENT));
    if (!chunk)
        die("out of memory: cannot allocate %zu bytes", size);
    *chunk = (struct arena_chunk){.size = size};
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t alignment = bytes >= WIDE_ALIGNMENT ? WIDE_ALIGNMENT : NARROW_ALIGNMENT;
    struct arena_chunk *head = arena->head;
    size_t offset = head ? align_up(head->used, alignment) : 0;

    if (!head || offset > head->size || bytes > head->size - offset) {
        /* A large request gets a chunk of its own behind the head, so that the head's free space stays in
         * use. */
        struct arena_chunk *chunk = chunk_create(bytes > CHUNK_BYTES / 4 ? bytes : CHUNK_BYTES);
        if (head && bytes > CHUNK_BYTES / 4) {
            chunk->previous = head->previous;
            head->previous = chunk;
        } else {
            chunk->previous = head;
            arena->head = chunk;
        }
        head = chunk;
        offset = 0;
    }
    void *memory = head->data + offset;
    head->used = offset + bytes;
    arena->bytes += bytes;
    return memset(memory, 0, bytes);
}

void *arena_array(struct arena *arena, size_t n, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(n, bytes, &total))
        die("arena: %zu elements of %zu bytes overflow", n, bytes);
    return arena_alloc(arena, total);
}

void *arena_copy(struct arena *arena, const void *data, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    return bytes ? memcpy(copy, data, bytes) : copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_vprintf(struct arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, fmt, args);
    if (length < 0)
        die("arena: bad format '%s'", fmt);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = arena_vprintf(arena, fmt, args);
    va_end(args);
    return text;
}

void arena_release(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->head; chunk;) {
        struct arena_chunk *previous = chunk->previous;
        free(chunk);
        chunk = previous;
    }
    *arena = (struct arena)ARENA_INIT;
}
