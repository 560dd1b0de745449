#include "cli/png.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/strbuf.h"

/* The one place where stb_image_write is compiled (Debian's libstb-dev); its code is not held to our
 * warnings. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

static void take(void *context, void *data, int size)
{
    strbuf_add(context, data, (size_t)size);
}

int png_write(const char *path, const unsigned char *rgb, int width, int height)
{
    struct strbuf bytes = STRBUF_INIT;
    if (!stbi_write_png_to_func(take, &bytes, width, height, 3, rgb, 3 * width))
        die("out of memory for a PNG of %d x %d", width, height);
    const int rc = file_write(path, bytes.text, bytes.length);
    strbuf_release(&bytes);
    return rc;
}
