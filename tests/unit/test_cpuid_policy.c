/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/cpuid_policy.c vmm/root/cpuid_root.c vmm/partition/cpuid_leaf.c
 * vmm/partition/processor_features.c */
#include <string.h>

#include "abi/handoff.h"
#include "abi/hypercall.h"
#include "tests/unit/cmocka_tests.h"
#include "vmm/partition/cpuid_policy.h"

#define BIT(n) (1u << (n))
#define ONES 0xffffffffu

static uint32_t basic_max = 0x20, extended_max = 0x80000008;

/* A processor that has everything: all bits set where bits are features, and the XSAVE components of a Skylake-SP. */
static struct cpuid_result host(uint32_t leaf, uint32_t subleaf)
{
    static const struct {
        uint32_t number, size, offset;
    } components[] = {{2, 256, 576},  {3, 64, 960},    {4, 64, 1024}, {5, 64, 1088},
                      {6, 512, 1152}, {7, 1024, 1664}, {9, 8, 2688}};
    switch (leaf) {
    case 0:
        return (struct cpuid_result){basic_max, 0x756e6547, 0x6c65746e, 0x49656e69};
    case 4:
        return subleaf < 4 ? (struct cpuid_result){0xfc1fc021 + (subleaf << 5), 1, 2, 3} : (struct cpuid_result){0};
    case 7:
        return (struct cpuid_result){subleaf == 0 ? 2 : ONES, ONES, ONES, ONES};
    case 0xd:
        if (subleaf == 0) {
            return (struct cpuid_result){0x602ff, 2696, 11008, 0};
        }
        for (size_t i = 0; i < sizeof(components) / sizeof(components[0]); i++) {
            if (components[i].number == subleaf) {
                return (struct cpuid_result){components[i].size, components[i].offset, subleaf == 6 ? 7 : 4, 9};
            }
        }
        return subleaf == 1 ? (struct cpuid_result){ONES, 832, ONES, ONES} : (struct cpuid_result){1, 1, 1, 1};
    case 0x15:
        return (struct cpuid_result){2, 176, 24000000, 0};
    case 0x80000000:
        return (struct cpuid_result){extended_max, 0, 0, 0};
    default:
        return (struct cpuid_result){ONES, ONES, ONES, ONES};
    }
}

static struct cpuid_guest make_guest(void)
{
    return (struct cpuid_guest){.vp_index = 2,
                                .vp_count = 3,
                                .cr4 = CR4_OSXSAVE,
                                .xcr0 = 7,
                                .rdtscp = true,
                                .invpcid = true,
                                .xcr0_supported = 0xe7};
}

static void assert_result(struct cpuid_result r, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    assert_int_equal(r.eax, eax);
    assert_int_equal(r.ebx, ebx);
    assert_int_equal(r.ecx, ecx);
    assert_int_equal(r.edx, edx);
}

static struct cpuid_result of_guest(const struct cpuid_guest *g, uint32_t leaf, uint32_t subleaf)
{
    return cpuid_for_guest(g, host, leaf, subleaf);
}

static void test_guest_leaf_0(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    assert_result(of_guest(&g, 0, 7), 0x16, 0x756e6547, 0x6c65746e, 0x49656e69);
    basic_max = 0xd;
    assert_int_equal(of_guest(&g, 0, 0).eax, 0xd);
    basic_max = 0x20;
}

static void test_guest_leaf_1(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    struct cpuid_result r = of_guest(&g, 1, 0);
    assert_int_equal(r.eax, ONES);
    assert_int_equal(r.ebx, 2u << 24 | 3u << 16 | 0xffff);
    uint32_t hidden = BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(10) | BIT(11) | BIT(14) |
                      BIT(15) | BIT(16) | BIT(18) | BIT(21) | BIT(24);
    assert_int_equal(r.ecx, ONES & ~hidden);
    assert_int_equal(r.edx, ONES & ~(BIT(10) | BIT(18) | BIT(20) | BIT(21) | BIT(22) | BIT(29) | BIT(30) | BIT(31)));
    g.cr4 = 0;
    assert_int_equal(of_guest(&g, 1, 0).ecx & BIT(27), 0);
    g.vp_count = 1;
    assert_int_equal(of_guest(&g, 1, 0).edx & BIT(28), 0);
}

