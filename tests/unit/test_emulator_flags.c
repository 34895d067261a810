/* SPDX-License-Identifier: MIT */
/* sources: root/libwhv/emulator_flags.c */
/* Arithmetic with flags: examples with their results, all of 8 bits against the processor, and the conditions. */
#include "root/libwhv/emulator_flags.h"
#include "tests/unit/cmocka_tests.h"

#define CF EMULATOR_CF
#define PF EMULATOR_PF
#define AF EMULATOR_AF
#define ZF EMULATOR_ZF
#define SF EMULATOR_SF
#define OF EMULATOR_OF
#define ALL (CF | PF | AF | ZF | SF | OF)

static const struct {
    enum emulator_operation operation;
    unsigned size;
    uint64_t a, b, flags, result, result_flags;
} examples[] = {
    {EMULATOR_ADD, 1, 0xff, 1, 0, 0, CF | PF | AF | ZF},
    {EMULATOR_ADD, 2, 0x7fff, 1, 0, 0x8000, PF | AF | SF | OF},
    {EMULATOR_ADD, 4, 0xffffffff, 0xffffffff, 0, 0xfffffffe, CF | AF | SF},
    {EMULATOR_ADD, 8, 1ull << 63, 1ull << 63, 0, 0, CF | PF | ZF | OF},
    {EMULATOR_ADC, 8, ~0ull, 0, CF, 0, CF | PF | AF | ZF},
    {EMULATOR_ADC, 8, ~0ull, ~0ull, CF, ~0ull, CF | PF | AF | SF},
    {EMULATOR_SBB, 4, 0, 0xffffffff, CF, 0, CF | PF | AF | ZF},
    {EMULATOR_SBB, 8, 0, 0, CF, ~0ull, CF | PF | AF | SF},
    {EMULATOR_SUB, 1, 0x80, 1, 0, 0x7f, AF | OF},
    {EMULATOR_CMP, 2, 5, 5, ALL, 0, PF | ZF},
    {EMULATOR_AND, 4, 0xf0f0f0f0, 0x80000000, ALL, 0x80000000, PF | SF},
    {EMULATOR_OR, 1, 0, 0, ALL, 0, PF | ZF},
    {EMULATOR_XOR, 8, ~0ull, 1, CF | OF, ~1ull, SF},
    {EMULATOR_TEST, 8, 1, 2, 0, 0, PF | ZF},
    {EMULATOR_INC, 4, 0x7fffffff, 0, CF, 0x80000000, CF | PF | AF | SF | OF},
    {EMULATOR_DEC, 1, 0, 0, 0, 0xff, PF | AF | SF},
    {EMULATOR_NEG, 2, 0x8000, 0, 0, 0x8000, CF | PF | SF | OF},
    {EMULATOR_NEG, 8, 0, 0, CF, 0, PF | ZF},
    {EMULATOR_NOT, 4, 0, 0, CF | ZF, 0xffffffff, CF | ZF},
    {EMULATOR_SHL, 4, 0x80000001, 32, CF | AF, 0x80000001, CF | AF},
    {EMULATOR_SHL, 8, 3, 63, 0, 1ull << 63, CF | PF | SF},
    {EMULATOR_SHR, 2, 0xffff, 17, 0, 0, PF | ZF},
    {EMULATOR_SAR, 1, 0x80, 31, 0, 0xff, CF | PF | SF},
    {EMULATOR_ROL, 2, 0x8001, 1, ZF, 3, CF | ZF | OF},
    {EMULATOR_ROR, 8, 1, 65, 0, 1ull << 63, CF | OF},
};

static void test_examples(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        uint64_t flags = examples[i].flags | EMULATOR_DF;
        assert_int_equal(
            emulator_calculate(examples[i].operation, examples[i].size, examples[i].a, examples[i].b, &flags),
            examples[i].result);
        assert_int_equal(flags, examples[i].result_flags | EMULATOR_DF);
    }
}

/* What stands above the operands' size must not matter. */
static void test_upper_bits_do_not_count(void **state)
{
    (void)state;
    for (unsigned operation = EMULATOR_ADD; operation <= EMULATOR_ROR; operation++) {
        for (unsigned size = 1; size < 8; size *= 2) {
            uint64_t clean = CF, dirty = CF, above = ~emulator_mask(size);
            uint64_t expected = emulator_calculate((enum emulator_operation)operation, size, 0x55, 3, &clean);
            uint64_t came = emulator_calculate((enum emulator_operation)operation, size, above | 0x55,
                                               operation >= EMULATOR_SHL ? 3 : above | 3, &dirty);
            assert_int_equal(expected, came);
            assert_int_equal(clean, dirty);
        }
    }
}

