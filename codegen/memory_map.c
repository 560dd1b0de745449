#include "codegen/memory_map.h"

#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "base/svg.h"
#include "codegen/names.h"
#include "codegen/schedule.h"

static int busiest_step(const struct schedule *schedule)
{
    int busiest = 0;
    for (int s = 1; s < schedule->n_steps; s++)
        if (schedule->steps[s].live_bytes > schedule->steps[busiest].live_bytes)
            busiest = s;
    return busiest;
}

/* ---- SVG --------------------------------------------------------------------------------------------------
 */

enum { LEFT = 78, TOP = 46, PLOT_HEIGHT = 420, STEP_WIDTH = 14, RIGHT = 20, BOTTOM = 40 };

struct scale {
    double y_per_byte;
    int n_columns; /* the input's column, one per step, the output's */
};

static int column_x(int step)
{
    return LEFT + (step + 1) * STEP_WIDTH;
}

static void add_box(struct strbuf *out, const struct scale *scale, int first, int last, int begin, int end,
                    const char *class, const char *title)
{
    strbuf_addf(out, "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"><title>", class,
                column_x(first), TOP + begin * scale->y_per_byte, (last - first + 1) * STEP_WIDTH - 1,
                (end - begin) * scale->y_per_byte);
    svg_escape(out, title);
    strbuf_adds(out, "</title></rect>\n");
}

static void add_axes(struct strbuf *out, const struct schedule *schedule, const struct scale *scale,
                     struct arena *arena)
{
    int right = LEFT + scale->n_columns * STEP_WIDTH;
    for (int i = 0; i <= 4; i++) {
        int64_t bytes = schedule->arena_bytes * i / 4;
        double y = TOP + (double)bytes * scale->y_per_byte;
        strbuf_addf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, y,
                    right, y);
        strbuf_addf(out, "<text class=\"axis\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 6,
                    y + 4, grouped(bytes, arena));
    }
    for (int s = 0; s<schedule->n_steps; s += schedule->n_steps> 30 ? 10 : 5)
        strbuf_addf(out, "<text class=\"axis\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%d</text>\n",
                    column_x(s) + STEP_WIDTH / 2, TOP + PLOT_HEIGHT + 16, s);
    strbuf_addf(out, "<text class=\"axis\" x=\"%d\" y=\"%d\">step</text>\n", LEFT, TOP + PLOT_HEIGHT + 32);
}

void memory_map_svg(struct strbuf *out, const struct qmodel *qmodel, const struct schedule *schedule)
{
    struct arena arena = ARENA_INIT;
    struct scale scale = {schedule->arena_bytes ? (double)PLOT_HEIGHT / (double)schedule->arena_bytes : 0,
                          schedule->n_steps + 2};
    int width = LEFT + scale.n_columns * STEP_WIDTH + RIGHT, height = TOP + PLOT_HEIGHT + BOTTOM;
    if (width < 420)
        width = 420;
    strbuf_addf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                "font-family=\"sans-serif\">\n",
                width, height, width, height);
    strbuf_adds(out,
                "<style>.tensor{fill:#4878a8;fill-opacity:.55;stroke:#28486a}.edge{fill:#d08040;fill-opacity:"
                ".6;stroke:#805020}"
                ".scratch{fill:#707070;fill-opacity:.6}.grid{stroke:#ddd}.peak{fill:none;stroke:#c03030;"
                "stroke-width:1.5;pointer-events:none}"
                ".axis{font-size:11px;fill:#444}.title{font-size:13px;fill:#111}</style>\n");
    strbuf_addf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
    strbuf_addf(out, "<text class=\"title\" x=\"10\" y=\"18\">Arena: %s bytes (lower bound %s)</text>\n",
                grouped(schedule->arena_bytes, &arena), grouped(schedule->lower_bound_bytes, &arena));
    strbuf_adds(out, "<text class=\"axis\" x=\"10\" y=\"34\">bytes downwards, steps to the right; orange: "
                     "input, output</text>\n");
    add_axes(out, schedule, &scale, &arena);
    for (int t = 0; t < schedule->n_storage; t++) {
        const struct storage *s = &schedule->storage[t];
        if (s->first_step == -2)
            continue;
        const char *title = arena_printf(
            &arena, "%s %s: bytes %d..%d, steps %d..%d", plain_name(qmodel->tensors[t].name, &arena),
            tensor_shape(&qmodel->tensors[t], &arena), s->begin, s->end, s->first_step, s->last_step);
        add_box(out, &scale, s->first_step, s->last_step, s->begin, s->end,
                t == qmodel->input || t == qmodel->output ? "edge" : "tensor", title);
    }
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        if (step->scratch_bytes)
            add_box(out, &scale, s, s, step->scratch_offset, step->scratch_offset + step->scratch_bytes,
                    "scratch", arena_printf(&arena, "scratch of step %d: %d bytes", s, step->scratch_bytes));
    }
    if (schedule->n_steps > 0)
        strbuf_addf(out,
                    "<rect class=\"peak\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>most live "
                    "bytes</title></rect>\n",
                    column_x(busiest_step(schedule)), TOP, STEP_WIDTH, PLOT_HEIGHT);
    strbuf_adds(out, "</svg>\n");
    arena_release(&arena);
}

