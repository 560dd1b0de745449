/*
 * run.c - starts QEMU with the plugin, and reads what it counted.
 */
#include "boards/cycles/profile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/resource.h"
#include "base/strbuf.h"
#include "boards/board.h"
#include "boards/cycles/cycles.h"

enum { MAX_COUNTS_BYTES = 1 << 28 };

static const char plugin_name[] = "mcunet-cycles.so", setup_name[] = "setup", counts_name[] = "counts";

/* ---- set-up
 * -------------------------------------------------------------------------------------------------- */

static struct record_cache cache_of(const struct cache_spec *spec)
{
    if (spec->bytes == 0)
        return (struct record_cache){0};
    return (struct record_cache){(uint32_t)spec->ways,
                                 (uint32_t)(spec->bytes / spec->ways / spec->line_bytes),
                                 (uint32_t)spec->line_bytes};
}

static int write_setup(const char *path, const struct board *board, const struct marker_table *markers)
{
    const struct memory_region *flash = &board->emulator.flash, *ram = &board->emulator.ram;
    struct strbuf out = STRBUF_INIT;
    struct record_setup setup = {
        .magic = RECORD_MAGIC,
        .begin = markers->begin,
        .end = markers->end,
        .flash = {flash->origin, flash->origin + flash->bytes - 1},
        .ram = {1, 0},
        .fetch = cache_of(&board->timing.icache),
        .data = cache_of(&board->timing.dcache),
        .n_layers = (uint32_t)markers->n_layers,
        .n_markers = (uint32_t)markers->n_markers,
    };
    if (strcmp(board->core, "cortex-m7") == 0) /* the others cache flash only */
        setup.ram = (struct record_range){ram->origin, ram->origin + ram->bytes - 1};
    strbuf_add(&out, &setup, sizeof setup);
    strbuf_add(&out, markers->markers, (size_t)markers->n_markers * sizeof *markers->markers);
    int rc = file_write(path, out.text, out.length);
    strbuf_release(&out);
    return rc;
}

/* QEMU's option syntax: commas inside a value are doubled. */
static const char *escape(const char *text, struct arena *arena)
{
    char *out = arena_alloc(arena, 2 * strlen(text) + 1), *at = out;
    for (; *text; text++) {
        *at++ = *text;
        if (*text == ',')
            *at++ = ',';
    }
    return out;
}

/* ---- QEMU
 * ---------------------------------------------------------------------------------------------------- */

static const char *line_with(const char *text, const char *prefix, struct arena *arena)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!prefix || strncmp(line, prefix, strlen(prefix)) == 0)
            return arena_printf(arena, "%.*s", (int)strcspn(line, "\n"), line);
    return NULL;
}

static int report_failure(const char *elf, const struct process *qemu, double timeout_s, struct arena *arena)
{
    const char *text = arena_printf(arena, "%s\n%s", qemu->out ? qemu->out : "", qemu->err ? qemu->err : "");
    if (qemu->timed_out)
        return error("'%s' did not finish within %.0f s in the emulator", elf, timeout_s);
    const char *line = line_with(text, "fault: ", arena);
    if (!line)
        line = line_with(text, "error: ", arena);
    if (!line)
        line = line_with(qemu->err && *qemu->err ? qemu->err : text, NULL, arena);
    return error("'%s' stopped in the emulator: %s", elf, line && *line ? line : "no message");
}

static int run_qemu(const char *elf, const struct board *board, const char *folder, double timeout_s,
                    struct arena *arena)
{
    const char *plugin;
    int rc = resource_module(&plugin, plugin_name, arena);
    if (rc)
        return rc;
    const char *with =
        arena_printf(arena, "file=%s,setup=%s,out=%s", escape(plugin, arena), setup_name, counts_name);
    const char *argv[] = {"qemu-system-arm",
                          "-M",
                          board->emulator.machine,
                          "-display",
                          "none",
                          "-monitor",
                          "none",
                          "-serial",
                          "none",
                          "-nodefaults",
                          "-semihosting-config",
                          "enable=on,target=native,arg=mcunet",
                          "-kernel",
                          elf,
                          "-plugin",
                          with,
                          NULL};
    struct process qemu = {.argv = argv, .folder = folder, .timeout_s = timeout_s, .capture = true};
    rc = process_run(&qemu, arena);
    if (!rc && (qemu.exit_code != 0 || qemu.timed_out))
        rc = report_failure(elf, &qemu, timeout_s, arena);
    return rc;
}

/* What QEMU said when it did not load the plugin. */
static const char *refusal(const struct process *qemu, struct arena *arena)
{
    if (qemu->timed_out)
        return "qemu-system-arm does not answer";
    const char *line = line_with(*qemu->err ? qemu->err : qemu->out, NULL, arena);
    return arena_printf(arena, "qemu-system-arm does not load it%s%s", line ? ": " : "", line ? line : "");
}

