#include "nas/search_report.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "base/svg.h"
#include "boards/board.h"
#include "nas/space_report.h"
#include "nas/supernet.h"

static const char *const origins[] = {
    [ORIGIN_RANDOM] = "random", [ORIGIN_MUTATION] = "mutation", [ORIGIN_CROSSOVER] = "crossover"};

static double rounded(double accuracy)
{
    return round(accuracy * 1e4) / 1e4;
}

static int64_t cost_on(const struct evaluated *evaluated, enum search_axis axis)
{
    return axis == AXIS_MACS   ? evaluated->cost.macs
           : axis == AXIS_SRAM ? evaluated->cost.sram_bytes
                               : evaluated->cost.cycles;
}

enum search_axis search_report_axis(const struct search_report *report)
{
    return report->n_history && report->history[0].cost.cycles ? AXIS_LATENCY : AXIS_MACS;
}

/* ---- Pareto front -------------------------------------------------------------------------------------- */

struct order {
    const struct search_report *report;
    enum search_axis axis;
};

/* Cheapest first, then most accurate, then first seen. */
static int compare_cost(const void *a, const void *b, void *context)
{
    const struct order *order = context;
    int i = *(const int *)a, j = *(const int *)b;
    const struct evaluated *x = &order->report->history[i], *y = &order->report->history[j];
    int64_t p = cost_on(x, order->axis), q = cost_on(y, order->axis);
    if (p != q)
        return p < q ? -1 : 1;
    if (x->accuracy != y->accuracy)
        return x->accuracy > y->accuracy ? -1 : 1;
    return i < j ? -1 : i > j;
}

int search_pareto(const struct search_report *report, enum search_axis axis, int *front)
{
    struct order order = {report, axis};
    for (int i = 0; i < report->n_history; i++)
        front[i] = i;
    qsort_r(front, (size_t)report->n_history, sizeof *front, compare_cost, &order);
    int n = 0;
    double best = -INFINITY;
    for (int i = 0; i < report->n_history; i++) {
        double accuracy = report->history[front[i]].accuracy;
        if (accuracy <= best)
            continue;
        best = accuracy;
        front[n++] = front[i];
    }
    return n;
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *evaluated_json(const struct evaluated *evaluated)
{
    json_t *json = candidate_json(&evaluated->subnet, &evaluated->cost);
    json_object_set_new(json, "accuracy", json_real(rounded(evaluated->accuracy)));
    json_object_set_new(json, "iteration", json_integer(evaluated->iteration));
    json_object_set_new(json, "origin", json_string(origins[evaluated->origin]));
    if (evaluated->full_cycles) {
        double ms =
            evaluated->cost.latency_ms * (double)evaluated->full_cycles / (double)evaluated->cost.cycles;
        json_object_set_new(json, "full_cycles", json_integer(evaluated->full_cycles));
        json_object_set_new(json, "full_latency_ms", json_real(round(ms * 1e3) / 1e3));
    }
    return json;
}

static json_t *iterations_json(const struct search_report *report)
{
    json_t *array = json_array();
    double best = -INFINITY;
    for (int first = 0, end; first < report->n_history; first = end) {
        int iteration = report->history[first].iteration;
        double sum = 0;
        for (end = first; end < report->n_history && report->history[end].iteration == iteration; end++) {
            sum += report->history[end].accuracy;
            best = fmax(best, report->history[end].accuracy);
        }
        json_array_append_new(array, json_pack("{s:i, s:i, s:f, s:f}", "iteration", iteration, "evaluations",
                                               end - first, "best_accuracy", rounded(best), "mean_accuracy",
                                               rounded(sum / (end - first))));
    }
    return array;
}

static json_t *integer_or_null(int value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

static json_t *options_json(const struct search_options *o)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:f, s:i, s:o, s:o}", "population", o->population, "parents",
                     o->parents, "crossover", o->crossover, "mutation", o->mutation, "mutation_probability",
                     o->mutation_probability, "iterations", o->iterations, "width", integer_or_null(o->width),
                     "resolution", integer_or_null(o->resolution));
}

/* How many of those evaluated are faster, plus 1. */
static int latency_rank(const struct search_report *report, int index)
{
    int rank = 1;
    for (int i = 0; i < report->n_history; i++)
        rank += report->history[i].cost.cycles < report->history[index].cost.cycles;
    return rank;
}

