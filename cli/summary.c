#include "cli/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/recipe.h"

/* One line per figure: key of the summary, artifact, path of names within it. */
static const struct {
    const char *key, *artifact, *path;
} figures[] = {
    {"subnet", "search.json", "best/subnet"},
    {"macs", "quantize.json", "macs"},
    {"params", "quantize.json", "params"},
    {"images", "eval.json", "images"},
    {"float_top1", "eval.json", "float/top1"},
    {"float_top5", "eval.json", "float/top5"},
    {"int8_top1", "eval.json", "int8/top1"},
    {"int8_top5", "eval.json", "int8/top5"},
    {"board", "build.json", "board"},
    {"arena_bytes", "build.json", "linked/arena_bytes"},
    {"sram_bytes", "build.json", "linked/sram_bytes"},
    {"board_sram_bytes", "build.json", "board_sram_bytes"},
    {"flash_bytes", "build.json", "linked/flash_bytes"},
    {"board_flash_bytes", "build.json", "board_flash_bytes"},
    {"emulated_images", "run.json", "images"},
    {"emulated_identical", "run.json", "identical"},
    {"search_latency_ms", "search.json", "best/full_latency_ms"},
    {"latency_ms", "run.json", "estimate/ms"},
};

static json_t *lookup(json_t *value, const char *path, struct arena *arena)
{
    char *copy = arena_strdup(arena, path), *rest = copy;
    for (char *name; value && (name = strsep(&rest, "/"));)
        value = json_object_get(value, name);
    return value;
}

/* What the recipe's author measured, where the recipe says it. */
static void add_expected(json_t *summary, const char *folder, struct arena *arena)
{
    struct recipe recipe;
    const char *path = path_join(arena, folder, "recipe.yml");
    if (!file_exists(path) || recipe_read(&recipe, path, NULL, arena))
        return;
    if (recipe.expect.top1 > 0)
        json_object_set_new(summary, "expected_top1", json_real(recipe.expect.top1));
    if (recipe.expect.sram_bytes > 0)
        json_object_set_new(summary, "expected_sram_bytes", json_integer(recipe.expect.sram_bytes));
    if (recipe.expect.flash_bytes > 0)
        json_object_set_new(summary, "expected_flash_bytes", json_integer(recipe.expect.flash_bytes));
}

json_t *summary_collect(const char *folder, struct arena *arena)
{
    json_t *summary = json_pack("{s:i}", "schema_version", 1);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        const char *path = path_join(arena, folder, figures[i].artifact);
        json_t *artifact;
        if (!file_exists(path) || json_read(&artifact, path))
            continue;
        json_t *value = lookup(artifact, figures[i].path, arena);
        if (value)
            json_object_set(summary, figures[i].key, value);
        json_decref(artifact);
    }
    add_expected(summary, folder, arena);
    return summary;
}

static void print_row(const char *label, const char *text)
{
    printf("  %-16s %s\n", label, text);
}

static double number(const json_t *summary, const char *key)
{
    return json_number_value(json_object_get(summary, key));
}

/* "; the recipe expects 30880", or nothing. */
static const char *expected_text(const json_t *summary, const char *key, int decimals, const char *unit, struct arena *arena)
{
    if (!json_object_get(summary, key))
        return "";
    return arena_printf(arena, "; the recipe expects %.*f%s", decimals, number(summary, key), unit);
}

static void print_memory(const json_t *summary, const char *label, const char *memory, struct arena *arena)
{
    const char *used = arena_printf(arena, "%s_bytes", memory);
    if (!json_object_get(summary, used))
        return;
    double bytes = number(summary, used), of = number(summary, arena_printf(arena, "board_%s_bytes", memory));
    const char *expected = expected_text(summary, arena_printf(arena, "expected_%s_bytes", memory), 0, "", arena);
    print_row(label, arena_printf(arena, "%.0f bytes, %.1f %% of the board's %.0f%s", bytes, of ? 100 * bytes / of : 0, of, expected));
}

int summary_print(const char *folder, bool json, struct arena *arena)
{
    json_t *summary = summary_collect(folder, arena);
    if (json) {
        int rc = json_print(summary);
        json_decref(summary);
        return rc;
    }
    printf("%s\n", folder);
    const char *subnet = json_string_value(json_object_get(summary, "subnet"));
    if (subnet)
        print_row("subnet", subnet);
    if (json_object_get(summary, "macs"))
        print_row("cost", arena_printf(arena, "%.2f M MACs, %.0f parameters", number(summary, "macs") / 1e6, number(summary, "params")));
    if (json_object_get(summary, "int8_top1"))
        print_row("top-1", arena_printf(arena, "int8 %.2f %%, float %.2f %% (%.0f images)%s", number(summary, "int8_top1"),
                                        number(summary, "float_top1"), number(summary, "images"),
                                        expected_text(summary, "expected_top1", 2, " %", arena)));
    print_memory(summary, "SRAM", "sram", arena);
    print_memory(summary, "flash", "flash", arena);
    if (json_object_get(summary, "emulated_images"))
        print_row("emulator", arena_printf(arena, "%.0f images, logits %s the host's", number(summary, "emulated_images"),
                                           json_is_true(json_object_get(summary, "emulated_identical")) ? "bit for bit" : "DIFFER from"));
    if (json_object_get(summary, "latency_ms") && json_object_get(summary, "search_latency_ms"))
        print_row("latency", arena_printf(arena, "search %.3f ms, firmware %.3f ms (estimates)", number(summary, "search_latency_ms"),
                                          number(summary, "latency_ms")));
    const char *report = path_join(arena, folder, "report.html");
    if (file_exists(report))
        print_row("report", report);
    json_decref(summary);
    return 0;
}
