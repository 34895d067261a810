/* SPDX-License-Identifier: MIT */
/*
 * A guest VP's registers by WHV name. A batch is checked as a whole before anything is written. Values that only a VM
 * entry can judge are taken as they are: the next run then ends with InvalidVpRegisterValue.
 */
#include "vmm/registers/vp_registers.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/nospec.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/apic/apic.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/registers/vp_special.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/guest_cpuid.h"
#include "vmm/vp/switch.h"
#include "vmm/vp/vp_time.h"

static const uint8_t segment_of_name[8] = {
    VMCS_SEG_ES, VMCS_SEG_CS, VMCS_SEG_SS, VMCS_SEG_DS, VMCS_SEG_FS, VMCS_SEG_GS, VMCS_SEG_LDTR, VMCS_SEG_TR,
};

static uint64_t get_masked(struct vmcsnw real, struct vmcsnw shadow, struct vmcsnw mask_field)
{
    uint64_t mask = vmcs_readnw(mask_field);
    return (vmcs_readnw(real) & ~mask) | (vmcs_readnw(shadow) & mask);
}

/* What is under the mask in the real register stays as it is: those bits are the hypervisor's. */
static void set_masked(struct vmcsnw real, struct vmcsnw shadow, struct vmcsnw mask_field, uint64_t value)
{
    uint64_t mask = vmcs_readnw(mask_field);
    vmcs_writenw(real, (value & ~mask) | (vmcs_readnw(real) & mask));
    vmcs_writenw(shadow, value);
}

static void get_segment(enum vmcs_segment s, struct register_value *v)
{
    uint32_t access = vmcs_read32(vmcs_access_field(s));
    uint64_t attributes = (access & ACCESS_UNUSABLE) != 0 ? access & 0xf07fu : access & 0xf0ffu;
    v->low = vmcs_readnw(vmcs_base_field(s));
    v->high =
        vmcs_read32(vmcs_limit_field(s)) | ((uint64_t)vmcs_read16(vmcs_selector_field(s)) << 32) | (attributes << 48);
}

static void set_segment(enum vmcs_segment s, const struct register_value *v)
{
    uint32_t access = (uint32_t)(v->high >> 48) & 0xf0ffu;
    if ((access & 0x80u) == 0) {
        access |= ACCESS_UNUSABLE; /* not present is how WHV says unusable */
    }
    vmcs_writenw(vmcs_base_field(s), v->low);
    vmcs_write32(vmcs_limit_field(s), (uint32_t)v->high);
    vmcs_write16(vmcs_selector_field(s), (uint16_t)(v->high >> 32));
    vmcs_write32(vmcs_access_field(s), access);
}

static void get_table(struct vmcsnw base, struct vmcs32 limit, struct register_value *v)
{
    v->low = (uint64_t)vmcs_read32(limit) << 48;
    v->high = vmcs_readnw(base);
}

static void set_table(struct vmcsnw base, struct vmcs32 limit, const struct register_value *v)
{
    vmcs_writenw(base, v->high);
    vmcs_write32(limit, (uint32_t)(v->low >> 48));
}

static uint64_t get_control(const struct vp *vp, uint32_t name)
{
    switch (name) {
    case REG_CR0:
        return get_masked(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, VMCS_CR0_MASK);
    case REG_CR2:
        return vp->cr2;
    case REG_CR3:
        return vmcs_readnw(VMCS_GUEST_CR3);
    case REG_CR4:
        return get_masked(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, VMCS_CR4_MASK);
    case REG_CR8:
        return *((const uint8_t *)vp->virtual_apic + 0x80) >> 4;
    case REG_DR0 ... REG_DR0 + 3:
        return vp->dr[index_nospec(name - REG_DR0, 4)];
    case REG_DR6:
        return vp->dr6;
    case REG_DR7:
        return vmcs_readnw(VMCS_GUEST_DR7);
    default:
        return vp->xcr0;
    }
}

