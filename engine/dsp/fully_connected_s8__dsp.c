/*
 * fully_connected_s8__dsp.c - matrix times vector, int8, weights streamed once, four outputs at a time.
 *
 * Weights are used once, so unpacking them is what costs. Only one extraction per word of four is needed when
 * the word is u0 = w0 + 128, -w1, u2 = w2 + 128, -w3 (bytes): read as two int16 it is H = (u0 - 256 w1, u2 -
 * 256 w3), and UXTB16 gives U = (u0, u2). With v = x + 128 and the input pairs
 *
 *     XO = (-v1, -v3)        XM = (256 x0 + v1, 256 x2 + v3)
 *
 * SMLAD(H, XO) + SMLAD(U, XM) = 256 (w1 v1 + u0 x0 + w3 v3 + u2 x2): the products u0 v1 and u2 v3 cancel.
 * That is 256 (w . x + 128 sum(w odd) + 128 sum(x even)); the sums start at -256 * 128 sum(x even), and 128
 * sum(w odd) is folded into the bias. After >> 8 the value D = w . x + 128 sum(w odd) is exact if |D| < 2^23;
 * |D| <= inputs / 2 * 127 * (128 + 255), so always for up to 344 inputs: longer vectors go in chunks of 320.
 *
 * -128 at an odd place has no negative byte. A block of four outputs that has one keeps its weights as they
 * are, says so by its b (MCU_FULLY_CONNECTED_PLAIN_OFFSET), and takes the same pairs another way, at twice
 * the time: with E = (w0, w2) and O = (w1, w3), SMLAD(E, XM) + SMLAD(E, XO) = 256 (w0 x0 + w2 x2) and
 * -SMLAD(O, XO) = w1 v1 + w3 v3, together D again.
 */
#include "fully_connected.h"

#include "panel.h"
#include "requant_dsp.h"

/* n / 4 words of inputs (n a multiple of 4) to pairs XO, XM; returns the sum of the even ones. */
static int32_t prepare(const int8_t *in, int32_t n, uint32_t *pairs)
{
    int32_t even = 0;
    for (; n > 0; n -= 4, in += 4, pairs += 2) {
        const uint32_t word = mcu_load4(in), biased = word ^ 0x80008000u; /* x0 v1 x2 v3 */
        pairs[0] = mcu_ssub16(0, mcu_uxtb16_ror8(biased));
        pairs[1] = mcu_rev16(biased);
        even = mcu_smlad(mcu_sxtb16(word), 0x00010001u, even);
    }
    return even;
}

/* All rows of the input; starts: per chunk what its sums begin with. */
static void prepare_all(const struct mcu_map *in, uint32_t *pairs, int32_t *starts)
{
    const int32_t row = in->w * in->c;
    int32_t filled = 0, left = MCU_FULLY_CONNECTED_CHUNK, even = 0;
    for (int32_t y = 0; y < in->h; y++) {
        const int8_t *from = mcu_row(in, y);
        for (int32_t i = 0; i < row;) {
            int32_t n = row - i < left ? row - i : left;
            if (n >= 4) {
                n &= ~3;
                even += prepare(from + i, n, pairs + filled / 2);
            } else { /* the last few of the only row */
                uint32_t rest = 0;
                int8_t *bytes = (int8_t *)&rest;
                for (int32_t j = 0; j < n; j++)
                    bytes[j] = from[i + j];
                even += prepare(bytes, 4, pairs + filled / 2);
                n = 4;
            }
            i += n;
            filled += n;
            left -= n;
            if (!left) {
                *starts++ = -even * (256 * 128);
                left = MCU_FULLY_CONNECTED_CHUNK;
                even = 0;
            }
        }
    }
    if (filled & 4) {
        const int8_t zero[4] = {0};
        prepare(zero, 4, pairs + filled / 2);
        left -= 4;
    }
    if (left < MCU_FULLY_CONNECTED_CHUNK)
        *starts = -even * (256 * 128);
}

