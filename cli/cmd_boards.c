/*
 * cmd_boards.c - mcunet boards: what boards there are, one of them in full, and whether a board file is
 * right.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "boards/board.h"
#include "cli/calibrate.h"
#include "cli/commands.h"

static json_t *region_json(const struct memory_region *region)
{
    return json_pack("{s:s, s:I, s:I, s:s, s:s}", "name", region->name, "origin", (json_int_t)region->origin,
                     "bytes", (json_int_t)region->bytes, "kind", region->kind, "holds", region->holds);
}

static json_t *cache_json(const struct cache_spec *cache)
{
    return cache->bytes ? json_pack("{s:i, s:i, s:i}", "bytes", cache->bytes, "ways", cache->ways,
                                    "line_bytes", cache->line_bytes)
                        : json_null();
}

static json_t *timing_json(const struct board *board)
{
    const struct timing_spec *timing = &board->timing;
    if (!timing->known)
        return json_null();
    json_t *out = json_pack("{s:i, s:o, s:o}", "flash_word_bytes", timing->flash_word_bytes, "icache",
                            cache_json(&timing->icache), "dcache", cache_json(&timing->dcache));
    for (int i = 0; i < n_timing_keys; i++)
        if (timing_key_applies(&timing_keys[i], board->core))
            json_object_set_new(out, timing_keys[i].name, json_real(timing_value(timing, &timing_keys[i])));
    return out;
}

/* The groups of struct board_sources, in the order in which they are shown. */
static const struct source_group {
    const char *name;
    size_t offset;
} source_groups[] = {
#define GROUP(name)                                                                                          \
    {                                                                                                        \
#name, offsetof(struct board_sources, name)                                                          \
    }
    GROUP(core),   GROUP(clock),    GROUP(memory), GROUP(caches),   GROUP(timing),
    GROUP(energy), GROUP(flashing), GROUP(uart),   GROUP(emulator),
#undef GROUP
};

enum { SOURCE_GROUPS = sizeof source_groups / sizeof *source_groups };

static const char *source_of(const struct board *board, const struct source_group *group)
{
    const char *text;
    memcpy(&text, (const char *)&board->sources + group->offset, sizeof text);
    return text;
}

static json_t *sources_json(const struct board *board)
{
    json_t *out = json_object();
    for (size_t i = 0; i < SOURCE_GROUPS; i++)
        json_object_set_new(out, source_groups[i].name, json_string(source_of(board, &source_groups[i])));
    return out;
}

static json_t *board_json(const struct board *board)
{
    const struct uart_spec *uart = &board->uart;
    json_t *regions = json_array();
    for (int i = 0; i < board->n_regions; i++)
        json_array_append_new(regions, region_json(&board->regions[i]));
    json_t *energy = board->energy.nj_per_cycle > 0
                         ? json_pack("{s:f, s:f}", "nj_per_cycle", board->energy.nj_per_cycle,
                                     "error_percent", board->energy.error_percent)
                         : json_null();
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:o, s:{s:s, s:s}, s:s}", "name",
                            board->name, "title", board->title, "core", board->core, "fpu", board->fpu,
                            "clock_mhz", board->clock_mhz, "flash_wait_states", board->flash_wait_states,
                            "sram_bytes", (json_int_t)board->sram_bytes, "flash_bytes",
                            (json_int_t)board->flash_bytes, "regions", regions, "flash", "method",
                            board->flash_method, "config", board->flash_config, "source", board->source);
    json_t *more = json_pack("{s:o, s:o, s:s, s:{s:s, s:s, s:s, s:s, s:i}, s:{s:s, s:o, s:o}, s:o}", "timing",
                             timing_json(board), "energy", energy, "port", board->port, "uart", "instance",
                             uart->instance, "tx", uart->tx, "rx", uart->rx, "wired_to", uart->wired_to,
                             "baud", uart->baud, "emulator", "machine", board->emulator.machine, "flash",
                             region_json(&board->emulator.flash), "ram", region_json(&board->emulator.ram),
                             "sources", sources_json(board));
    json_object_update(out, more);
    json_decref(more);
    return out;
}

