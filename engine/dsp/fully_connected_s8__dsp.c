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

/* b of a block with plain weights: its shift is a right one of at most 31, or a left one. */
MCU_DSP_INLINE int is_plain(int32_t b)
{
    return b < -31 - MCU_REQUANT_SHIFT_OFFSET;
}

/* Blocks of four channels, one after the other. Read by the assembly: order matters. */
struct run {
    const uint32_t *before; /* one word before the input pairs of the first chunk, */
    int32_t start;          /* what its sums begin with, */
    const uint32_t *last;   /* its last word, */
    const uint32_t *end;    /* the last word of all */
    int32_t zero_point;
    int32_t flags;          /* RUN_GIVE */
    const int32_t *requant; /* of the next block, as are the two after the next */
    int8_t *out;
    int32_t left; /* channels */
    const uint32_t *weights;
    const int32_t *next_start; /* of the next chunk */
    int32_t sum[4];
    const int32_t *second_start;
};
enum { RUN_GIVE = 2 }; /* 1: sum has that of earlier chunks */

#if defined(MCU_DSP_ASM) && !defined(MCU_CORTEX_M7)

/*
 * r0 inputs, r1 weights, both 4 bytes behind, so that the last loads of a turn move them; r2-r5 weights, r6
 * r7 the input pair, r8-r11 sums, r12 the end of the chunk, lr the run. A load after a load takes one cycle,
 * a lone one two: all of a step are together. A turn is eight steps; the first one leaves out what is over.
 */
