#include "cli/report_html.h"

#include <jansson.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/svg.h"
#include "cli/summary.h"

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;background:#f6f7f9;margin:0}"
    "main{max-width:1000px;margin:0 auto;padding:24px}"
    "h1{font-size:26px;margin:8px 0 4px}h2{font-size:18px;margin:32px 0 8px}"
    "p.lead{color:#5a6675;margin:0 0 16px}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px}"
    ".card{background:#fff;border:1px solid #dde2e8;border-radius:8px;padding:12px 16px}"
    ".card b{display:block;font-size:22px;font-weight:600}.card span{color:#5a6675;font-size:13px}"
    ".bar{height:6px;background:#e8ecf1;border-radius:3px;margin-top:8px}.bar i{display:block;height:6px;background:#2f6fde;border-radius:3px}"
    "section{background:#fff;border:1px solid #dde2e8;border-radius:8px;padding:12px 16px;overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:3px 10px;text-align:right;border-bottom:1px solid #eef1f4;white-space:nowrap}"
    "th{color:#5a6675;font-weight:600}th:first-child,td:first-child{text-align:left}"
    "code,pre{font:12px/1.5 ui-monospace,monospace}pre{margin:0;white-space:pre-wrap}svg{max-width:100%;height:auto}"
    ".good{color:#11733c;font-style:normal}.bad{color:#b3261e;font-style:normal}";

/* The artifacts that a report reads. Members are NULL when missing. */
struct artifacts {
    json_t *space, *search, *quantize, *eval, *build, *run, *schedule, *summary;
};

static int read_optional(json_t **out, const char *folder, const char *name, struct arena *arena)
{
    const char *path = path_join(arena, folder, name);
    *out = NULL;
    return file_exists(path) ? json_read(out, path) : 0;
}

static int read_artifacts(struct artifacts *a, const char *folder, struct arena *arena)
{
    const struct {
        json_t **out;
        const char *name;
    } list[] = {{&a->space, "space.json"},       {&a->search, "search.json"}, {&a->quantize, "quantize.json"},
                {&a->eval, "eval.json"},         {&a->build, "build.json"},   {&a->run, "run.json"},
                {&a->schedule, "firmware/schedule.json"}};
    int found = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int rc = read_optional(list[i].out, folder, list[i].name, arena);
        if (rc)
            return rc;
        found += *list[i].out != NULL;
    }
    if (!found)
        return error_input("'%s' holds no artifacts of a run", folder);
    a->summary = summary_collect(folder, arena);
    return 0;
}

static void release_artifacts(struct artifacts *a)
{
    json_t *all[] = {a->space, a->search, a->quantize, a->eval, a->build, a->run, a->schedule, a->summary};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
}

static double real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void card(struct strbuf *out, const char *value, const char *label, double fraction)
{
    strbuf_addf(out, "<div class=\"card\"><b>%s</b><span>%s</span>", value, label);
    if (fraction >= 0)
        strbuf_addf(out, "<div class=\"bar\"><i style=\"width:%.1f%%\"></i></div>", 100 * (fraction < 1 ? fraction : 1));
    strbuf_adds(out, "</div>\n");
}

static void memory_card(struct strbuf *out, const json_t *s, const char *memory, const char *label, struct arena *arena)
{
    const char *used = arena_printf(arena, "%s_bytes", memory), *of = arena_printf(arena, "board_%s_bytes", memory);
    const char *expected = arena_printf(arena, "expected_%s_bytes", memory);
    if (!json_object_get(s, used))
        return;
    const char *text = arena_printf(arena, "%s, of the board's %.1f kB", label, real(s, of) / 1000);
    if (json_object_get(s, expected))
        text = arena_printf(arena, "%s; expected %.1f kB", text, real(s, expected) / 1000);
    card(out, arena_printf(arena, "%.1f kB", real(s, used) / 1000), text, real(s, used) / real(s, of));
}

