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

/* n_pairs pairs of pixels (1 at least), each of n_words words; step: bytes from pixel to pixel of the input.
 * Pairs follow each other in the panel. */
void mcu_unpack_pairs(const int8_t *in, int32_t n_words, uint32_t *panel, int32_t step, int32_t n_pairs);

/* The same pair, n times two words: what n_words words of one value would unpack to. */
uint32_t *mcu_unpack_value(int8_t value, int32_t n_words, uint32_t *panel);

/* n_pairs pairs of 3 x 3 x 3 windows, whole: a b c are the first one's rows, step bytes to the next window.
 * Two words and a byte of each row; the panel as conv2d_s8__dsp.c has it. */
void mcu_unpack_3x3x3(const int8_t *a, const int8_t *b, const int8_t *c, uint32_t *panel, int32_t step,
                      int32_t n_pairs);
MCU_DSP_INLINE void mcu_unpack_3x3x3_pixel(const int8_t *a, const int8_t *b, const int8_t *c, uint32_t *pixel)
{
    const int8_t *const rows[3] = {a, b, c};
    for (int32_t y = 0; y < 3; y++, pixel += 8) {
        const uint32_t low = mcu_load4(rows[y]), high = mcu_load4(rows[y] + 4);
        pixel[0] = mcu_sxtb16(low);
        pixel[2] = mcu_sxtb16_ror8(low);
        pixel[4] = mcu_sxtb16(high);
        pixel[6] = mcu_sxtb16_ror8(high);
    }
    pixel[0] = mcu_pack_low((uint32_t)a[8], (uint32_t)c[8]);
    pixel[2] = (uint32_t)b[8]; /* its upper half meets weights of 0 */
}

/* (depth / 4, 4) words of int8 x 4 to a weight panel (depth / 2, 4) of int16 x 2. */
void mcu_expand_weights(const uint32_t *packed, uint32_t *panel, const uint32_t *panel_end);

/* Adds to four sums: a pixel of a pair times the weights of 4 channels. */
void mcu_dot_4x1(const uint32_t *pixel, const uint32_t *weights, const uint32_t *weights_end, int32_t *sums);

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