/* clang-format off */
__asm__(
    " .syntax unified\n"
    " .thumb\n"
    ".macro fully_connected_step j, last\n"
    " ldr r2, [r1, #16 * \\j + 4]\n ldr r3, [r1, #16 * \\j + 8]\n ldr r4, [r1, #16 * \\j + 12]\n"
    " .if \\last\n"
    " ldr r5, [r1, #16 * \\j + 16]!\n ldr r6, [r0, #8 * \\j + 4]\n ldr r7, [r0, #8 * \\j + 8]!\n"
    " .else\n"
    " ldr r5, [r1, #16 * \\j + 16]\n ldr r6, [r0, #8 * \\j + 4]\n ldr r7, [r0, #8 * \\j + 8]\n"
    " .endif\n"
    " smlad r8, r2, r6, r8\n uxtb16 r2, r2\n smlad r9, r3, r6, r9\n uxtb16 r3, r3\n smlad r10, r4, r6, r10\n"
    " uxtb16 r4, r4\n smlad r11, r5, r6, r11\n uxtb16 r5, r5\n smlad r8, r2, r7, r8\n smlad r9, r3, r7, r9\n"
    " smlad r10, r4, r7, r10\n smlad r11, r5, r7, r11\n"
    ".endm\n"
    " .section .text.mcu_fully_connected_blocks, \"ax\", %progbits\n"
    " .p2align 4\n"
    " .global mcu_fully_connected_blocks\n"
    " .thumb_func\n"
    " .type mcu_fully_connected_blocks, %function\n"
    "mcu_fully_connected_blocks:\n"
    " push {r4-r11, lr}\n mov lr, r0\n ldr r1, [r0, #36]\n subs r1, r1, #4\n"
    ".Lfc_block:\n"
    " ldm lr, {r0, r8, r12}\n"
    ".Lfc_chunk:\n"
    " sub r5, r0, r12\n mov r9, r8\n mov r10, r8\n mov r11, r8\n ands r5, r5, #63\n sub r0, r0, r5\n"
    " sub r1, r1, r5, lsl #1\n beq .Lfc_turn\n cmp r5, #32\n blo 2f\n beq 4f\n b 6f\n"
    ".Lfc_turn:\n"
    " fully_connected_step 0, 0\n fully_connected_step 1, 0\n"
    "2:\n"
    " fully_connected_step 2, 0\n fully_connected_step 3, 0\n"
    "4:\n"
    " fully_connected_step 4, 0\n fully_connected_step 5, 0\n"
    "6:\n"
    " fully_connected_step 6, 0\n fully_connected_step 7, 1\n"
    " cmp r0, r12\n bne .Lfc_turn\n"
    " ldr r2, [lr, #12]\n ldr r0, [lr, #16]\n ldr r4, [lr, #20]\n ldr r6, [lr, #24]\n ldr r7, [lr, #28]\n"
    " ldr r5, [lr, #32]\n cmp r12, r2\n bne .Lfc_more\n mov r12, r5\n cmp r4, #0\n ldm r6!, {r2-r5}\n"
    " add r2, r2, r8, asr #8\n add r3, r3, r9, asr #8\n add r4, r4, r10, asr #8\n add r5, r5, r11, asr #8\n"
    " bne .Lfc_flags\n"
    ".Lfc_finish:\n"
    " ldm r6!, {r8-r11}\n smmlar r2, r2, r8, r2\n smmlar r3, r3, r10, r3\n smmlar r2, r2, r9, r0\n"
    " smmlar r3, r3, r11, r0\n ldm r6!, {r8-r11}\n smmlar r4, r4, r8, r4\n smmlar r5, r5, r10, r5\n"
    " ssat r2, #8, r2\n ssat r3, #8, r3\n smmlar r4, r4, r9, r0\n smmlar r5, r5, r11, r0\n strb r2, [r7]\n"
    " strb r3, [r7, #1]\n ssat r4, #8, r4\n ssat r5, #8, r5\n strb r4, [r7, #2]\n strb r5, [r7, #3]\n"
    " adds r7, r7, #4\n strd r6, r7, [lr, #24]\n sub r12, r12, #4\n str r12, [lr, #32]\n cmp r12, #4\n"
    " blt .Lfc_done\n"
    /* is the block after that FAST? */
    " ldr r2, [r6, #20]\n cmp r2, #0\n blt .Lfc_done\n lsrs r2, r2, #1\n bcs .Lfc_block\n"
    ".Lfc_done:\n"
    " adds r1, r1, #4\n str r1, [lr, #36]\n pop {r4-r11, pc}\n"
    ".Lfc_more:\n"
    " asr r8, r8, #8\n asr r9, r9, #8\n asr r10, r10, #8\n asr r11, r11, #8\n add r7, lr, #44\n"
    " lsls r6, r4, #31\n beq 1f\n ldm r7, {r2, r3, r5, r6}\n add r8, r8, r2\n add r9, r9, r3\n"
    " add r10, r10, r5\n add r11, r11, r6\n"
    "1:\n"
    " stm r7, {r8-r11}\n orr r4, r4, #1\n str r4, [lr, #20]\n ldr r3, [lr, #40]\n ldr r2, [lr, #12]\n"
    " ldr r8, [r3], #4\n str r3, [lr, #40]\n mov r0, r12\n add r12, r12, #640\n cmp r12, r2\n it hi\n"
    " movhi r12, r2\n b .Lfc_chunk\n"
    ".Lfc_flags:\n"
    " ldr r8, [lr, #20]\n tst r8, #1\n beq 1f\n bic r8, r8, #1\n str r8, [lr, #20]\n ldr r9, [lr, #60]\n"
    " str r9, [lr, #40]\n ldrd r9, r10, [lr, #44]\n add r2, r2, r9\n add r3, r3, r10\n ldrd r9, r10, [lr, #52]\n"
    " add r4, r4, r9\n add r5, r5, r10\n"
    "1:\n"
    " tst r8, #2\n beq .Lfc_finish\n add r8, lr, #44\n stm r8, {r2-r5}\n b .Lfc_done\n"
    " .size mcu_fully_connected_blocks, . - mcu_fully_connected_blocks\n"
    " .text\n"
);
/* clang-format on */

/* The next block, which is not plain. With RUN_GIVE its sums go to run->sum; else it is a whole one of
 * MCU_REQUANT_FAST, and is done, and so are those of the same kind that follow it. */
void mcu_fully_connected_blocks(struct run *run);

#else

/* Of four channels. */
struct sums {
    int32_t a, b, c, d;
};

/*
 * Dot products of a chunk with four channels: four words of weights and a pair of input words a step. The
 * number of steps is even; a turn takes four, the first one two when they are no multiple of four.
 */
