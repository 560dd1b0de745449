/*
 * archive.c - sets that stay packed (zip, tar.gz): Tiny-ImageNet in its official layout, folders per class,
 * CIFAR-10 records.
 *
 * Two passes, because libarchive goes through an archive once: the first lists members (and keeps the few
 * text files that say what is what), then the split is chosen, then the second brings the bytes of the chosen
 * images, still compressed as JPEG, into memory. Nothing is unpacked to disk.
 */
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "datasets/image.h"
#include "datasets/source.h"

enum { MEMBERS_MAX = 4000000, NAME_MAX_BYTES = 1024, BLOCK_BYTES = 1 << 20 };
static const size_t total_max_bytes = (size_t)4 << 30;

struct member {
    const char *name;
    uint32_t place;       /* among all members */
    const uint8_t *bytes; /* text files and CIFAR records, else NULL */
    size_t size;
};

struct index {
    struct member *members; /* regular files; malloc'ed */
    int n, capacity;
    size_t kept_bytes;
    bool has_wnids, has_records;
};

/* ---- reading through ---- */

struct reader {
    struct archive *archive;
    struct archive_entry *entry;
    const char *path, *name;
    uint32_t place;
};

static int reader_fail(const struct reader *reader)
{
    const char *reason = archive_error_string(reader->archive);
    return error_input("'%s': damaged archive: %s", reader->path, reason ? reason : "unknown reason");
}

static int reader_open(struct reader *reader, const char *path)
{
    *reader = (struct reader){.archive = archive_read_new(), .path = path, .place = UINT32_MAX};
    if (!reader->archive) {
        die("out of memory");
    }
    archive_read_support_format_zip(reader->archive);
    archive_read_support_format_tar(reader->archive);
    archive_read_support_filter_gzip(reader->archive);
    if (archive_read_open_filename(reader->archive, path, BLOCK_BYTES) != ARCHIVE_OK) {
        const char *reason = archive_error_string(reader->archive);
        return error_input("'%s': not a zip, tar or CIFAR .bin file: %s", path,
                           reason ? reason : "unknown format");
    }
    return 0;
}

/* *more: whether there is a member. Its name is without a leading "./". */
static int reader_next(struct reader *reader, bool *more)
{
    for (;;) {
        const int status = archive_read_next_header(reader->archive, &reader->entry);
        *more = status == ARCHIVE_OK || status == ARCHIVE_WARN;
        if (!*more) {
            return status == ARCHIVE_EOF ? 0 : reader_fail(reader);
        }
        reader->place++;
        const char *name = archive_entry_pathname(reader->entry);
        if (!name || archive_entry_filetype(reader->entry) != AE_IFREG) {
            continue;
        }
        while (name[0] == '.' && name[1] == '/') {
            name += 2;
        }
        if (strlen(name) > NAME_MAX_BYTES) {
            return error_input("'%s': a member's name is longer than %d bytes", reader->path, NAME_MAX_BYTES);
        }
        reader->name = name;
        return 0;
    }
}

/* The member's bytes, NUL terminated, into arena. Its header may lie about the size, so only what comes
 * counts. */
static int reader_take(struct reader *reader, size_t *total, const uint8_t **bytes, size_t *size,
                       struct arena *arena)
{
    struct strbuf data = STRBUF_INIT;
    int rc = 0;
    for (;;) {
        char block[16384];
        const la_ssize_t n = archive_read_data(reader->archive, block, sizeof block);
        if (n == 0) {
            break;
        }
        if (n < 0) {
            rc = reader_fail(reader);
            break;
        }
        if (data.length + (size_t)n > IMAGE_MAX_BYTES) {
            rc = error_input("'%s': member '%s' is larger than %d bytes", reader->path, reader->name,
                             IMAGE_MAX_BYTES);
            break;
        }
        strbuf_add(&data, block, (size_t)n);
    }
    *total += data.length;
    if (!rc && *total > total_max_bytes) {
        rc = error_input("'%s': more than %zu bytes of images", reader->path, total_max_bytes);
    }
    if (!rc) {
        *bytes = arena_copy(arena, strbuf_text(&data), data.length + 1);
        *size = data.length;
    }
    strbuf_release(&data);
    return rc;
}

