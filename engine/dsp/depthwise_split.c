/*
 * depthwise_split.c - rows of a map to rows of four planes: assembly for Armv7E-M and Armv8-M with DSP, a C
 * twin elsewhere.
 */
#include "depthwise_row.h"

#ifdef MCU_DSP_ASM

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    MCU_DEPTHWISE_CORE
    /* Two pixels a (r8) and b (r9) of four channels, one word per plane. */
    ".macro split_two count, load_a, load_b\n"
    " pkhbt r10, r8, r9, lsl #16\n \\count\n pkhtb r11, r9, r8, asr #16\n"
    " sxtab16 r12, r3, r10\n \\load_a\n sxtab16 r10, r3, r10, ror #8\n \\load_b\n"
    " sxtab16 lr, r3, r11\n str r12, [r4], #4\n sxtab16 r11, r3, r11, ror #8\n str r10, [r5], #4\n"
    " str lr, [r6], #4\n"
    ".endm\n"
    /* * r0 in, r1 step, r2 pixels left, r3 bias, r4-r7 the rows of the four planes, the rest data. On *
     * * the * stack: the job from `in` on. */
    " .section .text.mcu_depthwise_split, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_depthwise_split\n"
    " .thumb_func\n"
    " .type mcu_depthwise_split, %function\n"
    "mcu_depthwise_split:\n"
    " push {r4-r11, lr}\n sub sp, sp, #36\n ldm r0, {r1-r10}\n stm sp, {r3-r10}\n mov r3, r2\n"
    "1:\n"
    /* next row */
    " ldr r2, [sp, #4]\n ldr r4, [sp, #16]\n ldr r5, [sp, #20]\n ldr r0, [r2], #4\n add r5, r5, r4\n"
    " str r2, [sp, #4]\n str r5, [sp, #16]\n cmp r0, #0x80000000\n beq 5f\n ldr r6, [sp, #0]\n"
    " ldr r7, [sp, #24]\n ldr r2, [sp, #12]\n ldr r8, [sp, #28]\n add r0, r0, r6\n add r5, r4, r7\n"
    " add r6, r5, r7\n add r7, r7, r6\n cmp r8, #0\n beq 2f\n ldr r8, [r0]\n add r0, r0, r1\n"
    " subs r2, r2, #1\n movs r9, #0\n sxtab16 r10, r3, r8\n sxtab16 r11, r3, r8, ror #8\n"
    " lsl r12, r10, #16\n pkhtb r10, r10, r9\n lsl lr, r11, #16\n pkhtb r11, r11, r9\n str r12, [r4], #4\n"
    " str lr, [r5], #4\n str r10, [r6], #4\n str r11, [r7], #4\n"
    "2:\n"
    " subs r2, r2, #2\n blt 4f\n"
    " .if dual_issue\n"
    /* the next two pixels are loaded while these are split; the last two have no next */
    " ldr r8, [r0]\n ldr r9, [r0, r1]\n add r0, r0, r1, lsl #1\n subs r2, r2, #2\n blt 6f\n"
    " .p2align 2\n"
    "3:\n"
    " split_two \"subs r2, r2, #2\", \"ldr r8, [r0]\", \"ldr r9, [r0, r1]\"\n add r0, r0, r1, lsl #1\n str r11, [r7], #4\n bge 3b\n"
    "6:\n"
    " split_two\n str r11, [r7], #4\n"
    " .else\n"
    " .p2align 2\n"
    "3:\n"
    " ldr r8, [r0]\n ldr r9, [r0, r1]\n add r0, r0, r1, lsl #1\n split_two \"subs r2, r2, #2\"\n str r11, [r7], #4\n bge 3b\n"
    " .endif\n"
    "4:\n"
    " adds r2, r2, #2\n beq 5f\n"
    /* one more pixel */
    " ldr r8, [r0]\n sxtab16 r10, r3, r8\n sxtab16 r11, r3, r8, ror #8\n uxth r8, r10\n lsr r10, r10, #16\n"
    " uxth r9, r11\n lsr r11, r11, #16\n str r8, [r4]\n str r9, [r5]\n str r10, [r6]\n str r11, [r7]\n"
    "5:\n"
    " ldr r2, [sp, #4]\n ldr r4, [sp, #8]\n cmp r2, r4\n bne 1b\n add sp, sp, #36\n pop {r4-r11, pc}\n"
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
        if (*offset != MCU_DEPTHWISE_NO_ROW)
            split_row(job, job->in + *offset, row);
}

#endif