/* One instruction of the processor on AL and CL. */
#define NATIVE(name, instruction)                                                                                      \
    static uint8_t native_##name(uint8_t a, uint8_t b, uint64_t *flags)                                                \
    {                                                                                                                  \
        __asm__("pushq %1\n\tpopfq\n\t" instruction "\n\tpushfq\n\tpopq %1" : "+a"(a), "+r"(*flags) : "c"(b) : "cc");  \
        return a;                                                                                                      \
    }
NATIVE(add, "addb %%cl, %%al")
NATIVE(or, "orb %%cl, %%al")
NATIVE(adc, "adcb %%cl, %%al")
NATIVE(sbb, "sbbb %%cl, %%al")
NATIVE(and, "andb %%cl, %%al")
NATIVE(sub, "subb %%cl, %%al")
NATIVE(xor, "xorb %%cl, %%al")
NATIVE(inc, "incb %%al")
NATIVE(dec, "decb %%al")
NATIVE(neg, "negb %%al")
NATIVE(shl, "shlb %%cl, %%al")
NATIVE(shr, "shrb %%cl, %%al")
NATIVE(sar, "sarb %%cl, %%al")
NATIVE(rol, "rolb %%cl, %%al")
NATIVE(ror, "rorb %%cl, %%al")

static const struct {
    enum emulator_operation operation;
    uint8_t (*native)(uint8_t a, uint8_t b, uint64_t *flags);
    uint64_t undefined; /* flags, of counts other than 1 for shifts */
} natives[] = {
    {EMULATOR_ADD, native_add, 0},  {EMULATOR_OR, native_or, AF},        {EMULATOR_ADC, native_adc, 0},
    {EMULATOR_SBB, native_sbb, 0},  {EMULATOR_AND, native_and, AF},      {EMULATOR_SUB, native_sub, 0},
    {EMULATOR_XOR, native_xor, AF}, {EMULATOR_INC, native_inc, 0},       {EMULATOR_DEC, native_dec, 0},
    {EMULATOR_NEG, native_neg, 0},  {EMULATOR_SHL, native_shl, AF | OF}, {EMULATOR_SHR, native_shr, AF | OF},
    {EMULATOR_SAR, native_sar, AF}, {EMULATOR_ROL, native_rol, OF},      {EMULATOR_ROR, native_ror, OF},
};

static uint64_t undefined_flags(unsigned i, unsigned b)
{
    bool shifts = natives[i].operation >= EMULATOR_SHL;
    unsigned count = b & 31;
    uint64_t undefined = natives[i].undefined;
    if (shifts && count == 1) {
        undefined &= ~(uint64_t)OF;
    }
    if (count > 8 && (natives[i].operation == EMULATOR_SHL || natives[i].operation == EMULATOR_SHR)) {
        undefined |= CF;
    }
    return undefined;
}

static void test_all_bytes_as_the_processor(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(natives) / sizeof(natives[0]); i++) {
        for (unsigned n = 0; n < 0x20000; n++) {
            uint8_t a = (uint8_t)n, b = (uint8_t)(n >> 8);
            uint64_t before = 0x202 | (n >> 16), native = before, ours = before;
            uint8_t expected = natives[i].native(a, b, &native);
            uint64_t came = emulator_calculate(natives[i].operation, 1, a, b, &ours);
            uint64_t differ = (native ^ ours) & ALL & ~undefined_flags(i, b);
            if (expected != came || differ != 0) {
                fail_msg("operation %u of 0x%x and 0x%x: expected 0x%x, came 0x%lx, flags differ by 0x%lx",
                         natives[i].operation, a, b, expected, came, differ);
            }
        }
    }
}

static void test_conditions(void **state)
{
    /* For each condition the flags that make it true; the next one is its opposite. */
    static const struct {
        uint64_t flags;
        uint16_t holds; /* bit n: condition n */
    } list[] = {
        {0, 0xaaaa},  {OF, 0x5aa9}, {CF, 0xaa66},      {ZF, 0x6a5a},
        {SF, 0x59aa}, {PF, 0xa6aa}, {SF | OF, 0xa9a9}, {ZF | SF | OF, 0x6959},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        unsigned holds = 0;
        for (unsigned code = 0; code < 16; code++) {
            holds |= (unsigned)emulator_condition(code, list[i].flags) << code;
        }
        assert_int_equal(holds, list[i].holds);
    }
}

static void test_sign_extension(void **state)
{
    (void)state;
    assert_int_equal(emulator_sign_extend(0x180, 1), 0xffffffffffffff80);
    assert_int_equal(emulator_sign_extend(0x7fff, 2), 0x7fff);
    assert_int_equal(emulator_sign_extend(0x80000000, 4), 0xffffffff80000000);
    assert_int_equal(emulator_sign_extend(1ull << 63, 8), 1ull << 63);
    assert_int_equal(emulator_mask(1), 0xff);
    assert_int_equal(emulator_mask(8), ~0ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_upper_bits_do_not_count),
        cmocka_unit_test(test_all_bytes_as_the_processor),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_sign_extension),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
