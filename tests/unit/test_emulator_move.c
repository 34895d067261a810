/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator*.c root/libwhv/completion.c -lcapstone */
/*
 * The decoder of moves against the general one, on random code that is biased to moves: what the first knows the second
 * must decode alike; what the first declines is no plain move; and whole attempts make the same callbacks in the same
 * order with the same arguments, whatever those answer.
 */
#include <stdio.h>
#include <string.h>

#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"
#include "tests/unit/cmocka_tests.h"

#define PAGE 4096u
#define INSTRUCTIONS 300000u
#define ATTEMPTS 150000u
#define LOG_BYTES 2048u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const enum emulator_mode modes[] = {EMULATOR_16_BIT, EMULATOR_32_BIT, EMULATOR_64_BIT};
static uint64_t seed;

/* SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint64_t random64(void)
{
    seed += 0x9e3779b97f4a7c15ull;
    return mix(seed);
}

static unsigned below(unsigned limit)
{
    return (unsigned)(random64() % limit);
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* Prefixes in any order and number, an opcode near those of moves, and any bytes behind it. */
static void make_code(uint8_t code[EMULATOR_MAX_LENGTH])
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3};
    static const uint8_t opcodes[] = {0x88, 0x89, 0x8a, 0x8b, 0xa0, 0xa1, 0xa2, 0xa3, 0xc6, 0xc7, 0x63};
    static const uint8_t second[] = {0xb6, 0xb7, 0xbe, 0xbf, 0xb6, 0xb7, 0xbe, 0xbf, 0xc3, 0xb8, 0xb0};
    unsigned at = 0;
    for (unsigned i = 0; i < EMULATOR_MAX_LENGTH; i++) {
        code[i] = (uint8_t)random64();
    }
    while (one_in(2) && at < 6) {
        code[at++] = prefixes[below(one_in(8) ? COUNT(prefixes) : 8)];
    }
    while (one_in(at == 0 ? 2 : 3) && at < 8) {
        code[at++] = (uint8_t)(0x40 + below(16));
    }
    if (one_in(3)) {
        code[at++] = 0x0f;
        code[at++] = second[below(COUNT(second))];
    } else if (!one_in(16)) {
        code[at++] = opcodes[below(COUNT(opcodes))];
    }
    if (one_in(4)) {
        code[at] &= 0xc7; /* /0 */
    }
}

static void assert_same_operand(const struct emulator_operand *a, const struct emulator_operand *b, uint8_t address)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->size, b->size);
    if (a->kind == EMULATOR_REGISTER) {
        assert_int_equal(a->number, b->number);
        assert_int_equal(a->high, b->high);
    } else if (a->kind == EMULATOR_IMMEDIATE) {
        assert_int_equal(a->immediate & emulator_mask(a->size), b->immediate & emulator_mask(a->size));
    } else {
        assert_int_equal(a->kind, EMULATOR_MEMORY);
        assert_int_equal(a->segment, b->segment);
        assert_int_equal(a->base, b->base);
        assert_int_equal(a->index, b->index);
        assert_true(a->scale == b->scale || a->index == EMULATOR_NO_REGISTER);
        assert_int_equal((uint64_t)a->displacement & emulator_mask(address),
                         (uint64_t)b->displacement & emulator_mask(address));
    }
}

static void assert_same(const struct emulator_instruction *a, const struct emulator_instruction *b)
{
    assert_int_equal(a->operation, b->operation);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->address_size, b->address_size);
    assert_int_equal(a->repeat, b->repeat);
    assert_int_equal(a->segment, b->segment);
    assert_int_equal(a->condition, b->condition);
    assert_int_equal(a->aligned, b->aligned);
    assert_int_equal(a->operands, b->operands);
    for (unsigned i = 0; i < a->operands; i++) {
        assert_same_operand(&a->operand[i], &b->operand[i], a->address_size);
    }
}

