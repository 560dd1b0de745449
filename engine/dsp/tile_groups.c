/*
 * tile_groups.c - pixel pairs x groups of 4 channels: assembly for Cortex-M7, a C twin elsewhere.
 */
#include "tile_groups.h"

#include "requant_dsp.h"

#ifdef MCU_TILE_IN_GROUPS
#ifdef MCU_DSP_ASM

/*
 * As in tile_4x2.c: r0 pixels, r1 weights; r2 r3 one word of each pixel; r4 r5 weight words; r6-r9 the sums
 * of pixel 0, r10 r11 r12 lr those of pixel 1. The struct's words lie on the stack.
 *
 * SMLAD and SMMLAR issue one a cycle, beside a load, a store, a branch or one of the ALU; SSAT issues beside
 * any of them but only first. So the multiplications of a tile's end stand first with the loads, then SSAT
 * with the stores; 1 turn = MCU_TILE_GROUPS_STEPS steps of 8 SMLAD, whose last one is rotated to the front so
 * that the way out of the loop needs no loads for a next turn.
 */
#define FIRST      "0" /* .. PIXELS_END: loaded together */
#define WEIGHTS    "4"
#define PIXELS     "8"
#define LAST_TURN  "12"
#define PAIR_BYTES "16"
#define OUT_NEXT   "20"
#define PIXELS_END "24"
#define SKIP_BYTES "28"
#define REQUANT    "32" /* OUT follows */
#define OUT        "36"
#define OUT_STEP   "40"
#define LAST       "44"
#define ENTRY      "48"
#define ZERO_POINT "52"
#define DIRECT     "56"
#define FRAME      "64"
#define TEXT_(x)   #x
#define TEXT(x)    TEXT_(x)
#define STEPS      TEXT(MCU_TILE_GROUPS_STEPS)

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    /* r2 r3 r4 hold the step's first words when it begins, the next one's when it ends */
    ".macro groups_step j\n"
    " smlad r6, r2, r4, r6\n ldr r5, [r1, #16 * \\j + 4]\n smlad r10, r3, r4, r10\n"
    " ldr r4, [r1, #16 * \\j + 8]\n smlad r7, r2, r5, r7\n smlad r11, r3, r5, r11\n"
    " ldr r5, [r1, #16 * \\j + 12]\n smlad r8, r2, r4, r8\n smlad r12, r3, r4, r12\n"
    " ldr r4, [r1, #16 * \\j + 16]\n smlad r9, r2, r5, r9\n ldr r2, [r0, #8 * \\j + 8]\n"
    " smlad lr, r3, r5, lr\n ldr r3, [r0, #8 * \\j + 12]\n"
    ".endm\n"
    " .section .text.mcu_tile_groups, \"ax\", %progbits\n"
    " .subsection 1\n"
    " .p2align 2\n"
    ".Lgroups_entries:\n"
    " .previous\n"
    " .p2align 3\n"
    " .global mcu_tile_groups\n"
    " .thumb_func\n"
    " .type mcu_tile_groups, %function\n"
    "mcu_tile_groups:\n"
    " push {r4-r11, lr}\n sub sp, sp, #" FRAME "\n mov r12, sp\n ldm r0!, {r4-r10}\n stm r12!, {r4-r10}\n"
    " ldm r0, {r3-r10}\n adr r1, .Lgroups_entries\n ldrh r8, [r1, r8, lsl #1]\n adr r1, .Lgroups_turn\n"
    " add r8, r8, r1\n stm r12, {r3-r10}\n ldm sp, {r0, r1}\n mov r5, r3\n ldr r4, [r1]\n b .Lgroups_tile\n"
    " .p2align 2\n"
    ".Lgroups_turn:\n"
    " smlad lr, r3, r4, lr\n ldr r3, [r0, #8 * " STEPS " + 4]\n smlad r9, r2, r4, r9\n"
    " ldr r2, [r0, #8 * " STEPS "]\n ldr r4, [r1, #16 * " STEPS "]\n add r1, r1, #16 * " STEPS "\n"
    " add r0, r0, #8 * " STEPS "\n"
    " .set j, 0\n"
    " .rept " STEPS " - 1\n"
    " 8: .subsection 1\n"
    " .hword 8b - .Lgroups_turn + 1\n"
    " .previous\n"
    " groups_step j\n"
    " .set j, j + 1\n"
    " .endr\n"
    " 8: .subsection 1\n"
    " .hword 8b - .Lgroups_turn + 1\n"
    " .previous\n"
    " smlad r6, r2, r4, r6\n ldr r5, [sp, #" LAST_TURN "]\n smlad r10, r3, r4, r10\n"
    " ldr r4, [r1, #16 * j + 4]\n smlad r7, r2, r4, r7\n cmp r0, r5\n smlad r11, r3, r4, r11\n"
    " ldr r5, [r1, #16 * j + 8]\n ldr r4, [r1, #16 * j + 12]\n smlad r8, r2, r5, r8\n"
    " smlad r12, r3, r5, r12\n bne .Lgroups_turn\n"
    /* y = SMMLAR(x, a, x) */
    " ldr r0, [sp, #" REQUANT "]\n smlad r9, r2, r4, r9\n ldr r5, [sp, #" DIRECT "]\n smlad lr, r3, r4, lr\n"
    " ldrd r2, r4, [r0, #16]\n smmlar r6, r6, r2, r6\n ldr r3, [r0, #24]\n smmlar r10, r10, r2, r10\n"
    " ldr r2, [r0, #32]\n smmlar r7, r7, r3, r7\n tst r4, r5\n smmlar r11, r11, r3, r11\n"
    " ldr r3, [r0, #40]\n smmlar r8, r8, r2, r8\n beq .Lgroups_tilt\n smmlar r12, r12, r2, r12\n"
    " ldr r5, [sp, #" ZERO_POINT "]\n smmlar r9, r9, r3, r9\n ldr r2, [sp, #" LAST "]\n smmlar lr, lr, r3, lr\n"
    /* q = SMMLAR(y, b, zero point); SSAT; store */
    ".Lgroups_tilted:\n"
    " cmp r0, r2\n smmlar r6, r6, r4, r5\n ldr r2, [r0, #28]\n smmlar r10, r10, r4, r5\n ldr r3, [r0, #36]\n"
    " smmlar r7, r7, r2, r5\n ldr r4, [r0, #44]!\n ssat r6, #8, r6\n smmlar r11, r11, r2, r5\n"
    " ssat r10, #8, r10\n smmlar r8, r8, r3, r5\n ldr r2, [sp, #" OUT "]\n smmlar r12, r12, r3, r5\n"
    " ldr r3, [sp, #" OUT_STEP "]\n smmlar r9, r9, r4, r5\n ssat r7, #8, r7\n smmlar lr, lr, r4, r5\n"
    " ssat r11, #8, r11\n strb r6, [r2]\n ssat r8, #8, r8\n strb r10, [r2, r3]\n ssat r12, #8, r12\n"
    " strb r7, [r2, #1]!\n ssat r9, #8, r9\n strb r11, [r2, r3]\n ssat lr, #8, lr\n strb r8, [r2, #1]!\n"
    " add r1, r1, #16 * " STEPS "\n strb r12, [r2, r3]\n add r0, r0, #4\n strb r9, [r2, #1]!\n"
    " ldr r5, [sp, #" SKIP_BYTES "]\n strb lr, [r2, r3]\n add r2, r2, #1\n beq .Lgroups_next_pair\n"
    " ldr r4, [r1]\n strd r0, r2, [sp, #" REQUANT "]\n"
    /* the first words and the bias of a tile, and the jump to its first step; r0: requant, r5: SKIP_BYTES */
    ".Lgroups_tile:\n"
    " sub r1, r1, r5, lsl #1\n ldr r3, [sp, #" PIXELS "]\n ldm r0, {r6-r9}\n mov r10, r6\n ldr r2, [r3]\n"
    " sub r0, r3, r5\n ldr r3, [r3, #4]\n mov r11, r7\n mov r12, r8\n mov lr, r9\n"
    " ldr pc, [sp, #" ENTRY "]\n"
    ".Lgroups_next_pair:\n"
    " ldm sp, {r0, r1, r3, r4, r6, r7, r8}\n add r3, r3, r6\n add r4, r4, r6\n add r2, r2, r7\n cmp r3, r8\n"
    " strd r3, r4, [sp, #" PIXELS "]\n ldr r4, [r1]\n beq .Lgroups_leave\n strd r0, r2, [sp, #" REQUANT "]\n"
    " b .Lgroups_tile\n"
    ".Lgroups_leave:\n"
    " add sp, sp, #" FRAME "\n pop {r4-r11, pc}\n"
    /* y + (y >> 31), or 4 y - (y < 0): exact too, within the bounds of MCU_REQUANT_SHIFT (dsp.h) */
    ".Lgroups_tilt:\n"
    " smmlar r12, r12, r2, r12\n and r2, r4, #2\n smmlar r9, r9, r3, r9\n ldr r5, [sp, #" ZERO_POINT "]\n"
    " smmlar lr, lr, r3, lr\n"
    " .irp x, r6, r10, r7, r11, r8, r12, r9, lr\n"
    " lsl \\x, \\x, r2\n add \\x, \\x, \\x, asr #31\n"
    " .endr\n"
    " ldr r2, [sp, #" LAST "]\n b .Lgroups_tilted\n"
    " .subsection 1\n"
    " .p2align 2\n"
    " .size mcu_tile_groups, . - mcu_tile_groups\n"
    " .previous\n"
    " .text\n"
);
/* clang-format on */

#else

void mcu_tile_groups(const struct mcu_tile_groups *tile)
{
    const int32_t depth = (int32_t)(tile->pair_bytes / 4);
    struct mcu_tile group; /* a pair of pixels by 4 channels */
    group.out = tile->out;
    group.out_step = tile->out_step;
    group.zero_point_mode = 4 * tile->zero_point;
    for (group.pixels = tile->pixels; group.pixels != tile->pixels_end; group.pixels = group.pixels_end) {
        group.pixels_end = group.pixels + depth;
        group.weights = tile->weights;
        group.requant = tile->first;
        for (; group.requant <= tile->last; group.requant += MCU_REQUANT_WORDS, group.out += 4) {
            group.weights_end = group.weights + 2 * depth;
            mcu_tile_4x2(&group);
            group.weights = group.weights_end;
        }
        group.out += tile->out_next;
    }
}

#endif
#endif
