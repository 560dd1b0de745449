/*
 * check.h - random operators, guarded buffers and the verdict, for tests that run on the host and on a bare
 * Cortex-M.
 *
 * Everything a test needs comes from a fixed block of memory that is given back as a whole; the sequence of
 * random numbers is fixed, so host and targets see the same cases.
 */
#ifndef TESTS_KERNELS_DSP_CHECK_H
#define TESTS_KERNELS_DSP_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

enum { CHECK_GUARD_BYTES = 32, CHECK_GUARD = 0x5a };

static uint32_t check_state = 2463534242u;
static int check_failures, check_cases;

static inline uint32_t check_random(void)
{
    check_state ^= check_state << 13;
    check_state ^= check_state >> 17;
    check_state ^= check_state << 5;
    return check_state;
}

/* low <= value <= high */
static inline int32_t check_range(int32_t low, int32_t high)
{
    return low + (int32_t)(check_random() % (uint32_t)(high - low + 1));
}

/* Every fourth value is an extreme one. */
static inline int8_t check_int8(int32_t low)
{
    switch (check_random() >> 10 & 7) {
    case 0:
        return (int8_t)low;
    case 1:
        return 127;
    default:
        return (int8_t)check_range(low, 127);
    }
}

struct check_buffer {
    uint8_t *bytes;
    int32_t n;
};

/* n bytes at an address that is 4 k + misalign, guards before and after. */
static inline struct check_buffer check_alloc(int32_t n, int32_t misalign)
{
    struct check_buffer b = {malloc((size_t)n + 2 * CHECK_GUARD_BYTES + 4), n};
    if (!b.bytes) {
        printf("out of memory\n");
        exit(1);
    }
    memset(b.bytes, CHECK_GUARD, (size_t)n + 2 * CHECK_GUARD_BYTES + 4);
    b.bytes += CHECK_GUARD_BYTES + misalign;
    return b;
}

/* Frees; complains if a guard was written. */
static inline void check_free(struct check_buffer b, int32_t misalign, const char *what)
{
    for (int32_t i = 1; i <= CHECK_GUARD_BYTES; i++)
        if (b.bytes[-i] != CHECK_GUARD || b.bytes[b.n + i - 1] != CHECK_GUARD) {
            printf("%s: written outside at %d\n", what, (int)i);
            check_failures++;
            break;
        }
    free(b.bytes - CHECK_GUARD_BYTES - misalign);
}

static inline void check_same(const void *a, const void *b, int32_t n, const char *what)
{
    const int8_t *x = a, *y = b;
    check_cases++;
    for (int32_t i = 0; i < n; i++)
        if (x[i] != y[i]) {
            printf("%s: byte %d of %d is %d, reference %d\n", what, (int)i, (int)n, x[i], y[i]);
            check_failures++;
            return;
        }
}

static inline int check_verdict(const char *name)
{
    printf("%s: %d cases, %d failures\n", name, check_cases, check_failures);
    return check_failures ? 1 : 0;
}

static inline struct mcu_map check_map(void *data, int32_t h, int32_t w, int32_t c)
{
    return (struct mcu_map){.data = data,
                            .h = (int16_t)h,
                            .w = (int16_t)w,
                            .c = (int16_t)c,
                            .ring = (int16_t)h,
                            .row_step = 1,
                            .row_stride = w * c};
}

/* The same map bottom-up, in the same bytes. */
static inline struct mcu_map check_flip(struct mcu_map map)
{
    map.data += (map.h - 1) * map.row_stride;
    map.row_stride = -map.row_stride;
    return map;
}

/* A rolling buffer of `ring` rows for the map, in its own memory. */
static inline struct mcu_map check_ring(struct mcu_map map, int32_t ring, struct check_buffer *buffer)
{
    const int32_t row = map.w * map.c;
    *buffer = check_alloc(ring * row, 0);
    map.data = (int8_t *)buffer->bytes;
    map.ring = (int16_t)ring;
    map.row_step = 1;
    map.row_phase = 0;
    map.row_stride = row;
    return map;
}

/* Copies rows [*next, end) of a map into a rolling buffer. */
static inline void check_feed(const struct mcu_map *from, const struct mcu_map *ring, int32_t *next,
                              int32_t end)
{
    for (; *next < end && *next < from->h; (*next)++)
        memcpy(mcu_row(ring, *next), mcu_row(from, *next), (size_t)(from->w * from->c));
}

/* Multipliers with both ends of the range; which: shifts 0: 4 .. 10, 1: 2 .. 12 mostly, 2: 13 .. 31 too, 3:
 * lefts and 0, 1 too, 4: 0 .. 3. */
static inline void check_multipliers(int32_t *multiplier, int8_t *shift, int32_t n, int which)
{
    for (int32_t i = 0; i < n; i++) {
        multiplier[i] = (int32_t)((UINT32_C(1) << 30) + check_random() % (UINT32_C(1) << 30));
        if (i % 5 == 1)
            multiplier[i] = 1 << 30;
        if (i % 5 == 2)
            multiplier[i] = INT32_MAX;
        shift[i] = (int8_t)(which == 0   ? -check_range(4, 10)
                            : which == 1 ? -check_range(2, 12)
                            : which == 2 ? -check_range(2, i % 3 ? 16 : 31)
                            : which == 4 ? -check_range(0, 3)
                                         : check_range(-8, i % 3 ? 2 : 8));
        if (which >= 3 && i % 7 == 3)
            multiplier[i] = 0;
    }
}

#endif
