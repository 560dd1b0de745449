#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One fputs of a whole line, so that messages of parallel processes do not interleave. */
static void print_line(const char *prefix, const char *fmt, va_list args)
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
    fflush(stdout); /* keeps results and the message that ends them in order when both go to one file */
    if (line) {
        snprintf(line, size, "%s%s\n", prefix, text);
        fputs(line, stderr);
    } else {
        fputs(text, stderr);
    }
    free(line);
    if (text != small)
        free(text);
}

#define ERROR_DEFINE(name, code, text)                                                                       \
    int name(const char *fmt, ...)                                                                           \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, fmt);                                                                                 \
        print_line("error: ", fmt, args);                                                                    \
        va_end(args);                                                                                        \
        return code;                                                                                         \
    }
ERROR_CODES(ERROR_DEFINE)
#undef ERROR_DEFINE

void warning(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line("warning: ", fmt, args);
    va_end(args);
}

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line("fatal: ", fmt, args);
    va_end(args);
    abort();
}