static void test_guest_without_xsave(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    g.xcr0_supported = 0;
    assert_int_equal(of_guest(&g, 1, 0).ecx & (BIT(12) | BIT(26) | BIT(27) | BIT(28) | BIT(29)), 0);
    assert_int_equal(of_guest(&g, 7, 0).ebx & BIT(5), 0);
    assert_result(of_guest(&g, 0xd, 0), 0, 0, 0, 0);
    assert_result(of_guest(&g, 0xd, 1), 0, 0, 0, 0);
    g.xcr0_supported = 3; /* XSAVE, but no AVX */
    assert_int_equal(of_guest(&g, 1, 0).ecx & (BIT(12) | BIT(26) | BIT(27) | BIT(28) | BIT(29)), BIT(26) | BIT(27));
    g.xcr0_supported = 7;
    assert_int_equal(of_guest(&g, 7, 0).ebx & (BIT(5) | BIT(16) | BIT(31)), BIT(5));
    assert_int_equal(of_guest(&g, 7, 1).eax & (BIT(4) | BIT(5)), BIT(4));
}

static void test_guest_leaf_7(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    assert_result(of_guest(&g, 7, 0), 1,
                  ONES & ~(BIT(2) | BIT(4) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(22) | BIT(25)),
                  BIT(0) | BIT(1) | BIT(2) | BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(11) | BIT(12) | BIT(14) |
                      BIT(16) | BIT(22) | BIT(25) | BIT(27) | BIT(28),
                  BIT(2) | BIT(3) | BIT(4) | BIT(8) | BIT(10) | BIT(14) | BIT(23));
    assert_result(of_guest(&g, 7, 1), 0x00801c37, 0, 0, BIT(4) | BIT(5) | BIT(10) | BIT(14));
    assert_result(of_guest(&g, 7, 2), 0, 0, 0, 0);
    g.invpcid = false;
    assert_int_equal(of_guest(&g, 7, 0).ebx & BIT(10), 0);
    assert_int_not_equal(of_guest(&g, 7, 0).ecx & BIT(22), 0);
    assert_int_not_equal(of_guest(&g, 0x80000001, 0).edx & BIT(27), 0);
    g.rdtscp = false;
    assert_int_equal(of_guest(&g, 7, 0).ecx & BIT(22), 0);
    assert_int_equal(of_guest(&g, 0x80000001, 0).edx & BIT(27), 0);
}

/* A processor that has the leaves, and no feature in any of them. */
static struct cpuid_result bare_host(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    uint32_t max = leaf == 0 ? 0x16 : leaf == 0x80000000 ? 0x80000008 : 0;
    return (struct cpuid_result){max, 0, 0, 0};
}

static void test_nothing_appears_that_the_processor_lacks(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    g.vp_count = 1;
    g.vp_index = 0;
    assert_result(cpuid_for_guest(&g, bare_host, 1, 0), 0, 1u << 16, BIT(31), 0);
    assert_result(cpuid_for_guest(&g, bare_host, 7, 0), 0, BIT(1), 0, 0); /* TSC_ADJUST: the hypervisor's */
    assert_result(cpuid_for_guest(&g, bare_host, 7, 1), 0, 0, 0, 0);
    assert_result(cpuid_for_guest(&g, bare_host, 0xd, 1), 0, 0, 0, 0);
    assert_result(cpuid_for_guest(&g, bare_host, 0x80000001, 0), 0, 0, 0, 0);
    assert_result(cpuid_for_root(CR4_OSXSAVE, bare_host, 1, 0), 0, 0, BIT(31), 0);
    assert_result(cpuid_for_root(0, bare_host, 0xd, 0), 0, 0, 0, 0);
}

static void test_guest_topology(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    assert_result(of_guest(&g, 0xb, 0), 0, 1, 1 << 8, 2);
    assert_result(of_guest(&g, 0xb, 1), 2, 3, 2 << 8 | 1, 2);
    assert_result(of_guest(&g, 0xb, 2), 0, 0, 2, 2);
    assert_result(of_guest(&g, 0xb, 0x1ff), 0, 0, 0xff, 2);
    assert_result(of_guest(&g, 4, 0), 3u << 26 | 0x21, 1, 2, 3);            /* level 1: one VP's */
    assert_result(of_guest(&g, 4, 2), 3u << 26 | 3u << 14 | 0x61, 1, 2, 3); /* level 3: all share it */
    assert_result(of_guest(&g, 4, 4), 0, 0, 0, 0);
    static const struct {
        uint32_t vps, bits;
    } cases[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {63, 6}, {64, 6}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        g.vp_count = cases[i].vps;
        assert_int_equal(of_guest(&g, 0xb, 1).eax, cases[i].bits);
        assert_int_equal(of_guest(&g, 4, 0).eax >> 26, (1u << cases[i].bits) - 1);
    }
}

