/*
 * memory.c - the functions that gcc calls on its own for copies and fills; with them nothing of a C library
 * is linked.
 */
#include <stddef.h>
#include <stdint.h>

/* gcc would turn these very loops into calls of themselves. */
#if defined(__GNUC__) && !defined(__clang__)
#define PLAIN_LOOP __attribute__((optimize("no-tree-loop-distribute-patterns")))
#else
#define PLAIN_LOOP
#endif

void *memcpy(void *restrict out, const void *restrict in, size_t n);
void *memset(void *out, int value, size_t n);

PLAIN_LOOP void *memcpy(void *restrict out, const void *restrict in, size_t n)
{
    uint8_t *to = out;
    const uint8_t *from = in;
    while (n--)
        *to++ = *from++;
    return out;
}

PLAIN_LOOP void *memset(void *out, int value, size_t n)
{
    uint8_t *to = out;
    while (n--)
        *to++ = (uint8_t)value;
    return out;
}
