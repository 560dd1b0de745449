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
 * else on the stack, two neighbours a load.
 *
 * The first step of a pair of pixels stands before the loop: it turns the bias of r6-r9 into all eight sums.
 */
#define WEIGHTS         "0"
#define BIAS            "1"  /* .. 4 */
#define Q               "5"  /* .. 12: a, b of each channel */
#define WEIGHTS_TURN    "13" /* where the first turn counts from; with an FPU it is computed */
#define SKIP_BYTES      "14"
#define ENTRY           "15"
#define WEIGHTS_END     "16"
#define ZERO_POINT_MODE "17"
#define OUT             "18"
#define OUT_STEP        "19"
#define PIXELS_END      "20"
#define REQUANT         "21"
#define FRAME           "88"

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
    CORE
    ".macro get reg, slot\n"
    " .if fpu_slots\n"
    " vmov \\reg, s\\slot\n"
    " .else\n"
    " ldr \\reg, [sp, #4 * \\slot]\n"
    " .endif\n"
    ".endm\n"
    ".macro put reg, slot\n"
    " .if fpu_slots\n"
    " vmov s\\slot, \\reg\n"
    " .else\n"
    " str \\reg, [sp, #4 * \\slot]\n"
    " .endif\n"
    ".endm\n"
    /* two slots, one after the other */
    ".macro get_two reg, reg_2, slot, slot_2\n"
    " .if fpu_slots\n"
    " vmov \\reg, s\\slot\n vmov \\reg_2, s\\slot_2\n"
    " .else\n"
    " ldrd \\reg, \\reg_2, [sp, #4 * \\slot]\n"
    " .endif\n"
    ".endm\n"
    /* one step, loads grouped; j: 0-7. r0 is 4 and r1 8 bytes behind, so that the last loads of eight steps move
     * them. */
    ".macro step_grouped j\n"
    " ldr r2, [r0, #8 * \\j + 4]\n"
    " .if \\j == 7\n"
    " ldr r3, [r0, #64]!\n"
    " .else\n"
    " ldr r3, [r0, #8 * \\j + 8]\n"
    " .endif\n"
    " ldr r4, [r1, #16 * \\j + 8]\n ldr r5, [r1, #16 * \\j + 12]\n smlad r6, r2, r4, r6\n"
    " smlad r10, r3, r4, r10\n smlad r7, r2, r5, r7\n smlad r11, r3, r5, r11\n"
    " .if \\j == 7\n"
    " ldrd r4, r5, [r1, #128]!\n"
    " .else\n"
    " ldrd r4, r5, [r1, #16 * \\j + 16]\n"
    " .endif\n"
    " smlad r8, r2, r4, r8\n smlad r12, r3, r4, r12\n smlad r9, r2, r5, r9\n smlad lr, r3, r5, lr\n"
    ".endm\n"
    /* one step, a load beside every multiply; r2 r3 r4 were loaded by the step before. The last of a
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
    /* the first step's multiplies */
    ".macro first_a raw, sum, sum_1\n"
    " .if \\raw\n"
    " smuad \\sum_1, r3, r4\n smuad \\sum, r2, r4\n"
    " .else\n"
    " smlad \\sum_1, r3, r4, \\sum\n smlad \\sum, r2, r4, \\sum\n"
    " .endif\n"
    ".endm\n"
    ".macro first_b raw, sum, sum_1\n"
    " .if \\raw\n"
    " smuad \\sum_1, r3, r5\n smuad \\sum, r2, r5\n"
    " .else\n"
    " smlad \\sum_1, r3, r5, \\sum\n smlad \\sum, r2, r5, \\sum\n"
    " .endif\n"
    ".endm\n"
    /* The first step, at r0 and r1; then r0 and r1 are where the first turn counts from, and the jump into it. */
    ".macro first_step raw\n"
    " .if dual_issue\n"
    " ldrd r2, r3, [r0]\n ldr r4, [r1]\n ldr r5, [r1, #4]\n first_a \\raw, r6, r10\n ldr r4, [r1, #8]\n"
    " first_b \\raw, r7, r11\n ldr r5, [r1, #12]\n first_a \\raw, r8, r12\n ldr r4, [r1, #16]\n"
    " first_b \\raw, r9, lr\n ldr r2, [r0, #8]\n ldr r3, [r0, #12]\n"
    " .else\n"
    " ldr r2, [r0, #4]\n ldr r3, [r0, #8]\n ldr r4, [r1, #8]\n ldr r5, [r1, #12]\n first_a \\raw, r6, r10\n"
    " first_b \\raw, r7, r11\n ldrd r4, r5, [r1, #16]\n first_a \\raw, r8, r12\n first_b \\raw, r9, lr\n"
    " .endif\n"
    " .if fpu_slots || \\raw\n"
    " get r5, " SKIP_BYTES "\n sub r1, r1, r5, lsl #1\n"
    " .else\n"
    " get_two r1, r5, " WEIGHTS_TURN ", " SKIP_BYTES "\n"
    " .endif\n"
    " sub r0, r0, r5\n"
    " .if fpu_slots\n"
    " get r5, " ENTRY "\n bx r5\n"
    " .else\n"
    " ldr pc, [sp, #4 * " ENTRY "]\n"
    " .endif\n"
    ".endm\n"
    /* what stands between the two multiplications, by mode */
    ".macro tilt x, mode\n"
    " .if \\mode == 1\n"
    " add \\x, \\x, \\x, asr #31\n"
    " .elseif \\mode == 2\n"
    " lsl \\x, \\x, #2\n"
    " .endif\n"
    ".endm\n"
    /* y = SMMLAR(x, a, x), tilted; q = SMMLAR(y, b, zero point); SSAT; store. Channels 0 and 1, then 2 and 3.
     * r4: the zero point. Not equal then: there is another pair. */
    ".macro finish mode\n"
    " get_two r2, r3, 5, 6\n smmlar r6, r6, r2, r6\n smmlar r10, r10, r2, r10\n get_two r1, r5, 7, 8\n"
    " smmlar r7, r7, r1, r7\n smmlar r11, r11, r1, r11\n tilt r6, \\mode\n tilt r10, \\mode\n"
    " smmlar r6, r6, r3, r4\n smmlar r10, r10, r3, r4\n tilt r7, \\mode\n tilt r11, \\mode\n"
    " get_two r2, r3, 9, 10\n smmlar r7, r7, r5, r4\n ssat r6, #8, r6\n smmlar r11, r11, r5, r4\n"
    " ssat r10, #8, r10\n get_two r1, r5, 11, 12\n smmlar r8, r8, r2, r8\n ssat r7, #8, r7\n"
    " smmlar r12, r12, r2, r12\n ssat r11, #8, r11\n smmlar r9, r9, r1, r9\n tilt r8, \\mode\n"
    " smmlar lr, lr, r1, lr\n tilt r12, \\mode\n smmlar r8, r8, r3, r4\n smmlar r12, r12, r3, r4\n"
    " tilt r9, \\mode\n get_two r2, r3, " OUT ", " OUT_STEP "\n tilt lr, \\mode\n smmlar r9, r9, r5, r4\n"
    " strb r6, [r2]\n smmlar lr, lr, r5, r4\n strb r10, [r2, r3]\n add r5, r2, r3\n ssat r8, #8, r8\n"
    " strb r7, [r2, #1]\n add r3, r5, r3\n strb r11, [r5, #1]\n ssat r12, #8, r12\n get r1, " PIXELS_END "\n"
    " strb r8, [r2, #2]\n ssat r9, #8, r9\n strb r12, [r5, #2]\n ssat lr, #8, lr\n strb r9, [r2, #3]\n"
    " put r3, " OUT "\n cmp r0, r1\n strb lr, [r5, #3]\n"
    ".endm\n"
    /* The start of a pair, up to the jump into the turn. */
    ".macro begin raw\n"
    " .if \\raw\n"
    " get r1, " WEIGHTS "\n"
    " .elseif fpu_slots\n"
    " vmov r1, s0\n vmov r6, s1\n vmov r7, s2\n vmov r8, s3\n vmov r9, s4\n"
    " .else\n"
    " ldm sp, {r1, r6, r7, r8, r9}\n"
    " .endif\n"
    " first_step \\raw\n"
    ".endm\n"
    ".macro leave\n"
    " .if fpu_slots\n"
    " vpop {s16-s20}\n"
    " .else\n"
    " add sp, sp, #" FRAME "\n"
    " .endif\n"
    " pop {r4-r11, pc}\n"
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
    " vpush {s16-s20}\n"
    " .else\n"
    " sub sp, sp, #" FRAME "\n"
    " .endif\n"
    " ldm r0, {r0-r9}\n adr r10, .L\\name\\()_entries\n ldrh r3, [r10, r3, lsl #1]\n"
    " adr r10, .L\\name\\()_turn\n add r3, r3, r10\n"
    " .if !dual_issue\n"
    " sub r0, r0, #4\n sub r1, r1, #8\n sub r4, r4, #8\n sub r8, r8, #4\n"
    " .endif\n"
    " put r1, " WEIGHTS "\n"
    " .if fpu_slots\n"
    " .if \\raw\n"
    " vmov s1, r9\n"
    " .else\n"
    " vldm r9, {s1-s12}\n"
    " .endif\n"
    " vmov s14, r2\n vmov s15, r3\n vmov s16, r4\n vmov s17, r5\n vmov s18, r6\n vmov s19, r7\n vmov s20, r8\n"
    " .else\n"
    " sub r1, r1, r2, lsl #1\n add r12, sp, #4 * " WEIGHTS_TURN "\n stm r12, {r1-r9}\n"
    " .if !\\raw\n"
    " add lr, sp, #4 * " BIAS "\n ldm r9, {r1-r12}\n stm lr, {r1-r12}\n"
    " .endif\n"
    " .endif\n"
    " .if dual_issue\n"
    ".L\\name\\()_pair:\n"
    " begin \\raw\n"
    " .p2align 2\n"
    " .else\n"
    " b .L\\name\\()_pair\n"
    " .endif\n"
    ".L\\name\\()_turn:\n"
    " .set j, 0\n"
    " .rept " TEXT(MCU_TILE_STEPS) "\n"
    " 8: .subsection 1\n"
    " .hword 8b - .L\\name\\()_turn + 1\n"
    " .previous\n"
    " .if dual_issue\n"
    " step_paired j, " TEXT(MCU_TILE_STEPS) "\n"
    " .else\n"
    " step_grouped (j%8)\n"
    " .endif\n"
    " .set j, j + 1\n"
    " .endr\n"
    " get r5, " WEIGHTS_END "\n cmp r1, r5\n bne .L\\name\\()_turn\n"
    " .if \\raw\n"
    " get r1, " OUT "\n get r3, " PIXELS_END "\n stm r1!, {r6-r12, lr}\n put r1, " OUT "\n cmp r0, r3\n"
    " .else\n"
    " get r4, " ZERO_POINT_MODE "\n asrs r4, r4, #2\n bcs .L\\name\\()_not_fast\n finish 0\n"
    " .endif\n"
    /* a jump taken costs, so an M4 runs on into the next pair */
    " .if dual_issue\n"
    " bne .L\\name\\()_pair\n"
    " .else\n"
    " beq .L\\name\\()_end\n"
    ".L\\name\\()_pair:\n"
    " begin \\raw\n"
    " .endif\n"
    ".L\\name\\()_end:\n"
    " .if \\raw\n"
    " get r2, " OUT_STEP "\n get r1, " WEIGHTS "\n get r4, " WEIGHTS_END "\n add r3, r3, r2\n"
    " .if fpu_slots\n"
    " vmov r5, s1\n"
    " .else\n"
    " get r5, " REQUANT "\n"
    " .endif\n"
    " put r3, " PIXELS_END "\n add r1, r1, r5\n add r4, r4, r5\n get r2, " ZERO_POINT_MODE "\n"
    " put r1, " WEIGHTS "\n put r4, " WEIGHTS_END "\n subs r2, r2, #1\n put r2, " ZERO_POINT_MODE "\n"
    " bne .L\\name\\()_pair\n leave\n"
    " .else\n"
    " leave\n"
    ".L\\name\\()_not_fast:\n"
    " get r2, " ZERO_POINT_MODE "\n lsls r2, r2, #31\n bne .L\\name\\()_shift\n"
    " finish 1\n bne .L\\name\\()_pair\n leave\n"
    ".L\\name\\()_shift:\n"
    " finish 2\n bne .L\\name\\()_pair\n leave\n"
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
    const int32_t zero_point = tile->zero_point_mode >> 2;
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
