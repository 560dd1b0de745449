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

/* sum[c] += the chunk's dot products with four channels; returns the weights behind them. */
static const uint32_t *multiply_chunk(const uint32_t *pairs, const uint32_t *end, const uint32_t *w,
                                      int32_t start, int32_t *sum)
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
    sum[0] += a >> 8;
    sum[1] += b >> 8;
    sum[2] += c >> 8;
    sum[3] += d >> 8;
    return w;
}

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

MCU_DSP_INLINE void finish_fast(int32_t sum, const int32_t *words, int32_t zero_point, int8_t *out)
{
    *out = (int8_t)mcu_ssat8(mcu_smmlar(mcu_smmlar(sum, words[0], sum), words[1], zero_point));
}

static void finish_block(const int32_t *sum, const int32_t *requant, int32_t zero_point, int32_t channels,
                         int8_t *out)
{
    if (channels == 4 && mcu_requant_mode(requant) == MCU_REQUANT_FAST) {
        finish_fast(sum[0], requant + 4, zero_point, out);
        finish_fast(sum[1], requant + 6, zero_point, out + 1);
        finish_fast(sum[2], requant + 8, zero_point, out + 2);
        finish_fast(sum[3], requant + 10, zero_point, out + 3);
        return;
    }
    for (int32_t i = 0; i < channels; i++) { /* rare, and the last block */
        int32_t words[2] = {requant[4 + 2 * i], requant[5 + 2 * i]};
        if (is_plain(words[1]))
            words[1] += MCU_FULLY_CONNECTED_PLAIN_OFFSET;
        out[i] = (int8_t)mcu_requant(sum[i], words, zero_point);
    }
}

void mcu_fully_connected_s8__dsp(const struct mcu_fully_connected_dsp *op, int32_t y0, int32_t y1)
{
    if (y0 >= y1)
        return;
    const int32_t depth = mcu_fully_connected_dsp_depth(&op->in), out_c = op->out.c;
    uint32_t *pairs = op->scratch;
    const uint32_t *end = pairs + depth / 2;
    int32_t *starts = (int32_t *)pairs + depth / 2;
    prepare_all(&op->in, pairs, starts);
    const uint32_t *weights = op->weights;
    const int32_t *requant = op->requant;
    int8_t *out = mcu_row(&op->out, 0);
    for (int32_t c = 0; c < out_c; c += 4, requant += MCU_REQUANT_WORDS) {
        int32_t sum[4] = {requant[0], requant[1], requant[2], requant[3]};
        const int32_t *start = starts;
        const int plain = is_plain(requant[5]);
        for (const uint32_t *chunk = pairs; chunk != end;) {
            const uint32_t *chunk_end =
                end - chunk > MCU_FULLY_CONNECTED_CHUNK / 2 ? chunk + MCU_FULLY_CONNECTED_CHUNK / 2 : end;
            if (plain)
                weights = multiply_plain_chunk(chunk, chunk_end, weights, sum);
            else
                weights = multiply_chunk(chunk, chunk_end, weights, *start++, sum);
            chunk = chunk_end;
        }
        const int32_t channels = out_c - c < 4 ? out_c - c : 4;
        finish_block(sum, requant, op->out_zero_point, channels, out);
        out += channels;
    }
    if (op->act_min > -128 || op->act_max < 127)
        mcu_clamp_bytes(out - out_c, out_c, op->act_min, op->act_max);
}
