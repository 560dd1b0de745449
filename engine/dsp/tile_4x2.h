/*
 * tile_4x2.h - the inner kernel of every convolution: 4 output channels x 2 pixels. Private to engine/dsp/.
 *
 * Both operands are "panels" of int16 pairs. Four int8 values v0..v3 become the two words (v0, v2), (v1, v3):
 * what SXTB16 gives; the order does not matter to a dot product as long as both operands have it. A depth is
 * the length of the dot product, padded with zeros to a multiple of 4; it has depth / 2 words, or pairs.
 *
 *   pixel panel:   per two pixels   pairs x { pixel 0, pixel 1 }            depth * 4 bytes
 *                  an odd last one  pairs x { pixel }                       depth * 2 bytes
 *   weight panel:  per 4 channels   pairs x { c0, c1, c2, c3 }              depth * 8 bytes
 *
 * A step is 6 loads and 8 SMLAD for 16 multiply-accumulates. On Cortex-M7 loads and SMLAD alternate (dual
 * issue); elsewhere loads come in groups (a lone load costs 2 cycles, each that follows 1). See
 * tests/bench/kernels for what that gives.
 */
#ifndef MCU_DSP_TILE_4X2_H
#define MCU_DSP_TILE_4X2_H

#include <stdint.h>

#include "intrinsics.h"

/* The double-precision FPU is what tells a Cortex-M7 from a Cortex-M4 at compile time; boards without one say
 * so. */
#if !defined(MCU_CORTEX_M7) && defined(__ARM_FP) && (__ARM_FP & 8)
#define MCU_CORTEX_M7 1
#endif

/* Steps per turn of the inner loop: as much as the small instruction cache of an M4's flash bears. The first
 * step of all stands before the loop; the first turn starts in the middle when what remains is no multiple.
 * The pointers move every MCU_TILE_MOVE steps.
 */
#define MCU_TILE_STEPS 16
#ifdef MCU_CORTEX_M7
#define MCU_TILE_MOVE 16
#else
#define MCU_TILE_MOVE 8
#endif

/* Read by the assembly: order and sizes matter. */
struct mcu_tile {
    const uint32_t *pixels;
    const uint32_t *weights;
    uint32_t skip_bytes; /* mcu_tile_skip_bytes */
    uint32_t entry;      /* mcu_tile_entry */
    const uint32_t *weights_end;
    int32_t zero_point_mode; /* 4 * zero point + (2: MCU_REQUANT_ROUND, 3: MCU_REQUANT_SHIFT, 0: neither) */
    int8_t *out;
    int32_t out_step; /* bytes from pixel to pixel */
    const uint32_t *pixels_end;
    const int32_t *requant; /* 12 words: dsp.h */
};

/* All whole pixel pairs of [pixels, pixels_end). Requantisation of any mode but MCU_REQUANT_EXACT. */
void mcu_tile_4x2(const struct mcu_tile *tile);

/*
 * The same sums as int32, without bias, for several positions one after the other: position i multiplies the
 * i-th pixel panel by the i-th weight panel. Eight int32 per pair of pixels: 4 channels of one, 4 of the
 * other. Read by the assembly.
 */
struct mcu_tile_raw {
    const uint32_t *pixels;
    const uint32_t *weights;
    uint32_t skip_bytes; /* as in struct mcu_tile */
    uint32_t entry;
    const uint32_t *weights_end; /* of the first position */
    int32_t positions;
    int32_t *out;
    int32_t pixels_bytes;       /* of one position */
    const uint32_t *pixels_end; /* of the first position */
    int32_t weights_bytes;      /* of one position */
};

void mcu_tile_4x2_raw(const struct mcu_tile_raw *tile);

/* One pixel of a pair, n <= 4 channels, any requantisation mode; plain C. pixel: its first word, at every
 * second word. */
void mcu_tile_4x1(const struct mcu_tile *tile, const uint32_t *pixel, int8_t *out, int32_t n);

/* Steps that the first turn leaves out, so that turns end evenly. */
static inline uint32_t mcu_tile_entry(int32_t depth)
{
    const uint32_t ragged = (uint32_t)(depth / 2 - 1) % MCU_TILE_STEPS;
    return ragged ? MCU_TILE_STEPS - ragged : 0;
}

/* What the pixel pointer goes back by for them, after the first step; modulo 2^32. */
static inline uint32_t mcu_tile_skip_bytes(int32_t depth)
{
    return 8 * (mcu_tile_entry(depth) % MCU_TILE_MOVE) - 8;
}

#endif
