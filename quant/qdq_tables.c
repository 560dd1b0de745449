/*
 * qdq_tables.c - given tables as metadata of a QDQ file: see qdq_tables.h.
 */
#include "quant/qdq_tables.h"

#include <string.h>

#include "base/error.h"
#include "quant/qmodel.h"

static const char prefix[] = "mcunet.table:";
enum { PREFIX = sizeof prefix - 1, ENTRIES = 256, DIGITS = 2 * ENTRIES };

static const char *hexadecimal(const int8_t *table, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_alloc(arena, DIGITS + 1);
    for (int i = 0; i < ENTRIES; i++) {
        text[2 * i] = digits[(uint8_t)table[i] >> 4];
        text[2 * i + 1] = digits[table[i] & 15];
    }
    return text;
}

void qdq_tables_write(struct model *metadata, const struct qmodel *qmodel, struct arena *arena)
{
    struct metadata *entries =
        ARENA_ARRAY(arena, struct metadata, (size_t)qmodel->n_metadata + (size_t)qmodel->n_nodes + 1);
    int n = 0;
    for (int i = 0; i < qmodel->n_metadata; i++)
        entries[n++] = qmodel->metadata[i];
    for (int i = 0; i < qmodel->n_nodes; i++) {
        const struct qnode *node = &qmodel->nodes[i];
        if (node->op != QOP_TABLE || node->table_source == TABLE_COMPUTED)
            continue;
        entries[n++] =
            (struct metadata){arena_printf(arena, "%s%s", prefix, qmodel->tensors[node->output].name),
                              hexadecimal(node->table, arena)};
    }
    *metadata = (struct model){.metadata = entries, .n_metadata = n};
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const int8_t *table_of(const char *text, struct arena *arena)
{
    int8_t *table = arena_alloc(arena, ENTRIES);
    if (strlen(text) != DIGITS)
        return NULL;
    for (int i = 0; i < ENTRIES; i++) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return NULL;
        table[i] = (int8_t)(uint8_t)(high << 4 | low);
    }
    return table;
}

static struct qnode *table_node(struct qmodel *qmodel, const char *output)
{
    for (int i = 0; i < qmodel->n_nodes; i++) {
        struct qnode *node = &qmodel->nodes[i];
        if (node->op == QOP_TABLE && strcmp(qmodel->tensors[node->output].name, output) == 0)
            return node;
    }
    return NULL;
}

int qdq_tables_read(struct qmodel *qmodel)
{
    int kept = 0;
    for (int i = 0; i < qmodel->n_metadata; i++) {
        const struct metadata entry = qmodel->metadata[i];
        if (strncmp(entry.key, prefix, PREFIX) != 0) {
            qmodel->metadata[kept++] = entry;
            continue;
        }
        struct qnode *node = table_node(qmodel, entry.key + PREFIX);
        if (!node)
            continue; /* the network was changed since */
        node->table = table_of(entry.value, qmodel->arena);
        if (!node->table)
            return error_input("%s: metadata '%s' is not %d hexadecimal digits", qmodel->name, entry.key,
                               DIGITS);
        node->table_source = TABLE_GIVEN;
    }
    qmodel->n_metadata = kept;
    return 0;
}
