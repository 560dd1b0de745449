/*
 * requant_dsp.h - requantisation with the words that dsp.h describes. Private to engine/dsp/.
 */
#ifndef MCU_DSP_REQUANT_H
#define MCU_DSP_REQUANT_H

#include "../requant.h"
#include "dsp.h"
#include "intrinsics.h"

/* What b has in its lowest two bits: dsp.h. */
enum { MCU_REQUANT_FAST_TILT = 1, MCU_REQUANT_SHIFT_TILT = 2 };
/* Taken off the shift for the b of MCU_REQUANT_EXACT. */
enum { MCU_REQUANT_SHIFT_OFFSET = 64 };

MCU_DSP_INLINE enum mcu_requant_mode mcu_requant_mode(const int32_t *block)
{
    const int32_t b = block[5];
    return b < 0                        ? MCU_REQUANT_EXACT
           : b & MCU_REQUANT_FAST_TILT  ? MCU_REQUANT_FAST
           : b & MCU_REQUANT_SHIFT_TILT ? MCU_REQUANT_SHIFT
                                        : MCU_REQUANT_ROUND;
}

/* words: { a, b } of one channel, of any mode */
MCU_DSP_INLINE int32_t mcu_requant(int32_t x, const int32_t *words, int32_t zero_point)
{
    const int32_t a = words[0], b = words[1];
    if (b < 0)
        return mcu_ssat8(mcu_requantize(x, a, b + MCU_REQUANT_SHIFT_OFFSET) + zero_point);
    int32_t y = mcu_smmlar(x, a, x);
    if (!(b & MCU_REQUANT_FAST_TILT))
        y = b & MCU_REQUANT_SHIFT_TILT ? (int32_t)((uint32_t)y << 2) : y + (y >> 31);
    return mcu_ssat8(mcu_smmlar(y, b, zero_point));
}

#endif
