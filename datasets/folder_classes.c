/*
 * folder_classes.c - a folder per class, alone or below train/ and val/. Sorted folder names are the label
 * order, sorted file names the order of images. An unpacked Tiny-ImageNet is read too: WNID/images/ below
 * train/, val/ by its annotations.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "datasets/image.h"
#include "datasets/source.h"

enum { DEPTH = 3, ANNOTATIONS_MAX_BYTES = 64 << 20 };

struct listing {
    const char **names; /* sorted */
    int n;
};

/* Entries of a folder that are folders, or image files. Hidden ones are passed over. */
static int list_folder(struct listing *out, const char *path, bool folders, struct arena *arena)
{
    DIR *dir = opendir(path);
    if (!dir) {
        return error("cannot open folder '%s': %s", path, strerror(errno));
    }
    int capacity = 64;
    *out = (struct listing){.names = ARENA_ARRAY(arena, const char *, capacity)};
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || (!folders && !image_named(entry->d_name))) {
            continue;
        }
        struct stat status;
        if (fstatat(dirfd(dir), entry->d_name, &status, 0) ||
            (folders ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode))) {
            continue;
        }
        if (out->n == DATASET_MAX_IMAGES) {
            closedir(dir);
            return error_input("'%s': more than %d files", path, DATASET_MAX_IMAGES);
        }
        if (out->n == capacity) {
            const char **more = ARENA_ARRAY(arena, const char *, (size_t)capacity * 2);
            memcpy(more, out->names, (size_t)capacity * sizeof *more);
            out->names = more;
            capacity *= 2;
        }
        out->names[out->n++] = arena_strdup(arena, entry->d_name);
    }
    closedir(dir);
    sorted_make(out->names, out->n);
    return 0;
}

/* Images of root/name and the folders below it. */
static int add_images(struct dataset *dataset, const char *name, int label, int depth)
{
    struct arena *arena = &dataset->arena;
    const char *path = path_join(arena, dataset->root, name);
    struct listing files, folders;
    int rc = list_folder(&files, path, false, arena);
    for (int i = 0; !rc && i < files.n; i++) {
        rc = source_add(dataset,
                        (struct image){.name = path_join(arena, name, files.names[i]), .label = label});
    }
    if (rc || depth == 0) {
        return rc;
    }
    rc = list_folder(&folders, path, true, arena);
    for (int i = 0; !rc && i < folders.n; i++) {
        rc = add_images(dataset, path_join(arena, name, folders.names[i]), label, depth - 1);
    }
    return rc;
}

/* The classes below root/part ("" for root itself). Those of the first part are the classes of the set. */
static int add_part(struct dataset *dataset, const char *part, bool first)
{
    struct arena *arena = &dataset->arena;
    const char *path = *part ? path_join(arena, dataset->root, part) : dataset->root;
    struct listing folders;
    int rc = list_folder(&folders, path, true, arena);
    if (rc) {
        return rc;
    }
    if (first) {
        if (folders.n < 2) {
            return error_input(
                "'%s': expected labels.tsv beside images/, or a folder for each of two or more classes",
                path);
        }
        if (folders.n > DATASET_MAX_CLASSES) {
            return error_input("'%s': more than %d class folders", path, DATASET_MAX_CLASSES);
        }
        dataset->class_names = folders.names;
        dataset->classes = folders.n;
    }
    for (int i = 0; i < folders.n; i++) {
        const int label = sorted_find(dataset->class_names, dataset->classes, folders.names[i]);
        if (label < 0) {
            return error_input("'%s/%s': a class that train/ does not have", path, folders.names[i]);
        }
        const int before = dataset->n;
        rc = add_images(dataset, *part ? path_join(arena, part, folders.names[i]) : folders.names[i], label,
                        DEPTH);
        if (rc) {
            return rc;
        }
        if (first && dataset->n == before) {
            return error_input("'%s/%s': a class folder without images (jpg, png, ppm, pgm)", path,
                               folders.names[i]);
        }
    }
    return 0;
}

static int add_annotated(void *context, const char *file, int label, int line)
{
    struct dataset *dataset = context;
    (void)line;
    const char *name = path_join(&dataset->arena, "val/images", path_name(file));
    return source_add(dataset, (struct image){.name = name, .label = label});
}

static int add_annotations(struct dataset *dataset, const char *path)
{
    struct file file;
    const int rc = file_read(&file, path, ANNOTATIONS_MAX_BYTES, &dataset->arena);
    if (rc) {
        return rc;
    }
    char *text = arena_copy(&dataset->arena, file.data, file.size + 1);
    return annotations_parse(text, path, dataset->class_names, dataset->classes, add_annotated, dataset);
}

int open_folder_classes(struct dataset *dataset)
{
    struct arena *arena = &dataset->arena;
    const char *root = dataset->root;
    dataset->has_val =
        folder_exists(path_join(arena, root, "train")) && folder_exists(path_join(arena, root, "val"));
    if (!dataset->has_val) {
        return add_part(dataset, "", true);
    }
    int rc = add_part(dataset, "train", true);
    dataset->n_train = dataset->n;
    if (rc) {
        return rc;
    }
    const char *annotations = path_join(arena, root, "val/val_annotations.txt");
    return file_exists(annotations) ? add_annotations(dataset, annotations) : add_part(dataset, "val", false);
}