#if defined(MCU_DSP_ASM) && defined(MCU_CORTEX_M7)
/* clang-format off */
/* Dual issue: SIMD or multiplication, then multiplication or load. Three of the weights' words are loaded a step
 * ahead, except behind the last one. w1 and w2 are low registers for the short loads; the compiler chooses all of
 * them, because gcc 14 finds no others when some are given. */
#define STEP_BEGIN                                                                                           \
    "ldrd %[xo], %[xm], [%[pairs]], #8\n"                                                                    \
    "smlad %[a], %[w0], %[xo], %[a]\n"                                                                       \
    "ldr %[w3], [%[w], #12]\n"                                                                               \
    "uxtb16 %[w0], %[w0]\n"                                                                                  \
    "smlad %[b], %[w1], %[xo], %[b]\n"                                                                       \
    "uxtb16 %[w1], %[w1]\n"                                                                                  \
    "smlad %[c], %[w2], %[xo], %[c]\n"                                                                       \
    "uxtb16 %[w2], %[w2]\n"                                                                                  \
    "smlad %[d], %[w3], %[xo], %[d]\n"                                                                       \
    "uxtb16 %[w3], %[w3]\n"                                                                                  \
    "smlad %[a], %[w0], %[xm], %[a]\n"
#define STEP                                                                                                 \
    STEP_BEGIN                                                                                               \
    "smlad %[b], %[w1], %[xm], %[b]\n"                                                                       \
    "ldr %[w0], [%[w], #16]!\n"                                                                              \
    "smlad %[c], %[w2], %[xm], %[c]\n"                                                                       \
    "ldr %[w1], [%[w], #4]\n"                                                                                \
    "smlad %[d], %[w3], %[xm], %[d]\n"                                                                       \
    "ldr %[w2], [%[w], #8]\n"
#define MULTIPLY                                                                                             \
    "ldr %[w0], [%[w]]\n"                                                                                    \
    "ldr %[w1], [%[w], #4]\n"                                                                                \
    "ldr %[w2], [%[w], #8]\n"                                                                                \
    "cmp %[xm], #0\n"                                                                                        \
    "bne 2f\n"                                                                                               \
    "b 3f\n"                                                                                                 \
    "1:\n" STEP "3:\n" STEP STEP "2:\n" STEP                                                                 \
    "cmp %[pairs], %[end]\n"                                                                                 \
    "bne 1b\n"                                                                                               \
    STEP_BEGIN                                                                                               \
    "smlad %[b], %[w1], %[xm], %[b]\n"                                                                       \
    "smlad %[c], %[w2], %[xm], %[c]\n"                                                                       \
    "smlad %[d], %[w3], %[xm], %[d]\n"                                                                       \
    "add %[w], #16\n"
enum { WORDS_BEHIND_LOOP = 2 };
/* clang-format on */

