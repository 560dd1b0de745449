/*
 * datasets_fixture.h - small sets of images made in a scratch folder, and archives of them.
 */
#ifndef TESTS_UNIT_DATASETS_FIXTURE_H
#define TESTS_UNIT_DATASETS_FIXTURE_H

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "scratch.h"

/* An 8 x 8 grey JPEG: x * 16 + y * 8, quality 30. */
static const uint8_t fixture_jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x1b, 0x12, 0x14, 0x17, 0x14, 0x11, 0x1b, 0x17, 0x16,
    0x17, 0x1e, 0x1c, 0x1b, 0x20, 0x28, 0x42, 0x2b, 0x28, 0x25, 0x25, 0x28, 0x51, 0x3a, 0x3d, 0x30, 0x42,
    0x60, 0x55, 0x65, 0x64, 0x5f, 0x55, 0x5d, 0x5b, 0x6a, 0x78, 0x99, 0x81, 0x6a, 0x71, 0x90, 0x73, 0x5b,
    0x5d, 0x85, 0xb5, 0x86, 0x90, 0x9e, 0xa3, 0xab, 0xad, 0xab, 0x67, 0x80, 0xbc, 0xc9, 0xba, 0xa6, 0xc7,
    0x99, 0xa8, 0xab, 0xa4, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00, 0x08, 0x00, 0x08, 0x01, 0x01, 0x11, 0x00,
    0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x04, 0xff, 0xc4, 0x00, 0x18, 0x10, 0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x05, 0x21, 0x31, 0xff, 0xda, 0x00,
    0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x14, 0x7a, 0x32, 0x8f, 0xff, 0xd9,
};

/* A PPM of width x height pixels, all of the value given. */
static inline size_t fixture_ppm(uint8_t *out, int width, int height, uint8_t value)
{
    const int header = sprintf((char *)out, "P6\n%d %d\n255\n", width, height);
    memset(out + header, value, (size_t)width * (size_t)height * 3);
    return (size_t)header + (size_t)width * (size_t)height * 3;
}

static inline void fixture_write(struct scratch *scratch, const char *name, const void *bytes, size_t size)
{
    struct arena arena = ARENA_INIT;
    const char *path = scratch_path(scratch, name);
    if (folder_create(path_folder(&arena, path)) || file_write(path, bytes, size))
        abort();
    arena_release(&arena);
}

static inline void fixture_image(struct scratch *scratch, const char *name, uint8_t value)
{
    uint8_t ppm[256];
    fixture_write(scratch, name, ppm, fixture_ppm(ppm, 6, 4, value));
}

struct fixture_archive {
    struct archive *archive;
};

/* zip, or tar.gz. */
static inline void fixture_archive_open(struct fixture_archive *a, const char *path, int zip)
{
    a->archive = archive_write_new();
    if (zip) {
        archive_write_set_format_zip(a->archive);
    } else {
        archive_write_set_format_ustar(a->archive);
        archive_write_add_filter_gzip(a->archive);
    }
    if (archive_write_open_filename(a->archive, path) != ARCHIVE_OK)
        abort();
}

static inline void fixture_archive_add(struct fixture_archive *a, const char *name, const void *bytes,
                                       size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (archive_write_header(a->archive, entry) != ARCHIVE_OK ||
        archive_write_data(a->archive, bytes, size) != (la_ssize_t)size)
        abort();
    archive_entry_free(entry);
}

static inline void fixture_archive_close(struct fixture_archive *a)
{
    if (archive_write_close(a->archive) != ARCHIVE_OK)
        abort();
    archive_write_free(a->archive);
}

#endif
