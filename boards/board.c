#include "boards/board.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/resource.h"
#include "base/yaml.h"

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

struct board_yaml {
    char *name, *title, *source, *core, *fpu, *flash_method, *flash_config;
    int clock_mhz, flash_wait_states;
    struct region_yaml *memory;
    uint32_t memory_count;
    struct emulator_yaml emulator;
};

enum { NAME_LENGTH = 64, TEXT_LENGTH = 512, MAX_REGIONS = 16 };

#define TEXT(type, field, length)                                                                            \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER, struct type, field, 1, length)

static const cyaml_schema_field_t region_fields[] = {
    TEXT(region_yaml, name, NAME_LENGTH),
    TEXT(region_yaml, kind, NAME_LENGTH),
    CYAML_FIELD_STRING_PTR("holds", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct region_yaml, holds, 0,
                           NAME_LENGTH),
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

static const cyaml_schema_field_t board_fields[] = {
    TEXT(board_yaml, name, NAME_LENGTH),
    TEXT(board_yaml, title, NAME_LENGTH),
    TEXT(board_yaml, source, TEXT_LENGTH),
    TEXT(board_yaml, core, NAME_LENGTH),
    TEXT(board_yaml, fpu, NAME_LENGTH),
    CYAML_FIELD_INT("clock_mhz", CYAML_FLAG_DEFAULT, struct board_yaml, clock_mhz),
    CYAML_FIELD_INT("flash_wait_states", CYAML_FLAG_DEFAULT, struct board_yaml, flash_wait_states),
    CYAML_FIELD_SEQUENCE("memory", CYAML_FLAG_POINTER, struct board_yaml, memory, &region_schema, 1,
                         MAX_REGIONS),
    TEXT(board_yaml, flash_method, NAME_LENGTH),
    TEXT(board_yaml, flash_config, TEXT_LENGTH),
    CYAML_FIELD_MAPPING("emulator", CYAML_FLAG_DEFAULT, struct board_yaml, emulator, emulator_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t board_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct board_yaml, board_fields),
};

/* ---- what the schema cannot say ---------------------------------------------------------------------------
 */

/* The cores that boards/arm/ and the linker template are written for, and the FPUs they come with. */
static const struct core {
    const char *name, *fpus;
} cores[] = {
    {"cortex-m4", "fpv4-sp-d16"},
    {"cortex-m7", "fpv5-sp-d16 fpv5-d16"},
};

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static int check_core(const struct board *board, const char *path, struct arena *arena)
{
    const char *known = "";
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        if (strcmp(board->core, cores[i].name) == 0)
            return has_word(cores[i].fpus, board->fpu)
                       ? 0
                       : error_input("%s: 'fpu' of a %s must be one of: %s, not '%s'", path, board->core,
                                     cores[i].fpus, board->fpu);
        known = arena_printf(arena, "%s%s%s", known, i ? ", " : "", cores[i].name);
    }
    return error_input("%s: unknown core '%s'; known are: %s", path, board->core, known);
}

static int check_region(const struct memory_region *region, const char *path)
{
    if (strcmp(region->kind, "flash") != 0 && strcmp(region->kind, "ram") != 0)
        return error_input("%s: memory '%s': 'kind' must be flash or ram, not '%s'", path, region->name,
                           region->kind);
    if (region->bytes == 0 || region->bytes % 8 || region->origin % 8)
        return error_input("%s: memory '%s': 'origin' and 'bytes' must be multiples of 8, and 'bytes' not 0",
                           path, region->name);
    if ((uint64_t)region->origin + region->bytes > UINT64_C(1) << 32)
        return error_input("%s: memory '%s' ends beyond the 32-bit address space", path, region->name);
    return 0;
}

