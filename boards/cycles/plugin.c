/*
 * plugin.c - runs inside qemu-system-arm and counts, between bench_begin() and bench_end(): which
 * straight-line blocks followed which, in which layer, and what the caches missed. record.h has the files;
 * run.c starts QEMU.
 *
 * A program of its own (a shared module): QEMU's translation callback carries no user data, hence the one
 * static struct. Emulated boards have one core, so nothing here runs in parallel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boards/cycles/cache.h"
#include "boards/cycles/qemu_plugin.h"
#include "boards/cycles/record.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = QEMU_PLUGIN_OLD;

/* Runs as soon as the module is loaded, before QEMU asks which version it is: one module for all QEMUs. */
__attribute__((constructor)) static void choose_interface(void)
{
    if (qemu_plugin_num_vcpus)
        qemu_plugin_version = QEMU_PLUGIN_NEW;
}

struct block;

/* How often a block was reached from another in a layer. */
struct arrival {
    const struct block *from;
    uint32_t layer;
    uint64_t count;
    struct arrival *next;
};

struct block {
    uint32_t address, bytes, instructions, index;
    uint32_t first_line, last_line; /* of the instruction cache */
    uint32_t *slots;                /* where its lines were seen last */
    uint8_t *code;
    struct arrival *arrivals; /* most recent first: loops find theirs at once */
    struct block *chained;    /* same bucket */
};

enum { BUCKETS = 1 << 14 };
#define UNKNOWN_LINE UINT32_MAX

static struct counter {
    struct record_setup setup;
    const char *out;
    bool copies_instructions; /* QEMU's qemu_plugin_insn_data() */
    bool active;
    uint32_t passes;
    struct block *buckets[BUCKETS];

    /* Layers: for each word of flash from markers_first on, one more than the layer whose marker it is; 0:
     * none. */
    uint32_t markers_first, markers_bytes;
    uint16_t *marker_layers;
    struct record_layer *layers;
    uint32_t layer;   /* that runs now */
    uint64_t entered; /* layers so far */

    struct cache fetch, data;
    uint32_t data_slot;
    uint32_t fetched_line; /* the last one */

    /* The block that runs; it counts when it is complete, for the layer that it ended in. */
    struct block *running;
    const struct block *previous;
    uint64_t running_misses, running_sequential;
} counter;

static bool inside(const struct record_range *range, uint64_t address)
{
    return address >= range->first && address <= range->last;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "error: cycle counter: %s\n", what);
    exit(1);
}

static void *allocate(size_t n, size_t bytes)
{
    void *memory = calloc(n ? n : 1, bytes);
    if (!memory)
        give_up("out of memory");
    return memory;
}

/* ---- what runs
 * ----------------------------------------------------------------------------------------------- */

static void count_arrival(struct block *block, const struct block *from, uint32_t layer)
{
    for (struct arrival **at = &block->arrivals, *arrival; (arrival = *at); at = &arrival->next)
        if (arrival->from == from && arrival->layer == layer) {
            arrival->count++;
            *at = arrival->next;
            arrival->next = block->arrivals;
            block->arrivals = arrival;
            return;
        }
    struct arrival *arrival = allocate(1, sizeof *arrival);
    *arrival = (struct arrival){from, layer, 1, block->arrivals};
    block->arrivals = arrival;
}

static void settle(struct counter *c)
{
    if (!c->running)
        return;
    const struct arrival *recent = c->running->arrivals;
    if (recent && recent->from == c->previous && recent->layer == c->layer)
        c->running->arrivals->count++;
    else
        count_arrival(c->running, c->previous, c->layer);
    c->layers[c->layer].fetch_misses += c->running_misses;
    c->layers[c->layer].sequential_fetch_misses += c->running_sequential;
    c->running_misses = c->running_sequential = 0;
}

static void fetch_block(struct counter *c, const struct block *block)
{
    for (uint32_t line = block->first_line; line <= block->last_line; line++) {
        if (line == c->fetched_line)
            continue;
        const bool sequential = line == c->fetched_line + 1;
        c->fetched_line = line;
        if (!cache_access(&c->fetch, line, &block->slots[line - block->first_line])) {
            c->running_misses++;
            c->running_sequential += sequential;
        }
    }
}

