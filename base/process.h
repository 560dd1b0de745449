/*
 * process.h - running other programs: no shell, arguments as an array, bounded in time and output.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct process {
    const char *const *argv; /* argv[0] looked up in PATH; NULL terminated */
    const char *folder;      /* working directory, or NULL */
    double timeout_s;        /* 0: none; past it the process group is killed */
    bool capture;            /* keep stdout and stderr (up to 16 MiB each), else inherit */
    /* results */
    int exit_code; /* -1 when killed by a signal or timed out */
    int signal;
    bool timed_out;
    char *out, *err; /* NUL terminated, in the arena, when captured */
};

/* Returns 0 when the program ran to an end, whatever its exit code; error_tool (7) when argv[0] is not
 * installed (the message names it); error (1) when it could not be started. */
int process_run(struct process *process, struct arena *arena);
/* Full path of a program in PATH, or NULL. */
const char *process_find(const char *name, struct arena *arena);

#endif
