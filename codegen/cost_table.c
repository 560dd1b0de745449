#include "codegen/cost_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/strbuf.h"
#include "codegen/cost_table_parts.h"
#include "codegen/cost_terms.h"
#include "codegen/implement.h"
#include "codegen/kernels.h"
#include "codegen/schedule.h"
#include "quant/qmodel.h"

enum { MAX_FILE_BYTES = 16 << 20, MAX_POINTS = 1 << 17, MAX_NETWORKS = 1 << 14, MAX_SIZE = 1 << 20 };

static const char title[] = "# mcunet cost table 1\n",
                  identity_key[] = "# identity: ", cache_key[] = "# data cache: ",
                  network_key[] = "# network: ", sum_key[] = "# sha256: ", rest_name[] = "rest";

void cost_table_init(struct cost_table *out, const char *identity, int dcache_bytes, struct arena *arena)
{
    *out = (struct cost_table){
        .arena = arena, .identity = arena_strdup(arena, identity), .dcache_bytes = dcache_bytes};
}

/* ---- points and networks ---- */

int cost_point_compare(const struct cost_point *a, const struct cost_point *b)
{
    if (a->kernel != b->kernel)
        return a->kernel < b->kernel ? -1 : 1;
#define FIELD(name)                                                                                          \
    if (a->name != b->name)                                                                                  \
        return a->name < b->name ? -1 : 1;
    COST_KEY(FIELD)
#undef FIELD
    if (a->calls.n != b->calls.n)
        return a->calls.n < b->calls.n ? -1 : 1;
    for (int i = 0; i < a->calls.n; i++) {
        if (a->calls.size[i].rows != b->calls.size[i].rows)
            return a->calls.size[i].rows < b->calls.size[i].rows ? -1 : 1;
        if (a->calls.size[i].count != b->calls.size[i].count)
            return a->calls.size[i].count < b->calls.size[i].count ? -1 : 1;
    }
    return 0;
}

