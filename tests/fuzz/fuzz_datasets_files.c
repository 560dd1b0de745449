/* Any bytes as labels.tsv, as a CIFAR file and as an archive: dataset_open() refuses them or gives a set that
 * holds together. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "datasets/dataset.h"
#include "fuzz.h"

static char folder[] = "/tmp/mcunet-fuzz-XXXXXX", labels[64], records[64], archive[64];

static void remove_folder(void)
{
    char images[64];
    snprintf(images, sizeof images, "%s/images", folder);
    remove(labels);
    remove(records);
    remove(archive);
    rmdir(images);
    rmdir(folder);
}

static void make_folder(void)
{
    char images[64];
    if (!mkdtemp(folder)) {
        die("cannot make '%s'", folder);
    }
    snprintf(images, sizeof images, "%s/images", folder);
    snprintf(labels, sizeof labels, "%s/labels.tsv", folder);
    snprintf(records, sizeof records, "%s/records.bin", folder);
    snprintf(archive, sizeof archive, "%s/archive", folder);
    if (folder_create(images)) {
        die("cannot make '%s'", images);
    }
    atexit(remove_folder);
}

static void open_and_walk(const char *name)
{
    struct dataset *dataset;
    const struct dataset_options options = {.split = SPLIT_ALL, .limit = 50};
    if (dataset_open(&dataset, name, &options)) {
        return;
    }
    for (int i = 0; i < dataset_count(dataset); i++) {
        unsigned char *rgb;
        int width, height;
        const int label = dataset_label(dataset, i);
        if (label < 0 || label >= dataset_classes(dataset) || !*dataset_class_name(dataset, label)) {
            die("image %d has label %d", i, label);
        }
        if (dataset_decode(dataset, i, 0, &rgb, &width, &height) == 0) {
            free(rgb);
        }
    }
    dataset_close(dataset);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) {
        die("cannot write '%s'", path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*labels) {
        make_folder();
    }
    write_file(labels, data, size);
    open_and_walk(folder);
    write_file(records, data, size);
    open_and_walk(records);
    write_file(archive, data, size);
    open_and_walk(archive);
    return 0;
}
