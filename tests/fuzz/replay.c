/*
 * replay.c - runs a fuzz target over files and folders, each file's bytes in a heap block of exactly their
 * size, so that AddressSanitizer and valgrind see every byte read past them. Messages of the code under test
 * go to /dev/null: most inputs are wrong on purpose.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

static int n_files;

static int replay(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)at;
    if (type != FTW_F)
        return 0;
    FILE *file = fopen(path, "rb");
    const size_t size = (size_t)st->st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!file || !data || fread(data, 1, size, file) != size) {
        printf("cannot read '%s'\n", path);
        return 1;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    n_files++;
    return 0;
}

int main(int argc, char **argv)
{
    if (!freopen("/dev/null", "w", stderr) && argc > 0)
        printf("messages stay on stderr\n");
    for (int i = 1; i < argc; i++) {
        if (nftw(argv[i], replay, 16, FTW_PHYS) != 0) {
            printf("FAIL: '%s'\n", argv[i]);
            return 1;
        }
    }
    printf("%d inputs replayed\n", n_files);
    return n_files ? 0 : 1; /* a corpus that vanished tests nothing */
}
