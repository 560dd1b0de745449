/*
 * stb.c - the one place where stb_image is compiled (Debian's libstb-dev); CMakeLists.txt turns its warnings
 * off. Only the formats that image datasets come in: less code meets hostile bytes.
 */
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_MAX_DIMENSIONS 65535
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
