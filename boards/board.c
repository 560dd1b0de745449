#include "boards/board.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/resource.h"
#include "base/yaml.h"
#include "boards/board_parts.h"

/* ---- the schema -------------------------------------------------------------------------------------------
 */

struct region_yaml {
    char *name, *kind, *holds;
    uint32_t origin, bytes;
};

struct emulator_yaml {
    char *machine;
    struct region_yaml flash, ram;
};

struct cache_yaml {
    int bytes, ways, line_bytes;
};

struct timing_yaml {
    int flash_word_bytes;
    struct cache_yaml *icache, *dcache;
#define TIMING(key, cores, minimum, maximum, unit, meaning) double *key;
#include "boards/timing.inc"
#undef TIMING
};

struct energy_yaml {
    double nj_per_cycle, error_percent;
};

struct sources_yaml {
    char *core, *clock, *memory, *caches, *timing, *energy, *flashing, *uart, *emulator;
};

struct board_yaml {
    char *name, *title, *source, *core, *fpu, *flash_method, *flash_config;
    char *port, *uart_instance, *uart_tx, *uart_rx, *uart_wired_to;
    int clock_mhz, flash_wait_states;
    int *uart_baud;
    struct region_yaml *memory;
    uint32_t memory_count;
    struct timing_yaml *timing;
    struct energy_yaml *energy;
    struct sources_yaml *sources;
    struct emulator_yaml emulator;
};

enum { NAME_LENGTH = 64, TEXT_LENGTH = 512, MAX_REGIONS = 16 };

#define TEXT(type, field, length)                                                                            \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER, struct type, field, 1, length)
#define TEXT_OPTIONAL(type, field, minimum, length)                                                          \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct type, field, minimum,    \
                           length)
#define INTEGER(type, field) CYAML_FIELD_INT(#field, CYAML_FLAG_DEFAULT, struct type, field)

static const cyaml_schema_field_t region_fields[] = {
    TEXT(region_yaml, name, NAME_LENGTH),
    TEXT(region_yaml, kind, NAME_LENGTH),
    TEXT_OPTIONAL(region_yaml, holds, 0, NAME_LENGTH),
    CYAML_FIELD_UINT("origin", CYAML_FLAG_DEFAULT, struct region_yaml, origin),
    CYAML_FIELD_UINT("bytes", CYAML_FLAG_DEFAULT, struct region_yaml, bytes),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t region_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct region_yaml, region_fields),
};