/* A move between memory and a general register or an immediate. */
static bool is_move(const struct emulator_instruction *i)
{
    bool memory = i->operand[0].kind == EMULATOR_MEMORY || i->operand[1].kind == EMULATOR_MEMORY;
    bool general = i->operand[0].kind != EMULATOR_SEGMENT_REGISTER && i->operand[1].kind != EMULATOR_SEGMENT_REGISTER;
    return i->operation >= EMULATOR_MOV && i->operation <= EMULATOR_MOVSX && memory && general;
}

/* MOVNTI, MOVSXD of 2 and 4 bytes, LOCK and repeat prefixes, a REX that does not count. */
static bool may_decline(const uint8_t *code, enum emulator_mode mode)
{
    unsigned at = 0;
    bool rex = false;
    for (;; at++) {
        uint8_t byte = code[at];
        bool legacy = (byte & 0xe7u) == 0x26 || (byte >= 0x64 && byte <= 0x67);
        if (byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || (rex && (legacy || (byte & 0xf0u) == 0x40))) {
            return true;
        }
        rex = mode == EMULATOR_64_BIT && (byte & 0xf0u) == 0x40;
        if (!legacy && !rex) {
            break;
        }
    }
    return (code[at] == 0x0f && code[at + 1] == 0xc3) || code[at] == 0x63;
}

static void show(const char *what, const uint8_t *code, enum emulator_mode mode)
{
    char text[EMULATOR_MAX_LENGTH * 3 + 1];
    for (unsigned i = 0; i < EMULATOR_MAX_LENGTH; i++) {
        (void)snprintf(text + 3 * i, 4, "%02x ", code[i]);
    }
    print_message("%u-bit code, %s: %s\n", 8 * (unsigned)mode, what, text);
}

static void test_same_instructions(void **state)
{
    struct emulator_decoder *decoder = emulator_decoder_create();
    unsigned known = 0;
    (void)state;
    assert_non_null(decoder);
    seed = 1;
    for (unsigned n = 0; n < INSTRUCTIONS; n++) {
        struct emulator_instruction move, general;
        enum emulator_mode mode = modes[below(COUNT(modes))];
        uint8_t code[EMULATOR_MAX_LENGTH];
        unsigned count = one_in(4) ? below(EMULATOR_MAX_LENGTH + 1) : EMULATOR_MAX_LENGTH;
        make_code(code);
        bool is_one = emulator_decode(decoder, mode, code, count, &general);
        if (emulator_decode_move(mode, code, count, &move)) {
            known++;
            if (!is_one || general.operation != move.operation || general.length != move.length) {
                show("moves alone", code, mode);
            }
            assert_true(is_one);
            assert_same(&move, &general);
        } else if (is_one && is_move(&general) && !may_decline(code, mode)) {
            show("declined", code, mode);
            fail();
        }
    }
    emulator_decoder_destroy(decoder);
    assert_true(known > INSTRUCTIONS / 4);
}

/* What one attempt did, and what its callbacks answer: by `salt` and their arguments, the same in each attempt. */
struct attempt {
    uint64_t salt;
    unsigned calls, fails_at, length;
    uint64_t code_gpa;
    uint8_t code[EMULATOR_MAX_LENGTH];
    uint8_t log[LOG_BYTES];
};

static HRESULT note(struct attempt *a, char kind, const void *data, size_t size)
{
    if (a->length + size + 1 > LOG_BYTES) {
        return E_OUTOFMEMORY; /* that ends a long repetition */
    }
    a->log[a->length++] = (uint8_t)kind;
    memcpy(a->log + a->length, data, size);
    a->length += (unsigned)size;
    a->calls++;
    return a->calls == a->fails_at ? E_OUTOFMEMORY : S_OK;
}

static HRESULT on_port(void *context, WHV_EMULATOR_IO_ACCESS_INFO *info)
{
    return note(context, 'p', info, sizeof(*info));
}

static HRESULT on_memory(void *context, WHV_EMULATOR_MEMORY_ACCESS_INFO *info)
{
    struct attempt *a = context;
    HRESULT hr = note(a, 'm', info, sizeof(*info));
    for (unsigned i = 0; i < info->AccessSize && info->Direction == 0; i++) {
        uint64_t at = info->GpaAddress + i - a->code_gpa;
        info->Data[i] = at < EMULATOR_MAX_LENGTH ? a->code[at] : (uint8_t)mix(a->salt ^ (info->GpaAddress + i));
    }
    return hr;
}

