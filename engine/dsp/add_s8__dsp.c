/*
 * add_s8__dsp.c - elementwise sum, int8: one input through a table, the other (which TFLite scales by exactly
 * one half) as it is.
 */
#include "panel.h"
#include "requant_dsp.h"

/* Read by the assembly: order matters. */
struct add {
    const int32_t *table;
    int32_t scale; /* 2^19, or minus that */
    int32_t multiplier, shift, zero_point;
};

#ifdef MCU_DSP_ASM

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    /* Two elements in r11 and r12: extracted from r9 and r10, scaled, stored. */
    ".macro add_two x, x_1, y, y_1, store, store_1\n"
    " \\x\n \\x_1\n \\y\n ldr r11, [r4, r11, lsl #2]\n ldr r12, [r4, r12, lsl #2]\n mla r11, lr, r5, r11\n"
    " \\y_1\n smmlar r11, r11, r6, r11\n mla r12, lr, r5, r12\n add r11, r11, r11, asr #31\n"
    " smmlar r12, r12, r6, r12\n smmlar r11, r11, r7, r8\n add r12, r12, r12, asr #31\n ssat r11, #8, r11\n"
    " smmlar r12, r12, r7, r8\n \\store\n ssat r12, #8, r12\n \\store_1\n"
    ".endm\n"
    " .section .text.mcu_add_fours, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global mcu_add_fours\n"
    " .thumb_func\n"
    " .type mcu_add_fours, %function\n"
    "mcu_add_fours:\n"
    " push {r4-r11, lr}\n ldr r12, [sp, #36]\n ldm r12, {r4-r8}\n"
    "1:\n"
    " ldr r9, [r0], #4\n ldr r10, [r1], #4\n"
    " add_two \"uxtb r11, r9\", \"ubfx r12, r9, #8, #8\", \"sxtb lr, r10\", \"sbfx lr, r10, #8, #8\","
    " \"strb r11, [r2]\", \"strb r12, [r2, #1]\"\n"
    " add_two \"ubfx r11, r9, #16, #8\", \"lsr r12, r9, #24\", \"sbfx lr, r10, #16, #8\", \"asr lr, r10, #24\","
    " \"strb r11, [r2, #2]\", \"strb r12, [r2, #3]\"\n"
    " add r2, r2, #4\n subs r3, r3, #4\n bne 1b\n pop {r4-r11, pc}\n"
    " .size mcu_add_fours, . - mcu_add_fours\n"
    " .text\n"
);
/* clang-format on */

/* n: a positive multiple of 4 */
void mcu_add_fours(const int8_t *a, const int8_t *b, int8_t *out, int32_t n, const struct add *add);

#endif

static void add_row(const struct add *add, const int8_t *a, const int8_t *b, int8_t *out, int32_t n)
{
#ifdef MCU_DSP_ASM
    const int32_t fours = n & ~3;
    if (fours)
        mcu_add_fours(a, b, out, fours, add);
    a += fours, b += fours, out += fours, n -= fours;
#endif
    for (; n > 0; n--) {
        const int32_t sum = add->table[(uint8_t)*a++] + *b++ * add->scale;
        int32_t y = mcu_smmlar(sum, add->multiplier, sum);
        y += y >> 31;
        *out++ = (int8_t)mcu_ssat8(mcu_smmlar(y, add->shift, add->zero_point));
    }
}

void mcu_add_s8__dsp(const struct mcu_add_dsp *op, int32_t y0, int32_t y1)
{
    const int32_t n = op->out.w * op->out.c;
    const struct add add = {.table = op->table,
                            .scale = op->subtract ? -(1 << 19) : 1 << 19,
                            .multiplier = op->out_multiplier,
                            .shift = op->out_shift,
                            .zero_point = op->out_zero_point};
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        add_row(&add, mcu_row(&op->in[0], y), mcu_row(&op->in[1], y), out, n);
        if (op->act_min > -128 || op->act_max < 127)
            mcu_clamp_bytes(out, n, op->act_min, op->act_max);
    }
}