static void block_entered(unsigned cpu, void *user)
{
    (void)cpu;
    struct counter *c = &counter;
    struct block *block = user;
    if (!c->active)
        return;
    settle(c);
    c->previous = c->running;
    c->running = block;
    if (block->slots)
        fetch_block(c, block);
}

static void enter_layer(struct counter *c, uint32_t layer)
{
    c->layer = layer;
    if (layer && !c->layers[layer].entered)
        c->layers[layer].entered = ++c->entered;
}

static void count_access(struct counter *c, uint32_t address, unsigned bytes, bool store)
{
    struct record_layer *layer = &c->layers[c->layer];
    layer->loads += !store;
    layer->stores += store;
    layer->unaligned += (address & (bytes - 1)) != 0;
    const bool flash = inside(&c->setup.flash, address), ram = inside(&c->setup.ram, address);
    if (!flash && !ram)
        return;
    const bool miss = c->data.ways && !cache_access(&c->data, address >> c->data.line_shift, &c->data_slot);
    if (flash) {
        layer->flash_accesses++;
        layer->flash_misses += miss;
    } else {
        layer->ram_accesses++;
        layer->ram_misses += miss;
    }
}

static void memory_accessed(unsigned cpu, uint32_t access, uint64_t address, void *user)
{
    (void)cpu, (void)user;
    struct counter *c = &counter;
    if (!c->active)
        return;
    const bool store = qemu_plugin_mem_is_store(access);
    const uint64_t into_markers = address - c->markers_first;
    if (into_markers < c->markers_bytes && !store && c->marker_layers[into_markers / 4])
        enter_layer(c, c->marker_layers[into_markers / 4] - 1u);

    /* Buses are a word wide. QEMU 7 loads the two registers of LDRD one by one, QEMU 10 at once. */
    const unsigned bytes = 1u << qemu_plugin_mem_size_shift(access);
    if (bytes <= 4)
        count_access(c, (uint32_t)address, bytes, store);
    for (unsigned at = 0; bytes > 4 && at < bytes; at += 4)
        count_access(c, (uint32_t)address + at, 4, store);
}

static void pass_begins(unsigned cpu, void *user)
{
    (void)cpu, (void)user;
    struct counter *c = &counter;
    for (int i = 0; i < BUCKETS; i++)
        for (struct block *block = c->buckets[i]; block; block = block->chained)
            for (struct arrival *arrival = block->arrivals; arrival; arrival = arrival->next)
                arrival->count = 0;
    memset(c->layers, 0, c->setup.n_layers * sizeof *c->layers);
    c->active = true;
    c->layer = 0;
    c->entered = 0;
    c->running = NULL;
    c->previous = NULL;
    c->running_misses = c->running_sequential = 0;
}

static void pass_ends(unsigned cpu, void *user)
{
    (void)cpu, (void)user;
    struct counter *c = &counter;
    if (!c->active)
        return;
    settle(c);
    c->active = false;
    c->passes++;
}

/* ---- what there is
 * ------------------------------------------------------------------------------------------- */

static struct block *find_block(struct counter *c, uint32_t address, uint32_t bytes)
{
    for (struct block *block = c->buckets[address / 2 % BUCKETS]; block; block = block->chained)
        if (block->address == address && block->bytes == bytes)
            return block;
    return NULL;
}

/* Bytes of an instruction, from its first halfword. QEMU's own figure for the last one of a page includes the
 * halfword that it looked at to see whether the next instruction crosses into the next page. */
static uint32_t instruction_bytes(const uint8_t *code)
{
    return code[1] >> 3 >= 0x1d ? 4 : 2;
}

