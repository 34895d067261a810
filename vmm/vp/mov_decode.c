/* SPDX-License-Identifier: MIT */
/* Tables 2-1 to 2-5 and 2-7 of SDM vol. 2A: the address forms of ModRM and SIB; prefixes: 2.1.1, 2.2.1. */
#include "vmm/vp/mov_decode.h"

#define LENGTH_MAX 15u

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
    const uint8_t *bytes;
    unsigned count, at;
    enum mov_mode mode;
    uint8_t rex;
    bool operand_prefix, segment_prefix;
    struct mov_store *out;
};

static bool next_byte(struct reader *r, uint8_t *byte)
{
    if (r->at >= r->count || r->at >= LENGTH_MAX) {
        return false;
    }
    *byte = r->bytes[r->at++];
    return true;
}

/* `size` bytes, little endian, sign-extended to 64 bits. */
static bool next_signed(struct reader *r, unsigned size, uint64_t *value)
{
    uint64_t bits = 0;
    uint8_t byte = 0;
    for (unsigned i = 0; i < size; i++) {
        if (!next_byte(r, &byte)) {
            return false;
        }
        bits |= (uint64_t)byte << (8 * i);
    }
    *value = size < 8 && (byte & 0x80u) != 0 ? bits | ~0ull << (8 * size) : bits;
    return true;
}

static void set_segment(struct reader *r, enum mov_segment segment)
{
    /* In 64-bit mode the overrides by ES, CS, SS and DS have no effect, not even on an earlier FS or GS. */
    if (r->mode != MOV_MODE_64 || segment >= MOV_FS) {
        r->out->segment = (uint8_t)segment;
        r->segment_prefix = true;
    }
}

/* True: it was a prefix that this decoder knows. A REX that is not last has no effect. */
static bool take_prefix(struct reader *r, uint8_t byte)
{
    switch (byte) {
    case 0x66:
        r->operand_prefix = true;
        break;
    case 0x67:
        r->out->address_bits = r->mode == MOV_MODE_32 ? 16 : 32;
        break;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
        set_segment(r, (enum mov_segment)((byte >> 3) & 3u));
        break;
    case 0x64:
    case 0x65:
        set_segment(r, byte == 0x64 ? MOV_FS : MOV_GS);
        break;
    default:
        if (r->mode != MOV_MODE_64 || (byte & 0xf0u) != 0x40) {
            return false;
        }
        r->rex = byte;
        return true;
    }
    r->rex = 0;
    return true;
}

/* The default segment is SS if the base is SP or BP. */
static void set_base(struct reader *r, unsigned base)
{
    r->out->base = (uint8_t)base;
    if (!r->segment_prefix && (base == RSP || base == RBP)) {
        r->out->segment = MOV_SS;
    }
}

static bool decode_address_16(struct reader *r, unsigned mod, unsigned rm)
{
    static const uint8_t bases[8] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    if (mod == 0 && rm == 6) {
        return next_signed(r, 2, &r->out->displacement);
    }
    set_base(r, bases[rm]);
    r->out->index = rm < 4 ? (uint8_t)(RSI + rm % 2) : MOV_NO_REGISTER;
    return mod == 0 || next_signed(r, mod, &r->out->displacement);
}

static bool decode_sib(struct reader *r, unsigned mod)
{
    uint8_t sib;
    if (!next_byte(r, &sib)) {
        return false;
    }
    unsigned index = ((sib >> 3) & 7u) | ((r->rex & REX_X) != 0 ? 8u : 0);
    if (index != RSP) {
        r->out->index = (uint8_t)index;
        r->out->scale = (uint8_t)(1u << (sib >> 6));
    }
    if ((sib & 7u) == RBP && mod == 0) {
        return next_signed(r, 4, &r->out->displacement);
    }
    set_base(r, (sib & 7u) | ((r->rex & REX_B) != 0 ? 8u : 0));
    return true;
}

