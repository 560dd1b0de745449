#include "codegen/chain_edges.h"

#include "base/arena.h"
#include "codegen/kernels.h"
#include "codegen/row_graph.h"
#include "quant/qmodel.h"

/* ---- cuts -------------------------------------------------------------------------------------------------
 */

static void add_cut(struct chain_planner *planner, int position, int tensor)
{
    const struct row_tensor *t = &planner->graph->tensors[tensor];
    planner->cuts[planner->n_cuts++] = (struct cut){position, tensor, round_up(t->h * t->row_bytes, 4)};
}

static void find_cuts(struct chain_planner *planner)
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
        bytes = smaller(bytes, larger(in, out - option->shift) + larger(0, option->shift));
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
        if (o->bottom_up == option->bottom_up && o->least_scratch >= option->least_scratch &&
            o->block <= option->block && o->distance <= option->distance && o->reach >= option->reach &&
            o->call_cost <= option->call_cost && (!option->exact || (o->exact && o->shift == option->shift)))
            return true;
    return false;
}

static void add_option(struct chain_planner *planner, int from, int to, struct option option,
                       int64_t footprint)
{
    struct edge *edge = edge_of(planner, from, to);
    option.footprint = round_up(footprint, CHAIN_ALIGNMENT);
    if (is_dominated(&option, edge->options))
        return;
    struct option *kept = ARENA_NEW(planner->arena, struct option);
    *kept = option;
    kept->next = edge->options;
    edge->options = kept;
    planner->n_options++;
    edge->footprint = smaller(edge->footprint, option.footprint);
}

struct chain_shape edge_shape(const struct chain_planner *planner, int from, int to, int rows, int inner_rows,
                              bool bottom_up)
{
    return (struct chain_shape){planner->cuts[from].position,
                                planner->cuts[to].position,
                                planner->cuts[from].tensor,
                                rows,
                                inner_rows,
                                bottom_up};
}

/* Options of more than `limit` bytes are left out. Returns the least footprint. */
static int64_t add_chain(struct chain_planner *planner, int from, int to, int rows, int inner_rows,
                         bool bottom_up, int64_t limit)
{
    struct chain_shape shape = edge_shape(planner, from, to, rows, inner_rows, bottom_up);
    struct chain_cost cost;
    struct chain_scratch choices;
    chain_measure(&cost, &choices, &shape, planner->work);
    const struct row_tensor *in = &planner->graph->tensors[shape.input];
    const struct row_tensor *out = &planner->graph->tensors[planner->cuts[to].tensor];
    struct option option = {
        .rows = rows,
        .inner_rows = inner_rows,
        .bottom_up = bottom_up,
        .exact = cost.exact,
        .reach = cost.reach,
    };
    if (cost.distance == INT64_MIN) /* the input is dead before the output begins: it may lie anywhere */
        cost.distance = -in->h * in->row_bytes;
    /* Counted between the tensors' first bytes: bottom-up the ends matter. */
    option.distance = bottom_up ? round_up(in->h * in->row_bytes - out->h * out->row_bytes + cost.distance, 4)
                                : round_up(cost.distance, 4);
    int64_t least = never;
    for (int i = 0; i < choices.n; i++) {
        option.scratch = choices.bytes[i];
        option.least_scratch = i == 0;
        option.block = cost.stores_bytes + cost.sums_bytes + option.scratch;
        option.call_cost = choices.cost[i];
        int64_t footprint = footprint_of_option(&option, planner->cuts[from].bytes, planner->cuts[to].bytes);
        least = smaller(least, footprint);
        if (footprint > limit) /* more scratch only adds to it */
            break;
        add_option(planner, from, to, option, footprint);
    }
    return least;
}

/* One operator, one call: rows in ascending order (engine.h), so the distance of kernels.h holds. */
static void add_whole(struct chain_planner *planner, int from, int to)
{
    const struct row_graph *graph = planner->graph;
    int op = planner->cuts[from].position;
    const struct row_op *o = &graph->ops[op];
    const struct row_tiles *tiles = row_tiles(graph, op, o->steps);
    for (int t = 0; t < tiles->n; t++) {
        const struct implementation implementation = {o->layout, tiles->tile[t]};
        struct option option = {.rows = CHAIN_ALL_ROWS,
                                .inner_rows = CHAIN_ALL_ROWS,
                                .whole = true,
                                .least_scratch = t == 0,
                                .scratch = tiles->scratch_bytes[t],
                                .tile = tiles->tile[t],
                                .block = o->sums_bytes + tiles->scratch_bytes[t],
                                .distance = -never,
                                .exact = true,
                                .call_cost = tiles->whole_cost[t]};
        for (int i = 0; i < o->n_inputs; i++) {
            struct overlap overlap;
            if (!node_overlap(&overlap, &implementation, graph->qmodel, o->node, i))
                overlap = (struct overlap){.distance = never};
            option.distance = larger(option.distance, round_up(overlap.distance, 4));
            option.exact = option.exact && (overlap.exact || overlap.shifted);
            option.shift = overlap.shifted ? overlap.shift : 0; /* of a depthwise operator's only input */
        }
        option.distance = smaller(option.distance, never);
        add_option(planner, from, to, option,
                   footprint_of_option(&option, planner->cuts[from].bytes, planner->cuts[to].bytes));
    }
}