/* Edges of segments, pages and canonical addresses, among any numbers. */
static uint64_t register_of(const struct attempt *a, uint32_t name)
{
    static const uint64_t edges[] = {0,          0xfff,      0xffff,         0x7ffffffe,        0xfffffffd,
                                     0x100000ff, 0x10000ffe, 0x7ffffffffffe, 0x800000000000000, 0xffff800000000000};
    uint64_t any = mix(a->salt + name);
    return any % 4 == 0 ? edges[(any >> 8) % COUNT(edges)] : any % 4 == 1 ? any : any >> 40;
}

static WHV_X64_SEGMENT_REGISTER segment_of(const struct attempt *a, uint32_t name)
{
    WHV_X64_SEGMENT_REGISTER s = {0};
    uint64_t any = mix(a->salt + name);
    s.Base = any % 4 == 0 ? any >> 32 : 0;
    s.Limit = any % 8 == 1 ? (uint32_t)(any >> 48) : 0xffffffff;
    s.Attributes = any % 8 == 2 ? (uint16_t)(any >> 16) : 0xc093;
    return s;
}

static HRESULT on_get(void *context, const WHV_REGISTER_NAME *names, uint32_t count, WHV_REGISTER_VALUE *values)
{
    struct attempt *a = context;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name = (uint32_t)names[i];
        memset(&values[i], 0, sizeof(values[i]));
        if (name >= WHvX64RegisterEs && name <= WHvX64RegisterGs) {
            values[i].Segment = segment_of(a, name);
        } else {
            values[i].Reg64 = register_of(a, name);
        }
    }
    return note(a, 'g', names, count * sizeof(*names));
}

static HRESULT on_set(void *context, const WHV_REGISTER_NAME *names, uint32_t count, const WHV_REGISTER_VALUE *values)
{
    HRESULT first = note(context, 's', names, count * sizeof(*names));
    HRESULT second = note(context, 'v', values, count * sizeof(*values));
    return FAILED(first) ? first : second;
}

static HRESULT on_translate(void *context, WHV_GUEST_VIRTUAL_ADDRESS gva, WHV_TRANSLATE_GVA_FLAGS flags,
                            WHV_TRANSLATE_GVA_RESULT_CODE *result, WHV_GUEST_PHYSICAL_ADDRESS *gpa)
{
    struct attempt *a = context;
    const uint64_t asked[2] = {gva, (uint64_t)flags};
    uint64_t any = mix(a->salt ^ gva);
    *result = any % 8 == 0 ? (WHV_TRANSLATE_GVA_RESULT_CODE)((any >> 8) % 8) : WHvTranslateGvaResultSuccess;
    *gpa = (gva & 0xffffffff) + (any % 32 == 1 ? 1 : 0);
    return note(a, 't', asked, sizeof(asked));
}

static const WHV_EMULATOR_CALLBACKS callbacks = {
    sizeof(callbacks), 0, on_port, on_memory, on_get, on_set, on_translate,
};

struct exit {
    WHV_VP_EXIT_CONTEXT vp;
    WHV_MEMORY_ACCESS_CONTEXT access;
};

