#include "cli/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/cycles/cycles.h"
#include "boards/toolchain.h"
#include "cli/stage.h"

/* ---- the project
 * --------------------------------------------------------------------------------------------- */

/* The board that folder/schedule.json names. */
static int schedule_board(const char **out, const char *folder, struct arena *arena)
{
    const char *path = path_join(arena, folder, "schedule.json");
    if (!file_exists(path))
        return error_input(
            "'%s' is no generated project: it has no schedule.json (`mcunet codegen` writes one)", folder);
    json_t *schedule;
    int rc = json_read(&schedule, path);
    if (rc)
        return rc;
    const char *name = json_string_value(json_object_get(schedule, "board"));
    if (name)
        *out = arena_strdup(arena, name);
    else
        rc = error_input("%s: 'board' is missing", path);
    json_decref(schedule);
    return rc;
}

int project_board(struct stage *stage, const char *folder, struct board **out)
{
    const char *name = NULL;
    int rc = schedule_board(&name, folder, &stage->arena);
    if (!rc && !*stage->recipe.top.board)
        stage->recipe.top.board = name;
    return rc ? rc : stage_board(stage, out);
}

/* Code for one core says nothing about another. */
static int check_core(const char *folder, const struct board *board, const struct toolchain *toolchain,
                      struct arena *arena)
{
    const char *flag = arena_printf(arena, "-mcpu=%s", board->core), *at = strstr(toolchain->flags, flag);
    if (at && (at[strlen(flag)] == ' ' || at[strlen(flag)] == '\0'))
        return 0;
    return error_input("'%s' was not generated for a %s: `mcunet codegen --board %s` makes a project for %s",
                       folder, board->core, board->name, board->name);
}

/* ---- JSON
 * ---------------------------------------------------------------------------------------------------- */

static double rounded(double value, double step)
{
    return round(value / step) * step;
}

static json_t *cache_json(const struct cache_spec *cache)
{
    return json_pack("{s:i, s:i, s:i}", "bytes", cache->bytes, "ways", cache->ways, "line_bytes",
                     cache->line_bytes);
}

static json_t *row_json(const struct cycle_row *row, const struct board *board)
{
    json_t *causes = json_object();
    for (int c = 0; c < CYCLE_CAUSE_COUNT; c++)
        json_object_set_new(causes, cycle_cause_names[c], json_integer(row->by_cause[c]));
    json_t *out =
        json_pack("{s:s, s:I, s:I, s:o}", "name", row->name, "instructions", (json_int_t)row->instructions,
                  "cycles", (json_int_t)row->cycles, "by_cause", causes);
    const double cycles = (double)row->cycles;
    json_object_set_new(out, "ms", json_real(rounded(cycles / (board->clock_mhz * 1e3), 1e-6)));
    json_object_set_new(out, "cpi",
                        json_real(row->instructions ? rounded(cycles / (double)row->instructions, 1e-4) : 0));
    json_object_set_new(out, "uj",
                        board->energy.nj_per_cycle > 0
                            ? json_real(rounded(cycles * board->energy.nj_per_cycle * 1e-3, 1e-3))
                            : json_null());
    return out;
}

/* What schedule.json knows of the layers: the operator's name in the network, and its MACs. */
static int add_operators(json_t *layers, const char *folder, struct arena *arena)
{
    json_t *schedule, *step, *kernel, *row;
    size_t s, k, r;
    int rc = json_read(&schedule, path_join(arena, folder, "schedule.json"));
    if (rc)
        return rc;
    json_array_foreach(json_object_get(schedule, "steps"), s, step)
    {
        json_array_foreach(json_object_get(step, "kernels"), k, kernel)
        {
            json_array_foreach(layers, r, row)
            {
                if (!json_equal(json_object_get(row, "name"), json_object_get(kernel, "identifier")))
                    continue;
                const double macs = json_number_value(json_object_get(kernel, "macs"));
                const double cycles = json_number_value(json_object_get(row, "cycles"));
                json_object_set(row, "operator", json_object_get(kernel, "name"));
                json_object_set_new(row, "macs", json_integer((json_int_t)macs));
                json_object_set_new(row, "cycles_per_mac",
                                    macs > 0 ? json_real(rounded(cycles / macs, 1e-3)) : json_null());
                break;
            }
        }
    }
    json_decref(schedule);
    return 0;
}

static json_t *estimate_json(const struct cycle_estimate *estimate, const struct board *board,
                             const struct toolchain *toolchain)
{
    json_t *layers = json_array();
    for (int i = 0; i < estimate->n_layers; i++)
        json_array_append_new(layers, row_json(&estimate->layers[i], board));
    json_t *out = row_json(&estimate->whole, board);
    json_object_del(out, "name");
    json_t *about =
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:o, s:o, s:s, s:s, s:f, s:f, s:o}", "board", board->name,
                  "title", board->title, "core", board->core, "clock_mhz", board->clock_mhz,
                  "flash_wait_states", board->flash_wait_states, "icache", cache_json(&board->timing.icache),
                  "dcache", cache_json(&board->timing.dcache), "compiler", toolchain->compiler, "flags",
                  toolchain->flags, "error_percent", estimate->error_percent, "energy_error_percent",
                  estimate->energy_error_percent, "layers", layers);
    json_object_update(out, about);
    json_decref(about);
    return out;
}