static json_t *pareto_json(const struct search_report *report)
{
    struct arena arena = ARENA_INIT;
    json_t *array = json_array();
    int *front = ARENA_ARRAY(&arena, int, (size_t)report->n_history);
    enum search_axis axis = search_report_axis(report);
    int n = search_pareto(report, axis, front);
    for (int i = 0; i < n; i++) {
        json_t *entry = evaluated_json(&report->history[front[i]]);
        if (axis == AXIS_LATENCY)
            json_object_set_new(entry, "latency_rank", json_integer(latency_rank(report, front[i])));
        json_array_append_new(array, entry);
    }
    arena_release(&arena);
    return array;
}

json_t *search_report_json(const struct search_report *report, const struct supernet *supernet,
                           const struct board *board, const struct limits *limits,
                           const struct search_options *options)
{
    json_t *json = json_pack(
        "{s:i, s:s, s:s, s:o, s:s, s:o, s:I, s:s, s:o, s:i, s:o, s:o, s:o}", "schema_version", 1, "kind",
        "search", "tool_version", MCUNET_VERSION, "supernet", supernet_json(supernet), "board", board->name,
        "limits", limits_json(limits, board), "seed", (json_int_t)options->seed, "method",
        options->random ? "random" : "evolution", "options", options_json(options), "evaluations",
        report->n_history, "best", evaluated_json(&report->history[report->best]), "iterations",
        iterations_json(report), "pareto", pareto_json(report));
    if (report->history[report->best].full_cycles)
        json_object_set_new(json, "rejected", json_integer(report->n_rejected));
    return json;
}

/* ---- CSV, SVG ------------------------------------------------------------------------------------------ */

void search_report_csv(struct strbuf *out, const struct search_report *report)
{
    struct arena arena = ARENA_INIT;
    bool latency = search_report_axis(report) == AXIS_LATENCY;
    strbuf_addf(
        out, "evaluation,iteration,origin,accuracy,macs,params,sram_bytes,flash_bytes,arena_bytes,%ssubnet\n",
        latency ? "cycles,latency_ms," : "");
    for (int i = 0; i < report->n_history; i++) {
        const struct evaluated *e = &report->history[i];
        strbuf_addf(out, "%d,%d,%s,%.4f,%lld,%lld,%lld,%lld,%lld,", i, e->iteration, origins[e->origin],
                    e->accuracy, (long long)e->cost.macs, (long long)e->cost.params,
                    (long long)e->cost.sram_bytes, (long long)e->cost.flash_bytes,
                    (long long)e->cost.arena_bytes);
        if (latency)
            strbuf_addf(out, "%lld,%.3f,", (long long)e->cost.cycles, e->cost.latency_ms);
        strbuf_addf(out, "%s\n", subnet_text(&e->subnet, &arena));
    }
    arena_release(&arena);
}

static const char *const axis_names[][2] = {
    [AXIS_MACS] = {"MACs", "million MACs"},
    [AXIS_SRAM] = {"SRAM", "SRAM, KiB"},
    [AXIS_LATENCY] = {"latency", "latency, ms (predicted)"},
};

/* The history's entries of the given indices (all when NULL) as points. */
static struct svg_series points(const struct search_report *report, const int *indices, int n,
                                enum search_axis axis, struct arena *arena)
{
    double *x = ARENA_ARRAY(arena, double, (size_t)n), *y = ARENA_ARRAY(arena, double, (size_t)n);
    for (int i = 0; i < n; i++) {
        const struct evaluated *e = &report->history[indices ? indices[i] : i];
        x[i] = axis == AXIS_LATENCY ? e->cost.latency_ms
                                    : (double)cost_on(e, axis) / (axis == AXIS_MACS ? 1e6 : 1024);
        y[i] = e->accuracy;
    }
    return (struct svg_series){.x = x, .y = y, .n = n};
}

void search_report_svg(struct strbuf *out, const struct search_report *report, enum search_axis axis,
                       const struct supernet *supernet, const struct board *board)
{
    struct arena arena = ARENA_INIT;
    int *front = ARENA_ARRAY(&arena, int, (size_t)report->n_history);
    int n = search_pareto(report, axis, front);
    struct svg_series series[3] = {
        points(report, NULL, report->n_history, axis, &arena),
        points(report, front, n, axis, &arena),
        points(report, &report->best, 1, axis, &arena),
    };
    series[0].label = "evaluated";
    series[1].label = "Pareto front";
    series[1].line = true;
    series[2].label = "chosen";
    series[2].highlight = true;
    svg_chart(out,
              &(struct svg_chart){.title = arena_printf(&arena, "%s on %s: accuracy against %s",
                                                        supernet->name, board->name, axis_names[axis][0]),
                                  .x_label = axis_names[axis][1],
                                  .y_label = "accuracy on the search images, %",
                                  .series = series,
                                  .n_series = 3,
                                  .step = true});
    arena_release(&arena);
}
