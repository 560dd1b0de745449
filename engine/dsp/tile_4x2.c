/*
 * tile_4x2.c - 4 output channels x 2 pixels: assembly for Armv7E-M and Armv8-M with DSP, a C twin elsewhere.
 */
#include "tile_4x2.h"

#include "requant_dsp.h"

#ifdef MCU_DSP_ASM

/*
 * r0 pixels, r1 weights; r2 r3 one word of each pixel; r4 r5 weight words; r6-r9 the sums of pixel 0 for
 * channels 0-3, r10 r11 r12 lr those of pixel 1. That is every register, so what the loop needs besides lives
 * in numbered slots: in FPU registers where moving is cheaper than loading (M4: VMOV 1 cycle, a lone LDR 2),
 * else on the stack.
 */
#define Q_BIAS          "0" /* .. 3 */
#define WEIGHTS         "12"
#define WEIGHTS_END     "13"
#define ZERO_POINT_MODE "14"
#define OUT             "15"
#define OUT_STEP        "16"
#define PIXELS_END      "17"
#define ENTRY           "18"
#define SKIP_BYTES      "19"
#define REQUANT         "20"

#if defined(MCU_CORTEX_M7)
#define CORE " .set dual_issue, 1\n .set fpu_slots, 0\n"
#elif defined(__ARM_FP)
#define CORE " .set dual_issue, 0\n .set fpu_slots, 1\n"
#else
#define CORE " .set dual_issue, 0\n .set fpu_slots, 0\n"
#endif
#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    CORE ".macro get reg, slot\n"
    " .if fpu_slots\n"
    " vmov \\reg, s\\slot\n"
    " .else\n"
    " ldr \\reg, [sp, #4 * (\\slot - 12)]\n"
    " .endif\n"
    ".endm\n"
    ".macro put reg, slot\n"
    " .if fpu_slots\n"
    " vmov s\\slot, \\reg\n"
    " .else\n"
    " str \\reg, [sp, #4 * (\\slot - 12)]\n"
    " .endif\n"
    ".endm\n"
    /* word i of the requantisation block; r1 points to it where it is in memory */
    ".macro quant reg, i\n"
    " .if fpu_slots\n"
    " vmov \\reg, s\\i\n"
    " .else\n"
    " ldr \\reg, [r1, #4 * \\i]\n"
    " .endif\n"
    ".endm\n"
    /* one step, loads grouped */
    ".macro step_grouped j\n"
    " ldr r2, [r0, #8 * \\j]\n ldr r3, [r0, #8 * \\j + 4]\n ldr r4, [r1, #16 * \\j]\n"
    " ldr r5, [r1, #16 * \\j + 4]\n smlad r6, r2, r4, r6\n smlad r10, r3, r4, r10\n smlad r7, r2, r5, r7\n"
    " smlad r11, r3, r5, r11\n ldr r4, [r1, #16 * \\j + 8]\n ldr r5, [r1, #16 * \\j + 12]\n"
    " smlad r8, r2, r4, r8\n smlad r12, r3, r4, r12\n smlad r9, r2, r5, r9\n smlad lr, r3, r5, lr\n"
    ".endm\n"
    /* one step, a load beside every multiply; r2 r3 r4 were loaded by the step before. The last of a * *
     * turn moves the pointers. */
    ".macro step_paired j, steps\n"
    " smlad r6, r2, r4, r6\n ldr r5, [r1, #16 * \\j + 4]\n smlad r10, r3, r4, r10\n"
    " .if \\j + 1 == \\steps\n"
    " add r1, r1, #16 * \\steps\n smlad r7, r2, r5, r7\n ldr r4, [r1, #-8]\n smlad r11, r3, r5, r11\n"
    " add r0, r0, #8 * \\steps\n smlad r8, r2, r4, r8\n ldr r5, [r1, #-4]\n smlad r12, r3, r4, r12\n"
    " ldr r4, [r1]\n smlad r9, r2, r5, r9\n ldr r2, [r0]\n smlad lr, r3, r5, lr\n ldr r3, [r0, #4]\n"
    " .else\n"
    " smlad r7, r2, r5, r7\n ldr r4, [r1, #16 * \\j + 8]\n smlad r11, r3, r5, r11\n smlad r8, r2, r4, r8\n"
    " ldr r5, [r1, #16 * \\j + 12]\n smlad r12, r3, r4, r12\n ldr r4, [r1, #16 * \\j + 16]\n"
    " smlad r9, r2, r5, r9\n ldr r2, [r0, #8 * \\j + 8]\n smlad lr, r3, r5, lr\n"
    " ldr r3, [r0, #8 * \\j + 12]\n"
    " .endif\n"
    ".endm\n"
    /* raw: sums without bias to 8 int32, then on to the next of several positions (tile_4x2.h) */
    ".macro tile_function name, raw\n"
    " .section .text.\\name, \"ax\", %progbits\n"
    " .subsection 1\n"
    " .p2align 2\n"
    ".L\\name\\()_entries:\n"
    " .previous\n"
    " .p2align 3\n"
    " .global \\name\n"
    " .thumb_func\n"
    " .type \\name, %function\n"
    "\\name:\n"
    " push {r4-r11, lr}\n"
    " .if fpu_slots\n"
    " vpush {s16-s19}\n"
    " .else\n"
    " sub sp, sp, #36\n"
    " .endif\n"
    " ldm r0, {r0-r9}\n sub r1, r1, r8, lsl #1\n adr r10, .L\\name\\()_entries\n"
    " ldrh r7, [r10, r7, lsl #1]\n adr r10, .L\\name\\()_turn\n add r7, r7, r10\n"
    " .if fpu_slots\n"
    " .if \\raw\n"
    " vmov s0, r9\n"
    " .else\n"
    " vldm r9, {s0-s11}\n"
    " .endif\n"
    " vmov s12, r1\n vmov s13, r2\n vmov s14, r3\n vmov s15, r4\n vmov s16, r5\n vmov s17, r6\n"
    " vmov s18, r7\n vmov s19, r8\n"
    " .else\n"
    " stm sp, {r1-r9}\n"
    " .endif\n"
    ".L\\name\\()_pair:\n"
    " .if \\raw\n"
    " mov r6, #0\n mov r7, #0\n mov r8, #0\n mov r9, #0\n mov r10, #0\n mov r11, #0\n mov r12, #0\n"
    " mov lr, #0\n"
    " .elseif fpu_slots\n"
    /* sums = bias */
    " vmov r6, s0\n vmov r10, s0\n vmov r7, s1\n vmov r11, s1\n vmov r8, s2\n vmov r12, s2\n vmov r9, s3\n"
    " vmov lr, s3\n"
    " .else\n"
    " get r1, " REQUANT "\n ldm r1, {r6-r9}\n mov r10, r6\n mov r11, r7\n mov r12, r8\n mov lr, r9\n"
    " .endif\n"
    " get r1, " WEIGHTS "\n get r5, " SKIP_BYTES "\n"
    " .if dual_issue\n"
    " ldr r2, [r0]\n ldr r3, [r0, #4]\n ldr r4, [r1, r5, lsl #1]\n"
    " .endif\n"
    " sub r0, r0, r5\n get r5, " ENTRY "\n bx r5\n"
    " .p2align 2\n"
    ".L\\name\\()_turn:\n"
    " .set j, 0\n"
    " .rept " TEXT(MCU_TILE_STEPS) "\n"
    " .if (j & 1) == 0\n"
    " 8: .subsection 1\n"
    " .hword 8b - .L\\name\\()_turn + 1\n"
    " .previous\n"
    " .endif\n"
    " .if dual_issue\n"
    " step_paired j, " TEXT(MCU_TILE_STEPS) "\n"
    " .else\n"
    " step_grouped j\n"
    " .endif\n"
    " .set j, j + 1\n"
    " .endr\n"
    " .if !dual_issue\n"
    " add r0, r0, #8 * " TEXT(MCU_TILE_STEPS) "\n add r1, r1, #16 * " TEXT(MCU_TILE_STEPS) "\n"
    " .endif\n"
    " get r5, " WEIGHTS_END "\n cmp r1, r5\n bne .L\\name\\()_turn\n"
    " .if \\raw\n"
    " get r1, " OUT "\n get r3, " PIXELS_END "\n stm r1!, {r6-r12, lr}\n put r1, " OUT "\n cmp r0, r3\n"
    " bne .L\\name\\()_pair\n get r2, " OUT_STEP "\n get r1, " WEIGHTS "\n get r4, " WEIGHTS_END "\n"
    " add r3, r3, r2\n"
    " .if fpu_slots\n"
    " vmov r5, s0\n"
    " .else\n"
    " get r5, " REQUANT "\n"
    " .endif\n"
    " put r3, " PIXELS_END "\n add r1, r1, r5\n add r4, r4, r5\n get r2, " ZERO_POINT_MODE "\n"
    " put r1, " WEIGHTS "\n put r4, " WEIGHTS_END "\n subs r2, r2, #1\n put r2, " ZERO_POINT_MODE "\n"
    " bne .L\\name\\()_pair\n"
    " .else\n"
    /* y = SMMLAR(x, 2 m, x) */
    " .if !fpu_slots\n"
    " get r1, " REQUANT "\n"
    " .endif\n"
    " get r4, " ZERO_POINT_MODE "\n quant r2, 4\n quant r3, 6\n asrs r4, r4, #1\n smmlar r6, r6, r2, r6\n"
    " smmlar r10, r10, r2, r10\n quant r2, 8\n smmlar r7, r7, r3, r7\n smmlar r11, r11, r3, r11\n"
    " quant r3, 10\n smmlar r8, r8, r2, r8\n smmlar r12, r12, r2, r12\n quant r2, 5\n"
    " smmlar r9, r9, r3, r9\n smmlar lr, lr, r3, lr\n quant r3, 7\n bcs .L\\name\\()_round\n"
    ".L\\name\\()_scaled:\n"
    /* q = SMMLAR(y, b, zero point); SSAT; store */
    " get r5, " OUT "\n smmlar r6, r6, r2, r4\n smmlar r10, r10, r2, r4\n quant r2, 9\n"
    " smmlar r7, r7, r3, r4\n ssat r6, #8, r6\n smmlar r11, r11, r3, r4\n quant r3, 11\n"
    " smmlar r8, r8, r2, r4\n ssat r10, #8, r10\n get r1, " OUT_STEP "\n smmlar r12, r12, r2, r4\n"
    " ssat r7, #8, r7\n strb r6, [r5]\n smmlar r9, r9, r3, r4\n ssat r11, #8, r11\n strb r10, [r5, r1]\n"
    " add r2, r5, r1\n smmlar lr, lr, r3, r4\n ssat r8, #8, r8\n strb r7, [r5, #1]\n add r1, r2, r1\n"
    " ssat r12, #8, r12\n strb r11, [r2, #1]\n get r3, " PIXELS_END "\n ssat r9, #8, r9\n"
    " strb r8, [r5, #2]\n put r1, " OUT "\n ssat lr, #8, lr\n strb r12, [r2, #2]\n strb r9, [r5, #3]\n"
    " cmp r0, r3\n strb lr, [r2, #3]\n bne .L\\name\\()_pair\n"
    " .endif\n"
    " .if fpu_slots\n"
    " vpop {s16-s19}\n"
    " .else\n"
    " add sp, sp, #36\n"
    " .endif\n"
    " pop {r4-r11, pc}\n"
    " .if !\\raw\n"
    ".L\\name\\()_round:\n"
    /* y += y >> 31 */
    " add r6, r6, r6, asr #31\n add r7, r7, r7, asr #31\n add r8, r8, r8, asr #31\n"
    " add r9, r9, r9, asr #31\n add r10, r10, r10, asr #31\n add r11, r11, r11, asr #31\n"
    " add r12, r12, r12, asr #31\n add lr, lr, lr, asr #31\n b .L\\name\\()_scaled\n"
    " .endif\n"
    " .subsection 1\n"
    " .p2align 2\n"
    " .size \\name, . - \\name\n"
    " .previous\n"
    " .text\n"
    ".endm\n"
    " tile_function mcu_tile_4x2, 0\n tile_function mcu_tile_4x2_raw, 1\n"
);
/* clang-format on */

