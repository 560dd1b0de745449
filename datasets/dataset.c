#include "datasets/dataset.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "datasets/image.h"
#include "datasets/known.h"
#include "datasets/preprocess.h"
#include "datasets/source.h"

enum { CALIBRATION_DEFAULT = 64, SEARCH_PERCENT = 10, SEARCH_MOST = 10000 };
/* Streams of the seed, so that the cut and the order of a limited split do not depend on each other. */
enum { STREAM_CUT = 1, STREAM_ORDER = 2 };

/* ---- what sources share ---- */

int source_add(struct dataset *dataset, struct image image)
{
    if (dataset->n == DATASET_MAX_IMAGES) {
        return error_input("'%s': more than %d images", dataset->name, DATASET_MAX_IMAGES);
    }
    if (dataset->n == dataset->capacity) {
        dataset->capacity = dataset->capacity ? dataset->capacity * 2 : 1024;
        dataset->images = realloc(dataset->images, (size_t)dataset->capacity * sizeof *dataset->images);
        if (!dataset->images) {
            die("out of memory for a list of %d images", dataset->capacity);
        }
    }
    dataset->images[dataset->n++] = image;
    return 0;
}

int source_read_file(const struct dataset *dataset, const struct image *image, int native_size,
                     unsigned char **rgb, int *width, int *height)
{
    (void)native_size;
    if (image->bytes) {
        return image_decode(image->bytes, image->size, image->name, rgb, width, height);
    }
    struct arena arena = ARENA_INIT;
    struct file file;
    const char *path = path_join(&arena, dataset->root, image->name);
    int rc = file_read(&file, path, IMAGE_MAX_BYTES, &arena);
    if (!rc) {
        rc = image_decode(file.data, file.size, path, rgb, width, height);
    }
    arena_release(&arena);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int sorted_find(const char *const *names, int n, const char *name)
{
    const char *const *found = bsearch(&name, names, (size_t)n, sizeof *names, by_name);
    return found ? (int)(found - names) : -1;
}

void sorted_make(const char **names, int n)
{
    qsort(names, (size_t)n, sizeof *names, by_name);
}

int annotations_parse(char *text, const char *path, const char *const *classes, int n_classes,
                      int (*add)(void *context, const char *file, int label, int line), void *context)
{
    int line = 0;
    for (char *at = text; *at;) {
        char *end = at + strcspn(at, "\n");
        char *next = *end ? end + 1 : end;
        *end = '\0';
        line++;
        char *tab = strchr(at, '\t');
        if (!tab) {
            if (at[strspn(at, " \r")] == '\0') {
                at = next;
                continue;
            }
            return error_input("%s:%d: expected a file, a tab and a class", path, line);
        }
        *tab = '\0';
        char *class_name = tab + 1;
        class_name[strcspn(class_name, "\t\r")] = '\0';
        const int label = sorted_find(classes, n_classes, class_name);
        if (label < 0) {
            return error_input("%s:%d: unknown class '%s'", path, line, class_name);
        }
        const int rc = add(context, at, label, line);
        if (rc) {
            return rc;
        }
        at = next;
    }
    return 0;
}

/* ---- opening ---- */

static bool ends_in(const char *text, const char *suffix)
{
    const size_t n = strlen(text), m = strlen(suffix);
    return n >= m && !strcmp(text + n - m, suffix);
}

static int open_path(struct dataset *dataset)
{
    const char *path = dataset->root;
    if (file_exists(path) && !folder_exists(path)) {
        return ends_in(path, ".bin") ? open_cifar(dataset) : open_archive(dataset);
    }
    if (file_exists(path_join(&dataset->arena, path, "labels.tsv"))) {
        return open_folder_labels(dataset);
    }
    if (cifar_folder(path)) {
        return open_cifar(dataset);
    }
    return open_folder_classes(dataset);
}

/* A known name, unless it is written as a path ("./cifar10"). */
static int open_source(struct dataset *dataset)
{
    const char *name = dataset->name;
    if (!strchr(name, '/')) {
        const struct known_dataset *known;
        int rc = dataset_known_find(&known, name, &dataset->arena);
        if (rc) {
            return rc;
        }
        if (known) {
            if (known->kind == KNOWN_RENDERED) {
                return open_synthetic(dataset);
            }
            rc = dataset_known_path(&dataset->root, known, &dataset->arena);
            return rc ? rc : open_path(dataset);
        }
    }
    if (!file_exists(name) && !folder_exists(name)) {
        return dataset_known_missing(name);
    }
    dataset->root = name;
    return open_path(dataset);
}

/* ---- splits ---- */

static int *all_indices(struct arena *arena, int first, int n)
{
    int *indices = ARENA_ARRAY(arena, int, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        indices[i] = first + i;
    }
    return indices;
}

static int by_index(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/*
 * The first `limit` of an order that takes the classes in turn, each class's images shuffled: a small limit
 * still shows every class, and the images of a smaller limit are among those of a larger one.
 */
static void limit_balanced(struct dataset *dataset, int limit)
{
    struct arena arena = ARENA_INIT;
    const int n = dataset->count, classes = dataset->classes;
    struct rng rng = rng_stream(dataset->seed, STREAM_ORDER);
    rng_shuffle(&rng, dataset->order, n);
    /* first[c]..first[c + 1]: the images of class c in by_class */
    int *first = ARENA_ARRAY(&arena, int, (size_t)classes + 1),
        *taken = ARENA_ARRAY(&arena, int, (size_t)classes);
    int *by_class = ARENA_ARRAY(&arena, int, (size_t)n);
    for (int i = 0; i < n; i++) {
        first[dataset->images[dataset->order[i]].label + 1]++;
    }
    for (int c = 0; c < classes; c++) {
        first[c + 1] += first[c];
    }
    for (int i = 0; i < n; i++) {
        const int label = dataset->images[dataset->order[i]].label;
        by_class[first[label] + taken[label]++] = dataset->order[i];
    }
    int count = 0;
    for (int turn = 0; count < limit; turn++) {
        for (int c = 0; c < classes && count < limit; c++) {
            if (first[c] + turn < first[c + 1]) {
                dataset->order[count++] = by_class[first[c] + turn];
            }
        }
    }
    dataset->count = count;
    arena_release(&arena);
}

static int choose_split(struct dataset *dataset, const struct dataset_options *options)
{
    const int n_train = dataset->n_train, n = dataset->n;
    const int calibration = options->calibration ? options->calibration : CALIBRATION_DEFAULT;
    const int tenth = (int)((int64_t)n_train * SEARCH_PERCENT / 100);
    const int search = options->search < 0   ? 0
                       : options->search     ? options->search
                       : tenth < SEARCH_MOST ? tenth
                                             : SEARCH_MOST;
    const bool val_known = dataset->has_val && n > n_train;
    enum split split = options->split;
    if (split == SPLIT_VAL_OR_ALL) {
        split = val_known ? SPLIT_VAL : SPLIT_ALL;
    }
    const bool cuts =
        split == SPLIT_CALIBRATION || split == SPLIT_SEARCH || (!dataset->has_val && split != SPLIT_ALL);
    if (!cuts) {
        const int first = split == SPLIT_VAL ? n_train : 0, end = split == SPLIT_TRAIN ? n_train : n;
        dataset->order = all_indices(&dataset->arena, first, end - first);
        dataset->count = end - first;
    } else {
        if (split == SPLIT_CALIBRATION && calibration > n_train) {
            return error_input("calibration needs %d images, '%s' has %d", calibration, dataset->name,
                               n_train);
        }
        if ((int64_t)calibration + search > n_train) {
            return error_input("calibration and search need %d + %d images, '%s' has %d", calibration, search,
                               dataset->name, n_train);
        }
        int *order = all_indices(&dataset->arena, 0, n_train);
        struct rng rng = rng_stream(options->seed, STREAM_CUT);
        rng_shuffle(&rng, order, n_train);
        int first = 0, end = calibration;
        if (split == SPLIT_SEARCH) {
            first = calibration;
            end = calibration + search;
        } else if (split == SPLIT_TRAIN) {
            end = calibration + search;
        } else if (split == SPLIT_VAL) {
            first = calibration + search;
            end = n_train;
        }
        dataset->order = order + first;
        dataset->count = end - first;
        if (split == SPLIT_TRAIN || split == SPLIT_VAL) {
            qsort(dataset->order, (size_t)dataset->count, sizeof *dataset->order, by_index);
        }
    }
    if (dataset->count == 0) {
        static const char *const names[] = {"", "training ", "validation ", "calibration ", "search "};
        return error_input("'%s' has no %simages (%d in all)", dataset->name, names[split], n);
    }
    if (options->limit > 0 && options->limit < dataset->count) {
        if (split == SPLIT_CALIBRATION || split == SPLIT_SEARCH) {
            dataset->count = options->limit; /* the cuts are shuffled already */
        } else {
            limit_balanced(dataset, options->limit);
        }
    }
    return 0;
}

static int open_split(struct dataset *dataset, const struct dataset_options *options)
{
    int rc = open_source(dataset);
    if (rc) {
        return rc;
    }
    if (!dataset->has_val) {
        dataset->n_train = dataset->n;
    }
    if (options->classes && options->classes != dataset->classes) {
        return error_input("dataset '%s' has %d classes, expected %d", dataset->name, dataset->classes,
                           options->classes);
    }
    rc = choose_split(dataset, options);
    return rc || !dataset->load_chosen ? rc : dataset->load_chosen(dataset);
}

int dataset_open(struct dataset **out, const char *name, const struct dataset_options *options)
{
    struct dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset) {
        die("out of memory");
    }
    *out = NULL;
    dataset->name = arena_strdup(&dataset->arena, name);
    dataset->seed = options->seed;
    dataset->read = source_read_file;
    const int rc = open_split(dataset, options);
    if (rc) {
        dataset_close(dataset);
        return rc;
    }
    *out = dataset;
    return 0;
}

void dataset_close(struct dataset *dataset)
{
    if (dataset) {
        free(dataset->images);
        arena_release(&dataset->arena);
        free(dataset);
    }
}

/* ---- access ---- */

int dataset_count(const struct dataset *dataset)
{
    return dataset->count;
}

int dataset_classes(const struct dataset *dataset)
{
    return dataset->classes;
}

static const struct image *image_at(const struct dataset *dataset, int index)
{
    if (index < 0 || index >= dataset->count) {
        die("image %d of %d", index, dataset->count);
    }
    return &dataset->images[dataset->order[index]];
}

const char *dataset_class_name(const struct dataset *dataset, int label)
{
    if (label < 0 || label >= dataset->classes) {
        die("class %d of %d", label, dataset->classes);
    }
    return dataset->class_names[label];
}

int dataset_label(const struct dataset *dataset, int index)
{
    return image_at(dataset, index)->label;
}

const char *dataset_image_name(const struct dataset *dataset, int index)
{
    return image_at(dataset, index)->name;
}

int dataset_decode(const struct dataset *dataset, int index, int native_size, unsigned char **rgb, int *width,
                   int *height)
{
    *rgb = NULL;
    return dataset->read(dataset, image_at(dataset, index), native_size, rgb, width, height);
}

static int load_one(const struct dataset *dataset, int index, const struct preprocess *preprocess, int r,
                    float *out)
{
    unsigned char *rgb;
    int width, height;
    const int native = preprocess->resize == RESIZE_SHORT_CROP ? (int)(r / preprocess->crop_ratio) : r;
    int rc = dataset_decode(dataset, index, native, &rgb, &width, &height);
    if (!rc) {
        rc = preprocess_image(preprocess, rgb, width, height, r, out);
    }
    free(rgb);
    return rc;
}

int dataset_load(const struct dataset *dataset, int first, int n, const struct preprocess *preprocess, int r,
                 float *out, int threads)
{
    const size_t floats = (size_t)r * (size_t)r * 3;
    struct error_first failed = ERROR_FIRST_INIT;
    /* Every image has its place in out, so the result does not depend on who does which. */
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads > 0 ? threads : omp_get_max_threads())
    for (int i = 0; i < n; i++) {
        if (error_first_enter(&failed, i))
            error_first_leave(&failed, i,
                              load_one(dataset, first + i, preprocess, r, out + (size_t)i * floats));
    }
    return error_first_end(&failed);
}
