#include "nas/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "nas/supernet.h"

enum { JOURNAL_MAX_BYTES = 64 << 20 };

static void remember(struct journal *journal, const struct subnet *subnet, double accuracy)
{
    if (!subnet_set_add(&journal->known, subnet))
        return;
    if (journal->known.n > journal->capacity) {
        int capacity = journal->known.capacity;
        double *larger = ARENA_ARRAY(journal->known.arena, double, (size_t)capacity);
        if (journal->capacity)
            memcpy(larger, journal->accuracy, (size_t)journal->capacity * sizeof *larger);
        journal->accuracy = larger;
        journal->capacity = capacity;
    }
    journal->accuracy[journal->known.n - 1] = accuracy;
}

static int read_line(struct journal *journal, const char *line, size_t length, int number,
                     const struct supernet *supernet)
{
    json_t *entry = json_loadb(line, length, 0, NULL);
    const char *key = json_string_value(json_object_get(entry, "key"));
    const char *text = json_string_value(json_object_get(entry, "subnet"));
    const json_t *accuracy = json_object_get(entry, "accuracy");
    int rc = 0;
    if (!key || !text || !json_is_number(accuracy))
        rc = error_input("%s:%d: not a journal line (delete the file to search from the start)",
                         journal->path, number);
    if (!rc && strcmp(key, journal->key) == 0) {
        struct subnet subnet;
        rc = subnet_parse(&subnet, text, supernet);
        if (!rc)
            remember(journal, &subnet, json_number_value(accuracy));
    }
    json_decref(entry);
    return rc;
}

/* Reads whole lines; *whole_bytes is where they end. */
static int read_lines(struct journal *journal, const struct supernet *supernet, size_t *whole_bytes)
{
    struct arena arena = ARENA_INIT;
    struct file file;
    int rc = file_read(&file, journal->path, JOURNAL_MAX_BYTES, &arena);
    *whole_bytes = 0;
    for (int number = 1; !rc; number++) {
        const char *line = (const char *)file.data + *whole_bytes;
        const char *end = memchr(line, '\n', file.size - *whole_bytes);
        if (!end)
            break;
        rc = read_line(journal, line, (size_t)(end - line), number, supernet);
        *whole_bytes += (size_t)(end - line) + 1;
    }
    arena_release(&arena);
    return rc;
}

int journal_open(struct journal *journal, const char *path, const char *key, const struct supernet *supernet,
                 struct arena *arena)
{
    *journal = (struct journal){.file = -1, .path = path, .known = {.arena = arena}};
    snprintf(journal->key, sizeof journal->key, "%s", key);
    if (!path)
        return 0;
    size_t whole_bytes = 0;
    if (file_exists(path)) {
        int rc = read_lines(journal, supernet, &whole_bytes);
        if (rc)
            return rc;
    }
    journal->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (journal->file < 0)
        return error("cannot open '%s': %s", path, strerror(errno));
    if (ftruncate(journal->file, (off_t)whole_bytes)) {
        int rc = error("cannot cut '%s': %s", path, strerror(errno));
        journal_close(journal);
        return rc;
    }
    return 0;
}

bool journal_find(const struct journal *journal, const struct subnet *subnet, double *accuracy)
{
    int i = subnet_set_find(&journal->known, subnet);
    if (i >= 0)
        *accuracy = journal->accuracy[i];
    return i >= 0;
}

static int write_all(const struct journal *journal, const char *text, size_t length)
{
    while (length) {
        ssize_t n = write(journal->file, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error("cannot write '%s': %s", journal->path, strerror(errno));
        text += n;
        length -= (size_t)n;
    }
    if (fsync(journal->file) && errno != EINVAL)
        return error("cannot write '%s': %s", journal->path, strerror(errno));
    return 0;
}

int journal_append(struct journal *journal, const struct subnet *subnets, const double *accuracy, int n)
{
    for (int i = 0; i < n; i++)
        remember(journal, &subnets[i], accuracy[i]);
    if (journal->file < 0)
        return 0;
    struct arena arena = ARENA_INIT;
    struct strbuf lines = STRBUF_INIT;
    /* 17 digits bring a double back bit for bit; subnet text and key need no escapes */
    for (int i = 0; i < n; i++)
        strbuf_addf(&lines, "{\"accuracy\": %.17g, \"key\": \"%s\", \"subnet\": \"%s\"}\n", accuracy[i],
                    journal->key, subnet_text(&subnets[i], &arena));
    int rc = write_all(journal, strbuf_text(&lines), lines.length);
    strbuf_release(&lines);
    arena_release(&arena);
    return rc;
}

void journal_close(struct journal *journal)
{
    if (journal->file >= 0)
        close(journal->file);
    journal->file = -1;
}