/* ---- first pass ---- */

static bool ends_in(const char *text, const char *suffix)
{
    const size_t n = strlen(text), m = strlen(suffix);
    return n >= m && !strcmp(text + n - m, suffix);
}

static int index_add(struct index *index, struct dataset *dataset, struct reader *reader)
{
    const char *base = path_name(reader->name);
    const bool records = ends_in(base, ".bin");
    const bool text =
        !strcmp(base, "wnids.txt") || !strcmp(base, "words.txt") || !strcmp(base, "val_annotations.txt");
    if (!records && !text && !image_named(base)) {
        return 0;
    }
    if (index->n == MEMBERS_MAX) {
        return error_input("'%s': more than %d members", reader->path, MEMBERS_MAX);
    }
    if (index->n == index->capacity) {
        index->capacity = index->capacity ? index->capacity * 2 : 4096;
        index->members = realloc(index->members, (size_t)index->capacity * sizeof *index->members);
        if (!index->members) {
            die("out of memory for a list of %d members", index->capacity);
        }
    }
    struct member *member = &index->members[index->n++];
    *member = (struct member){.name = arena_strdup(&dataset->arena, reader->name), .place = reader->place};
    index->has_wnids |= !strcmp(base, "wnids.txt");
    index->has_records |= records;
    if (!records && !text) {
        return 0;
    }
    reader->name = member->name;
    return reader_take(reader, &index->kept_bytes, &member->bytes, &member->size, &dataset->arena);
}

