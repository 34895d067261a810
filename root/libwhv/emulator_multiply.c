/* SPDX-License-Identifier: MIT */
/* MUL, IMUL, DIV, IDIV. */
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define RAX 0u
#define RDX 2u

/* 128 bits. */
struct wide {
    uint64_t low, high;
};

static struct wide negative(struct wide a)
{
    return (struct wide){0 - a.low, ~a.high + (a.low == 0 ? 1 : 0)};
}

/* RDX:RAX, or for bytes AX, as a pair of `size` bytes each. */
static struct wide accumulator(const struct emulation *e, unsigned size)
{
    if (size == 1) {
        return (struct wide){e->gpr[RAX] & 0xff, (e->gpr[RAX] >> 8) & 0xff};
    }
    return (struct wide){emulator_gpr(e, RAX, size), emulator_gpr(e, RDX, size)};
}

static void set_accumulator(struct emulation *e, unsigned size, uint64_t low, uint64_t high)
{
    if (size == 1) {
        emulator_set_gpr(e, RAX, 2, (low & 0xff) | (high & 0xff) << 8);
    } else {
        emulator_set_gpr(e, RAX, size, low);
        emulator_set_gpr(e, RDX, size, high);
    }
}

static struct wide multiply(bool is_signed, uint64_t a, uint64_t b)
{
    if (is_signed) {
        __int128 product = (__int128)(int64_t)a * (int64_t)b;
        return (struct wide){(uint64_t)product, (uint64_t)((unsigned __int128)product >> 64)};
    }
    unsigned __int128 product = (unsigned __int128)a * b;
    return (struct wide){(uint64_t)product, (uint64_t)(product >> 64)};
}

/* CF and OF say that the lower half is not all of it; the SDM leaves the others open, they stay. */
static void set_overflow(struct emulation *e, bool overflow)
{
    const uint64_t both = EMULATOR_CF | EMULATOR_OF;
    e->rflags = (e->rflags & ~both) | (overflow ? both : 0);
}

/* One operand: into twice its size. Otherwise the last two into the first. */
bool emulator_execute_multiply(struct emulation *e)
{
    unsigned size = e->insn.size, operands = e->insn.operands;
    bool is_signed = e->insn.operation == EMULATOR_IMUL;
    uint64_t a = e->gpr[RAX] & emulator_mask(size), b;
    if (!emulator_read_operand(e, operands == 1 ? 0 : 1, EMULATOR_READ, &b) ||
        (operands > 1 && !emulator_read_operand(e, operands == 2 ? 0 : 2, EMULATOR_READ, &a))) {
        return false;
    }
    if (is_signed) {
        a = emulator_sign_extend(a, size);
        b = emulator_sign_extend(b, size);
    }
    struct wide product = multiply(is_signed, a, b);
    uint64_t low = product.low & emulator_mask(size);
    uint64_t high = size == 8 ? product.high : product.low >> 8 * size;
    if (is_signed) {
        uint64_t extended = emulator_sign_extend(low, size);
        set_overflow(e, extended != product.low || product.high != ((int64_t)extended < 0 ? ~0ull : 0));
    } else {
        set_overflow(e, (high & emulator_mask(size)) != 0);
    }
    if (operands > 1) {
        return emulator_write_operand(e, 0, low);
    }
    set_accumulator(e, size, low, high);
    return true;
}

/* False: the quotient has more than 64 bits, or there is none. */
static bool divide(struct wide a, uint64_t b, uint64_t *quotient, uint64_t *remainder)
{
    if (a.high >= b) {
        return false;
    }
    __asm__("divq %4" : "=a"(*quotient), "=d"(*remainder) : "0"(a.low), "1"(a.high), "r"(b) : "cc");
    return true;
}

/* The dividend, extended to 128 bits. */
static struct wide dividend(const struct emulation *e, unsigned size, bool is_signed)
{
    struct wide a = accumulator(e, size);
    if (size < 8) {
        a.low |= a.high << 8 * size;
        a.low = is_signed ? emulator_sign_extend(a.low, 2 * size) : a.low;
        a.high = is_signed && (int64_t)a.low < 0 ? ~0ull : 0;
    }
    return a;
}

/* SDM vol. 2A, DIV and IDIV: rounded towards zero, the remainder has the dividend's sign. #DE: it does not fit. */
bool emulator_execute_divide(struct emulation *e)
{
    unsigned size = e->insn.size;
    bool is_signed = e->insn.operation == EMULATOR_IDIV;
    uint64_t b, quotient, remainder;
    if (!emulator_read_operand(e, 0, EMULATOR_READ, &b)) {
        return false;
    }
    struct wide a = dividend(e, size, is_signed);
    b = is_signed ? emulator_sign_extend(b, size) : b;
    bool minus = is_signed && (int64_t)a.high < 0, opposite = is_signed && minus != ((int64_t)b < 0);
    if (!divide(minus ? negative(a) : a, is_signed && (int64_t)b < 0 ? 0 - b : b, &quotient, &remainder)) {
        return emulator_fault(e, EXCEPTION_DE, 0, 0);
    }
    uint64_t most = is_signed ? emulator_mask(size) >> 1 : emulator_mask(size);
    if (quotient > most + (opposite ? 1 : 0)) {
        return emulator_fault(e, EXCEPTION_DE, 0, 0);
    }
    set_accumulator(e, size, opposite ? 0 - quotient : quotient, minus ? 0 - remainder : remainder);
    return true;
}
