/*
 * panel.c - unpacking to int16 panels, and the loop over output channels.
 */
#include "panel.h"

#include "requant_dsp.h"
#include "tile_groups.h"

MCU_DSP_INLINE void unpack_word(uint32_t word, uint32_t *panel)
{
    panel[0] = mcu_sxtb16(word);
    panel[2] = mcu_sxtb16_ror8(word);
}

uint32_t *mcu_unpack_pixel(const int8_t *in, int32_t n_words, uint32_t *panel)
{
    for (; n_words >= 4; n_words -= 4, in += 16, panel += 16) {
        const uint32_t a = mcu_load4(in), b = mcu_load4(in + 4), c = mcu_load4(in + 8),
                       d = mcu_load4(in + 12);
        unpack_word(a, panel);
        unpack_word(b, panel + 4);
        unpack_word(c, panel + 8);
        unpack_word(d, panel + 12);
    }
    for (; n_words > 0; n_words--, in += 4, panel += 4)
        unpack_word(mcu_load4(in), panel);
    return panel;
}

uint32_t *mcu_unpack_value(int8_t value, int32_t n_words, uint32_t *panel)
{
    const uint32_t pair = mcu_sxtb16((uint8_t)value * 0x10001u);
    for (; n_words > 0; n_words--, panel += 4)
        panel[0] = panel[2] = pair;
    return panel;
}

#ifdef MCU_DSP_ASM

#ifdef MCU_CORTEX_M7
#define CORE " .set dual_issue, 1\n"
#else
#define CORE " .set dual_issue, 0\n"
#endif

/* On Cortex-M4, loads and stores of several registers: half the instructions, no more cycles. A Cortex-M7
 * takes a load or a store beside each SXTB16. */
