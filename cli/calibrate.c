#include "cli/calibrate.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/resource.h"
#include "boards/board.h"
#include "boards/build.h"
#include "boards/calibrate.h"
#include "boards/cycles/cycles.h"

enum { MAX_FILES = 256, MAX_ROWS = 1 << 16, EMULATOR_TIMEOUT_S = 600, BOARD_FILE_MAX = 1 << 20 };

/* One measured network: a row for the whole, then one for each layer that has an estimate. */
struct measured {
    const char *path;
    json_t *json;
    struct cycle_record *record;
    int first_row, n_rows;
    const char **layers; /* of rows after the first: what the estimate calls them */
};

struct session {
    struct measured *measured;
    int n, n_rows;
    const struct board *board;
    double *cycles, *weights;
    struct arena *arena;
};

/* ---- measurements -----------------------------------------------------------------------------------------
 */

static int read_one(struct measured *m, const char *path, const char **board, struct arena *arena)
{
    m->path = path;
    int rc = json_read(&m->json, path);
    if (rc)
        return rc;
    const char *kind = json_string_value(json_object_get(m->json, "kind")), *name = json_string_value(json_object_get(m->json, "board")),
               *counter = json_string_value(json_object_get(m->json, "counter"));
    if (!kind || strcmp(kind, "measurement") != 0 || !name || !counter || json_number_value(json_object_get(m->json, "ticks")) <= 0)
        return error_input("'%s' is no measurement (`mcunet flash --measure --measured FILE` writes one)", path);
    if (strcmp(counter, "core cycles") != 0)
        return error_input("'%s' was measured with a %s, not in cycles of the core: nothing can be learnt from it", path, counter);
    if (*board && strcmp(*board, name) != 0)
        return error_input("'%s' was measured on %s, the others on %s", path, name, *board);
    *board = arena_strdup(arena, name);
    return 0;
}

/* The project is in the measurement's folder, and of the same network. */
static int check_project(const struct measured *m, const char *folder, struct arena *arena)
{
    json_t *schedule;
    const char *path = path_join(arena, folder, "schedule.json");
    if (!file_exists(path))
        return error_input("'%s' does not lie in the folder of the project that was measured: there is no schedule.json beside it", m->path);
    int rc = json_read(&schedule, path);
    if (rc)
        return rc;
    if (!json_equal(json_object_get(schedule, "model_sha256"), json_object_get(m->json, "model_sha256")))
        rc = error_input("'%s' is of another network than the project beside it", m->path);
    json_decref(schedule);
    return rc;
}

static int record_one(struct session *s, struct measured *m)
{
    struct arena *arena = s->arena;
    const char *folder = path_folder(arena, m->path);
    int rc = check_project(m, folder, arena);
    if (!rc)
        rc = firmware_build(folder, true, 0, true);
    if (!rc)
        rc = cycle_record(&m->record, path_join(arena, folder, "emulator.elf"), s->board, EMULATOR_TIMEOUT_S, arena);
    return rc;
}

static double ticks_of(const json_t *row)
{
    return json_number_value(json_object_get(row, "ticks"));
}

static const struct cycle_row *find_layer(const struct cycle_estimate *estimate, const char *name)
{
    for (int i = 0; i < estimate->n_layers; i++)
        if (strcmp(estimate->layers[i].name, name) == 0)
            return &estimate->layers[i];
    return NULL;
}

/* A residual counts as the part of its network that it is; the whole as much as all layers together. */
static void add_rows(struct session *s, struct measured *m)
{
    struct cycle_estimate estimate;
    const json_t *layers = json_object_get(m->json, "layers"), *row;
    const double whole = ticks_of(m->json);
    cycle_evaluate(&estimate, m->record, s->board, s->arena);
    m->first_row = s->n_rows;
    m->layers = ARENA_ARRAY(s->arena, const char *, json_array_size(layers) + 1);
    s->cycles[s->n_rows] = whole;
    s->weights[s->n_rows++] = 1 / whole;
    size_t i;
    json_array_foreach(layers, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "identifier"));
        if (!name || !find_layer(&estimate, name) || ticks_of(row) <= 0 || s->n_rows == MAX_ROWS)
            continue;
        m->layers[s->n_rows - m->first_row - 1] = name;
        s->cycles[s->n_rows] = ticks_of(row);
        s->weights[s->n_rows++] = 1 / whole;
    }
    m->n_rows = s->n_rows - m->first_row;
}

static int estimate_all(void *context, const struct timing_spec *timing, double *cycles)
{
    struct session *s = context;
    struct board board = *s->board;
    struct arena arena = ARENA_INIT;
    board.timing = *timing;
    for (int k = 0; k < s->n; k++) {
        const struct measured *m = &s->measured[k];
        struct cycle_estimate estimate;
        cycle_evaluate(&estimate, m->record, &board, &arena);
        cycles[m->first_row] = (double)estimate.whole.cycles;
        for (int i = 1; i < m->n_rows; i++) {
            const struct cycle_row *row = find_layer(&estimate, m->layers[i - 1]);
            cycles[m->first_row + i] = row ? (double)row->cycles : 0;
        }
    }
    arena_release(&arena);
    return 0;
}

/* ---- results ----------------------------------------------------------------------------------------------
 */