static int by_member_name(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static int index_read(struct index *index, struct dataset *dataset)
{
    struct reader reader;
    int rc = reader_open(&reader, dataset->root);
    for (bool more = true; !rc && more;) {
        rc = reader_next(&reader, &more);
        if (!rc && more) {
            rc = index_add(index, dataset, &reader);
        }
    }
    archive_read_free(reader.archive);
    if (!rc && index->n > 0) {
        qsort(index->members, (size_t)index->n, sizeof *index->members, by_member_name);
    }
    return rc;
}

static const struct member *index_find(const struct index *index, const char *name)
{
    const struct member key = {.name = name};
    return index->n > 0 ? bsearch(&key, index->members, (size_t)index->n, sizeof key, by_member_name) : NULL;
}

/* ---- layouts ---- */

/* What comes before "wnids.txt", "train/", ...: "tiny-imagenet-200/" in the official zip. */
static const char *tiny_prefix(const struct index *index, struct arena *arena)
{
    for (int i = 0; i < index->n; i++) {
        const char *name = index->members[i].name;
        if (!strcmp(path_name(name), "wnids.txt")) {
            char *prefix = arena_strdup(arena, name);
            prefix[path_name(name) - name] = '\0';
            return prefix;
        }
    }
    return "";
}

static int tiny_classes(struct dataset *dataset, const struct index *index, const char *prefix,
                        const char *const **wnids_out)
{
    struct arena *arena = &dataset->arena;
    const struct member *list = index_find(index, arena_printf(arena, "%swnids.txt", prefix));
    const char **wnids = ARENA_ARRAY(arena, const char *, list->size / 2 + 1);
    char *state, *text = arena_copy(arena, list->bytes, list->size + 1);
    for (char *word = strtok_r(text, " \t\r\n", &state); word; word = strtok_r(NULL, " \t\r\n", &state)) {
        wnids[dataset->classes++] = word;
    }
    if (dataset->classes < 2 || dataset->classes > DATASET_MAX_CLASSES) {
        return error_input("'%s': %s lists %d classes", dataset->root, list->name, dataset->classes);
    }
    sorted_make(wnids, dataset->classes);
    *wnids_out = wnids;
    /* Classes are called by the first word of words.txt ("goldfish, Carassius auratus"), where it has one. */
    dataset->class_names = ARENA_ARRAY(arena, const char *, (size_t)dataset->classes);
    memcpy(dataset->class_names, wnids, (size_t)dataset->classes * sizeof *wnids);
    const struct member *words = index_find(index, arena_printf(arena, "%swords.txt", prefix));
    if (!words) {
        return 0;
    }
    text = arena_copy(arena, words->bytes, words->size + 1);
    for (char *line = strtok_r(text, "\r\n", &state); line; line = strtok_r(NULL, "\r\n", &state)) {
        char *tab = strchr(line, '\t');
        if (!tab) {
            continue;
        }
        *tab = '\0';
        const int label = sorted_find(wnids, dataset->classes, line);
        if (label >= 0) {
            tab[1 + strcspn(tab + 1, ",")] = '\0';
            dataset->class_names[label] = tab + 1;
        }
    }
    return 0;
}

struct annotated {
    struct dataset *dataset;
    const struct index *index;
    const char *prefix;
};

static int add_annotated(void *context, const char *file, int label, int line)
{
    const struct annotated *annotated = context;
    struct dataset *dataset = annotated->dataset;
    const char *name = arena_printf(&dataset->arena, "%sval/images/%.200s", annotated->prefix, file);
    const struct member *member = index_find(annotated->index, name);
    if (!member) {
        return error_input("'%s': val_annotations.txt:%d: no member '%s'", dataset->root, line, name);
    }
    return source_add(dataset, (struct image){.name = member->name, .label = label, .place = member->place});
}

static int open_tiny_imagenet(struct dataset *dataset, const struct index *index)
{
    struct arena *arena = &dataset->arena;
    const char *prefix = tiny_prefix(index, arena), *const *wnids = NULL;
    int rc = tiny_classes(dataset, index, prefix, &wnids);
    if (rc) {
        return rc;
    }
    const char *train = arena_printf(arena, "%strain/", prefix);
    for (int i = 0; i < index->n; i++) {
        const struct member *member = &index->members[i];
        if (strncmp(member->name, train, strlen(train)) || !image_named(member->name)) {
            continue;
        }
        char *wnid = arena_strdup(arena, member->name + strlen(train));
        wnid[strcspn(wnid, "/")] = '\0';
        const int label = sorted_find(wnids, dataset->classes, wnid);
        if (label < 0) {
            return error_input("'%s': member '%s' is of no class in wnids.txt", dataset->root, member->name);
        }
        rc =
            source_add(dataset, (struct image){.name = member->name, .label = label, .place = member->place});
        if (rc) {
            return rc;
        }
    }
    dataset->n_train = dataset->n;
    const char *path = arena_printf(arena, "%sval/val_annotations.txt", prefix);
    const struct member *annotations = index_find(index, path);
    if (!annotations) {
        return 0;
    }
    struct annotated context = {dataset, index, prefix};
    dataset->has_val = true;
    char *text = arena_copy(arena, annotations->bytes, annotations->size + 1);
    return annotations_parse(text, path, wnids, dataset->classes, add_annotated, &context);
}

static int open_records(struct dataset *dataset, const struct index *index)
{
    cifar_name_classes(dataset);
    int rc = 0;
    for (int val = 0; val <= 1; val++) {
        for (int i = 0; !rc && i < index->n; i++) {
            const struct member *member = &index->members[i];
            const bool test = strncmp(path_name(member->name), "test", 4) == 0;
            if (ends_in(member->name, ".bin") && test == val) {
                rc = cifar_add_records(dataset, member->name, member->bytes, member->size);
            }
        }
        if (!val) {
            dataset->n_train = dataset->n;
        }
    }
    dataset->has_val = dataset->n_train > 0 && dataset->n > dataset->n_train;
    return rc;
}

/* The class folder of "set/train/cat/images/1.jpg": "cat"; *val tells whether it lies below val/. NULL when
 * there is none. */
static const char *class_of(const char *name, bool *train, bool *val, struct arena *arena)
{
    char *path = arena_strdup(arena, name), *folders[16];
    int n = 0;
    for (char *at = path, *slash; (slash = strchr(at, '/')) && n < 16; at = slash + 1) {
        *slash = '\0';
        folders[n++] = at;
    }
    if (n > 1 && !strcmp(folders[n - 1], "images")) {
        n--;
    }
    *train = n > 1 && !strcmp(folders[n - 2], "train");
    *val = n > 1 && !strcmp(folders[n - 2], "val");
    return n > 0 ? folders[n - 1] : NULL;
}

static int open_class_folders(struct dataset *dataset, const struct index *index)
{
    struct arena *arena = &dataset->arena;
    const char **classes = ARENA_ARRAY(arena, const char *, (size_t)index->n + 1);
    int n_classes = 0, n_train = 0, n_val = 0;
    const char *previous = "";
    for (int i = 0; i < index->n; i++) { /* members are sorted, so those of one folder follow each other */
        bool train, val;
        const char *name = class_of(index->members[i].name, &train, &val, arena);
        n_train += train;
        n_val += val;
        if (name && strcmp(name, previous)) {
            classes[n_classes++] = previous = name;
        }
    }
    sorted_make(classes, n_classes);
    int distinct = 0;
    for (int i = 0; i < n_classes; i++) {
        if (distinct == 0 || strcmp(classes[i], classes[distinct - 1])) {
            classes[distinct++] = classes[i];
        }
    }
    if (distinct < 2 || distinct > DATASET_MAX_CLASSES) {
        return error_input("'%s': expected Tiny-ImageNet's layout, CIFAR-10 records or a folder per class; "
                           "found %d class folders",
                           dataset->root, distinct);
    }
    dataset->class_names = classes;
    dataset->classes = distinct;
    dataset->has_val = n_train > 0 && n_val > 0;
    for (int part = 0; part <= 1; part++) {
        for (int i = 0; i < index->n; i++) {
            const struct member *member = &index->members[i];
            bool train, val;
            const char *name = class_of(member->name, &train, &val, arena);
            const bool wanted = dataset->has_val ? (part ? val : train) : !part;
            if (name && wanted) {
                const int label = sorted_find(classes, distinct, name);
                const int rc = source_add(
                    dataset, (struct image){.name = member->name, .label = label, .place = member->place});
                if (rc) {
                    return rc;
                }
            }
        }
        if (!part) {
            dataset->n_train = dataset->n;
        }
    }
    return 0;
}

/* ---- second pass ---- */

static int by_place(const void *a, const void *b)
{
    const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;
    return (x->place > y->place) - (x->place < y->place);
}

static int load_members(struct dataset *dataset)
{
    struct arena arena = ARENA_INIT;
    struct image **wanted = ARENA_ARRAY(&arena, struct image *, (size_t)dataset->count);
    for (int i = 0; i < dataset->count; i++) {
        wanted[i] = &dataset->images[dataset->order[i]];
    }
    qsort(wanted, (size_t)dataset->count, sizeof(struct image *), by_place);
    struct reader reader;
    size_t total = 0;
    int at = 0, rc = reader_open(&reader, dataset->root);
    while (!rc && at < dataset->count) {
        bool more;
        rc = reader_next(&reader, &more);
        if (!rc && (!more || reader.place > wanted[at]->place)) {
            rc = error_input("'%s': changed while it was read", dataset->root);
        } else if (!rc && reader.place == wanted[at]->place) {
            rc = reader_take(&reader, &total, &wanted[at]->bytes, &wanted[at]->size, &dataset->arena);
            /* a val annotation may name a file twice */
            for (at++; !rc && at < dataset->count && wanted[at]->place == wanted[at - 1]->place; at++) {
                wanted[at]->bytes = wanted[at - 1]->bytes;
                wanted[at]->size = wanted[at - 1]->size;
            }
        }
    }
    archive_read_free(reader.archive);
    arena_release(&arena);
    return rc;
}

int open_archive(struct dataset *dataset)
{
    struct index index = {0};
    int rc = index_read(&index, dataset);
    if (!rc && index.has_wnids) {
        rc = open_tiny_imagenet(dataset, &index);
    } else if (!rc && index.has_records) {
        rc = open_records(dataset, &index);
    } else if (!rc) {
        rc = open_class_folders(dataset, &index);
    }
    if (!rc && !index.has_records) {
        dataset->load_chosen = load_members;
    }
    free(index.members);
    return rc;
}