/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    CORE
    " .section .text.mcu_expand_weights, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_expand_weights\n"
    " .thumb_func\n"
    " .type mcu_expand_weights, %function\n"
    "mcu_expand_weights:\n"
    " push {r4-r11, lr}\n"
    " .if dual_issue\n"
    "1:\n"
    " ldm r0!, {r8-r11}\n"
    " sxtb16 r4, r8\n add r1, r1, #32\n sxtb16 r5, r9\n cmp r1, r2\n sxtb16 r6, r10\n strd r4, r5, [r1, #-32]\n"
    " sxtb16 r7, r11\n str r6, [r1, #-24]\n sxtb16 r8, r8, ror #8\n str r7, [r1, #-20]\n"
    " sxtb16 r9, r9, ror #8\n str r8, [r1, #-16]\n sxtb16 r10, r10, ror #8\n str r9, [r1, #-12]\n"
    " sxtb16 r11, r11, ror #8\n str r10, [r1, #-8]\n str r11, [r1, #-4]\n"
    " .else\n"
    /* two times four words a turn; an odd one goes to the second */
    " sub r3, r2, r1\n lsls r3, r3, #27\n bcs 2f\n"
    "1:\n"
    " .set half, 0\n"
    " .rept 2\n"
    " .if half\n"
    "2:\n"
    " .endif\n"
    " .set half, 1\n"
    " ldm r0!, {r8-r11}\n sxtb16 r4, r8\n sxtb16 r5, r9\n sxtb16 r6, r10\n sxtb16 r7, r11\n"
    " sxtb16 r8, r8, ror #8\n sxtb16 r9, r9, ror #8\n sxtb16 r10, r10, ror #8\n sxtb16 r11, r11, ror #8\n"
    " stm r1!, {r4-r11}\n"
    " .endr\n"
    " cmp r1, r2\n"
    " .endif\n"
    " bne 1b\n pop {r4-r11, pc}\n"
    " .size mcu_expand_weights, . - mcu_expand_weights\n"
    /* r0 and r3 the pixels, which may be unaligned, r1 words left, r2 panel, r12 from the end of a pixel to the
     * next but one, lr pairs left. Two words of each pixel, then one. */
    " .section .text.mcu_unpack_pairs, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_unpack_pairs\n"
    " .thumb_func\n"
    " .type mcu_unpack_pairs, %function\n"
    "mcu_unpack_pairs:\n"
    " push {r4-r11, lr}\n lsl r12, r3, #1\n ldr lr, [sp, #36]\n sub r12, r12, r1, lsl #2\n add r3, r0, r3\n"
    " str r1, [sp, #36]\n"
    "1:\n"
    " subs r1, r1, #2\n blt 3f\n"
    "2:\n"
    " .if dual_issue\n"
    " ldr r4, [r0], #4\n subs r1, r1, #2\n ldr r5, [r3], #4\n add r2, r2, #32\n sxtb16 r6, r4, ror #8\n"
    " ldr r10, [r0], #4\n sxtb16 r7, r5, ror #8\n ldr r11, [r3], #4\n sxtb16 r4, r4\n str r6, [r2, #-24]\n"
    " sxtb16 r5, r5\n str r7, [r2, #-20]\n sxtb16 r8, r10\n str r4, [r2, #-32]\n sxtb16 r9, r11\n"
    " str r5, [r2, #-28]\n sxtb16 r10, r10, ror #8\n str r8, [r2, #-16]\n sxtb16 r11, r11, ror #8\n"
    " str r9, [r2, #-12]\n strd r10, r11, [r2, #-8]\n bge 2b\n"
    " .else\n"
    " ldr r4, [r0], #4\n ldr r5, [r3], #4\n ldr r10, [r0], #4\n ldr r11, [r3], #4\n sxtb16 r6, r4, ror #8\n"
    " sxtb16 r7, r5, ror #8\n sxtb16 r4, r4\n sxtb16 r5, r5\n sxtb16 r8, r10\n sxtb16 r9, r11\n"
    " sxtb16 r10, r10, ror #8\n sxtb16 r11, r11, ror #8\n subs r1, r1, #2\n stm r2!, {r4-r11}\n bge 2b\n"
    " .endif\n"
    "3:\n"
    " adds r1, r1, #2\n ldr r1, [sp, #36]\n bne 5f\n"
    "4:\n"
    " subs lr, lr, #1\n add r0, r0, r12\n add r3, r3, r12\n bne 1b\n pop {r4-r11, pc}\n"
    "5:\n"
    " ldr r4, [r0], #4\n ldr r5, [r3], #4\n sxtb16 r6, r4, ror #8\n sxtb16 r7, r5, ror #8\n"
    " sxtb16 r4, r4\n sxtb16 r5, r5\n stm r2!, {r4-r7}\n b 4b\n"
    " .size mcu_unpack_pairs, . - mcu_unpack_pairs\n"
    /* r0-r2 the rows, r12 step, lr pairs left. A row is 8 words of the panel; then come the last bytes, when the
     * rows are at the second window. */
    ".macro unpack_row row\n"
    " ldr r6, [\\row]\n ldr r10, [\\row, #4]\n add \\row, \\row, r12\n ldr r7, [\\row]\n ldr r11, [\\row, #4]\n"
    " sxtb16 r4, r6\n sxtb16 r6, r6, ror #8\n sxtb16 r8, r10\n sxtb16 r10, r10, ror #8\n sxtb16 r5, r7\n"
    " sxtb16 r7, r7, ror #8\n sxtb16 r9, r11\n sxtb16 r11, r11, ror #8\n stm r3!, {r4-r11}\n"
    ".endm\n"
    /* the same beside loads and stores: r6 and r7 hold the first words, and the first of the next row then */
    ".macro unpack_row_dual row, to, next, next_step\n"
    " sxtb16 r4, r6\n ldr r10, [\\row, #4]\n sxtb16 r6, r6, ror #8\n add \\row, \\row, r12\n sxtb16 r5, r7\n"
    " ldr r11, [\\row, #4]\n sxtb16 r7, r7, ror #8\n str r4, [r3, #\\to]\n strd r6, r7, [r3, #\\to + 8]\n"
    " sxtb16 r8, r10\n str r5, [r3, #\\to + 4]\n sxtb16 r10, r10, ror #8\n"
    " .ifnb \\next\n"
    " ldr r6, [\\next]\n sxtb16 r9, r11\n ldr r7, [\\next, r12]\n"
    " .else\n"
    " ldrsb r7, [r1, #8]\n sxtb16 r9, r11\n ldrsb r5, [r0, #8]\n"
    " .endif\n"
    " sxtb16 r11, r11, ror #8\n strd r8, r9, [r3, #\\to + 16]\n strd r10, r11, [r3, #\\to + 24]\n"
    ".endm\n"
    " .section .text.mcu_unpack_3x3x3, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_unpack_3x3x3\n"
    " .thumb_func\n"
    " .type mcu_unpack_3x3x3, %function\n"
    "mcu_unpack_3x3x3:\n"
    " push {r4-r11, lr}\n ldrd r12, lr, [sp, #36]\n"
    "1:\n"
    " .if dual_issue\n"
    " ldr r6, [r0]\n ldr r7, [r0, r12]\n unpack_row_dual r0, 0, r1\n unpack_row_dual r1, 32, r2\n"
    " unpack_row_dual r2, 64\n rsb r11, r12, #8\n ldrsb r8, [r2, #8]\n ldrsb r4, [r0, r11]\n add r0, r0, r12\n"
    " ldrsb r9, [r2, r11]\n add r2, r2, r12\n ldrsb r6, [r1, r11]\n add r1, r1, r12\n"
    " pkhbt r5, r5, r8, lsl #16\n subs lr, lr, #1\n pkhbt r4, r4, r9, lsl #16\n add r3, r3, #112\n"
    " strd r4, r5, [r3, #-16]\n strd r6, r7, [r3, #-8]\n"
    " .else\n"
    " unpack_row r0\n unpack_row r1\n unpack_row r2\n rsb r11, r12, #8\n ldrsb r5, [r0, #8]\n"
    " ldrsb r7, [r1, #8]\n ldrsb r8, [r2, #8]\n ldrsb r4, [r0, r11]\n ldrsb r6, [r1, r11]\n"
    " ldrsb r9, [r2, r11]\n add r0, r0, r12\n add r1, r1, r12\n pkhbt r5, r5, r8, lsl #16\n"
    " add r2, r2, r12\n pkhbt r4, r4, r9, lsl #16\n subs lr, lr, #1\n stm r3!, {r4-r7}\n"
    " .endif\n"
    " bne 1b\n pop {r4-r11, pc}\n"
    " .size mcu_unpack_3x3x3, . - mcu_unpack_3x3x3\n"
    /* r0 pixel, r1 weights, r2 their end, r3 the sums: in r8-r11, two words of the pixel in r12 and lr */
    " .section .text.mcu_dot_4x1, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_dot_4x1\n"
    " .thumb_func\n"
    " .type mcu_dot_4x1, %function\n"
    "mcu_dot_4x1:\n"
    " push {r3-r11, lr}\n ldm r3, {r8-r11}\n"
    " .if dual_issue\n"
    " ldr r12, [r0], #8\n ldr lr, [r0], #8\n"
    "1:\n"
    " ldrd r4, r5, [r1], #32\n smlad r8, r12, r4, r8\n ldr r6, [r1, #-24]\n smlad r9, r12, r5, r9\n"
    " ldr r7, [r1, #-20]\n smlad r10, r12, r6, r10\n ldr r4, [r1, #-16]\n smlad r11, r12, r7, r11\n"
    " ldr r5, [r1, #-12]\n smlad r8, lr, r4, r8\n ldr r12, [r0], #8\n smlad r9, lr, r5, r9\n"
    " ldr r6, [r1, #-8]\n cmp r1, r2\n ldr r7, [r1, #-4]\n smlad r10, lr, r6, r10\n"
    " smlad r11, lr, r7, r11\n ldr lr, [r0], #8\n"
    " .else\n"
    "1:\n"
    " ldr lr, [r0, #8]\n ldr r12, [r0], #16\n ldm r1!, {r4-r7}\n smlad r8, r12, r4, r8\n"
    " smlad r9, r12, r5, r9\n smlad r10, r12, r6, r10\n smlad r11, r12, r7, r11\n ldm r1!, {r4-r7}\n"
    " cmp r1, r2\n smlad r8, lr, r4, r8\n smlad r9, lr, r5, r9\n smlad r10, lr, r6, r10\n"
    " smlad r11, lr, r7, r11\n"
    " .endif\n"
    " bne 1b\n pop {r3}\n stm r3, {r8-r11}\n pop {r4-r11, pc}\n"
    " .size mcu_dot_4x1, . - mcu_dot_4x1\n"
    " .text\n"
);
/* clang-format on */

