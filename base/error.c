#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a thread between error_first_enter() and _leave() would have printed. */
static _Thread_local bool holding;
static _Thread_local char *held;

/* One fputs of a whole line, so that messages of parallel processes do not interleave. */
static void print_whole(char *line)
{
    fflush(stdout); /* keeps results and the message that ends them in order when both go to one file */
    fputs(line, stderr);
    free(line);
}

/* Of several messages of one failure the first is the cause. */
static void hold_or_print(char *line, bool may_hold)
{
    if (!may_hold || !holding)
        print_whole(line);
    else if (held)
        free(line);
    else
        held = line;
}

static void print_line(const char *prefix, bool may_hold, const char *fmt, va_list args)
{
    char small[1024];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(small, sizeof small, fmt, args);
    char *text = small;
    if (length >= (int)sizeof small) {
        text = malloc((size_t)length + 1);
        if (text)
            vsnprintf(text, (size_t)length + 1, fmt, again);
        else
            text = small;
    }
    va_end(again);

    size_t size = strlen(prefix) + strlen(text) + 2;
    char *line = malloc(size);
    if (line) {
        snprintf(line, size, "%s%s\n", prefix, text);
        hold_or_print(line, may_hold);
    } else {
        fputs(text, stderr);
    }
    if (text != small)
        free(text);
}

#define ERROR_DEFINE(name, code, text)                                                                       \
    int name(const char *fmt, ...)                                                                           \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, fmt);                                                                                 \
        print_line("error: ", true, fmt, args);                                                              \
        va_end(args);                                                                                        \
        return code;                                                                                         \
    }
ERROR_CODES(ERROR_DEFINE)
#undef ERROR_DEFINE

bool error_first_enter(struct error_first *first, int index)
{
    pthread_mutex_lock(&first->lock);
    holding = !first->code || index < first->index;
    pthread_mutex_unlock(&first->lock);
    return holding;
}

void error_first_leave(struct error_first *first, int index, int code)
{
    char *message = held;
    holding = false;
    held = NULL;
    if (code) {
        pthread_mutex_lock(&first->lock);
        if (!first->code || index < first->index) {
            char *later = first->message;
            first->message = message;
            first->index = index;
            first->code = code;
            message = later;
        }
        pthread_mutex_unlock(&first->lock);
    }
    free(message);
}

int error_first_end(struct error_first *first)
{
    if (first->message)
        print_whole(first->message);
    first->message = NULL;
    return first->code;
}

void warning(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line("warning: ", false, fmt, args);
    va_end(args);
}

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line("fatal: ", false, fmt, args);
    va_end(args);
    abort();
}
