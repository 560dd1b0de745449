/*
 * record.h - the two files between the estimator and its QEMU plugin: what to count, and what was counted.
 *
 * Both programs run on the same machine one after the other, so the files hold these structs as they are, in
 * this order:
 *
 *     setup:  record_setup | record_marker[n_markers]
 *     counts: record_header | record_layer[n_layers] | record_block[n_blocks] | record_arrival[n_arrivals] |
 * code[code_bytes]
 *
 * Counting runs from bench_begin() to bench_end(); of several passes the last one counts, so that it finds
 * the caches as the ones before left them. A layer is what runs from one read of its marker (the constant
 * argument struct that a kernel reads first thing) to the next read of another's. Layer 0 is whatever runs
 * before the first.
 */
#ifndef BOARDS_CYCLES_RECORD_H
#define BOARDS_CYCLES_RECORD_H

#include <stdint.h>

#define RECORD_MAGIC "mcucyc1"

/* With this option the plugin only says that QEMU loaded it, and the version of QEMU's plugin interface, and ends it.
 */
#define RECORD_PROBE "probe"
#define RECORD_PROBE_ANSWER "cycle counter: QEMU plugin interface "

enum { RECORD_MAX_LAYERS = 1 << 14, RECORD_MAX_MARKERS = 1 << 16 };

/* Least-recently-used, allocating on reads and writes. Sets and line_bytes are powers of two; ways 0: none.
 */
struct record_cache {
    uint32_t ways, sets, line_bytes;
};

struct record_range {
    uint32_t first, last; /* last address inside; first > last: nothing */
};

struct record_setup {
    char magic[8];
    uint32_t begin, end;       /* addresses of bench_begin, bench_end, without the Thumb bit */
    struct record_range flash; /* fetches and loads that go through the caches */
    struct record_range ram;   /* data that goes through the data cache */
    struct record_cache fetch, data;
    uint32_t n_layers, n_markers;
};

struct record_marker {
    uint32_t address, bytes, layer; /* layer < n_layers */
};

struct record_header {
    char magic[8];
    uint32_t passes; /* complete ones */
    uint32_t n_layers, n_blocks, n_arrivals, code_bytes;
    uint32_t reserved;
};

/* Memory of one layer. */
struct record_layer {
    uint64_t fetch_misses;            /* lines fetched from flash */
    uint64_t sequential_fetch_misses; /* of those, the line after the one executed before */
    uint64_t flash_accesses, flash_misses;
    uint64_t ram_accesses, ram_misses;
    uint64_t loads, stores;
    uint64_t unaligned; /* loads and stores not aligned to their size */
    uint64_t
        entered; /* 1: the first layer whose marker was read, 2: the second, ...; 0: none was, or layer 0 */
};

/* Straight-line code. */
struct record_block {
    uint32_t address, bytes, instructions;
    uint32_t code_offset; /* of its machine code, in code[] */
};

enum { RECORD_NO_BLOCK = UINT32_MAX };

/* How often block `to` ran to its end in a layer, having come from block `from`. */
struct record_arrival {
    uint32_t from, to; /* indices; from may be RECORD_NO_BLOCK */
    uint32_t layer, reserved;
    uint64_t count;
};

#endif
