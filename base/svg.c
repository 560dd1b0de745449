#include "base/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"

enum { MAX_TICKS = 12, GLYPH_WIDTH = 7 /* of a 12 px sans-serif digit, about */ };

/* Colours that stay apart for colour-blind readers (Okabe, Ito 2008); highlighted series use the accent. */
static const char *const palette[] = {"#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f"};
static const char accent[] = "#d55e00";

void svg_escape(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            strbuf_adds(out, "&amp;");
            break;
        case '<':
            strbuf_adds(out, "&lt;");
            break;
        case '>':
            strbuf_adds(out, "&gt;");
            break;
        case '"':
            strbuf_adds(out, "&quot;");
            break;
        case '\'':
            strbuf_adds(out, "&#39;");
            break;
        default:
            strbuf_add(out, text, 1);
        }
    }
}

struct axis {
    double low, high, step;
    int ticks;       /* low, low + step, ..., high */
    double from, to; /* pixels of low and high */
};

/* 1, 2 or 5 times a power of ten, so that at most `wanted` steps cover the span. */
static double round_step(double span, int wanted)
{
    const double raw = span / wanted, power = pow(10, floor(log10(raw))), mantissa = raw / power;
    return power * (mantissa <= 1 ? 1 : mantissa <= 2 ? 2 : mantissa <= 5 ? 5 : 10);
}

static struct axis axis_over(double low, double high, int wanted)
{
    if (!(low <= high)) { /* no data */
        low = 0;
        high = 1;
    }
    if (high - low < 1e-9 * fmax(fabs(low), fabs(high)) || high == low) {
        const double around = low != 0 ? fabs(low) * 0.1 : 1;
        low -= around;
        high += around;
    }
    struct axis axis = {.step = round_step(high - low, wanted)};
    axis.low = floor(low / axis.step + 1e-9) * axis.step;
    axis.high = ceil(high / axis.step - 1e-9) * axis.step;
    axis.ticks = (int)lround((axis.high - axis.low) / axis.step) + 1;
    return axis;
}

static double axis_pixel(const struct axis *axis, double value)
{
    return axis->from + (value - axis->low) / (axis->high - axis->low) * (axis->to - axis->from);
}

/* Round tick labels: "0.25", "40", "1.5M" */
static void format_tick(char out[32], double value, double step)
{
    static const struct {
        double unit;
        const char *suffix;
    } units[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
    if (fabs(value) < step * 1e-6)
        value = 0;
    size_t i = 0;
    while (i < 3 && (fabs(value) < units[i].unit || units[i].unit > 100 * step))
        i++;
    if (value == 0 || fabs(value) < 10000)
        i = 3;
    const double scaled_step = step / units[i].unit;
    int decimals = 0;
    while (decimals < 6 &&
           fabs(scaled_step * pow(10, decimals) - round(scaled_step * pow(10, decimals))) > 1e-6)
        decimals++;
    snprintf(out, 32, "%.*f%s", decimals, value / units[i].unit, value == 0 ? "" : units[i].suffix);
}

static void data_range(const struct svg_chart *chart, bool y, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int s = 0; s < chart->n_series; s++) {
        const double *values = y ? chart->series[s].y : chart->series[s].x;
        for (int i = 0; i < chart->series[s].n; i++) {
            if (!isfinite(values[i]))
                continue;
            *low = fmin(*low, values[i]);
            *high = fmax(*high, values[i]);
        }
    }
}

static void add_text(struct strbuf *out, double x, double y, const char *anchor, const char *more,
                     const char *text)
{
    strbuf_addf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more);
    svg_escape(out, text);
    strbuf_adds(out, "</text>\n");
}

static void add_axes(struct strbuf *out, const struct axis *x, const struct axis *y)
{
    char label[32];
    for (int i = 0; i < y->ticks; i++) {
        const double value = y->low + i * y->step, pixel = axis_pixel(y, value);
        strbuf_addf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x->from,
                    pixel, x->to, pixel, i ? "#e4e4e4" : "#606060");
        format_tick(label, value, y->step);
        add_text(out, x->from - 8, pixel + 4, "end", "", label);
    }
    for (int i = 0; i < x->ticks; i++) {
        const double value = x->low + i * x->step, pixel = axis_pixel(x, value);
        strbuf_addf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#606060\"/>\n",
                    pixel, y->from, pixel, y->from + 5);
        format_tick(label, value, x->step);
        add_text(out, pixel, y->from + 19, "middle", "", label);
    }
}

/* Where the palette starts again, lines are dashed. */
struct look {
    const char *color, *dash;
};

/* The accent for a highlighted series, else the palette's next colour. */
static struct look series_look(const struct svg_chart *chart, int s)
{
    static const char *const dashes[] = {"", " stroke-dasharray=\"6 3\"", " stroke-dasharray=\"2 2\""};
    enum { COLORS = sizeof palette / sizeof *palette, DASHES = sizeof dashes / sizeof *dashes };
    if (chart->series[s].highlight)
        return (struct look){accent, ""};
    int plain = 0;
    for (int i = 0; i < s; i++)
        plain += !chart->series[i].highlight;
    return (struct look){palette[plain % COLORS], dashes[plain / COLORS % DASHES]};
}

