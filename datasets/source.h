/*
 * source.h - what a kind of dataset has to tell; private to datasets/.
 *
 * A source fills the list of images with the training part first, and says how the bytes of one come to be:
 *
 *     images:  [ train ........ | val ...... ]      order[0..count): the images of the opened split, indices
 * into it 0      n_train ^            n
 */
#ifndef DATASETS_SOURCE_H
#define DATASETS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { DATASET_MAX_CLASSES = 100000, DATASET_MAX_IMAGES = 20000000 };

struct image {
    const char *name; /* relative to the set */
    int32_t label;
    uint32_t place;       /* archive: of the member; synthetic: index within its part */
    const uint8_t *bytes; /* in memory: file or record; NULL: read root/name */
    size_t size;
};

struct dataset;

/* Makes images[i] into pixels. */
typedef int image_reader(const struct dataset *dataset, const struct image *image, int native_size,
                         unsigned char **rgb, int *width, int *height);

struct dataset {
    struct arena arena;
    const char *name, *root;
    struct image *images; /* malloc'ed, grows */
    int n, n_train, capacity;
    bool has_val; /* the set has parts; else all is training */
    const char **class_names;
    int classes;
    uint64_t seed;
    image_reader *read;
    /* NULL, or brings the bytes of the chosen images into memory */
    int (*load_chosen)(struct dataset *dataset);
    int *order;
    int count;
};

int source_add(struct dataset *dataset, struct image image);
/* From a file below root, or from memory. */
image_reader source_read_file, source_read_record, source_read_synthetic;

/* Each opens the set at dataset->root (a path; nothing for synthetic). */
int open_folder_labels(struct dataset *dataset);
int open_folder_classes(struct dataset *dataset);
int open_archive(struct dataset *dataset);
int open_cifar(struct dataset *dataset);
/* Whether a folder holds *.bin files. */
bool cifar_folder(const char *path);
int open_synthetic(struct dataset *dataset);

/* Adds the records of one CIFAR-10 binary file: a label byte, then 3 planes of 32 x 32. bytes outlive the
 * set. */
int cifar_add_records(struct dataset *dataset, const char *file, const uint8_t *bytes, size_t size);
void cifar_name_classes(struct dataset *dataset);

/* Lines "file<TAB>class<TAB>..." of Tiny-ImageNet's val_annotations.txt: called back with file and label.
 * text is NUL terminated and is cut up. Classes are in byte order. */
int annotations_parse(char *text, const char *path, const char *const *classes, int n_classes,
                      int (*add)(void *context, const char *file, int label, int line), void *context);

/* Index of name in sorted names, or -1. */
int sorted_find(const char *const *names, int n, const char *name);
void sorted_make(const char **names, int n);

#endif