/* Of four channels. */
struct sums {
    int32_t a, b, c, d;
};

/*
 * Dot products of a chunk with four channels: four words of weights and a pair of input words a step. The
 * number of steps is even; a turn takes four, the first one two when they are no multiple of four.
 */
#ifdef MCU_DSP_ASM
/* clang-format off */
#ifdef MCU_CORTEX_M7
/* Dual issue: SIMD or multiplication, then multiplication or load. Three of the weights' words are loaded a step
 * ahead, except behind the last one. */
#define STEP_BEGIN                                                                                           \
    "ldrd %[xo], %[xm], [%[pairs]], #8\n"                                                                    \
    "smlad %[a], r4, %[xo], %[a]\n"                                                                          \
    "ldr r8, [%[w], #12]\n"                                                                                  \
    "uxtb16 r4, r4\n"                                                                                        \
    "smlad %[b], r5, %[xo], %[b]\n"                                                                          \
    "uxtb16 r5, r5\n"                                                                                        \
    "smlad %[c], r6, %[xo], %[c]\n"                                                                          \
    "uxtb16 r6, r6\n"                                                                                        \
    "smlad %[d], r8, %[xo], %[d]\n"                                                                          \
    "uxtb16 r8, r8\n"                                                                                        \
    "smlad %[a], r4, %[xm], %[a]\n"
#define STEP                                                                                                 \
    STEP_BEGIN                                                                                               \
    "smlad %[b], r5, %[xm], %[b]\n"                                                                          \
    "ldr r4, [%[w], #16]!\n"                                                                                 \
    "smlad %[c], r6, %[xm], %[c]\n"                                                                          \
    "ldr r5, [%[w], #4]\n"                                                                                   \
    "smlad %[d], r8, %[xm], %[d]\n"                                                                          \
    "ldr r6, [%[w], #8]\n"
#define MULTIPLY                                                                                             \
    "ldr r4, [%[w]]\n"                                                                                       \
    "ldr r5, [%[w], #4]\n"                                                                                   \
    "ldr r6, [%[w], #8]\n"                                                                                   \
    "cmp %[xm], #0\n"                                                                                        \
    "bne 2f\n"                                                                                               \
    "b 3f\n"                                                                                                 \
    "1:\n" STEP "3:\n" STEP STEP "2:\n" STEP                                                                 \
    "cmp %[pairs], %[end]\n"                                                                                 \
    "bne 1b\n"                                                                                               \
    STEP_BEGIN                                                                                               \
    "smlad %[b], r5, %[xm], %[b]\n"                                                                          \
    "smlad %[c], r6, %[xm], %[c]\n"                                                                          \
    "smlad %[d], r8, %[xm], %[d]\n"                                                                          \
    "add %[w], #16\n"
enum { WORDS_BEHIND_LOOP = 2 };
#else
/* A load after a load takes one cycle, a lone one two. */
#define STEP                                                                                                 \
    "ldr r4, [%[w]], #16\n"                                                                                  \
    "ldr r5, [%[w], #-12]\n"                                                                                 \
    "ldr r6, [%[w], #-8]\n"                                                                                  \
    "ldr r8, [%[w], #-4]\n"                                                                                  \
    "ldr %[xm], [%[pairs], #4]\n"                                                                            \
    "ldr %[xo], [%[pairs]], #8\n"                                                                            \
    "smlad %[a], r4, %[xo], %[a]\n"                                                                          \
    "uxtb16 r4, r4\n"                                                                                        \
    "smlad %[b], r5, %[xo], %[b]\n"                                                                          \
    "uxtb16 r5, r5\n"                                                                                        \
    "smlad %[c], r6, %[xo], %[c]\n"                                                                          \
    "uxtb16 r6, r6\n"                                                                                        \
    "smlad %[d], r8, %[xo], %[d]\n"                                                                          \
    "uxtb16 r8, r8\n"                                                                                        \
    "smlad %[a], r4, %[xm], %[a]\n"                                                                          \
    "smlad %[b], r5, %[xm], %[b]\n"                                                                          \
    "smlad %[c], r6, %[xm], %[c]\n"                                                                          \
    "smlad %[d], r8, %[xm], %[d]\n"
