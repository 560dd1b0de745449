/*
 * cost_table_parts.h - between cost_table.c and cost_fit.c only.
 */
#ifndef CODEGEN_COST_TABLE_PARTS_H
#define CODEGEN_COST_TABLE_PARTS_H

struct cost_point;

/* Order of keys; 0: the same operator, computed in the same calls. */
int cost_point_compare(const struct cost_point *a, const struct cost_point *b);

#endif
