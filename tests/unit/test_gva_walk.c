/* SPDX-License-Identifier: MIT */
/* sources: vmm/memory/gva_walk.c */
#include <string.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/memory/gva_walk.h"

#define P 1ull
#define W 2ull
#define U 4ull
#define LARGE 0x80ull
#define NX (1ull << 63)
#define ALL (P | W | U)

#define MEMORY_WORDS (16u * 512)
#define NOWHERE 0x100000ull /* beyond the guest's memory */

static uint64_t memory[MEMORY_WORDS];
static unsigned reads;

static bool read_memory(void *ctx, uint64_t gpa, uint64_t *value)
{
    assert_ptr_equal(ctx, memory);
    assert_int_equal(gpa % 8, 0);
    reads++;
    if (gpa / 8 >= MEMORY_WORDS) {
        return false;
    }
    *value = memory[gpa / 8];
    return true;
}

static struct gva_walk_state walk_state(uint64_t cr4, uint64_t efer)
{
    memset(memory, 0, sizeof(memory));
    return (struct gva_walk_state){
        .cr0 = CR0_PE | CR0_PG,
        .cr3 = 0x1000,
        .cr4 = cr4,
        .efer = efer,
        .read = read_memory,
        .ctx = memory,
        .max_physical_bits = 46,
    };
}

static void put(uint64_t table, unsigned index, uint64_t entry)
{
    memory[table / 8 + index] = entry;
}

static void put32(uint64_t table, unsigned index, uint32_t entry)
{
    memcpy((uint8_t *)memory + table + index * 4, &entry, 4);
}

static void expect_ok(const struct gva_walk_state *s, uint64_t gva, enum gva_access access, uint64_t gpa,
                      unsigned expected_reads)
{
    uint64_t found = ~0ull;
    reads = 0;
    assert_int_equal(gva_walk(s, gva, access, &found), GVA_OK);
    assert_int_equal(found, gpa);
    assert_int_equal(reads, expected_reads);
}

static void expect_failure(const struct gva_walk_state *s, uint64_t gva, enum gva_result result)
{
    uint64_t found = 0x5a5a;
    assert_int_equal(gva_walk(s, gva, GVA_READ, &found), result);
    assert_int_equal(found, 0x5a5a);
}

static void test_no_paging(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(0, 0);
    s.cr0 = 0;
    s.user = true; /* there are no rights without paging */
    expect_ok(&s, 0xfffffff0, GVA_EXECUTE, 0xfffffff0, 0);
    expect_failure(&s, 0x100000000, GVA_NON_CANONICAL);
    s.cr0 = CR0_PE;
    s.cr4 = CR4_PAE | CR4_PSE;
    expect_ok(&s, 0x12345, GVA_WRITE, 0x12345, 0);
}

static void test_32_bit(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(0, 0);
    put32(0x1000, 0x301, 0x2000 | ALL);
    put32(0x1000, 0x300, 0x3000 | ALL);
    put32(0x2000, 5, 0xfedcb000 | ALL);
    put32(0x2000, 4, 0x00abc000 | ALL);
    put32(0x3000, 5, 0x00111000 | ALL);
    expect_ok(&s, 0xc0405678, GVA_READ, 0xfedcb678, 2);
    expect_ok(&s, 0xc0404321, GVA_READ, 0xabc321, 2);
    expect_ok(&s, 0xc0005fff, GVA_WRITE, 0x111fff, 2);
    expect_failure(&s, 0xc0406000, GVA_NOT_PRESENT);
    expect_failure(&s, 0x405678, GVA_NOT_PRESENT);
    expect_failure(&s, 0x1c0405678, GVA_NON_CANONICAL);
    s.cr3 = 0xabcd00001fffull; /* bits outside 31:12 do not count */
    expect_ok(&s, 0xc0405678, GVA_READ, 0xfedcb678, 2);
}

static void test_32_bit_large_pages(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PSE, 0);
    put32(0x1000, 1, 0x00c00000 | LARGE | ALL);
    put32(0x1000, 2, 0x00c00000 | 0x5a << 13 | 1 << 12 | LARGE | ALL);
    put32(0x1000, 3, 0x00c00000 | 1 << 21 | LARGE | ALL);
    put32(0x1000, 4, 0x2000 | LARGE | ALL);
    put32(0x2000, 0, 0x7000 | ALL);
    expect_ok(&s, 0x456789, GVA_READ, 0xc56789, 1);
    s.max_physical_bits = 40;
    expect_ok(&s, 0x856789, GVA_READ, 0x5a00c56789, 1);
    s.max_physical_bits = 52; /* PSE-36 has 40 bits at most */
    expect_ok(&s, 0x856789, GVA_READ, 0x5a00c56789, 1);
    expect_failure(&s, 0xc56789, GVA_RESERVED_BIT);
    s.max_physical_bits = 39;
    expect_ok(&s, 0x856789, GVA_READ, 0x5a00c56789, 1);
    s.max_physical_bits = 38; /* bit 6 of 5AH is bit 38 of the address */
    expect_failure(&s, 0x856789, GVA_RESERVED_BIT);
    expect_failure(&s, 0xc56789, GVA_RESERVED_BIT);
    s.cr4 = 0; /* the bit is ignored */
    expect_ok(&s, 0x1000123, GVA_READ, 0x7123, 2);
}

