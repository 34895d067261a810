/* SPDX-License-Identifier: MIT */
/*
 * The checks of VM entry on the guest state and on event injection (SDM vol. 3C, 27.2.1.3 and 27.3.1), for a machine
 * with unrestricted guest, EPT and virtual NMIs, as this hypervisor demands. Pure: state.c fills the struct.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/whv.h"
#include "root/libwhv/entry_check/codes.h"

/* In the order of the WHV names. */
enum entry_segment_name {
    ENTRY_SEGMENT_ES,
    ENTRY_SEGMENT_CS,
    ENTRY_SEGMENT_SS,
    ENTRY_SEGMENT_DS,
    ENTRY_SEGMENT_FS,
    ENTRY_SEGMENT_GS,
    ENTRY_SEGMENT_LDTR,
    ENTRY_SEGMENT_TR,
};

/* A segment register as the VMCS holds it; access rights in VMX format (SDM vol. 3C, 25.4.1). */
struct entry_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint32_t access_rights;
};

/* What the processor is. */
struct entry_limits {
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1; /* as the capability MSRs say */
    uint8_t physical_bits;                                   /* up to 52 */
    uint8_t linear_bits;                                     /* 48 or 57: what the processor can, whatever CR4.LA57 */
    uint8_t activity;    /* bit n: activity state n exists; bit 0 is set on every processor */
    bool any_error_code; /* IA32_VMX_BASIC[56]: exceptions may have an error code whatever their vector */
    bool zero_length;    /* IA32_VMX_MISC[30]: software events may have instruction length 0 */
    bool monitor_trap;   /* a pending MTF exit may be injected */
    bool nmi_in_shadow;  /* false: the processor is one that refuses an NMI in the shadow of STI (27.3.1.5) */
};

/* The guest state as the VMCS holds it. */
struct entry_state {
    struct entry_limits limits;
    uint64_t cr0, cr3, cr4, efer, dr7, debugctl, pat, sysenter_esp, sysenter_eip;
    uint64_t rip, rflags, pending_debug;
    bool ia32e;                                         /* the entry control "IA-32e mode guest" */
    struct entry_segment segment[ENTRY_SEGMENT_TR + 1]; /* by enum entry_segment_name */
    uint64_t gdtr_base, idtr_base;
    uint32_t gdtr_limit, idtr_limit;
    uint32_t activity, interruptibility;
    bool pdptes_absent;        /* CR3 points at memory that the guest does not have */
    uint64_t pdpte[4];         /* looked at with PAE paging alone */
    uint32_t event_info;       /* VM-entry interruption information */
    uint32_t event_error_code; /* looked at if the information says that there is one */
    uint32_t event_length;     /* looked at for software events */
};

struct entry_verdict {
    enum whb_entry_check check; /* the first that fails, in the order of the SDM; WHB_CHECK_NONE: all pass */
    WHV_REGISTER_NAME name;     /* the register to mend; meaningless for WHB_CHECK_NONE */
};

struct entry_verdict entry_check(const struct entry_state *s);

/* The part on segment registers, 27.3.1.2 (root/libwhv/entry_check/entry_check_segments.c). */
struct entry_verdict entry_check_segments(const struct entry_state *s);

/* Whether the address is canonical on a processor with that many linear address bits (1 to 63). */
bool entry_is_canonical(uint64_t address, uint8_t linear_bits);

static inline struct entry_verdict entry_verdict(enum whb_entry_check check, WHV_REGISTER_NAME name)
{
    return (struct entry_verdict){check, name};
}

#define ENTRY_PASSES entry_verdict(WHB_CHECK_NONE, WHvX64RegisterRax)
