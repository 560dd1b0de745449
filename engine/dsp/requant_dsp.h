/*
 * requant_dsp.h - requantisation with the words that dsp.h describes. Private to engine/dsp/.
 */
#ifndef MCU_DSP_REQUANT_H
#define MCU_DSP_REQUANT_H

#include "../requant.h"
#include "dsp.h"
#include "intrinsics.h"

/* What b has in its lowest two bits: dsp.h. */
enum { MCU_REQUANT_FAST_TILT = 1, MCU_REQUANT_SHIFT_TILT = 3 };
/* Taken off the shift for the b of MCU_REQUANT_EXACT. */
enum { MCU_REQUANT_SHIFT_OFFSET = 64 };

MCU_DSP_INLINE enum mcu_requant_mode mcu_requant_mode(const int32_t *block)
{
    if (block[5] < 0)
        return MCU_REQUANT_EXACT;
    const int32_t tilt = (block[5] | block[7] | block[9] | block[11]) & 3;
    return tilt == MCU_REQUANT_FAST_TILT ? MCU_REQUANT_FAST
           : tilt == 0                   ? MCU_REQUANT_ROUND
                                         : MCU_REQUANT_SHIFT;
}

/* words: { a, b } of one channel, of any mode */
MCU_DSP_INLINE int32_t mcu_requant(int32_t x, const int32_t *words, int32_t zero_point)
{
    const int32_t a = words[0], b = words[1];
    if (b < 0)
        return mcu_ssat8(mcu_requantize(x, a, b + MCU_REQUANT_SHIFT_OFFSET) + zero_point);
    int32_t y = mcu_smmlar(x, a, x);
    if ((b & 3) == 0)
        y += y >> 31;
    if ((b & 3) == MCU_REQUANT_SHIFT_TILT)
        y = (int32_t)((uint32_t)y << 2);
    return mcu_ssat8(mcu_smmlar(y, b, zero_point));
}

#endif