static void test_guest_leaf_d(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    assert_result(of_guest(&g, 0xd, 0), 0xe7, 832, 2688, 0);
    assert_result(of_guest(&g, 0xd, 1), 7, 832, 0, 0);
    g.xcr0 = 3;
    assert_int_equal(of_guest(&g, 0xd, 0).ebx, 576);
    assert_int_equal(of_guest(&g, 0xd, 1).ebx, 576);
    g.xcr0 = 0xe7;
    assert_int_equal(of_guest(&g, 0xd, 0).ebx, 2688);
    assert_int_equal(of_guest(&g, 0xd, 1).ebx, 576 + 256 + 64 + 512 + 1024); /* compacted: no gap of MPX */
    g.xcr0_supported = 0xff; /* with MPX, after which component 6 needs its alignment */
    g.xcr0 = 0x5b;           /* 0, 1, 3, 4, 6 */
    assert_int_equal(of_guest(&g, 0xd, 1).ebx, 576 + 64 + 64 + 512);
    g = make_guest();
    assert_result(of_guest(&g, 0xd, 2), 256, 576, 0, 0);
    assert_result(of_guest(&g, 0xd, 6), 512, 1152, 2, 0);
    for (uint32_t i = 8; i < 70; i++) {
        assert_result(of_guest(&g, 0xd, i), 0, 0, 0, 0);
    }
    assert_result(of_guest(&g, 0xd, 3), 0, 0, 0, 0);
}

/* Offsets need not grow with the component's number. */
static struct cpuid_result unordered_host(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 0xd && subleaf == 2) {
        return (struct cpuid_result){256, 1024, 0, 0};
    }
    return leaf == 0xd && subleaf == 5 ? (struct cpuid_result){64, 576, 0, 0} : host(leaf, subleaf);
}

static void test_image_size_is_the_furthest_end(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    g.xcr0_supported = g.xcr0 = 0x27;
    assert_result(cpuid_for_guest(&g, unordered_host, 0xd, 0), 0x27, 1280, 1280, 0);
}

static void test_guest_other_leaves(void **state)
{
    static const uint32_t empty[] = {3, 5, 8, 9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14, 0x80000005};
    (void)state;
    struct cpuid_guest g = make_guest();
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        assert_result(of_guest(&g, empty[i], 0), 0, 0, 0, 0);
    }
    assert_result(of_guest(&g, 2, 0), ONES, ONES, ONES, ONES);
    assert_result(of_guest(&g, 6, 0), BIT(2), 0, 0, 0);
    assert_result(of_guest(&g, 0x15, 0), 2, 176, 24000000, 0);
    assert_result(of_guest(&g, 0x80000000, 0), 0x80000008, 0, 0, 0);
    assert_result(of_guest(&g, 0x80000001, 0), 0, 0, 0x121, 0x2c100800);
    assert_result(of_guest(&g, 0x80000003, 0), ONES, ONES, ONES, ONES);
    assert_result(of_guest(&g, 0x80000006, 0), ONES, ONES, ONES, ONES);
    assert_result(of_guest(&g, 0x80000007, 0), 0, 0, 0, BIT(8));
    assert_result(of_guest(&g, 0x80000008, 0), 0xffff, 0, 0, 0);
}

static void test_guest_hypervisor_leaves(void **state)
{
    (void)state;
    struct cpuid_guest g = make_guest();
    struct cpuid_result r = of_guest(&g, CPUID_GUEST_BASE, 5);
    assert_int_equal(r.eax, CPUID_GUEST_INTERFACE);
    assert_memory_equal(&r.ebx, "Whim", 4);
    assert_memory_equal(&r.ecx, "brel", 4);
    assert_int_equal(r.edx, 0);
    assert_result(of_guest(&g, CPUID_GUEST_INTERFACE, 0), 0, 0, 0, 0);
    assert_result(of_guest(&g, 0x40000002, 0), 0, 0, 0, 0);
    assert_result(of_guest(&g, 0x40000100, 0), 0, 0, 0, 0);
    assert_result(of_guest(&g, 0x4fffffff, 0), 0, 0, 0, 0);
}

