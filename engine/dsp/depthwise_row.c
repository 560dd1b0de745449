/*
 * depthwise_row.c - rows of four channels: assembly for Armv7E-M and Armv8-M with DSP, a C twin
 * elsewhere.
 *
 * Outputs are computed in blocks of 8 (kernel 3) or 6, the rest of a row in one smaller block. Kernel 3 is
 * unrolled over its rows; 5 and 7 loop over them: the code stays small enough for the instruction caches of
 * microcontroller flash.
 */
#include "depthwise_row.h"

#include "requant_dsp.h"
#include "tile_4x2.h"

#ifdef MCU_DSP_ASM

/*
 * r0 data, r1 weights (the output when the sums are done), r2-r5 weights and data, r12 lr data, sums up to
 * r11. On the stack: the channel's bias, a, b; then struct mcu_depthwise_rows, moving on from channel to
 * channel; then what belongs to the row and block at hand.
 */
#define BIAS              "#0"
#define A                 "#4"
#define B                 "#8"
#define JOB               "#12"
#define ZERO_POINT_MODE   "#12"
#define OUT_STEP          "#16"
#define ROW_BYTES         "#20"
#define REQUANT           "#24"
#define PLANE             "#28"
#define PLANE_BYTES       "#32"
#define WEIGHTS           "#36"
#define OUT               "#40"
#define ROWS              "#44"
#define ROWS_END          "#48"
#define BLOCKS_BYTES      "#52"
#define TAIL              "#56"
#define CHANNELS          "#60"
#define ROW               "#64"
#define BLOCK             "#68" /* the next four */
#define BLOCK_WEIGHTS     "#68"
#define BLOCK_WEIGHTS_END "#72"
#define BACK              "#76"
#define BLOCK_OUT         "#80"
#define BLOCKS_END        "#84"
#define ENTRY             "#88" /* into the unrolled kernel rows */
#define FRAME             "#92"

#ifdef MCU_CORTEX_M7
#define CORE " .set dual_issue, 1\n"
#else
#define CORE " .set dual_issue, 0\n"
#endif

