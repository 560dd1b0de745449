/*
 * cmd_boards.c - mcunet boards: what boards there are, and one of them in full.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "boards/board.h"
#include "cli/commands.h"

static json_t *region_json(const struct memory_region *region)
{
    return json_pack("{s:s, s:I, s:I, s:s, s:s}", "name", region->name, "origin", (json_int_t)region->origin,
                     "bytes", (json_int_t)region->bytes, "kind", region->kind ? region->kind : "", "holds",
                     region->holds ? region->holds : "");
}

static const char *or_none(const char *text)
{
    return text ? text : "";
}

static json_t *board_json(const struct board *board)
{
    json_t *regions = json_array();
    for (int i = 0; i < board->n_regions; i++)
        json_array_append_new(regions, region_json(&board->regions[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:o, s:{s:s, s:s}, s:{s:s}, s:s}", "name",
                     board->name, "title", board->title, "core", board->core, "fpu", or_none(board->fpu),
                     "clock_mhz", board->clock_mhz, "flash_wait_states", board->flash_wait_states,
                     "sram_bytes", (json_int_t)board->sram_bytes, "flash_bytes",
                     (json_int_t)board->flash_bytes, "regions", regions, "flash", "method",
                     or_none(board->flash_method), "config", or_none(board->flash_config), "emulator",
                     "machine", or_none(board->emulator.machine), "source", or_none(board->source));
}

static void print_board(const struct board *board)
{
    printf("%s: %s\n", board->name, board->title);
    printf("  core              %s at %d MHz, %d flash wait states\n", board->core, board->clock_mhz,
           board->flash_wait_states);
    printf("  SRAM              %lld bytes (%lld kB) for arena, stack and runtime\n",
           (long long)board->sram_bytes, (long long)(board->sram_bytes >> 10));
    printf("  flash             %lld bytes (%lld kB)\n", (long long)board->flash_bytes,
           (long long)(board->flash_bytes >> 10));
    printf("  flashed with      %s\n", or_none(board->flash_method));
    printf("  emulated by       qemu-system-arm -M %s\n", or_none(board->emulator.machine));
    printf("  memory\n");
    for (int i = 0; i < board->n_regions; i++) {
        const struct memory_region *region = &board->regions[i];
        printf("    %-10s 0x%08x .. 0x%08llx  %8u bytes  %s%s%s\n", region->name, region->origin,
               (unsigned long long)region->origin + region->bytes - 1, region->bytes, region->kind,
               *or_none(region->holds) ? ": " : "", or_none(region->holds));
    }
    if (*or_none(board->source))
        printf("  source            %s\n", board->source);
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
        printf("%-12s %-22s %-12s %6s %9s %9s  %s\n", "name", "board", "core", "MHz", "SRAM kB", "flash kB",
               "emulator");
    for (int i = 0; i < n && !rc; i++) {
        struct board *board;
        rc = board_load(&board, names[i], arena);
        if (rc)
            break;
        if (json)
            json_array_append_new(list, board_json(board));
        else
            printf("%-12s %-22s %-12s %6d %9lld %9lld  %s\n", board->name, board->title, board->core,
                   board->clock_mhz, (long long)(board->sram_bytes >> 10),
                   (long long)(board->flash_bytes >> 10), or_none(board->emulator.machine));
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

int cmd_boards(int argc, char **argv)
{
    static const char usage[] =
        "mcunet boards [NAME|FILE.yml] [options]\n\n"
        "Lists the boards that ship with mcunet, or shows one in full: core, clock, memory map,\n"
        "how it is flashed and what emulates it.";
    bool json = false;
    const struct option_spec options[] = {
        OPTION_FLAG(0, "json", &json, "print JSON on stdout"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc > 1)
        return error_usage("expected one board at most, got '%s' too", argv[1]);

    struct arena arena = ARENA_INIT;
    rc = argc ? show_board(argv[0], json, &arena) : list_boards(json, &arena);
    arena_release(&arena);
    return rc;
}