static void set_control(struct cpu *cpu, struct vp *vp, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_CR0:
        set_masked(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, VMCS_CR0_MASK, value | CR0_ET);
        break;
    case REG_CR2:
        vp->cr2 = value;
        write_cr2(value); /* this VP's state is the current one: leaving it reads CR2 back */
        return;
    case REG_CR3:
        vmcs_writenw(VMCS_GUEST_CR3, value);
        break;
    case REG_CR4:
        set_masked(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, VMCS_CR4_MASK, value);
        break;
    case REG_CR8:
        *((uint8_t *)vp->virtual_apic + 0x80) = (uint8_t)(value << 4);
        return;
    case REG_DR0 ... REG_DR0 + 3:
        vp->dr[index_nospec(name - REG_DR0, 4)] = value;
        return;
    case REG_DR6:
        vp->dr6 = (value & DR6_WRITABLE) | DR6_FIXED;
        return;
    case REG_DR7:
        vmcs_writenw(VMCS_GUEST_DR7, (value & DR7_WRITABLE) | DR7_FIXED);
        vp_pend_while(vp, PENDING_BREAKPOINTS, (value & 0xff) != 0);
        return;
    default:
        switch_xcr0_write(cpu, vp, value);
        return;
    }
    vp_pend(vp, PENDING_FLUSH_VPID);
    vp_pend(vp, PENDING_PDPTES);
}

static uint64_t get_msr(struct vp *vp, uint32_t name)
{
    switch (name) {
    case REG_TSC:
        return partition_time_tsc(vp);
    case REG_EFER:
        return vmcs_read64(VMCS_GUEST_EFER);
    case REG_KERNEL_GS_BASE:
        return rdmsr(MSR_IA32_KERNEL_GS_BASE); /* the VP is the current one */
    case REG_APIC_BASE:
        return vp->apic_on ? apic_base_value(vp) : vp->apic_base;
    case REG_PAT:
        return vmcs_read64(VMCS_GUEST_PAT);
    case REG_SYSENTER_CS:
        return vmcs_read32(VMCS_GUEST_SYSENTER_CS);
    case REG_SYSENTER_EIP:
    case REG_SYSENTER_ESP:
        return vmcs_readnw(name == REG_SYSENTER_EIP ? VMCS_GUEST_SYSENTER_EIP : VMCS_GUEST_SYSENTER_ESP);
    case REG_TSC_AUX:
        return vp->msr[SWITCHED_TSC_AUX];
    case REG_MTRR_CAP:
        return GUEST_MTRR_CAP;
    case REG_INITIAL_APIC_ID:
        return vp->index;
    case REG_SPEC_CTRL:
    case REG_PRED_CMD:
        return 0;
    case REG_TSC_OFFSET:
        return partition_time_offset(vp);
    case REG_TSC_ADJUST:
        return vp->tsc_adjust;
    case REG_MTRR_DEF_TYPE:
        return vp->mtrrs.def_type;
    default:
        return vp->msr[index_nospec(name - REG_STAR, SWITCHED_COUNT)];
    }
}

static void set_efer(struct vp *vp, uint64_t value)
{
    uint32_t entry = vmcs_read32(VMCS_ENTRY_CONTROLS) & ~ENTRY_IA32E;
    vmcs_write32(VMCS_ENTRY_CONTROLS, entry | ((value & EFER_LMA) != 0 ? ENTRY_IA32E : 0));
    vmcs_write64(VMCS_GUEST_EFER, value);
    vp_pend(vp, PENDING_FLUSH_VPID);
    vp_pend(vp, PENDING_PDPTES);
}

static void set_msr(struct cpu *cpu, struct vp *vp, uint32_t name, uint64_t value)
{
    switch (name) {
    case REG_TSC:
        partition_time_set_tsc(vp, value);
        break;
    case REG_EFER:
        set_efer(vp, value);
        break;
    case REG_KERNEL_GS_BASE:
        wrmsr(MSR_IA32_KERNEL_GS_BASE, value);
        break;
    case REG_APIC_BASE:
        if (vp->apic_on) {
            apic_base_force(vp, value);
        } else {
            vp->apic_base = value;
        }
        break;
    case REG_PAT:
        vmcs_write64(VMCS_GUEST_PAT, value);
        break;
    case REG_SYSENTER_CS:
        vmcs_write32(VMCS_GUEST_SYSENTER_CS, (uint32_t)value);
        break;
    case REG_SYSENTER_EIP:
    case REG_SYSENTER_ESP:
        vmcs_writenw(name == REG_SYSENTER_EIP ? VMCS_GUEST_SYSENTER_EIP : VMCS_GUEST_SYSENTER_ESP, value);
        break;
    case REG_TSC_AUX:
        switch_msr_write(cpu, vp, SWITCHED_TSC_AUX, value);
        break;
    case REG_MTRR_CAP:
    case REG_INITIAL_APIC_ID:
    case REG_SPEC_CTRL:
    case REG_PRED_CMD:
        break; /* checked to be what it is */
    case REG_TSC_OFFSET:
        partition_time_set_offset(vp, value);
        break;
    case REG_TSC_ADJUST:
        vp->tsc_adjust = value; /* the TSC that goes with it is state of its own */
        break;
    case REG_MTRR_DEF_TYPE:
        vp->mtrrs.def_type = value;
        break;
    default:
        switch_msr_write(cpu, vp, (enum switched_msr)index_nospec(name - REG_STAR, SWITCHED_COUNT), value);
    }
}

