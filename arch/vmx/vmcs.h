/* SPDX-License-Identifier: MIT */
/*
 * VMCS fields and the instructions that read and write them. VMREAD and VMWRITE can fail only if no VMCS is current or
 * the field does not exist on this CPU; both are programming errors, so they stop the machine (vmcs_access_failed).
 */
#pragma once

#include <stdint.h>

#include "arch/cpu/count.h"
#include "arch/vmx/vmcs_fields.h"

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

#ifdef ENLIGHTENED_VMCS
#include "arch/vmx/evmcs_access.h"
#else
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
#endif

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