static int steps_of_last(const struct chain_planner *planner, int to)
{
    return planner->graph->ops[planner->cuts[to].position - 1].steps;
}

void edge_analyse(struct chain_planner *planner, int from, int to)
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
    add_chain(planner, from, to, 1, 1, false, never);
    add_chain(planner, from, to, 1, 1, true, never);
    if (to == from + 1 && !alone) { /* a branch: its operators one after the other */
        add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, false, never);
        add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, true, never);
    }
}

/* Ways with fewer calls that fit in `limit` bytes: the more rows at a time the better. */
void edge_analyse_richly(struct chain_planner *planner, int from, int to, int64_t limit)
{
    struct edge *edge = edge_of(planner, from, to);
    edge_analyse(planner, from, to);
    if (edge->state >= ANALYSED_RICHLY || edge->footprint > limit) /* more rows take no less memory */
        return;
    edge->state = ANALYSED_RICHLY;
    int steps = steps_of_last(planner, to);
    for (int up = 0; up < 2; up++) {
        if (add_chain(planner, from, to, 1, CHAIN_ALL_ROWS, up, limit) > limit && steps > 1)
            continue;
        int rows = 2; /* the first power of two that does not fit */
        for (; rows < steps; rows *= 2) {
            add_chain(planner, from, to, rows, 1, up, limit);
            if (add_chain(planner, from, to, rows, CHAIN_ALL_ROWS, up, limit) > limit)
                break;
        }
        if (rows >= steps && add_chain(planner, from, to, CHAIN_ALL_ROWS, CHAIN_ALL_ROWS, up, limit) <= limit)
            continue;
        /* the fewest equal rounds with as many rows as fit */
        for (int rounds = (steps + rows - 1) / rows, tries = 0; rounds * rows < 2 * steps && tries < 4;
             rounds++) {
            int each = (steps + rounds - 1) / rounds;
            if (each >= rows || each * 2 <= rows)
                continue;
            tries++;
            if (add_chain(planner, from, to, each, CHAIN_ALL_ROWS, up, limit) <= limit)
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
static void bound_edges(struct chain_planner *planner)
{
    const struct row_graph *graph = planner->graph;
    int64_t *least = ARENA_ARRAY(planner->arena, int64_t, (size_t)graph->n_ops);
    for (int i = 0; i < graph->n_ops; i++)
        least[i] = may_share(&graph->ops[i]) ? 0 : least_store(graph, i);
    for (int from = 0; from + 1 < planner->n_cuts; from++) {
        int64_t stores = 0, scratch = 0, sums = 0;
        int op = planner->cuts[from].position;
        for (int to = from + 1; to < planner->n_cuts; to++) {
            struct edge *edge = edge_of(planner, from, to);
            edge->footprint = never;
            if (edge_length(planner, from, to) > CHAIN_MAX_OPS)
                continue;
            for (; op < planner->cuts[to].position; op++) {
                scratch = larger(scratch, row_tiles(graph, op, 1)->scratch_bytes[0]);
                sums += graph->ops[op].sums_bytes;
                if (op > planner->cuts[from].position)
                    stores += least[op - 1];
            }
            edge->footprint =
                round_up(larger(planner->cuts[from].bytes, stores + scratch + sums + planner->cuts[to].bytes),
                         CHAIN_ALIGNMENT);
        }
    }
}

bool edges_create(struct chain_planner *out, const struct row_graph *graph, struct chain_work *work,
                  struct arena *arena)
{
    *out = (struct chain_planner){.graph = graph, .work = work, .arena = arena};
    find_cuts(out);
    if (out->n_cuts < 2 || out->cuts[out->n_cuts - 1].position != graph->n_ops)
        return false;
    out->edges = ARENA_ARRAY(arena, struct edge, (size_t)out->n_cuts * (size_t)out->n_cuts);
    out->labels = ARENA_NEW(arena, struct label_set *);
    out->remaining = ARENA_ARRAY(arena, int64_t, (size_t)out->n_cuts);
    bound_edges(out);
    return true;
}
