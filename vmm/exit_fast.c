/* SPDX-License-Identifier: MIT */
/* Compiled without frame pointers: these are leaves, and each instruction here is one of the shortest exits. */
#include "vmm/exit_fast.h"

#include "abi/hypercall.h"
#include "arch/cpu.h"
#include "arch/vmcs.h"
#include "vmm/vp.h"

#define ACCESS_DPL (3u << 5)
#define ACCESS_LONG_SHIFT 13u
#define ENTRY_IA32E_SHIFT 9u

_Static_assert(ENTRY_IA32E == 1u << ENTRY_IA32E_SHIFT, "VMX");

/* False, and nothing is changed: something is due that exit_skip_instruction does. In 64-bit mode RIP needs no care. */
static inline bool skip_instruction(bool code64)
{
    uint64_t special = vmcs_readnw(VMCS_GUEST_RFLAGS) & (RFLAGS_RF | RFLAGS_TF);
    if ((special | vmcs_read32(VMCS_GUEST_INTERRUPTIBILITY)) != 0) {
        return false;
    }
    uint64_t rip = vmcs_readnw(VMCS_GUEST_RIP), next = rip + vmcs_read32(VMCS_EXIT_INSTRUCTION_LENGTH);
    if (!code64 && (rip ^ next) >> 32 != 0) {
        return false;
    }
    vmcs_writenw(VMCS_GUEST_RIP, next);
    return true;
}

/* As gate_check_mode says it: both bits, brought to one place. */
static inline bool is_code64(void)
{
    uint32_t is_long = vmcs_read32(VMCS_GUEST_CS_ACCESS) >> (ACCESS_LONG_SHIFT - ENTRY_IA32E_SHIFT);
    return (is_long & vmcs_read32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E) != 0;
}

uint64_t *fast_exit_root(void)
{
    struct vp *root = this_cpu()->current;
    uint64_t *gpr = root->gpr;
    if (vmcs_read32(VMCS_EXIT_REASON) != VMX_EXIT_VMCALL || gpr[0] != WHB_CALL(WHB_CALL_VERSION) ||
        (vmcs_read32(VMCS_GUEST_SS_ACCESS) & ACCESS_DPL) != 0 || !is_code64() || !skip_instruction(true)) {
        return NULL;
    }
    gpr[0] = WHB_OK;
    gpr[2] = (WHB_ABI_MAJOR << 16) | WHB_ABI_MINOR;
    root->launched = true;
    root->event.info = 0; /* delivered, since an instruction was executed after it */
    return gpr;
}

static inline const struct cpuid_answer *known_answer(const struct vp *vp, uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_answer *a = &vp->cpuid.answers[cpuid_cache_slot(leaf, subleaf)];
    if (a->key != cpuid_cache_key(leaf, subleaf)) {
        return NULL;
    }
    return leaf != 1 || ((vmcs_readnw(VMCS_GUEST_CR4) & CR4_OSXSAVE) != 0) == vp->cpuid.osxsave ? a : NULL;
}

uint64_t *fast_exit_guest(void)
{
    struct vp *vp = this_cpu()->current;
    if (vmcs_read32(VMCS_EXIT_REASON) != VMX_EXIT_CPUID || vp->fast_left == 0) {
        return NULL;
    }
    volatile uint64_t *gpr = vp->gpr;
    const struct cpuid_answer *a = known_answer(vp, (uint32_t)gpr[0], (uint32_t)gpr[1]);
    if (a == NULL || !skip_instruction(false)) {
        return NULL;
    }
    vp->fast_left--;
    vp->launched = true;
    vp->counters.exits[INTERCEPT_CPUID]++;
    gpr[0] = a->eax;
    gpr[1] = a->ecx;
    gpr[2] = a->edx;
    gpr[3] = a->ebx;
    return vp->gpr;
}