static int check_pair(const struct memory_region *a, const struct memory_region *b, const char *path)
{
    uint64_t a_end = (uint64_t)a->origin + a->bytes, b_end = (uint64_t)b->origin + b->bytes;
    if (a->origin < b_end && b->origin < a_end)
        return error_input("%s: memory '%s' (0x%08x..0x%08llx) and '%s' (0x%08x..0x%08llx) overlap", path,
                           a->name, a->origin, (unsigned long long)a_end, b->name, b->origin,
                           (unsigned long long)b_end);
    return 0;
}

/* Exactly one region holds each of code, arena and stack, and it is of the right kind. */
static int check_uses(const struct board *board, const char *path)
{
    static const char *const uses[][2] = {{"code", "flash"}, {"arena", "ram"}, {"stack", "ram"}};
    for (size_t u = 0; u < sizeof uses / sizeof *uses; u++) {
        int n = 0;
        for (int i = 0; i < board->n_regions; i++)
            n += has_word(board->regions[i].holds, uses[u][0]);
        if (n != 1)
            return error_input("%s: %d memories hold '%s'; exactly one must", path, n, uses[u][0]);
        const struct memory_region *region = board_region(board, uses[u][0]);
        if (strcmp(region->kind, uses[u][1]) != 0)
            return error_input("%s: memory '%s' holds '%s' and must be of kind %s", path, region->name,
                               uses[u][0], uses[u][1]);
    }
    return 0;
}

static int board_check(const struct board *board, const char *path, struct arena *arena)
{
    int rc = check_core(board, path, arena);
    if (!rc && (board->clock_mhz < 1 || board->clock_mhz > 2000))
        rc = error_input("%s: 'clock_mhz' must be 1 to 2000, not %d", path, board->clock_mhz);
    if (!rc && (board->flash_wait_states < 0 || board->flash_wait_states > 15))
        rc = error_input("%s: 'flash_wait_states' must be 0 to 15, not %d", path, board->flash_wait_states);
    for (int i = 0; i < board->n_regions && !rc; i++)
        rc = check_region(&board->regions[i], path);
    for (int i = 0; i < board->n_regions && !rc; i++)
        for (int j = i + 1; j < board->n_regions && !rc; j++)
            rc = check_pair(&board->regions[i], &board->regions[j], path);
    if (!rc)
        rc = check_uses(board, path);
    if (!rc)
        rc = check_region(&board->emulator.flash, path);
    if (!rc)
        rc = check_region(&board->emulator.ram, path);
    if (!rc)
        rc = check_pair(&board->emulator.flash, &board->emulator.ram, path);
    return rc;
}

/* ---- loading ----------------------------------------------------------------------------------------------
 */

static struct memory_region region_from(const struct region_yaml *yaml, struct arena *arena)
{
    return (struct memory_region){arena_strdup(arena, yaml->name), yaml->origin, yaml->bytes,
                                  arena_strdup(arena, yaml->kind),
                                  arena_strdup(arena, yaml->holds ? yaml->holds : "")};
}

static struct board *board_from(const struct board_yaml *yaml, struct arena *arena)
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
        .flash_config = arena_strdup(arena, yaml->flash_config),
        .emulator = {.machine = arena_strdup(arena, yaml->emulator.machine),
                     .flash = region_from(&yaml->emulator.flash, arena),
                     .ram = region_from(&yaml->emulator.ram, arena)},
    };
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

int board_load(struct board **out, const char *name, struct arena *arena)
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
    struct board *board = board_from(data, arena);
    yaml_release(&board_schema, data);
    rc = board_check(board, path, arena);
    if (rc)
        return rc;
    board->sram_bytes = board_region(board, "arena")->bytes;
    board->flash_bytes = board_region(board, "code")->bytes;
    *out = board;
    return 0;
}

int board_list(const char *const **names, int *n, struct arena *arena)
{
    return resource_list(names, n, "boards", ".yml", arena);
}

const struct memory_region *board_region(const struct board *board, const char *what)
{
    for (int i = 0; i < board->n_regions; i++)
        if (has_word(board->regions[i].holds, what))
            return &board->regions[i];
    return NULL;
}
