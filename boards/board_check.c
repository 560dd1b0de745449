#include "boards/board.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/resource.h"
#include "base/yaml.h"
#include "boards/board_parts.h"

int board_error(const char *path, const char *key, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int line = yaml_key_line(path, key);
    return line ? error_input("%s:%d: %s", path, line, text) : error_input("%s: %s", path, text);
}

bool board_has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

/* ---- what board_load() refuses ----------------------------------------------------------------------------
 */

/* The cores that boards/arm/, the linker template and the cycle estimator are written for, and the FPUs they
 * come with. */
static const struct core {
    const char *name, *fpus;
    char digit; /* in timing.inc */
} cores[] = {
    {"cortex-m4", "fpv4-sp-d16", '4'},
    {"cortex-m7", "fpv5-sp-d16 fpv5-d16", '7'},
    {"cortex-m33", "fpv5-sp-d16", '3'},
};

static int check_core(const struct board *board, const char *path, struct arena *arena)
{
    const char *known = "";
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        if (strcmp(board->core, cores[i].name) == 0)
            return board_has_word(cores[i].fpus, board->fpu)
                       ? 0
                       : board_error(path, "fpu", "'fpu' of a %s must be one of: %s, not '%s'", board->core,
                                     cores[i].fpus, board->fpu);
        known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", cores[i].name);
    }
    return board_error(path, "core", "unknown core '%s'; known are: %s", board->core, known);
}

/* The name becomes a macro and a file name. */
static int check_name(const struct board *board, const char *path)
{
    for (const char *at = board->name; *at; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && *at != '_')
            return board_error(
                path, "name", "'name' may have lower-case letters, digits and _ only, not '%s'", board->name);
    return 0;
}

static int check_region(const struct memory_region *region, const char *path, const char *key)
{
    if (strcmp(region->kind, "flash") != 0 && strcmp(region->kind, "ram") != 0)
        return board_error(path, key, "memory '%s': 'kind' must be flash or ram, not '%s'", region->name,
                           region->kind);
    if (region->bytes == 0 || region->bytes % 8 || region->origin % 8)
        return board_error(path, key,
                           "memory '%s': 'origin' and 'bytes' must be multiples of 8, and 'bytes' not 0",
                           region->name);
    if ((uint64_t)region->origin + region->bytes > UINT64_C(1) << 32)
        return board_error(path, key, "memory '%s' ends beyond the 32-bit address space", region->name);
    for (const char *at = region->holds; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (!(length == 4 && memcmp(at, "code", length) == 0) &&
            !(length == 5 && (memcmp(at, "arena", length) == 0 || memcmp(at, "stack", length) == 0)))
            return board_error(path, key,
                               "memory '%s': 'holds' takes the words code, arena, stack, not '%.*s'",
                               region->name, (int)length, at);
        at += length;
    }
    return 0;
}

static int check_pair(const struct memory_region *a, const struct memory_region *b, const char *path,
                      const char *key)
{
    uint64_t a_end = (uint64_t)a->origin + a->bytes, b_end = (uint64_t)b->origin + b->bytes;
    if (a->origin < b_end && b->origin < a_end)
        return board_error(path, key, "memory '%s' (0x%08x..0x%08llx) and '%s' (0x%08x..0x%08llx) overlap",
                           a->name, a->origin, (unsigned long long)a_end, b->name, b->origin,
                           (unsigned long long)b_end);
    return 0;
}

static int check_regions(const struct board *board, const char *path, struct arena *arena)
{
    int rc = 0;
    for (int i = 0; i < board->n_regions && !rc; i++)
        rc = check_region(&board->regions[i], path, arena_printf(arena, "memory[%d]", i));
    for (int i = 0; i < board->n_regions && !rc; i++)
        for (int j = i + 1; j < board->n_regions && !rc; j++)
            rc = check_pair(&board->regions[i], &board->regions[j], path,
                            arena_printf(arena, "memory[%d]", j));
    return rc;
}