static void accuracy_card(struct strbuf *out, const json_t *s, struct arena *arena)
{
    if (!json_object_get(s, "int8_top1"))
        return;
    const char *text = arena_printf(arena, "int8 top-1 on %.0f images; float %.2f %%", real(s, "images"), real(s, "float_top1"));
    if (json_object_get(s, "expected_top1"))
        text = arena_printf(arena, "%s; expected %.2f %%", text, real(s, "expected_top1"));
    card(out, arena_printf(arena, "%.2f %%", real(s, "int8_top1")), text, -1);
}

static void cards(struct strbuf *out, const struct artifacts *a, struct arena *arena)
{
    const json_t *s = a->summary;
    strbuf_adds(out, "<div class=\"cards\">\n");
    accuracy_card(out, s, arena);
    if (json_object_get(s, "macs"))
        card(out, arena_printf(arena, "%.2f M", real(s, "macs") / 1e6),
             arena_printf(arena, "multiply-accumulates; %.0f k parameters", real(s, "params") / 1e3), -1);
    memory_card(out, s, "sram", "SRAM as linked, stack included", arena);
    memory_card(out, s, "flash", "flash as linked", arena);
    if (json_object_get(s, "latency_ms") && json_object_get(s, "search_latency_ms"))
        card(out, arena_printf(arena, "%.2f ms", real(s, "latency_ms")),
             arena_printf(arena, "estimated for the firmware; %.2f ms in the search", real(s, "search_latency_ms")), -1);
    if (json_object_get(s, "emulated_images"))
        card(out,
             json_is_true(json_object_get(s, "emulated_identical")) ? "<i class=\"good\">identical</i>"
                                                                    : "<i class=\"bad\">different</i>",
             arena_printf(arena, "firmware and host logits, %.0f images in the emulator", real(s, "emulated_images")), -1);
    strbuf_adds(out, "</div>\n");
}

static int svg_section(struct strbuf *out, const char *title, const char *folder, const char *name, struct arena *arena)
{
    const char *path = path_join(arena, folder, name);
    struct file file;
    if (!file_exists(path))
        return 0;
    int rc = file_read(&file, path, 16 << 20, arena);
    if (rc)
        return rc;
    const char *svg = strstr((const char *)file.data, "<svg"); /* without the XML declaration */
    if (svg)
        strbuf_addf(out, "<h2>%s</h2><section>%s</section>\n", title, svg);
    return 0;
}

static void text_cell(struct strbuf *out, const json_t *value)
{
    strbuf_adds(out, "<td>");
    if (json_is_string(value))
        svg_escape(out, json_string_value(value));
    else if (json_is_integer(value))
        strbuf_addf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        strbuf_addf(out, "%.4g", json_real_value(value));
    else if (json_is_array(value))
        for (size_t i = 0; i < json_array_size(value); i++) {
            strbuf_adds(out, i ? ", " : "");
            svg_escape(out, json_string_value(json_array_get(value, i)));
        }
    strbuf_adds(out, "</td>");
}

/* A table of an array of objects: one column per {key, heading}. */
struct column {
    const char *key, *heading;
};

static void table(struct strbuf *out, const char *title, const json_t *rows, const struct column *columns, int n)
{
    if (!json_array_size(rows))
        return;
    strbuf_addf(out, "<h2>%s</h2><section><table><tr>", title);
    for (int c = 0; c < n; c++)
        strbuf_addf(out, "<th>%s</th>", columns[c].heading);
    strbuf_adds(out, "</tr>\n");
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        strbuf_adds(out, "<tr>");
        for (int c = 0; c < n; c++)
            text_cell(out, json_object_get(row, columns[c].key));
        strbuf_adds(out, "</tr>\n");
    }
    strbuf_adds(out, "</table></section>\n");
}

