#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"

/* Reads up to size bytes; the number read, or -1. */
static ssize_t read_all(int fd, uint8_t *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t n = read(fd, out + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

int file_open_error(const char *path)
{
    const int failed = errno;
    if (failed == ENOENT || failed == ENOTDIR)
        return error_input("cannot open '%s': %s", path, strerror(failed));
    return error("cannot open '%s': %s", path, strerror(failed));
}

int file_read(struct file *file, const char *path, size_t max_bytes, struct arena *arena)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_open_error(path);
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) != 0) {
        rc = error("cannot read '%s': %s", path, strerror(errno));
    } else if (S_ISDIR(st.st_mode)) {
        rc = error("cannot read '%s': is a folder", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = error("cannot read '%s': not a regular file", path);
    } else if ((uint64_t)st.st_size > max_bytes) {
        rc = error_input("'%s' has %lld bytes, more than the limit of %zu", path, (long long)st.st_size,
                         max_bytes);
    } else {
        const size_t size = (size_t)st.st_size;
        uint8_t *data = arena_alloc(arena, size + 1);
        const ssize_t n = read_all(fd, data, size);
        if (n < 0)
            rc = error("cannot read '%s': %s", path, strerror(errno));
        else if ((size_t)n != size)
            rc = error("cannot read '%s': it shrank while being read", path);
        *file = (struct file){data, size};
    }
    close(fd);
    return rc;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(fd, data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

/* A rename is durable only once its folder is. Some file systems cannot sync a folder; that is no failure. */
static void sync_folder(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

int file_write(const char *path, const void *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return error("cannot write '%s': %s", path,
                     S_ISDIR(st.st_mode) ? "is a folder" : "not a regular file");

    /* The name depends on the target alone, so a temporary left by a killed run is overwritten by the next.
     */
    const char *folder = path_folder(&arena, path);
    const char *temporary = arena_printf(&arena, "%s/.%s.tmp", folder, path_name(path));
    int failed = 0; /* errno of the first failing call */
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        failed = errno;
    } else {
        if (write_all(fd, data, size) != 0 || fsync(fd) != 0)
            failed = errno;
        if (close(fd) != 0 && !failed)
            failed = errno;
        if (!failed && rename(temporary, path) != 0)
            failed = errno;
        if (failed)
            (void)unlink(temporary);
        else
            sync_folder(folder);
    }
    arena_release(&arena);
    return failed ? error("cannot write '%s': %s", path, strerror(failed)) : 0;
}

/* Whether path holds exactly these bytes; says nothing when it cannot be read. */
static bool file_equals(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    struct stat st;
    bool equal = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
    uint8_t block[16 << 10];
    for (size_t done = 0; equal && done < size;) {
        const size_t want = size - done < sizeof block ? size - done : sizeof block;
        equal = read_all(fd, block, want) == (ssize_t)want && memcmp(block, data + done, want) == 0;
        done += want;
    }
    close(fd);
    return equal;
}

int file_write_if_changed(const char *path, const void *data, size_t size, bool *changed)
{
    const bool same = file_equals(path, data, size);
    if (changed)
        *changed = !same;
    return same ? 0 : file_write(path, data, size);
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool folder_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int folder_create(const char *path)
{
    struct arena arena = ARENA_INIT;
    char *prefix = arena_strdup(&arena, path);
    int failed = 0;
    for (char *end = prefix + 1; !failed && *prefix; end++) {
        const char c = *end;
        if (c != '/' && c != '\0')
            continue;
        *end = '\0';
        if (mkdir(prefix, 0777) != 0 && !folder_exists(prefix))
            failed = errno == EEXIST ? ENOTDIR : errno;
        *end = c;
        if (c == '\0')
            break;
    }
    arena_release(&arena);
    return failed ? error("cannot create folder '%s': %s", path, strerror(failed)) : 0;
}

const char *path_join(struct arena *arena, const char *dir, const char *name)
{
    if (!*dir || strcmp(dir, ".") == 0 || *name == '/')
        return arena_strdup(arena, name);
    const size_t length = strlen(dir);
    return arena_printf(arena, "%s%s%s", dir, dir[length - 1] == '/' ? "" : "/", name);
}

const char *path_folder(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_strdup(arena, ".");
    return arena_printf(arena, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
