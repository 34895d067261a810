/* SPDX-License-Identifier: MIT */
/* sources: arch/cpu/mtrr.c */
#include <stdbool.h>

#include "arch/cpu/mtrr.h"
#include "tests/unit/cmocka_tests.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define ENABLE (1ull << 11)
#define FIXED_ENABLE (1ull << 10)
#define CAP_FIXED (1ull << 8)
#define VALID (1ull << 11)
#define PHYSICAL_BITS 36u
#define WIDTH ((1ull << PHYSICAL_BITS) - 1)

static void add_range(struct mtrr_state *s, uint64_t base, uint64_t size, uint8_t type)
{
    s->base[s->variable_count] = base | type;
    s->mask[s->variable_count] = (~(size - 1) & WIDTH) | VALID;
    s->variable_count++;
}

/* A PC with 4 GiB of RAM: uncacheable by default, the hole below 4 GiB left out of the second range by a third. */
static struct mtrr_state pc(void)
{
    struct mtrr_state s = {.cap = CAP_FIXED | 8, .def_type = ENABLE | FIXED_ENABLE, .physical_bits = PHYSICAL_BITS};
    for (unsigned i = 0; i < MTRR_FIXED_COUNT; i++) {
        s.fixed[i] = 0x0606060606060606;
    }
    s.fixed[2] = 0;                  /* A0000 to BFFFF: the display */
    s.fixed[3] = 0x0505050505050505; /* C0000: write-protected ROM shadow */
    s.fixed[4] = 0x0600060006000600;
    add_range(&s, 0, 4 * GIB, MTRR_TYPE_WB);
    add_range(&s, 4 * GIB, GIB, MTRR_TYPE_WB);
    add_range(&s, 3 * GIB, GIB, MTRR_TYPE_UC);
    return s;
}

static void test_pc(void **state)
{
    (void)state;
    struct mtrr_state s = pc();
    assert_int_equal(mtrr_type(&s, 0, 0x80000), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 0, 0xa0000), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 0x9f000, 0x2000), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_type(&s, 0xa0000, 0x20000), MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, 0xc7000, 0x1000), MTRR_TYPE_WP);
    assert_int_equal(mtrr_type(&s, 0xc8000, 0x1000), MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, 0xc9000, 0x1000), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 0, 2 * MIB), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_type(&s, 2 * MIB, 2 * MIB), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, GIB, GIB), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, GIB + 4096, 2 * GIB - 4096), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 3 * GIB - 4096, 8192), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_type(&s, 3 * GIB, GIB), MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, 4 * GIB, GIB), MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 5 * GIB, 32 * GIB), MTRR_TYPE_UC);
}

static void test_enable_bits(void **state)
{
    (void)state;
    struct mtrr_state s = pc();
    s.def_type = MTRR_TYPE_WB; /* MTRRs off: everything is UC, whatever the default type */
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, GIB, GIB), MTRR_TYPE_UC);
    s.def_type = ENABLE; /* only the fixed ranges off */
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_WB);
    s.def_type = ENABLE | FIXED_ENABLE;
    s.cap = 8; /* fixed ranges do not exist */
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_WB);
    s.mask[2] &= ~VALID;
    assert_int_equal(mtrr_type(&s, 3 * GIB, GIB), MTRR_TYPE_WB);
}

static void test_a_cpu_without_mtrrs(void **state)
{
    (void)state;
    struct mtrr_state s = {.def_type = ENABLE | MTRR_TYPE_WB, .physical_bits = PHYSICAL_BITS};
    assert_int_equal(mtrr_type(&s, 0, 64 * GIB), MTRR_TYPE_WB);
}

static void test_overlaps(void **state)
{
    static const uint8_t types[] = {MTRR_TYPE_UC, MTRR_TYPE_WC, MTRR_TYPE_WT, MTRR_TYPE_WP, MTRR_TYPE_WB};
    (void)state;
    for (unsigned a = 0; a < 5; a++) {
        for (unsigned b = 0; b < 5; b++) {
            struct mtrr_state s = {.def_type = ENABLE | MTRR_TYPE_WC, .physical_bits = PHYSICAL_BITS};
            add_range(&s, 0, GIB, types[a]);
            add_range(&s, 0, 2 * GIB, types[b]);
            uint8_t expected = MTRR_TYPE_UC;
            if (a == b) {
                expected = types[a];
            } else if (types[a] + types[b] == MTRR_TYPE_WT + MTRR_TYPE_WB) {
                expected = MTRR_TYPE_WT;
            }
            assert_int_equal(mtrr_type(&s, 0, GIB), expected);
            assert_int_equal(mtrr_type(&s, GIB, GIB), types[b]);
            assert_int_equal(mtrr_type(&s, 2 * GIB, GIB), MTRR_TYPE_WC);
        }
    }
}