/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    CORE
    /* kind sum, data, weights: sum of output o is register first_sum + o; nothing if o is not of this *
     * * block. * With init the sum starts at r11 (the bias; itself the last sum to start). */
    ".macro dw_mac_reg kind, sum, d, w, init\n"
    " .if \\init\n"
    " \\kind \\sum, \\d, \\w, r11\n"
    " .else\n"
    " \\kind \\sum, \\d, \\w, \\sum\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_mac kind, o, d, w, init=0\n"
    " .if ((\\o) >= 0) && ((\\o) < dw_n)\n"
    " .set dw_reg, dw_first_sum + (\\o)\n"
    " .if dw_reg == 4\n"
    " dw_mac_reg \\kind, r4, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 5\n"
    " dw_mac_reg \\kind, r5, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 6\n"
    " dw_mac_reg \\kind, r6, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 7\n"
    " dw_mac_reg \\kind, r7, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 8\n"
    " dw_mac_reg \\kind, r8, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 9\n"
    " dw_mac_reg \\kind, r9, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 10\n"
    " dw_mac_reg \\kind, r10, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .if dw_reg == 11\n"
    " dw_mac_reg \\kind, r11, \\d, \\w, (\\init)\n"
    " .endif\n"
    " .endif\n"
    ".endm\n"
    /* Kernel row `row` (0-2) of a 3 x 3 kernel: its weights in r2 r3, data words one after the other in
     * * * r12 and lr. */
    ".macro dw_row3_word stride, i, d, init\n"
    " .if \\stride == 1\n"
    " dw_mac smlabt, 2*(\\i)-2, \\d, r3\n dw_mac smlad, 2*(\\i)-1, \\d, r3\n"
    " dw_mac smlad, 2*(\\i), \\d, r2, \\init\n dw_mac smlatb, 2*(\\i)+1, \\d, r2, \\init\n"
    " .else\n"
    " dw_mac smlad, (\\i)-1, \\d, r3\n dw_mac smlad, (\\i), \\d, r2, \\init\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_row3 stride, row\n"
    " .if \\stride == 1\n"
    " .set dw_words, (dw_n + 1) / 2 + 1\n"
    " .else\n"
    " .set dw_words, dw_n + 1\n"
    " .endif\n"
    " .set dw_init, \\row == 0\n"
    " ldr r2, [r1, #8 * \\row]\n ldr r3, [r1, #8 * \\row + 4]\n ldr r12, [r0]\n"
    " .set dw_i, 0\n"
    " .rept dw_words\n"
    " .if dw_i & 1\n"
    " .if dw_i + 1 < dw_words\n"
    " ldr r12, [r0, #4 * (dw_i + 1)]\n"
    " .endif\n"
    " dw_row3_word \\stride, dw_i, lr, dw_init\n"
    " .else\n"
    " .if dw_i + 1 < dw_words\n"
    " ldr lr, [r0, #4 * (dw_i + 1)]\n"
    " .endif\n"
    " dw_row3_word \\stride, dw_i, r12, dw_init\n"
    " .endif\n"
    " .set dw_i, dw_i + 1\n"
    " .endr\n"
    ".endm\n"
    /* Stride 1, kernel 5 or 7. Phase t multiplies word o + t of every pair of outputs (2o, 2o + 1); * *
     * three * data words (r4 r5 r12) take turns. Loads for the next phase go between the multiplications
     * * * or behind * them, as the core likes it. */
    ".macro dw_phase even, we, odd, wo, d0, d1, d2, load_we, load_data, load_wo\n"
    " dw_mac \\even, 0, \\d0, \\we\n dw_mac \\even, 2, \\d1, \\we\n dw_mac \\even, 4, \\d2, \\we\n"
    " .if dual_issue\n"
    " \\load_we\n"
    " .endif\n"
    " dw_mac \\odd, 1, \\d0, \\wo\n"
    " .if dual_issue\n"
    " \\load_data\n"
    " .endif\n"
    " dw_mac \\odd, 3, \\d1, \\wo\n dw_mac \\odd, 5, \\d2, \\wo\n"
    " .if dual_issue\n"
    " \\load_wo\n"
    " .else\n"
    " \\load_we\n \\load_wo\n \\load_data\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_row_stride1 kernel, d0, d1, d2\n"
    /* weights: A at 4 j, B at 4 (h + j), r1 already behind them */
    " .set dw_pairs, (dw_n + 1) / 2\n"
    " ldr r2, [r1], #4 * (\\kernel - 1)\n ldr \\d0, [r0]\n"
    " .if dw_pairs > 1\n"
    " ldr \\d1, [r0, #4]\n"
    " .endif\n"
    " .if dw_pairs > 2\n"
    " ldr \\d2, [r0, #8]\n"
    " .endif\n"
    " .if \\kernel == 5\n"
    " dw_phase smlad, r2, smlatb, r2, \\d0, \\d1, \\d2, , \"ldr \\d0, [r0, #4 * dw_pairs]\", \"dw_load_2 -12, -8\"\n"
    " .else\n"
    " dw_phase smlad, r2, smlatb, r2, \\d0, \\d1, \\d2, , \"ldr \\d0, [r0, #4 * dw_pairs]\", \"dw_load_2 -20, -12\"\n"
    " .endif\n"
    " .if dw_pairs == 1\n"
    " dw_rest_stride1 \\kernel, \\d0, \\d0, \\d0\n"
    " .endif\n"
    " .if dw_pairs == 2\n"
    " dw_rest_stride1 \\kernel, \\d1, \\d0, \\d1\n"
    " .endif\n"
    " .if dw_pairs == 3\n"
    " dw_rest_stride1 \\kernel, \\d1, \\d2, \\d0\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_load_2 a, b\n"
    " ldr r2, [r1, #\\a]\n"
    " .if dw_n > 1\n"
    " ldr r3, [r1, #\\b]\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_load_3 b\n"
    " .if dw_n > 1\n"
    " ldr r3, [r1, #\\b]\n"
    " .endif\n"
    ".endm\n"
    /* phases 1 .. h; d0 d1 d2: the words of phase 1 */
    ".macro dw_rest_stride1 kernel, d0, d1, d2\n"
    " .if \\kernel == 7\n"
    " dw_phase smlad, r2, smlad, r3, \\d0, \\d1, \\d2, \"ldr r2, [r1, #-16]\", \"ldr \\d0, [r0, #4 * dw_pairs + 4]\", \"dw_load_3 -8\"\n"
    " .if dw_pairs == 1\n"
    " dw_last_stride1 8, \\d0, \\d0, \\d0\n"
    " .endif\n"
    " .if dw_pairs == 2\n"
    " dw_last_stride1 8, \\d1, \\d0, \\d1\n"
    " .endif\n"
    " .if dw_pairs == 3\n"
    " dw_last_stride1 8, \\d1, \\d2, \\d0\n"
    " .endif\n"
    " .else\n"
    " dw_last_stride1 4, \\d0, \\d1, \\d2\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_last_stride1 offset, d0, d1, d2\n"
    " dw_phase smlad, r2, smlad, r3, \\d0, \\d1, \\d2, \"ldr r2, [r1, #-4]\", \"ldr \\d0, [r0, #4 * dw_pairs + \\offset]\", \n"
    " .if dw_pairs == 1\n"
    " dw_phase smlabt, r2, smlad, r2, \\d0, \\d0, \\d0, , , \n"
    " .endif\n"
    " .if dw_pairs == 2\n"
    " dw_phase smlabt, r2, smlad, r2, \\d1, \\d0, \\d1, , , \n"
    " .endif\n"
    " .if dw_pairs == 3\n"
    " dw_phase smlabt, r2, smlad, r2, \\d1, \\d2, \\d0, , , \n"
    " .endif\n"
    ".endm\n"
    /* Stride 2, kernel 5 or 7: the row's weights in r2-r4 (r5), data words one after the other in r12 *
     * * and lr. */
    ".macro dw_word_stride2 kernel, i, d\n"
    " .if \\kernel == 7\n"
    " dw_mac smlad, (\\i)-3, \\d, r5\n"
    " .endif\n"
    " dw_mac smlad, (\\i)-2, \\d, r4\n dw_mac smlad, (\\i)-1, \\d, r3\n dw_mac smlad, (\\i), \\d, r2\n"
    ".endm\n"
    ".macro dw_row_stride2 kernel\n"
    " .set dw_words, dw_n + (\\kernel - 1) / 2\n"
    " ldr r2, [r1], #2 * (\\kernel + 1)\n ldr r12, [r0]\n"
    " .if \\kernel == 7\n"
    " ldr r3, [r1, #-12]\n ldr r4, [r1, #-8]\n ldr r5, [r1, #-4]\n"
    " .else\n"
    " ldr r3, [r1, #-8]\n ldr r4, [r1, #-4]\n"
    " .endif\n"
    " .set dw_i, 0\n"
    " .rept dw_words\n"
    " .if dw_i & 1\n"
    " .if dw_i + 1 < dw_words\n"
    " ldr r12, [r0, #4 * (dw_i + 1)]\n"
    " .endif\n"
    " dw_word_stride2 \\kernel, dw_i, lr\n"
    " .else\n"
    " .if dw_i + 1 < dw_words\n"
    " ldr lr, [r0, #4 * (dw_i + 1)]\n"
    " .endif\n"
    " dw_word_stride2 \\kernel, dw_i, r12\n"
    " .endif\n"
    " .set dw_i, dw_i + 1\n"
    " .endr\n"
    ".endm\n"
    /* The sums become int8 and are stored out_step bytes apart; r1 is the output pointer afterwards. */
    ".macro dw_scale x\n"
    " smmlar \\x, \\x, r2, \\x\n"
    ".endm\n"
    ".macro dw_tilt x\n"
    " add \\x, \\x, \\x, asr #31\n"
    ".endm\n"
    ".macro dw_shift x\n"
    " smmlar \\x, \\x, r3, r12\n"
    ".endm\n"
    ".macro dw_saturate x\n"
    " ssat \\x, #8, \\x\n"
    ".endm\n"
    ".macro dw_on what, o\n"
    /* what on the register of output o */
    " .if ((\\o) >= 0) && ((\\o) < dw_n)\n"
    " .set dw_reg, dw_first_sum + (\\o)\n"
    " .if dw_reg == 4\n"
    " \\what r4\n"
    " .endif\n"
    " .if dw_reg == 5\n"
    " \\what r5\n"
    " .endif\n"
    " .if dw_reg == 6\n"
    " \\what r6\n"
    " .endif\n"
    " .if dw_reg == 7\n"
    " \\what r7\n"
    " .endif\n"
    " .if dw_reg == 8\n"
    " \\what r8\n"
    " .endif\n"
    " .if dw_reg == 9\n"
    " \\what r9\n"
    " .endif\n"
    " .if dw_reg == 10\n"
    " \\what r10\n"
    " .endif\n"
    " .if dw_reg == 11\n"
    " \\what r11\n"
    " .endif\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_store_even x\n"
    " strb \\x, [r1]\n"
    ".endm\n"
    ".macro dw_store_odd x\n"
    " strb \\x, [r1, lr]\n add r1, r1, lr, lsl #1\n"
    ".endm\n"
    ".macro dw_store o\n"
    " .if ((\\o) >= 0) && ((\\o) < dw_n)\n"
    " .if (\\o) & 1\n"
    " dw_on dw_store_odd, (\\o)\n"
    " .else\n"
    " dw_on dw_store_even, (\\o)\n"
    " .endif\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_finish\n"
    " ldr r12, [sp, " ZERO_POINT_MODE "]\n ldr r2, [sp, " A "]\n ldr r3, [sp, " B "]\n"
    " ldr r1, [sp, " BLOCK_OUT "]\n ldr lr, [sp, " OUT_STEP "]\n asrs r12, r12, #1\n"
    " .set dw_o, 0\n"
    " .rept dw_n\n"
    " dw_on dw_scale, dw_o\n"
    " .set dw_o, dw_o + 1\n"
    " .endr\n"
    " bcs 6f\n"
    "5:\n"
    " .set dw_o, 0\n"
    " .rept dw_n + 2\n"
    " dw_on dw_shift, dw_o\n dw_on dw_saturate, dw_o-1\n dw_store dw_o-2\n"
    " .set dw_o, dw_o + 1\n"
    " .endr\n"
    " .if dw_n == 1\n"
    " add r1, r1, lr\n"
    " .endif\n"
    " .subsection 1\n"
    "6:\n"
    " .set dw_o, 0\n"
    " .rept dw_n\n"
    " dw_on dw_tilt, dw_o\n"
    " .set dw_o, dw_o + 1\n"
    " .endr\n"
    " b 5b\n"
    " .previous\n"
    ".endm\n"
    /* A block of n outputs at r0. Afterwards r0 and BLOCK_OUT are at the next one. */
    ".macro dw_block3 stride, n\n"
    " .set dw_n, \\n\n"
    " .set dw_first_sum, 4\n"
    " ldr r11, [sp, " BIAS "]\n ldr r1, [sp, " BLOCK_WEIGHTS "]\n dw_row3 \\stride, 0\n"
    " ldr lr, [sp, " ROW_BYTES "]\n add r0, r0, lr\n dw_row3 \\stride, 1\n ldr lr, [sp, " ROW_BYTES "]\n"
    " add r0, r0, lr\n dw_row3 \\stride, 2\n ldr lr, [sp, " BACK "]\n add r0, r0, #2 * \\stride * \\n\n"
    " add r0, r0, lr\n dw_finish\n str r1, [sp, " BLOCK_OUT "]\n"
    ".endm\n"
    ".macro dw_loop_row kernel, stride\n"
    " .if \\stride == 1\n"
    " dw_row_stride1 \\kernel, r4, r5, r12\n"
    " .else\n"
    " dw_row_stride2 \\kernel\n ldr lr, [sp, " ROW_BYTES "]\n"
    " .endif\n"
    " add r0, r0, lr\n"
    ".endm\n"
    ".macro dw_block_loop kernel, stride, n\n"
    " .set dw_n, \\n\n"
    " .set dw_first_sum, 6\n"
    " ldr r6, [sp, " BIAS "]\n ldr r1, [sp, " BLOCK_WEIGHTS "]\n ldr lr, [sp, " ROW_BYTES "]\n"
    " .if dw_n > 1\n"
    " mov r7, r6\n"
    " .endif\n"
    " .if dw_n > 2\n"
    " mov r8, r6\n"
    " .endif\n"
    " .if dw_n > 3\n"
    " mov r9, r6\n"
    " .endif\n"
    " .if dw_n > 4\n"
    " mov r10, r6\n"
    " .endif\n"
    " .if dw_n > 5\n"
    " mov r11, r6\n"
    " .endif\n"
    " .if dual_issue && \\n == 6\n"
    /* unrolled: a jump to as many copies as there are kernel rows */
    " ldr r2, [sp, " ENTRY "]\n bx r2\n"
    "9:\n"
    " .rept \\kernel\n"
    " dw_loop_row \\kernel, \\stride\n"
    " .endr\n"
    "10:\n"
    " .subsection 1\n"
    " 11:\n"
    " .hword (10b - 9b) / \\kernel\n"
    " .previous\n"
    " .else\n"
    "9:\n"
    " dw_loop_row \\kernel, \\stride\n ldr r2, [sp, " BLOCK_WEIGHTS_END "]\n cmp r1, r2\n bne 9b\n"
    " .endif\n"
    " ldr lr, [sp, " BACK "]\n add r0, r0, #2 * \\stride * \\n\n add r0, r0, lr\n dw_finish\n"
    " str r1, [sp, " BLOCK_OUT "]\n"
    ".endm\n"
    ".macro dw_block kernel, stride, n\n"
    " .if \\kernel == 3\n"
    " dw_block3 \\stride, \\n\n"
    " .else\n"
    " dw_block_loop \\kernel, \\stride, \\n\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_tail name, kernel, stride, n, largest\n"
    " .if \\n <= \\largest\n"
    ".L\\name\\()_\\n:\n"
    " dw_block \\kernel, \\stride, \\n\n"
    " .if \\n < \\largest\n"
    " b 4f\n"
    " .endif\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_tail_entry name, n, largest\n"
    " .if \\n <= \\largest\n"
    " .hword (.L\\name\\()_\\n - 3b) / 2\n"
    " .endif\n"
    ".endm\n"
    ".macro dw_function name, kernel, stride, n\n"
    " .section .text.\\name, \"ax\", %progbits\n"
    " .p2align 3\n"
    " .global \\name\n"
    " .thumb_func\n"
    " .type \\name, %function\n"
    "\\name:\n"
    " push {r4-r11, lr}\n sub sp, sp, " FRAME "\n ldm r0, {r1-r12}\n add r0, sp, " JOB "\n"
    " stm r0, {r1-r12}\n movs r1, #4\n str r1, [sp, " CHANNELS "]\n"
    "1:\n"
    /* next channel */
    " ldr r4, [sp, " REQUANT "]\n ldm r4!, {r5-r7}\n str r4, [sp, " REQUANT "]\n stm sp, {r5-r7}\n"
    " ldr r4, [sp, " ROWS "]\n"
    "2:\n"
    /* next row */
    " ldm r4!, {r5-r10}\n ldr r0, [sp, " PLANE "]\n str r4, [sp, " ROW "]\n add r0, r0, r5\n"
    " ldr r1, [sp, " WEIGHTS "]\n ldr r2, [sp, " OUT "]\n add r1, r1, r6\n add r9, r9, r2\n"
    " add r7, r7, r1\n add r2, sp, " BLOCK "\n stm r2, {r1, r7, r8, r9}\n ldr r3, [sp, " BLOCKS_BYTES "]\n"
    " add r3, r3, r0\n str r3, [sp, " BLOCKS_END "]\n cmp r0, r3\n beq 8f\n"
    " .if dual_issue && \\n == 6\n"
    " ldrh r3, 11f\n adr r2, 10f\n mul r3, r3, r10\n sub r2, r2, r3\n orr r2, r2, #1\n"
    " str r2, [sp, " ENTRY "]\n"
    " .endif\n"
    "7:\n"
    " dw_block \\kernel, \\stride, \\n\n ldr r3, [sp, " BLOCKS_END "]\n cmp r0, r3\n bne 7b\n"
    "8:\n"
    " ldr r2, [sp, " TAIL "]\n tbh [pc, r2, lsl #1]\n"
    "3:\n"
    " .hword (.L\\name\\()_0 - 3b) / 2\n"
    " dw_tail_entry \\name, 1, \\n-1\n dw_tail_entry \\name, 2, \\n-1\n dw_tail_entry \\name, 3, \\n-1\n"
    " dw_tail_entry \\name, 4, \\n-1\n dw_tail_entry \\name, 5, \\n-1\n dw_tail_entry \\name, 6, \\n-1\n"
    " dw_tail_entry \\name, 7, \\n-1\n dw_tail \\name, \\kernel, \\stride, 1, \\n-1\n"
    " dw_tail \\name, \\kernel, \\stride, 2, \\n-1\n dw_tail \\name, \\kernel, \\stride, 3, \\n-1\n"
    " dw_tail \\name, \\kernel, \\stride, 4, \\n-1\n dw_tail \\name, \\kernel, \\stride, 5, \\n-1\n"
    " dw_tail \\name, \\kernel, \\stride, 6, \\n-1\n dw_tail \\name, \\kernel, \\stride, 7, \\n-1\n"
    "4:\n"
    ".L\\name\\()_0:\n"
    " ldr r4, [sp, " ROW "]\n ldr r5, [sp, " ROWS_END "]\n cmp r4, r5\n bne 2b\n ldr r0, [sp, " PLANE "]\n"
    " ldr r1, [sp, " PLANE_BYTES "]\n add r0, r0, r1\n str r0, [sp, " PLANE "]\n"
    " ldr r0, [sp, " WEIGHTS "]\n ldr r1, [sp, " OUT "]\n"
    " add r0, r0, #4 * dw_channel_words_\\kernel\\()_\\stride\n adds r1, r1, #1\n"
    " str r0, [sp, " WEIGHTS "]\n str r1, [sp, " OUT "]\n ldr r1, [sp, " CHANNELS "]\n subs r1, r1, #1\n"
    " str r1, [sp, " CHANNELS "]\n bne 1b\n add sp, sp, " FRAME "\n pop {r4-r11, pc}\n"
    " .subsection 1\n"
    " .size \\name, . - \\name\n"
    " .previous\n"
    " .text\n"
    ".endm\n"
    " .set dw_channel_words_3_1, 6\n"
    " .set dw_channel_words_5_1, 20\n"
    " .set dw_channel_words_7_1, 42\n"
    " .set dw_channel_words_3_2, 6\n"
    " .set dw_channel_words_5_2, 16\n"
    " .set dw_channel_words_7_2, 28\n"
    " dw_function mcu_depthwise_rows_3_stride1, 3, 1, 8\n"
    " dw_function mcu_depthwise_rows_3_stride2, 3, 2, 8\n"
    " dw_function mcu_depthwise_rows_5_stride1, 5, 1, 6\n"
    " dw_function mcu_depthwise_rows_5_stride2, 5, 2, 6\n"
    " dw_function mcu_depthwise_rows_7_stride1, 7, 1, 6\n"
    " dw_function mcu_depthwise_rows_7_stride2, 7, 2, 6\n"
);
/* clang-format on */