/* Where a register of the extended state's legacy area lies in the image (SDM vol. 1, table 10-2). */
static uint8_t *legacy_place(const struct vp *vp, uint32_t name)
{
    uint8_t *image = vp->extended_state;
    if (name == REG_FP_CONTROL) {
        return image;
    }
    return name == REG_XMM_CONTROL ? image + 16
           : name >= REG_FP_MMX0   ? image + 32 + index_nospec(name - REG_FP_MMX0, 8) * 16
                                   : image + 160 + index_nospec(name - REG_XMM0, 16) * 16;
}

static uint64_t *mtrr_place(struct vp *vp, uint32_t name)
{
    switch (name) {
    case REG_MTRR_BASE0 ... REG_MTRR_BASE0 + GUEST_MTRR_NAMES - 1:
        return &vp->mtrrs.variable[2 * index_nospec(name - REG_MTRR_BASE0, GUEST_MTRR_NAMES)];
    case REG_MTRR_MASK0 ... REG_MTRR_MASK0 + GUEST_MTRR_NAMES - 1:
        return &vp->mtrrs.variable[2 * index_nospec(name - REG_MTRR_MASK0, GUEST_MTRR_NAMES) + 1];
    default:
        return &vp->mtrrs.fixed[index_nospec(name - REG_MTRR_FIX0, GUEST_MTRR_FIXED)];
    }
}

static void get_one(struct vp *vp, uint32_t name, struct register_value *v)
{
    *v = (struct register_value){0, 0};
    switch (register_kind(name)) {
    case REGISTER_GPR:
        v->low = name == REG_RSP ? vmcs_readnw(VMCS_GUEST_RSP) : vp->gpr[index_nospec(name, 16)];
        break;
    case REGISTER_RIP:
        v->low = vmcs_readnw(VMCS_GUEST_RIP);
        break;
    case REGISTER_RFLAGS:
        v->low = vmcs_readnw(VMCS_GUEST_RFLAGS);
        break;
    case REGISTER_SEGMENT:
        get_segment((enum vmcs_segment)segment_of_name[index_nospec(name - REG_ES, 8)], v);
        break;
    case REGISTER_TABLE:
        name == REG_IDTR ? get_table(VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT, v)
                         : get_table(VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, v);
        break;
    case REGISTER_CONTROL:
        v->low = get_control(vp, name);
        break;
    case REGISTER_LEGACY:
        memcpy(v, legacy_place(vp, name), name >= REG_FP_MMX0 && name < REG_FP_CONTROL ? 10 : sizeof(*v));
        break;
    case REGISTER_MSR:
        v->low = get_msr(vp, name);
        break;
    case REGISTER_MTRR:
        v->low = *mtrr_place(vp, name);
        break;
    case REGISTER_SPECIAL:
        v->low = vp_special_get(vp, name);
        break;
    case REGISTER_EVENT:
        *v = vp_event_get(vp);
        break;
    case REGISTER_APIC:
        v->low = apic_register_get(vp, name);
        break;
    case REGISTER_UNKNOWN:
        break;
    }
}

static void set_gpr(struct vp *vp, uint32_t name, uint64_t value)
{
    vp->gpr[index_nospec(name, 16)] = value;
    if (name == REG_RSP) {
        vmcs_writenw(VMCS_GUEST_RSP, value);
    }
}