static void test_ranges_that_change_nothing_do_not_cut_a_block(void **state)
{
    (void)state;
    struct mtrr_state s = {.def_type = ENABLE | MTRR_TYPE_WB, .physical_bits = PHYSICAL_BITS};
    add_range(&s, 64 * MIB, 4096, MTRR_TYPE_WB);
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_WB);
    add_range(&s, 64 * MIB, 4096, MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, 0, GIB), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_type(&s, 64 * MIB, 4096), MTRR_TYPE_UC);
    assert_int_equal(mtrr_type(&s, 64 * MIB + 4096, 4096), MTRR_TYPE_WB);
    s.base[1] = 64 * MIB | 3; /* a reserved type counts as UC */
    assert_int_equal(mtrr_type(&s, 64 * MIB, 4096), MTRR_TYPE_UC);
}

/* One page by the book, without blocks. */
static uint8_t page_type(const struct mtrr_state *s, uint64_t pa)
{
    if ((s->def_type & ENABLE) == 0) {
        return MTRR_TYPE_UC;
    }
    if (pa < MIB && (s->cap & CAP_FIXED) != 0 && (s->def_type & FIXED_ENABLE) != 0) {
        uint64_t n = pa < 0x80000 ? pa >> 16 : pa < 0xc0000 ? 8 + ((pa - 0x80000) >> 14) : 24 + ((pa - 0xc0000) >> 12);
        return (s->fixed[n / 8] >> (n % 8 * 8)) & 0xff;
    }
    unsigned seen = 0; /* bit per type */
    for (unsigned i = 0; i < s->variable_count; i++) {
        if ((s->mask[i] & VALID) != 0 && ((pa ^ s->base[i]) & s->mask[i] & ~0xfffull) == 0) {
            seen |= 1u << (s->base[i] & 0xff);
        }
    }
    switch (seen) {
    case 0:
        return s->def_type & 0xff;
    case 1u << MTRR_TYPE_WC:
        return MTRR_TYPE_WC;
    case 1u << MTRR_TYPE_WT:
    case 1u << MTRR_TYPE_WT | 1u << MTRR_TYPE_WB:
        return MTRR_TYPE_WT;
    case 1u << MTRR_TYPE_WP:
        return MTRR_TYPE_WP;
    case 1u << MTRR_TYPE_WB:
        return MTRR_TYPE_WB;
    default:
        return MTRR_TYPE_UC;
    }
}

static uint64_t random_state = 0x123456789abcdefull;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

#define PLAYGROUND (16 * MIB)

static struct mtrr_state random_mtrrs(void)
{
    static const uint8_t types[] = {0, 1, 4, 5, 6, 6};
    struct mtrr_state s = {.cap = random_below(2) * CAP_FIXED, .physical_bits = PHYSICAL_BITS};
    s.def_type = ENABLE | random_below(2) * FIXED_ENABLE | types[random_below(6)];
    for (unsigned i = 0; i < MTRR_FIXED_COUNT * 8; i++) {
        s.fixed[i / 8] = s.fixed[i / 8] << 8 | types[random_below(12) < 11 ? 5 : random_below(5)];
    }
    for (uint64_t count = random_below(5); count > 0; count--) {
        uint64_t size = 4096ull << random_below(13);
        add_range(&s, random_below(PLAYGROUND / size) * size, size, types[random_below(6)]);
        if (random_below(4) == 0) {
            s.mask[s.variable_count - 1] &= ~(4096ull << random_below(12)); /* a mask with a hole */
        }
    }
    return s;
}

static void test_random_blocks_against_single_pages(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct mtrr_state s = random_mtrrs();
        uint64_t pa = random_below(PLAYGROUND / 4096) * 4096;
        uint64_t size = (1 + random_below(random_below(2) != 0 ? 8 : PLAYGROUND / 4096)) * 4096;
        if (random_below(2) != 0) {
            size = 4096ull << random_below(10);
            pa &= ~(size - 1);
        }
        uint8_t expected = page_type(&s, pa);
        for (uint64_t at = pa; at < pa + size; at += 4096) {
            if (page_type(&s, at) != expected) {
                expected = MTRR_TYPE_MIXED;
                break;
            }
        }
        assert_int_equal(mtrr_type(&s, pa, size), expected);
    }
}

static void test_the_map_answers_as_the_registers_do(void **state)
{
    static struct mtrr_map map;
    static const uint64_t sizes[] = {4096, 0x10000, 2 * MIB, 4 * MIB, GIB, 3 * GIB};
    (void)state;
    struct mtrr_state s = pc();
    mtrr_map_make(&map, &s);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint64_t n = 0; n < 2000; n++) {
            uint64_t pa = n * 0x3fd7000 % (600 * GIB);
            pa -= n % 2 == 0 ? pa % sizes[i] : 0;
            assert_int_equal(mtrr_map_type(&map, &s, pa, sizes[i]), mtrr_type(&s, pa, sizes[i]));
        }
    }
    assert_int_equal(mtrr_map_type(&map, &s, 0x9f000, 0x2000), MTRR_TYPE_MIXED);
    assert_int_equal(mtrr_map_type(&map, &s, 0xa0000, 0x1000), MTRR_TYPE_UC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pc),
        cmocka_unit_test(test_enable_bits),
        cmocka_unit_test(test_a_cpu_without_mtrrs),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_the_map_answers_as_the_registers_do),
        cmocka_unit_test(test_ranges_that_change_nothing_do_not_cut_a_block),
        cmocka_unit_test(test_random_blocks_against_single_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
