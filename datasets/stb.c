/*
 * stb.c - the one place where stb_image is compiled (Debian's libstb-dev); CMakeLists.txt turns its warnings
 * off. Only the formats that image datasets come in: less code meets hostile bytes.
 */
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS 65535
/* Zeroed, so that the pixels of a damaged file which decodes all the same do not depend on what lay in
 * memory. */
#define STBI_MALLOC(bytes)          calloc(1, bytes)
#define STBI_REALLOC(memory, bytes) realloc(memory, bytes)
#define STBI_FREE(memory)           free(memory)
#define STB_IMAGE_IMPLEMENTATION
#include <stdlib.h>
#include <stb/stb_image.h>
