/* SPDX-License-Identifier: MIT */
/*
 * One decoded instruction in plain terms, and the decoder that makes it. The decoding library is behind this: nothing
 * else of the emulator knows it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EMULATOR_MAX_LENGTH 15u /* bytes of the longest instruction */
#define EMULATOR_TEXT 96u       /* bytes of its text, with the zero at the end */
#define EMULATOR_OPERANDS 3u

/* Register numbers as the instruction set has them: 0 RAX, 1 RCX, ... 15 R15; and for addresses: */
#define EMULATOR_RIP 16u
#define EMULATOR_NO_REGISTER 0xffu

enum emulator_segment { EMULATOR_ES, EMULATOR_CS, EMULATOR_SS, EMULATOR_DS, EMULATOR_FS, EMULATOR_GS };
enum emulator_repeat { EMULATOR_ONCE, EMULATOR_REPE, EMULATOR_REPNE }; /* REP is REPE */

enum emulator_operation {
    EMULATOR_UNSUPPORTED,
    EMULATOR_MOV,
    EMULATOR_MOVZX,
    EMULATOR_MOVSX, /* MOVSXD too */
    EMULATOR_MOVBE,
    EMULATOR_ADD,
    EMULATOR_OR,
    EMULATOR_ADC,
    EMULATOR_SBB,
    EMULATOR_AND,
    EMULATOR_SUB,
    EMULATOR_XOR,
    EMULATOR_CMP,
    EMULATOR_TEST,
    EMULATOR_INC,
    EMULATOR_DEC,
    EMULATOR_NEG,
    EMULATOR_NOT,
    EMULATOR_SHL,
    EMULATOR_SHR,
    EMULATOR_SAR,
    EMULATOR_ROL,
    EMULATOR_ROR,
    EMULATOR_RCL,
    EMULATOR_RCR,
    EMULATOR_SHLD,
    EMULATOR_SHRD,
    EMULATOR_MUL,
    EMULATOR_IMUL, /* of one, two and three operands */
    EMULATOR_DIV,
    EMULATOR_IDIV,
    EMULATOR_BSF,
    EMULATOR_BSR,
    EMULATOR_TZCNT,
    EMULATOR_LZCNT,
    EMULATOR_POPCNT,
    EMULATOR_BT,
    EMULATOR_BTS,
    EMULATOR_BTR,
    EMULATOR_BTC,
    EMULATOR_XCHG,
    EMULATOR_XADD,
    EMULATOR_CMPXCHG,
    EMULATOR_CMPXCHG_PAIR, /* CMPXCHG8B, CMPXCHG16B */
    EMULATOR_SETCC,
    EMULATOR_CMOVCC,
    EMULATOR_XLAT,
    EMULATOR_TOUCH, /* CLFLUSH and its like: nothing but the checks of a read */
    EMULATOR_SMSW,
    EMULATOR_LMSW,
    EMULATOR_MOV_SEGMENT,  /* into a segment register */
    EMULATOR_LOAD_POINTER, /* LDS and its like: `segment` is the segment register */
    EMULATOR_PUSH,         /* from here to JMP_FAR: stack and branches */
    EMULATOR_POP,
    EMULATOR_RET,  /* near */
    EMULATOR_CALL, /* near, through a register or memory */
    EMULATOR_CALL_FAR,
    EMULATOR_JMP,
    EMULATOR_JMP_FAR,
    EMULATOR_MOV_VECTOR, /* 4, 8 or 16 bytes between an XMM or MMX register and memory; the rest is cleared */
    EMULATOR_MOV_LOW,    /* the lower or upper 8 bytes of an XMM register; the rest stays */
    EMULATOR_MOV_HIGH,
    EMULATOR_MOVS, /* from here on: string instructions, their operands are implied */
    EMULATOR_CMPS,
    EMULATOR_STOS,
    EMULATOR_LODS,
    EMULATOR_SCAS,
    EMULATOR_INS,
    EMULATOR_OUTS,
    EMULATOR_IN,
    EMULATOR_OUT,
};

enum emulator_operand_kind {
    EMULATOR_NONE,
    EMULATOR_REGISTER,
    EMULATOR_VECTOR_REGISTER,
    EMULATOR_MMX_REGISTER,
    EMULATOR_SEGMENT_REGISTER,
    EMULATOR_MEMORY,
    EMULATOR_IMMEDIATE
};

struct emulator_operand {
    uint8_t kind;         /* enum emulator_operand_kind */
    uint8_t size;         /* bytes */
    uint8_t number;       /* of the register */
    bool high;            /* AH, CH, DH, BH: bits 15:8 of registers 0 to 3 */
    uint8_t segment;      /* memory: enum emulator_segment, override or default */
    uint8_t base, index;  /* register numbers, EMULATOR_RIP, EMULATOR_NO_REGISTER */
    uint8_t scale;        /* of the index: 1, 2, 4, 8 */
    int64_t displacement; /* memory */
    uint64_t immediate;   /* sign-extended as the instruction does */
};

struct emulator_instruction {
    uint8_t operation;    /* enum emulator_operation */
    uint8_t length;       /* bytes */
    uint8_t size;         /* bytes: of the operation; of an element, of what goes to the stack, of a pointer's offset */
    uint8_t address_size; /* bytes: 2, 4, 8 */
    uint8_t repeat;       /* enum emulator_repeat */
    uint8_t segment;      /* string instructions, XLAT: of the source; LOAD_POINTER: the register */
    uint8_t condition;    /* SETcc, CMOVcc: the low four bits of the opcode */
    bool aligned;         /* vector moves that fault on an address that is not a multiple of 16 */
    uint8_t operands;
    struct emulator_operand operand[EMULATOR_OPERANDS];
};

enum emulator_mode { EMULATOR_16_BIT = 2, EMULATOR_32_BIT = 4, EMULATOR_64_BIT = 8 };

struct emulator_decoder;

/* NULL: out of memory. Any CPU, several at once. */
struct emulator_decoder *emulator_decoder_create(void);
void emulator_decoder_destroy(struct emulator_decoder *decoder);

/*
 * Decodes the instruction at the start of `bytes`; false: these are none, or too few. One that the emulator cannot
 * execute has the operation EMULATOR_UNSUPPORTED. One caller per decoder at a time.
 */
bool emulator_decode(struct emulator_decoder *decoder, enum emulator_mode mode, const uint8_t *bytes, size_t count,
                     struct emulator_instruction *instruction);

/* Its text, Intel syntax; "": these bytes are none. */
void emulator_text(struct emulator_decoder *decoder, enum emulator_mode mode, const uint8_t *bytes, size_t count,
                   char text[EMULATOR_TEXT]);

/*
 * The same answer for the usual moves between memory and general registers, by general registers alone; false: another
 * instruction, or not surely such a move (emulator_move.c). Pure.
 */
bool emulator_decode_move(enum emulator_mode mode, const uint8_t *bytes, size_t count,
                          struct emulator_instruction *instruction);