#else

/* Output x of one channel; data: its first kernel row. */
static int32_t depthwise_sum(const uint32_t *data, int32_t row_words, const uint32_t *w,
                             const uint32_t *w_end, int32_t x, int32_t h, int32_t stride, int32_t sum)
{
    for (; w != w_end; w += stride == 1 ? 2 * h : h + 1, data += row_words) {
        if (stride == 2) {
            for (int32_t j = 0; j <= h; j++)
                sum = mcu_smlad(data[x + j], w[j], sum);
        } else if (x & 1) {
            const uint32_t *d = data + x / 2;
            sum = mcu_smlatb(d[0], w[0], sum);
            for (int32_t j = 0; j < h; j++)
                sum = mcu_smlad(d[1 + j], w[h + j], sum);
        } else {
            const uint32_t *d = data + x / 2;
            for (int32_t j = 0; j < h; j++)
                sum = mcu_smlad(d[j], w[j], sum);
            sum = mcu_smlabt(d[h], w[2 * h - 1], sum);
        }
    }
    return sum;
}

static void depthwise_rows(const struct mcu_depthwise_rows *job, int32_t kernel, int32_t stride)
{
    const int32_t out_w = job->blocks_bytes / (2 * stride) + job->tail;
    for (int32_t c = 0; c < 4; c++) {
        const int32_t *requant = job->requant + 3 * c;
        const uint32_t *plane = job->plane + c * job->plane_bytes / 4;
        const uint32_t *weights = job->weights + c * mcu_depthwise_channel_words(kernel, stride);
        for (const struct mcu_depthwise_out_row *row = job->rows; row != job->rows_end; row++) {
            const uint32_t *w = weights + row->weights_offset / 4;
            int8_t *out = job->out + row->out_offset + c;
            for (int32_t x = 0; x < out_w; x++, out += job->out_step) {
                const int32_t sum =
                    depthwise_sum(plane + row->plane_offset / 4, job->row_bytes / 4, w,
                                  w + row->weights_bytes / 4, x, (kernel - 1) / 2, stride, requant[0]);
                *out = (int8_t)mcu_requant(sum, requant + 1, job->zero_point_mode >> 1);
            }
        }
    }
}

#define DEPTHWISE_ROWS(kernel, stride)                                                                       \
    void mcu_depthwise_rows_##kernel##_stride##stride(const struct mcu_depthwise_rows *job)                  \
    {                                                                                                        \
        depthwise_rows(job, kernel, stride);                                                                 \
    }
DEPTHWISE_ROWS(3, 1)
DEPTHWISE_ROWS(3, 2)
DEPTHWISE_ROWS(5, 1)
DEPTHWISE_ROWS(5, 2)
DEPTHWISE_ROWS(7, 1)
DEPTHWISE_ROWS(7, 2)

#endif
