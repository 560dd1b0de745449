/*
 * flatbuffer.c - checked access to a flatbuffer: see flatbuffer.h.
 */
#include "model/flatbuffer.h"

#include <string.h>

#include "base/arena.h"
#include "base/error.h"

uint16_t fb_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t fb_u32(const uint8_t *p)
{
    return (uint32_t)fb_u16(p) | (uint32_t)fb_u16(p + 2) << 16;
}

uint64_t fb_u64(const uint8_t *p)
{
    return (uint64_t)fb_u32(p) | (uint64_t)fb_u32(p + 4) << 32;
}

float fb_float(const uint8_t *p)
{
    const uint32_t bits = fb_u32(p);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int fb_corrupt(struct flatbuffer *fb, const char *what, size_t at)
{
    if (!fb->failed)
        error_input("%s: damaged TensorFlow Lite file: %s at byte %zu", fb->path, what, at);
    fb->failed = true;
    return EXIT_INPUT;
}

/* The table at `at`; its vtable may lie before or after it. */
int fb_table(struct flatbuffer *fb, struct fb_table *table, size_t at)
{
    if (at > fb->size || fb->size - at < 4)
        return fb_corrupt(fb, "a table lies outside the file", at);
    const int64_t vtable = (int64_t)at - (int32_t)fb_u32(fb->data + at);
    if (vtable < 0 || vtable > (int64_t)fb->size - 4)
        return fb_corrupt(fb, "a table's field list lies outside the file", at);
    *table = (struct fb_table){.at = at,
                               .vtable = (size_t)vtable,
                               .vtable_bytes = fb_u16(fb->data + vtable),
                               .bytes = fb_u16(fb->data + vtable + 2)};
    if (table->vtable_bytes < 4 || table->vtable_bytes % 2 ||
        table->vtable_bytes > fb->size - table->vtable || table->bytes < 4 || table->bytes > fb->size - at)
        return fb_corrupt(fb, "a table's field list has an impossible size", at);
    return 0;
}

/* Position of field `index` of `bytes` bytes; 0: absent. */
size_t fb_field(struct flatbuffer *fb, const struct fb_table *table, int index, size_t bytes)
{
    const size_t slot = 4 + 2 * (size_t)index;
    if (fb->failed || slot + 2 > table->vtable_bytes)
        return 0;
    const size_t offset = fb_u16(fb->data + table->vtable + slot);
    if (offset == 0)
        return 0;
    if (offset < 4 || offset + bytes > table->bytes) {
        fb_corrupt(fb, "a field lies outside its table", table->at);
        return 0;
    }
    return table->at + offset;
}

int32_t fb_int(struct flatbuffer *fb, const struct fb_table *table, int index, int32_t absent)
{
    const size_t at = fb_field(fb, table, index, 4);
    return at ? (int32_t)fb_u32(fb->data + at) : absent;
}

int fb_byte(struct flatbuffer *fb, const struct fb_table *table, int index, int absent)
{
    const size_t at = fb_field(fb, table, index, 1);
    return at ? fb->data[at] : absent;
}

float fb_float_field(struct flatbuffer *fb, const struct fb_table *table, int index, float absent)
{
    const size_t at = fb_field(fb, table, index, 4);
    return at ? fb_float(fb->data + at) : absent;
}

/* What the offset at `at` points to; 0 after a failure. */
size_t fb_follow(struct flatbuffer *fb, size_t at)
{
    const uint32_t offset = fb_u32(fb->data + at);
    if (offset == 0 || offset > fb->size - at) {
        fb_corrupt(fb, "an offset leaves the file", at);
        return 0;
    }
    return at + offset;
}

/* A vector of elements of `bytes` bytes; absent: n == 0. */
struct fb_vector fb_vector(struct flatbuffer *fb, const struct fb_table *table, int index, size_t bytes)
{
    struct fb_vector vector = {0, 0};
    const size_t at = fb_field(fb, table, index, 4), start = at ? fb_follow(fb, at) : 0;
    if (!start)
        return vector;
    if (fb->size - start < 4 || fb_u32(fb->data + start) > (fb->size - start - 4) / bytes) {
        fb_corrupt(fb, "a list is longer than the file", start);
        return vector;
    }
    vector.n = fb_u32(fb->data + start);
    vector.at = start + 4;
    return vector;
}

/* Element i of a vector of tables. */
int fb_item(struct flatbuffer *fb, struct fb_table *table, const struct fb_vector *vector, uint32_t i)
{
    const size_t at = fb_follow(fb, vector->at + 4 * (size_t)i);
    return at ? fb_table(fb, table, at) : EXIT_INPUT;
}

bool fb_table_field(struct flatbuffer *fb, struct fb_table *table, const struct fb_table *in, int index)
{
    const size_t at = fb_field(fb, in, index, 4), start = at ? fb_follow(fb, at) : 0;
    return start && fb_table(fb, table, start) == 0;
}

/* Text for messages, reports and generated code: control characters become '?'. */
const char *fb_text(struct flatbuffer *fb, const struct fb_table *table, int index)
{
    enum { MAX_TEXT = 4096 };
    const struct fb_vector vector = fb_vector(fb, table, index, 1);
    const size_t n = vector.n < MAX_TEXT ? vector.n : MAX_TEXT;
    char *text = arena_alloc(fb->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        const uint8_t c = fb->data[vector.at + i];
        text[i] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
    }
    return text;
}