static void print_cache(const char *what, const struct cache_spec *cache)
{
    if (cache->bytes)
        printf("  %-17s %d bytes: %d sets, %d ways, lines of %d bytes\n", what, cache->bytes,
               cache->bytes / cache->ways / cache->line_bytes, cache->ways, cache->line_bytes);
    else
        printf("  %-17s none\n", what);
}

static void print_timing(const struct board *board)
{
    const struct timing_spec *timing = &board->timing;
    if (!timing->known) {
        printf("  timing            unknown: nothing can be estimated\n");
        return;
    }
    print_cache("I-cache", &timing->icache);
    print_cache("D-cache", &timing->dcache);
    printf("  timing\n");
    printf("    %-24s %8d bytes   one access to the flash\n", "flash_word_bytes", timing->flash_word_bytes);
    for (int i = 0; i < n_timing_keys; i++)
        if (timing_key_applies(&timing_keys[i], board->core))
            printf("    %-24s %8g %-7s %s\n", timing_keys[i].name, timing_value(timing, &timing_keys[i]),
                   timing_keys[i].unit, timing_keys[i].meaning);
}

static void print_region(const struct memory_region *region)
{
    printf("    %-10s 0x%08x .. 0x%08llx  %8u bytes  %s%s%s\n", region->name, region->origin,
           (unsigned long long)region->origin + region->bytes - 1, region->bytes, region->kind,
           *region->holds ? ": " : "", region->holds);
}

static void print_board(const struct board *board)
{
    const struct uart_spec *uart = &board->uart;
    printf("%s: %s\n", board->name, board->title);
    printf("  core              %s (%s) at %d MHz, %d flash wait states\n", board->core, board->fpu,
           board->clock_mhz, board->flash_wait_states);
    printf("  SRAM              %lld bytes (%lld kB) for arena, stack and runtime\n",
           (long long)board->sram_bytes, (long long)(board->sram_bytes >> 10));
    printf("  flash             %lld bytes (%lld kB)\n", (long long)board->flash_bytes,
           (long long)(board->flash_bytes >> 10));
    printf("  memory\n");
    for (int i = 0; i < board->n_regions; i++)
        print_region(&board->regions[i]);
    print_timing(board);
    if (board->energy.nj_per_cycle > 0)
        printf("  energy            %g nJ a cycle, within %g %%\n", board->energy.nj_per_cycle,
               board->energy.error_percent);
    else
        printf("  energy            unknown\n");
    printf("  flashed with      %s%s%s\n", board->flash_method, *board->flash_config ? ", " : "",
           board->flash_config);
    if (*board->port)
        printf("  measured over     %s, TX %s, RX %s, %d baud%s%s; port %s\n", uart->instance, uart->tx,
               uart->rx, uart->baud, *uart->wired_to ? ": " : "", uart->wired_to, board->port);
    else
        printf("  measured over     nothing: no port\n");
    printf("  emulated by       qemu-system-arm -M %s\n", board->emulator.machine);
    print_region(&board->emulator.flash);
    print_region(&board->emulator.ram);
    printf("  sources           %s\n", board->source);
    for (size_t i = 0; i < SOURCE_GROUPS; i++)
        if (*source_of(board, &source_groups[i]))
            printf("    %-10s %s\n", source_groups[i].name, source_of(board, &source_groups[i]));
}

static int list_boards(bool json, struct arena *arena)
{
    const char *const *names;
    int n;
    int rc = board_list(&names, &n, arena);
    if (rc)
        return rc;
    json_t *list = json_array();
    if (!json)
        printf("%-12s %-26s %-12s %6s %9s %9s  %s\n", "name", "board", "core", "MHz", "SRAM kB", "flash kB",
               "emulator");
    for (int i = 0; i < n && !rc; i++) {
        struct board *board;
        rc = board_load(&board, names[i], arena);
        if (rc)
            break;
        if (json)
            json_array_append_new(list, board_json(board));
        else
            printf("%-12s %-26s %-12s %6d %9lld %9lld  %s\n", board->name, board->title, board->core,
                   board->clock_mhz, (long long)(board->sram_bytes >> 10),
                   (long long)(board->flash_bytes >> 10), board->emulator.machine);
    }
    if (!rc && json) {
        json_t *top = json_pack("{s:i, s:s, s:s, s:O}", "schema_version", 1, "tool_version", MCUNET_VERSION,
                                "kind", "boards", "boards", list);
        rc = json_print(top);
        json_decref(top);
    }
    json_decref(list);
    return rc;
}

