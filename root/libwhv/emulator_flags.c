/* SPDX-License-Identifier: MIT */
#include "root/libwhv/emulator_flags.h"

#define STATUS_FLAGS (EMULATOR_CF | EMULATOR_PF | EMULATOR_AF | EMULATOR_ZF | EMULATOR_SF | EMULATOR_OF)

static uint64_t sign_bit(unsigned size)
{
    return 1ull << (8 * size - 1);
}

uint64_t emulator_sign_extend(uint64_t value, unsigned size)
{
    uint64_t sign = sign_bit(size);
    return ((value & emulator_mask(size)) ^ sign) - sign;
}

static uint64_t result_flags(uint64_t result, unsigned size)
{
    uint64_t flags = 0;
    flags |= (result & emulator_mask(size)) == 0 ? EMULATOR_ZF : 0;
    flags |= (result & sign_bit(size)) != 0 ? EMULATOR_SF : 0;
    flags |= __builtin_parity((unsigned)(result & 0xff)) == 0 ? EMULATOR_PF : 0;
    return flags;
}

static void set_flags(uint64_t *rflags, uint64_t which, uint64_t flags)
{
    *rflags = (*rflags & ~which) | (flags & which);
}

/* The carries out of each bit are what full adders give: (a & b) | ((a | b) & ~sum). */
static uint64_t add(unsigned size, uint64_t a, uint64_t b, unsigned carry, uint64_t *rflags, uint64_t which)
{
    uint64_t sum = (a + b + carry) & emulator_mask(size), carries = (a & b) | ((a | b) & ~sum);
    uint64_t flags = result_flags(sum, size);
    flags |= (carries & sign_bit(size)) != 0 ? EMULATOR_CF : 0;
    flags |= (carries & 8) != 0 ? EMULATOR_AF : 0;
    flags |= ((a ^ sum) & (b ^ sum) & sign_bit(size)) != 0 ? EMULATOR_OF : 0;
    set_flags(rflags, which, flags);
    return sum;
}

static uint64_t subtract(unsigned size, uint64_t a, uint64_t b, unsigned borrow, uint64_t *rflags, uint64_t which)
{
    uint64_t rest = (a - b - borrow) & emulator_mask(size), borrows = (~a & b) | ((~a | b) & rest);
    uint64_t flags = result_flags(rest, size);
    flags |= (borrows & sign_bit(size)) != 0 ? EMULATOR_CF : 0;
    flags |= (borrows & 8) != 0 ? EMULATOR_AF : 0;
    flags |= ((a ^ b) & (a ^ rest) & sign_bit(size)) != 0 ? EMULATOR_OF : 0;
    set_flags(rflags, which, flags);
    return rest;
}

static uint64_t logic(unsigned size, uint64_t result, uint64_t *rflags)
{
    set_flags(rflags, STATUS_FLAGS, result_flags(result, size));
    return result;
}

/* OF is defined for counts of 1 alone; for others it is what processors give: the same formula on the last step. */
static uint64_t shift_left(unsigned size, uint64_t a, unsigned count, uint64_t *rflags)
{
    unsigned bits = 8 * size;
    uint64_t before = count - 1 < 64 ? a << (count - 1) : 0, result = (before << 1) & emulator_mask(size);
    bool carry = count <= bits && (before & sign_bit(size)) != 0;
    uint64_t flags = result_flags(result, size) | (carry ? EMULATOR_CF : 0);
    flags |= carry != ((result & sign_bit(size)) != 0) ? EMULATOR_OF : 0;
    set_flags(rflags, STATUS_FLAGS, flags);
    return result;
}

static uint64_t shift_right(unsigned size, uint64_t a, unsigned count, uint64_t *rflags)
{
    uint64_t before = a >> (count - 1), result = before >> 1, flags = result_flags(result, size);
    flags |= (before & 1) != 0 ? EMULATOR_CF : 0;
    flags |= count == 1 && (a & sign_bit(size)) != 0 ? EMULATOR_OF : 0;
    set_flags(rflags, STATUS_FLAGS, flags);
    return result;
}

static uint64_t shift_arithmetic(unsigned size, uint64_t a, unsigned count, uint64_t *rflags)
{
    uint64_t before = (uint64_t)((int64_t)emulator_sign_extend(a, size) >> (count - 1));
    uint64_t result = (uint64_t)((int64_t)before >> 1) & emulator_mask(size);
    set_flags(rflags, STATUS_FLAGS, result_flags(result, size) | ((before & 1) != 0 ? EMULATOR_CF : 0));
    return result;
}

static uint64_t rotate(unsigned size, uint64_t a, unsigned left, uint64_t *rflags, bool is_left)
{
    unsigned bits = 8 * size;
    uint64_t result = left == 0 ? a : ((a << left) | (a >> (bits - left))) & emulator_mask(size);
    bool top = (result & sign_bit(size)) != 0, next = (result & (sign_bit(size) >> 1)) != 0;
    bool carry = is_left ? (result & 1) != 0 : top;
    bool overflow = is_left ? top != carry : top != next;
    set_flags(rflags, EMULATOR_CF | EMULATOR_OF, (carry ? EMULATOR_CF : 0) | (overflow ? EMULATOR_OF : 0));
    return result;
}

