/*
 * file.h - whole files in, whole files out.
 *
 * Writing is atomic: a temporary beside the target, fsync, rename; on failure the old file stays. Messages
 * name the path and errno's text ("cannot write 'x': No space left on device").
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct file {
    const uint8_t *data; /* NUL terminated one past the end, for text parsers */
    size_t size;
};

/* Reads path whole into the arena. Missing or unreadable: error (1). Larger than max_bytes:
 * error_input (3). */
int file_read(struct file *file, const char *path, size_t max_bytes, struct arena *arena);

/* Says why path could not be opened, from errno: a file that is not there is a wrong input (3), the rest an I/O failure (1). */
int file_open_error(const char *path);

/* Atomic replace. Creates no folders. */
int file_write(const char *path, const void *data, size_t size);

/* As file_write, but leaves a file alone whose bytes are the same already (so Ninja's restat sees no change).
 * *changed may be NULL. */
int file_write_if_changed(const char *path, const void *data, size_t size, bool *changed);

bool file_exists(const char *path);
bool folder_exists(const char *path);
/* mkdir -p */
int folder_create(const char *path);

/* "dir/name"; name alone when dir is "" or ".", name alone when it is absolute. In the arena. */
const char *path_join(struct arena *arena, const char *dir, const char *name);
/* The folder part of a path ("." when there is none), in the arena; the part after the last '/',
 * within path. */
const char *path_folder(struct arena *arena, const char *path);
const char *path_name(const char *path);

#endif