static void make_exit(struct exit *x, struct attempt *a)
{
    enum emulator_mode mode = modes[below(COUNT(modes))];
    memset(x, 0, sizeof(*x));
    memset(a, 0, sizeof(*a));
    make_code(a->code);
    a->salt = random64();
    a->fails_at = one_in(4) ? 1 + below(6) : 0;
    x->vp.ExecutionState.Cpl = one_in(2) ? 3 : 0;
    x->vp.ExecutionState.Cr0Pe = mode != EMULATOR_16_BIT || one_in(2);
    x->vp.ExecutionState.Cr0Am = one_in(2);
    x->vp.ExecutionState.EferLma = mode == EMULATOR_64_BIT || (mode == EMULATOR_32_BIT && one_in(2));
    x->vp.ExecutionState.DebugActive = one_in(4);
    x->vp.Cs.Default = mode == EMULATOR_32_BIT;
    x->vp.Cs.Long = mode == EMULATOR_64_BIT;
    x->vp.Cs.Base = mode != EMULATOR_64_BIT && one_in(2) ? 0x12340 : 0;
    x->vp.Cs.Limit = 0xffffffff;
    x->vp.Cs.Attributes |= 0x9b;
    x->vp.Rip = one_in(2) ? 0x1000 : 0xfff0 + below(16);
    x->vp.Rflags = 2 | (random64() & 0x70dd5);
    a->code_gpa = x->vp.Rip + x->vp.Cs.Base;
    x->access.AccessInfo.AsUINT32 = below(16);
    x->access.Gva = register_of(a, below(16));
    x->access.Gpa = 0x10000000 + x->access.Gva % PAGE;
    x->access.InstructionByteCount = (uint8_t)(one_in(4) ? below(16) : EMULATOR_MAX_LENGTH);
    memcpy(x->access.InstructionBytes, a->code, EMULATOR_MAX_LENGTH);
}

static uint32_t attempt(WHV_EMULATOR_HANDLE emulator, const struct exit *x, struct attempt *a,
                        struct whb_emulator_report *report)
{
    WHV_EMULATOR_STATUS status;
    assert_int_equal(WHvEmulatorTryMmioEmulation(emulator, a, &x->vp, &x->access, &status), S_OK);
    assert_int_equal(whb_emulator_report(emulator, report), S_OK);
    return status.AsUINT32;
}

static void test_same_attempts(void **state)
{
    static struct attempt first, second;
    WHV_EMULATOR_HANDLE both = NULL, library = NULL;
    unsigned moves = 0, faults = 0;
    (void)state;
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &both), S_OK);
    assert_int_equal(WHvEmulatorCreateEmulator(&callbacks, &library), S_OK);
    ((struct emulator *)library)->by_library = true;
    seed = 2;
    for (unsigned n = 0; n < ATTEMPTS; n++) {
        struct exit x;
        struct whb_emulator_report reports[2];
        struct emulator_instruction ignored;
        make_exit(&x, &first);
        second = first;
        uint32_t came = attempt(both, &x, &first, &reports[0]), expected = attempt(library, &x, &second, &reports[1]);
        if (came != expected || memcmp(&first, &second, sizeof(first)) != 0) {
            show("attempts differ", first.code, ((struct emulator *)both)->mode);
        }
        assert_int_equal(came, expected);
        assert_memory_equal(&first, &second, sizeof(first));
        assert_memory_equal(&reports[0], &reports[1], sizeof(reports[0]));
        if (emulator_decode_move(((struct emulator *)both)->mode, first.code, EMULATOR_MAX_LENGTH, &ignored)) {
            moves += came == 1;
            faults += reports[0].fault_pending;
        }
    }
    assert_true(moves > ATTEMPTS / 5);
    assert_true(faults > ATTEMPTS / 50);
    assert_int_equal(WHvEmulatorDestroyEmulator(both), S_OK);
    assert_int_equal(WHvEmulatorDestroyEmulator(library), S_OK);
}

/* Cut off anywhere, a move is none, and no byte behind its end is read. */
static void test_cut_off(void **state)
{
    struct emulator_instruction insn;
    (void)state;
    seed = 3;
    for (unsigned n = 0; n < INSTRUCTIONS / 10; n++) {
        enum emulator_mode mode = modes[below(COUNT(modes))];
        uint8_t code[EMULATOR_MAX_LENGTH];
        make_code(code);
        if (emulator_decode_move(mode, code, sizeof(code), &insn)) {
            unsigned length = insn.length;
            assert_true(emulator_decode_move(mode, code, length, &insn));
            for (unsigned cut = 0; cut < length; cut++) {
                assert_false(emulator_decode_move(mode, code, cut, &insn));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_instructions),
        cmocka_unit_test(test_same_attempts),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
