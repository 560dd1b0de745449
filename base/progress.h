/*
 * progress.h - what a long stage shows on stderr: a bar with rate and ETA on a terminal, a line every ten
 * seconds elsewhere, nothing with -q. NO_COLOR is honoured.
 *
 *     struct progress p;
 *     progress_start(&p, quiet, "space", n, "subnets");
 *     for (...) progress_step(&p, 1);           thread safe
 *     progress_end(&p);
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *label, *unit;
    int64_t total, done; /* done is updated atomically */
    int64_t start_us, next_us;
    bool quiet, terminal;
};

void progress_start(struct progress *progress, bool quiet, const char *label, int64_t total,
                    const char *unit);
void progress_step(struct progress *progress, int64_t n);
void progress_end(struct progress *progress);

#endif