/* Exactly one region holds each of code, arena and stack, and it is of the right kind. */
static int check_uses(const struct board *board, const char *path, struct arena *arena)
{
    static const char *const uses[][2] = {{"code", "flash"}, {"arena", "ram"}, {"stack", "ram"}};
    for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
        int n = 0;
        for (int i = 0; i < board->n_regions; i++)
            n += board_has_word(board->regions[i].holds, uses[u][0]);
        if (n != 1)
            return board_error(path, "memory", "%d memories hold '%s'; exactly one must", n, uses[u][0]);
        const struct memory_region *region = board_region(board, uses[u][0]);
        if (strcmp(region->kind, uses[u][1]) != 0)
            return board_error(path, arena_printf(arena, "memory[%d]", (int)(region - board->regions)),
                               "memory '%s' holds '%s' and must be of kind %s", region->name, uses[u][0],
                               uses[u][1]);
    }
    return 0;
}

/* The stand-in holds what the board holds, and the harness. */
static int check_emulator(const struct board *board, const char *path)
{
    const struct emulator_spec *emulator = &board->emulator;
    const struct memory_region *code = board_region(board, "code"), *arena = board_region(board, "arena"),
                               *stack = board_region(board, "stack");
    uint64_t ram = (uint64_t)arena->bytes + (stack != arena ? stack->bytes : 0) + EMULATOR_HARNESS_BYTES;
    uint64_t flash = (uint64_t)code->bytes + EMULATOR_HARNESS_BYTES;
    int rc = check_region(&emulator->flash, path, "emulator.flash");
    if (!rc)
        rc = check_region(&emulator->ram, path, "emulator.ram");
    if (!rc)
        rc = check_pair(&emulator->flash, &emulator->ram, path, "emulator.ram");
    if (!rc && emulator->flash.bytes < flash)
        rc = board_error(path, "emulator.flash",
                         "'emulator.flash' has %u bytes; the board's flash and %d bytes of harness need %llu",
                         emulator->flash.bytes, EMULATOR_HARNESS_BYTES, (unsigned long long)flash);
    if (!rc && emulator->ram.bytes < ram)
        rc = board_error(path, "emulator.ram",
                         "'emulator.ram' has %u bytes; arena, stack and %d bytes of harness need %llu",
                         emulator->ram.bytes, EMULATOR_HARNESS_BYTES, (unsigned long long)ram);
    return rc;
}

static int check_cache(const struct cache_spec *cache, const char *path, const char *key)
{
    enum { MAX_CACHE_BYTES = 1 << 20, MAX_WAYS = 256, MAX_LINE = 256 };
    if (cache->bytes == 0 && cache->ways == 0 && cache->line_bytes == 0)
        return 0; /* none */
    if (cache->bytes < 1 || cache->bytes > MAX_CACHE_BYTES || cache->ways < 1 || cache->ways > MAX_WAYS ||
        cache->line_bytes < 4 || cache->line_bytes > MAX_LINE ||
        (cache->line_bytes & (cache->line_bytes - 1)) || cache->bytes % (cache->ways * cache->line_bytes))
        return board_error(
            path, key,
            "'%s': 'line_bytes' must be a power of two from 4 to %d, 'ways' 1 to %d, and 'bytes' "
            "a multiple of both, at most %d",
            key, MAX_LINE, MAX_WAYS, MAX_CACHE_BYTES);
    return 0;
}

static int check_range(double value, double minimum, double maximum, const char *path, const char *key)
{
    if (value >= minimum && value <= maximum)
        return 0;
    return board_error(path, key, "'%s' must be %g to %g, not %g", key, minimum, maximum, value);
}

static int check_timing(const struct board *board, const char *path, struct arena *arena)
{
    const struct timing_spec *timing = &board->timing;
    if (!timing->known)
        return 0;
    int rc = check_cache(&timing->icache, path, "timing.icache");
    if (!rc)
        rc = check_cache(&timing->dcache, path, "timing.dcache");
    if (!rc)
        rc = check_range(timing->flash_word_bytes, 4, 64, path, "timing.flash_word_bytes");
    for (int i = 0; i < n_timing_keys && !rc; i++)
        if (timing_key_applies(&timing_keys[i], board->core))
            rc = check_range(timing_value(timing, &timing_keys[i]), timing_keys[i].minimum,
                             timing_keys[i].maximum, path,
                             arena_printf(arena, "timing.%s", timing_keys[i].name));
    return rc;
}