/* Index of the first point not before `point`. */
static int lower_bound(const struct cost_table *table, const struct cost_point *point)
{
    int low = 0, high = table->n_points;
    while (low < high) {
        int middle = (low + high) / 2;
        if (cost_point_compare(&table->points[middle], point) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void cost_table_add(struct cost_table *table, const struct cost_point *point)
{
    table->fits = NULL;
    table->sha256[0] = '\0';
    int at = lower_bound(table, point);
    struct cost_point *own = &table->points[at];
    if (at < table->n_points && cost_point_compare(own, point) == 0) {
        own->times += point->times;
        own->cycles += point->cycles;
        own->instructions += point->instructions;
        return;
    }
    if (table->n_points == table->points_capacity) {
        table->points_capacity = table->points_capacity ? 2 * table->points_capacity : 256;
        struct cost_point *larger =
            ARENA_ARRAY(table->arena, struct cost_point, (size_t)table->points_capacity);
        if (table->n_points)
            memcpy(larger, table->points, (size_t)table->n_points * sizeof *larger);
        table->points = larger;
    }
    memmove(&table->points[at + 1], &table->points[at],
            (size_t)(table->n_points - at) * sizeof *table->points);
    table->points[at] = *point;
    table->n_points++;
}

bool cost_table_has_network(const struct cost_table *table, const char *name)
{
    for (int i = 0; i < table->n_networks; i++)
        if (strcmp(table->networks[i], name) == 0)
            return true;
    return false;
}

void cost_table_add_network(struct cost_table *table, const char *name)
{
    if (cost_table_has_network(table, name))
        return;
    table->sha256[0] = '\0';
    if (table->n_networks == table->networks_capacity) {
        table->networks_capacity = table->networks_capacity ? 2 * table->networks_capacity : 32;
        const char **larger = ARENA_ARRAY(table->arena, const char *, (size_t)table->networks_capacity);
        if (table->n_networks)
            memcpy(larger, table->networks, (size_t)table->n_networks * sizeof *larger);
        table->networks = larger;
    }
    int at = table->n_networks++;
    for (; at > 0 && strcmp(table->networks[at - 1], name) > 0; at--)
        table->networks[at] = table->networks[at - 1];
    table->networks[at] = arena_strdup(table->arena, name);
}

/* ---- text ---- */

static const char *kernel_name(int kernel)
{
    return kernel == COST_REST ? rest_name : kernel_info((enum kernel)kernel)->function;
}

static void add_point_text(struct strbuf *out, const struct cost_point *point)
{
    strbuf_adds(out, kernel_name(point->kernel));
#define FIELD(name) strbuf_addf(out, ",%d", point->name);
    COST_KEY(FIELD)
#undef FIELD
    for (int i = 0; i < point->calls.n; i++)
        strbuf_addf(out, "%c%dx%d", i ? '+' : ',', point->calls.size[i].count, point->calls.size[i].rows);
    strbuf_addf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n", point->times, point->cycles,
                point->instructions);
}

void cost_table_text(struct cost_table *table, struct strbuf *out)
{
    size_t start = out->length;
    strbuf_adds(out, title);
    for (const char *line = table->identity; *line;) {
        size_t length = strcspn(line, "\n");
        strbuf_addf(out, "%s%.*s\n", identity_key, (int)length, line);
        line += length + (line[length] == '\n');
    }
    strbuf_addf(out, "%s%d\n", cache_key, table->dcache_bytes);
    for (int i = 0; i < table->n_networks; i++)
        strbuf_addf(out, "%s%s\n", network_key, table->networks[i]);
    strbuf_adds(out, "kernel");
#define FIELD(name) strbuf_adds(out, "," #name);
    COST_KEY(FIELD)
#undef FIELD
    strbuf_adds(out, ",calls,times,cycles,instructions\n");
    for (int i = 0; i < table->n_points; i++)
        add_point_text(out, &table->points[i]);
    struct sha256 sha = sha256_of(out->text + start, out->length - start);
    snprintf(table->sha256, sizeof table->sha256, "%s", sha.hex);
    strbuf_addf(out, "%s%s\n", sum_key, sha.hex);
}

/* A number in [minimum, maximum] that `end` follows; moves *text past it. */
static bool take_number(const char **text, char end, int64_t minimum, int64_t maximum, int64_t *out)
{
    if (**text < '0' || **text > '9')
        return false;
    char *after;
    *out = strtoll(*text, &after, 10);
    if (after - *text > 18 || *after != end || *out < minimum || *out > maximum)
        return false;
    *text = after + 1;
    return true;
}

static bool take_kernel(const char **text, int *out)
{
    size_t length = strcspn(*text, ",");
    if ((*text)[length] != ',')
        return false;
    for (int k = 0; k <= KERNEL_COUNT; k++) {
        int kernel = k < KERNEL_COUNT ? k : COST_REST;
        const char *name = kernel_name(kernel);
        if (strlen(name) == length && memcmp(*text, name, length) == 0) {
            *out = kernel;
            *text += length + 1;
            return true;
        }
    }
    return false;
}

static bool take_calls(const char **text, struct call_pattern *calls)
{
    int64_t count, rows;
    for (calls->n = 0; calls->n < CALL_SIZES; calls->n++) {
        if (!take_number(text, 'x', 1, MAX_SIZE, &count) || **text < '0' || **text > '9')
            return false;
        char end = (*text)[strspn(*text, "0123456789")];
        if ((end != '+' && end != ',') || !take_number(text, end, 1, MAX_SIZE, &rows))
            return false;
        if (calls->n && calls->size[calls->n - 1].rows >= rows)
            return false;
        calls->size[calls->n].count = (int)count;
        calls->size[calls->n].rows = (int)rows;
        if (end == ',') {
            calls->n++;
            return true;
        }
    }
    return false;
}

static bool take_point(const char *line, struct cost_point *point)
{
    int64_t value;
    *point = (struct cost_point){0};
    if (!take_kernel(&line, &point->kernel))
        return false;
#define FIELD(name)                                                                                          \
    if (!take_number(&line, ',', 0, MAX_SIZE, &value))                                                       \
        return false;                                                                                        \
    point->name = (int)value;
    COST_KEY(FIELD)
#undef FIELD
    return point->layout < LAYOUT_COUNT && take_calls(&line, &point->calls) &&
           take_number(&line, ',', 1, INT32_MAX, &point->times) &&
           take_number(&line, ',', 0, INT64_MAX / 2, &point->cycles) &&
           take_number(&line, '\n', 0, INT64_MAX / 2, &point->instructions);
}

/* What follows a key at the beginning of a line, without the newline; NULL when the key is another. */
static const char *after_key(const char *line, const char *key, struct arena *arena)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return NULL;
    return arena_printf(arena, "%.*s", (int)strcspn(line + length, "\n"), line + length);
}

/* The text's last line as it should be and where it is; NULL: there is none. */
static const char *sum_line(const char *text, struct sha256 *sum)
{
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, sum_key)); at++)
        last = at;
    if (!last || strlen(last) != strlen(sum_key) + 65 || last[strlen(last) - 1] != '\n')
        return NULL;
    *sum = sha256_of(text, (size_t)(last - text));
    return last + strlen(sum_key);
}

