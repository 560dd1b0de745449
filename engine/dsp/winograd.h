/*
 * winograd.h - exact integer F(4 x 4, 3 x 3): what packing and kernel share. Private to engine/dsp/.
 *
 * Y = A^T [(G g G^T) .* (B^T d B)] A for a 6 x 6 patch d, kernel g and 4 x 4 outputs Y, with the points 0, 1,
 * -1, 2, -2 and infinity. G and A have fractions; their rows and columns are scaled to integers,
 *
 *     G' = 1 0 0    B^T = 4  0 -5  0 1 0    A'^T = 6 -4 -4 1  1  0
 *          1 1 1          0 -4 -4  1 1 0           0 -4  4 2 -2  0
 *          1 -1 1         0  4 -4 -1 1 0           0 -4 -4 4  4  0
 *          1 2 4          0 -2 -1  2 1 0           0 -4  4 8 -8 24
 *          1 -2 4         0  2 -1 -2 1 0
 *          0 0 1          0  4  0 -5 0 1
 *
 * so that a pass gives 24 times, both passes 24^2 = 576 times the output, modulo 2^32. 576 = 9 * 2^6: times
 * the inverse of 9 modulo 2^32, then an arithmetic shift by 6, is exact while |Y| < 2^25: 9 * in.c * 128 *
 * 128 < 2^25 for in.c <= 224. |G' g G'^T| <= 49 * 128 and |B^T d B| <= 100 * 128 fit int16.
 */
#ifndef MCU_DSP_WINOGRAD_H
#define MCU_DSP_WINOGRAD_H

#include <stdint.h>

enum { MCU_WINOGRAD_MAX_CHANNELS = 224, MCU_WINOGRAD_POSITIONS = 36 };
#define MCU_WINOGRAD_INVERSE_OF_9 0x38e38e39u

static inline int32_t mcu_winograd_tiles(int32_t size)
{
    return (size + 3) / 4;
}

/* Scratch of a block of tile_rows rows of 4 x 4 outputs, in words. */
static inline int32_t mcu_winograd_strip_bytes(int32_t tiles_w, int32_t tile_rows, int32_t in_c)
{
    return (4 * tile_rows + 2) * (4 * tiles_w + 2) * in_c;
}

#endif