static double percent(double estimated, double measured)
{
    return round(1e4 * (estimated - measured) / measured) / 1e2;
}

static json_t *result_json(const struct session *s, const struct calibration *c)
{
    json_t *constants = json_array(), *networks = json_array();
    for (int k = 0; k < c->n_keys; k++)
        json_array_append_new(constants, json_pack("{s:s, s:f, s:f, s:b}", "name", c->keys[k].key->name, "before", c->keys[k].before, "after",
                                                   c->keys[k].after, "told", c->keys[k].fitted));
    for (int k = 0; k < s->n; k++) {
        const struct measured *m = &s->measured[k];
        const int row = m->first_row;
        json_array_append_new(networks, json_pack("{s:s, s:f, s:f, s:f, s:i}", "measurement", m->path, "cycles", s->cycles[row],
                                                  "before_percent", percent(c->before[row], s->cycles[row]), "after_percent",
                                                  percent(c->after[row], s->cycles[row]), "layers", m->n_rows - 1));
    }
    return json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:f, s:f}", "schema_version", 1, "tool_version", MCUNET_VERSION, "kind", "calibration",
                     "board", s->board->name, "constants", constants, "networks", networks, "rms_before_percent",
                     round(1e4 * c->rms_before) / 1e2, "rms_after_percent", round(1e4 * c->rms_after) / 1e2);
}

static void print_result(const struct session *s, const struct calibration *c)
{
    int changed = 0;
    printf("%s: constants that change\n", s->board->name);
    for (int k = 0; k < c->n_keys; k++)
        if (c->keys[k].after != c->keys[k].before) {
            printf("  %-24s %8g -> %-8g %s\n", c->keys[k].key->name, c->keys[k].before, c->keys[k].after, c->keys[k].key->unit);
            changed++;
        }
    if (!changed)
        printf("  none: no change brings the estimates closer\n");
    for (int k = 0; k < c->n_keys; k++)
        if (!c->keys[k].fitted)
            printf("  %-24s %8g    the measurements do not tell it\n", c->keys[k].key->name, c->keys[k].before);
    printf("%-40s %14s %12s %12s\n", "estimate against", "cycles", "before", "after");
    for (int k = 0; k < s->n; k++) {
        const int row = s->measured[k].first_row;
        printf("  %-38s %14.0f %+10.2f %% %+10.2f %%\n", s->measured[k].path, s->cycles[row], percent(c->before[row], s->cycles[row]),
               percent(c->after[row], s->cycles[row]));
    }
    printf("  RMS of %d whole networks and layers, in parts of their network: %.2f %% -> %.2f %%\n", s->n_rows, 100 * c->rms_before,
           100 * c->rms_after);
}

static int write_board(const char *output, const char *name, const struct calibration *c, struct arena *arena)
{
    const size_t length = strlen(name);
    const char *path = name, *text;
    struct file file;
    int rc = 0;
    if (length < 4 || strcmp(name + length - 4, ".yml") != 0)
        rc = resource_path(&path, arena_printf(arena, "boards/%s.yml", name), arena);
    if (!rc)
        rc = file_read(&file, path, BOARD_FILE_MAX, arena);
    if (!rc)
        rc = calibrate_text(&text, (const char *)file.data, path, c, arena);
    return rc ? rc : file_write(output, text, strlen(text));
}

static int run(struct session *s, const char *board_name, const char *output, bool json)
{
    struct calibration calibration;
    for (int k = 0; k < s->n; k++) {
        int rc = record_one(s, &s->measured[k]);
        if (rc)
            return rc;
        add_rows(s, &s->measured[k]);
    }
    const struct calibration_problem problem = {s->board, s->n_rows, s->cycles, s->weights, estimate_all, s};
    int rc = calibrate(&calibration, &problem, s->arena);
    if (!rc && output)
        rc = write_board(output, board_name, &calibration, s->arena);
    if (rc)
        return rc;
    if (!json) {
        print_result(s, &calibration);
        return 0;
    }
    json_t *result = result_json(s, &calibration);
    rc = json_print(result);
    json_decref(result);
    return rc;
}

int calibrate_board(char **files, int n, const char *board_name, const char *output, bool json, struct arena *arena)
{
    if (n < 1 || n > MAX_FILES)
        return error_usage("boards calibrate: name 1 to %d measurements (`mcunet flash --measure --measured FILE` writes them)", MAX_FILES);
    struct session s = {.measured = ARENA_ARRAY(arena, struct measured, n),
                        .n = n,
                        .cycles = ARENA_ARRAY(arena, double, MAX_ROWS + MAX_FILES),
                        .weights = ARENA_ARRAY(arena, double, MAX_ROWS + MAX_FILES),
                        .arena = arena};
    const char *measured_on = NULL;
    struct board *board = NULL;
    int rc = 0;
    for (int k = 0; k < n && !rc; k++)
        rc = read_one(&s.measured[k], files[k], &measured_on, arena);
    if (!board_name)
        board_name = measured_on;
    if (!rc)
        rc = board_load(&board, board_name, arena);
    s.board = board;
    if (!rc)
        rc = run(&s, board_name, output, json);
    for (int k = 0; k < n; k++)
        json_decref(s.measured[k].json);
    return rc;
}
