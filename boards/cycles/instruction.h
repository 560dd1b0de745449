/*
 * instruction.h - a Thumb instruction as the pipeline models see it: which unit it keeps busy, which
 * registers it needs and when, which it writes. Decoding is capstone's; what capstone cannot decode counts as
 * an operation of the ALU.
 */
#ifndef BOARDS_CYCLES_INSTRUCTION_H
#define BOARDS_CYCLES_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum instruction_kind {
    KIND_ALU,
    KIND_SHIFT,
    KIND_SIMD,          /* packed, saturating, extending, bit-field */
    KIND_MULTIPLY,      /* 32-bit result, SMLAD and its kin included */
    KIND_MULTIPLY_LONG, /* 64-bit result */
    KIND_DIVIDE,
    KIND_FLOAT,
    KIND_LOAD,
    KIND_LOAD_FLOAT,
    KIND_LOAD_PAIR,
    KIND_LOAD_MULTIPLE, /* POP too */
    KIND_LOAD_MULTIPLE_FLOAT,
    KIND_STORE,
    KIND_STORE_FLOAT,
    KIND_STORE_PAIR,
    KIND_STORE_MULTIPLE, /* PUSH too */
    KIND_STORE_MULTIPLE_FLOAT,
    KIND_BRANCH,
    KIND_BRANCH_COMPARE,  /* CBZ, CBNZ */
    KIND_BRANCH_LINK,     /* BL */
    KIND_BRANCH_REGISTER, /* BX, BLX */
    KIND_BRANCH_TABLE,
    KIND_IT,
    KIND_NOP,
    KIND_SYSTEM, /* barriers, special registers, calls of the supervisor */
};

enum instruction_trait {
    TRAIT_EARLY = 1,       /* its operands go through the shifter first */
    TRAIT_SATURATES = 2,   /* its result comes a cycle late on the Cortex-M7 */
    TRAIT_ACCUMULATES = 4, /* adds to its last operand, or floating point: to its result */
    TRAIT_ITERATES = 8,    /* VDIV, VSQRT */
    TRAIT_MOVES = 16,      /* VMOV */
    TRAIT_NARROW = 32,     /* loads bytes or halfwords */
};

/* A set of registers: R0-R15 are bits 0 to 15, S0-S31 bits 16 to 47, D0-D15 two bits each. */
typedef uint64_t register_set;
enum { REGISTERS = 48, REGISTER_PC = 15 };

struct instruction {
    uint32_t address;
    uint8_t bytes;
    uint8_t kind;   /* enum instruction_kind */
    uint8_t traits; /* enum instruction_trait */
    uint8_t count;  /* registers that a multiple load or store moves; else 1 */
    bool conditional, shifts /* an operand */, writes_back, sets_flags, needs_flags;
    register_set reads, writes;
    register_set address_reads; /* of reads: base and index of a memory operand */
    register_set accumulates;   /* of reads: needed only when the product is there */
    register_set stores;        /* of reads: needed only when the data leaves */
};

struct decoder; /* a capstone handle */

/* error_tool when capstone knows no Arm. */
int decoder_open(struct decoder **out, struct arena *arena);
void decoder_close(struct decoder *decoder);
/* Decodes a block of machine code; *out, in the arena, has *n instructions. */
void decode_block(struct decoder *decoder, const uint8_t *code, size_t bytes, uint32_t address,
                  struct instruction **out, int *n, struct arena *arena);

#endif
