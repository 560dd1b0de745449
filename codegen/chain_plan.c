#include "codegen/chain_plan.h"

#include <string.h>

#include "base/arena.h"
#include "codegen/kernels.h"
#include "codegen/row_graph.h"
#include "quant/qmodel.h"

enum { ALIGNMENT = 8, MAX_LABELS = 48, TRIED_ARENAS = 60 };

static const int64_t never = INT64_MAX / 4;

static int64_t round_up(int64_t n, int64_t multiple)
{
    int64_t rest = ((n % multiple) + multiple) % multiple;
    return rest == 0 ? n : n + multiple - rest;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A place between operators where one tensor is alive. */
struct cut {
    int position; /* operators [0, position) are done */
    int tensor;
    int64_t bytes; /* a multiple of 4 */
};

/* One way to compute the operators between two cuts. */
struct option {
    struct option *next;
    int rows, inner_rows;
    bool bottom_up, whole, exact;
    int64_t block;    /* bytes of scratch and stores */
    int64_t distance; /* top-down: input - output >= distance; bottom-up: output - input >= distance */
    int64_t reach;
    int64_t call_cost;
    int64_t footprint; /* the least arena in which it fits */
};

enum { NOT_ANALYSED, ANALYSED, ANALYSED_RICHLY };

struct edge {
    struct option *options;
    int64_t footprint; /* the least of the options; before the analysis a lower bound */
    int state;
};

struct planner {
    const struct row_graph *graph;
    struct arena *arena;
    struct chain_work *work;
    struct cut *cuts;
    int n_cuts;
    struct edge *edges; /* [from * n_cuts + to] */
};

static struct edge *edge_of(const struct planner *planner, int from, int to)
{
    return &planner->edges[(size_t)from * (size_t)planner->n_cuts + (size_t)to];
}

static int edge_length(const struct planner *planner, int from, int to)
{
    return planner->cuts[to].position - planner->cuts[from].position;
}

/* ---- cuts -------------------------------------------------------------------------------------------------
 */

static void add_cut(struct planner *planner, int position, int tensor)
{
    const struct row_tensor *t = &planner->graph->tensors[tensor];
    planner->cuts[planner->n_cuts++] = (struct cut){position, tensor, round_up(t->h * t->row_bytes, 4)};
}

static void find_cuts(struct planner *planner)
{
    const struct row_graph *graph = planner->graph;
    int n_tensors = graph->qmodel->n_tensors, alive = 1, sum = graph->qmodel->input;
    int *left = ARENA_ARRAY(planner->arena, int, (size_t)n_tensors + 1); /* readers that have not run */
    for (int t = 0; t < n_tensors; t++)
        left[t] = graph->tensors[t].n_readers + (t == graph->qmodel->output);
    planner->cuts = ARENA_ARRAY(planner->arena, struct cut, (size_t)graph->n_ops + 1);
    add_cut(planner, 0, graph->qmodel->input);
    for (int i = 0; i < graph->n_ops; i++) {
        const struct row_op *op = &graph->ops[i];
        alive++;
        sum += op->output;
        for (int k = 0; k < op->n_inputs; k++)
            if (--left[op->inputs[k].tensor] == 0) {
                alive--;
                sum -= op->inputs[k].tensor;
            }
        if (alive == 1)
            add_cut(planner, i + 1, sum); /* the only one left of the sum */
    }
}

/* ---- the options of an edge -------------------------------------------------------------------------------
 */

static int64_t footprint_of_option(const struct option *option, int64_t in, int64_t out)
{
    int64_t apart = in + out, bytes;
    if (option->distance >= never)
        bytes = apart;
    else if (option->bottom_up)
        bytes = smaller(apart, larger(out + option->distance, larger(in, out)));
    else
        bytes = smaller(apart, larger(in + option->distance, larger(in, out)));
    if (option->exact)
        bytes = smaller(bytes, larger(in, out));
    bytes += option->block;
    if (option->reach > 0 && option->distance < never) {
        int64_t ahead = option->bottom_up ? in - out - option->distance : -option->distance;
        ahead = smaller(option->reach, larger(ahead, 0));
        bytes = smaller(bytes, larger(option->block + in - ahead, option->block + out));
    }
    return bytes;
}

static bool is_dominated(const struct option *option, const struct option *others)
{
    for (const struct option *o = others; o; o = o->next)
        if (o->bottom_up == option->bottom_up && o->block <= option->block &&
            o->distance <= option->distance && o->reach >= option->reach &&
            o->call_cost <= option->call_cost && o->exact >= option->exact)
            return true;
    return false;
}

static void add_option(struct planner *planner, int from, int to, struct option option)
{
    struct edge *edge = edge_of(planner, from, to);
    option.footprint =
        round_up(footprint_of_option(&option, planner->cuts[from].bytes, planner->cuts[to].bytes), ALIGNMENT);
    if (is_dominated(&option, edge->options))
        return;
    struct option *kept = ARENA_NEW(planner->arena, struct option);
    *kept = option;
    kept->next = edge->options;
    edge->options = kept;
    edge->footprint = smaller(edge->footprint, option.footprint);
}

static struct chain_shape shape_between(const struct planner *planner, int from, int to, int rows,
                                        int inner_rows, bool bottom_up)
{
    return (struct chain_shape){planner->cuts[from].position,
                                planner->cuts[to].position,
                                planner->cuts[from].tensor,
                                rows,
                                inner_rows,
                                bottom_up};
}

/* Returns the option's footprint. */
static int64_t add_chain(struct planner *planner, int from, int to, int rows, int inner_rows, bool bottom_up)
{
    struct chain_shape shape = shape_between(planner, from, to, rows, inner_rows, bottom_up);
    struct chain_cost cost;
    chain_analyse(&cost, &shape, planner->work);
    const struct row_tensor *in = &planner->graph->tensors[shape.input];
    const struct row_tensor *out = &planner->graph->tensors[planner->cuts[to].tensor];
    struct option option = {
        .rows = rows,
        .inner_rows = inner_rows,
        .bottom_up = bottom_up,
        .exact = cost.exact,
        .block = cost.stores_bytes + cost.scratch_bytes,
        .reach = cost.reach,
        .call_cost = cost.call_cost,
    };
    if (cost.distance == INT64_MIN) /* the input is dead before the output begins: it may lie anywhere */
        cost.distance = -in->h * in->row_bytes;
    /* Counted between the tensors' first bytes: bottom-up the ends matter. */
    option.distance = bottom_up ? round_up(in->h * in->row_bytes - out->h * out->row_bytes + cost.distance, 4)
                                : round_up(cost.distance, 4);
    add_option(planner, from, to, option);
    return footprint_of_option(&option, planner->cuts[from].bytes, planner->cuts[to].bytes);
}

/* One operator, one call: rows in ascending order (engine.h), so the distance of kernels.h holds. */
static void add_whole(struct planner *planner, int from, int to)
{
    const struct row_op *op = &planner->graph->ops[planner->cuts[from].position];
    struct option option = {.rows = CHAIN_ALL_ROWS,
                            .inner_rows = CHAIN_ALL_ROWS,
                            .whole = true,
                            .block = op->scratch_bytes,
                            .distance = -never,
                            .exact = true,
                            .call_cost = op->call_cost};
    for (int i = 0; i < op->node->n_inputs; i++) {
        struct overlap overlap;
        if (!node_overlap(&overlap, planner->graph->qmodel, op->node, i))
            overlap = (struct overlap){never, false};
        option.distance = larger(option.distance, round_up(overlap.distance, 4));
        option.exact = option.exact && overlap.exact;
    }
    option.distance = smaller(option.distance, never);
    add_option(planner, from, to, option);
}

/* Bottom-up calls run from the last row to the first, but MEAN begins with row 0. */
static bool may_run_bottom_up(const struct planner *planner, int from, int to)
{
    for (int i = planner->cuts[from].position; i < planner->cuts[to].position; i++)
        if (planner->graph->ops[i].accumulates)
            return false;
    return true;
}

static int steps_of_last(const struct planner *planner, int to)
{
    return planner->graph->ops[planner->cuts[to].position - 1].steps;
}

static void analyse(struct planner *planner, int from, int to)
{
    struct edge *edge = edge_of(planner, from, to);
    if (edge->state >= ANALYSED)
        return;
    edge->state = ANALYSED;
    edge->footprint = never;
    bool alone = edge_length(planner, from, to) == 1;
    if (alone)
        add_whole(planner, from, to);
    if (alone && steps_of_last(planner, to) == 1)
        return;
    bool both = may_run_bottom_up(planner, from, to);
    add_chain(planner, from, to, 1, 1, false);
    if (both)
        add_chain(planner, from, to, 1, 1, true);
    if (to == from + 1 && !alone) { /* a branch: its operators one after the other */
        add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, false);
        if (both)
            add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, true);
    }
}