/* Its machine code, in copy or in QEMU's memory. */
static const uint8_t *machine_code(const struct counter *c, const struct qemu_plugin_insn *instruction,
                                   uint8_t copy[4])
{
    if (!c->copies_instructions)
        return qemu_plugin_insn_code(instruction);
    const size_t bytes = qemu_plugin_insn_copy(instruction, copy, 4);
    if (bytes < 2 || bytes < instruction_bytes(copy))
        give_up("QEMU does not show the whole instruction");
    return copy;
}

static struct block *add_block(struct counter *c, const struct qemu_plugin_tb *tb, uint32_t bytes)
{
    struct block *block = allocate(1, sizeof *block);
    block->address = (uint32_t)qemu_plugin_tb_vaddr(tb);
    block->bytes = bytes;
    block->instructions = (uint32_t)qemu_plugin_tb_n_insns(tb);
    block->code = allocate(bytes, 1);
    uint32_t at = 0;
    for (size_t i = 0; i < block->instructions; i++) {
        uint8_t copy[4];
        const uint8_t *code = machine_code(c, qemu_plugin_tb_get_insn(tb, i), copy);
        const uint32_t length = instruction_bytes(code);
        memcpy(block->code + at, code, length);
        at += length;
    }
    if (c->fetch.ways && bytes && inside(&c->setup.flash, block->address)) {
        block->first_line = block->address >> c->fetch.line_shift;
        block->last_line = (block->address + bytes - 1) >> c->fetch.line_shift;
        block->slots = allocate(block->last_line - block->first_line + 1, sizeof *block->slots);
    }
    struct block **bucket = &c->buckets[block->address / 2 % BUCKETS];
    block->chained = *bucket;
    *bucket = block;
    return block;
}

static void block_translated(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    struct counter *c = &counter;
    uint32_t bytes = 0;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        uint8_t copy[4];
        bytes += instruction_bytes(machine_code(c, instruction, copy));
        if (address == c->setup.begin)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, pass_begins, QEMU_PLUGIN_NO_REGISTERS, NULL);
        if (address == c->setup.end)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, pass_ends, QEMU_PLUGIN_NO_REGISTERS, NULL);
        qemu_plugin_register_vcpu_mem_cb(instruction, memory_accessed, QEMU_PLUGIN_NO_REGISTERS,
                                         QEMU_PLUGIN_READS_AND_WRITES, NULL);
    }
    struct block *block = find_block(c, (uint32_t)qemu_plugin_tb_vaddr(tb), bytes);
    if (!block)
        block = add_block(c, tb, bytes);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_entered, QEMU_PLUGIN_NO_REGISTERS, block);
}

/* ---- files
 * --------------------------------------------------------------------------------------------------- */

static void put(FILE *file, const void *data, size_t n, size_t bytes)
{
    if (n && bytes && fwrite(data, bytes, n, file) != n)
        give_up("cannot write the counts");
}

static bool block_ran(const struct block *block)
{
    for (const struct arrival *arrival = block->arrivals; arrival; arrival = arrival->next)
        if (arrival->count)
            return true;
    return false;
}

/* Numbers the blocks that ran; the header's counts. */
static struct record_header number_blocks(struct counter *c)
{
    struct record_header header = {.magic = RECORD_MAGIC, .passes = c->passes, .n_layers = c->setup.n_layers};
    for (int i = 0; i < BUCKETS; i++)
        for (struct block *block = c->buckets[i]; block; block = block->chained) {
            if (!block_ran(block))
                continue;
            block->index = header.n_blocks++;
            header.code_bytes += block->bytes;
            for (const struct arrival *arrival = block->arrivals; arrival; arrival = arrival->next)
                header.n_arrivals += arrival->count != 0;
        }
    return header;
}

static void put_block(FILE *file, const struct block *block, int part, uint32_t *code_offset)
{
    const struct record_block record = {block->address, block->bytes, block->instructions, *code_offset};
    if (part == 0)
        put(file, &record, 1, sizeof record);
    *code_offset += block->bytes;
    for (const struct arrival *arrival = block->arrivals; part == 1 && arrival; arrival = arrival->next) {
        const struct record_arrival out = {arrival->from ? arrival->from->index : RECORD_NO_BLOCK,
                                           block->index, arrival->layer, 0, arrival->count};
        if (arrival->count)
            put(file, &out, 1, sizeof out);
    }
    if (part == 2)
        put(file, block->code, block->bytes, 1);
}

