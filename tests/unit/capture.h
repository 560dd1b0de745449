/*
 * capture.h - what a piece of a test prints: on stderr (messages) or stdout.
 *
 *     struct capture capture;
 *     capture_start(&capture, STDERR_FILENO);
 *     rc = json_read(&json, "missing");
 *     assert_string_equal(capture_end(&capture), "error: ...\n");
 */
#ifndef TESTS_UNIT_CAPTURE_H
#define TESTS_UNIT_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct capture {
    int fd, saved;
    FILE *file;
    char text[16 << 10];
};

static inline void capture_start(struct capture *capture, int fd)
{
    fflush(stdout);
    fflush(stderr);
    capture->fd = fd;
    capture->saved = dup(fd);
    capture->file = tmpfile();
    if (capture->saved < 0 || !capture->file || dup2(fileno(capture->file), fd) < 0)
        abort();
}

/* The text printed since capture_start (its first 16 kB). */
static inline const char *capture_end(struct capture *capture)
{
    fflush(stdout);
    fflush(stderr);
    dup2(capture->saved, capture->fd);
    close(capture->saved);
    rewind(capture->file);
    const size_t n = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[n] = '\0';
    fclose(capture->file);
    return capture->text;
}

#endif
