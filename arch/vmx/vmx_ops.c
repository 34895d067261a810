/* SPDX-License-Identifier: MIT */
/* VMX instructions that are not on the exit path's every turn. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/fatal.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"

bool vmx_on(const struct vmx_caps *caps, void *region)
{
    write_cr0((read_cr0() | caps->cr0_fixed0) & caps->cr0_fixed1);
    write_cr4((read_cr4() | caps->cr4_fixed0) & caps->cr4_fixed1);
    *(uint32_t *)region = (uint32_t)caps->basic & 0x7fffffffu;
    uint64_t pa = virt_to_phys(region);
    uint8_t failed;
    __asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(pa) : "memory");
    return failed == 0;
}

static bool try_clear(void *page)
{
    uint64_t pa = virt_to_phys(page);
    uint8_t failed;
    count_instruction(COUNTED_VMCLEAR);
    __asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(pa) : "memory");
    return failed == 0;
}

#ifdef ENLIGHTENED_VMCS
bool vmcs_prepare(const struct vmx_caps *caps, void *page)
{
    (void)caps;
    *(uint32_t *)page = EVMCS_REVISION; /* VMCLEAR would take the page for a VMCS of the other kind */
    return true;
}
#else
bool vmcs_prepare(const struct vmx_caps *caps, void *page)
{
    *(uint32_t *)page = (uint32_t)caps->basic & 0x7fffffffu;
    return try_clear(page);
}
#endif

void vmcs_clear(void *page)
{
    if (!try_clear(page)) {
        fatal("VMCLEAR of %p failed", page);
    }
}

void vmcs_load_failed(uint64_t pa)
{
    fatal("VMPTRLD of %#llx failed", (unsigned long long)pa);
}

void vmcs_access_failed(uint32_t encoding)
{
    fatal("VMREAD or VMWRITE of field %#x failed", encoding);
}

struct invalidate_descriptor {
    uint64_t low, high;
};

#define INVALIDATE_SINGLE_CONTEXT 1ull

void vmx_flush_ept(uint64_t eptp)
{
    struct invalidate_descriptor d = {eptp, 0};
    uint8_t failed;
    count_instruction(COUNTED_SERIALISING);
    __asm__ volatile("invept %1, %2" : "=@ccbe"(failed) : "m"(d), "r"(INVALIDATE_SINGLE_CONTEXT) : "memory");
    if (failed != 0) {
        fatal("INVEPT of %#llx failed", (unsigned long long)eptp);
    }
}

void vmx_flush_vpid(uint16_t vpid)
{
    struct invalidate_descriptor d = {vpid, 0};
    uint8_t failed;
    count_instruction(COUNTED_SERIALISING);
    __asm__ volatile("invvpid %1, %2" : "=@ccbe"(failed) : "m"(d), "r"(INVALIDATE_SINGLE_CONTEXT) : "memory");
    if (failed != 0) {
        fatal("INVVPID of %u failed", vpid);
    }
}
