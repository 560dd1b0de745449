/*
 * fetch.h - downloading a file, or a known dataset, so that what arrives is what was meant.
 *
 * The bytes go to <path>.part, which a later call resumes (HTTP Range); size and SHA-256 are checked, then it
 * is renamed to path. A failed or cut connection is tried again where it stopped, then the next mirror;
 * nothing else of the machine is touched.
 */
#ifndef DATASETS_FETCH_H
#define DATASETS_FETCH_H

#include <stdbool.h>
#include <stdint.h>

struct fetch {
    const char *const *urls; /* tried in order; http, https or file */
    int n_urls;
    const char *path;      /* its folder exists */
    const char *sha256;    /* lower-case hex; NULL: unchecked */
    int64_t bytes;         /* expected size; 0: unknown */
    int64_t max_bytes;     /* more is refused; 0: 64 GiB */
    bool quiet;            /* no progress */
    int attempts;          /* in a row without a byte, on each url; 0: 3 */
    int connect_timeout_s; /* 0: 20 */
    int stall_timeout_s;   /* less than 1 kB/s for so long is a cut connection; 0: 30 */
};

/* Network failure, I/O: error (1). Wrong size or checksum (the .part is removed), a scheme other than those,
 * a file too large: error_input. */
int fetch_file(const struct fetch *request);

/* Downloads a known set to its place (known.h), or checks the one that is there and does nothing. Prints on
 * stdout where it lies. Unknown name: error_input naming the known ones. A rendered set needs no fetching,
 * and says so; an "own" set is error_input with its notes. */
int dataset_fetch(const char *name, bool quiet);

#endif
