#include "datasets/image.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <stb/stb_image.h>

#include "base/error.h"
#include "datasets/jpeg.h"

bool image_named(const char *name)
{
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".ppm", ".pgm"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof suffixes / sizeof *suffixes; i++) {
        if (!strcasecmp(dot, suffixes[i])) {
            return true;
        }
    }
    return false;
}

int image_decode(const uint8_t *bytes, size_t size, const char *name, unsigned char **rgb, int *width,
                 int *height)
{
    int w, h, channels;
    *rgb = NULL;
    if (size == 0) {
        return error_input("'%s': empty file", name);
    }
    if (size > IMAGE_MAX_BYTES) {
        return error_input("'%s': larger than %d bytes", name, IMAGE_MAX_BYTES);
    }
    const bool is_jpeg = size > 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
    const char *problem = is_jpeg ? jpeg_problem(bytes, size) : NULL;
    if (problem) {
        return error_input("'%s': %s", name, problem);
    }
    if (!stbi_info_from_memory(bytes, (int)size, &w, &h, &channels)) {
        return error_input("'%s': not a readable image: %s", name, stbi_failure_reason());
    }
    if (w < 1 || h < 1 || (int64_t)w * h > IMAGE_MAX_PIXELS) {
        return error_input("'%s': %d x %d pixels, more than the limit of %d", name, w, h, IMAGE_MAX_PIXELS);
    }
    if (bytes[0] == 'P') {
        /* stb_image reads past its buffer when it converts 16-bit PNMs, and takes what a cut-off one lacks
         * from nowhere */
        if (stbi_is_16_bit_from_memory(bytes, (int)size)) {
            return error_input("'%s': a PNM of 16 bits a sample; only 8 are read", name);
        }
        if (size < (size_t)w * h * channels) {
            return error_input("'%s': truncated PNM (%zu bytes for %d x %d pixels)", name, size, w, h);
        }
    }
    unsigned char *pixels = stbi_load_from_memory(bytes, (int)size, &w, &h, &channels, 3);
    if (!pixels) {
        return error_input("'%s': corrupt image: %s", name, stbi_failure_reason());
    }
    *rgb = pixels;
    *width = w;
    *height = h;
    return 0;
}
