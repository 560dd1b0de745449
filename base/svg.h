/*
 * svg.h - small self-contained SVG charts for reports (no scripts, no fonts beyond sans-serif). Deterministic
 * text.
 */
#ifndef BASE_SVG_H
#define BASE_SVG_H

#include <stdbool.h>

struct strbuf;

struct svg_series {
    const char *label; /* in the legend; NULL: none */
    const double *x, *y;
    int n;
    bool line; /* polyline, else dots */
    bool highlight;
};

struct svg_chart {
    const char *title, *x_label, *y_label;
    const struct svg_series *series;
    int n_series;
    int width, height; /* 0: 720 x 400 */
    bool step;         /* draw lines as steps (CDFs) */
};

/* Appends one <svg> element. Axes get round ticks over the data's range. */
void svg_chart(struct strbuf *out, const struct svg_chart *chart);
/* Escapes text for XML/HTML. */
void svg_escape(struct strbuf *out, const char *text);

#endif
