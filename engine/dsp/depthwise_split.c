/*
 * depthwise_split.c - rows of a map to rows of four planes: assembly for Armv7E-M and Armv8-M with DSP, a C
 * twin elsewhere.
 */
#include "depthwise_row.h"

#ifdef MCU_DSP_ASM

/* On the stack: the job from `in` on. */
#define IN        "#0"
#define ROWS      "#4"
#define ROWS_END  "#8"
#define PIXELS    "#12"
#define GAP       "#16"
#define ROW_BYTES "#20"
#define PAD       "#24"
#define ODD       "#28"
#define SECOND    "#32" /* what the planes move by before the next row, or the second group's */
#define ROW_IN    "#36"
#define FRAME     "#40"

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    MCU_DEPTHWISE_CORE
    /* Two pixels a (r8) and b (r9) of four channels, one word per plane; then loads of the next two, which go
     * where the core likes them. */
    ".macro split_two count, load_a, load_b\n"
    " pkhbt r10, r8, r9, lsl #16\n \\count\n pkhtb r11, r9, r8, asr #16\n"
    " .if !dual_issue\n"
    " \\load_a\n \\load_b\n"
    " .endif\n"
    " sxtab16 r12, r3, r10\n"
    " .if dual_issue\n"
    " \\load_a\n"
    " .endif\n"
    " sxtab16 r10, r3, r10, ror #8\n"
    " .if dual_issue\n"
    " \\load_b\n"
    " .endif\n"
    " sxtab16 lr, r3, r11\n str r12, [r4], #4\n sxtab16 r11, r3, r11, ror #8\n str r10, [r5], #4\n"
    " str lr, [r6], #4\n"
    ".endm\n"
    ".macro split_pair\n"
    " split_two \"subs r2, r2, #2\", \"ldr r8, [r0]\", \"ldr r9, [r0, r1]\"\n add r0, r0, r1, lsl #1\n"
    " str r11, [r7], #4\n"
    ".endm\n"
    /* r0 in, r1 step, r2 pixels left, r3 bias, r4-r7 the rows of the four planes, the rest data */
    " .section .text.mcu_depthwise_split, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_depthwise_split\n"
    " .thumb_func\n"
    " .type mcu_depthwise_split, %function\n"
    "mcu_depthwise_split:\n"
    " push {r4-r11, lr}\n ldm r0, {r1-r12, lr}\n sub sp, sp, " FRAME "\n stm sp, {r3-r10}\n mov r3, r2\n"
    " str lr, [sp, " SECOND "]\n"
    " mov r4, r11\n add r5, r11, r12\n add r6, r5, r12\n add r7, r6, r12\n"
    "1:\n"
    /* next row */
    " ldr r9, [sp, " ROWS "]\n ldr r10, [sp, " IN "]\n ldr r0, [r9], #4\n ldr r8, [sp, " PAD "]\n"
    " ldr r11, [sp, " ODD "]\n cmp r0, #0x80000000\n str r9, [sp, " ROWS "]\n beq 9f\n"
    " cmp r11, #0\n add r0, r0, r10\n"
    "10:\n"
    " str r0, [sp, " ROW_IN "]\n ldr r2, [sp, " PIXELS "]\n bne 2f\n"
    " ldr r8, [r0]\n add r0, r0, r1\n subs r2, r2, #1\n beq 6f\n"
    "2:\n"
    /* r8: a pixel, or padding; from here on r2 is two less than what is left behind r9 */
    " ldr r9, [r0]\n subs r2, r2, #3\n add r0, r0, r1\n blt 5f\n"
    " .p2align 2\n"
    "3:\n"
    " split_pair\n"
    " .if dual_issue\n" /* a taken branch costs two cycles, one that is not none */
    " blt 5f\n split_pair\n"
    " .endif\n"
    " bge 3b\n"
    "5:\n"
    " split_two\n str r11, [r7], #4\n adds r2, r2, #1\n bne 7f\n"
    /* one more pixel */
    " ldr r8, [r0]\n"
    "6:\n"
    " ldr r9, [sp, " PAD "]\n mvn r2, #1\n b 5b\n"
    "7:\n"
    " ldr r2, [sp, " SECOND "]\n cmp r2, #0\n bne 11f\n"
    "12:\n"
    " ldr r8, [sp, " GAP "]\n"
    "8:\n"
    " ldr r9, [sp, " ROWS "]\n ldr r10, [sp, " ROWS_END "]\n add r4, r4, r8\n add r5, r5, r8\n add r6, r6, r8\n"
    " cmp r9, r10\n add r7, r7, r8\n bne 1b\n add sp, sp, " FRAME "\n pop {r4-r11, pc}\n"
    "9:\n"
    " ldr r8, [sp, " ROW_BYTES "]\n b 8b\n"
    "11:\n"
    /* the second group of the row, or back to the first group's planes */
    " ldr r8, [sp, " GAP "]\n ldr r9, [sp, " ROW_BYTES "]\n add r4, r4, r2\n add r5, r5, r2\n add r6, r6, r2\n"
    " add r7, r7, r2\n sub r8, r8, r9\n sub r8, r8, r2\n cmp r2, #0\n str r8, [sp, " SECOND "]\n bmi 12b\n"
    " ldr r0, [sp, " ROW_IN "]\n ldr r8, [sp, " PAD "]\n ldr r11, [sp, " ODD "]\n add r0, r0, #4\n cmp r11, #0\n"
    " b 10b\n"
    " .size mcu_depthwise_split, . - mcu_depthwise_split\n"
    " .text\n"
);
/* clang-format on */

#else

static void split_row(const struct mcu_depthwise_split *job, const int8_t *in, uint32_t *row)
{
    for (int32_t i = 0; i < job->pixels; i++, in += job->step) {
        const uint32_t pixel = mcu_load4(in);
        const uint32_t c02 = mcu_sxtab16(job->bias, pixel), c13 = mcu_sxtab16_ror8(job->bias, pixel);
        const uint32_t values[4] = {c02 & 0xffff, c13 & 0xffff, c02 >> 16, c13 >> 16};
        const int32_t high = (i + job->odd) & 1;
        uint32_t *word = row + (i + job->odd) / 2;
        for (int32_t c = 0; c < 4; c++, word += job->plane_bytes / 4) {
            if (!high)
                *word = values[c];
            else
                *word = (i ? *word & 0xffff : 0) | values[c] << 16;
        }
    }
}

void mcu_depthwise_split(const struct mcu_depthwise_split *job)
{
    uint32_t *row = job->plane;
    for (const int32_t *offset = job->rows; offset != job->rows_end; offset++, row += job->row_bytes / 4)
        if (*offset != MCU_DEPTHWISE_NO_ROW) {
            split_row(job, job->in + *offset, row);
            if (job->second_bytes)
                split_row(job, job->in + *offset + 4, row + job->plane_bytes);
        }
}

#endif
