/* SPDX-License-Identifier: MIT */
/*
 * MOV instructions between a register, or an immediate, and memory (SDM vol. 2, chapter 2 and MOV). Pure. For accesses
 * that exited and are finished here, so that the processor has made all checks of the instruction itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum mov_mode {
    MOV_MODE_16, /* real mode, virtual-8086 mode, code segments with D = 0 */
    MOV_MODE_32,
    MOV_MODE_64,
};

/* Registers by their numbers in ModRM; these stand for what has none. */
#define MOV_NO_REGISTER 0xffu
#define MOV_RIP 0xfeu

/* Segments in the order of their numbers in instructions. */
enum mov_segment { MOV_ES, MOV_CS, MOV_SS, MOV_DS, MOV_FS, MOV_GS };

struct mov_store {
    uint8_t length; /* of the instruction: 1 to 15 */
    uint8_t size;   /* of the store: 1, 2, 4 or 8 bytes */
    bool is_load;   /* from memory to the register `source`; else a store */
    bool is_immediate;
    bool high_byte;        /* AH, CH, DH or BH: bits 15:8 of register 0 to 3 */
    uint8_t source;        /* register number, unless is_immediate */
    uint64_t immediate;    /* the low `size` bytes count */
    uint8_t segment;       /* enum mov_segment */
    uint8_t base;          /* register number, MOV_RIP or MOV_NO_REGISTER */
    uint8_t index;         /* register number or MOV_NO_REGISTER */
    uint8_t scale;         /* 1, 2, 4 or 8 */
    uint8_t address_bits;  /* 16, 32 or 64: to which the offset is cut */
    uint64_t displacement; /* sign-extended */
};

/* False: not a form of MOV with memory, or more than the `count` bytes there are. */
bool mov_decode_any(const uint8_t *bytes, unsigned count, enum mov_mode mode, struct mov_store *out);

/* The same for stores alone. */
bool mov_decode(const uint8_t *bytes, unsigned count, enum mov_mode mode, struct mov_store *out);

/* The value that a store stores, zero-extended. `gpr`: 16 registers in the order of their numbers. */
uint64_t mov_value(const struct mov_store *store, const uint64_t *gpr);

/* The offset in the segment that is stored to. `rip` is that of the instruction. */
uint64_t mov_offset(const struct mov_store *store, const uint64_t *gpr, uint64_t rip);
