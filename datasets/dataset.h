/*
 * dataset.h - labelled images behind one interface.
 *
 * What names a dataset:
 *   "synthetic" or another name in datasets/<name>.yml      a known set (fetched with `mcunet fetch`, or
 * rendered) a folder with labels.tsv (file, index, ...) beside images/ a folder with a folder per class
 * (sorted names are the label order); optional top level train/ and val/ a Tiny-ImageNet zip in its official
 * layout               label order: sorted WNIDs CIFAR-10 binary records (a file, or a folder of *.bin)
 *
 * A dataset is opened for a split. Sets that have train and val parts give those; SPLIT_CALIBRATION and
 * SPLIT_SEARCH are disjoint parts cut from the training part by seeded shuffle (when a set has only one part,
 * from that one part, and SPLIT_VAL is then the rest), so that nothing is tuned on what is later measured.
 * Labels are 0..classes-1. Order is the same on every machine. A corrupt image is error_input naming file and
 * reason, never a crash; files are size-limited.
 */
#ifndef DATASETS_DATASET_H
#define DATASETS_DATASET_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
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
    int limit; /* at most this many images; 0: all. For VAL/ALL the first `limit` of a seeded class-balanced
                  order when less than the set */
    uint64_t seed; /* of the CALIBRATION / SEARCH cut and of the synthetic set */
    int calibration,
        search;  /* sizes of those cuts; 0: 64 and 10 % (at most 10 000); search < 0: no search cut */
    int classes; /* expected; 0: any. Else a mismatch is error_input naming both numbers */
};

int dataset_open(struct dataset **out, const char *name, const struct dataset_options *options);
void dataset_close(struct dataset *dataset);
int dataset_count(const struct dataset *dataset);
int dataset_classes(const struct dataset *dataset);
const char *dataset_class_name(const struct dataset *dataset, int label);
int dataset_label(const struct dataset *dataset, int index);
/* File or member name of an image, for messages and reports. */
const char *dataset_image_name(const struct dataset *dataset, int index);

/* Decodes image `index`: *rgb (height, width, 3) is malloc'ed, the caller frees. Thread safe. native_size
 * hints the synthetic renderer. */
int dataset_decode(const struct dataset *dataset, int index, int native_size, unsigned char **rgb, int *width,
                   int *height);

/* Images first..first+n-1, preprocessed to (r, r, 3) floats, in parallel. */
int dataset_load(const struct dataset *dataset, int first, int n, const struct preprocess *preprocess, int r,
                 float *out, int threads);

#endif
