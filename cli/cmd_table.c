/*
 * cmd_table.c - mcunet table: published figures and ours, side by side.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/commands.h"
#include "cli/table.h"

static const char usage[] =
    "mcunet table mlperf-tiny|mcunet-zoo [options]\n\n"
    "Prints what engines were published to need for well-known networks, and what mcunet needs for\n"
    "those of them that lie in DIR. Published latencies were measured on boards; ours are estimates\n"
    "by the cycle model, and every line says which it is. Our SRAM and flash are exact.";

enum { DEFAULT_IMAGES = 200 };

static const char default_folder[] = "../shared/data";

/* ---- JSON -------------------------------------------------------------------------------------------------
 */

static json_t *real_or_null(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

static json_t *figure_json(const struct figure *figure)
{
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "net", figure->net, "board",
                  figure->board, "engine", figure->engine, "kind", figure_kind_name(figure->kind), "note",
                  figure->note, "ms", real_or_null(figure->ms), "error_percent",
                  real_or_null(figure->error_percent), "uj", real_or_null(figure->uj), "sram_kb",
                  real_or_null(figure->sram_kb), "flash_kb", real_or_null(figure->flash_kb), "top1_float",
                  real_or_null(figure->top1_float), "top1_int8", real_or_null(figure->top1_int8));
    if (figure->sram_bytes) {
        json_object_set_new(out, "sram_bytes", json_integer(figure->sram_bytes));
        json_object_set_new(out, "flash_bytes", json_integer(figure->flash_bytes));
    }
    if (figure->images)
        json_object_set_new(out, "images", json_integer(figure->images));
    return out;
}

static int print_json(const struct table *table, const struct figure *figures, int n)
{
    json_t *rows = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(rows, figure_json(&figures[i]));
    json_t *top = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:o}", "schema_version", 1, "tool_version",
                            MCUNET_VERSION, "kind", "table", "name", table->name, "title", table->title,
                            "source", table->source, "rows", rows);
    int rc = json_print(top);
    json_decref(top);
    return rc;
}

/* ---- CSV and text -----------------------------------------------------------------------------------------
 */

/* "" or "-" for what is unknown. */
static void number(char *out, size_t size, double value, int digits, const char *unknown)
{
    if (value > 0)
        snprintf(out, size, "%.*f", digits, value);
    else
        snprintf(out, size, "%s", unknown);
}

/* Three significant digits, as results are published: 0.512, 4.79, 88.9, 1400. */
static void milliseconds(char *out, size_t size, double ms, const char *unknown)
{
    if (ms > 0)
        snprintf(out, size, ms < 1000 ? "%.3g" : "%.0f", ms);
    else
        snprintf(out, size, "%s", unknown);
}

enum { CELL = 32 };

struct cells {
    char ms[CELL], error[CELL], uj[CELL], sram[CELL], flash[CELL], fp[CELL], int8[CELL];
};

static struct cells cells_of(const struct figure *figure, const char *unknown)
{
    struct cells cells;
    milliseconds(cells.ms, CELL, figure->ms, unknown);
    number(cells.error, CELL, figure->error_percent, 0, unknown);
    number(cells.uj, CELL, figure->uj, 1, unknown);
    number(cells.sram, CELL, figure->sram_kb, 1, unknown);
    number(cells.flash, CELL, figure->flash_kb, 1, unknown);
    number(cells.fp, CELL, figure->top1_float, 1, unknown);
    number(cells.int8, CELL, figure->top1_int8, 1, unknown);
    return cells;
}

static void print_csv(const struct figure *figures, int n)
{
    printf("net,board,engine,kind,ms,error_percent,uj,sram_kb,flash_kb,top1_float,top1_int8,images,note\n");
    for (int i = 0; i < n; i++) {
        const struct figure *f = &figures[i];
        struct cells c = cells_of(f, "");
        printf("%s,%s,\"%s\",%s,%s,%s,%s,%s,%s,%s,%s,%d,\"%s\"\n", f->net, f->board, f->engine,
               figure_kind_name(f->kind), c.ms, c.error, c.uj, c.sram, c.flash, c.fp, c.int8, f->images,
               f->note);
    }
}

static void print_text(const struct table *table, const struct figure *figures, int n)
{
    printf("%s\n(%s)\n\n", table->title, table->source);
    printf("%-14s %-10s %-18s %-8s %9s %6s %9s %9s %7s %7s\n", "net", "board", "engine", "kind", "ms", "+-",
           "SRAM kB", "flash kB", "float", "int8 %");
    const char *last = "";
    bool estimated = false, sampled = false;
    for (int i = 0; i < n; i++) {
        const struct figure *f = &figures[i];
        struct cells c = cells_of(f, "-");
        char error[CELL + 2] = "";
        if (f->error_percent > 0)
            snprintf(error, sizeof error, "%s %%", c.error);
        if (i && strcmp(last, f->net) != 0)
            printf("\n");
        last = f->net;
        printf("%-14s %-10s %-18s %-8s %9s %6s %9s %9s %7s %7s%s%s\n", f->net, f->board, f->engine,
               figure_kind_name(f->kind), c.ms, error, c.sram, c.flash, c.fp, c.int8, *f->note ? "  " : "",
               f->note);
        estimated |= f->kind == FIGURE_ESTIMATE;
        sampled |= f->images > 0;
    }
    printf("\nmeasured: published, on the board.");
    if (estimated)
        printf(" estimate: latency by a cycle model, +- its stated error; our SRAM (arena,\n"
               "stack, runtime) and flash are exact, in units of 1024 bytes.");
    printf("\n");
    if (sampled)
        printf("Our top-1 is of samples of the images (--json has their number): not comparable with "
               "published ones.\n");
}

