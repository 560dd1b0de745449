/*
 * synthetic_set.c - the rendered set as a dataset.
 */
#include <stdlib.h>

#include "base/error.h"
#include "datasets/source.h"
#include "datasets/synthetic.h"

/* Rendered at the size that the shipped supernet was trained on, or larger when more is asked for: a smaller
 * input is resized from it, as a camera's picture is, noise and all. */
enum { CAMERA_SIZE = 96, LARGEST = 512 };

int source_read_synthetic(const struct dataset *dataset, const struct image *image, int native_size,
                          unsigned char **rgb, int *width, int *height)
{
    const int size = native_size < CAMERA_SIZE ? CAMERA_SIZE : native_size > LARGEST ? LARGEST : native_size;
    *rgb = malloc((size_t)size * size * 3);
    if (!*rgb) {
        die("out of memory for an image of %d x %d", size, size);
    }
    synthetic_render(dataset->seed, image >= dataset->images + dataset->n_train, (int)image->place, size,
                     *rgb);
    *width = *height = size;
    return 0;
}

int open_synthetic(struct dataset *dataset)
{
    dataset->read = source_read_synthetic;
    dataset->has_val = true;
    dataset->n_train = SYNTHETIC_TRAIN;
    dataset->classes = SYNTHETIC_CLASSES;
    dataset->class_names = ARENA_ARRAY(&dataset->arena, const char *, SYNTHETIC_CLASSES);
    for (int c = 0; c < SYNTHETIC_CLASSES; c++) {
        dataset->class_names[c] = synthetic_class_name(c);
    }
    for (int i = 0; i < SYNTHETIC_TRAIN + SYNTHETIC_VAL; i++) {
        const int val = i >= SYNTHETIC_TRAIN, index = val ? i - SYNTHETIC_TRAIN : i,
                  label = index % SYNTHETIC_CLASSES;
        const char *name = arena_printf(&dataset->arena, "%s/%s/%06d", val ? "val" : "train",
                                        synthetic_class_name(label), index);
        const int rc =
            source_add(dataset, (struct image){.name = name, .label = label, .place = (uint32_t)index});
        if (rc) {
            return rc;
        }
    }
    return 0;
}
