/*
 * tile_groups.h - the 4 x 2 tile over all pixel pairs of a panel and a few groups of 4 channels, pair by
 * pair. Private to engine/dsp/.
 *
 * mcu_tile_4x2 reads the panel again for each group. Where a cache stands before the RAM and is smaller than
 * the panel, that is a miss per 32 bytes and group; here a pair of pixels meets all the groups before the
 * next, and only the weights of so many groups have to stay in the cache. What surrounds the inner loop is
 * scheduled for the dual issue of a Cortex-M7. The panels are those of tile_4x2.h.
 */
#ifndef MCU_DSP_TILE_GROUPS_H
#define MCU_DSP_TILE_GROUPS_H

#include "tile_4x2.h"

/* Who takes it: the other cores have no cache before the RAM. Hosts do too, so that tests reach it. */
#if defined(MCU_CORTEX_M7) || !defined(MCU_DSP_ASM)
#define MCU_TILE_IN_GROUPS 1
#endif

/* Weights that stay in the smallest data cache of a Cortex-M7 (4 KiB) beside a pair of pixels and its
 * outputs. */
enum { MCU_TILE_GROUPS_BYTES = 2048 };

/* Steps per turn of the inner loop. The first turn starts in the middle when a depth is no multiple. */
#define MCU_TILE_GROUPS_STEPS 32

/* Read by the assembly: order and sizes matter. */
struct mcu_tile_groups {
    const int32_t *first;    /* group: requantisation, 12 words each (dsp.h) */
    const uint32_t *weights; /* of the first group; the others follow */
    const uint32_t *pixels;
    uintptr_t last_turn; /* of the first pair: where its last turn counts from */
    uint32_t pair_bytes; /* of pixels */
    int32_t out_next;    /* from behind the last group of a pair to the first of the next */
    const uint32_t *pixels_end;
    uint32_t skip_bytes;    /* 8 * entry */
    const int32_t *requant; /* as first */
    int8_t *out;            /* first pixel, first channel */
    int32_t out_step;       /* bytes from pixel to pixel */
    const int32_t *last;    /* group */
    uint32_t entry;         /* steps that the first turn leaves out */
    int32_t zero_point;
    uint32_t direct; /* of a group's first b: any of these bits says MCU_REQUANT_FAST */
};

/* All pairs (one at least) of all groups. Requantisation of any mode but MCU_REQUANT_EXACT. */
void mcu_tile_groups(const struct mcu_tile_groups *tile);

#endif