#else

void mcu_unpack_pairs(const int8_t *in, int32_t n_words, uint32_t *panel, int32_t step, int32_t n_pairs)
{
    for (; n_pairs > 0; n_pairs--, in += 2 * step, panel += 4 * n_words) {
        mcu_unpack_pixel(in, n_words, panel);
        mcu_unpack_pixel(in + step, n_words, panel + 1);
    }
}

void mcu_dot_4x1(const uint32_t *pixel, const uint32_t *weights, const uint32_t *weights_end, int32_t *sums)
{
    for (; weights != weights_end; weights += 8, pixel += 4)
        for (int c = 0; c < 4; c++)
            sums[c] = mcu_smlad(pixel[2], weights[4 + c], mcu_smlad(pixel[0], weights[c], sums[c]));
}

void mcu_unpack_3x3x3(const int8_t *a, const int8_t *b, const int8_t *c, uint32_t *panel, int32_t step,
                      int32_t n_pairs)
{
    for (; n_pairs > 0; n_pairs--, panel += 28, a += 2 * step, b += 2 * step, c += 2 * step) {
        mcu_unpack_3x3x3_pixel(a, b, c, panel);
        mcu_unpack_3x3x3_pixel(a + step, b + step, c + step, panel + 1);
    }
}

void mcu_expand_weights(const uint32_t *packed, uint32_t *panel, const uint32_t *panel_end)
{
    for (; panel != panel_end; panel += 8, packed += 4) {
        const uint32_t a = packed[0], b = packed[1], c = packed[2], d = packed[3];
        panel[0] = mcu_sxtb16(a);
        panel[1] = mcu_sxtb16(b);
        panel[2] = mcu_sxtb16(c);
        panel[3] = mcu_sxtb16(d);
        panel[4] = mcu_sxtb16_ror8(a);
        panel[5] = mcu_sxtb16_ror8(b);
        panel[6] = mcu_sxtb16_ror8(c);
        panel[7] = mcu_sxtb16_ror8(d);
    }
}