/* Ways with fewer calls that fit in `limit` bytes: the more rows at a time the better. */
static void analyse_richly(struct planner *planner, int from, int to, int64_t limit)
{
    struct edge *edge = edge_of(planner, from, to);
    analyse(planner, from, to);
    if (edge->state >= ANALYSED_RICHLY)
        return;
    edge->state = ANALYSED_RICHLY;
    int steps = steps_of_last(planner, to);
    bool both = may_run_bottom_up(planner, from, to);
    for (int up = 0; up < (both ? 2 : 1); up++) {
        if (add_chain(planner, from, to, 1, CHAIN_ALL_ROWS, up) > limit && steps > 1)
            continue;
        int rows = 2; /* the first power of two that does not fit */
        for (; rows < steps; rows *= 2) {
            add_chain(planner, from, to, rows, 1, up);
            if (add_chain(planner, from, to, rows, CHAIN_ALL_ROWS, up) > limit)
                break;
        }
        if (rows >= steps && add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, up) <= limit)
            continue;
        /* the fewest equal rounds with as many rows as fit */
        for (int rounds = (steps + rows - 1) / rows, tries = 0; rounds * rows < 2 * steps && tries < 4;
             rounds++) {
            int each = (steps + rounds - 1) / rounds;
            if (each >= rows || each * 2 <= rows)
                continue;
            tries++;
            if (add_chain(planner, from, to, each, CHAIN_ALL_ROWS, up) <= limit)
                break;
        }
    }
}