#define MULTIPLY                                                                                             \
    "cmp %[xm], #0\n"                                                                                        \
    "bne 2f\n"                                                                                               \
    "1:\n" STEP STEP "2:\n" STEP STEP                                                                        \
    "cmp %[pairs], %[end]\n"                                                                                 \
    "bne 1b\n"
enum { WORDS_BEHIND_LOOP = 0 };
#endif
/* clang-format on */

/* sums->c += the chunk's dot products with four channels; returns the weights behind them. */
MCU_DSP_INLINE const uint32_t *multiply_chunk(const uint32_t *pairs, const uint32_t *end, const uint32_t *w,
                                              int32_t start, struct sums *sums)
{
    int32_t a = start, b = start, c = start, d = start;
    uint32_t xo, xm = (uint32_t)(end - pairs) & 4; /* two steps are four words */
    __asm__(MULTIPLY
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [xo] "=&r"(xo), [xm] "+r"(xm),
              [pairs] "+r"(pairs), [w] "+r"(w)
            : [end] "r"(end - WORDS_BEHIND_LOOP)
            : "r4", "r5", "r6", "r8", "cc", "memory");
    sums->a += a >> 8;
    sums->b += b >> 8;
    sums->c += c >> 8;
    sums->d += d >> 8;
    return w;
}
#else
/* sums->c += the chunk's dot products with four channels; returns the weights behind them. */
MCU_DSP_INLINE const uint32_t *multiply_chunk(const uint32_t *pairs, const uint32_t *end, const uint32_t *w,
                                              int32_t start, struct sums *sums)
{
    int32_t a = start, b = start, c = start, d = start;
    for (; pairs != end; pairs += 4, w += 8) {
        uint32_t xo = pairs[0], xm = pairs[1];
        uint32_t word = w[0];
        a = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, a));
        word = w[1];
        b = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, b));
        word = w[2];
        c = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, c));
        word = w[3];
        d = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, d));
        xo = pairs[2], xm = pairs[3];
        word = w[4];
        a = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, a));
        word = w[5];
        b = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, b));
        word = w[6];
        c = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, c));
        word = w[7];
        d = mcu_smlad(mcu_uxtb16(word), xm, mcu_smlad(word, xo, d));
    }
    sums->a += a >> 8;
    sums->b += b >> 8;
    sums->c += c >> 8;
    sums->d += d >> 8;
    return w;
}
#endif

/* The same for a block of plain weights. */
static const uint32_t *multiply_plain_chunk(const uint32_t *pairs, const uint32_t *end, const uint32_t *w,
                                            int32_t *sum)
{
    int32_t even[4] = {0}, odd[4] = {0};
    for (; pairs != end; pairs += 2, w += 4)
        for (int32_t c = 0; c < 4; c++) {
            const uint32_t word = mcu_sxtb16(w[c]);
            even[c] = mcu_smlad(word, pairs[1], mcu_smlad(word, pairs[0], even[c]));
            odd[c] = mcu_smlad(mcu_sxtb16_ror8(w[c]), pairs[0], odd[c]);
        }
    for (int32_t c = 0; c < 4; c++)
        sum[c] += (even[c] >> 8) - odd[c];
    return w;
}

/* b of a block with plain weights: its shift is a right one of at most 31, or a left one. */
MCU_DSP_INLINE int is_plain(int32_t b)
{
    return b < -31 - MCU_REQUANT_SHIFT_OFFSET;
}

MCU_DSP_INLINE int8_t finish_fast(int32_t sum, int32_t a, int32_t b, int32_t zero_point)
{
    return (int8_t)mcu_ssat8(mcu_smmlar(mcu_smmlar(sum, a, sum), b, zero_point));
}

