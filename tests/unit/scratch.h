/*
 * scratch.h - a temporary folder for a test, removed with all it holds.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct scratch {
    char folder[64], path[256];
};

static inline void scratch_create(struct scratch *scratch)
{
    snprintf(scratch->folder, sizeof scratch->folder, "/tmp/mcunet-test-XXXXXX");
    if (!mkdtemp(scratch->folder))
        abort();
}

/* folder/name; valid until the next call. */
static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    snprintf(scratch->path, sizeof scratch->path, "%s/%s", scratch->folder, name);
    return scratch->path;
}

static inline const char *scratch_file(struct scratch *scratch, const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(scratch, name), "w");
    if (!file || fputs(text, file) == EOF || fclose(file) != 0)
        abort();
    return scratch->path;
}

static inline int scratch_remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline void scratch_remove(struct scratch *scratch)
{
    nftw(scratch->folder, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