/* ---- the lower bound --------------------------------------------------------------------------------------
 */

/* Rows of the input that some step reads at once. */
static int largest_window(const struct row_op *op, const struct row_input *input, int h)
{
    int most = 1;
    for (int step = 0; step < op->steps; step++) {
        int first = step * input->stride - input->pad, end = first + input->extent;
        first = first < 0 ? 0 : first;
        end = end > h ? h : end;
        most = end - first > most ? end - first : most;
    }
    return most;
}

/* Bytes that the line buffer of an operator's output needs in any chain. */
static int64_t least_store(const struct row_graph *graph, int op)
{
    const struct row_tensor *tensor = &graph->tensors[graph->ops[op].output];
    int rows = 1;
    for (int i = 0; i < tensor->n_readers; i++) {
        const struct row_op *reader = &graph->ops[tensor->readers[i].op];
        int window = largest_window(reader, &reader->inputs[tensor->readers[i].input], tensor->h);
        rows = window > rows ? window : rows;
    }
    return rows * round_up(tensor->row_bytes, 4);
}

static bool may_share(const struct row_op *op)
{
    return op->element_wise || op->in_channel_group;
}

/* The lower bounds of all edges, before anything is analysed. */
static void bound_edges(struct planner *planner)
{
    const struct row_graph *graph = planner->graph;
    int64_t *least = ARENA_ARRAY(planner->arena, int64_t, (size_t)graph->n_ops);
    for (int i = 0; i < graph->n_ops; i++)
        least[i] = may_share(&graph->ops[i]) ? 0 : least_store(graph, i);
    for (int from = 0; from + 1 < planner->n_cuts; from++) {
        int64_t stores = 0, scratch = 0;
        int op = planner->cuts[from].position;
        for (int to = from + 1; to < planner->n_cuts; to++) {
            struct edge *edge = edge_of(planner, from, to);
            edge->footprint = never;
            if (edge_length(planner, from, to) > CHAIN_MAX_OPS)
                continue;
            for (; op < planner->cuts[to].position; op++) {
                scratch = larger(scratch, graph->ops[op].scratch_bytes);
                if (op > planner->cuts[from].position)
                    stores += least[op - 1];
            }
            edge->footprint = round_up(
                larger(planner->cuts[from].bytes, stores + scratch + planner->cuts[to].bytes), ALIGNMENT);
        }
    }
}

/* Is there a path with steps of at most `limit` bytes? next: the smallest limit above that could change the
 * answer. */
