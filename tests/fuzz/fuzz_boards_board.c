/* Any bytes as a board file: board_check() refuses them with exit code 3, or gives a board that everything
 * else may rely on. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "boards/board.h"
#include "fuzz.h"

static char folder[] = "/tmp/mcunet-fuzz-XXXXXX", path[64];

static void remove_folder(void)
{
    remove(path);
    rmdir(folder);
}

static void make_folder(void)
{
    if (!mkdtemp(folder))
        die("cannot make '%s'", folder);
    snprintf(path, sizeof path, "%s/board.yml", folder);
    atexit(remove_folder);
}

static bool divides(const struct cache_spec *cache)
{
    return cache->bytes == 0 ||
           (cache->ways > 0 && cache->line_bytes > 0 && cache->bytes / cache->ways / cache->line_bytes > 0);
}

static void rely_on(const struct board *board)
{
    const struct memory_region *code = board_region(board, "code"), *arena = board_region(board, "arena"),
                               *stack = board_region(board, "stack");
    if (!code || !arena || !stack)
        die("a region is missing");
    if (board->sram_bytes != arena->bytes || board->flash_bytes != code->bytes)
        die("sizes are not the regions'");
    if (board->emulator.flash.bytes < code->bytes || board->emulator.ram.bytes < arena->bytes)
        die("the emulator is too small");
    if (!divides(&board->timing.icache) || !divides(&board->timing.dcache))
        die("a cache without sets");
    for (int i = 0; i < n_timing_keys; i++) {
        double value = timing_value(&board->timing, &timing_keys[i]);
        if (board->timing.known && timing_key_applies(&timing_keys[i], board->core) &&
            !(value >= timing_keys[i].minimum && value <= timing_keys[i].maximum))
            die("'%s' is out of range", timing_keys[i].name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct board *board;
    if (!*path)
        make_folder();
    if (file_write(path, size ? (const void *)data : "", size))
        die("cannot write '%s'", path);
    int rc = board_load(&board, path, &arena);
    if (rc && rc != EXIT_INPUT)
        die("exit code %d", rc);
    if (!rc)
        rely_on(board);
    int checked = board_check(NULL, path, &arena);
    if (checked && checked != EXIT_INPUT)
        die("exit code %d of the check", checked);
    if (rc && !checked)
        die("the check passes what does not load");
    arena_release(&arena);
    return 0;
}
