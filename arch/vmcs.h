/* SPDX-License-Identifier: MIT */
/*
 * VMCS fields (SDM vol. 3D, appendix B) and the instructions that read and write them.
 *
 * A field is a struct of its width's own type, so that an encoding cannot be used as a value and reading a field with
 * the accessor of another width does not compile. VMREAD and VMWRITE can fail only if no VMCS is current or the field
 * does not exist on this CPU; both are programming errors, so they stop the machine (vmcs_access_failed).
 */
#pragma once

#include <stdint.h>

#include "arch/count.h"

struct vmcs16 {
    uint32_t encoding;
};
struct vmcs32 {
    uint32_t encoding;
};
struct vmcs64 {
    uint32_t encoding;
};
struct vmcsnw { /* natural width: 64 bits on every CPU this hypervisor runs on */
    uint32_t encoding;
};

#define VMCS_FIELD16(name, value) static const struct vmcs16 name = {value}
#define VMCS_FIELD32(name, value) static const struct vmcs32 name = {value}
#define VMCS_FIELD64(name, value) static const struct vmcs64 name = {value}
#define VMCS_FIELDNW(name, value) static const struct vmcsnw name = {value}

/* B.1: 16-bit fields */
VMCS_FIELD16(VMCS_VPID, 0x0000);
VMCS_FIELD16(VMCS_GUEST_ES_SELECTOR, 0x0800);
VMCS_FIELD16(VMCS_GUEST_CS_SELECTOR, 0x0802);
VMCS_FIELD16(VMCS_GUEST_SS_SELECTOR, 0x0804);
VMCS_FIELD16(VMCS_GUEST_DS_SELECTOR, 0x0806);
VMCS_FIELD16(VMCS_GUEST_FS_SELECTOR, 0x0808);
VMCS_FIELD16(VMCS_GUEST_GS_SELECTOR, 0x080a);
VMCS_FIELD16(VMCS_GUEST_LDTR_SELECTOR, 0x080c);
VMCS_FIELD16(VMCS_GUEST_TR_SELECTOR, 0x080e);
VMCS_FIELD16(VMCS_GUEST_INTERRUPT_STATUS, 0x0810);
VMCS_FIELD16(VMCS_HOST_ES_SELECTOR, 0x0c00);
VMCS_FIELD16(VMCS_HOST_CS_SELECTOR, 0x0c02);
VMCS_FIELD16(VMCS_HOST_SS_SELECTOR, 0x0c04);
VMCS_FIELD16(VMCS_HOST_DS_SELECTOR, 0x0c06);
VMCS_FIELD16(VMCS_HOST_FS_SELECTOR, 0x0c08);
VMCS_FIELD16(VMCS_HOST_GS_SELECTOR, 0x0c0a);
VMCS_FIELD16(VMCS_HOST_TR_SELECTOR, 0x0c0c);

/* B.2: 64-bit fields */
VMCS_FIELD64(VMCS_IO_BITMAP_A, 0x2000);
VMCS_FIELD64(VMCS_IO_BITMAP_B, 0x2002);
VMCS_FIELD64(VMCS_MSR_BITMAP, 0x2004);
VMCS_FIELD64(VMCS_TSC_OFFSET, 0x2010);
VMCS_FIELD64(VMCS_VIRTUAL_APIC_PAGE, 0x2012);
VMCS_FIELD64(VMCS_EPT_POINTER, 0x201a);
VMCS_FIELD64(VMCS_EOI_EXIT0, 0x201c);
VMCS_FIELD64(VMCS_EOI_EXIT1, 0x201e);
VMCS_FIELD64(VMCS_EOI_EXIT2, 0x2020);
VMCS_FIELD64(VMCS_EOI_EXIT3, 0x2022);
VMCS_FIELD64(VMCS_GUEST_PHYSICAL_ADDRESS, 0x2400);
VMCS_FIELD64(VMCS_LINK_POINTER, 0x2800);
VMCS_FIELD64(VMCS_GUEST_DEBUGCTL, 0x2802);
VMCS_FIELD64(VMCS_GUEST_PAT, 0x2804);
VMCS_FIELD64(VMCS_GUEST_EFER, 0x2806);
VMCS_FIELD64(VMCS_GUEST_PDPTE0, 0x280a);
VMCS_FIELD64(VMCS_GUEST_PDPTE1, 0x280c);
VMCS_FIELD64(VMCS_GUEST_PDPTE2, 0x280e);
VMCS_FIELD64(VMCS_GUEST_PDPTE3, 0x2810);
VMCS_FIELD64(VMCS_HOST_PAT, 0x2c00);
VMCS_FIELD64(VMCS_HOST_EFER, 0x2c02);