static bool path_within(struct planner *planner, int64_t limit, int64_t *next, bool *reached)
{
    int last = planner->n_cuts - 1;
    memset(reached, 0, (size_t)planner->n_cuts * sizeof *reached);
    reached[0] = true;
    *next = never;
    bool *expanded = reached + planner->n_cuts;
    memset(expanded, 0, (size_t)planner->n_cuts * sizeof *expanded);
    for (int from = 0; from >= 0 && !reached[last];) {
        expanded[from] = true;
        int to = from + 1;
        for (; to <= last; to++) {
            struct edge *edge = edge_of(planner, from, to);
            if (reached[to])
                continue;
            if (edge->footprint <= limit)
                analyse(planner, from, to);
            if (edge->footprint <= limit) {
                reached[to] = true;
                break;
            }
            *next = smaller(*next, edge->footprint);
        }
        if (to <= last) { /* go on from the far end; come back to `from` if that leads nowhere */
            expanded[from] = false;
            from = to;
            continue;
        }
        for (from = last; from >= 0 && !(reached[from] && !expanded[from]); from--)
            ;
    }
    return reached[last];
}

static int64_t lower_bound(struct planner *planner)
{
    bool *reached = ARENA_ARRAY(planner->arena, bool, 2 * (size_t)planner->n_cuts);
    int64_t limit = round_up(planner->cuts[0].bytes, ALIGNMENT), next;
    while (!path_within(planner, limit, &next, reached)) {
        if (next >= never)
            return never;
        limit = next;
    }
    return limit;
}

/* ---- addresses --------------------------------------------------------------------------------------------
 */

enum block_place { BLOCK_LOW, BLOCK_HIGH, BLOCK_BETWEEN };

/* The tensor of a cut can lie anywhere in [low, high], at this cost, if the step before is done this way. */
struct label {
    struct label *next;
    int64_t low, high, call_cost;
    const struct label *from; /* of an earlier cut */
    int cut;
    const struct option *option;
    bool in_place; /* at the input's address; otherwise the input lies at input_offset */
    int64_t input_offset;
    enum block_place place;
};

struct search {
    const struct planner *planner;
    int64_t arena_bytes;
    bool by_cost;
    struct label **labels; /* per cut */
    struct arena *arena;
};

static void add_label(struct search *search, int cut, const struct label *label)
{
    if (label->low > label->high)
        return;
    struct label **list = &search->labels[cut];
    int n = 0;
    for (const struct label *l = *list; l; l = l->next, n++)
        if (l->low <= label->low && l->high >= label->high && l->call_cost <= label->call_cost)
            return;
    for (struct label **l = list; *l;)
        if ((*l)->low >= label->low && (*l)->high <= label->high && (*l)->call_cost >= label->call_cost) {
            *l = (*l)->next;
            n--;
        } else {
            l = &(*l)->next;
        }
    if (n >= MAX_LABELS)
        return;
    struct label *kept = ARENA_NEW(search->arena, struct label);
    *kept = *label;
    kept->next = *list;
    *list = kept;
}

/* Everywhere the output can lie after this option, if the input lies in [from->low, from->high]. The input
 * goes to the end of its interval that leaves the output most freedom. */
static void apply(struct search *search, int from, int to, const struct option *option,
                  const struct label *label)
{
    const int64_t arena = search->arena_bytes, in = search->planner->cuts[from].bytes,
                  out = search->planner->cuts[to].bytes, block = option->block;
    const int64_t a1 = label->low, a2 = label->high;
    struct label new = {.from = label,
                        .cut = from,
                        .option = option,
                        .call_cost = search->by_cost ? label->call_cost + option->call_cost : 0};
#define ADD(LOW, HIGH, PLACE, INPUT)                                                                         \
    do {                                                                                                     \
        new.low = (LOW);                                                                                     \
        new.high = (HIGH);                                                                                   \
        new.place = (PLACE);                                                                                 \
        new.input_offset = (INPUT);                                                                          \
        add_label(search, to, &new);                                                                         \
    } while (0)

    if (option->exact) {
        int64_t both = larger(in, out);
        new.in_place = true;
        ADD(larger(a1, block), smaller(a2, arena - both), BLOCK_LOW, 0);
        ADD(a1, smaller(a2, arena - both - block), BLOCK_HIGH, 0);
        new.in_place = false;
    }
    int64_t highest_below_block = smaller(a2, arena - in - block), lowest_above_block = larger(a1, block);
    for (int apart = 0; apart < 2; apart++) {
        /* The output below the input, or (apart) anywhere below. */
        int64_t distance = apart ? out : option->distance;
        if ((apart || !option->bottom_up) && distance < never) {
            int64_t reach = apart || option->bottom_up ? 0 : option->reach;
            if (highest_below_block >= a1)
                ADD(0, smaller(highest_below_block - distance, arena - block - out), BLOCK_HIGH,
                    highest_below_block);
            if (a2 >= block - reach)
                ADD(block, smaller(a2 - distance, arena - out), BLOCK_LOW, a2);
            ADD(0, smaller(a2 - larger(distance, out) - block, arena - out), BLOCK_BETWEEN, a2);
        }
        /* The output above. */
        distance = apart ? in : option->distance;
        if ((apart || option->bottom_up) && distance < never) {
            int64_t reach = apart || !option->bottom_up ? 0 : option->reach;
            if (lowest_above_block <= a2)
                ADD(larger(block, lowest_above_block + distance), arena - out, BLOCK_LOW, lowest_above_block);
            if (a1 + in + block - reach <= arena)
                ADD(larger(0, a1 + distance), arena - out - block, BLOCK_HIGH, a1);
            ADD(a1 + larger(distance, in) + block, arena - out, BLOCK_BETWEEN, a1);
        }
    }
#undef ADD
}

