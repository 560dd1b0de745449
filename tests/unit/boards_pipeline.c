/*
 * The estimator's parts on instructions written by hand: what the decoder says about them, what the three
 * pipeline models charge, which lines the cache keeps. Expected cycles were worked out on paper from the
 * rules in the headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "boards/board.h"
#include "boards/cycles/cache.h"
#include "boards/cycles/instruction.h"
#include "boards/cycles/pipeline.h"
#include "boards/cycles/profile.h"
#include "capture.h"
#include "scratch.h"

/* Machine code as halfwords; what stands beside it is what it says. */
#define LDR_R0_R1      0x6808         /* ldr r0, [r1] */
#define LDR_R2_R3      0x681a         /* ldr r2, [r3] */
#define LDR_R4_R2      0x6814         /* ldr r4, [r2] */
#define LDRB_R0_R1     0x7808         /* ldrb r0, [r1] */
#define LDRSB_R0_R1_WB 0xf911, 0x0f01 /* ldrsb r0, [r1, #1]! */
#define STR_R0_R1      0x6008         /* str r0, [r1] */
#define LDRD_R0_R1_R2  0xe9d2, 0x0100 /* ldrd r0, r1, [r2] */
#define PUSH_5         0xb5f0         /* push {r4-r7, lr} */
#define POP_5_PC       0xbdf0         /* pop {r4-r7, pc} */
#define ADDS_R0        0x3001         /* adds r0, #1 */
#define ADDS_R5        0x3501         /* adds r5, #1 */
#define ADD_R5_R0_LSL  0xeb05, 0x0580 /* add r5, r5, r0, lsl #2 */
#define SMLAD_R0       0xfb21, 0x0002 /* smlad r0, r1, r2, r0 */
#define SMLAD_R3       0xfb21, 0x3302 /* smlad r3, r1, r2, r3 */
#define SMULL_R0_R1    0xfb82, 0x0103 /* smull r0, r1, r2, r3 */
#define MUL_R0         0xfb01, 0xf002 /* mul r0, r1, r2 */
#define SSAT_R0        0xf300, 0x0007 /* ssat r0, #8, r0 */
#define SXTB16_R0_R1   0xfa2f, 0xf081 /* sxtb16 r0, r1 */
#define UDIV_R0        0xfbb1, 0xf0f2 /* udiv r0, r1, r2 */
#define VLDM_4         0xecb0, 0x0a04 /* vldmia r0!, {s0-s3} */
#define VADD_S0        0xee30, 0x0a20 /* vadd.f32 s0, s0, s1 */
#define IT_EQ          0xbf08         /* it eq */
#define MOVEQ_R0       0x2001         /* moveq r0, #1 */
#define BNE            0xd1fe         /* bne . */
#define CBZ_R0         0xb100         /* cbz r0, . + 4 */
#define BL             0xf000, 0xf800 /* bl . + 4 */
#define BX_LR          0x4770         /* bx lr */
#define UNKNOWN        0xec42, 0x0b11 /* no instruction of capstone's */

struct code {
    struct instruction *list;
    int n;
};

static struct arena arena;
static struct decoder *decoder;

static int set_up(void **state)
{
    (void)state;
    return decoder_open(&decoder, &arena);
}

static int tear_down(void **state)
{
    (void)state;
    decoder_close(decoder);
    arena_release(&arena);
    return 0;
}

static struct code decode(const uint16_t *halfwords, size_t bytes)
{
    struct code code;
    uint8_t *little = arena_alloc(&arena, bytes);
    for (size_t i = 0; i < bytes / 2; i++) {
        little[2 * i] = (uint8_t)halfwords[i];
        little[2 * i + 1] = (uint8_t)(halfwords[i] >> 8);
    }
    decode_block(decoder, little, bytes, 0x1000, &code.list, &code.n, &arena);
    return code;
}

#define CODE(...) decode((const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}))
#define R(n)      (UINT64_C(1) << (n))

/* ---- decoder
 * ------------------------------------------------------------------------------------------------- */