static void test_pae(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PAE, 0);
    s.cr3 = NOWHERE; /* the PDPTEs are in registers */
    s.pdpte[3] = 0x2000 | P;
    put(0x2000, 1, 0x3000 | ALL);
    put(0x2000, 2, 0x200000000ull | LARGE | 1 << 12 | ALL);
    put(0x2000, 3, 0x200000000ull | LARGE | 1 << 13 | ALL);
    put(0x3000, 7, 0x2bcdef123000ull | ALL);
    expect_ok(&s, 0xc0207abc, GVA_WRITE, 0x2bcdef123abc, 2);
    expect_ok(&s, 0xc0412345, GVA_READ, 0x200012345, 1);
    expect_failure(&s, 0xc0612345, GVA_RESERVED_BIT);
    expect_failure(&s, 0x80207abc, GVA_NOT_PRESENT);
    expect_failure(&s, 0x1c0207abc, GVA_NON_CANONICAL);
    static const unsigned reserved[] = {46, 51, 52, 58, 62, 63};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        put(0x3000, 7, 0x123000 | ALL | 1ull << reserved[i]);
        expect_failure(&s, 0xc0207abc, GVA_RESERVED_BIT);
    }
    s.efer = EFER_NXE;
    expect_ok(&s, 0xc0207abc, GVA_READ, 0x123abc, 2);
}

#define LONG_MODE (EFER_LMA | EFER_LME)
#define KERNEL 0xffff800000000000ull /* entry 256 of the top table */

static void test_4_level(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PAE, LONG_MODE);
    uint64_t ignored = 0x7ffull << 52; /* bits 62:52 are software's */
    put(0x1000, 256, 0x2000 | ALL | ignored);
    put(0x2000, 1, 0x3000 | ALL | ignored);
    put(0x3000, 2, 0x4000 | ALL | ignored);
    put(0x4000, 3, 0x3fffffff5000ull | ALL | ignored);
    put(0x3000, 4, 0x3fffffe00000ull | LARGE | 1 << 12 | ALL | ignored);
    put(0x2000, 5, 0x3fffc0000000ull | LARGE | 1 << 12 | ALL | ignored);
    expect_ok(&s, KERNEL + 0x40403abc, GVA_WRITE, 0x3fffffff5abc, 4);
    expect_ok(&s, KERNEL + 0x409abcde, GVA_READ, 0x3fffffe00000 + 0x1abcde, 3);
    expect_ok(&s, KERNEL + 0x15abcdef0, GVA_EXECUTE, 0x3fffc0000000 + 0x1abcdef0, 2);
    expect_failure(&s, 0x800000000000, GVA_NON_CANONICAL);
    expect_failure(&s, 0xffff7fffffffffff, GVA_NON_CANONICAL);
    s.cr3 = 0x1018; /* PWT, PCD, or a PCID */
    expect_ok(&s, KERNEL + 0x40403abc, GVA_WRITE, 0x3fffffff5abc, 4);
}

static void test_5_level(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PAE | CR4_LA57, LONG_MODE);
    uint64_t gva = 0xff00000000000000ull; /* entry 256 of the top table */
    put(0x1000, 256, 0x2000 | ALL);
    put(0x2000, 0, 0x3000 | ALL);
    put(0x3000, 0, 0x4000 | ALL);
    put(0x4000, 0, 0x5000 | ALL);
    put(0x5000, 1, 0x6000 | ALL);
    expect_ok(&s, gva + 0x1234, GVA_READ, 0x6234, 5);
    expect_failure(&s, 0x0100000000000000ull, GVA_NON_CANONICAL);
    expect_failure(&s, 0x00ffffffffffffffull, GVA_NOT_PRESENT);
    put(0x2000, 0, 0x3000 | ALL | LARGE);
    expect_failure(&s, gva + 0x1234, GVA_RESERVED_BIT);
    put(0x1000, 256, 0x2000 | ALL | LARGE);
    expect_failure(&s, gva + 0x1234, GVA_RESERVED_BIT);
}