/* ---- text -------------------------------------------------------------------------------------------------
 */

enum { COLUMNS = 64 };

static void mark(char *cells, const struct schedule *schedule, int64_t begin, int64_t end, char with)
{
    if (schedule->arena_bytes == 0 || end <= begin)
        return;
    int64_t from = begin * COLUMNS / schedule->arena_bytes, to = (end * COLUMNS - 1) / schedule->arena_bytes;
    for (int64_t i = from; i <= to && i < COLUMNS; i++)
        cells[i] = with;
}

static void mark_tensor(char *cells, const struct schedule *schedule, int tensor, char with)
{
    mark(cells, schedule, schedule->storage[tensor].begin, schedule->storage[tensor].end, with);
}

void memory_map_text(struct strbuf *out, const struct qmodel *qmodel, const struct schedule *schedule)
{
    struct arena arena = ARENA_INIT;
    strbuf_addf(out, "Arena: %s bytes (lower bound %s); one column is %s bytes.\n",
                grouped(schedule->arena_bytes, &arena), grouped(schedule->lower_bound_bytes, &arena),
                grouped((schedule->arena_bytes + COLUMNS - 1) / COLUMNS, &arena));
    strbuf_adds(
        out,
        "I read, O written, b line buffers, s scratch, # kept for later, . free; an O may hide an I that it "
        "overwrites.\n\n");
    strbuf_adds(out, "step  live bytes  arena\n");
    for (int s = 0; s < schedule->n_steps; s++) {
        const struct step *step = &schedule->steps[s];
        const int *nodes = schedule->order + step->first_node;
        char cells[COLUMNS + 1];
        memset(cells, '.', COLUMNS);
        cells[COLUMNS] = '\0';
        for (int t = 0; t < schedule->n_storage; t++)
            if (schedule->storage[t].first_step != -2 && schedule->storage[t].first_step <= s &&
                s <= schedule->storage[t].last_step)
                mark(cells, schedule, schedule->storage[t].begin, schedule->storage[t].end, '#');
        for (int n = 0; n < step->n_nodes; n++)
            for (int i = 0; i < qmodel->nodes[nodes[n]].n_inputs; i++)
                mark_tensor(cells, schedule, qmodel->nodes[nodes[n]].inputs[i], 'I');
        for (int n = 0; n < step->n_nodes; n++)
            mark_tensor(cells, schedule, qmodel->nodes[nodes[n]].output, n < step->n_nodes - 1 ? 'b' : 'O');
        mark(cells, schedule, step->scratch_offset, (int64_t)step->scratch_offset + step->scratch_bytes, 's');
        const char *name = node_identifier(qmodel, nodes[0], &arena);
        if (step->n_nodes > 1)
            name = arena_printf(&arena, "%s .. %s", name,
                                node_identifier(qmodel, nodes[step->n_nodes - 1], &arena));
        strbuf_addf(out, "%4d  %10lld  %s  %s\n", s, (long long)step->live_bytes, cells, name);
    }
    arena_release(&arena);
}
