/* Any bytes: image_decode() refuses them or makes pixels that preprocessing takes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "datasets/image.h"
#include "datasets/preprocess.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { R = 12 };
    unsigned char *rgb;
    int width, height;
    if (image_decode(data, size, "fuzz.jpg", &rgb, &width, &height) == 0) {
        const struct preprocess preprocess = PREPROCESS_MCUNET;
        float out[R * R * 3];
        (void)preprocess_image(&preprocess, rgb, width, height, R, out);
        free(rgb);
    }
    return 0;
}
