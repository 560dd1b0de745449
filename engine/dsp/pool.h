/*
 * pool.h - sums of four channels at a time. Private to engine/dsp/.
 */
#ifndef MCU_DSP_POOL_H
#define MCU_DSP_POOL_H

#include "intrinsics.h"

/* sums[i] += sum over n pixels, step bytes apart, of channel i of four. Sums of up to 255 pixels fit int16
 * lanes. */
static inline void mcu_sum4(const int8_t *in, int32_t n, int32_t step, int32_t *sums)
{
    while (n > 0) {
        int32_t m = n < 255 ? n : 255;
        uint32_t c02 = 0, c13 = 0;
        n -= m;
        for (; m >= 2; m -= 2, in += 2 * step) {
            const uint32_t a = mcu_load4(in), b = mcu_load4(in + step);
            c02 = mcu_sxtab16(mcu_sxtab16(c02, a), b);
            c13 = mcu_sxtab16_ror8(mcu_sxtab16_ror8(c13, a), b);
        }
        if (m) {
            const uint32_t a = mcu_load4(in);
            c02 = mcu_sxtab16(c02, a);
            c13 = mcu_sxtab16_ror8(c13, a);
            in += step;
        }
        sums[0] += (int16_t)(c02 & 0xffff);
        sums[1] += (int16_t)(c13 & 0xffff);
        sums[2] += (int32_t)c02 >> 16;
        sums[3] += (int32_t)c13 >> 16;
    }
}

#endif