static void run_ends(uint64_t id, void *user)
{
    (void)id, (void)user;
    struct counter *c = &counter;
    FILE *file = fopen(c->out, "wb");
    if (!file)
        give_up("cannot write the counts");
    const struct record_header header = number_blocks(c);
    put(file, &header, 1, sizeof header);
    put(file, c->layers, c->setup.n_layers, sizeof *c->layers);
    for (int part = 0; part < 3; part++) { /* blocks, arrivals, code */
        uint32_t code_offset = 0;
        for (int i = 0; i < BUCKETS; i++)
            for (const struct block *block = c->buckets[i]; block; block = block->chained)
                if (block_ran(block))
                    put_block(file, block, part, &code_offset);
    }
    if (fclose(file))
        give_up("cannot write the counts");
}

static void add_marker(struct counter *c, const struct record_marker *marker)
{
    if (marker->layer >= c->setup.n_layers)
        give_up("cannot read the set-up");
    const uint32_t first = marker->address - c->markers_first;
    for (uint32_t byte = first; byte < first + marker->bytes; byte += 4)
        c->marker_layers[byte / 4] = (uint16_t)(marker->layer + 1);
}

static void read_markers(struct counter *c, FILE *file)
{
    const uint32_t n = c->setup.n_markers;
    struct record_marker *markers = allocate(n, sizeof *markers);
    if (n > RECORD_MAX_MARKERS || fread(markers, sizeof *markers, n, file) != n)
        give_up("cannot read the set-up");
    uint32_t first = UINT32_MAX, end = 0;
    for (uint32_t i = 0; i < n; i++) {
        first = markers[i].address < first ? markers[i].address : first;
        end = markers[i].address + markers[i].bytes > end ? markers[i].address + markers[i].bytes : end;
    }
    if (n && end > first && end - first < 1u << 26) {
        c->markers_first = first & ~3u;
        c->markers_bytes = end - c->markers_first;
        c->marker_layers = allocate(c->markers_bytes / 4 + 1, sizeof *c->marker_layers);
        for (uint32_t i = 0; i < n; i++)
            add_marker(c, &markers[i]);
    }
    free(markers);
}

static bool read_setup(struct counter *c, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fread(&c->setup, sizeof c->setup, 1, file) != 1 ||
        memcmp(c->setup.magic, RECORD_MAGIC, sizeof RECORD_MAGIC) != 0 || c->setup.n_layers < 1 ||
        c->setup.n_layers > RECORD_MAX_LAYERS)
        return false;
    c->layers = allocate(c->setup.n_layers, sizeof *c->layers);
    read_markers(c, file);
    fclose(file);
    return cache_init(&c->fetch, &c->setup.fetch) && cache_init(&c->data, &c->setup.data);
}

static const char *value_of(int argc, char **argv, const char *key)
{
    const size_t length = strlen(key);
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], key, length) == 0 && argv[i][length] == '=')
            return argv[i] + length + 1;
    return NULL;
}

EXPORT int qemu_plugin_install(uint64_t id, const qemu_info_t *info, int argc, char **argv)
{
    if (value_of(argc, argv, RECORD_PROBE)) { /* only: does QEMU load this? */
        printf(RECORD_PROBE_ANSWER "%d\n", info->interface.own);
        fflush(stdout);
        _exit(0);
    }
    const char *setup = value_of(argc, argv, "setup"), *out = value_of(argc, argv, "out");
    if (!setup || !out || !read_setup(&counter, setup)) {
        fprintf(stderr, "error: cycle counter: bad set-up\n");
        return -1;
    }
    counter.out = strdup(out);
    counter.fetched_line = UNKNOWN_LINE;
    counter.copies_instructions = info->interface.own >= QEMU_PLUGIN_COPIES_INSTRUCTIONS;
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, run_ends, NULL);
    return 0;
}