#endif

void mcu_conv2d_dsp_expand(const void *packed, int32_t bytes, void *wide)
{
    uint32_t *panel = wide;
    mcu_expand_weights(packed, panel, panel + bytes / 2);
}

void mcu_clamp_bytes(int8_t *out, int32_t n, int32_t low, int32_t high)
{
    const uint32_t low4 = (uint8_t)low * 0x01010101u, high4 = (uint8_t)high * 0x01010101u;
    for (; n >= 4; n -= 4, out += 4)
        mcu_store4(out, mcu_min_s8x4(mcu_max_s8x4(mcu_load4(out), low4), high4));
    for (; n > 0; n--, out++)
        *out = (int8_t)mcu_clamp(*out, low, high);
}

void mcu_tile_4x1(const struct mcu_tile *tile, const uint32_t *pixel, int8_t *out, int32_t n)
{
    const int32_t *requant = tile->requant;
    int32_t sums[4] = {requant[0], requant[1], requant[2], requant[3]};
    mcu_dot_4x1(pixel, tile->weights, tile->weights_end, sums);
    for (int32_t c = 0; c < n; c++)
        out[c] = (int8_t)mcu_requant(sums[c], requant + 4 + 2 * c, tile->zero_point_mode >> 2);
}

/* As mcu_requant_mode, but MCU_REQUANT_ROUND that does not matter is MCU_REQUANT_FAST: where the output is
 * never below the zero point, negative y may round to anything up to 0. */
static enum mcu_requant_mode mode_of(const struct mcu_panel *panel, const int32_t *requant)
{
    const enum mcu_requant_mode mode = mcu_requant_mode(requant);
    return mode == MCU_REQUANT_ROUND && panel->zero_point == -128 ? MCU_REQUANT_FAST : mode;
}

/* Do pairs of pixels serve them? Else each pixel takes mcu_tile_4x1. */
static int takes_pairs(const struct mcu_panel *panel, int32_t c, const int32_t *requant)
{
    return panel->out_c - c >= 4 && mcu_requant_mode(requant) != MCU_REQUANT_EXACT;
}

#ifdef MCU_TILE_IN_GROUPS