static const cyaml_schema_field_t emulator_fields[] = {
    TEXT(emulator_yaml, machine, NAME_LENGTH),
    CYAML_FIELD_MAPPING("flash", CYAML_FLAG_DEFAULT, struct emulator_yaml, flash, region_fields),
    CYAML_FIELD_MAPPING("ram", CYAML_FLAG_DEFAULT, struct emulator_yaml, ram, region_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t cache_fields[] = {
    INTEGER(cache_yaml, bytes),
    INTEGER(cache_yaml, ways),
    INTEGER(cache_yaml, line_bytes),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t timing_fields[] = {
    INTEGER(timing_yaml, flash_word_bytes),
    CYAML_FIELD_MAPPING_PTR("icache", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct timing_yaml, icache,
                            cache_fields),
    CYAML_FIELD_MAPPING_PTR("dcache", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct timing_yaml, dcache,
                            cache_fields),
#define TIMING(key, cores, minimum, maximum, unit, meaning)                                                  \
    CYAML_FIELD_FLOAT_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct timing_yaml, key),
#include "boards/timing.inc"
#undef TIMING
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t energy_fields[] = {
    CYAML_FIELD_FLOAT("nj_per_cycle", CYAML_FLAG_DEFAULT, struct energy_yaml, nj_per_cycle),
    CYAML_FIELD_FLOAT("error_percent", CYAML_FLAG_DEFAULT, struct energy_yaml, error_percent),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sources_fields[] = {
    TEXT_OPTIONAL(sources_yaml, core, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, clock, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, memory, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, caches, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, timing, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, energy, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, flashing, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, uart, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(sources_yaml, emulator, 1, TEXT_LENGTH),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t board_fields[] = {
    TEXT(board_yaml, name, NAME_LENGTH),
    TEXT(board_yaml, title, NAME_LENGTH),
    TEXT(board_yaml, source, TEXT_LENGTH),
    TEXT(board_yaml, core, NAME_LENGTH),
    TEXT(board_yaml, fpu, NAME_LENGTH),
    INTEGER(board_yaml, clock_mhz),
    INTEGER(board_yaml, flash_wait_states),
    CYAML_FIELD_SEQUENCE("memory", CYAML_FLAG_POINTER, struct board_yaml, memory, &region_schema, 1,
                         MAX_REGIONS),
    CYAML_FIELD_MAPPING_PTR("timing", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct board_yaml, timing,
                            timing_fields),
    CYAML_FIELD_MAPPING_PTR("energy", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct board_yaml, energy,
                            energy_fields),
    TEXT(board_yaml, flash_method, NAME_LENGTH),
    TEXT_OPTIONAL(board_yaml, flash_config, 1, TEXT_LENGTH),
    TEXT_OPTIONAL(board_yaml, port, 1, NAME_LENGTH),
    TEXT_OPTIONAL(board_yaml, uart_instance, 1, NAME_LENGTH),
    TEXT_OPTIONAL(board_yaml, uart_tx, 1, NAME_LENGTH),
    TEXT_OPTIONAL(board_yaml, uart_rx, 1, NAME_LENGTH),
    TEXT_OPTIONAL(board_yaml, uart_wired_to, 1, TEXT_LENGTH),
    CYAML_FIELD_INT_PTR("uart_baud", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct board_yaml, uart_baud),
    CYAML_FIELD_MAPPING("emulator", CYAML_FLAG_DEFAULT, struct board_yaml, emulator, emulator_fields),
    CYAML_FIELD_MAPPING_PTR("sources", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct board_yaml, sources,
                            sources_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t board_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct board_yaml, board_fields),
};

/* ---- loading ----------------------------------------------------------------------------------------------
 */

static const char *text_from(const char *yaml, struct arena *arena)
{
    return arena_strdup(arena, yaml ? yaml : "");
}

static struct memory_region region_from(const struct region_yaml *yaml, struct arena *arena)
{
    return (struct memory_region){arena_strdup(arena, yaml->name), yaml->origin, yaml->bytes,
                                  arena_strdup(arena, yaml->kind), text_from(yaml->holds, arena)};
}

static struct cache_spec cache_from(const struct cache_yaml *yaml)
{
    return yaml ? (struct cache_spec){yaml->bytes, yaml->ways, yaml->line_bytes} : (struct cache_spec){0};
}

static struct timing_spec timing_from(const struct timing_yaml *yaml, struct board_given *given)
{
    struct timing_spec timing = {.known = yaml != NULL};
    int n = 0;
    *given = (struct board_given){0};
    if (!yaml)
        return timing;
    timing.flash_word_bytes = yaml->flash_word_bytes;
    timing.icache = cache_from(yaml->icache);
    timing.dcache = cache_from(yaml->dcache);
    timing.bus_divider = 1;
#define TIMING(key, cores, minimum, maximum, unit, meaning)                                                  \
    if (yaml->key) {                                                                                         \
        timing.key = *yaml->key;                                                                             \
        given->timing |= 1u << n;                                                                            \
    }                                                                                                        \
    n++;
#include "boards/timing.inc"
#undef TIMING
    return timing;
}

static struct board_sources sources_from(const struct sources_yaml *yaml, struct arena *arena)
{
    static const struct sources_yaml nothing;
    if (!yaml)
        yaml = &nothing;
    return (struct board_sources){
        .core = text_from(yaml->core, arena),
        .clock = text_from(yaml->clock, arena),
        .memory = text_from(yaml->memory, arena),
        .caches = text_from(yaml->caches, arena),
        .timing = text_from(yaml->timing, arena),
        .energy = text_from(yaml->energy, arena),
        .flashing = text_from(yaml->flashing, arena),
        .uart = text_from(yaml->uart, arena),
        .emulator = text_from(yaml->emulator, arena),
    };
}

static struct board *board_from(const struct board_yaml *yaml, struct board_given *given, struct arena *arena)
{
    struct board *board = ARENA_NEW(arena, struct board);
    *board = (struct board){
        .name = arena_strdup(arena, yaml->name),
        .title = arena_strdup(arena, yaml->title),
        .source = arena_strdup(arena, yaml->source),
        .core = arena_strdup(arena, yaml->core),
        .fpu = arena_strdup(arena, yaml->fpu),
        .clock_mhz = yaml->clock_mhz,
        .flash_wait_states = yaml->flash_wait_states,
        .n_regions = (int)yaml->memory_count,
        .regions = ARENA_ARRAY(arena, struct memory_region, yaml->memory_count),
        .flash_method = arena_strdup(arena, yaml->flash_method),
        .flash_config = text_from(yaml->flash_config, arena),
        .port = text_from(yaml->port, arena),
        .uart = {.instance = text_from(yaml->uart_instance, arena),
                 .tx = text_from(yaml->uart_tx, arena),
                 .rx = text_from(yaml->uart_rx, arena),
                 .wired_to = text_from(yaml->uart_wired_to, arena),
                 .baud = yaml->uart_baud ? *yaml->uart_baud : BOARD_DEFAULT_BAUD},
        .timing = timing_from(yaml->timing, given),
        .emulator = {.machine = arena_strdup(arena, yaml->emulator.machine),
                     .flash = region_from(&yaml->emulator.flash, arena),
                     .ram = region_from(&yaml->emulator.ram, arena)},
        .sources = sources_from(yaml->sources, arena),
    };
    if (yaml->energy)
        board->energy = (struct energy_spec){yaml->energy->nj_per_cycle, yaml->energy->error_percent};
    for (int i = 0; i < board->n_regions; i++)
        board->regions[i] = region_from(&yaml->memory[i], arena);
    return board;
}

static int unknown_board(const char *name, struct arena *arena)
{
    const char *const *names, *known = "";
    int n, rc = board_list(&names, &n, arena);
    if (rc)
        return rc;
    const char *near = nearest_name(name, names, n);
    if (near)
        return error_input("unknown board '%s'; did you mean '%s'?", name, near);
    for (int i = 0; i < n; i++)
        known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", names[i]);
    return error_input("unknown board '%s'; there are: %s (or name a .yml file)", name, known);
}

int board_read(struct board **out, struct board_given *given, const char **found, const char *name,
               struct arena *arena)
{
    size_t length = strlen(name);
    const char *path = name;
    if (length < 4 || strcmp(name + length - 4, ".yml") != 0) {
        path = strchr(name, '/') ? NULL : resource_find(arena_printf(arena, "boards/%s.yml", name), arena);
        if (!path)
            return unknown_board(name, arena);
    }
    void *data;
    int rc = yaml_read(&data, path, &board_schema);
    if (rc)
        return rc;
    struct board *board = board_from(data, given, arena);
    yaml_release(&board_schema, data);
    rc = board_validate(board, path, arena);
    if (rc)
        return rc;
    board->sram_bytes = board_region(board, "arena")->bytes;
    board->flash_bytes = board_region(board, "code")->bytes;
    *out = board;
    *found = path;
    return 0;
}

int board_load(struct board **out, const char *name, struct arena *arena)
{
    struct board_given given;
    const char *path;
    return board_read(out, &given, &path, name, arena);
}

int board_list(const char *const **names, int *n, struct arena *arena)
{
    return resource_list(names, n, "boards", ".yml", arena);
}

const struct memory_region *board_region(const struct board *board, const char *what)
{
    for (int i = 0; i < board->n_regions; i++)
        if (board_has_word(board->regions[i].holds, what))
            return &board->regions[i];
    return NULL;
}
