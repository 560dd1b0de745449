/*
 * png.h - writes an RGB image.
 */
#ifndef CLI_PNG_H
#define CLI_PNG_H

/* rgb: (height, width, 3) bytes. Atomic; the same bytes for the same image. */
int png_write(const char *path, const unsigned char *rgb, int width, int height);

#endif