/* ---- the command ------------------------------------------------------------------------------------------
 */

/* Where a line goes among those of its net: any board first, then the boards of the table, then others. */
static int board_place(const struct table *table, const char *board)
{
    for (int i = 0; *board && i < table->n_boards; i++)
        if (strcmp(table->boards[i], board) == 0)
            return i;
    return *board ? table->n_boards : -1;
}

/* Insertion keeps the order of lines for the same board. */
static void add_figure(struct figure *figures, int first, int *n, const struct table *table,
                       const struct figure *figure)
{
    int at = (*n)++;
    for (; at > first && board_place(table, figures[at - 1].board) > board_place(table, figure->board); at--)
        figures[at] = figures[at - 1];
    figures[at] = *figure;
}

/* Published lines and ours, net by net and board by board. */
static int collect(struct figure **out, int *n, const struct table *table, struct table_options *options,
                   struct arena *arena)
{
    int boards = options->boards->n > table->n_boards ? options->boards->n : table->n_boards;
    int room = table->n_published + table->n_nets * (boards * table->n_optimize + 1);
    struct figure *figures = ARENA_ARRAY(arena, struct figure, (size_t)room);
    int rc = 0;
    *n = 0;
    for (int i = 0; i < table->n_nets && !rc; i++) {
        struct figure *ours;
        int first = *n, n_ours;
        for (int k = 0; k < table->n_published; k++)
            if (strcmp(table->published[k].net, table->nets[i].name) == 0)
                add_figure(figures, first, n, table, &table->published[k]);
        rc = table_ours(&ours, &n_ours, table, &table->nets[i], options, arena);
        for (int k = 0; k < n_ours && !rc; k++)
            if (ours[k].kind == FIGURE_ABSENT) /* last, whatever the boards */
                figures[(*n)++] = ours[k];
            else
                add_figure(figures, first, n, table, &ours[k]);
    }
    *out = figures;
    return rc;
}

int cmd_table(int argc, char **argv)
{
    struct option_list boards = {.n = 0}, sets = {.n = 0};
    struct table_options how = {
        .folder = NULL, .boards = &boards, .sets = &sets, .images = DEFAULT_IMAGES, .threads = 0};
    bool json = false, csv = false, no_estimate = false;
    const struct option_spec options[] = {
        OPTION_STRING(0, "data", "DIR", &how.folder,
                      "folder with networks and images (default: ../shared/data)"),
        OPTION_LIST(0, "board", "NAME", &boards, "ours for this board; may repeat (default: the table's)"),
        OPTION_LIST(0, "set", "KEY=VALUE", &sets,
                    "override a recipe key, as in limits.sram=128KiB; may repeat"),
        OPTION_INT(0, "images", "N", &how.images, "accuracy on at most N images; 0: none (default 200)"),
        OPTION_FLAG(0, "no-estimate", &no_estimate, "sizes and accuracy only: build and emulate nothing"),
        OPTION_FLAG(0, "csv", &csv, "print CSV on stdout"),
        OPTION_FLAG(0, "json", &json, "print JSON on stdout"),
        OPTION_INT('j', "jobs", "N", &how.threads, "threads (default: all cores)"),
        OPTION_FLAG('q', "quiet", &how.quiet, "no progress"),
        OPTION_END,
    };
    int rc = options_parse(&argc, &argv, usage, options);
    if (rc)
        return rc == OPTIONS_HELP ? 0 : rc;
    if (argc != 1)
        return error_usage("table: which one? mlperf-tiny or mcunet-zoo");
    if (json && csv)
        return error_usage("table: --json or --csv, not both");
    if (how.images < 0)
        return error_usage("table: --images must be 0 or more, not %d", how.images);
    how.estimate = !no_estimate;
    if (!how.folder)
        how.folder = default_folder;
    else if (!folder_exists(how.folder))
        return error_input("there is no folder '%s'", how.folder);

    struct arena arena = ARENA_INIT;
    struct table table;
    struct figure *figures;
    int n;
    rc = table_read(&table, argv[0], &arena);
    if (!rc)
        rc = collect(&figures, &n, &table, &how, &arena);
    if (!rc && json)
        rc = print_json(&table, figures, n);
    else if (!rc && csv)
        print_csv(figures, n);
    else if (!rc)
        print_text(&table, figures, n);
    arena_release(&arena);
    return rc;
}