/* One page, reached through four tables; `change` replaces the entry of a level (4 is the top). */
static struct gva_walk_state four_tables(uint64_t efer)
{
    struct gva_walk_state s = walk_state(CR4_PAE, LONG_MODE | efer);
    for (unsigned i = 0; i < 4; i++) {
        put(0x1000 * (i + 1), 0, 0x1000 * (i + 2) | ALL);
    }
    return s;
}

static void test_failures_at_each_level(void **state)
{
    (void)state;
    for (unsigned level = 4; level >= 1; level--) {
        uint64_t table = 0x1000 * (5 - level), entry = table + 0x1000;
        struct gva_walk_state s = four_tables(0);
        put(table, 0, entry | W | U | NX | 1ull << 51); /* not present: nothing else counts */
        expect_failure(&s, 0, GVA_NOT_PRESENT);
        put(table, 0, entry | ALL | 1ull << 46);
        expect_failure(&s, 0, GVA_RESERVED_BIT);
        put(table, 0, entry | ALL | 1ull << 51);
        expect_failure(&s, 0, GVA_RESERVED_BIT);
        put(table, 0, entry | ALL | NX);
        expect_failure(&s, 0, GVA_RESERVED_BIT);
        if (level > 1) {
            put(table, 0, NOWHERE | ALL);
            expect_failure(&s, 0, GVA_TABLE_UNMAPPED);
        }
        put(table, 0, entry | P | W);
        s.user = true;
        expect_failure(&s, 0, GVA_PROTECTION);
    }
    struct gva_walk_state s = four_tables(0);
    s.cr3 = NOWHERE;
    expect_failure(&s, 0, GVA_TABLE_UNMAPPED);
}

static void test_reserved_bits_of_large_pages(void **state)
{
    (void)state;
    struct gva_walk_state s = four_tables(0);
    for (unsigned bit = 13; bit < 30; bit++) {
        put(0x2000, 0, 1ull << bit | LARGE | ALL);
        expect_failure(&s, 0, GVA_RESERVED_BIT);
    }
    put(0x2000, 0, 0x3000 | ALL);
    for (unsigned bit = 13; bit < 21; bit++) {
        put(0x3000, 0, 1ull << bit | LARGE | ALL);
        expect_failure(&s, 0, GVA_RESERVED_BIT);
    }
    put(0x3000, 0, 0x4000 | ALL);
    put(0x4000, 0, 0x5000 | LARGE | ALL); /* in a 4 KiB entry it selects the PAT */
    expect_ok(&s, 0, GVA_READ, 0x5000, 4);
}

struct rights_case {
    bool user, ac, wp, smep, smap, nxe;
    bool page_write, page_user, page_nx;
    enum gva_access access;
};

/* SDM vol. 3A, 4.6.1, read list by list. */
static bool manual_allows(const struct rights_case *c)
{
    bool nx = c->nxe && c->page_nx;
    if (!c->user) {
        bool data_from_user_page = !c->smap || c->ac;
        switch (c->access) {
        case GVA_READ:
            return c->page_user ? data_from_user_page : true;
        case GVA_WRITE:
            if (c->page_user) {
                return data_from_user_page && (!c->wp || c->page_write);
            }
            return !c->wp || c->page_write;
        default:
            return c->page_user ? !c->smep && !nx : !nx;
        }
    }
    if (!c->page_user) {
        return false;
    }
    return c->access == GVA_READ || (c->access == GVA_WRITE ? c->page_write : !nx);
}

static struct rights_case decode_case(unsigned bits)
{
    return (struct rights_case){
        .user = bits & 1,
        .ac = bits & 2,
        .wp = bits & 4,
        .smep = bits & 8,
        .smap = bits & 16,
        .nxe = bits & 32,
        .page_write = bits & 64,
        .page_user = bits & 128,
        .page_nx = bits & 256,
        .access = (enum gva_access)(bits / 512),
    };
}

/* All combinations; the right that is missing is missing at each level in turn. */
static void test_all_rights(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 3 * 512; bits++) {
        struct rights_case c = decode_case(bits);
        if (c.page_nx && !c.nxe) {
            continue; /* reserved bit */
        }
        for (unsigned level = 1; level <= 4; level++) {
            struct gva_walk_state s = four_tables(c.nxe ? EFER_NXE : 0);
            s.cr0 |= c.wp ? CR0_WP : 0;
            s.cr4 |= (c.smep ? CR4_SMEP : 0) | (c.smap ? CR4_SMAP : 0);
            s.user = c.user;
            s.ac = c.ac;
            uint64_t table = 0x1000 * (5 - level);
            put(table, 0, (table + 0x1000) | P | (c.page_write ? W : 0) | (c.page_user ? U : 0) | (c.page_nx ? NX : 0));
            uint64_t gpa = 0;
            enum gva_result result = gva_walk(&s, 0x123, c.access, &gpa);
            assert_int_equal(result, manual_allows(&c) ? GVA_OK : GVA_PROTECTION);
            assert_int_equal(gpa, result == GVA_OK ? 0x5123 : 0);
        }
    }
}

