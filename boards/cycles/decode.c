/*
 * decode.c - capstone's account of an instruction, boiled down to struct instruction.
 */
#include "boards/cycles/instruction.h"

#include <capstone/capstone.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

enum { TEXT_LENGTH = 16 };

static const struct mnemonic {
    const char *name;
    uint8_t kind, traits;
} mnemonics[] = {
#define EARLY                        TRAIT_EARLY
#define SATURATES                    TRAIT_SATURATES
#define ACCUMULATES                  TRAIT_ACCUMULATES
#define ITERATES                     TRAIT_ITERATES
#define MOVES                        TRAIT_MOVES
#define NARROW                       TRAIT_NARROW
#define MNEMONIC(name, kind, traits) {name, KIND_##kind, traits},
#include "boards/cycles/mnemonics.inc"
#undef MNEMONIC
#undef EARLY
#undef SATURATES
#undef ACCUMULATES
#undef ITERATES
#undef MOVES
#undef NARROW
};

struct decoder {
    csh handle;
    cs_insn *scratch;
};

/* ---- mnemonics
 * ----------------------------------------------------------------------------------------------- */

/* Suffixes in the order of capstone's arm_cc, without "al". */
static const char condition_suffixes[][3] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs",
                                             "vc", "hi", "ls", "ge", "lt", "gt", "le"};

static bool is_conditional(arm_cc cc)
{
    return cc >= ARM_CC_EQ && cc <= ARM_CC_LE;
}

/* "ldrsbne.w" under NE -> "ldrsb". */
static void plain_mnemonic(char text[TEXT_LENGTH], const char *mnemonic, arm_cc cc)
{
    size_t n = strcspn(mnemonic, ".");
    if (n >= TEXT_LENGTH)
        n = TEXT_LENGTH - 1;
    memcpy(text, mnemonic, n);
    text[n] = '\0';
    if (is_conditional(cc) && n > 2 && strcmp(text + n - 2, condition_suffixes[cc - ARM_CC_EQ]) == 0)
        text[n - 2] = '\0';
}

static bool is_it(const char *text)
{
    return strncmp(text, "it", 2) == 0 && strspn(text + 2, "te") == strlen(text + 2);
}

static struct mnemonic look_up(const char *text)
{
    for (size_t i = 0; i < sizeof mnemonics / sizeof *mnemonics; i++)
        if (strcmp(mnemonics[i].name, text) == 0)
            return mnemonics[i];
    uint8_t kind = KIND_ALU;
    if (is_it(text))
        kind = KIND_IT;
    else if (strncmp(text, "ldr", 3) == 0)
        kind = KIND_LOAD;
    else if (strncmp(text, "str", 3) == 0)
        kind = KIND_STORE;
    else if (text[0] == 'v')
        kind = KIND_FLOAT;
    return (struct mnemonic){text, kind, 0};
}

/* ---- registers
 * ----------------------------------------------------------------------------------------------- */

static register_set register_bits(unsigned id)
{
    if (id >= ARM_REG_R0 && id <= ARM_REG_R12)
        return UINT64_C(1) << (id - ARM_REG_R0);
    if (id >= ARM_REG_S0 && id <= ARM_REG_S31)
        return UINT64_C(1) << (16 + id - ARM_REG_S0);
    if (id >= ARM_REG_D0 && id <= ARM_REG_D15)
        return UINT64_C(3) << (16 + 2 * (id - ARM_REG_D0));
    return id == ARM_REG_SP ? 1 << 13 : id == ARM_REG_LR ? 1 << 14 : id == ARM_REG_PC ? 1 << 15 : 0;
}

static register_set list_bits(const uint16_t *ids, int n, bool *flags)
{
    register_set set = 0;
    for (int i = 0; i < n; i++) {
        set |= register_bits(ids[i]);
        *flags |= ids[i] == ARM_REG_CPSR;
    }
    return set;
}

static register_set operand_bits(const cs_arm *arm, int index)
{
    return index < arm->op_count && arm->operands[index].type == ARM_OP_REG
               ? register_bits((unsigned)arm->operands[index].reg)
               : 0;
}

/* Words that a multiple load or store moves. */
static int count_moved(const cs_arm *arm, const char *text, bool is_float)
{
    if (!is_float)
        return arm->op_count - (strcmp(text, "push") != 0 && strcmp(text, "pop") != 0);
    int n = 0;
    for (int i = 0; i < arm->op_count; i++)
        n += __builtin_popcountll(operand_bits(arm, i) >> 16);
    return n;
}

