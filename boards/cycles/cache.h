/*
 * cache.h - a set-associative cache with LRU replacement that remembers only which lines it holds.
 *
 * Used inside QEMU, once per executed block and per load or store, so it is small and inline.
 */
#ifndef BOARDS_CYCLES_CACHE_H
#define BOARDS_CYCLES_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "boards/cycles/record.h"

struct cache {
    uint32_t ways, set_mask;
    unsigned line_shift;
    uint64_t clock;
    uint32_t *lines; /* [set][way]: address >> line_shift, or CACHE_EMPTY */
    uint64_t *used;  /* [set][way]: clock of the last access; 0: never */
};

enum { CACHE_EMPTY = UINT32_MAX };

static inline bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

/* False: the shape is impossible (see record_cache), or no memory. ways 0 makes a cache that nothing may ask.
 */
static inline bool cache_init(struct cache *cache, const struct record_cache *shape)
{
    *cache = (struct cache){.ways = shape->ways};
    if (!shape->ways)
        return true;
    const size_t n = (size_t)shape->ways * shape->sets;
    if (!is_power_of_two(shape->sets) || !is_power_of_two(shape->line_bytes) || shape->line_bytes < 2 ||
        n > 1 << 20)
        return false;
    while (1u << cache->line_shift < shape->line_bytes)
        cache->line_shift++;
    cache->set_mask = shape->sets - 1;
    cache->lines = malloc(n * sizeof *cache->lines);
    cache->used = calloc(n, sizeof *cache->used);
    for (size_t i = 0; cache->lines && i < n; i++)
        cache->lines[i] = CACHE_EMPTY;
    return cache->lines && cache->used;
}

static inline void cache_release(struct cache *cache)
{
    free(cache->lines);
    free(cache->used);
    *cache = (struct cache){0};
}

/* Where a line is, or must go. Out of line: most accesses are found by the caller's hint. */
static inline uint32_t cache_search(const struct cache *cache, uint32_t line, bool *hit)
{
    const uint32_t first = (line & cache->set_mask) * cache->ways;
    uint32_t oldest = first;
    for (uint32_t slot = first; slot < first + cache->ways; slot++) {
        if (cache->lines[slot] == line) {
            *hit = true;
            return slot;
        }
        if (cache->used[slot] < cache->used[oldest])
            oldest = slot;
    }
    *hit = false;
    return oldest;
}

/* Reads or writes a line (address >> line_shift); returns whether it was there. *slot: where the caller saw
 * the line last (any value below ways * sets), and afterwards where it is. */
static inline bool cache_access(struct cache *cache, uint32_t line, uint32_t *slot)
{
    bool hit = cache->lines[*slot] == line;
    if (!hit)
        *slot = cache_search(cache, line, &hit);
    cache->lines[*slot] = line;
    cache->used[*slot] = ++cache->clock;
    return hit;
}

#endif