static bool tables_writable;

static bool set_memory_bits(void *ctx, uint64_t gpa, uint32_t bits)
{
    assert_ptr_equal(ctx, memory);
    if (!tables_writable) {
        return false;
    }
    uint32_t word;
    memcpy(&word, (uint8_t *)memory + gpa, 4);
    word |= bits;
    memcpy((uint8_t *)memory + gpa, &word, 4);
    return true;
}

#define A 0x20ull
#define D 0x40ull

static void test_bits_set_in_long_mode(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PAE, EFER_LMA);
    s.set_bits = set_memory_bits;
    put(0x1000, 0, 0x2000 | ALL);
    put(0x2000, 0, 0x3000 | ALL);
    put(0x3000, 0, 0x4000 | ALL);
    put(0x4000, 3, 0x5000 | ALL);
    tables_writable = false;
    uint64_t gpa = 7;
    assert_int_equal(gva_walk(&s, 0x3000, GVA_READ, &gpa), GVA_TABLE_READ_ONLY);
    assert_int_equal(gpa, 7);
    tables_writable = true;
    assert_int_equal(gva_walk(&s, 0x3000, GVA_READ, &gpa), GVA_OK);
    assert_int_equal(memory[0x1000 / 8] & (A | D), A);
    assert_int_equal(memory[0x3000 / 8] & (A | D), A);
    assert_int_equal(memory[0x4000 / 8 + 3] & (A | D), A);
    assert_int_equal(gva_walk(&s, 0x3000, GVA_WRITE, &gpa), GVA_OK);
    assert_int_equal(memory[0x4000 / 8 + 3], 0x5000 | ALL | A | D);
    assert_int_equal(memory[0x1000 / 8], 0x2000 | ALL | A);
    tables_writable = false; /* nothing to set any more, so nothing is written */
    assert_int_equal(gva_walk(&s, 0x3000, GVA_WRITE, &gpa), GVA_OK);
}

static void test_bits_set_in_32_bit_entries(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(0, 0);
    s.set_bits = set_memory_bits;
    tables_writable = true;
    put32(0x1000, 1, 0x2000 | ALL);
    put32(0x2000, 5, 0x5000 | ALL);
    uint64_t gpa;
    assert_int_equal(gva_walk(&s, 0x405000, GVA_WRITE, &gpa), GVA_OK);
    assert_int_equal(memory[0x1000 / 8], (0x2000 | ALL | A) << 32);
    assert_int_equal(memory[0x2000 / 8 + 2], (0x5000 | ALL | A | D) << 32);
}

static void test_exempt(void **state)
{
    (void)state;
    struct gva_walk_state s = walk_state(CR4_PAE | CR4_SMEP | CR4_SMAP, EFER_LMA);
    put(0x1000, 0, 0x2000 | ALL);
    put(0x2000, 0, 0x3000 | ALL);
    put(0x3000, 0, 0x4000 | ALL);
    put(0x4000, 0, 0x5000 | ALL);
    put(0x4000, 1, 0x6000 | P);
    expect_failure(&s, 0, GVA_PROTECTION);
    s.exempt = true;
    expect_ok(&s, 0, GVA_READ, 0x5000, 4);
    s.user = true;
    expect_ok(&s, 0x1000, GVA_READ, 0x6000, 4);
    uint64_t gpa;
    assert_int_equal(gva_walk(&s, 0x1000, GVA_WRITE, &gpa), GVA_PROTECTION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_set_in_long_mode),
        cmocka_unit_test(test_bits_set_in_32_bit_entries),
        cmocka_unit_test(test_exempt),
        cmocka_unit_test(test_no_paging),
        cmocka_unit_test(test_32_bit),
        cmocka_unit_test(test_32_bit_large_pages),
        cmocka_unit_test(test_pae),
        cmocka_unit_test(test_4_level),
        cmocka_unit_test(test_5_level),
        cmocka_unit_test(test_failures_at_each_level),
        cmocka_unit_test(test_reserved_bits_of_large_pages),
        cmocka_unit_test(test_all_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
