/*
 * cost_terms.h - what the cycles of an operator are made of: the counts of the kernels' loops. Private to
 * codegen/.
 */
#ifndef CODEGEN_COST_TERMS_H
#define CODEGEN_COST_TERMS_H

struct cost_point;

enum { COST_TERMS = 12, COST_PLACE = 7 };

/* Pseudo-kernel of what belongs to no operator. */
enum { COST_REST = 1000 };

/* Values of the terms of all the point's calls; returns how many there are. */
int cost_terms(double terms[COST_TERMS], const struct cost_point *point, int dcache_bytes);

/* Points of a class share one fit: those of one kernel, window, stride and layout; where they are too few, of
 * one kernel, window and stride; where these are too few, of one kernel. */
enum cost_level { COST_OF_LAYOUT, COST_OF_WINDOW, COST_OF_KERNEL, COST_LEVELS };
int cost_class(const struct cost_point *point, enum cost_level level);

/* Where a point lies among those of its class: logarithms of its sizes. */
void cost_place(double place[COST_PLACE], const struct cost_point *point);

#endif