static void finish_block(const int32_t *sum, const int32_t *requant, int32_t zero_point, int32_t channels,
                         int8_t *out)
{
    for (int32_t i = 0; i < channels; i++) { /* rare, and the last block */
        int32_t words[2] = {requant[4 + 2 * i], requant[5 + 2 * i]};
        if (is_plain(words[1]))
            words[1] += MCU_FULLY_CONNECTED_PLAIN_OFFSET;
        out[i] = (int8_t)mcu_requant(sum[i], words, zero_point);
    }
}

/* All chunks of a block of plain weights, or of one with another requantisation than FAST. */
static __attribute__((noinline)) const uint32_t *any_block(const struct mcu_fully_connected_dsp *op,
                                                           const uint32_t *pairs, const uint32_t *end,
                                                           const int32_t *starts, const uint32_t *weights,
                                                           const int32_t *requant, int32_t channels,
                                                           int8_t *out)
{
    int32_t sum[4] = {requant[0], requant[1], requant[2], requant[3]};
    struct sums sums = {0};
    for (const uint32_t *chunk = pairs; chunk != end;) {
        const uint32_t *chunk_end =
            end - chunk > MCU_FULLY_CONNECTED_CHUNK / 2 ? chunk + MCU_FULLY_CONNECTED_CHUNK / 2 : end;
        if (is_plain(requant[5]))
            weights = multiply_plain_chunk(chunk, chunk_end, weights, sum);
        else
            weights = multiply_chunk(chunk, chunk_end, weights, *starts++, &sums);
        chunk = chunk_end;
    }
    sum[0] += sums.a;
    sum[1] += sums.b;
    sum[2] += sums.c;
    sum[3] += sums.d;
    finish_block(sum, requant, op->out_zero_point, channels, out);
    return weights;
}

void mcu_fully_connected_s8__dsp(const struct mcu_fully_connected_dsp *op, int32_t y0, int32_t y1)
{
    enum { CHUNK_WORDS = MCU_FULLY_CONNECTED_CHUNK / 2 };
    if (y0 >= y1)
        return;
    const int32_t depth = mcu_fully_connected_dsp_depth(&op->in), out_c = op->out.c;
    const int32_t zero_point = op->out_zero_point;
    uint32_t *pairs = op->scratch;
    const uint32_t *end = pairs + depth / 2;
    int32_t *starts = (int32_t *)pairs + depth / 2;
    prepare_all(&op->in, pairs, starts);
    const uint32_t *weights = op->weights;
    const int32_t *requant = op->requant;
    int8_t *out = mcu_row(&op->out, 0);
    for (int32_t left = out_c; left > 0; left -= 4, requant += MCU_REQUANT_WORDS, out += 4) {
        if (left < 4 || is_plain(requant[5]) || mcu_requant_mode(requant) != MCU_REQUANT_FAST) {
            weights = any_block(op, pairs, end, starts, weights, requant, left < 4 ? left : 4, out);
            continue;
        }
        struct sums sums = {requant[0], requant[1], requant[2], requant[3]};
        const uint32_t *chunk = pairs;
        const int32_t *start = starts;
        for (; end - chunk > CHUNK_WORDS; chunk += CHUNK_WORDS)
            weights = multiply_chunk(chunk, chunk + CHUNK_WORDS, weights, *start++, &sums);
        weights = multiply_chunk(chunk, end, weights, *start, &sums);
        out[0] = finish_fast(sums.a, requant[4], requant[5], zero_point);
        out[1] = finish_fast(sums.b, requant[6], requant[7], zero_point);
        out[2] = finish_fast(sums.c, requant[8], requant[9], zero_point);
        out[3] = finish_fast(sums.d, requant[10], requant[11], zero_point);
    }
    out = mcu_row(&op->out, 0) + out_c;
    if (op->act_min > -128 || op->act_max < 127)
        mcu_clamp_bytes(out - out_c, out_c, op->act_min, op->act_max);
}
