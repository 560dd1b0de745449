/*
 * add_s8__dsp.c - elementwise sum, int8: one input through a table, the other (which TFLite scales by exactly
 * one half) as it is.
 */
#include "panel.h"
#include "requant_dsp.h"

/* scale: 2^19, or minus that */
MCU_DSP_INLINE int32_t add_one(const struct mcu_add_dsp *op, int32_t table_sum, int32_t half, int32_t scale)
{
    const int32_t sum = table_sum + half * scale;
    int32_t y = mcu_smmlar(sum, op->out_multiplier, sum);
    y += y >> 31;
    return mcu_ssat8(mcu_smmlar(y, op->out_shift, op->out_zero_point));
}

static void add_row(const struct mcu_add_dsp *op, const int8_t *a, const int8_t *b, int8_t *out, int32_t n)
{
    const struct mcu_add_dsp local = {.out_zero_point = op->out_zero_point,
                                      .out_multiplier = op->out_multiplier,
                                      .out_shift = op->out_shift};
    const int32_t *table = op->table, scale = op->subtract ? -(1 << 19) : 1 << 19;
    for (; n >= 4; n -= 4, a += 4, b += 4, out += 4) {
        const uint32_t x = mcu_load4(a), y = mcu_load4(b);
        const int32_t p = add_one(&local, table[x & 255], (int8_t)(y & 255), scale);
        const int32_t q = add_one(&local, table[x >> 8 & 255], (int8_t)(y >> 8 & 255), scale);
        const int32_t r = add_one(&local, table[x >> 16 & 255], (int8_t)(y >> 16 & 255), scale);
        const int32_t s = add_one(&local, table[x >> 24], (int32_t)y >> 24, scale);
        out[0] = (int8_t)p;
        out[1] = (int8_t)q;
        out[2] = (int8_t)r;
        out[3] = (int8_t)s;
    }
    for (; n > 0; n--)
        *out++ = (int8_t)add_one(&local, table[(uint8_t)*a++], *b++, scale);
}

void mcu_add_s8__dsp(const struct mcu_add_dsp *op, int32_t y0, int32_t y1)
{
    const int32_t n = op->out.w * op->out.c;
    for (int32_t y = y0; y < y1; y++) {
        int8_t *out = mcu_row(&op->out, y);
        add_row(op, mcu_row(&op->in[0], y), mcu_row(&op->in[1], y), out, n);
        if (op->act_min > -128 || op->act_max < 127)
            mcu_clamp_bytes(out, n, op->act_min, op->act_max);
    }
}