int cycle_counter_probe(struct cycle_counter *out, struct arena *arena)
{
    enum { PROBE_TIMEOUT_S = 20 };
    *out = (struct cycle_counter){.path = resource_find_module(plugin_name, arena)};
    if (!out->path)
        out->problem = arena_printf(arena, "%s is missing: build or install mcunet again", plugin_name);
    else if (!process_find("qemu-system-arm", arena))
        out->problem = "qemu-system-arm is not installed";
    if (out->problem)
        return 0;
    const char *with = arena_printf(arena, "file=%s,%s=on", escape(out->path, arena), RECORD_PROBE);
    const char *argv[] = {"qemu-system-arm", "-M",      "none", "-display", "none",
                          "-nodefaults",     "-plugin", with,   NULL};
    struct process qemu = {.argv = argv, .timeout_s = PROBE_TIMEOUT_S, .capture = true};
    const int rc = process_run(&qemu, arena);
    if (rc)
        return rc;
    const char *answer = line_with(qemu.out, RECORD_PROBE_ANSWER, arena);
    if (!answer || sscanf(answer + strlen(RECORD_PROBE_ANSWER), "%d", &out->interface) != 1)
        out->problem = refusal(&qemu, arena);
    return 0;
}

int profile_run(struct profile *out, const char *elf, const struct board *board,
                const struct marker_table *markers, double timeout_s, struct arena *arena)
{
    char absolute[PATH_MAX];
    if (!process_find("qemu-system-arm", arena))
        return error_tool(
            "'qemu-system-arm' is not installed, and cycles cannot be estimated without it: apt install "
            "qemu-system-arm");
    if (!realpath(elf, absolute))
        return file_open_error(elf);
    const char *base = getenv("TMPDIR");
    char *folder = arena_printf(arena, "%s/mcunet-cycles-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(folder))
        return error("cannot create a folder for the emulator's files, '%s': %m", folder);
    const char *setup = path_join(arena, folder, setup_name), *counts = path_join(arena, folder, counts_name);
    int rc = write_setup(setup, board, markers);
    if (!rc)
        rc = run_qemu(absolute, board, folder, timeout_s, arena);
    if (!rc && !file_exists(counts))
        rc = error("the emulator left no counts of '%s'", elf);
    if (!rc)
        rc = profile_read(out, counts, arena);
    if (!rc && (out->header->passes == 0 || out->header->n_layers != (uint32_t)markers->n_layers))
        rc = error("'%s' never came from bench_begin() to bench_end() in the emulator", elf);
    unlink(setup);
    unlink(counts);
    rmdir(folder);
    return rc;
}

/* ---- counts
 * -------------------------------------------------------------------------------------------------- */

static int compare_arrivals(const void *a, const void *b)
{
    const struct record_arrival *x = a, *y = b;
    const uint32_t left[] = {x->to, x->from, x->layer}, right[] = {y->to, y->from, y->layer};
    for (int i = 0; i < 3; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

static bool is_consistent(const struct profile *p)
{
    for (uint32_t i = 0; i < p->header->n_layers; i++)
        if (p->layers[i].entered >= p->header->n_layers)
            return false;
    for (uint32_t i = 0; i < p->header->n_blocks; i++)
        if (p->blocks[i].code_offset > p->header->code_bytes ||
            p->blocks[i].bytes > p->header->code_bytes - p->blocks[i].code_offset)
            return false;
    for (uint32_t i = 0; i < p->header->n_arrivals; i++) {
        const struct record_arrival *a = &p->arrivals[i];
        if (a->to >= p->header->n_blocks || a->layer >= p->header->n_layers ||
            (a->from >= p->header->n_blocks && a->from != RECORD_NO_BLOCK))
            return false;
    }
    return true;
}

int profile_read(struct profile *out, const char *path, struct arena *arena)
{
    struct file file;
    int rc = file_read(&file, path, MAX_COUNTS_BYTES, arena);
    if (rc)
        return rc;
    const struct record_header *header = (const struct record_header *)file.data;
    if (file.size < sizeof *header || memcmp(header->magic, RECORD_MAGIC, sizeof RECORD_MAGIC) != 0)
        return error_input("%s: not a file of the cycle counter", path);
    const uint64_t layers = (uint64_t)header->n_layers * sizeof(struct record_layer),
                   blocks = (uint64_t)header->n_blocks * sizeof(struct record_block),
                   arrivals = (uint64_t)header->n_arrivals * sizeof(struct record_arrival);
    if (file.size != sizeof *header + layers + blocks + arrivals + header->code_bytes)
        return error_input("%s: truncated", path);
    const uint8_t *at = file.data + sizeof *header;
    out->header = header;
    out->layers = (const struct record_layer *)at;
    out->blocks = (const struct record_block *)(at + layers);
    struct record_arrival *sorted = arena_copy(arena, at + layers + blocks, arrivals);
    out->arrivals = sorted;
    out->code = at + layers + blocks + arrivals;
    if (!is_consistent(out))
        return error_input("%s: damaged", path);
    qsort(sorted, header->n_arrivals, sizeof *sorted, compare_arrivals);
    return 0;
}