static bool decode_address(struct reader *r, unsigned mod, unsigned rm)
{
    if (r->out->address_bits == 16) {
        return decode_address_16(r, mod, rm);
    }
    if (rm == RSP) {
        if (!decode_sib(r, mod)) {
            return false;
        }
    } else if (mod == 0 && rm == RBP) {
        r->out->base = r->mode == MOV_MODE_64 ? MOV_RIP : MOV_NO_REGISTER;
        return next_signed(r, 4, &r->out->displacement);
    } else {
        set_base(r, rm | ((r->rex & REX_B) != 0 ? 8u : 0));
    }
    return mod == 0 || next_signed(r, mod == 1 ? 1 : 4, &r->out->displacement);
}

static void set_size(struct reader *r, bool byte)
{
    bool small = r->operand_prefix != (r->mode == MOV_MODE_16);
    r->out->size = byte ? 1 : (r->rex & REX_W) != 0 ? 8 : small ? 2 : 4;
}

static void set_source(struct reader *r, unsigned number)
{
    r->out->high_byte = r->out->size == 1 && r->rex == 0 && number >= 4;
    r->out->source = (uint8_t)(r->out->high_byte ? number - 4 : number);
}

static bool decode_operands(struct reader *r, uint8_t opcode)
{
    uint8_t modrm;
    set_size(r, (opcode & 1u) == 0);
    if (opcode >= 0xa0 && opcode <= 0xa3) {
        set_source(r, 0);
        return next_signed(r, r->out->address_bits / 8u, &r->out->displacement);
    }
    if (!next_byte(r, &modrm) || modrm >> 6 == 3) {
        return false;
    }
    unsigned reg = (modrm >> 3) & 7u;
    r->out->is_immediate = opcode >= 0xc6;
    if (r->out->is_immediate && reg != 0) {
        return false;
    }
    set_source(r, reg | ((r->rex & REX_R) != 0 ? 8u : 0));
    if (!decode_address(r, modrm >> 6, modrm & 7u)) {
        return false;
    }
    unsigned bytes = r->out->size == 8 ? 4 : r->out->size;
    return !r->out->is_immediate || next_signed(r, bytes, &r->out->immediate);
}

static bool find_opcode(uint8_t opcode, bool *is_load)
{
    *is_load = opcode == 0x8a || opcode == 0x8b || opcode == 0xa0 || opcode == 0xa1;
    return *is_load || opcode == 0x88 || opcode == 0x89 || opcode == 0xa2 || opcode == 0xa3 || opcode == 0xc6 ||
           opcode == 0xc7;
}

bool mov_decode_any(const uint8_t *bytes, unsigned count, enum mov_mode mode, struct mov_store *out)
{
    struct reader r = {.bytes = bytes, .count = count, .mode = mode, .out = out};
    *out = (struct mov_store){
        .segment = MOV_DS,
        .base = MOV_NO_REGISTER,
        .index = MOV_NO_REGISTER,
        .scale = 1,
        .address_bits = mode == MOV_MODE_64   ? 64
                        : mode == MOV_MODE_32 ? 32
                                              : 16,
    };
    uint8_t opcode;
    do {
        if (!next_byte(&r, &opcode)) {
            return false;
        }
    } while (take_prefix(&r, opcode));
    if (!find_opcode(opcode, &out->is_load) || !decode_operands(&r, opcode)) {
        return false;
    }
    out->length = (uint8_t)r.at;
    return true;
}

bool mov_decode(const uint8_t *bytes, unsigned count, enum mov_mode mode, struct mov_store *out)
{
    return mov_decode_any(bytes, count, mode, out) && !out->is_load;
}

uint64_t mov_value(const struct mov_store *s, const uint64_t *gpr)
{
    uint64_t value = s->is_immediate ? s->immediate : gpr[s->source & 15u] >> (s->high_byte ? 8 : 0);
    return s->size == 8 ? value : value & ((1ull << (8 * s->size)) - 1);
}

uint64_t mov_offset(const struct mov_store *s, const uint64_t *gpr, uint64_t rip)
{
    uint64_t offset = s->displacement;
    if (s->base == MOV_RIP) {
        offset += rip + s->length;
    } else if (s->base != MOV_NO_REGISTER) {
        offset += gpr[s->base & 15u];
    }
    if (s->index != MOV_NO_REGISTER) {
        offset += gpr[s->index & 15u] * s->scale;
    }
    return s->address_bits == 64 ? offset : offset & ((1ull << s->address_bits) - 1);
}