bool cost_table_intact(const char *text)
{
    struct sha256 sum;
    const char *given = sum_line(text, &sum);
    return given && strncmp(given, sum.hex, 64) == 0;
}

static int check_sum(struct sha256 *sum, const char *text, const char *path)
{
    const char *given = sum_line(text, sum);
    if (!given)
        return error_input("%s: the cost table is cut short: no sha256 line at its end", path);
    if (strncmp(given, sum->hex, 64) != 0)
        return error_input("%s: the cost table is damaged: its sha256 is another", path);
    return 0;
}

/* One line of the file. */
static int take_line(struct cost_table *table, struct strbuf *identity, const char *line, const char *path,
                     int number)
{
    const char *value;
    struct cost_point point;
    int64_t cache;
    if (number == 1)
        return strncmp(line, title, strlen(title)) == 0
                   ? 0
                   : error_input("%s:1: not a cost table of mcunet", path);
    if ((value = after_key(line, identity_key, table->arena))) {
        strbuf_addf(identity, "%s\n", value);
    } else if (strncmp(line, cache_key, strlen(cache_key)) == 0) {
        line += strlen(cache_key);
        if (!take_number(&line, '\n', 0, MAX_SIZE, &cache))
            return error_input("%s:%d: not a number of bytes", path, number);
        table->dcache_bytes = (int)cache;
    } else if ((value = after_key(line, network_key, table->arena))) {
        if (table->n_networks == MAX_NETWORKS)
            return error_input("%s:%d: more than %d networks", path, number, MAX_NETWORKS);
        cost_table_add_network(table, value);
    } else if (strncmp(line, "kernel,", 7) != 0 && strncmp(line, sum_key, strlen(sum_key)) != 0) {
        if (table->n_points == MAX_POINTS || !take_point(line, &point))
            return error_input("%s:%d: not a line of a cost table", path, number);
        cost_table_add(table, &point);
    }
    return 0;
}

