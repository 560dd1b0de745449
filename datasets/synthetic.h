/*
 * synthetic.h - the camera-like set that needs no network: ten classes of objects on textured backgrounds,
 * rendered at any size.
 *
 * Image i of a split is a pure function of (seed, split, i, size): integer and fixed-point or carefully
 * ordered arithmetic, the same bytes on every machine. Rotation, scale, position, colour, lighting gradient,
 * blur, sensor noise and partial occlusion vary; hard enough that networks of different size differ in
 * accuracy.
 */
#ifndef DATASETS_SYNTHETIC_H
#define DATASETS_SYNTHETIC_H

#include <stdint.h>

enum { SYNTHETIC_CLASSES = 10, SYNTHETIC_TRAIN = 8000, SYNTHETIC_VAL = 2000 };

const char *synthetic_class_name(int label);
/* split: 0 train, 1 val. label = index % 10. rgb: (size, size, 3). size 16..512. */
void synthetic_render(uint64_t seed, int split, int index, int size, unsigned char *rgb);

#endif