/* Groups of 4 channels from c on that go through the pixels together, if the first takes pairs. */
static int32_t groups_together(const struct mcu_panel *panel, int32_t c, const int32_t *requant)
{
    const int32_t most = panel->wide ? MCU_TILE_GROUPS_BYTES / (8 * panel->depth) : 1;
    const int shift = mcu_requant_mode(requant) == MCU_REQUANT_SHIFT;
    int32_t n = 1;
    while (n < most && takes_pairs(panel, c + 4 * n, requant + n * MCU_REQUANT_WORDS) &&
           (mcu_requant_mode(requant + n * MCU_REQUANT_WORDS) == MCU_REQUANT_SHIFT) == shift)
        n++;
    return n;
}

static void multiply_pairs(const struct mcu_panel *panel, const struct mcu_tile *tile, int32_t groups,
                           int32_t pairs, int8_t *out)
{
    const int32_t depth = panel->depth, ragged = depth / 2 % MCU_TILE_GROUPS_STEPS;
    struct mcu_tile_groups all;
    all.pixels = panel->pixels;
    all.entry = (uint32_t)(ragged ? MCU_TILE_GROUPS_STEPS - ragged : 0);
    all.skip_bytes = 8 * all.entry;
    all.last_turn = (uintptr_t)panel->pixels + 4 * (uint32_t)depth - 8 * MCU_TILE_GROUPS_STEPS;
    all.pair_bytes = 4 * (uint32_t)depth;
    all.requant = all.first = tile->requant;
    all.last = tile->requant + (groups - 1) * MCU_REQUANT_WORDS;
    all.out = out;
    all.out_step = panel->out_c;
    all.out_next = 2 * panel->out_c - 4 * groups;
    all.weights = tile->weights;
    all.zero_point = panel->zero_point;
    all.pixels_end = panel->pixels + pairs * depth;
    const enum mcu_requant_mode mode = mode_of(panel, tile->requant);
    all.direct = mode == MCU_REQUANT_SHIFT ? 0 : panel->zero_point == -128 ? ~0u : MCU_REQUANT_FAST_TILT;
    mcu_tile_groups(&all);
}

#else

static int32_t groups_together(const struct mcu_panel *panel, int32_t c, const int32_t *requant)
{
    (void)panel, (void)c, (void)requant;
    return 1;
}

static void multiply_pairs(const struct mcu_panel *panel, struct mcu_tile *tile, int32_t groups,
                           int32_t pairs, int8_t *out)
{
    (void)groups;
    tile->pixels_end = panel->pixels + pairs * panel->depth;
    tile->out = out;
    mcu_tile_4x2(tile);
}

#endif

void mcu_panel_multiply(const struct mcu_panel *panel, int8_t *out)
{
    const int32_t depth = panel->depth, out_c = panel->out_c, n_pixels = panel->n_pixels;
    const uint32_t *packed = panel->weights;
    struct mcu_tile tile; /* assigned one by one: an initialiser would clear all of it first, by a call */
    tile.pixels = panel->pixels;
    tile.skip_bytes = mcu_tile_skip_bytes(depth);
    tile.entry = mcu_tile_entry(depth);
    tile.out_step = out_c;
    tile.requant = panel->requant;
    for (int32_t c = 0; c < out_c;) {
        const int paired = n_pixels > 1 && takes_pairs(panel, c, tile.requant);
        int32_t groups = paired ? groups_together(panel, c, tile.requant) : 1, p = paired ? n_pixels & ~1 : 0;
        if (panel->wide) {
            tile.weights = packed;
            packed += groups * depth * 2;
        } else {
            mcu_expand_weights(packed, panel->expanded, panel->expanded + depth * 2);
            tile.weights = panel->expanded;
            packed += depth;
        }
        const enum mcu_requant_mode mode = mode_of(panel, tile.requant);
        tile.zero_point_mode = 4 * panel->zero_point + (mode == MCU_REQUANT_ROUND   ? 2
                                                        : mode == MCU_REQUANT_SHIFT ? 3
                                                                                    : 0);
        tile.weights_end = tile.weights + depth * 2;
        if (paired)
            multiply_pairs(panel, &tile, groups, p / 2, out + c);
        for (; groups > 0; groups--, c += 4) {
            for (int32_t i = p; i < n_pixels; i++)
                mcu_tile_4x1(&tile, panel->pixels + i / 2 * depth + (i & 1), out + i * out_c + c,
                             out_c - c < 4 ? out_c - c : 4);
            tile.weights = tile.weights_end;
            tile.weights_end += depth * 2;
            tile.requant += MCU_REQUANT_WORDS;
        }
    }
}
