/*
 * jpeg.h - is a JPEG file in order, down to its segments (ITU-T T.81, annex B)?
 *
 * stb_image decodes what it can: depending on its version a file whose end is missing, or one with a segment
 * that it cannot read, becomes a picture that is grey from there on. Private to datasets/.
 */
#ifndef DATASETS_JPEG_H
#define DATASETS_JPEG_H

#include <stddef.h>
#include <stdint.h>

/* What is wrong with the file, or NULL. Entropy-coded data are not looked at; decoding them finds their
 * mistakes. */
const char *jpeg_problem(const uint8_t *bytes, size_t size);

#endif
