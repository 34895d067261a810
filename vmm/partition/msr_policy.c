/* SPDX-License-Identifier: MIT */
#include "vmm/partition/msr_policy.h"

#include <stddef.h>

#include "arch/cpu/msr.h"
#include "arch/cpu/nospec.h"
#include "arch/cpu/string.h"

/* 25.6.9: four bitmaps of 1 KiB. A set bit makes the access exit. */
#define RANGE_SIZE 0x2000u
#define HIGH_RANGE 0xc0000000u
#define READ_LOW 0u
#define READ_HIGH 1024u
#define WRITE_LOW 2048u
#define WRITE_HIGH 3072u

#define MSR_TEST_CTRL 0x33u
#define MSR_IA32_SMM_MONITOR_CTL 0x9bu
#define MSR_IA32_XFD 0x1c4u
#define MSR_IA32_PRMRR_BASE 0x1f4u
#define MSR_IA32_PEBS_ENABLE 0x3f1u
#define MSR_IA32_PEBS_BASE 0x3f4u
#define MSR_IA32_VMX_LAST 0x493u
#define MSR_IA32_RTIT_OUTPUT_BASE 0x560u
#define MSR_IA32_RTIT_CTL 0x570u
#define MSR_IA32_RTIT_ADDR0 0x580u
#define MSR_IA32_DS_AREA 0x600u
#define MSR_IA32_TME_CAPABILITY 0x981u
#define MSR_IA32_SEAMRR_BASE 0x1400u
#define MSR_IA32_HW_FEEDBACK_PTR 0x17d0u

enum {
    READS = 1,
    WRITES = 2,
    BOTH = READS | WRITES,
};

struct msr_rule {
    uint32_t first, count;
    uint32_t accesses;
};

/* What a guest reads or writes without an exit. */
static const struct msr_rule guest_passes[] = {
    {MSR_IA32_TSC, 1, READS},           /* the processor adds the VP's offset */
    {MSR_IA32_SYSENTER_CS, 3, BOTH},    /* with ESP and EIP: the VMCS switches them */
    {MSR_IA32_FS_BASE, 2, BOTH},        /* with GS_BASE: the VMCS switches them */
    {MSR_IA32_KERNEL_GS_BASE, 1, BOTH}, /* SWAPGS changes it without a trace anyway: it is read at each switch */
    {MSR_IA32_STAR, 4, READS},    /* with LSTAR, CSTAR, FMASK: the CPU holds the VP's; writes keep the copy right */
    {MSR_IA32_TSC_AUX, 1, READS}, /* as STAR; RDTSCP reads it too */
};

/*
 * What exits when the root does it. Everything else passes: the machine is the root's, its machine-check banks,
 * performance counters and speculation controls (IA32_SPEC_CTRL stays in force while the hypervisor and guests run)
 * included. docs/root-partition.md says why what passes does not harm the hypervisor, which runs with it.
 */
static const struct msr_rule root_exits[] = {
    {MSR_IA32_APIC_BASE, 1, WRITES},      /* see msr_apic_base_allowed */
    {MSR_TEST_CTRL, 1, WRITES},           /* #AC or #GP for locks on UC memory, such as RAM of the root's may be */
    {MSR_IA32_FEATURE_CONTROL, 1, BOTH},  /* VMX reads as locked off */
    {MSR_IA32_BIOS_UPDT_TRIG, 1, WRITES}, /* new microcode could change features under the hypervisor */
    {MSR_IA32_SMM_MONITOR_CTL, 1, BOTH},  /* goes with VMX */
    {MSR_IA32_MISC_ENABLE, 1, WRITES},    /* XD disable makes the hypervisor's page tables and EFER invalid */
    {MSR_IA32_XFD, 1, WRITES},            /* hidden; #NM from XRSTOR */
    {MSR_IA32_PRMRR_BASE, 2, WRITES},     /* takes memory away, should firmware have left it unlocked */
    {MSR_IA32_MTRR_PHYSBASE0, MSR_IA32_MTRR_FIX4K_F8000 - MSR_IA32_MTRR_PHYSBASE0 + 1, BOTH}, /* kept for the root */
    {MSR_IA32_MTRR_DEF_TYPE, 1, BOTH}, /* the same: they would change the types of the hypervisor's memory */
    {MSR_IA32_PEBS_ENABLE, 1, WRITES}, /* records would be stored while the hypervisor runs, see DS_AREA */
    {MSR_IA32_PEBS_BASE, 2, WRITES},   /* records at a physical address, past the EPT */
    {MSR_IA32_VMX_BASIC, MSR_IA32_VMX_LAST - MSR_IA32_VMX_BASIC + 1, BOTH}, /* VMX is hidden */
    {MSR_IA32_RTIT_OUTPUT_BASE, 2, BOTH},  /* PT stores packets at physical addresses, past the EPT */
    {MSR_IA32_RTIT_CTL, 3, BOTH},          /* PT: control, status, CR3 filter */
    {MSR_IA32_RTIT_ADDR0, 8, BOTH},        /* PT: address filters */
    {MSR_IA32_DS_AREA, 1, WRITES},         /* a linear address, used in whatever address space is loaded */
    {MSR_IA32_MKTME_KEYIDS, 1, BOTH},      /* goes with TME */
    {MSR_IA32_TME_CAPABILITY, 4, BOTH},    /* TME is hidden; writes could make all memory unreadable */
    {MSR_IA32_X2APIC_ICR, 1, WRITES},      /* INIT and SIPI between root VPs: vmm/root/root_ipi.c */
    {MSR_IA32_XSS, 1, BOTH},               /* XSAVES is hidden */
    {MSR_IA32_SEAMRR_BASE, 2, WRITES},     /* as PRMRR */
    {MSR_IA32_HW_FEEDBACK_PTR, 2, WRITES}, /* the processor stores a table at a physical address, past the EPT */
    {MSR_IA32_EFER, 1, WRITES},            /* LMA is the VMCS's matter, and a bad value would fail the next entry */
    {MSR_IA32_STAR, 4, WRITES},            /* with LSTAR, CSTAR, FMASK: keeps the copy that switches compare with */
    {MSR_IA32_TSC_AUX, 1, WRITES},         /* as STAR */
};

