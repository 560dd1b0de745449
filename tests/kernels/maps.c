#include "maps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD = 64, GUARD_BYTE = 0x5a };

struct test_map map_create(enum storage_kind kind, int h, int w, int c, int ring)
{
    struct test_map map = {.newest = -1};
    int gap = kind == SPACED ? 5 : 0, slots = kind == SPACED                ? 2 * h + 1
                                              : kind == ROLLING && ring < h ? ring
                                                                            : h;
    int stride = w * c + gap;
    map.bytes = slots * stride;
    map.memory = malloc((size_t)(map.bytes + 2 * GUARD));
    assert_non_null(map.memory);
    memset(map.memory, GUARD_BYTE, (size_t)(map.bytes + 2 * GUARD));
    int8_t *data = map.memory + GUARD;
    map.map = (struct mcu_map){data, (int16_t)h, (int16_t)w, (int16_t)c, (int16_t)slots, 1, 0, stride};
    if (kind == BOTTOM_UP) {
        map.map.data = data + (slots - 1) * stride;
        map.map.row_stride = -stride;
    }
    if (kind == SPACED) {
        map.map.row_step = 2;
        map.map.row_phase = (int16_t)(slots - 3);
    }
    if (kind == ROLLING)
        map.map.row_phase = (int16_t)(slots / 2);
    return map;
}

void map_put_row(struct test_map *map, int y, const int8_t *dense)
{
    int n = map->map.w * map->map.c;
    memcpy(mcu_row(&map->map, y), dense + y * n, (size_t)n);
}

void map_put_until(struct test_map *map, int last, const int8_t *dense)
{
    if (map->map.ring >= map->map.h || last >= map->map.h)
        last = map->map.h - 1;
    while (map->newest < last)
        map_put_row(map, ++map->newest, dense);
}

void map_check_row(const struct test_map *map, int y, const int8_t *expected, const char *what)
{
    int n = map->map.w * map->map.c;
    const int8_t *row = mcu_row(&map->map, y);
    for (int i = 0; i < n; i++)
        if (row[i] != expected[y * n + i])
            fail_msg("%s: (%d, %d, %d) is %d, expected %d", what, y, i / map->map.c, i % map->map.c, row[i],
                     expected[y * n + i]);
}

void map_destroy(struct test_map *map)
{
    for (int i = 0; i < GUARD; i++)
        if (map->memory[i] != GUARD_BYTE || map->memory[GUARD + map->bytes + i] != GUARD_BYTE)
            fail_msg("wrote outside the map");
    free(map->memory);
    map->memory = NULL;
}

uint32_t test_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

int test_range(uint32_t *state, int low, int high)
{
    return low + (int)(test_random(state) % (uint32_t)(high - low + 1));
}

int8_t *random_bytes(uint32_t *state, int n)
{
    int8_t *bytes = malloc((size_t)n);
    assert_non_null(bytes);
    for (int i = 0; i < n; i++)
        bytes[i] = (int8_t)test_range(state, -128, 127);
    return bytes;
}

struct channels channels_create(uint32_t *state, int n)
{
    struct channels channels = {malloc(sizeof(int32_t) * (size_t)n), malloc(sizeof(int32_t) * (size_t)n),
                                malloc((size_t)n)};
    assert_true(channels.bias && channels.multiplier && channels.shift);
    for (int i = 0; i < n; i++) {
        channels.bias[i] = test_range(state, -20000, 20000);
        channels.multiplier[i] = (int32_t)(1073741824u + test_random(state) * 64u % 1073741824u);
        channels.shift[i] = (int8_t)test_range(state, -11, -6);
    }
    channels.shift[n - 1] = 1; /* TFLite's left shift, then saturation by the clamp */
    return channels;
}

void channels_destroy(struct channels *channels)
{
    free(channels->bias);
    free(channels->multiplier);
    free(channels->shift);
}