static void add_series(struct strbuf *out, const struct svg_series *series, const struct axis *x,
                       const struct axis *y, struct look look, bool step)
{
    if (series->line) {
        strbuf_addf(
            out,
            "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s stroke-linejoin=\"round\" points=\"",
            look.color, series->highlight ? "2.8" : "1.6", look.dash);
        double last_y = 0;
        bool first = true;
        for (int i = 0; i < series->n; i++) {
            if (!isfinite(series->x[i]) || !isfinite(series->y[i]))
                continue;
            const double px = axis_pixel(x, series->x[i]), py = axis_pixel(y, series->y[i]);
            if (step && !first)
                strbuf_addf(out, " %.1f,%.1f", px, last_y);
            strbuf_addf(out, "%s%.1f,%.1f", first ? "" : " ", px, py);
            last_y = py;
            first = false;
        }
        strbuf_adds(out, "\"/>\n");
        return;
    }
    strbuf_addf(out, "<g fill=\"%s\" fill-opacity=\"%s\" stroke=\"#fff\" stroke-width=\"0.8\">\n", look.color,
                series->highlight ? "1" : "0.75");
    for (int i = 0; i < series->n; i++)
        if (isfinite(series->x[i]) && isfinite(series->y[i]))
            strbuf_addf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>\n", axis_pixel(x, series->x[i]),
                        axis_pixel(y, series->y[i]), series->highlight ? "5.5" : "3.5");
    strbuf_adds(out, "</g>\n");
}

/* A column right of the plot; labels are not cut, the margin was made for them. */
static void add_legend(struct strbuf *out, const struct svg_chart *chart, double left, double top)
{
    int row = 0;
    for (int s = 0; s < chart->n_series; s++) {
        const struct svg_series *series = &chart->series[s];
        if (!series->label)
            continue;
        const double y = top + 8 + 18 * row++;
        const struct look look = series_look(chart, s);
        if (series->line)
            strbuf_addf(out,
                        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
                        "stroke-width=\"3\"%s/>\n",
                        left, y, left + 18, y, look.color, look.dash);
        else
            strbuf_addf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"/>\n", left + 9, y,
                        look.color);
        add_text(out, left + 25, y + 4, "start", series->highlight ? " font-weight=\"bold\"" : "",
                 series->label);
    }
}

static int legend_width(const struct svg_chart *chart)
{
    int longest = 0;
    for (int s = 0; s < chart->n_series; s++) {
        const char *label = chart->series[s].label;
        if (label && (int)strlen(label) > longest)
            longest = (int)strlen(label);
    }
    return longest ? 41 + longest * GLYPH_WIDTH : 0;
}

void svg_chart(struct strbuf *out, const struct svg_chart *chart)
{
    const int width = chart->width ? chart->width : 720, height = chart->height ? chart->height : 400;
    double low, high;
    data_range(chart, false, &low, &high);
    struct axis x = axis_over(low, high, width > 500 ? 8 : 5);
    data_range(chart, true, &low, &high);
    struct axis y = axis_over(low, high, height > 300 ? 6 : 4);

    int widest = 0;
    for (int i = 0; i < y.ticks; i++) {
        char label[32];
        format_tick(label, y.low + i * y.step, y.step);
        widest = (int)strlen(label) > widest ? (int)strlen(label) : widest;
    }
    int legend = legend_width(chart);
    if (legend > width / 2)
        legend = width / 2;
    x.from = 20 + (chart->y_label ? 20 : 0) + widest * GLYPH_WIDTH;
    x.to = width - 20 - legend;
    y.from = height - 30 - (chart->x_label ? 22 : 0);
    y.to = chart->title ? 44 : 18;

    strbuf_addf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                "font-family=\"sans-serif\" font-size=\"12\" fill=\"#303030\" role=\"img\">\n",
                width, height, width, height);
    if (chart->title) {
        strbuf_adds(out, "<title>");
        svg_escape(out, chart->title);
        strbuf_adds(out, "</title>\n");
    }
    strbuf_addf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
    if (chart->title)
        add_text(out, x.from, 26, "start", " font-size=\"15\" font-weight=\"bold\"", chart->title);
    add_axes(out, &x, &y);
    if (chart->x_label)
        add_text(out, (x.from + x.to) / 2, height - 12, "middle", "", chart->x_label);
    if (chart->y_label) {
        char turn[80];
        snprintf(turn, sizeof turn, " transform=\"rotate(-90 18 %.1f)\"", (y.from + y.to) / 2);
        add_text(out, 18, (y.from + y.to) / 2, "middle", turn, chart->y_label);
    }
    /* Highlighted series last, so that nothing hides them. */
    for (int pass = 0; pass < 2; pass++)
        for (int s = 0; s < chart->n_series; s++)
            if (chart->series[s].highlight == (pass == 1))
                add_series(out, &chart->series[s], &x, &y, series_look(chart, s), chart->step);
    if (legend)
        add_legend(out, chart, x.to + 16, y.to);
    strbuf_adds(out, "</svg>\n");
}
