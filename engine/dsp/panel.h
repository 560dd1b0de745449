/*
 * panel.h - a block of pixels times all output channels. Private to engine/dsp/.
 */
#ifndef MCU_DSP_PANEL_H
#define MCU_DSP_PANEL_H

#include "dsp.h"
#include "tile_4x2.h"

/* n_words words of int8 x 4 become int16 pairs at every second word of panel (one pixel of a pair); returns
 * the word after. */
uint32_t *mcu_unpack_pixel(const int8_t *in, int32_t n_words, uint32_t *panel);

/* Two pixels, whole pairs of a panel: n_words words of each. */
void mcu_unpack_pair(const int8_t *a, const int8_t *b, int32_t n_words, uint32_t *panel);

/* The same pair, n times two words: what n_words words of one value would unpack to. */
uint32_t *mcu_unpack_value(int8_t value, int32_t n_words, uint32_t *panel);

/* (depth / 4, 4) words of int8 x 4 to a weight panel (depth / 2, 4) of int16 x 2. */
void mcu_expand_weights(const uint32_t *packed, uint32_t *panel, const uint32_t *panel_end);

/* bytes [0, n) of out to [low, high] */
void mcu_clamp_bytes(int8_t *out, int32_t n, int32_t low, int32_t high);

struct mcu_panel {
    const uint32_t *pixels; /* as tile_4x2.h says; the unused half of an odd last pair holds anything */
    int32_t n_pixels;
    int32_t depth;
    const void *weights;
    int wide;           /* weights are panels already */
    uint32_t *expanded; /* depth * 8 bytes, when not wide */
    const int32_t *requant;
    int32_t zero_point;
    int32_t out_c;
};

/* out: n_pixels * out_c bytes */
void mcu_panel_multiply(const struct mcu_panel *panel, int8_t *out);

#endif