static void kinds_and_lengths(void **state)
{
    (void)state;
    const struct code code =
        CODE(LDR_R0_R1, LDRSB_R0_R1_WB, STR_R0_R1, LDRD_R0_R1_R2, PUSH_5, POP_5_PC, ADDS_R0, SMLAD_R0,
             SMULL_R0_R1, SSAT_R0, SXTB16_R0_R1, UDIV_R0, VLDM_4, VADD_S0, BNE, CBZ_R0, BL, BX_LR);
    static const uint8_t kinds[] = {KIND_LOAD,
                                    KIND_LOAD,
                                    KIND_STORE,
                                    KIND_LOAD_PAIR,
                                    KIND_STORE_MULTIPLE,
                                    KIND_LOAD_MULTIPLE,
                                    KIND_ALU,
                                    KIND_MULTIPLY,
                                    KIND_MULTIPLY_LONG,
                                    KIND_SIMD,
                                    KIND_SIMD,
                                    KIND_DIVIDE,
                                    KIND_LOAD_MULTIPLE_FLOAT,
                                    KIND_FLOAT,
                                    KIND_BRANCH,
                                    KIND_BRANCH_COMPARE,
                                    KIND_BRANCH_LINK,
                                    KIND_BRANCH_REGISTER};
    assert_int_equal(code.n, sizeof kinds);
    uint32_t address = 0x1000;
    for (int i = 0; i < code.n; i++) {
        assert_int_equal(code.list[i].kind, kinds[i]);
        assert_int_equal(code.list[i].address, address);
        address += code.list[i].bytes;
    }
    assert_int_equal(code.list[4].count, 5);  /* push {r4-r7, lr} */
    assert_int_equal(code.list[5].count, 5);  /* pop {r4-r7, pc} */
    assert_int_equal(code.list[12].count, 4); /* {s0-s3} */
    assert_true(code.list[14].conditional && code.list[14].needs_flags);
    assert_true(code.list[6].sets_flags);
    assert_true(code.list[9].traits & TRAIT_SATURATES);
}

static void registers_by_use(void **state)
{
    (void)state;
    const struct code load = CODE(LDRSB_R0_R1_WB), store = CODE(STR_R0_R1), mac = CODE(SMLAD_R3),
                      shifted = CODE(ADD_R5_R0_LSL);
    assert_true(load.list[0].traits & TRAIT_NARROW);
    assert_true(load.list[0].writes_back);
    assert_int_equal(load.list[0].address_reads, R(1));
    assert_int_equal(load.list[0].writes, R(0) | R(1));
    assert_int_equal(store.list[0].stores, R(0));
    assert_int_equal(store.list[0].address_reads, R(1));
    assert_int_equal(mac.list[0].reads, R(1) | R(2) | R(3));
    assert_int_equal(mac.list[0].accumulates, R(3));
    assert_true(shifted.list[0].shifts);
    const struct code pop = CODE(POP_5_PC);
    assert_true(pop.list[0].writes & R(REGISTER_PC));
}

static void it_blocks_end_with_their_block(void **state)
{
    (void)state;
    const struct code block = CODE(IT_EQ, MOVEQ_R0);
    assert_int_equal(block.list[0].kind, KIND_IT);
    assert_true(block.list[1].conditional);
    const struct code cut = CODE(ADDS_R5, IT_EQ), after = CODE(MOVEQ_R0); /* here it is movs r0, #1 */
    assert_int_equal(cut.n, 2);
    assert_false(after.list[0].conditional);
    assert_true(after.list[0].sets_flags);
}

static void unknown_code_keeps_its_length(void **state)
{
    (void)state;
    const struct code code = CODE(ADDS_R0, UNKNOWN, ADDS_R5);
    assert_int_equal(code.n, 3);
    assert_int_equal(code.list[1].bytes, 4);
    assert_int_equal(code.list[2].kind, KIND_ALU);
    assert_int_equal(code.list[2].writes, R(5));
}

/* ---- models
 * -------------------------------------------------------------------------------------------------- */

static const struct timing_spec m4 = {
    .known = true, .load_cycles = 1, .multiple_cycles = 1, .taken_branch_cycles = 2.1};
static const struct timing_spec m33 = {.known = true,
                                       .load_cycles = 0.39,
                                       .load_use_cycles = 0.89,
                                       .multiple_cycles = 0.58,
                                       .taken_branch_cycles = 1.47};
static const struct timing_spec m7 = {.known = true, .taken_branch_cycles = 1, .load_pair_conflict = 0.75};

static struct pipeline_cycles after(pipeline_model *model, const struct timing_spec *timing,
                                    struct code before, bool taken, struct code block)
{
    return model(timing, (struct block_view){before.list, before.n}, taken,
                 (struct block_view){block.list, block.n});
}

static double total(struct pipeline_cycles cycles)
{
    return cycles.issue + cycles.pipeline + cycles.branch;
}

static double alone(pipeline_model *model, const struct timing_spec *timing, struct code block)
{
    return total(after(model, timing, (struct code){0}, false, block));
}

#define ASSERT_CYCLES(value, expected) assert_float_equal(value, expected, 1e-9)

