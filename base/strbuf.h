/*
 * strbuf.h - growing text buffer; text is always NUL terminated, also when empty.
 * Life cycle: struct strbuf b = STRBUF_INIT; strbuf_addf(&b, ...); ...; strbuf_release(&b).
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
    char *text; /* never NULL after the first call that adds; use strbuf_text() before that */
    size_t length, capacity;
};

#define STRBUF_INIT                                                                                          \
    {                                                                                                        \
        0                                                                                                    \
    }

void strbuf_add(struct strbuf *buf, const void *data, size_t length);
void strbuf_adds(struct strbuf *buf, const char *text);
void strbuf_addf(struct strbuf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *strbuf_text(const struct strbuf *buf);
void strbuf_clear(struct strbuf *buf);
void strbuf_release(struct strbuf *buf);

#endif
