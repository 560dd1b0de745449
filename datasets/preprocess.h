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
    double crop_ratio;     /* short side = int(r / crop_ratio) */
    float mean[3], std[3]; /* x = (pixel / 255 - mean) / std */
};

#define PREPROCESS_MCUNET                                                                                    \
    {                                                                                                        \
        .resize = RESIZE_SHORT_CROP, .crop_ratio = 0.875, .mean = {0.5f, 0.5f, 0.5f}, .std = {               \
            0.5f,                                                                                            \
            0.5f,                                                                                            \
            0.5f                                                                                             \
        }                                                                                                    \
    }

/* "mcunet", "vww", "imagenet", "squash", a JSON object, or a path to one. error_input otherwise. */
int preprocess_parse(struct preprocess *out, const char *text);
/* Canonical JSON. */
const char *preprocess_text(const struct preprocess *preprocess, struct arena *arena);

/* rgb: (height, width, 3) bytes. out: (r, r, channels 3) floats, NHWC. Bilinear with antialias (triangle
 * filter), as PIL. */
int preprocess_image(const struct preprocess *preprocess, const unsigned char *rgb, int width, int height,
                     int r, float *out);

#endif
