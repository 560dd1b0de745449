/*
 * report_html.h - one self-contained HTML page about a run folder: no scripts, no external files, the charts as inline SVG.
 */
#ifndef CLI_REPORT_HTML_H
#define CLI_REPORT_HTML_H

struct arena;
struct strbuf;

/* Appends the page. Artifacts that are missing leave their section out; a broken one is error_input. */
int report_html(struct strbuf *out, const char *folder, struct arena *arena);

#endif
