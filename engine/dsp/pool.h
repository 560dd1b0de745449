/*
 * pool.h - sums of four channels at a time. Private to engine/dsp/.
 */
#ifndef MCU_DSP_POOL_H
#define MCU_DSP_POOL_H

#include "intrinsics.h"

enum { MCU_SUM4_MOST = 255 }; /* pixels whose sum fits an int16 lane */

/* The sums of four channels over n pixels, step bytes apart, added to int16 lanes: channels 0 and 2, 1 and 3.
 */
MCU_DSP_INLINE void mcu_sum4_lanes(const int8_t *in, int32_t n, int32_t step, uint32_t *c02, uint32_t *c13)
{
    uint32_t p = *c02, q = *c13;
    for (; n >= 2; n -= 2, in += 2 * step) {
        const uint32_t a = mcu_load4(in), b = mcu_load4(in + step);
        p = mcu_sxtab16(mcu_sxtab16(p, a), b);
        q = mcu_sxtab16_ror8(mcu_sxtab16_ror8(q, a), b);
    }
    if (n) {
        const uint32_t a = mcu_load4(in);
        p = mcu_sxtab16(p, a);
        q = mcu_sxtab16_ror8(q, a);
    }
    *c02 = p;
    *c13 = q;
}

MCU_DSP_INLINE void mcu_sum4_add(uint32_t c02, uint32_t c13, int32_t *sums)
{
    sums[0] += (int16_t)(c02 & 0xffff);
    sums[1] += (int16_t)(c13 & 0xffff);
    sums[2] += (int32_t)c02 >> 16;
    sums[3] += (int32_t)c13 >> 16;
}

/* sums[i] += sum over n pixels of channel i of four. */
static inline void mcu_sum4(const int8_t *in, int32_t n, int32_t step, int32_t *sums)
{
    while (n > 0) {
        const int32_t m = n < MCU_SUM4_MOST ? n : MCU_SUM4_MOST;
        uint32_t c02 = 0, c13 = 0;
        mcu_sum4_lanes(in, m, step, &c02, &c13);
        mcu_sum4_add(c02, c13, sums);
        n -= m;
        in += m * step;
    }
}

#endif
