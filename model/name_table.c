#include "model/name_table.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"

struct entry {
    const char *name; /* NULL: free */
    int index;
};

/* Open addressing, at most half full. */
struct name_table {
    struct arena *arena;
    struct entry *entries;
    uint32_t size, used; /* size: a power of two */
};

/* FNV-1a */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}

static struct entry *slot_of(const struct name_table *table, const char *name)
{
    uint32_t i = hash_of(name) & (table->size - 1);
    while (table->entries[i].name && strcmp(table->entries[i].name, name) != 0)
        i = (i + 1) & (table->size - 1);
    return &table->entries[i];
}

struct name_table *name_table_create(struct arena *arena)
{
    struct name_table *table = ARENA_NEW(arena, struct name_table);
    *table = (struct name_table){.arena = arena, .size = 64};
    table->entries = ARENA_ARRAY(arena, struct entry, table->size);
    return table;
}

int name_table_find(const struct name_table *table, const char *name)
{
    const struct entry *entry = slot_of(table, name);
    return entry->name ? entry->index : -1;
}

void name_table_set(struct name_table *table, const char *name, int index)
{
    if (2 * (table->used + 1) > table->size) {
        const struct name_table old = *table;
        table->size *= 2;
        table->entries = ARENA_ARRAY(table->arena, struct entry, table->size);
        for (uint32_t i = 0; i < old.size; i++)
            if (old.entries[i].name)
                *slot_of(table, old.entries[i].name) = old.entries[i];
    }
    struct entry *entry = slot_of(table, name);
    if (!entry->name)
        table->used++;
    *entry = (struct entry){name, index};
}
