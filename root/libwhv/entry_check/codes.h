/* SPDX-License-Identifier: MIT */
/*
 * The checks that VM entry makes on a VP's state, by number: why a run ended with InvalidVpRegisterValue. Sections are
 * those of the SDM, vol. 3C. The register that a check found wrong is told next to its number (struct
 * whb_vp_diagnostics). Numbers keep their meaning; new checks get new ones.
 */
#pragma once

enum whb_entry_check {
    WHB_CHECK_NONE = 0, /* no check fails */

    /* 27.2.1.3: the pending event */
    WHB_CHECK_EVENT_TYPE = 1,       /* the interruption type is reserved */
    WHB_CHECK_EVENT_VECTOR = 2,     /* an NMI whose vector is not 2, or a hardware exception above 31 */
    WHB_CHECK_EVENT_ERROR_BIT = 3,  /* an error code where the event has none, or none where it has one */
    WHB_CHECK_EVENT_RESERVED = 4,   /* reserved bits of the event are set */
    WHB_CHECK_EVENT_ERROR_CODE = 5, /* bits 31:16 of the error code are set */
    WHB_CHECK_EVENT_LENGTH = 6,     /* a software event whose instruction length is 0 or above 15 */

    /* 27.3.1.1: control registers, debug registers, MSRs */
    WHB_CHECK_CR0_FIXED = 16,    /* CR0 has a bit that must be clear, or lacks one that must be set, in VMX operation */
    WHB_CHECK_CR0_PG_PE = 17,    /* CR0.PG without CR0.PE */
    WHB_CHECK_CR4_FIXED = 18,    /* CR4 has a bit that must be clear, or lacks one that must be set */
    WHB_CHECK_LONG_MODE_PG = 19, /* EFER.LMA without CR0.PG */
    WHB_CHECK_LONG_MODE_PAE = 20, /* EFER.LMA without CR4.PAE */
    WHB_CHECK_PCIDE = 21,         /* CR4.PCIDE without EFER.LMA */
    WHB_CHECK_CR3_WIDTH = 22,     /* CR3 has a bit beyond the processor's physical address width */
    WHB_CHECK_DEBUGCTL = 23,      /* a reserved bit of IA32_DEBUGCTL is set */
    WHB_CHECK_DR7 = 24,           /* bits 63:32 of DR7 are set */
    WHB_CHECK_SYSENTER = 25,      /* IA32_SYSENTER_ESP or IA32_SYSENTER_EIP is not canonical */
    WHB_CHECK_PAT = 26,           /* a byte of IA32_PAT is no memory type */
    WHB_CHECK_EFER_RESERVED = 27, /* a reserved bit of EFER is set */
    WHB_CHECK_EFER_LMA = 28,      /* EFER.LMA differs from the mode the entry is for */
    WHB_CHECK_EFER_LME = 29,      /* EFER.LMA and EFER.LME differ while CR0.PG is set */

    /* 27.3.1.2: segment registers */
    WHB_CHECK_TABLE_INDICATOR = 32, /* TR's selector, or that of a usable LDTR, points into the LDT */
    WHB_CHECK_V86_BASE = 33,        /* virtual-8086: the base is not 16 times the selector */
    WHB_CHECK_BASE_CANONICAL = 34,  /* the base of TR, FS, GS or a usable LDTR is not canonical */
    WHB_CHECK_BASE_HIGH = 35,       /* the base of CS, or of a usable SS, DS or ES, is above 4 GiB */
    WHB_CHECK_V86_LIMIT = 36,       /* virtual-8086: the limit is not FFFFH */
    WHB_CHECK_V86_ACCESS = 37,      /* virtual-8086: the attributes are not F3H */
    WHB_CHECK_CODE_TYPE = 38,       /* CS is neither accessed code nor a writable accessed data segment */
    WHB_CHECK_STACK_TYPE = 39,      /* SS is usable, but not a writable accessed data segment */
    WHB_CHECK_DATA_TYPE = 40,       /* DS, ES, FS or GS is usable, but not accessed, or code that cannot be read */
    WHB_CHECK_NOT_SYSTEM = 41,      /* CS, or a usable SS, DS, ES, FS or GS, is a system segment (S clear) */
    WHB_CHECK_CODE_DPL = 42,        /* CS.DPL does not fit SS.DPL and CS's type */
    WHB_CHECK_STACK_DPL = 43,       /* SS.DPL is not 0 though CR0.PE is clear or CS is a data segment */
    WHB_CHECK_PRESENT = 44,         /* CS is not present */
    WHB_CHECK_ACCESS_RESERVED = 45, /* reserved bits of the access rights are set */
    WHB_CHECK_CODE_SIZE = 46,       /* CS.L and CS.D are both set in long mode */
    WHB_CHECK_GRANULARITY = 47,     /* the limit is not one that the granularity bit can express */
    WHB_CHECK_TASK_TYPE = 48,       /* TR is no busy TSS of the mode: type 11, or 3 outside long mode */
    WHB_CHECK_LDT_TYPE = 49,        /* a usable LDTR is no LDT: type 2 */
    WHB_CHECK_SYSTEM = 50,          /* TR or a usable LDTR is no system segment (S set) */
    WHB_CHECK_TASK_USABLE = 51,     /* TR is unusable: not present */