/* Through CF, bit by bit; OF by the rule for a count of 1 on the last step. */
static uint64_t rotate_carry(unsigned size, uint64_t a, unsigned count, uint64_t *rflags, bool is_left)
{
    uint64_t carry = *rflags & EMULATOR_CF, top = 8 * size - 1;
    for (unsigned i = 0; i < count % (8 * size + 1); i++) {
        uint64_t out = is_left ? a >> top & 1 : a & 1;
        a = is_left ? (a << 1 | carry) & emulator_mask(size) : a >> 1 | carry << top;
        carry = out;
    }
    uint64_t sign = a >> top & 1, overflow = is_left ? sign ^ carry : sign ^ (a >> (top - 1) & 1);
    set_flags(rflags, EMULATOR_CF | EMULATOR_OF, carry | (overflow != 0 ? EMULATOR_OF : 0));
    return a;
}

uint64_t emulator_double_shift(bool left, unsigned size, uint64_t a, uint64_t b, uint64_t wanted, uint64_t *rflags)
{
    unsigned count = (unsigned)wanted & (size == 8 ? 63u : 31u), bits = 8 * size;
    uint64_t before = a & emulator_mask(size);
    b &= emulator_mask(size);
    if (count == 0) {
        return before;
    }
    count = count > bits ? count - bits : count; /* of 16 bits: the SDM leaves it open */
    uint64_t other = count == bits ? b : left ? b >> (bits - count) : b << (bits - count);
    uint64_t moved = count == bits ? 0 : left ? before << count : before >> count;
    uint64_t result = (moved | other) & emulator_mask(size);
    bool carry = (before >> (left ? bits - count : count - 1) & 1) != 0;
    uint64_t flags = result_flags(result, size) | (carry ? EMULATOR_CF : 0);
    flags |= ((before ^ result) & sign_bit(size)) != 0 ? EMULATOR_OF : 0;
    set_flags(rflags, STATUS_FLAGS, flags);
    return result;
}

/* SDM vol. 2B, SAL/SAR/SHL/SHR: counts are taken modulo 32 (64 for 8 bytes); a count of 0 changes no flag. */
static uint64_t shift(enum emulator_operation operation, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)
{
    unsigned count = (unsigned)b & (size == 8 ? 63u : 31u), bits = 8 * size;
    if (count == 0) {
        return a;
    }
    switch (operation) {
    case EMULATOR_SHL:
        return shift_left(size, a, count, rflags);
    case EMULATOR_SHR:
        return shift_right(size, a, count, rflags);
    case EMULATOR_SAR:
        return shift_arithmetic(size, a, count, rflags);
    case EMULATOR_ROL:
        return rotate(size, a, count % bits, rflags, true);
    case EMULATOR_RCL:
    case EMULATOR_RCR:
        return rotate_carry(size, a, count, rflags, operation == EMULATOR_RCL);
    default:
        return rotate(size, a, (bits - count % bits) % bits, rflags, false);
    }
}

uint64_t emulator_calculate(enum emulator_operation operation, unsigned size, uint64_t a, uint64_t b, uint64_t *rflags)
{
    unsigned carry = (unsigned)(*rflags & EMULATOR_CF);
    a &= emulator_mask(size);
    b &= emulator_mask(size);
    switch (operation) {
    case EMULATOR_ADD:
        return add(size, a, b, 0, rflags, STATUS_FLAGS);
    case EMULATOR_ADC:
        return add(size, a, b, carry, rflags, STATUS_FLAGS);
    case EMULATOR_SBB:
        return subtract(size, a, b, carry, rflags, STATUS_FLAGS);
    case EMULATOR_SUB:
    case EMULATOR_CMP:
        return subtract(size, a, b, 0, rflags, STATUS_FLAGS);
    case EMULATOR_OR:
        return logic(size, a | b, rflags);
    case EMULATOR_AND:
    case EMULATOR_TEST:
        return logic(size, a & b, rflags);
    case EMULATOR_XOR:
        return logic(size, a ^ b, rflags);
    case EMULATOR_INC:
        return add(size, a, 1, 0, rflags, STATUS_FLAGS & ~(uint64_t)EMULATOR_CF);
    case EMULATOR_DEC:
        return subtract(size, a, 1, 0, rflags, STATUS_FLAGS & ~(uint64_t)EMULATOR_CF);
    case EMULATOR_NEG:
        return subtract(size, 0, a, 0, rflags, STATUS_FLAGS);
    case EMULATOR_NOT:
        return ~a & emulator_mask(size);
    default:
        return shift(operation, size, a, b, rflags);
    }
}

bool emulator_condition(unsigned code, uint64_t rflags)
{
    bool carry = (rflags & EMULATOR_CF) != 0, zero = (rflags & EMULATOR_ZF) != 0;
    bool less = ((rflags & EMULATOR_SF) != 0) != ((rflags & EMULATOR_OF) != 0);
    const bool holds[] = {(rflags & EMULATOR_OF) != 0, carry, zero,        carry || zero, (rflags & EMULATOR_SF) != 0,
                          (rflags & EMULATOR_PF) != 0, less,  less || zero};
    return holds[(code >> 1) & 7] != ((code & 1) != 0);
}