/* B.3: 32-bit fields */
VMCS_FIELD32(VMCS_PIN_CONTROLS, 0x4000);
VMCS_FIELD32(VMCS_CPU_CONTROLS, 0x4002);
VMCS_FIELD32(VMCS_EXCEPTION_BITMAP, 0x4004);
VMCS_FIELD32(VMCS_PAGE_FAULT_MASK, 0x4006);
VMCS_FIELD32(VMCS_PAGE_FAULT_MATCH, 0x4008);
VMCS_FIELD32(VMCS_CR3_TARGET_COUNT, 0x400a);
VMCS_FIELD32(VMCS_EXIT_CONTROLS, 0x400c);
VMCS_FIELD32(VMCS_EXIT_MSR_STORE_COUNT, 0x400e);
VMCS_FIELD32(VMCS_EXIT_MSR_LOAD_COUNT, 0x4010);
VMCS_FIELD32(VMCS_ENTRY_CONTROLS, 0x4012);
VMCS_FIELD32(VMCS_ENTRY_MSR_LOAD_COUNT, 0x4014);
VMCS_FIELD32(VMCS_ENTRY_INTERRUPTION_INFO, 0x4016);
VMCS_FIELD32(VMCS_ENTRY_EXCEPTION_ERROR, 0x4018);
VMCS_FIELD32(VMCS_ENTRY_INSTRUCTION_LENGTH, 0x401a);
VMCS_FIELD32(VMCS_TPR_THRESHOLD, 0x401c);
VMCS_FIELD32(VMCS_CPU_CONTROLS2, 0x401e);
VMCS_FIELD32(VMCS_INSTRUCTION_ERROR, 0x4400);
VMCS_FIELD32(VMCS_EXIT_REASON, 0x4402);
VMCS_FIELD32(VMCS_EXIT_INTERRUPTION_INFO, 0x4404);
VMCS_FIELD32(VMCS_EXIT_INTERRUPTION_ERROR, 0x4406);
VMCS_FIELD32(VMCS_IDT_VECTORING_INFO, 0x4408);
VMCS_FIELD32(VMCS_IDT_VECTORING_ERROR, 0x440a);
VMCS_FIELD32(VMCS_EXIT_INSTRUCTION_LENGTH, 0x440c);
VMCS_FIELD32(VMCS_EXIT_INSTRUCTION_INFO, 0x440e);
VMCS_FIELD32(VMCS_GUEST_ES_LIMIT, 0x4800);
VMCS_FIELD32(VMCS_GUEST_CS_LIMIT, 0x4802);
VMCS_FIELD32(VMCS_GUEST_SS_LIMIT, 0x4804);
VMCS_FIELD32(VMCS_GUEST_DS_LIMIT, 0x4806);
VMCS_FIELD32(VMCS_GUEST_FS_LIMIT, 0x4808);
VMCS_FIELD32(VMCS_GUEST_GS_LIMIT, 0x480a);
VMCS_FIELD32(VMCS_GUEST_LDTR_LIMIT, 0x480c);
VMCS_FIELD32(VMCS_GUEST_TR_LIMIT, 0x480e);
VMCS_FIELD32(VMCS_GUEST_GDTR_LIMIT, 0x4810);
VMCS_FIELD32(VMCS_GUEST_IDTR_LIMIT, 0x4812);
VMCS_FIELD32(VMCS_GUEST_ES_ACCESS, 0x4814);
VMCS_FIELD32(VMCS_GUEST_CS_ACCESS, 0x4816);
VMCS_FIELD32(VMCS_GUEST_SS_ACCESS, 0x4818);
VMCS_FIELD32(VMCS_GUEST_DS_ACCESS, 0x481a);
VMCS_FIELD32(VMCS_GUEST_FS_ACCESS, 0x481c);
VMCS_FIELD32(VMCS_GUEST_GS_ACCESS, 0x481e);
VMCS_FIELD32(VMCS_GUEST_LDTR_ACCESS, 0x4820);
VMCS_FIELD32(VMCS_GUEST_TR_ACCESS, 0x4822);
VMCS_FIELD32(VMCS_GUEST_INTERRUPTIBILITY, 0x4824);
VMCS_FIELD32(VMCS_GUEST_ACTIVITY, 0x4826);
VMCS_FIELD32(VMCS_GUEST_SYSENTER_CS, 0x482a);
VMCS_FIELD32(VMCS_GUEST_PREEMPTION_TIMER, 0x482e);
VMCS_FIELD32(VMCS_HOST_SYSENTER_CS, 0x4c00);

