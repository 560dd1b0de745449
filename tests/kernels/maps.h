/*
 * maps.h - feature maps in every storage a schedule may choose, filled from and compared with dense (h, w, c)
 * arrays.
 */
#ifndef TESTS_KERNELS_MAPS_H
#define TESTS_KERNELS_MAPS_H

#include <stdint.h>

#include "engine/engine.h"

/*
 * WHOLE      slot y
 * BOTTOM_UP  data at the last slot, negative row_stride
 * SPACED     every second slot of a larger ring, gaps between slots, wrapping around
 * ROLLING    a ring of fewer rows than the map: rows must be put as they are needed
 */
enum storage_kind { WHOLE, BOTTOM_UP, SPACED, ROLLING, STORAGE_KINDS };

struct test_map {
    struct mcu_map map;
    int8_t *memory; /* guard bytes around it are checked */
    int bytes;
    int newest; /* ROLLING: rows up to this one have been put */
};

/* ring: rows kept by ROLLING. */
struct test_map map_create(enum storage_kind kind, int h, int w, int c, int ring);
void map_put_row(struct test_map *map, int y, const int8_t *dense);
/* Puts rows until `last` (clamped) is there; every row for the other kinds. */
void map_put_until(struct test_map *map, int last, const int8_t *dense);
/* Aborts the test with the position of the first difference. */
void map_check_row(const struct test_map *map, int y, const int8_t *expected, const char *what);
/* Checks the guard bytes and frees. */
void map_destroy(struct test_map *map);

/* Small deterministic numbers for the sweeps. */
uint32_t test_random(uint32_t *state);
int test_range(uint32_t *state, int low, int high); /* inclusive */
int8_t *random_bytes(uint32_t *state, int n);

/* Channel constants in the ranges that real networks have. */
struct channels {
    int32_t *bias, *multiplier;
    int8_t *shift;
};
struct channels channels_create(uint32_t *state, int n);
void channels_destroy(struct channels *channels);

#endif