/* Intel's processors answer with the highest basic leaf; a guest's is 16H here, or BH with its subleaf. */
static void test_leaves_out_of_range(void **state)
{
    static const uint32_t outside[] = {0x17, 0x1f, 0x20, 0x3fffffff, 0x50000000, 0x7fffffff, 0x80000009, 0xffffffff};
    (void)state;
    struct cpuid_guest g = make_guest();
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        basic_max = 0x20;
        assert_result(of_guest(&g, outside[i], 0), ONES, ONES, ONES, ONES);
        basic_max = 0xb;
        assert_result(of_guest(&g, outside[i], 1), 2, 3, 2 << 8 | 1, 2);
    }
    assert_result(of_guest(&g, 0xd, 1), 2, 3, 2 << 8 | 1, 2);
    basic_max = 0xd; /* the root must not get past its own policy this way either */
    assert_int_equal(cpuid_for_root(0, host, 0x3fffffff, 0).eax, 0xe7);
    basic_max = 0x20;
    extended_max = 0x80000004;
    assert_int_equal(of_guest(&g, 0x80000000, 0).eax, 0x80000004);
    assert_result(of_guest(&g, 0x80000008, 0), ONES, ONES, ONES, ONES);
    extended_max = 0x80000008;
}

static void test_root(void **state)
{
    (void)state;
    struct cpuid_result r = cpuid_for_root(CR4_OSXSAVE, host, 1, 0);
    assert_result(r, ONES, ONES, ONES & ~(BIT(2) | BIT(4) | BIT(5) | BIT(6)), ONES & ~BIT(21));
    assert_int_equal(cpuid_for_root(0, host, 1, 0).ecx & BIT(27), 0);
    assert_int_equal(cpuid_for_root(0, host, 6, 0).eax, ONES & ~(BIT(19) | BIT(23)));
    r = cpuid_for_root(0, host, 7, 0);
    assert_result(r, 2, ONES & ~(BIT(2) | BIT(14) | BIT(25)), ONES & ~(BIT(3) | BIT(4) | BIT(5) | BIT(13) | BIT(30)),
                  ONES & ~(BIT(18) | BIT(22) | BIT(24) | BIT(25)));
    assert_int_equal(cpuid_for_root(0, host, 7, 1).eax, ONES & ~(BIT(17) | BIT(20) | BIT(27)));
    assert_int_equal(cpuid_for_root(0, host, 7, 2).eax, ONES);
    assert_result(cpuid_for_root(0, host, 0xd, 0), 0xe7, 2696, 2688, 0);
    assert_result(cpuid_for_root(0, host, 0xd, 1), 7, 832, 0, 0);
    assert_result(cpuid_for_root(0, host, 0xd, 2), 256, 576, 0, 0);
    assert_result(cpuid_for_root(0, host, 0xd, 9), 0, 0, 0, 0);
    assert_result(cpuid_for_root(0, host, 0xd, 17), 0, 0, 0, 0);
    static const uint32_t empty[] = {0x12, 0x14, 0x1b, 0x1d, 0x1e, 0x40000002, 0x4fffffff};
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        assert_result(cpuid_for_root(0, host, empty[i], 0), 0, 0, 0, 0);
    }
    static const uint32_t passed[] = {0, 2, 4, 5, 0xa, 0xb, 0x15, 0x1f, 0x80000000, 0x80000001, 0x80000008};
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
        struct cpuid_result plain = host(passed[i], 1);
        assert_result(cpuid_for_root(0, host, passed[i], 1), plain.eax, plain.ebx, plain.ecx, plain.edx);
    }
}

static void test_root_hypervisor_leaves(void **state)
{
    (void)state;
    struct cpuid_result r = cpuid_for_root(0, host, WHB_CPUID_BASE, 0);
    assert_int_equal(r.eax, WHB_CPUID_INTERFACE);
    assert_memory_equal(&r.ebx, "Whim", 4);
    assert_memory_equal(&r.ecx, "brel", 4);
    assert_memory_equal(&r.edx, "Root", 4);
    assert_result(cpuid_for_root(0, host, WHB_CPUID_INTERFACE, 0), WHB_ABI_MAJOR << 16 | WHB_ABI_MINOR, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guest_leaf_0),
        cmocka_unit_test(test_guest_leaf_1),
        cmocka_unit_test(test_guest_without_xsave),
        cmocka_unit_test(test_guest_leaf_7),
        cmocka_unit_test(test_nothing_appears_that_the_processor_lacks),
        cmocka_unit_test(test_guest_topology),
        cmocka_unit_test(test_guest_leaf_d),
        cmocka_unit_test(test_image_size_is_the_furthest_end),
        cmocka_unit_test(test_guest_other_leaves),
        cmocka_unit_test(test_guest_hypervisor_leaves),
        cmocka_unit_test(test_leaves_out_of_range),
        cmocka_unit_test(test_root),
        cmocka_unit_test(test_root_hypervisor_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
