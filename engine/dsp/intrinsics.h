/*
 * intrinsics.h - the DSP instructions the kernels use, as functions.
 *
 * On Cortex-M with the DSP extension each is one instruction; elsewhere the same function is exact C, so that
 * the kernels run unchanged in host tests. A uint32_t operand is a pair of int16 lanes (low, high) or four
 * int8 lanes. Sums wrap modulo 2^32 like the instructions do (SMLAD's Q flag is never read).
 */
#ifndef MCU_DSP_INTRINSICS_H
#define MCU_DSP_INTRINSICS_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
#define MCU_DSP_ASM 1
#endif

#define MCU_DSP_INLINE static inline __attribute__((always_inline))

/* Four bytes at any alignment: one LDR (Armv7-M and Armv8-M load and store words at any address). */
MCU_DSP_INLINE uint32_t mcu_load4(const void *p)
{
#ifdef MCU_DSP_ASM
    uint32_t word;
    __asm__("ldr %0, %1" : "=r"(word) : "m"(*(const uint32_t *)p));
    return word;
#else
    const uint8_t *b = p;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
#endif
}

MCU_DSP_INLINE void mcu_store4(void *p, uint32_t word)
{
#ifdef MCU_DSP_ASM
    __asm__("str %1, %0" : "=m"(*(uint32_t *)p) : "r"(word));
#else
    uint8_t *b = p;
    b[0] = (uint8_t)word, b[1] = (uint8_t)(word >> 8), b[2] = (uint8_t)(word >> 16),
    b[3] = (uint8_t)(word >> 24);
#endif
}

#ifdef MCU_DSP_ASM

#define MCU_DSP_ASM_2(name, instruction, operands)                                                           \
    MCU_DSP_INLINE uint32_t name(uint32_t a, uint32_t b)                                                     \
    {                                                                                                        \
        uint32_t r;                                                                                          \
        __asm__(instruction " " operands : "=r"(r) : "r"(a), "r"(b));                                        \
        return r;                                                                                            \
    }
#define MCU_DSP_ASM_MAC(name, instruction)                                                                   \
    MCU_DSP_INLINE int32_t name(uint32_t a, uint32_t b, int32_t sum)                                         \
    {                                                                                                        \
        int32_t r;                                                                                           \
        __asm__(instruction " %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));                         \
        return r;                                                                                            \
    }

MCU_DSP_ASM_MAC(mcu_smlad, "smlad")
MCU_DSP_ASM_MAC(mcu_smlabb, "smlabb")
MCU_DSP_ASM_MAC(mcu_smlabt, "smlabt")
MCU_DSP_ASM_MAC(mcu_smlatb, "smlatb")
MCU_DSP_ASM_2(mcu_sxtab16, "sxtab16", "%0, %1, %2")
MCU_DSP_ASM_2(mcu_sxtab16_ror8, "sxtab16", "%0, %1, %2, ror #8")
MCU_DSP_ASM_2(mcu_ssub16, "ssub16", "%0, %1, %2")
MCU_DSP_ASM_2(mcu_sadd16, "sadd16", "%0, %1, %2")
MCU_DSP_ASM_2(mcu_pack_low, "pkhbt", "%0, %1, %2, lsl #16")
MCU_DSP_ASM_2(mcu_pack_high, "pkhtb", "%0, %2, %1, asr #16")

MCU_DSP_INLINE uint32_t mcu_sxtb16(uint32_t a)
{
    uint32_t r;
    __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(a));
    return r;
}

MCU_DSP_INLINE uint32_t mcu_sxtb16_ror8(uint32_t a)
{
    uint32_t r;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a));
    return r;
}

MCU_DSP_INLINE uint32_t mcu_uxtb16(uint32_t a)
{
    uint32_t r;
    __asm__("uxtb16 %0, %1" : "=r"(r) : "r"(a));
    return r;
}

MCU_DSP_INLINE uint32_t mcu_uxtb16_ror8(uint32_t a)
{
    uint32_t r;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(r) : "r"(a));
    return r;
}

MCU_DSP_INLINE uint32_t mcu_rev16(uint32_t a)
{
    uint32_t r;
    __asm__("rev16 %0, %1" : "=r"(r) : "r"(a));
    return r;
}

MCU_DSP_INLINE int32_t mcu_smmlar(int32_t a, int32_t b, int32_t sum)
{
    int32_t r;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
    return r;
}

MCU_DSP_INLINE int32_t mcu_ssat8(int32_t a)
{
    int32_t r;
    __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(a) : "cc");
    return r;
}

MCU_DSP_INLINE uint32_t mcu_max_s8x4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

MCU_DSP_INLINE uint32_t mcu_min_s8x4(uint32_t a, uint32_t b)
{
    uint32_t r;
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(r) : "r"(a), "r"(b) : "cc");
    return r;
}

#undef MCU_DSP_ASM_2
#undef MCU_DSP_ASM_MAC

#else

MCU_DSP_INLINE int32_t mcu_low16(uint32_t a)
{
    return (int16_t)(a & 0xffff);
}

MCU_DSP_INLINE int32_t mcu_high16(uint32_t a)
{
    return (int16_t)(a >> 16);
}