/* The labels of all cuts; the best of the last one, or NULL. */
static const struct label *find_addresses(struct search *search)
{
    const struct planner *planner = search->planner;
    int last = planner->n_cuts - 1;
    search->labels = ARENA_ARRAY(search->arena, struct label *, (size_t)planner->n_cuts);
    struct label start = {.high = search->arena_bytes - planner->cuts[0].bytes};
    add_label(search, 0, &start);
    for (int from = 0; from < last; from++) {
        if (!search->labels[from])
            continue;
        for (int to = from + 1; to <= last; to++) {
            const struct edge *edge = edge_of(planner, from, to);
            if (edge->state == NOT_ANALYSED || edge->footprint > search->arena_bytes)
                continue;
            for (const struct option *option = edge->options; option; option = option->next)
                if (option->footprint <= search->arena_bytes)
                    for (const struct label *label = search->labels[from]; label; label = label->next)
                        apply(search, from, to, option, label);
        }
    }
    const struct label *best = search->labels[last];
    for (const struct label *label = best; label; label = label->next)
        if (label->call_cost < best->call_cost)
            best = label;
    return best;
}

static int64_t block_offset(const struct search *search, const struct label *label, int64_t input,
                            int64_t output, int to)
{
    int64_t in = search->planner->cuts[label->cut].bytes, out = search->planner->cuts[to].bytes;
    switch (label->place) {
    case BLOCK_LOW:
        return 0;
    case BLOCK_HIGH:
        return search->arena_bytes - label->option->block;
    default:
        return output < input ? output + out : input + in;
    }
}

static void take(struct chain_plan *out, const struct search *search, const struct label *label)
{
    const struct planner *planner = search->planner;
    out->n_steps = 0;
    for (const struct label *l = label; l->from; l = l->from)
        out->n_steps++;
    out->steps = ARENA_ARRAY(search->arena, struct chain_step, (size_t)out->n_steps + 1);
    out->arena_bytes = search->arena_bytes;
    out->call_cost = 0;
    int64_t offset = label->low;
    int to = planner->n_cuts - 1;
    for (int s = out->n_steps - 1; s >= 0; s--) {
        int64_t input = label->in_place ? offset : label->input_offset;
        const struct option *option = label->option;
        out->call_cost += option->call_cost;
        out->steps[s] = (struct chain_step){
            shape_between(planner, label->cut, to, option->rows, option->inner_rows, option->bottom_up),
            option->whole,
            planner->cuts[to].tensor,
            input,
            offset,
            block_offset(search, label, input, offset, to)};
        offset = input;
        to = label->cut;
        label = label->from;
    }
}

static bool plan_within(struct chain_plan *out, const struct planner *planner, int64_t arena_bytes,
                        bool by_cost)
{
    if (planner->cuts[0].bytes > arena_bytes)
        return false;
    struct search search = {planner, arena_bytes, by_cost, NULL, planner->arena};
    const struct label *label = find_addresses(&search);
    if (label)
        take(out, &search, label);
    return label != NULL;
}

/* ---- objectives -------------------------------------------------------------------------------------------
 */

static void analyse_all_within(struct planner *planner, int64_t limit)
{
    for (int from = 0; from + 1 < planner->n_cuts; from++)
        for (int to = from + 1; to < planner->n_cuts; to++)
            if (edge_of(planner, from, to)->footprint <= limit)
                analyse(planner, from, to);
}