int cost_table_parse(struct cost_table *out, const char *text, const char *path, struct arena *arena)
{
    struct strbuf identity = STRBUF_INIT;
    struct sha256 sum;
    *out = (struct cost_table){.arena = arena};
    int rc = 0, number = 1;
    for (const char *line = text; *line && !rc; number++) {
        rc = take_line(out, &identity, line, path, number);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    if (!rc && number == 1)
        rc = error_input("%s: empty, no cost table", path);
    if (!rc)
        rc = check_sum(&sum, text, path);
    out->identity = arena_strdup(arena, strbuf_text(&identity));
    if (!rc)
        memcpy(out->sha256, sum.hex, sizeof out->sha256);
    strbuf_release(&identity);
    return rc;
}

int cost_table_read(struct cost_table *out, const char *path, struct arena *arena)
{
    struct file file;
    int rc = file_read(&file, path, MAX_FILE_BYTES, arena);
    return rc ? rc : cost_table_parse(out, (const char *)file.data, path, arena);
}

/* ---- schedules ---- */

static struct cost_point point_of(const struct qnode *node, const struct qmodel *qmodel,
                                  const struct implementation *implementation)
{
    const struct qtensor *in = &qmodel->tensors[node->inputs[0]], *out = &qmodel->tensors[node->output];
    enum kernel kernels[QNODE_MAX_INPUTS];
    node_kernels(implementation, qmodel, node, kernels);
    struct cost_point point = {
        .kernel = (int)kernels[0],
        .layout = (int)implementation->layout,
        .tile = implementation->tile,
        .in_h = in->h,
        .in_w = in->w,
        .in_c = in->c,
        .out_h = out->h,
        .out_w = out->w,
        .out_c = out->c,
        .window_h = 1,
        .window_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation = 1,
    };
    if (node->op == QOP_CONV || node->op == QOP_DEPTHWISE || node->op == QOP_AVERAGE_POOL ||
        node->op == QOP_MAX_POOL) {
        point.window_h = node->window.kernel_h;
        point.window_w = node->window.kernel_w;
        point.stride_h = node->window.stride_h;
        point.stride_w = node->window.stride_w;
        point.dilation = node->window.dilation_h;
    }
    return point;
}

struct cost_point *cost_points(const struct schedule *schedule, const struct qmodel *qmodel,
                               struct arena *arena)
{
    struct cost_point *out = ARENA_ARRAY(arena, struct cost_point, (size_t)schedule->n_order + 1);
    const struct call_pattern *calls = schedule_calls(schedule, qmodel, arena);
    int in_chains = 0, chain_calls = 0;
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        for (int i = step->first_node; i < step->first_node + step->n_nodes; i++) {
            int node = schedule->order[i];
            out[i] = point_of(&qmodel->nodes[node], qmodel, &schedule->implementations[node]);
            out[i].depth_first = step->depth_first;
            out[i].calls = calls[i];
            for (int k = 0; step->depth_first && k < calls[i].n; k++)
                chain_calls += calls[i].size[k].count;
        }
        in_chains += step->depth_first ? step->n_nodes : 0;
    }
    out[schedule->n_order] = (struct cost_point){.kernel = COST_REST,
                                                 .in_h = in_chains,
                                                 .in_w = schedule->n_steps,
                                                 .in_c = chain_calls,
                                                 .calls = {.n = 1, .size = {{1, 1}}}};
    return out;
}

int64_t cost_table_point_cycles(const struct cost_table *table, const struct cost_point *point, bool *exact)
{
    int at = lower_bound(table, point);
    bool measured = at < table->n_points && cost_point_compare(&table->points[at], point) == 0;
    if (exact)
        *exact = measured;
    if (measured)
        return (table->points[at].cycles + table->points[at].times / 2) / table->points[at].times;
    double cycles = cost_table_interpolate(table, point, false);
    return cycles > 0 ? llround(cycles) : 0;
}

int64_t cost_table_cycles(const struct cost_table *table, const struct schedule *schedule,
                          const struct qmodel *qmodel)
{
    struct arena arena = ARENA_INIT;
    const struct cost_point *points = cost_points(schedule, qmodel, &arena);
    int64_t sum = 0, known_cycles = 0, known_instructions = 0, unknown_instructions = 0;
    for (int i = 0; i <= schedule->n_order; i++) {
        int64_t cycles = cost_table_point_cycles(table, &points[i], NULL);
        int64_t instructions = i < schedule->n_order ? schedule->instructions[i] : 0;
        sum += cycles;
        *(cycles > 0 ? &known_instructions : &unknown_instructions) += instructions;
        known_cycles += cycles;
    }
    /* kernels that the table has not seen: as many cycles an instruction (by implement.h's model) as the rest
     */
    if (unknown_instructions)
        sum += known_instructions > 0
                   ? llround((double)unknown_instructions * (double)known_cycles / (double)known_instructions)
                   : 2 * unknown_instructions;
    arena_release(&arena);
    return sum;
}