static void set_bit(uint8_t *bitmap, uint32_t number, bool exits)
{
    uint8_t mask = (uint8_t)(1u << (number % 8));
    uint8_t *byte = &bitmap[number / 8];
    *byte = exits ? (uint8_t)(*byte | mask) : (uint8_t)(*byte & ~mask);
}

static void apply_rule(uint8_t *bitmap, const struct msr_rule *rule, bool exits)
{
    bool high = rule->first >= HIGH_RANGE;
    uint32_t number = high ? rule->first - HIGH_RANGE : rule->first;
    for (uint32_t i = number; i < number + rule->count && i < RANGE_SIZE; i++) {
        if ((rule->accesses & READS) != 0) {
            set_bit(bitmap + (high ? READ_HIGH : READ_LOW), i, exits);
        }
        if ((rule->accesses & WRITES) != 0) {
            set_bit(bitmap + (high ? WRITE_HIGH : WRITE_LOW), i, exits);
        }
    }
}

uint32_t msr_bitmap_offset(uint32_t msr, bool write)
{
    bool high = msr >= HIGH_RANGE;
    uint32_t base = write ? (high ? WRITE_HIGH : WRITE_LOW) : (high ? READ_HIGH : READ_LOW);
    return (uint32_t)index_nospec(base + (high ? msr - HIGH_RANGE : msr) / 8, MSR_BITMAP_SIZE);
}

bool msr_guest_pass(uint32_t place, struct msr_pass *pass)
{
    for (size_t i = 0; i < sizeof(guest_passes) / sizeof(guest_passes[0]); i++) {
        const struct msr_rule *rule = &guest_passes[i];
        uint32_t accesses = rule->accesses == BOTH ? 2 : 1;
        if (place < rule->count * accesses) {
            pass->msr = rule->first + place / accesses;
            pass->write = rule->accesses == BOTH ? place % 2 != 0 : rule->accesses == WRITES;
            return true;
        }
        place -= rule->count * accesses;
    }
    return false;
}

void msr_bitmap_guest(uint8_t bitmap[MSR_BITMAP_SIZE])
{
    memset(bitmap, 0xff, MSR_BITMAP_SIZE);
    for (size_t i = 0; i < sizeof(guest_passes) / sizeof(guest_passes[0]); i++) {
        apply_rule(bitmap, &guest_passes[i], false);
    }
}

/*
 * What APIC-register virtualization and virtual-interrupt delivery do without an exit (30.5). The page has no current
 * count, and reserved registers must fault.
 */
static const struct msr_rule apicv_passes[] = {
    {0x802, 2, READS},  /* ID, version */
    {0x808, 1, BOTH},   /* TPR */
    {0x80a, 1, READS},  /* PPR */
    {0x80b, 1, WRITES}, /* EOI */
    {0x80d, 1, READS},  /* LDR */
    {0x80f, 1, READS},  /* SVR */
    {0x810, 24, READS}, /* ISR, TMR, IRR */
    {0x828, 1, READS},  /* ESR */
    {0x830, 1, READS},  /* ICR */
    {0x832, 7, READS},  /* LVT, initial count */
    {0x83e, 1, READS},  /* divide configuration */
    {0x83f, 1, WRITES}, /* self-IPI */
};

void msr_bitmap_apicv(uint8_t bitmap[MSR_BITMAP_SIZE])
{
    msr_bitmap_guest(bitmap);
    for (size_t i = 0; i < sizeof(apicv_passes) / sizeof(apicv_passes[0]); i++) {
        apply_rule(bitmap, &apicv_passes[i], false);
    }
}

void msr_bitmap_root(uint8_t bitmap[MSR_BITMAP_SIZE])
{
    memset(bitmap, 0, MSR_BITMAP_SIZE);
    for (size_t i = 0; i < sizeof(root_exits) / sizeof(root_exits[0]); i++) {
        apply_rule(bitmap, &root_exits[i], true);
    }
}

bool msr_apic_base_allowed(uint64_t now, uint64_t value, bool has_x2apic)
{
    return value == now || (has_x2apic && (now & APIC_BASE_ENABLE) != 0 && value == (now | APIC_BASE_X2APIC));
}