int estimate_project(json_t **out, struct stage *stage, const char *folder, const struct board *board,
                     double timeout_s)
{
    struct arena *arena = &stage->arena;
    struct toolchain toolchain;
    struct cycle_estimate estimate;
    int rc = toolchain_of_project(&toolchain, folder, arena);
    if (!rc)
        rc = check_core(folder, board, &toolchain, arena);
    if (!rc)
        rc = firmware_build(folder, true, stage->threads, stage->quiet);
    if (!rc)
        rc = cycle_estimate(&estimate, path_join(arena, folder, "emulator.elf"), board, timeout_s, arena);
    if (rc)
        return rc;
    *out = estimate_json(&estimate, board, &toolchain);
    rc = add_operators(json_object_get(*out, "layers"), folder, arena);
    if (rc)
        json_decref(*out);
    return rc;
}

/* ---- text
 * ---------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t integer_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_cache(const char *what, const json_t *cache)
{
    if (integer_of(cache, "bytes"))
        printf(", %s %lld B (%lld ways of %lld B lines)", what, (long long)integer_of(cache, "bytes"),
               (long long)integer_of(cache, "ways"), (long long)integer_of(cache, "line_bytes"));
}

/* Columns of causes that are 0 everywhere are left out. */
static bool has_cause(const json_t *estimate, int cause)
{
    return integer_of(json_object_get(estimate, "by_cause"), cycle_cause_names[cause]) != 0;
}

static void print_row(const json_t *estimate, const json_t *row, const char *name)
{
    printf("%-24.24s %12lld %12lld %10.3f %6.2f", name, (long long)integer_of(row, "instructions"),
           (long long)integer_of(row, "cycles"), real_of(row, "ms"), real_of(row, "cpi"));
    for (int c = 0; c < CYCLE_CAUSE_COUNT; c++)
        if (has_cause(estimate, c))
            printf(" %11lld", (long long)integer_of(json_object_get(row, "by_cause"), cycle_cause_names[c]));
    const json_t *energy = json_object_get(row, "uj");
    if (json_is_real(energy))
        printf(" %10.1f", json_real_value(energy));
    if (real_of(row, "macs") > 0)
        printf(" %12lld %8.3f", (long long)integer_of(row, "macs"), real_of(row, "cycles_per_mac"));
    else if (json_is_string(json_object_get(row, "operator")))
        printf(" %12s %8s", "", "");
    if (json_is_string(json_object_get(row, "operator")))
        printf("  %s", text_of(row, "operator"));
    printf("\n");
}

static void print_layers(const json_t *estimate)
{
    size_t index;
    json_t *row;
    printf("%-24s %12s %12s %10s %6s", "layer", "instructions", "cycles", "ms", "CPI");
    for (int c = 0; c < CYCLE_CAUSE_COUNT; c++)
        if (has_cause(estimate, c))
            printf(" %11s", cycle_cause_names[c]);
    printf("%s", json_is_real(json_object_get(estimate, "uj")) ? "         uJ" : "");
    printf(" %12s %8s  %s\n", "MACs", "cyc/MAC", "operator");
    json_array_foreach(json_object_get(estimate, "layers"), index, row)
        print_row(estimate, row, text_of(row, "name"));
    print_row(estimate, estimate, "whole");
}

void estimate_print(const json_t *estimate)
{
    printf("estimate for %s: %s at %lld MHz, %lld flash wait states", text_of(estimate, "title"),
           text_of(estimate, "core"), (long long)integer_of(estimate, "clock_mhz"),
           (long long)integer_of(estimate, "flash_wait_states"));
    print_cache("instruction cache", json_object_get(estimate, "icache"));
    print_cache("data cache", json_object_get(estimate, "dcache"));
    printf("\ncompiled by %s with %s\n\n", text_of(estimate, "compiler"), text_of(estimate, "flags"));
    print_layers(estimate);
    printf("\nestimate: %lld cycles, %.3f ms, CPI %.3f (model error %g %%)",
           (long long)integer_of(estimate, "cycles"), real_of(estimate, "ms"), real_of(estimate, "cpi"),
           real_of(estimate, "error_percent"));
    const json_t *energy = json_object_get(estimate, "uj");
    if (json_is_real(energy))
        printf(", %.1f uJ (a further %g %%)", json_real_value(energy),
               real_of(estimate, "energy_error_percent"));
    printf("\n");
}
