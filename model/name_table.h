/*
 * name_table.h - names to indices, by hash; names are not copied and must outlive the table. Memory is the
 * arena's.
 */
#ifndef MODEL_NAME_TABLE_H
#define MODEL_NAME_TABLE_H

struct arena;
struct name_table;

struct name_table *name_table_create(struct arena *arena);
/* The index stored for a name, or -1. */
int name_table_find(const struct name_table *table, const char *name);
/* index >= 0; replaces what was stored. */
void name_table_set(struct name_table *table, const char *name, int index);

#endif