/* A word for the C preprocessor: what the port gets as MCU_UART. */
static int check_word(const char *text, const char *path, const char *key)
{
    const char *at = text;
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return *at ? board_error(path, key, "'%s' must be one word of letters, digits and _, not '%s'", key, text)
               : 0;
}

/* "PD8 AF7": a pin and its alternate function, MCU_UART_TX and MCU_UART_TX_AF of the port. */
static int check_pin(const char *text, const char *path, const char *key)
{
    char pin[8], rest;
    int function;
    if (!*text)
        return 0;
    if (sscanf(text, "%7[A-Z0-9] AF%2d%c", pin, &function, &rest) == 2 && function >= 0 && function <= 15)
        return 0;
    return board_error(path, key, "'%s' must be a pin and its alternate function, as in 'PD8 AF7', not '%s'",
                       key, text);
}

static int check_flashing(const struct board *board, const char *path)
{
    static const char *const methods[] = {"openocd", "st-flash", "dfu-util"};
    bool known = false;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        known = known || strcmp(board->flash_method, methods[i]) == 0;
    if (!known)
        return board_error(path, "flash_method",
                           "'flash_method' must be openocd, st-flash or dfu-util, not '%s'",
                           board->flash_method);
    if (!*board->flash_config && strcmp(board->flash_method, "openocd") == 0)
        return board_error(path, "flash_method", "'flash_method: openocd' needs a 'flash_config'");
    int rc = check_word(board->port, path, "port");
    if (!rc)
        rc = check_word(board->uart.instance, path, "uart_instance");
    if (!rc)
        rc = check_pin(board->uart.tx, path, "uart_tx");
    if (!rc)
        rc = check_pin(board->uart.rx, path, "uart_rx");
    if (!rc)
        rc = check_range(board->uart.baud, 9600, 921600, path, "uart_baud");
    return rc;
}

int board_validate(const struct board *board, const char *path, struct arena *arena)
{
    int rc = check_name(board, path);
    if (!rc)
        rc = check_core(board, path, arena);
    if (!rc)
        rc = check_range(board->clock_mhz, 1, 2000, path, "clock_mhz");
    if (!rc)
        rc = check_range(board->flash_wait_states, 0, 15, path, "flash_wait_states");
    if (!rc)
        rc = check_regions(board, path, arena);
    if (!rc)
        rc = check_uses(board, path, arena);
    if (!rc)
        rc = check_emulator(board, path);
    if (!rc)
        rc = check_timing(board, path, arena);
    if (!rc)
        rc = check_range(board->energy.nj_per_cycle, 0, 1000, path, "energy.nj_per_cycle");
    if (!rc)
        rc = check_range(board->energy.error_percent, 0, 100, path, "energy.error_percent");
    if (!rc)
        rc = check_flashing(board, path);
    return rc;
}

/* ---- the estimator's numbers ------------------------------------------------------------------------------
 */

