/*
 * depthwise_asm.h - assembler macros of the depthwise kernels. Private to engine/dsp/.
 */
#ifndef MCU_DSP_DEPTHWISE_ASM_H
#define MCU_DSP_DEPTHWISE_ASM_H

/*
 * A block of dw_n outputs; the sum of output o is register dw_first_sum + o.
 *
 * dw_mac kind, o, d, w, init: one multiplication of data d with weight w; nothing if o is not of this block.
 * With init the sum starts at `bias` (itself the last sum to start). dw_on what, o: what on the register of
 * output o.
 */
#define MCU_DEPTHWISE_SUMS(bias)                                                                             \
    ".macro dw_mac kind, o, d, w, init=0\n"                                                                  \
    " .if ((\\o) >= 0) && ((\\o) < dw_n)\n"                                                                  \
    " .irp x, 4, 5, 6, 7, 8, 9, 10, 11\n"                                                                    \
    " .if dw_first_sum + (\\o) == \\x\n"                                                                     \
    " .if \\init\n"                                                                                          \
    " \\kind r\\x, \\d, \\w, " bias "\n"                                                                     \
    " .else\n"                                                                                               \
    " \\kind r\\x, \\d, \\w, r\\x\n"                                                                         \
    " .endif\n"                                                                                              \
    " .endif\n"                                                                                              \
    " .endr\n"                                                                                               \
    " .endif\n"                                                                                              \
    ".endm\n"                                                                                                \
    ".macro dw_on what, o\n"                                                                                 \
    " .if ((\\o) >= 0) && ((\\o) < dw_n)\n"                                                                  \
    " .irp x, 4, 5, 6, 7, 8, 9, 10, 11\n"                                                                    \
    " .if dw_first_sum + (\\o) == \\x\n"                                                                     \
    " \\what r\\x\n"                                                                                         \
    " .endif\n"                                                                                              \
    " .endr\n"                                                                                               \
    " .endif\n"                                                                                              \
    ".endm\n"                                                                                                \
    ".macro dw_scale x\n"                                                                                    \
    " smmlar \\x, \\x, r2, \\x\n"                                                                            \
    ".endm\n"                                                                                                \
    ".macro dw_shift x\n"                                                                                    \
    " smmlar \\x, \\x, r3, r12\n"                                                                            \
    ".endm\n"                                                                                                \
    ".macro dw_saturate x\n"                                                                                 \
    " ssat \\x, #8, \\x\n"                                                                                   \
    ".endm\n"

#endif