static void set_legacy(struct vp *vp, uint32_t name, const struct register_value *v)
{
    uint64_t *components = (uint64_t *)((uint8_t *)vp->extended_state + 512);
    memcpy(legacy_place(vp, name), v, name >= REG_FP_MMX0 && name < REG_FP_CONTROL ? 10 : sizeof(*v));
    *components |= XCR0_X87 | XCR0_SSE;
}

static void set_one(struct cpu *cpu, struct vp *vp, uint32_t name, const struct register_value *v)
{
    switch (register_kind(name)) {
    case REGISTER_GPR:
        set_gpr(vp, name, v->low);
        break;
    case REGISTER_RIP:
        vmcs_writenw(VMCS_GUEST_RIP, v->low);
        vp->run->rip = v->low;
        break;
    case REGISTER_RFLAGS:
        vmcs_writenw(VMCS_GUEST_RFLAGS, v->low);
        vp->run->rflags = v->low;
        break;
    case REGISTER_SEGMENT:
        set_segment((enum vmcs_segment)segment_of_name[index_nospec(name - REG_ES, 8)], v);
        break;
    case REGISTER_TABLE:
        name == REG_IDTR ? set_table(VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT, v)
                         : set_table(VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, v);
        break;
    case REGISTER_CONTROL:
        set_control(cpu, vp, name, v->low);
        break;
    case REGISTER_LEGACY:
        set_legacy(vp, name, v);
        break;
    case REGISTER_MSR:
        set_msr(cpu, vp, name, v->low);
        break;
    case REGISTER_MTRR:
        *mtrr_place(vp, name) = v->low;
        break;
    case REGISTER_SPECIAL:
        vp_special_set(vp, name, v->low);
        break;
    case REGISTER_EVENT:
        vp_event_set(vp, v);
        break;
    case REGISTER_APIC:
        apic_register_set(vp, name, v->low);
        break;
    case REGISTER_UNKNOWN:
        break;
    }
}

/* The legacy area is reached in the image, so the registers go there first. */
static void bring_image(struct vp *vp, const uint32_t *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (register_kind(names[i]) == REGISTER_LEGACY) {
            switch_fpu_put(this_cpu(), vp);
            return;
        }
    }
}

enum whb_status vp_registers_get(struct vp *vp, const uint32_t *names, void *values, uint32_t count)
{
    struct register_value *out = values;
    for (uint32_t i = 0; i < count; i++) {
        enum register_kind kind = register_kind(names[i]);
        if (kind == REGISTER_UNKNOWN || (kind == REGISTER_APIC && !vp->apic_on)) {
            return WHB_ERROR_UNKNOWN_REGISTER;
        }
    }
    bring_image(vp, names, count);
    for (uint32_t i = 0; i < count; i++) {
        get_one(vp, names[i], &out[i]);
    }
    return WHB_OK;
}

/*
 * Before anything is set: what the same call says of flags and shadow counts, and what it says of pending debug
 * exceptions is added to what is due, which is returned.
 */
static uint64_t finish_instruction(struct vp *vp, const uint32_t *names, const struct register_value *in,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (register_kind(names[i]) == REGISTER_RIP) {
            return completion_move(vp, in[i].low, false);
        }
    }
    return 0;
}

enum whb_status vp_registers_set(struct vp *vp, const uint32_t *names, const void *values, uint32_t count)
{
    const struct register_value *in = values;
    const struct register_limits limits = {
        .xcr0 = guest_cpuid_xcr0(vp),
        .cr4_hidden = vmcs_readnw(VMCS_CR4_MASK) & ~CR4_MCE,
        .vp_index = vp->index,
        .physical_bits = vmm.physical_bits,
        .tsc_aux = switch_has_tsc_aux(),
        .apic = vp->apic_on,
        .x2apic = vp->partition->policy->apic_mode == WHvX64LocalApicEmulationModeX2Apic,
    };
    for (uint32_t i = 0; i < count; i++) {
        enum whb_status status = register_check(&limits, names[i], &in[i]);
        if (status != WHB_OK) {
            return status;
        }
    }
    bring_image(vp, names, count);
    uint64_t due = finish_instruction(vp, names, in, count);
    bool settle = false;
    for (uint32_t i = 0; i < count; i++) {
        set_one(this_cpu(), vp, names[i], &in[i]);
        settle |= register_is_settled(names[i]);
    }
    completion_add_pending(due);
    vp_pend(vp, settle ? PENDING_SETTLE : 0u);
    return WHB_OK;
}
