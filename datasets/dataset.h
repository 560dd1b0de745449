/*
 * dataset.h - labelled images behind one interface.
 *
 * What names a dataset:
 *   "synthetic" or another name in datasets/<name>.yml    a known set: rendered, or fetched before (known.h,
 * fetch.h) a folder with labels.tsv (file, class_index, ...) beside images/ a folder with a folder per class
 * (sorted names are the label order), alone or below train/ and val/ a zip or tar.gz: Tiny-ImageNet in its
 * official layout (label order: sorted WNIDs), folders per class, CIFAR-10 records CIFAR-10 binary records: a
 * .bin file, or a folder of them (test*.bin is the val part) A known name wins over a folder of that name;
 * "./cifar10" is the folder.
 *
 * A dataset is opened for a split. Sets that have train and val parts give those. SPLIT_CALIBRATION and
 * SPLIT_SEARCH are disjoint parts cut from the training part by a seeded shuffle, so that nothing is tuned on
 * what is later measured. When a set has only one part, they are cut from that, SPLIT_TRAIN is the two
 * together and SPLIT_VAL the rest:
 *
 *     one part:   [ calibration | search | val ............ ]  of the shuffled images
 *
 * Labels are 0..classes-1. Names, labels, order and pixels are the same on every machine and for any number
 * of threads. Images: JPEG, PNG, PNM of 8 bits, at most 32 MiB and 64 Mi pixels each (image.h). A corrupt
 * image is error_input naming file and reason, never a crash. Packed sets stay packed: the chosen images'
 * bytes are held in memory (Tiny-ImageNet: about 1.8 kB each), at most 4 GiB.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H

#include <stdbool.h>
#include <stdint.h>

struct dataset;
struct preprocess;

enum split {
    SPLIT_ALL,
    SPLIT_TRAIN,
    SPLIT_VAL,
    SPLIT_CALIBRATION,
    SPLIT_SEARCH,
    SPLIT_VAL_OR_ALL, /* the set's own val part when it has one, else everything (calibration and search are
                         not cut out) */
};

struct dataset_options {
    enum split split;
    int limit; /* at most this many images; 0: all. TRAIN, VAL, ALL: the first of a seeded order that takes
                * the classes in turn; CALIBRATION, SEARCH: the first of the cut. A smaller limit is a prefix
                * of a larger one. */
    uint64_t seed; /* of the cuts, of the limit's order and of the synthetic set */
    int calibration,
        search;  /* sizes of the cuts; 0: 64, and 10 % (at most 10 000); search < 0: no search cut */
    int classes; /* expected; 0: any. Else a mismatch is error_input naming both numbers */
};

/* error_input: no such set (names the nearest, or where to get it), a bad set, too few images for the cuts,
 * no image in the split. *out is NULL on failure; dataset_close() takes NULL. */
int dataset_open(struct dataset **out, const char *name, const struct dataset_options *options);
void dataset_close(struct dataset *dataset);
int dataset_count(const struct dataset *dataset);
int dataset_classes(const struct dataset *dataset);
/* label 0..classes-1, index 0..count-1, else it dies. The strings live as long as the dataset. */
const char *dataset_class_name(const struct dataset *dataset, int label);
int dataset_label(const struct dataset *dataset, int index);
/* File or member of an image, relative to the set, for messages and reports. */
const char *dataset_image_name(const struct dataset *dataset, int index);

/* Decodes image `index`: *rgb (height, width, 3) is malloc'ed, the caller frees. Thread safe. The synthetic
 * set is rendered at native_size, within 96..512; others have the size they have. */
int dataset_decode(const struct dataset *dataset, int index, int native_size, unsigned char **rgb, int *width,
                   int *height);

/* Images first..first+n-1 (within 0..count-1), preprocessed to out (n, r, r, 3), in parallel. threads 0: as
 * many as OpenMP gives. */
int dataset_load(const struct dataset *dataset, int first, int n, const struct preprocess *preprocess, int r,
                 float *out, int threads);

#endif
