/*
 * flatbuffer.h - checked access to a flatbuffer. Private to model/.
 *
 * A table starts with the distance back to its vtable: bytes of the vtable, bytes of the table, then one
 * 16-bit offset per field (0: absent, the schema's default holds). Vectors start with their length; tables
 * and vectors are referred to by 32-bit forward offsets. The bytes are hostile: every function checks what it
 * follows, prints one message at the first damage and sets `failed`; after that all of them return nothing
 * (0, absent, an empty vector), so callers look at `failed` where it matters. Nothing recurses. Source:
 * flatbuffers.dev, "FlatBuffer internals".
 */
#ifndef MODEL_FLATBUFFER_H
#define MODEL_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct flatbuffer {
    const uint8_t *data;
    size_t size;
    const char *path; /* for messages */
    struct arena *arena;
    bool failed;
};

struct fb_table {
    size_t at, vtable;
    uint16_t vtable_bytes, bytes;
};

struct fb_vector {
    size_t at; /* first element */
    uint32_t n;
};

/* Little-endian, not aligned. */
uint16_t fb_u16(const uint8_t *p);
uint32_t fb_u32(const uint8_t *p);
uint64_t fb_u64(const uint8_t *p);
float fb_float(const uint8_t *p);

int fb_corrupt(struct flatbuffer *fb, const char *what, size_t at);
/* What the offset at `at` points to; 0 after a failure. at + 4 is within the file. */
size_t fb_follow(struct flatbuffer *fb, size_t at);
/* The table at `at`; its vtable may lie before or after it. */
int fb_table(struct flatbuffer *fb, struct fb_table *table, size_t at);

/* Fields by index. fb_field: position of `bytes` bytes; 0: absent. */
size_t fb_field(struct flatbuffer *fb, const struct fb_table *table, int index, size_t bytes);
int32_t fb_int(struct flatbuffer *fb, const struct fb_table *table, int index, int32_t absent);
int fb_byte(struct flatbuffer *fb, const struct fb_table *table, int index, int absent);
float fb_float_field(struct flatbuffer *fb, const struct fb_table *table, int index, float absent);
/* A vector of elements of `bytes` bytes each, all within the file; absent: n == 0. */
struct fb_vector fb_vector(struct flatbuffer *fb, const struct fb_table *table, int index, size_t bytes);
bool fb_table_field(struct flatbuffer *fb, struct fb_table *table, const struct fb_table *in, int index);
/* Text for messages, reports and generated code, in the arena: bytes outside printable ASCII become '?'. */
const char *fb_text(struct flatbuffer *fb, const struct fb_table *table, int index);

/* Element i < n of a vector of tables. */
int fb_item(struct flatbuffer *fb, struct fb_table *table, const struct fb_vector *vector, uint32_t i);

#endif
