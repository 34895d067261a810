/* SPDX-License-Identifier: MIT */
/* sources: vmm/partition/cpuid_policy.c vmm/root/cpuid_root.c vmm/partition/cpuid_leaf.c
 * vmm/partition/processor_features.c */
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/tape.h"
#include "vmm/partition/cpuid_policy.h"

static uint32_t mixer;

/* A processor that answers anything, but the same to the same question. */
static struct cpuid_result host(uint32_t leaf, uint32_t subleaf)
{
    uint32_t words[4], state = mixer ^ leaf * 0x9e3779b1u ^ subleaf * 0x85ebca6bu;
    for (unsigned i = 0; i < 4; i++) {
        state = (state ^ (state >> 15)) * 0x2c1b3c6du + i;
        state ^= state >> 12;
        words[i] = state;
    }
    if (leaf == 0 || leaf == 0x80000000u) {
        words[0] = leaf | 0x10 | (words[0] & 0xfu); /* beyond the highest leaf another would answer */
    }
    return (struct cpuid_result){words[0], words[1], words[2], words[3]};
}

static bool is_zero(const struct cpuid_result *r)
{
    return (r->eax | r->ebx | r->ecx | r->edx) == 0;
}

/* What would let a guest see or use what the hypervisor does not carry for it. */
static void check_guest(const struct cpuid_guest *guest, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = cpuid_for_guest(guest, host, leaf, subleaf);
    if (leaf == 1) {
        CHECK((r.ecx & (1u << 5 | 1u << 6)) == 0);      /* VMX, SMX */
        CHECK((r.ecx & (1u << 31)) != 0);               /* a hypervisor is present */
        CHECK(r.ebx >> 24 == (guest->vp_index & 0xff)); /* APIC ID */
    } else if (leaf == 7 && subleaf == 0) {
        CHECK((r.ebx & (1u << 2)) == 0);  /* SGX */
        CHECK((r.ebx & (1u << 25)) == 0); /* Intel PT */
        CHECK(guest->invpcid || (r.ebx & (1u << 10)) == 0);
    } else if (leaf == 0xd && subleaf == 0) {
        CHECK((((uint64_t)r.edx << 32 | r.eax) & ~guest->xcr0_supported) == 0);
    } else if (leaf == 0x40000001) {
        CHECK(is_zero(&r));
    } else if (leaf == 0x80000001) {
        CHECK(guest->rdtscp || (r.edx & (1u << 27)) == 0);
    }
}

static void check_root(uint64_t cr4, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = cpuid_for_root(cr4, host, leaf, subleaf);
    if (leaf == 1) {
        CHECK((r.ecx & (1u << 5)) == 0 && (r.ecx & (1u << 31)) != 0);
        CHECK(((r.ecx >> 27) & 1) <= ((r.ecx >> 26) & 1));
    }
}

static uint64_t root_cr4;

static struct cpuid_result root(uint32_t leaf, uint32_t subleaf)
{
    return cpuid_for_root(root_cr4, host, leaf, subleaf);
}

/* What a guest is told could be worked out in the root: nothing of it is hidden there. XCR0 is no wider than both. */
static void check_from_root(struct cpuid_guest guest, uint64_t cr4, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = root(0xd, 0);
    root_cr4 = cr4;
    guest.xcr0_supported &= (uint64_t)r.edx << 32 | r.eax;
    guest.xcr0 &= guest.xcr0_supported;
    struct cpuid_result machine = cpuid_for_guest(&guest, host, leaf, subleaf);
    r = cpuid_for_guest(&guest, root, leaf, subleaf);
    CHECK(memcmp(&r, &machine, sizeof(r)) == 0);
}

static uint32_t take_leaf(struct tape *tape)
{
    static const uint32_t bases[] = {0, 0x40000000, 0x80000000, 0x50000000};
    uint32_t which = tape_choose(tape, 5);
    return which == 4 ? (uint32_t)tape_u64(tape) : bases[which] + tape_choose(tape, 40);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t xcr0[] = {0, 1, 3, 7, 0xe7, 0x2ff};
    struct tape tape = {data, size};
    mixer = (uint32_t)tape_u64(&tape);
    struct cpuid_guest guest = {
        .vp_index = tape_choose(&tape, 64),
        .vp_count = 1 + tape_choose(&tape, 64),
        .cr4 = tape_u64(&tape),
        .rdtscp = tape_choose(&tape, 2) != 0,
        .invpcid = tape_choose(&tape, 2) != 0,
        .xcr0_supported = xcr0[tape_choose(&tape, 6)],
    };
    guest.xcr0 = guest.xcr0_supported & (tape_u64(&tape) | 1);
    while (tape.left > 0) {
        uint32_t leaf = take_leaf(&tape), subleaf = tape_byte(&tape);
        check_guest(&guest, leaf, subleaf == 0xff ? ~0u : subleaf);
        check_root(guest.cr4, leaf, subleaf);
        check_from_root(guest, ~guest.cr4, leaf, subleaf);
    }
    return 0;
}