static void cortex_m4(void **state)
{
    (void)state;
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(ADDS_R0, ADDS_R5)), 2);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(LDR_R0_R1)), 2);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(LDR_R0_R1, LDR_R2_R3)), 3); /* the second pipelines */
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(LDR_R2_R3, LDR_R4_R2)), 4); /* its address is not there */
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(LDRSB_R0_R1_WB, LDRSB_R0_R1_WB)),
                  3); /* the base moved on in time */
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(PUSH_5)), 6);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(POP_5_PC)), 9); /* and the refill */
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(LDRD_R0_R1_R2)), 3);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(UDIV_R0, SMLAD_R0, SMULL_R0_R1)), 8);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(VLDM_4)), 5);
    ASSERT_CYCLES(alone(pipeline_m4, &m4, CODE(BX_LR)), 2);
    const struct pipeline_cycles taken = after(pipeline_m4, &m4, CODE(BNE), true, CODE(ADDS_R0));
    ASSERT_CYCLES(taken.issue, 1);
    ASSERT_CYCLES(taken.branch, 2.1);
    ASSERT_CYCLES(total(after(pipeline_m4, &m4, CODE(BNE), false, CODE(ADDS_R0))), 1);
}

static void cortex_m33(void **state)
{
    (void)state;
    ASSERT_CYCLES(alone(pipeline_m33, &m33, CODE(LDR_R0_R1, ADDS_R0)), 2 + 0.39 + 0.89);
    ASSERT_CYCLES(alone(pipeline_m33, &m33, CODE(LDR_R0_R1, ADDS_R5)), 2 + 0.39);
    ASSERT_CYCLES(alone(pipeline_m33, &m33, CODE(PUSH_5)), 1 + 5 * 0.58);
    ASSERT_CYCLES(alone(pipeline_m33, &m33, CODE(BX_LR)), 1 + 1.5 * 1.47);
    ASSERT_CYCLES(total(after(pipeline_m33, &m33, CODE(BNE), true, CODE(ADDS_R0))), 1 + 1.47);
}

static void cortex_m7_pairs(void **state)
{
    (void)state;
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(ADDS_R0, ADDS_R5)), 1);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(ADDS_R0, ADDS_R0)), 2); /* each needs the other */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(ADDS_R0, ADDS_R5, ADDS_R0)), 2);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(ADDS_R0, LDR_R2_R3)), 1);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(LDR_R0_R1, LDR_R2_R3)),
                  1.75); /* three of four pairs conflict */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(SMLAD_R3, LDR_R4_R2)), 1);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(SMLAD_R0, SMLAD_R3)), 2); /* one multiplier */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(SXTB16_R0_R1, ADDS_R5)), 1);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(ADDS_R5, SXTB16_R0_R1)), 2); /* SIMD goes first */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(IT_EQ)), 0);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(PUSH_5)), 5);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(POP_5_PC)), 3);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(UDIV_R0)), 7);
}

static void cortex_m7_waits(void **state)
{
    (void)state;
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(LDR_R0_R1, ADDS_R0)), 2);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(LDRB_R0_R1, ADDS_R0)), 3);  /* a byte comes later */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(LDR_R2_R3, LDR_R4_R2)), 3); /* addresses are needed early */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(MUL_R0, ADDS_R0)), 3);
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(MUL_R0, STR_R0_R1)), 1); /* data of stores are needed late */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(MUL_R0, ADD_R5_R0_LSL)), 4); /* shifted operands early */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(SMLAD_R0, SMLAD_R0)), 2);    /* accumulators are forwarded */
    ASSERT_CYCLES(alone(pipeline_m7, &m7, CODE(SSAT_R0, ADDS_R0)), 3);
    const struct pipeline_cycles multiplied =
        after(pipeline_m7, &m7, CODE(MUL_R0), false, CODE(ADDS_R0)); /* across blocks */
    ASSERT_CYCLES(total(multiplied), 2);
    ASSERT_CYCLES(multiplied.pipeline, 1);
}

static void cortex_m7_branches(void **state)
{
    (void)state;
    const struct code loop = CODE(ADDS_R0, BNE), body = CODE(ADDS_R5);
    ASSERT_CYCLES(total(after(pipeline_m7, &m7, loop, false, body)), 1);
    const struct pipeline_cycles taken = after(pipeline_m7, &m7, loop, true, body);
    ASSERT_CYCLES(taken.issue, 1);
    ASSERT_CYCLES(taken.branch, 1);
    ASSERT_CYCLES(total(after(pipeline_m7, &m7, CODE(BX_LR), true, body)), 3); /* its target is known late */
}

static void models_by_core(void **state)
{
    (void)state;
    assert_true(pipeline_of("cortex-m4") == pipeline_m4 && pipeline_of("cortex-m7") == pipeline_m7 &&
                pipeline_of("cortex-m33") == pipeline_m33);
    assert_null(pipeline_of("cortex-m0"));
}

/* ---- cache
 * --------------------------------------------------------------------------------------------------- */