#else

void mcu_tile_4x2(const struct mcu_tile *tile)
{
    const uint32_t *pixels = tile->pixels;
    const int32_t *requant = tile->requant;
    const int32_t zero_point = tile->zero_point_mode >> 1;
    int8_t *out = tile->out;
    while (pixels != tile->pixels_end) {
        int32_t sum[2][4];
        for (int c = 0; c < 4; c++)
            sum[0][c] = sum[1][c] = requant[c];
        for (const uint32_t *w = tile->weights; w != tile->weights_end; w += 4, pixels += 2)
            for (int c = 0; c < 4; c++) {
                sum[0][c] = mcu_smlad(pixels[0], w[c], sum[0][c]);
                sum[1][c] = mcu_smlad(pixels[1], w[c], sum[1][c]);
            }
        for (int p = 0; p < 2; p++, out += tile->out_step)
            for (int c = 0; c < 4; c++)
                out[c] = (int8_t)mcu_requant(sum[p][c], requant + 4 + 2 * c, zero_point);
    }
}

void mcu_tile_4x2_raw(const struct mcu_tile_raw *tile)
{
    const uint32_t *pixels = tile->pixels, *weights = tile->weights;
    int32_t *out = tile->out;
    for (int32_t position = 0; position < tile->positions; position++) {
        const uint32_t *end = pixels + tile->pixels_bytes / 4,
                       *weights_end = weights + tile->weights_bytes / 4;
        for (; pixels != end; out += 8) {
            for (int c = 0; c < 8; c++)
                out[c] = 0;
            for (const uint32_t *w = weights; w != weights_end; w += 4, pixels += 2)
                for (int c = 0; c < 4; c++) {
                    out[c] = mcu_smlad(pixels[0], w[c], out[c]);
                    out[c + 4] = mcu_smlad(pixels[1], w[c], out[c + 4]);
                }
        }
        weights = weights_end;
    }
}

#endif
