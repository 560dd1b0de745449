/*
 * journal.h - accuracies that a search has paid for, so that a killed one continues where it was.
 *
 * A text file of JSON lines {"accuracy": 41.25, "key": "<sha-256>", "subnet": "r64 w1 | ..."}, appended and
 * synced as they are known. The key stands for everything the search depends on: lines of another key are
 * somebody else's and are left alone. A last line that a crash tore is cut off.
 */
#ifndef NAS_JOURNAL_H
#define NAS_JOURNAL_H

#include "nas/subnet_set.h"

struct supernet;

struct journal {
    int file; /* descriptor, or -1: no journal */
    const char *path;
    char key[65];
    struct subnet_set known;
    double *accuracy; /* per entry of known */
    int capacity;
};

/* Opens or creates path (NULL: a journal that forgets) and reads the lines of this key. Malformed:
 * error_input file:line. Memory from the arena. */
int journal_open(struct journal *journal, const char *path, const char *key, const struct supernet *supernet,
                 struct arena *arena);
bool journal_find(const struct journal *journal, const struct subnet *subnet, double *accuracy);
/* On disk when it returns. */
int journal_append(struct journal *journal, const struct subnet *subnets, const double *accuracy, int n);
void journal_close(struct journal *journal);

#endif