MCU_DSP_INLINE int32_t mcu_wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* (low, high) int16 lanes from two integers, modulo 2^16 */
MCU_DSP_INLINE uint32_t mcu_lanes(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xffff) | (uint32_t)high << 16;
}

/* sum + a.low * b.low + a.high * b.high */
MCU_DSP_INLINE int32_t mcu_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    return mcu_wrapping_add(mcu_wrapping_add(sum, mcu_low16(a) * mcu_low16(b)),
                            mcu_high16(a) * mcu_high16(b));
}

/* sum + a.low * b.low */
MCU_DSP_INLINE int32_t mcu_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    return mcu_wrapping_add(sum, mcu_low16(a) * mcu_low16(b));
}

/* sum + a.low * b.high */
MCU_DSP_INLINE int32_t mcu_smlabt(uint32_t a, uint32_t b, int32_t sum)
{
    return mcu_wrapping_add(sum, mcu_low16(a) * mcu_high16(b));
}

/* sum + a.high * b.low */
MCU_DSP_INLINE int32_t mcu_smlatb(uint32_t a, uint32_t b, int32_t sum)
{
    return mcu_wrapping_add(sum, mcu_high16(a) * mcu_low16(b));
}

/* bytes 0 and 2, sign-extended to lanes */
MCU_DSP_INLINE uint32_t mcu_sxtb16(uint32_t a)
{
    return mcu_lanes((int8_t)(a & 0xff), (int8_t)(a >> 16 & 0xff));
}

/* bytes 1 and 3 */
MCU_DSP_INLINE uint32_t mcu_sxtb16_ror8(uint32_t a)
{
    return mcu_lanes((int8_t)(a >> 8 & 0xff), (int8_t)(a >> 24));
}

MCU_DSP_INLINE uint32_t mcu_uxtb16(uint32_t a)
{
    return a & 0x00ff00ffu;
}

MCU_DSP_INLINE uint32_t mcu_uxtb16_ror8(uint32_t a)
{
    return a >> 8 & 0x00ff00ffu;
}

/* swaps the two bytes of each lane */
MCU_DSP_INLINE uint32_t mcu_rev16(uint32_t a)
{
    return (a & 0x00ff00ffu) << 8 | (a >> 8 & 0x00ff00ffu);
}

/* a's lanes plus bytes 0 and 2 of b */
MCU_DSP_INLINE uint32_t mcu_sxtab16(uint32_t a, uint32_t b)
{
    return mcu_lanes(mcu_low16(a) + (int8_t)(b & 0xff), mcu_high16(a) + (int8_t)(b >> 16 & 0xff));
}

/* a's lanes plus bytes 1 and 3 of b */
MCU_DSP_INLINE uint32_t mcu_sxtab16_ror8(uint32_t a, uint32_t b)
{
    return mcu_lanes(mcu_low16(a) + (int8_t)(b >> 8 & 0xff), mcu_high16(a) + (int8_t)(b >> 24));
}

MCU_DSP_INLINE uint32_t mcu_sadd16(uint32_t a, uint32_t b)
{
    return mcu_lanes(mcu_low16(a) + mcu_low16(b), mcu_high16(a) + mcu_high16(b));
}

MCU_DSP_INLINE uint32_t mcu_ssub16(uint32_t a, uint32_t b)
{
    return mcu_lanes(mcu_low16(a) - mcu_low16(b), mcu_high16(a) - mcu_high16(b));
}

/* (a.low, b.low) */
MCU_DSP_INLINE uint32_t mcu_pack_low(uint32_t a, uint32_t b)
{
    return (a & 0xffff) | b << 16;
}

/* (a.high, b.high) */
MCU_DSP_INLINE uint32_t mcu_pack_high(uint32_t a, uint32_t b)
{
    return a >> 16 | (b & 0xffff0000u);
}

/* sum + round(a * b / 2^32), ties up */
MCU_DSP_INLINE int32_t mcu_smmlar(int32_t a, int32_t b, int32_t sum)
{
    uint64_t wide = ((uint64_t)(uint32_t)sum << 32) + (uint64_t)((int64_t)a * b) + 0x80000000u;
    return (int32_t)(uint32_t)(wide >> 32);
}

MCU_DSP_INLINE int32_t mcu_ssat8(int32_t a)
{
    return a < -128 ? -128 : a > 127 ? 127 : a;
}

/* lanewise maximum of four int8 */
MCU_DSP_INLINE uint32_t mcu_max_s8x4(uint32_t a, uint32_t b)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 8) {
        int8_t x = (int8_t)(a >> i & 0xff), y = (int8_t)(b >> i & 0xff);
        r |= (uint32_t)(uint8_t)(x >= y ? x : y) << i;
    }
    return r;
}

/* lanewise minimum of four int8 */
MCU_DSP_INLINE uint32_t mcu_min_s8x4(uint32_t a, uint32_t b)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 8) {
        int8_t x = (int8_t)(a >> i & 0xff), y = (int8_t)(b >> i & 0xff);
        r |= (uint32_t)(uint8_t)(x >= y ? y : x) << i;
    }
    return r;
}

#endif

#endif
