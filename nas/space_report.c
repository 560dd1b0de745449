#include "nas/space_report.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/svg.h"
#include "boards/board.h"
#include "codegen/cost_table.h"
#include "nas/supernet.h"

enum { QUANTILE_STEP = 5 };

json_t *limits_json(const struct limits *limits, const struct board *board)
{
    struct limits effective = limits_effective(limits, board);
    json_t *macs = effective.macs == INT64_MAX ? json_null() : json_integer(effective.macs);
    json_t *json = json_pack("{s:I, s:I, s:o}", "sram_bytes", (json_int_t)effective.sram_bytes, "flash_bytes",
                             (json_int_t)effective.flash_bytes, "macs", macs);
    if (limits->latency_us)
        json_object_set_new(json, "latency_ms", json_real((double)limits->latency_us * 1e-3));
    if (limits->energy_nj)
        json_object_set_new(json, "energy_uj", json_real((double)limits->energy_nj * 1e-3));
    if (limits->costs)
        json_object_set_new(json, "cost_table_sha256", json_string(limits->costs->sha256));
    return json;
}

json_t *candidate_json(const struct subnet *subnet, const struct candidate_cost *cost)
{
    struct arena arena = ARENA_INIT;
    json_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "subnet", subnet_text(subnet, &arena), "macs",
                             (json_int_t)cost->macs, "params", (json_int_t)cost->params, "sram_bytes",
                             (json_int_t)cost->sram_bytes, "flash_bytes", (json_int_t)cost->flash_bytes,
                             "arena_bytes", (json_int_t)cost->arena_bytes);
    if (cost->cycles) {
        json_object_set_new(json, "cycles", json_integer(cost->cycles));
        json_object_set_new(json, "latency_ms", json_real(round(cost->latency_ms * 1e3) / 1e3));
        json_object_set_new(json, "energy_uj",
                            cost->energy_uj > 0 ? json_real(round(cost->energy_uj * 10) / 10) : json_null());
    }
    arena_release(&arena);
    return json;
}

json_t *supernet_json(const struct supernet *supernet)
{
    return json_pack("{s:s, s:s}", "name", supernet->name, "sha256", supernet->sha256);
}

/* The smallest value that at least percent % of the fitting subnets do not exceed. */
static int64_t quantile(const struct space *space, int percent)
{
    int64_t rank = ((int64_t)space->fitting * percent + 99) / 100;
    return space->macs[rank > 0 ? rank - 1 : 0];
}

static json_t *space_json(const struct space *space, const struct supernet *supernet)
{
    return json_pack("{s:i, s:f, s:i, s:i, s:i, s:I, s:I}", "width", space->width, "width_multiplier",
                     supernet->widths[space->width], "resolution", space->resolution, "samples",
                     space->samples, "fitting", space->fitting, "mean_macs",
                     (json_int_t)llround(space->mean_macs), "median_macs",
                     (json_int_t)(space->fitting ? quantile(space, 50) : 0));
}

json_t *space_report_json(const struct space_report *report, const struct supernet *supernet,
                          const struct board *board, const struct limits *limits,
                          const struct space_options *options)
{
    json_t *spaces = json_array(), *best = json_null();
    for (int i = 0; i < report->n_spaces; i++)
        json_array_append_new(spaces, space_json(&report->spaces[i], supernet));
    if (report->best >= 0) {
        const struct space *space = &report->spaces[report->best];
        best = json_pack("{s:i, s:f, s:i}", "width", space->width, "width_multiplier",
                         supernet->widths[space->width], "resolution", space->resolution);
    }
    return json_pack("{s:i, s:s, s:s, s:o, s:s, s:o, s:I, s:i, s:o, s:I, s:I, s:o, s:o}", "schema_version", 1,
                     "kind", "space", "tool_version", MCUNET_VERSION, "supernet", supernet_json(supernet),
                     "board", board->name, "limits", limits_json(limits, board), "seed",
                     (json_int_t)options->seed, "samples", options->samples, "best", best,
                     "smallest_sram_bytes", (json_int_t)report->smallest_sram_bytes, "smallest_flash_bytes",
                     (json_int_t)report->smallest_flash_bytes, "nearest",
                     candidate_json(&report->nearest, &report->nearest_cost), "spaces", spaces);
}