static bool plan_least(struct chain_plan *out, struct planner *planner, int64_t bound)
{
    if (plan_within(out, planner, bound, false))
        return true;
    int64_t low = bound, step = ALIGNMENT * 8, high = 0;
    analyse_all_within(planner, bound);
    for (int i = 0; i < TRIED_ARENAS && !high; i++, step *= 2) {
        analyse_all_within(planner, low + step);
        if (plan_within(out, planner, low + step, false))
            high = low + step;
        else
            low += step;
    }
    if (!high)
        return false;
    while (high - low > ALIGNMENT) {
        int64_t middle = low + (high - low) / 2 / ALIGNMENT * ALIGNMENT;
        struct chain_plan trial;
        if (plan_within(&trial, planner, middle, false)) {
            *out = trial;
            high = middle;
        } else {
            low = middle;
        }
    }
    return true;
}

/* Can the operators between two cuts be called once each? */
static bool fits_with_fewest_calls(struct planner *planner, int from, int to, int64_t limit)
{
    int64_t fewest = 0;
    for (int i = planner->cuts[from].position; i < planner->cuts[to].position; i++)
        fewest += planner->graph->ops[i].call_cost;
    analyse(planner, from, to);
    for (const struct option *o = edge_of(planner, from, to)->options; o; o = o->next)
        if (o->call_cost <= fewest && o->footprint <= limit)
            return true;
    return false;
}

/* The cheapest plan in an arena. Whole-map steps cost least: chains are needed, in several sizes, only where
 * those do not fit. */
static bool plan_cheapest(struct chain_plan *out, struct planner *planner, int64_t arena_bytes)
{
    bool *fits = ARENA_ARRAY(planner->arena, bool, (size_t)planner->n_cuts); /* from the cut before */
    for (int to = 1; to < planner->n_cuts; to++)
        fits[to] = fits_with_fewest_calls(planner, to - 1, to, arena_bytes);
    for (int from = 0; from + 1 < planner->n_cuts; from++) {
        bool needed = false;
        for (int to = from + 1; to < planner->n_cuts; to++) {
            needed = needed || !fits[to];
            if (needed && edge_of(planner, from, to)->footprint <= arena_bytes)
                analyse_richly(planner, from, to, arena_bytes);
        }
    }
    return plan_within(out, planner, arena_bytes, true);
}

/* An arena in which every step fits with the fewest calls, wherever its neighbours lie. */
static int64_t enough_for_everything(struct planner *planner)
{
    int64_t most = 0;
    for (int to = 1; to < planner->n_cuts; to++) {
        analyse(planner, to - 1, to);
        for (const struct option *o = edge_of(planner, to - 1, to)->options; o; o = o->next)
            most = larger(most, o->block + planner->cuts[to - 1].bytes + planner->cuts[to].bytes);
    }
    return 2 * round_up(most, ALIGNMENT);
}

bool chain_plan(struct chain_plan *out, const struct row_graph *graph, const struct plan_options *options,
                struct arena *arena)
{
    struct planner planner = {.graph = graph, .arena = arena};
    find_cuts(&planner);
    if (planner.n_cuts < 2 || planner.cuts[planner.n_cuts - 1].position != graph->n_ops)
        return false;
    planner.work = chain_work_create(graph, arena);
    planner.edges = ARENA_ARRAY(arena, struct edge, (size_t)planner.n_cuts * (size_t)planner.n_cuts);
    bound_edges(&planner);
    int64_t bound = lower_bound(&planner), limit = options->sram_limit_bytes / ALIGNMENT * ALIGNMENT;
    if (bound >= never || !plan_least(out, &planner, bound))
        return false;

    int64_t least = out->arena_bytes, allowed = least;
    if (options->optimize == OPTIMIZE_BALANCED)
        allowed = round_up(least * 5 / 4, ALIGNMENT);
    else if (options->optimize == OPTIMIZE_LATENCY)
        allowed = limit > 0 ? limit : enough_for_everything(&planner);
    if (limit > 0 && allowed > limit)
        allowed = limit;
    if (allowed < least)
        allowed = least;
    struct chain_plan trial;
    if (plan_cheapest(&trial, &planner, allowed) && trial.call_cost <= out->call_cost)
        *out = trial;
    /* Not more memory than the speed needs. */
    for (int64_t low = least; allowed - low > ALIGNMENT;) {
        int64_t middle = low + (allowed - low) / 2 / ALIGNMENT * ALIGNMENT;
        if (plan_within(&trial, &planner, middle, true) && trial.call_cost <= out->call_cost) {
            *out = trial;
            allowed = middle;
        } else {
            low = middle;
        }
    }
    out->lower_bound = bound;
    out->least_bytes = least;
    return true;
}
