/* SPDX-License-Identifier: MIT */
/* The root's CPUID: the processor's, less what is the hypervisor's. */
#include "abi/handoff.h"
#include "abi/hypercall.h"
#include "vmm/cpu/switch_check.h"
#include "vmm/partition/cpuid_leaf.h"

#define XCR0_OFFERED (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512)

/* PEBS stores records wherever DS_AREA points, in whatever address space is loaded: all of the debug store goes. */
#define LEAF_1_ECX_HIDDEN                                                                                              \
    (BIT(2) |                     /* DTES64 */                                                                         \
     BIT(4) |                     /* DS-CPL */                                                                         \
     BIT(5) |                     /* VMX */                                                                            \
     BIT(6))                      /* SMX */
#define LEAF_1_EDX_HIDDEN BIT(21) /* DS */

/* The processor writes these tables to physical addresses, past the EPT. */
#define LEAF_6_EAX_HIDDEN (BIT(19) | BIT(23)) /* hardware feedback, thread director */

/*
 * SGX is not carried into guests' memory management. PT's packets go to physical addresses past the EPT. No VP may use
 * the XCR0 components of MPX, PKU and AMX. TME's KeyIDs are off the width of addresses already.
 * The others need VM-execution controls that are off.
 */
#define LEAF_7_0_EBX_HIDDEN (BIT(2) | BIT(14) | BIT(25)) /* SGX, MPX, PT */
#define LEAF_7_0_ECX_HIDDEN                                                                                            \
    (BIT(3) | BIT(4) | BIT(5) | BIT(13) | BIT(30))                  /* PKU, OSPKE, WAITPKG, TME, SGX launch control */
#define LEAF_7_0_EDX_HIDDEN (BIT(18) | BIT(22) | BIT(24) | BIT(25)) /* PCONFIG, AMX */
#define LEAF_7_1_EAX_HIDDEN (BIT(17) | BIT(20) | BIT(27))           /* FRED, NMI source, MSR lists */

static struct cpuid_result hide_from_root_7(struct cpuid_result r, uint32_t subleaf)
{
    if (subleaf == 0) {
        r.ebx &= ~LEAF_7_0_EBX_HIDDEN;
        r.ecx &= ~LEAF_7_0_ECX_HIDDEN;
        r.edx &= ~LEAF_7_0_EDX_HIDDEN;
    } else if (subleaf == 1) {
        r.eax &= ~LEAF_7_1_EAX_HIDDEN;
    }
    return r;
}

/* The processor's XCR0 is the root's, so its size of the enabled components is right. */
static struct cpuid_result root_leaf_d(cpuid_fn host, uint32_t subleaf)
{
    struct cpuid_result r = host(0xd, 0);
    uint64_t usable = (((uint64_t)r.edx << 32) | r.eax) & XCR0_OFFERED;
    if (usable == 0 || subleaf > LEAF_D_LAST) {
        return CPUID_NOTHING;
    }
    if (subleaf > 1) {
        return cpuid_component(host, subleaf, ((usable >> subleaf) & 1) != 0);
    }
    if (subleaf == 0) {
        r.eax = (uint32_t)usable;
        r.ecx = cpuid_image_size(host, usable, false);
        r.edx = (uint32_t)(usable >> 32);
        return r;
    }
    r = host(0xd, 1);
    return (struct cpuid_result){.eax = r.eax & LEAF_D_1_OFFERED, .ebx = r.ebx};
}

struct cpuid_result cpuid_for_root(uint64_t root_cr4, cpuid_fn host, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;
    leaf = cpuid_resolve_leaf(host, leaf, UINT32_MAX, UINT32_MAX);
    switch (leaf) {
    case 1:
        r = host(1, subleaf);
        r.ecx = cpuid_with_osxsave(r.ecx & ~LEAF_1_ECX_HIDDEN, root_cr4) | LEAF_1_ECX_HYPERVISOR;
        r.edx &= ~LEAF_1_EDX_HIDDEN;
        return r;
    case 6:
        r = host(6, subleaf);
        r.eax &= ~LEAF_6_EAX_HIDDEN;
        return r;
    case 7:
        return hide_from_root_7(host(7, subleaf), subleaf);
    case 0xd:
        return root_leaf_d(host, subleaf);
    case 0x12: /* SGX */
    case 0x14: /* PT */
    case 0x1b: /* PCONFIG */
    case 0x1d: /* AMX */
    case 0x1e:
        return CPUID_NOTHING;
    case WHB_CPUID_BASE:
        return cpuid_signature(WHB_CPUID_INTERFACE, "WhimbrelRoot");
    case WHB_CPUID_INTERFACE:
        return (struct cpuid_result){.eax = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR};
    default:
        return leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR_END ? CPUID_NOTHING : host(leaf, subleaf);
    }
}