/* B.4: natural-width fields */
VMCS_FIELDNW(VMCS_CR0_MASK, 0x6000);
VMCS_FIELDNW(VMCS_CR4_MASK, 0x6002);
VMCS_FIELDNW(VMCS_CR0_SHADOW, 0x6004);
VMCS_FIELDNW(VMCS_CR4_SHADOW, 0x6006);
VMCS_FIELDNW(VMCS_EXIT_QUALIFICATION, 0x6400);
VMCS_FIELDNW(VMCS_GUEST_LINEAR_ADDRESS, 0x640a);
VMCS_FIELDNW(VMCS_GUEST_CR0, 0x6800);
VMCS_FIELDNW(VMCS_GUEST_CR3, 0x6802);
VMCS_FIELDNW(VMCS_GUEST_CR4, 0x6804);
VMCS_FIELDNW(VMCS_GUEST_ES_BASE, 0x6806);
VMCS_FIELDNW(VMCS_GUEST_CS_BASE, 0x6808);
VMCS_FIELDNW(VMCS_GUEST_SS_BASE, 0x680a);
VMCS_FIELDNW(VMCS_GUEST_DS_BASE, 0x680c);
VMCS_FIELDNW(VMCS_GUEST_FS_BASE, 0x680e);
VMCS_FIELDNW(VMCS_GUEST_GS_BASE, 0x6810);
VMCS_FIELDNW(VMCS_GUEST_LDTR_BASE, 0x6812);
VMCS_FIELDNW(VMCS_GUEST_TR_BASE, 0x6814);
VMCS_FIELDNW(VMCS_GUEST_GDTR_BASE, 0x6816);
VMCS_FIELDNW(VMCS_GUEST_IDTR_BASE, 0x6818);
VMCS_FIELDNW(VMCS_GUEST_DR7, 0x681a);
VMCS_FIELDNW(VMCS_GUEST_RSP, 0x681c);
VMCS_FIELDNW(VMCS_GUEST_RIP, 0x681e);
VMCS_FIELDNW(VMCS_GUEST_RFLAGS, 0x6820);
VMCS_FIELDNW(VMCS_GUEST_PENDING_DEBUG, 0x6822);
VMCS_FIELDNW(VMCS_GUEST_SYSENTER_ESP, 0x6824);
VMCS_FIELDNW(VMCS_GUEST_SYSENTER_EIP, 0x6826);
VMCS_FIELDNW(VMCS_HOST_CR0, 0x6c00);
VMCS_FIELDNW(VMCS_HOST_CR3, 0x6c02);
VMCS_FIELDNW(VMCS_HOST_CR4, 0x6c04);
VMCS_FIELDNW(VMCS_HOST_FS_BASE, 0x6c06);
VMCS_FIELDNW(VMCS_HOST_GS_BASE, 0x6c08);
VMCS_FIELDNW(VMCS_HOST_TR_BASE, 0x6c0a);
VMCS_FIELDNW(VMCS_HOST_GDTR_BASE, 0x6c0c);
VMCS_FIELDNW(VMCS_HOST_IDTR_BASE, 0x6c0e);
VMCS_FIELDNW(VMCS_HOST_SYSENTER_ESP, 0x6c10);
VMCS_FIELDNW(VMCS_HOST_SYSENTER_EIP, 0x6c12);
VMCS_FIELDNW(VMCS_HOST_RSP, 0x6c14);
VMCS_FIELDNW(VMCS_HOST_RIP, 0x6c16);

