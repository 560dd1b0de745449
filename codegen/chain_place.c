#include "codegen/chain_place.h"

#include "base/arena.h"

enum block_place { BLOCK_LOW, BLOCK_HIGH, BLOCK_BETWEEN };

/* The tensor of a cut can lie anywhere in [low, high], at this cost, if the step before is done this way. */
struct label {
    int64_t low, high, call_cost;
    const struct label *from; /* of an earlier cut */
    int cut;
    const struct option *option;
    bool in_place; /* the option's shift below the input; otherwise the input lies at input_offset */
    int64_t input_offset;
    enum block_place place;
};

enum { MAX_LABELS = 48 };

/* The labels of a cut, in the order they were found. What is compared lies together. */
struct label_set {
    int n;
    int hint; /* the one that was better than another last */
    struct {
        int64_t low, high, call_cost;
    } range[MAX_LABELS];
    const struct label *label[MAX_LABELS];
};

struct search {
    const struct chain_planner *planner;
    int64_t arena_bytes;
    bool by_cost;
    struct label_set *labels; /* per cut */
    int64_t *remaining; /* per cut: the cost from there to the end, addresses ignored; never: impossible */
    int64_t threshold;  /* plans that must cost more are left out */
    struct arena *arena;
};

/* Than label i of the set. */
static bool is_no_better(const struct label_set *set, int i, const struct label *label)
{
    return set->range[i].low <= label->low && set->range[i].high >= label->high &&
           set->range[i].call_cost <= label->call_cost;
}

