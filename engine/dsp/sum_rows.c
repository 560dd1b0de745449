/*
 * sum_rows.c - sums of four channels at a time, over as many pixels as lie one behind the other.
 */
#include "sum_rows.h"

#include "pool.h"

/* Pixels are read once for every four channels: no more of them at a time than a data cache of 4 KiB keeps.
 */
enum { RUN_BYTES = 3072, RUN_MOST = MCU_SUM4_MOST & ~3 };

/* in[0], in[step], in[2 * step], in[3 * step], loads side by side: a lone one costs the M4 a cycle more. */
MCU_DSP_INLINE void load_four(const int8_t *in, int32_t step, uint32_t words[4])
{
#ifdef MCU_DSP_ASM
    __asm__("ldr %0, [%4]\n\tldr %1, [%4, %5]\n\tldr %2, [%4, %6]\n\tldr %3, [%4, %7]"
            : "=&r"(words[0]), "=&r"(words[1]), "=&r"(words[2]), "=&r"(words[3])
            : "r"(in), "r"(step), "r"(2 * step), "r"(3 * step), "m"(*(const int8_t(*)[])in));
#else
    for (int32_t i = 0; i < 4; i++)
        words[i] = mcu_load4(in + i * step);
#endif
}

/* n <= RUN_MOST: the sums fit int16 lanes. */
static __attribute__((noinline)) void sum_run(const int8_t *run, int32_t n, int32_t c, int32_t *sums)
{
    int32_t i = 0;
    for (; i + 4 <= c; i += 4) {
        const int8_t *in = run + i;
        uint32_t p = 0, q = 0;
        for (int32_t turns = n >> 2; turns > 0; turns--, in += 4 * c) {
            uint32_t w[4];
            load_four(in, c, w);
            p = mcu_sxtab16(mcu_sxtab16(mcu_sxtab16(mcu_sxtab16(p, w[0]), w[1]), w[2]), w[3]);
            q = mcu_sxtab16_ror8(mcu_sxtab16_ror8(q, w[0]), w[1]);
            q = mcu_sxtab16_ror8(mcu_sxtab16_ror8(q, w[2]), w[3]);
        }
        if (n & 3)
            mcu_sum4_lanes(in, n & 3, c, &p, &q);
        mcu_sum4_add(p, q, sums + i);
    }
    for (; i < c; i++)
        for (int32_t x = 0; x < n; x++)
            sums[i] += run[x * c + i];
}

void mcu_sum_rows(const struct mcu_map *in, int32_t y0, int32_t y1, int32_t *sums)
{
    const int32_t c = in->c, row = in->w * c;
    int32_t most = RUN_BYTES / c & ~3;
    most = most > RUN_MOST ? RUN_MOST : most < 4 ? 4 : most;
    while (y0 < y1) {
        const int8_t *run = mcu_row(in, y0++), *end = run + row;
        for (; y0 < y1 && mcu_row(in, y0) == end; y0++)
            end += row;
        for (int32_t n = (int32_t)(end - run) / c; n > 0; n -= most, run += most * c)
            sum_run(run, n < most ? n : most, c, sums);
    }
}