static void memory_table(struct strbuf *out, const struct artifacts *a)
{
    const json_t *predicted = json_object_get(a->build, "predicted"), *linked = json_object_get(a->build, "linked");
    if (!predicted || !linked)
        return;
    static const struct column rows[] = {{"arena_bytes", "arena: tensors and scratch"}, {"stack_bytes", "stack"},
                                         {"sram_bytes", "SRAM in all"},        {"code_bytes", "code"},
                                         {"flash_bytes", "flash in all"}};
    strbuf_adds(out, "<h2>Memory, predicted and linked</h2><section><table><tr><th>bytes</th><th>predicted</th><th>linked</th></tr>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        strbuf_addf(out, "<tr><td>%s</td><td>%.0f</td><td>%.0f</td></tr>\n", rows[i].heading, real(predicted, rows[i].key),
                    real(linked, rows[i].key));
    strbuf_adds(out, "</table></section>\n");
}

static void artifact_table(struct strbuf *out, const char *folder, struct arena *arena)
{
    static const char *const names[] = {"recipe.yml", "space.json", "search.json", "subnet.onnx", "int8.onnx", "quantize.json", "eval.json",
                                        "firmware/schedule.json", "firmware/model.c", "firmware/weights.c", "firmware/firmware.elf", "build.json", "run.json"};
    strbuf_adds(out, "<h2>Artifacts</h2><section><table><tr><th>file</th><th>SHA-256</th></tr>\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sha256 sha;
        const char *path = path_join(arena, folder, names[i]);
        if (file_exists(path) && !sha256_of_file(&sha, path))
            strbuf_addf(out, "<tr><td>%s</td><td><code>%s</code></td></tr>\n", names[i], sha.hex);
    }
    strbuf_adds(out, "</table></section>\n");
}

static int recipe_section(struct strbuf *out, const char *folder, struct arena *arena)
{
    const char *path = path_join(arena, folder, "recipe.yml");
    struct file file;
    if (!file_exists(path))
        return 0;
    int rc = file_read(&file, path, 1 << 20, arena);
    if (rc)
        return rc;
    strbuf_adds(out, "<h2>Recipe</h2><section><pre>");
    svg_escape(out, (const char *)file.data);
    strbuf_adds(out, "</pre></section>\n");
    return 0;
}

static int body(struct strbuf *out, const struct artifacts *a, const char *folder, struct arena *arena)
{
    static const struct column step_columns[] = {{"operators", "step"},   {"op", "operator"},
                                                 {"macs", "MACs"},   {"live_bytes", "live bytes"}, {"scratch_bytes", "scratch"}};
    const char *board = json_string_value(json_object_get(a->summary, "board"));
    strbuf_adds(out, "<h1>mcunet");
    if (board)
        strbuf_addf(out, " on %s", board);
    strbuf_adds(out, "</h1>\n");
    const char *subnet = json_string_value(json_object_get(a->summary, "subnet"));
    if (subnet) {
        strbuf_adds(out, "<p class=\"lead\">subnet <code>");
        svg_escape(out, subnet);
        strbuf_adds(out, "</code></p>\n");
    }
    cards(out, a, arena);
    int rc = svg_section(out, "Search spaces: MACs of the subnets that fit", folder, "space.svg", arena);
    if (!rc)
        rc = svg_section(out, "Search: accuracy against cost", folder, "pareto.svg", arena);
    if (!rc)
        rc = svg_section(out, "Arena over time", folder, "firmware/memory_map.svg", arena);
    if (rc)
        return rc;
    memory_table(out, a);
    table(out, "Steps", json_object_get(a->schedule, "steps"), step_columns, sizeof step_columns / sizeof *step_columns);
    artifact_table(out, folder, arena);
    return recipe_section(out, folder, arena);
}

int report_html(struct strbuf *out, const char *folder, struct arena *arena)
{
    struct artifacts artifacts = {0};
    int rc = read_artifacts(&artifacts, folder, arena);
    if (!rc) {
        strbuf_addf(out,
                    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                    "<meta name=\"viewport\" content=\"width=device-width\"><title>mcunet report</title>\n<style>%s</style></head>\n<body><main>\n",
                    style);
        rc = body(out, &artifacts, folder, arena);
        strbuf_addf(out, "<p class=\"lead\">mcunet %s</p>\n</main></body></html>\n", MCUNET_VERSION);
    }
    release_artifacts(&artifacts);
    return rc;
}
