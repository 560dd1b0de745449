/*
 * preprocess.h - from a decoded RGB image to the network's input. Travels with a model as JSON in
 * metadata_props["mcunet.preprocess"] (schema in nas/supernet.h); nets without it get MCUNet's: short_crop,
 * 0.875, mean = std = 0.5.
 */
#ifndef DATASETS_PREPROCESS_H
#define DATASETS_PREPROCESS_H

struct arena;

enum resize { RESIZE_SQUASH, RESIZE_SHORT_CROP };

struct preprocess {
    enum resize resize;
    double crop_ratio;     /* short side = int(r / crop_ratio); 1 when squashed */
    float mean[3], std[3]; /* x = (pixel / 255 - mean) / std */
};

/* clang-format off */
#define PREPROCESS_MCUNET \
    {.resize = RESIZE_SHORT_CROP, .crop_ratio = 0.875, .mean = {0.5f, 0.5f, 0.5f}, .std = {0.5f, 0.5f, 0.5f}}
/* clang-format on */

/* A preset, a JSON object, or a path (with a '.' or '/') to one; error_input otherwise.
 *   mcunet     short_crop 0.875, mean = std = 0.5          vww, squash   squash, mean = std = 0.5
 *   imagenet   short_crop 0.875, ImageNet mean and std
 * JSON: resize is required; crop_ratio (0.1..1), mean and std default to MCUNet's. Unknown keys are errors.
 */
int preprocess_parse(struct preprocess *out, const char *text);
/* Canonical JSON, in the arena; parses to the same. */
const char *preprocess_text(const struct preprocess *preprocess, struct arena *arena);

/* rgb: (height, width, 3). out: (r, r, 3), r 1..4096. Resized as Pillow does (image.h), cropped from
 * torchvision's corner. error_input for a bad r or an image too narrow to crop. */
int preprocess_image(const struct preprocess *preprocess, const unsigned char *rgb, int width, int height,
                     int r, float *out);

#endif