/* sums->c += the chunk's dot products with four channels; returns the weights behind them. */
MCU_DSP_INLINE const uint32_t *multiply_chunk(const uint32_t *pairs, const uint32_t *end, const uint32_t *w,
                                              int32_t start, struct sums *sums)
{
    int32_t a = start, b = start, c = start, d = start;
    uint32_t w0, w1, w2, w3, xo, xm = (uint32_t)(end - pairs) & 4; /* two steps are four words */
    __asm__(MULTIPLY
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [xo] "=&r"(xo), [xm] "+r"(xm),
              [pairs] "+r"(pairs), [w] "+r"(w), [w0] "=&r"(w0), [w1] "=&l"(w1), [w2] "=&l"(w2), [w3] "=&r"(w3)
            : [end] "r"(end - WORDS_BEHIND_LOOP)
            : "cc", "memory");
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

MCU_DSP_INLINE int8_t finish_fast(int32_t sum, int32_t a, int32_t b, int32_t zero_point)
{
    return (int8_t)mcu_ssat8(mcu_smmlar(mcu_smmlar(sum, a, sum), b, zero_point));
}

static void mcu_fully_connected_blocks(struct run *run)
{
    enum { CHUNK_WORDS = MCU_FULLY_CONNECTED_CHUNK / 2 };
    const uint32_t *const pairs = run->before + 1, *const end = run->end + 1, *weights = run->weights;
    const int32_t *requant = run->requant, zero_point = run->zero_point;
    int8_t *out = run->out;
    int32_t left = run->left;
    do {
        struct sums sums = {requant[0], requant[1], requant[2], requant[3]};
        const uint32_t *chunk = pairs;
        const int32_t *start = run->second_start - 1;
        for (; end - chunk > CHUNK_WORDS; chunk += CHUNK_WORDS)
            weights = multiply_chunk(chunk, chunk + CHUNK_WORDS, weights, *start++, &sums);
        weights = multiply_chunk(chunk, end, weights, *start, &sums);
        if (run->flags & RUN_GIVE) {
            run->sum[0] = sums.a;
            run->sum[1] = sums.b;
            run->sum[2] = sums.c;
            run->sum[3] = sums.d;
            break;
        }
        out[0] = finish_fast(sums.a, requant[4], requant[5], zero_point);
        out[1] = finish_fast(sums.b, requant[6], requant[7], zero_point);
        out[2] = finish_fast(sums.c, requant[8], requant[9], zero_point);
        out[3] = finish_fast(sums.d, requant[10], requant[11], zero_point);
        requant += MCU_REQUANT_WORDS;
        out += 4;
        left -= 4;
    } while (left >= 4 && mcu_requant_mode(requant) == MCU_REQUANT_FAST);
    run->weights = weights;
    run->requant = requant;
    run->out = out;
    run->left = left;
}

#endif

/* sum += the chunk's dot products with a block of plain weights; returns the weights behind them. */
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

/* All chunks of a block of plain weights, to run->sum. */
static __attribute__((noinline)) void plain_block(struct run *run)
{
    const uint32_t *const end = run->end + 1;
    for (int32_t c = 0; c < 4; c++)
        run->sum[c] = run->requant[c];
    for (const uint32_t *chunk = run->before + 1, *chunk_end; chunk != end; chunk = chunk_end) {
        chunk_end = end - chunk > MCU_FULLY_CONNECTED_CHUNK / 2 ? chunk + MCU_FULLY_CONNECTED_CHUNK / 2 : end;
        run->weights = multiply_plain_chunk(chunk, chunk_end, run->weights, run->sum);
    }
}

void mcu_fully_connected_s8__dsp(const struct mcu_fully_connected_dsp *op, int32_t y0, int32_t y1)
{
    enum { CHUNK = MCU_FULLY_CONNECTED_CHUNK };
    if (y0 >= y1)
        return;
    const int32_t depth = mcu_fully_connected_dsp_depth(&op->in), out_c = op->out.c;
    int32_t *starts = op->scratch; /* a word per chunk, then the input */
    uint32_t *pairs = (uint32_t *)op->scratch + (depth + CHUNK - 1) / CHUNK;
    prepare_all(&op->in, pairs, starts);
    struct run run; /* assigned one by one: an initialiser would clear all of it first */
    run.before = pairs - 1;
    run.start = starts[0];
    run.end = run.before + depth / 2;
    run.last = depth < CHUNK ? run.end : run.before + CHUNK / 2;
    run.zero_point = op->out_zero_point;
    run.requant = op->requant;
    run.out = mcu_row(&op->out, 0);
    run.weights = op->weights;
    run.next_start = run.second_start = starts + 1;
    for (run.left = out_c; run.left > 0;) {
        if (is_plain(run.requant[5])) {
            plain_block(&run);
        } else {
            const int fast = run.left >= 4 && mcu_requant_mode(run.requant) == MCU_REQUANT_FAST;
            run.flags = fast ? 0 : RUN_GIVE;
            mcu_fully_connected_blocks(&run);
            if (fast)
                continue;
        }
        finish_block(run.sum, run.requant, run.zero_point, run.left < 4 ? run.left : 4, run.out);
        run.requant += MCU_REQUANT_WORDS;
        run.out += 4;
        run.left -= 4;
    }
    if (op->act_min > -128 || op->act_max < 127)
        mcu_clamp_bytes(mcu_row(&op->out, 0), out_c, op->act_min, op->act_max);
}
