/* SPDX-License-Identifier: MIT */
/*
 * Moves between memory and a general register or an immediate: MOV, MOVZX, MOVSX, MOVSXD, which make nearly all
 * accesses of devices. Decoded here, because the decoding library takes some 3,500 instructions for one, and SSE
 * registers, whose first use moves a processor's extended state from the guest's to the root's. What is seldom (LOCK
 * and repeat prefixes, operands that are no memory, MOVSXD without REX.W) is declined, and so is what is cut off.
 *
 * SDM vol. 2A: 2.1.1 and 2.2.1 prefixes, tables 2-1 to 2-3 and 2-7 addresses; vol. 2B: the opcodes.
 */
#include "root/libwhv/emulator_decode.h"

#define REX_W 8u
#define REX_R 4u
#define REX_X 2u
#define REX_B 1u

#define RBX 3u
#define RSP 4u
#define RBP 5u
#define RSI 6u
#define RDI 7u

struct reader {
    const uint8_t *at, *end;
    enum emulator_mode mode;
    bool operand_prefix;
    uint8_t rex;     /* 0: none */
    uint8_t segment; /* of the override; EMULATOR_NO_REGISTER: none */
    uint8_t address_size;
};

/* What the opcode says: its operand in memory, and the other one. */
struct form {
    uint8_t operation;
    bool store, has_immediate;
    bool has_offset; /* the address is in the instruction, the register is RAX, and there is no ModRM byte */
    uint8_t memory_size, other_size;
};

/* False: the bytes are at their end. */
static inline bool next_byte(struct reader *r, uint8_t *byte)
{
    if (r->at == r->end) {
        return false;
    }
    *byte = *r->at++;
    return true;
}

/* `size` bytes (1, 2, 4, 8), sign-extended. */
static bool next_signed(struct reader *r, unsigned size, int64_t *value)
{
    int32_t four;
    int16_t two;
    if ((size_t)(r->end - r->at) < size) {
        return false;
    }
    if (size == 1) {
        *value = (*r->at ^ 0x80) - 0x80;
    } else if (size == 2) {
        __builtin_memcpy(&two, r->at, sizeof(two));
        *value = two;
    } else if (size == 4) {
        __builtin_memcpy(&four, r->at, sizeof(four));
        *value = four;
    } else {
        __builtin_memcpy(value, r->at, sizeof(*value));
    }
    r->at += size;
    return true;
}

/* The first byte that is no prefix of these moves. In 64-bit mode overrides by ES, CS, SS and DS mean nothing. */
static bool skip_prefixes(struct reader *r, uint8_t *byte)
{
    while (next_byte(r, byte)) {
        switch (*byte) {
        case 0x66:
            r->operand_prefix = true;
            break;
        case 0x67:
            r->address_size = r->mode == EMULATOR_32_BIT ? 2 : 4;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            r->segment = r->mode == EMULATOR_64_BIT ? r->segment : (*byte >> 3) & 3u;
            break;
        case 0x64:
        case 0x65:
            r->segment = *byte == 0x64 ? EMULATOR_FS : EMULATOR_GS;
            break;
        default:
            if (r->mode != EMULATOR_64_BIT || (*byte & 0xf0u) != 0x40) {
                return true;
            }
            r->rex = *byte;
            return next_byte(r, byte);
        }
    }
    return false;
}

static uint8_t operand_size(const struct reader *r)
{
    if ((r->rex & REX_W) != 0) {
        return 8;
    }
    return r->operand_prefix == (r->mode == EMULATOR_16_BIT) ? 4 : 2;
}

/* MOVZX and MOVSX: a byte or two bytes, by bit 0. */
static bool find_extension(struct reader *r, struct form *f)
{
    uint8_t second;
    if (!next_byte(r, &second) || (second & 0xf6u) != 0xb6) {
        return false;
    }
    f->operation = (second & 8u) != 0 ? EMULATOR_MOVSX : EMULATOR_MOVZX;
    f->memory_size = (second & 1u) != 0 ? 2 : 1;
    f->other_size = operand_size(r);
    return true;
}

static bool find_form(struct reader *r, uint8_t opcode, struct form *f)
{
    f->operation = EMULATOR_MOV;
    f->memory_size = f->other_size = (opcode & 1u) != 0 ? operand_size(r) : 1;
    switch (opcode) {
    case 0x88 ... 0x8b:
        f->store = (opcode & 2u) == 0;
        return true;
    case 0xa0 ... 0xa3:
        f->has_offset = true;
        f->store = (opcode & 2u) != 0;
        return true;
    case 0xc6 ... 0xc7:
        f->store = f->has_immediate = true;
        return true;
    case 0x63:
        f->operation = EMULATOR_MOVSX;
        f->memory_size = 4;
        return f->other_size == 8;
    case 0x0f:
        return find_extension(r, f);
    default:
        return false;
    }
}

static void set_base(struct emulator_operand *o, unsigned base)
{
    o->base = (uint8_t)base;
    o->segment = base == RSP || base == RBP ? EMULATOR_SS : EMULATOR_DS;
}