static void add_label(struct search *search, int cut, const struct label *label)
{
    struct label_set *set = &search->labels[cut];
    if (set->hint < set->n && is_no_better(set, set->hint, label))
        return;
    for (int i = 0; i < set->n; i++)
        if (is_no_better(set, i, label)) {
            set->hint = i;
            return;
        }
    int n = 0;
    for (int i = 0; i < set->n; i++) {
        if (set->range[i].low >= label->low && set->range[i].high <= label->high &&
            set->range[i].call_cost >= label->call_cost)
            continue;
        if (n < i) {
            set->range[n] = set->range[i];
            set->label[n] = set->label[i];
        }
        n++;
    }
    set->n = n;
    if (n == MAX_LABELS)
        return;
    struct label *kept = ARENA_NEW(search->arena, struct label);
    *kept = *label;
    set->range[n].low = label->low;
    set->range[n].high = label->high;
    set->range[n].call_cost = label->call_cost;
    set->label[n] = kept;
    set->n++;
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
        if (new.low <= new.high)                                                                             \
            add_label(search, to, &new);                                                                     \
    } while (0)

    if (option->exact) { /* in terms of the output's address */
        int64_t shift = option->shift, low = larger(a1, larger(shift, 0)) - shift,
                high = smaller(a2 - shift, arena - larger(out, in + shift));
        new.in_place = true;
        ADD(larger(low, block + larger(-shift, 0)), high, BLOCK_LOW, 0);
        ADD(low, high - block, BLOCK_HIGH, 0);
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

static bool fits(const struct search *search, const struct option *option)
{
    /* Which of the options that differ in scratch: without costs the least. */
    return option->footprint <= search->arena_bytes && (search->by_cost || option->least_scratch);
}

/* Fills remaining[]: the shortest paths to the last cut. */
static void bound_costs(struct search *search)
{
    const struct chain_planner *planner = search->planner;
    int last = planner->n_cuts - 1;
    search->remaining[last] = 0;
    for (int from = last - 1; from >= 0; from--) {
        search->remaining[from] = never;
        for (int to = from + 1; to <= last; to++) {
            const struct edge *edge = edge_of(planner, from, to);
            if (edge->state == NOT_ANALYSED || edge->footprint > search->arena_bytes ||
                search->remaining[to] >= never)
                continue;
            for (const struct option *option = edge->options; option; option = option->next)
                if (fits(search, option))
                    search->remaining[from] =
                        smaller(search->remaining[from],
                                search->remaining[to] + (search->by_cost ? option->call_cost : 0));
        }
    }
}

int64_t chain_cost_bound(const struct chain_planner *planner, int64_t arena_bytes)
{
    struct search search = {planner, arena_bytes, true, .remaining = planner->remaining};
    bound_costs(&search);
    return search.remaining[0];
}

/* The labels of all cuts; the best of the last one, or NULL. The latest first. */
static const struct label *find_addresses(struct search *search)
{
    const struct chain_planner *planner = search->planner;
    int last = planner->n_cuts - 1;
    for (int cut = 0; cut <= last; cut++)
        search->labels[cut].n = 0;
    const struct label start = {.high = search->arena_bytes - planner->cuts[0].bytes};
    add_label(search, 0, &start);
    for (int from = 0; from < last; from++) {
        const struct label_set *set = &search->labels[from];
        for (int to = from + 1; to <= last && set->n; to++) {
            const struct edge *edge = edge_of(planner, from, to);
            if (edge->footprint > search->arena_bytes || edge->state == NOT_ANALYSED ||
                search->remaining[to] > search->threshold)
                continue;
            for (const struct option *option = edge->options; option; option = option->next) {
                int64_t rest = search->remaining[to] + (search->by_cost ? option->call_cost : 0);
                if (!fits(search, option))
                    continue;
                for (int i = set->n - 1; i >= 0; i--)
                    if (set->range[i].call_cost + rest <= search->threshold)
                        apply(search, from, to, option, set->label[i]);
            }
        }
    }
    const struct label_set *ends = &search->labels[last];
    const struct label *best = NULL;
    for (int i = ends->n - 1; i >= 0; i--)
        if (!best || ends->label[i]->call_cost < best->call_cost)
            best = ends->label[i];
    return best;
}

/* The bytes around the block that are free in this step. Where the block reaches into the input, it may go on
 * to do so. */
static void set_block(struct chain_step *step, const struct search *search, const struct label *label, int to)
{
    const struct option *option = label->option;
    const int64_t arena = search->arena_bytes, block = option->block, input = step->input_offset,
                  output = step->output_offset, input_end = input + search->planner->cuts[label->cut].bytes,
                  output_end = output + search->planner->cuts[to].bytes;
    int64_t begin = 0, end = arena;
    switch (label->place) {
    case BLOCK_LOW:
        end = smaller(output, block <= input ? input : input + option->reach);
        break;
    case BLOCK_HIGH:
        begin = larger(output_end, arena - block >= input_end ? input_end : input_end - option->reach);
        break;
    default:
        begin = output < input ? output_end : input_end;
        end = output < input ? input : output;
    }
    step->block_offset = begin;
    step->block_bytes = end - begin;
    step->block_at_end = label->place == BLOCK_HIGH;
}

static void take(struct chain_plan *out, const struct search *search, const struct label *label)
{
    const struct chain_planner *planner = search->planner;
    out->n_steps = 0;
    for (const struct label *l = label; l->from; l = l->from)
        out->n_steps++;
    out->steps = ARENA_ARRAY(search->arena, struct chain_step, (size_t)out->n_steps + 1);
    out->arena_bytes = search->arena_bytes;
    out->call_cost = 0;
    int64_t offset = label->low;
    int to = planner->n_cuts - 1;
    for (int s = out->n_steps - 1; s >= 0; s--) {
        const struct option *option = label->option;
        int64_t input = label->in_place ? offset + option->shift : label->input_offset;
        out->call_cost += option->call_cost;
        out->steps[s] = (struct chain_step){
            edge_shape(planner, label->cut, to, option->rows, option->inner_rows, option->bottom_up),
            option->whole,
            planner->cuts[to].tensor,
            input,
            offset,
            .tile = option->tile};
        set_block(&out->steps[s], search, label, to);
        offset = input;
        to = label->cut;
        label = label->from;
    }
}

bool chain_place(struct chain_plan *out, const struct chain_planner *planner, int64_t arena_bytes,
                 bool by_cost, int64_t most_cost)
{
    if (planner->cuts[0].bytes > arena_bytes)
        return false;
    struct search search = {planner, arena_bytes, by_cost, .arena = planner->arena};
    if (!*planner->labels)
        *planner->labels = ARENA_ARRAY(planner->arena, struct label_set, (size_t)planner->n_cuts);
    search.labels = *planner->labels;
    search.remaining = planner->remaining;
    bound_costs(&search);
    int64_t least = search.remaining[0];
    if (least >= never || (by_cost && least > most_cost))
        return false;
    /* First only what is not dearer than the best path without regard for addresses, then more and more. */
    const struct label *label = NULL;
    for (int64_t slack = 0; !label; slack = slack ? slack * 4 : least / 1024 + 1) {
        search.threshold = by_cost ? smaller(least + slack, most_cost) : 0;
        label = find_addresses(&search);
        if (search.threshold == most_cost || !by_cost || slack > least)
            break;
    }
    if (label) {
        take(out, &search, label);
        out->cost_bound = least;
    }
    return label != NULL;
}