static int show_board(const char *name, bool json, struct arena *arena)
{
    struct board *board;
    int rc = board_load(&board, name, arena);
    if (rc)
        return rc;
    if (!json) {
        print_board(board);
        return 0;
    }
    json_t *top = board_json(board);
    json_object_set_new(top, "schema_version", json_integer(1));
    json_object_set_new(top, "tool_version", json_string(MCUNET_VERSION));
    json_object_set_new(top, "kind", json_string("board"));
    rc = json_print(top);
    json_decref(top);
    return rc;
}

/* One line a board; the first that is wrong ends it. */
static int check_boards(char **names, int n, bool json, struct arena *arena)
{
    const char *const *shipped;
    int rc = 0;
    if (n == 0)
        rc = board_list(&shipped, &n, arena);
    else
        shipped = (const char *const *)names;
    json_t *checked = json_array();
    for (int i = 0; i < n && !rc; i++) {
        struct board *board;
        rc = board_check(&board, shipped[i], arena);
        if (rc)
            break;
        if (json)
            json_array_append_new(
                checked, json_pack("{s:s, s:b, s:b, s:b}", "name", board->name, "timing", board->timing.known,
                                   "energy", board->energy.nj_per_cycle > 0, "port", *board->port != '\0'));
        else
            printf("%-12s ok: timing %s, energy %s, %s\n", board->name,
                   board->timing.known ? "known" : "unknown",
                   board->energy.nj_per_cycle > 0 ? "known" : "unknown",
                   *board->port ? "can be measured" : "cannot be measured (no port)");
    }
    if (!rc && json) {
        json_t *top = json_pack("{s:i, s:s, s:s, s:O}", "schema_version", 1, "tool_version", MCUNET_VERSION,
                                "kind", "board_check", "boards", checked);
        rc = json_print(top);
        json_decref(top);
    }
    json_decref(checked);
    return rc;
}

int cmd_boards(int argc, char **argv)
{
    static const char usage[] =
        "mcunet boards [NAME|FILE.yml] [options]\n"
        "       mcunet boards check [NAME|FILE.yml]... [options]\n"
        "       mcunet boards calibrate MEASURED.json... [-o NEW.yml] [options]\n\n"
        "Lists the boards that ship with mcunet, or shows one in full: core, clock, memory map,\n"
        "constants of the cycle estimator, how it is flashed and measured, what emulates it, and\n"
        "where each figure comes from. `check` validates board files: yours, or all that ship.\n"
        "`calibrate` fits the estimator's constants to measurements of `mcunet flash --measure`.";
    bool json = false;
    const char *output = NULL, *from = NULL;
    const struct option_spec options[] = {
        OPTION_STRING('o', "output", "FILE.yml", &output, "calibrate: write the board file with the new constants"),
        OPTION_STRING(0, "board", "NAME", &from, "calibrate: start from this board, not the one that was measured"),
        OPTION_FLAG(0, "json", &json, "print JSON on stdout"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    bool check = argc && strcmp(argv[0], "check") == 0;
    bool fit = argc && strcmp(argv[0], "calibrate") == 0;
    if ((output || from) && !fit)
        return error_usage("boards: -o and --board go with calibrate");
    if (argc > 1 && !check && !fit)
        return error_usage("expected one board at most, got '%s' too", argv[1]);

    struct arena arena = ARENA_INIT;
    rc = check  ? check_boards(argv + 1, argc - 1, json, &arena)
         : fit  ? calibrate_board(argv + 1, argc - 1, from, output, json, &arena)
         : argc ? show_board(argv[0], json, &arena)
                : list_boards(json, &arena);
    arena_release(&arena);
    return rc;
}
