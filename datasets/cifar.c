/*
 * cifar.c - CIFAR-10 in its binary version: records of a label byte and 32 x 32 pixels as three planes.
 *
 * A file is one part. A folder of *.bin has a val part where there are files named test*; the others, sorted,
 * are the training part.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "datasets/source.h"

enum {
    SIDE = 32,
    PLANE = SIDE * SIDE,
    RECORD = 1 + 3 * PLANE,
    CLASSES = 10,
    FILE_MAX_BYTES = 1 << 30,
    FILES_MAX = 64
};

int source_read_record(const struct dataset *dataset, const struct image *image, int native_size,
                       unsigned char **rgb, int *width, int *height)
{
    (void)dataset;
    (void)native_size;
    *rgb = malloc(3 * PLANE);
    if (!*rgb) {
        die("out of memory for an image of %d x %d", SIDE, SIDE);
    }
    for (int i = 0; i < PLANE; i++) {
        for (int c = 0; c < 3; c++) {
            (*rgb)[i * 3 + c] = image->bytes[1 + c * PLANE + i];
        }
    }
    *width = *height = SIDE;
    return 0;
}

int cifar_add_records(struct dataset *dataset, const char *file, const uint8_t *bytes, size_t size)
{
    if (size == 0 || size % RECORD) {
        return error_input("'%s': %zu bytes are not whole CIFAR-10 records of %d bytes", file, size, RECORD);
    }
    for (size_t i = 0; i < size / RECORD; i++) {
        const uint8_t *record = bytes + i * RECORD;
        if (record[0] >= CLASSES) {
            return error_input("'%s': record %zu has label %d, not 0..%d", file, i, record[0], CLASSES - 1);
        }
        const char *name = arena_printf(&dataset->arena, "%s:%zu", path_name(file), i);
        const int rc = source_add(
            dataset, (struct image){.name = name, .label = record[0], .bytes = record, .size = RECORD});
        if (rc) {
            return rc;
        }
    }
    return 0;
}

void cifar_name_classes(struct dataset *dataset)
{
    static const char *names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                         "dog",      "frog",       "horse", "ship", "truck"};
    dataset->class_names = names;
    dataset->classes = CLASSES;
    dataset->read = source_read_record;
}

static int add_file(struct dataset *dataset, const char *path)
{
    struct file file;
    const int rc = file_read(&file, path, FILE_MAX_BYTES, &dataset->arena);
    return rc ? rc : cifar_add_records(dataset, path, file.data, file.size);
}

static bool named_bin(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && !strcmp(name + length - 4, ".bin");
}

bool cifar_folder(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    for (const struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        found = named_bin(entry->d_name);
    }
    if (dir) {
        closedir(dir);
    }
    return found;
}

static int list_records(const char *names[FILES_MAX], int *n, struct dataset *dataset)
{
    *n = 0;
    DIR *dir = opendir(dataset->root);
    if (!dir) {
        return error("cannot open folder '%s': %s", dataset->root, strerror(errno));
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (!named_bin(entry->d_name)) {
            continue;
        }
        if (*n == FILES_MAX) {
            closedir(dir);
            return error_input("'%s': more than %d .bin files", dataset->root, FILES_MAX);
        }
        names[(*n)++] = arena_strdup(&dataset->arena, entry->d_name);
    }
    closedir(dir);
    sorted_make(names, *n);
    return 0;
}

int open_cifar(struct dataset *dataset)
{
    cifar_name_classes(dataset);
    if (!folder_exists(dataset->root)) {
        return add_file(dataset, dataset->root);
    }
    const char *names[FILES_MAX];
    int n, rc = list_records(names, &n, dataset);
    for (int val = 0; val <= 1; val++) {
        for (int i = 0; !rc && i < n; i++) {
            if ((strncmp(names[i], "test", 4) == 0) == val) {
                rc = add_file(dataset, path_join(&dataset->arena, dataset->root, names[i]));
            }
        }
        if (!val) {
            dataset->n_train = dataset->n;
        }
    }
    dataset->has_val = dataset->n_train > 0 && dataset->n > dataset->n_train;
    return rc;
}
