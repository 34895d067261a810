/* SPDX-License-Identifier: MIT */
#ifdef ENLIGHTENED_VMCS
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "arch/vmx/vmx.h"

#define LEAF_INTERFACE 0x40000001u
#define LEAF_NESTED 0x4000000au
#define INTERFACE_HV1 0x31237648u /* "Hv#1" */
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define MSR_VP_ASSIST_PAGE 0x40000073u
#define VP_ASSIST_ENABLE 1u

/* HV_VP_ASSIST_PAGE: which enlightened VMCS is current, and whether entries use it. */
#define ASSIST_ENLIGHTEN_ENTRY 40u
#define ASSIST_CURRENT 48u

uint32_t evmcs_find(uint32_t encoding)
{
    return evmcs_place(encoding);
}

bool evmcs_offered(void)
{
    if ((cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR) == 0 || cpuid(0x40000000u, 0).eax < LEAF_NESTED ||
        cpuid(LEAF_INTERFACE, 0).eax != INTERFACE_HV1) {
        return false;
    }
    uint32_t versions = cpuid(LEAF_NESTED, 0).eax; /* bits 7:0 the lowest, 15:8 the highest */
    return (versions & 0xffu) <= EVMCS_REVISION && (versions >> 8 & 0xffu) >= EVMCS_REVISION;
}

void evmcs_init_cpu(void *assist_page)
{
    memset(assist_page, 0, 4096);
    this_cpu()->vp_assist = assist_page;
    *((uint8_t *)assist_page + ASSIST_ENLIGHTEN_ENTRY) = 1;
    wrmsr(MSR_VP_ASSIST_PAGE, virt_to_phys(assist_page) | VP_ASSIST_ENABLE);
}

void evmcs_load(uint64_t pa)
{
    struct cpu *cpu = this_cpu();
    cpu->evmcs = phys_to_virt(pa);
    *(volatile uint64_t *)((uint8_t *)cpu->vp_assist + ASSIST_CURRENT) = pa;
}
#endif
