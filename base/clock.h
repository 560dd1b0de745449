/*
 * clock.h - time that passes, for deadlines, progress and what is said of durations on stderr; never in an
 * artifact.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Of a clock that nobody sets (CLOCK_MONOTONIC): only differences mean something. */
int64_t clock_now_ns(void);
double clock_now_s(void);

#endif