static bool take_address_16(struct reader *r, unsigned mod, unsigned rm, struct emulator_operand *o)
{
    static const uint8_t bases[8] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    if (mod == 0 && rm == 6) {
        return next_signed(r, 2, &o->displacement);
    }
    set_base(o, bases[rm]);
    o->index = rm < 4 ? (uint8_t)(RSI + rm % 2) : EMULATOR_NO_REGISTER;
    return mod == 0 || next_signed(r, mod, &o->displacement);
}

static bool take_sib(struct reader *r, unsigned mod, struct emulator_operand *o)
{
    uint8_t sib;
    if (!next_byte(r, &sib)) {
        return false;
    }
    unsigned index = ((sib >> 3) & 7u) | ((r->rex & REX_X) != 0 ? 8u : 0);
    if (index != RSP) {
        o->index = (uint8_t)index;
        o->scale = (uint8_t)(1u << (sib >> 6));
    }
    if ((sib & 7u) == RBP && mod == 0) {
        return next_signed(r, 4, &o->displacement);
    }
    set_base(o, (sib & 7u) | ((r->rex & REX_B) != 0 ? 8u : 0));
    return mod == 0 || next_signed(r, mod == 1 ? 1 : 4, &o->displacement);
}

static bool take_address(struct reader *r, unsigned mod, unsigned rm, struct emulator_operand *o)
{
    if (r->address_size == 2) {
        return take_address_16(r, mod, rm, o);
    }
    if (rm == RSP) {
        return take_sib(r, mod, o);
    }
    if (mod == 0 && rm == RBP) {
        o->base = r->mode == EMULATOR_64_BIT ? EMULATOR_RIP : EMULATOR_NO_REGISTER;
        return next_signed(r, 4, &o->displacement);
    }
    set_base(o, rm | ((r->rex & REX_B) != 0 ? 8u : 0));
    return mod == 0 || next_signed(r, mod == 1 ? 1 : 4, &o->displacement);
}

/* Without REX the byte registers 4 to 7 are AH, CH, DH, BH. */
static void set_register(const struct reader *r, unsigned number, uint8_t size, struct emulator_operand *o)
{
    o->kind = EMULATOR_REGISTER;
    o->size = size;
    o->high = size == 1 && r->rex == 0 && number >= 4;
    o->number = (uint8_t)(o->high ? number - 4 : number);
}

static bool take_immediate(struct reader *r, uint8_t size, struct emulator_operand *o)
{
    int64_t value;
    if (!next_signed(r, size == 8 ? 4 : size, &value)) {
        return false;
    }
    o->kind = EMULATOR_IMMEDIATE;
    o->size = size;
    o->immediate = (uint64_t)value;
    return true;
}

static bool take_operands(struct reader *r, const struct form *f, struct emulator_operand *memory,
                          struct emulator_operand *other)
{
    uint8_t modrm;
    *memory = (struct emulator_operand){
        .kind = EMULATOR_MEMORY,
        .size = f->memory_size,
        .segment = EMULATOR_DS,
        .base = EMULATOR_NO_REGISTER,
        .index = EMULATOR_NO_REGISTER,
        .scale = 1,
    };
    if (f->has_offset) {
        set_register(r, 0, f->other_size, other);
        return next_signed(r, r->address_size, &memory->displacement);
    }
    if (!next_byte(r, &modrm) || modrm >> 6 == 3) {
        return false;
    }
    unsigned reg = (modrm >> 3) & 7u;
    if (!take_address(r, modrm >> 6, modrm & 7u, memory)) {
        return false;
    }
    if (f->has_immediate) {
        return reg == 0 && take_immediate(r, f->other_size, other);
    }
    set_register(r, reg | ((r->rex & REX_R) != 0 ? 8u : 0), f->other_size, other);
    return true;
}

bool emulator_decode_move(enum emulator_mode mode, const uint8_t *bytes, size_t count, struct emulator_instruction *out)
{
    struct reader r = {
        .at = bytes,
        .end = bytes + (count < EMULATOR_MAX_LENGTH ? count : EMULATOR_MAX_LENGTH),
        .mode = mode,
        .segment = EMULATOR_NO_REGISTER,
        .address_size = (uint8_t)mode,
    };
    struct form f = {0};
    uint8_t opcode;
    *out = (struct emulator_instruction){0};
    if (!skip_prefixes(&r, &opcode) || !find_form(&r, opcode, &f)) {
        return false;
    }
    struct emulator_operand *memory = &out->operand[f.store ? 0 : 1];
    if (!take_operands(&r, &f, memory, &out->operand[f.store ? 1 : 0])) {
        return false;
    }
    if (r.segment != EMULATOR_NO_REGISTER) {
        memory->segment = r.segment;
    }
    out->operation = f.operation;
    out->length = (uint8_t)(r.at - bytes);
    out->size = out->operand[0].size;
    out->address_size = r.address_size;
    out->operands = 2;
    return true;
}
