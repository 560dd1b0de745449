#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Room for `more` bytes and the NUL. */
static void strbuf_grow(struct strbuf *buf, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(buf->length, more, &need) || need > SIZE_MAX / 4)
        die("strbuf: %zu more bytes overflow", more);
    if (need + 1 <= buf->capacity)
        return;
    size_t capacity = buf->capacity ? buf->capacity : 256;
    while (capacity < need + 1)
        capacity *= 2;
    char *text = realloc(buf->text, capacity);
    if (!text)
        die("out of memory: cannot allocate %zu bytes", capacity);
    buf->text = text;
    buf->capacity = capacity;
}

void strbuf_add(struct strbuf *buf, const void *data, size_t length)
{
    strbuf_grow(buf, length);
    if (length)
        memcpy(buf->text + buf->length, data, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_adds(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_addf(struct strbuf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        die("strbuf: bad format '%s'", fmt);
    strbuf_grow(buf, (size_t)length);
    vsnprintf(buf->text + buf->length, (size_t)length + 1, fmt, again);
    va_end(again);
    buf->length += (size_t)length;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->text ? buf->text : "";
}

void strbuf_clear(struct strbuf *buf)
{
    buf->length = 0;
    if (buf->text)
        buf->text[0] = '\0';
}

void strbuf_release(struct strbuf *buf)
{
    free(buf->text);
    *buf = (struct strbuf)STRBUF_INIT;
}