static bool touch(struct cache *cache, uint32_t address)
{
    uint32_t slot = 0;
    return cache_access(cache, address >> cache->line_shift, &slot);
}

static void least_recently_used_goes(void **state)
{
    (void)state;
    struct cache cache = {0};
    assert_true(cache_init(&cache, &(struct record_cache){.ways = 2, .sets = 4, .line_bytes = 32}));
    assert_false(touch(&cache, 0x000));
    assert_true(touch(&cache, 0x01f));  /* same line */
    assert_false(touch(&cache, 0x080)); /* same set: 4 sets of 32 B */
    assert_false(touch(&cache, 0x020)); /* another set */
    assert_true(touch(&cache, 0x000));
    assert_false(touch(&cache, 0x100)); /* replaces 0x080 */
    assert_true(touch(&cache, 0x000));
    assert_false(touch(&cache, 0x080));
    assert_false(touch(&cache, 0x100)); /* which that replaced */
    cache_release(&cache);
}

static void hints_change_no_answer(void **state)
{
    (void)state;
    struct cache plain = {0}, hinted = {0};
    const struct record_cache shape = {.ways = 8, .sets = 1, .line_bytes = 16};
    assert_true(cache_init(&plain, &shape) && cache_init(&hinted, &shape));
    uint32_t slots[16] = {0}, random = 1;
    for (int i = 0; i < 10000; i++) {
        random = random * 1664525 + 1013904223;
        const uint32_t line = random >> 28;
        uint32_t nothing = 0;
        assert_int_equal(cache_access(&plain, line, &nothing), cache_access(&hinted, line, &slots[line]));
    }
    cache_release(&plain);
    cache_release(&hinted);
}

static void impossible_shapes(void **state)
{
    (void)state;
    struct cache cache = {0};
    assert_false(cache_init(&cache, &(struct record_cache){.ways = 2, .sets = 3, .line_bytes = 32}));
    assert_false(cache_init(&cache, &(struct record_cache){.ways = 2, .sets = 4, .line_bytes = 24}));
    assert_true(cache_init(&cache, &(struct record_cache){0}));
}

/* ---- counts
 * -------------------------------------------------------------------------------------------------- */

struct counts {
    struct record_header header;
    struct record_layer layers[1];
    struct record_block blocks[1];
    struct record_arrival arrivals[1];
    uint8_t code[8];
};

static const struct counts good = {.header = {RECORD_MAGIC, 1, 1, 1, 1, 8, 0},
                                   .blocks = {{0x1000, 8, 4, 0}},
                                   .arrivals = {{RECORD_NO_BLOCK, 0, 0, 0, 7}}};

static int read_counts(struct profile *out, const struct counts *counts, size_t bytes)
{
    struct scratch scratch;
    scratch_create(&scratch);
    FILE *file = fopen(scratch_path(&scratch, "counts"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(counts, 1, bytes, file), bytes);
    fclose(file);
    struct capture capture;
    capture_start(&capture, STDERR_FILENO);
    int rc = profile_read(out, scratch_path(&scratch, "counts"), &arena);
    capture_end(&capture);
    scratch_remove(&scratch);
    return rc;
}

static void counts_are_checked(void **state)
{
    (void)state;
    struct profile profile;
    assert_int_equal(read_counts(&profile, &good, sizeof good), 0);
    assert_int_equal(profile.arrivals[0].count, 7);
    assert_int_equal(read_counts(&profile, &good, sizeof good - 1), EXIT_INPUT);
    assert_int_equal(read_counts(&profile, &good, 4), EXIT_INPUT);
    struct counts bad = good;
    bad.header.magic[0] = 'x';
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
    bad = good;
    bad.header.n_blocks = UINT32_MAX;
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
    bad = good;
    bad.blocks[0].bytes = 9;
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
    bad = good;
    bad.arrivals[0].to = 1;
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
    bad = good;
    bad.arrivals[0].layer = 1;
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
    bad = good;
    bad.layers[0].entered = 1;
    assert_int_equal(read_counts(&profile, &bad, sizeof bad), EXIT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_lengths),
        cmocka_unit_test(registers_by_use),
        cmocka_unit_test(it_blocks_end_with_their_block),
        cmocka_unit_test(unknown_code_keeps_its_length),
        cmocka_unit_test(cortex_m4),
        cmocka_unit_test(cortex_m33),
        cmocka_unit_test(cortex_m7_pairs),
        cmocka_unit_test(cortex_m7_waits),
        cmocka_unit_test(cortex_m7_branches),
        cmocka_unit_test(models_by_core),
        cmocka_unit_test(least_recently_used_goes),
        cmocka_unit_test(hints_change_no_answer),
        cmocka_unit_test(impossible_shapes),
        cmocka_unit_test(counts_are_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
