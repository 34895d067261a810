/* SPDX-License-Identifier: MIT */
/* CPUID as a guest reads it: leaves that do not exist, and the bit that follows CR4. */
#include "tests/guest/checks/check.h"

#define EXTENDED 0x80000000u
#define CR4_OSXSAVE (1u << 18)
#define LEAF_1_ECX_XSAVE (1u << 26)
#define LEAF_1_ECX_OSXSAVE (1u << 27)
#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_BSP_ENABLED 0x900u

void check_cpuid(void);

static bool same(struct cpuid_words a, struct cpuid_words b)
{
    return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

/* SDM vol. 2A, CPUID: beyond the highest basic or extended leaf come the data of the highest basic one. */
static void beyond(void)
{
    uint32_t basic = read_cpuid(0, 0).eax, extended = read_cpuid(EXTENDED, 0).eax;
    const uint32_t leaves[] = {basic + 1, basic + 0x100, 0x3fffffff, 0x50000000, extended + 1, extended + 0x100, ~0u};
    bool good = true;
    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        for (uint32_t subleaf = 0; subleaf < 2; subleaf++) {
            bool equal = same(read_cpuid(basic, subleaf), read_cpuid(leaves[i], subleaf));
            if (!equal) {
                note("cpuid/beyond", "differs at", leaves[i]);
            }
            good = good && equal;
        }
    }
    verdict("cpuid/beyond", good);
}

static void osxsave(void)
{
    uint32_t cr4 = read_cr4();
    if ((read_cpuid(1, 0).ecx & LEAF_1_ECX_XSAVE) == 0) {
        return;
    }
    bool good = true;
    for (unsigned i = 0; i < 4; i++) {
        write_cr4((i & 1) != 0 ? cr4 | CR4_OSXSAVE : cr4 & ~CR4_OSXSAVE);
        good = good && ((read_cpuid(1, 0).ecx & LEAF_1_ECX_OSXSAVE) != 0) == ((i & 1) != 0);
    }
    write_cr4(cr4);
    verdict("cpuid/osxsave", good);
}

void check_cpuid(void)
{
    beyond();
    osxsave();
    verdict_equal("cpuid/apic-base", APIC_BASE_BSP_ENABLED, read_msr(MSR_APIC_BASE) & APIC_BASE_BSP_ENABLED);
}