/* The fields of one segment register; limit and base exist for GDTR and IDTR alone too. */
enum vmcs_segment {
    VMCS_SEG_ES,
    VMCS_SEG_CS,
    VMCS_SEG_SS,
    VMCS_SEG_DS,
    VMCS_SEG_FS,
    VMCS_SEG_GS,
    VMCS_SEG_LDTR,
    VMCS_SEG_TR,
};

static inline struct vmcs16 vmcs_selector_field(enum vmcs_segment s)
{
    return (struct vmcs16){VMCS_GUEST_ES_SELECTOR.encoding + 2u * (uint32_t)s};
}

static inline struct vmcs32 vmcs_limit_field(enum vmcs_segment s)
{
    return (struct vmcs32){VMCS_GUEST_ES_LIMIT.encoding + 2u * (uint32_t)s};
}

static inline struct vmcs32 vmcs_access_field(enum vmcs_segment s)
{
    return (struct vmcs32){VMCS_GUEST_ES_ACCESS.encoding + 2u * (uint32_t)s};
}

static inline struct vmcsnw vmcs_base_field(enum vmcs_segment s)
{
    return (struct vmcsnw){VMCS_GUEST_ES_BASE.encoding + 2u * (uint32_t)s};
}

/* Stops the machine: no VMCS is current, or the CPU lacks the field. */
_Noreturn void vmcs_access_failed(uint32_t encoding) __attribute__((cold));

/*
 * The exit path's own files are compiled without the test: each runs after an exit, with the VMCS that caused it or one
 * that a checked VMPTRLD made current, and accesses only fields that every processor has.
 */
#ifdef VMCS_UNCHECKED
#define VMCS_JUMP_IF_FAILED ""
#else
#define VMCS_JUMP_IF_FAILED "\n\tjbe %l[failed]"
#endif

/* No memory is clobbered: what VMREAD and VMWRITE touch is reached by these alone, and volatile keeps their order. */
static inline uint64_t vmcs_raw_read(uint32_t encoding)
{
    uint64_t value = 0; /* for cppcheck, which knows no outputs of asm goto */
    count_instruction(COUNTED_VMREAD);
    __asm__ goto("vmread %1, %0" VMCS_JUMP_IF_FAILED : "=r"(value) : "r"((uint64_t)encoding) : "cc" : failed);
    return value;
failed:
    vmcs_access_failed(encoding);
}

static inline void vmcs_raw_write(uint32_t encoding, uint64_t value)
{
    count_instruction(COUNTED_VMWRITE);
    __asm__ goto("vmwrite %0, %1" VMCS_JUMP_IF_FAILED : : "r"(value), "r"((uint64_t)encoding) : "cc" : failed);
    return;
failed:
    vmcs_access_failed(encoding);
}

/* Into memory, unchecked: for a field that every CPU has, with a VMCS that an exit just left. */
static inline void vmcs_readnw_to(struct vmcsnw field, uint64_t *to)
{
    count_instruction(COUNTED_VMREAD);
    __asm__ volatile("vmread %1, %0" : "=m"(*to) : "r"((uint64_t)field.encoding) : "cc");
}

static inline uint16_t vmcs_read16(struct vmcs16 field)
{
    return (uint16_t)vmcs_raw_read(field.encoding);
}

static inline uint32_t vmcs_read32(struct vmcs32 field)
{
    return (uint32_t)vmcs_raw_read(field.encoding);
}

static inline uint64_t vmcs_read64(struct vmcs64 field)
{
    return vmcs_raw_read(field.encoding);
}

static inline uint64_t vmcs_readnw(struct vmcsnw field)
{
    return vmcs_raw_read(field.encoding);
}

static inline void vmcs_write16(struct vmcs16 field, uint16_t value)
{
    vmcs_raw_write(field.encoding, value);
}

static inline void vmcs_write32(struct vmcs32 field, uint32_t value)
{
    vmcs_raw_write(field.encoding, value);
}

static inline void vmcs_write64(struct vmcs64 field, uint64_t value)
{
    vmcs_raw_write(field.encoding, value);
}

static inline void vmcs_writenw(struct vmcsnw field, uint64_t value)
{
    vmcs_raw_write(field.encoding, value);
}
