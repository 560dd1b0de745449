/*
 * memory_map.h - a schedule as a picture: arena addresses downwards, steps to the right, one box per buffer.
 */
#ifndef CODEGEN_MEMORY_MAP_H
#define CODEGEN_MEMORY_MAP_H

struct qmodel;
struct schedule;
struct strbuf;

/* One self-contained <svg>. Where an output lies over a dying input the boxes overlap; the step with most
 * live bytes is marked. */
void memory_map_svg(struct strbuf *out, const struct qmodel *qmodel, const struct schedule *schedule);
/* Plain text: a row per step, a column per 1/64 of the arena; '#' is live, 'O' written, 'I' read by the step,
 * 'b' line buffers of a depth-first step, 's' scratch. */
void memory_map_text(struct strbuf *out, const struct qmodel *qmodel, const struct schedule *schedule);

#endif