static void fill_operands(struct instruction *out, const cs_arm *arm, const char *text)
{
    for (int i = 0; i < arm->op_count; i++) {
        const cs_arm_op *operand = &arm->operands[i];
        out->shifts |= operand->shift.type != ARM_SFT_INVALID;
        if (operand->type == ARM_OP_MEM)
            out->address_reads |= register_bits(operand->mem.base) | register_bits(operand->mem.index);
    }
    switch (out->kind) {
    case KIND_LOAD_MULTIPLE:
    case KIND_STORE_MULTIPLE:
        out->count = (uint8_t)count_moved(arm, text, false);
        break;
    case KIND_LOAD_MULTIPLE_FLOAT:
    case KIND_STORE_MULTIPLE_FLOAT:
        out->count = (uint8_t)count_moved(arm, text, true);
        break;
    case KIND_MULTIPLY:
        out->accumulates = out->traits & TRAIT_ACCUMULATES ? operand_bits(arm, 3) : 0;
        break;
    case KIND_MULTIPLY_LONG:
        out->accumulates = out->traits & TRAIT_ACCUMULATES ? operand_bits(arm, 0) | operand_bits(arm, 1) : 0;
        break;
    }
    if (out->kind == KIND_STORE || out->kind == KIND_STORE_PAIR || out->kind == KIND_STORE_MULTIPLE ||
        out->kind == KIND_STORE_FLOAT)
        out->stores = out->reads & ~out->address_reads;
}

static void decode_one(struct instruction *out, csh handle, const cs_insn *from)
{
    const cs_arm *arm = &from->detail->arm;
    char text[TEXT_LENGTH];
    plain_mnemonic(text, from->mnemonic, arm->cc);
    const struct mnemonic mnemonic = look_up(text);
    *out = (struct instruction){.address = (uint32_t)from->address,
                                .bytes = (uint8_t)from->size,
                                .kind = mnemonic.kind,
                                .traits = mnemonic.traits,
                                .count = 1,
                                .conditional = is_conditional(arm->cc),
                                .writes_back = arm->writeback,
                                .sets_flags = arm->update_flags};
    cs_regs read, written;
    uint8_t n_read, n_written;
    out->needs_flags = out->conditional;
    if (cs_regs_access(handle, from, read, &n_read, written, &n_written) == CS_ERR_OK) {
        out->reads = list_bits(read, n_read, &out->needs_flags);
        out->writes = list_bits(written, n_written, &out->sets_flags);
    }
    fill_operands(out, arm, text);
}

/* ---- blocks
 * -------------------------------------------------------------------------------------------------- */

/* Thumb: the first halfword tells the length. */
static uint8_t length_of(const uint8_t *code)
{
    return code[1] >> 3 >= 0x1d ? 4 : 2;
}

/* capstone keeps the state of an IT block from one call to the next; a block that was cut inside one must not
 * colour the next one. */
static void forget_it_block(struct decoder *decoder)
{
    static const uint8_t nops[8] = {0x00, 0xbf, 0x00, 0xbf, 0x00, 0xbf, 0x00, 0xbf};
    const uint8_t *code = nops;
    size_t left = sizeof nops;
    uint64_t address = 0;
    while (cs_disasm_iter(decoder->handle, &code, &left, &address, decoder->scratch)) {
    }
}

int decoder_open(struct decoder **out, struct arena *arena)
{
    struct decoder *decoder = ARENA_NEW(arena, struct decoder);
    const cs_err failure = cs_open(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS, &decoder->handle);
    if (failure != CS_ERR_OK)
        return error_tool("capstone cannot decode Thumb code: %s", cs_strerror(failure));
    cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
    decoder->scratch = cs_malloc(decoder->handle);
    if (!decoder->scratch)
        die("out of memory");
    *out = decoder;
    return 0;
}

void decoder_close(struct decoder *decoder)
{
    cs_free(decoder->scratch, 1);
    cs_close(&decoder->handle);
}

void decode_block(struct decoder *decoder, const uint8_t *code, size_t bytes, uint32_t address,
                  struct instruction **out, int *n, struct arena *arena)
{
    struct instruction *list = ARENA_ARRAY(arena, struct instruction, bytes / 2 + 1);
    uint64_t at = address;
    int count = 0;
    forget_it_block(decoder);
    while (bytes >= 2) {
        if (cs_disasm_iter(decoder->handle, &code, &bytes, &at, decoder->scratch)) {
            decode_one(&list[count++], decoder->handle, decoder->scratch);
            continue;
        }
        const uint8_t length = bytes >= 4 ? length_of(code) : 2;
        list[count++] =
            (struct instruction){.address = (uint32_t)at, .bytes = length, .kind = KIND_ALU, .count = 1};
        code += length;
        bytes -= length;
        at += length;
    }
    *out = list;
    *n = count;
}