void space_report_csv(struct strbuf *out, const struct space_report *report, const struct supernet *supernet)
{
    strbuf_adds(out, "width,width_multiplier,resolution,samples,fitting,mean_macs");
    for (int percent = 0; percent <= 100; percent += QUANTILE_STEP)
        strbuf_addf(out, ",macs_p%d", percent);
    strbuf_adds(out, "\n");
    for (int i = 0; i < report->n_spaces; i++) {
        const struct space *space = &report->spaces[i];
        strbuf_addf(out, "%d,%g,%d,%d,%d,%lld", space->width, supernet->widths[space->width],
                    space->resolution, space->samples, space->fitting, llround(space->mean_macs));
        for (int percent = 0; percent <= 100; percent += QUANTILE_STEP)
            if (space->fitting)
                strbuf_addf(out, ",%lld", (long long)quantile(space, percent));
            else
                strbuf_adds(out, ",");
        strbuf_adds(out, "\n");
    }
}

void space_report_svg(struct strbuf *out, const struct space_report *report, const struct supernet *supernet,
                      const struct board *board)
{
    enum { POINTS = 101 };
    struct arena arena = ARENA_INIT;
    struct svg_series *series = ARENA_ARRAY(&arena, struct svg_series, (size_t)report->n_spaces);
    int n = 0;
    for (int i = 0; i < report->n_spaces; i++) {
        const struct space *space = &report->spaces[i];
        if (!space->fitting)
            continue;
        double *x = ARENA_ARRAY(&arena, double, POINTS), *y = ARENA_ARRAY(&arena, double, POINTS);
        for (int p = 0; p < POINTS; p++) {
            x[p] = (double)quantile(space, p) / 1e6;
            y[p] = p;
        }
        series[n++] = (struct svg_series){
            .label = arena_printf(&arena, "w%g r%d: %.2fM, %d fit", supernet->widths[space->width],
                                  space->resolution, space->mean_macs / 1e6, space->fitting),
            .x = x,
            .y = y,
            .n = POINTS,
            .line = true,
            .highlight = i == report->best};
    }
    svg_chart(out, &(struct svg_chart){.title = arena_printf(&arena, "%s on %s: MACs of the subnets that fit",
                                                             supernet->name, board->name),
                                       .x_label = "million MACs",
                                       .y_label = "subnets with at most that many, %",
                                       .series = series,
                                       .n_series = n,
                                       .width = 900,
                                       .height = 460});
    arena_release(&arena);
}

static int read_winner(int *width, int *resolution, const json_t *root, const char *path,
                       const struct supernet *supernet)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    if (!kind || strcmp(kind, "space") != 0 ||
        json_integer_value(json_object_get(root, "schema_version")) != 1)
        return error_input("%s: not a report of 'mcunet space' (schema 1)", path);
    const char *sha256 = json_string_value(json_object_get(json_object_get(root, "supernet"), "sha256"));
    if (!sha256 || strcmp(sha256, supernet->sha256) != 0)
        return error_input("%s: the report of another supernet than '%s'", path, supernet->name);
    const json_t *best = json_object_get(root, "best");
    if (json_is_null(best))
        return error_fit("%s: no space has a subnet that fits", path);
    const json_t *w = json_object_get(best, "width"), *r = json_object_get(best, "resolution");
    json_int_t index = json_is_integer(w) ? json_integer_value(w) : -1,
               size = json_is_integer(r) ? json_integer_value(r) : -1;
    if (index < 0 || index >= supernet->n_widths || size < 0 || size > 1 << 16 ||
        !choices_have(&supernet->resolutions, (int)size))
        return error_input("%s: 'best' is not a width and resolution of supernet '%s'", path, supernet->name);
    *width = (int)index;
    *resolution = (int)size;
    return 0;
}

int space_winner_read(int *width, int *resolution, const char *path, const struct supernet *supernet)
{
    json_t *root;
    int rc = json_read(&root, path);
    if (rc)
        return rc;
    rc = read_winner(width, resolution, root, path, supernet);
    json_decref(root);
    return rc;
}