const struct timing_key timing_keys[] = {
#define TIMING(key, cores, minimum, maximum, unit, meaning)                                                  \
    {#key, cores, minimum, maximum, unit, meaning, offsetof(struct timing_spec, key)},
#include "boards/timing.inc"
#undef TIMING
};

const int n_timing_keys = sizeof timing_keys / sizeof *timing_keys;

double timing_value(const struct timing_spec *timing, const struct timing_key *key)
{
    double value;
    memcpy(&value, (const char *)timing + key->offset, sizeof value);
    return value;
}

bool timing_key_applies(const struct timing_key *key, const char *core)
{
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
        if (strcmp(core, cores[i].name) == 0)
            return strchr(key->cores, cores[i].digit) != NULL;
    return false;
}

/* ---- what only board_check() asks for ---------------------------------------------------------------------
 */

/* The keys of `timing:` are those of the core's model. */
static int check_timing_keys(const struct board *board, const struct board_given *given, const char *path,
                             struct arena *arena)
{
    for (int i = 0; i < n_timing_keys; i++) {
        const struct timing_key *key = &timing_keys[i];
        bool has = given->timing >> i & 1, applies = timing_key_applies(key, board->core);
        if (applies && !has)
            return board_error(path, "timing", "'timing' lacks '%s' (%s), which the %s model needs",
                               key->name, key->meaning, board->core);
        if (has && !applies)
            return board_error(path, arena_printf(arena, "timing.%s", key->name),
                               "'timing.%s' (%s) is not of the %s model", key->name, key->meaning,
                               board->core);
    }
    if (board->timing.error_percent == 0)
        return board_error(path, "timing.error_percent", "'timing.error_percent' is 0: no model is exact");
    return 0;
}

static int need_source(const char *source, const char *group, const char *what, const char *path)
{
    return *source
               ? 0
               : board_error(path, "sources", "'sources.%s' is missing: where do %s come from?", group, what);
}

static int check_sources(const struct board *board, const char *path)
{
    const struct board_sources *sources = &board->sources;
    int rc = need_source(sources->core, "core", "'core' and 'fpu'", path);
    if (!rc)
        rc = need_source(sources->clock, "clock", "'clock_mhz' and 'flash_wait_states'", path);
    if (!rc)
        rc = need_source(sources->memory, "memory", "the regions of 'memory'", path);
    if (!rc && board->timing.known)
        rc = need_source(sources->caches, "caches", "the caches and 'flash_word_bytes'", path);
    if (!rc && board->timing.known)
        rc = need_source(sources->timing, "timing", "the numbers of 'timing'", path);
    if (!rc && board->energy.nj_per_cycle > 0)
        rc = need_source(sources->energy, "energy", "the numbers of 'energy'", path);
    if (!rc)
        rc = need_source(sources->flashing, "flashing", "'flash_method' and 'flash_config'", path);
    if (!rc && *board->uart.instance)
        rc = need_source(sources->uart, "uart", "'uart_instance', 'uart_tx' and 'uart_rx'", path);
    if (!rc)
        rc = need_source(sources->emulator, "emulator", "the regions of 'emulator'", path);
    return rc;
}

static int check_port(const struct board *board, const char *path, struct arena *arena)
{
    if (!*board->port)
        return *board->uart.instance
                   ? board_error(path, "uart_instance", "'uart_instance' is given, but no 'port'")
                   : 0;
    if (!resource_find(arena_printf(arena, "boards/arm/port_%s.c", board->port), arena))
        return board_error(path, "port", "there is no boards/arm/port_%s.c for 'port: %s'", board->port,
                           board->port);
    const struct uart_spec *uart = &board->uart;
    if (!*uart->instance || !*uart->tx || !*uart->rx)
        return board_error(path, "port", "'port' needs 'uart_instance', 'uart_tx' and 'uart_rx'");
    return 0;
}

/* Machines whose core is known; others are the user's word. */
static int check_machine(const struct board *board, const char *path)
{
    static const char *const machines[][2] = {
        {"mps2-an386", "cortex-m4"}, {"mps2-an500", "cortex-m7"},  {"mps2-an505", "cortex-m33"},
        {"mps2-an385", "cortex-m3"}, {"mps2-an521", "cortex-m33"}, {"mps3-an547", "cortex-m55"},
    };
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
        if (strcmp(board->emulator.machine, machines[i][0]) == 0 && strcmp(board->core, machines[i][1]) != 0)
            return board_error(path, "emulator.machine", "'emulator.machine: %s' has a %s, the board a %s",
                               machines[i][0], machines[i][1], board->core);
    return 0;
}

static int check_file_name(const struct board *board, const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    if (strcmp(file, arena_printf(arena, "%s.yml", board->name)) == 0)
        return 0;
    return board_error(path, "name", "'name: %s' must be the file's name without .yml", board->name);
}

int board_check(struct board **out, const char *name, struct arena *arena)
{
    struct board *board;
    struct board_given given;
    const char *path;
    int rc = board_read(&board, &given, &path, name, arena);
    if (!rc)
        rc = check_file_name(board, path, arena);
    if (!rc)
        rc = check_machine(board, path);
    if (!rc)
        rc = check_port(board, path, arena);
    if (!rc && board->timing.known)
        rc = check_timing_keys(board, &given, path, arena);
    if (!rc)
        rc = check_sources(board, path);
    if (!rc && out)
        *out = board;
    return rc;
}
