/*
 * image.h - bytes of a JPEG, PNG or PNM file to RGB pixels, and resizing as PIL does it.
 *
 * The bytes may be hostile: at most IMAGE_MAX_PIXELS, JPEGs must be whole (stb_image would fill a cut-off one
 * with grey).
 */
#ifndef DATASETS_IMAGE_H
#define DATASETS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_MAX_BYTES = 32 << 20, IMAGE_MAX_PIXELS = 64 << 20 };

/* *rgb (height, width, 3) is malloc'ed, the caller frees. error_input names `name` and the reason. Thread
 * safe. */
int image_decode(const uint8_t *bytes, size_t size, const char *name, unsigned char **rgb, int *width,
                 int *height);

/* By its suffix, upper or lower case. */
bool image_named(const char *name);

/*
 * The window (left, top) + (columns, rows) of the image resized to (out_height, out_width), without making
 * the rest.
 *
 * Bilinear with antialias, bit for bit Pillow's Image.resize(BILINEAR): a triangle filter whose support grows
 * with the reduction, 22-bit weights, columns first with 8-bit intermediates. (stb_image_resize has the same
 * filter, but differs by up to 7 levels at the borders.) in: (height, width, 3), out: (rows, columns, 3).
 */
void image_resize_window(const unsigned char *in, int width, int height, int out_width, int out_height,
                         int left, int top, int columns, int rows, unsigned char *out);

#endif