    /* 27.3.1.3: descriptor table registers */
    WHB_CHECK_TABLE_BASE = 64,  /* the base of GDTR or IDTR is not canonical */
    WHB_CHECK_TABLE_LIMIT = 65, /* the limit of GDTR or IDTR has more than 16 bits */

    /* 27.3.1.4: RIP and RFLAGS */
    WHB_CHECK_RIP_HIGH = 72,        /* RIP above 4 GiB outside 64-bit mode */
    WHB_CHECK_RIP_CANONICAL = 73,   /* RIP's bits beyond the linear address width differ from each other */
    WHB_CHECK_RFLAGS_RESERVED = 74, /* RFLAGS bit 1 is clear or a reserved bit is set */
    WHB_CHECK_RFLAGS_VM = 75,       /* RFLAGS.VM in long mode or without CR0.PE */
    WHB_CHECK_RFLAGS_IF = 76,       /* an external interrupt is pending for injection while RFLAGS.IF is clear */

    /* 27.3.1.5: activity, interruptibility, pending debug exceptions */
    WHB_CHECK_ACTIVITY = 80,              /* the activity state does not exist on this processor */
    WHB_CHECK_ACTIVITY_DPL = 81,          /* halted with SS.DPL other than 0 */
    WHB_CHECK_ACTIVITY_SHADOW = 82,       /* not active in the shadow of STI or MOV SS */
    WHB_CHECK_ACTIVITY_EVENT = 83,        /* the pending event cannot end the activity state */
    WHB_CHECK_SHADOW_RESERVED = 84,       /* a reserved bit of the interruptibility state is set */
    WHB_CHECK_SHADOW_BOTH = 85,           /* the shadows of STI and of MOV SS at once */
    WHB_CHECK_SHADOW_STI = 86,            /* the shadow of STI while RFLAGS.IF is clear */
    WHB_CHECK_SHADOW_EXTERNAL = 87,       /* an external interrupt is pending in the shadow of STI or MOV SS */
    WHB_CHECK_SHADOW_NMI = 88,            /* an NMI is pending in the shadow of MOV SS */
    WHB_CHECK_NMI_BLOCKED = 89,           /* an NMI is pending while NMIs are blocked */
    WHB_CHECK_SHADOW_NMI_STI = 90,        /* an NMI is pending in the shadow of STI, which some processors refuse */
    WHB_CHECK_DEBUG_RESERVED = 91,        /* a reserved bit of the pending debug exceptions is set */
    WHB_CHECK_DEBUG_STEP_MISSING = 92,    /* no pending single step in a shadow though RFLAGS.TF is set */
    WHB_CHECK_DEBUG_STEP_UNEXPECTED = 93, /* a pending single step in a shadow though RFLAGS.TF is clear */

    /* 27.3.1.6: page-directory-pointer-table entries of PAE paging */
    WHB_CHECK_PDPTE_RESERVED = 96, /* CR3 points at an entry with reserved bits set */
    WHB_CHECK_PDPTE_MEMORY = 97,   /* CR3 points at memory that is not mapped */
};
