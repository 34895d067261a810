/* SPDX-License-Identifier: MIT */
/*
 * From what a VM exit left behind to the exit record (WHV_RUN_VP_EXIT_CONTEXT). Pure: no VMX instruction, no memory of
 * the guest; the caller fills a plain struct, of which it reads only what the exit reason's row in the table names.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/whv.h"

#define EXIT_INSTRUCTION_BYTES 16u

/* A segment register as the VMCS holds it; access rights in VMX format (SDM vol. 3C, 25.4.1). */
struct exit_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint32_t access_rights;
};

/* The VMCS at a VM exit. What EXIT_READ_COMMON and the reason's row do not name may hold anything. */
struct exit_snapshot {
    uint32_t reason;             /* basic exit reason: 16 bits, without the entry failure flag */
    uint32_t instruction_length; /* EXIT_READ_LENGTH */
    uint64_t qualification;
    uint64_t guest_physical;
    uint64_t guest_linear;
    uint32_t idt_vectoring_info; /* common; the event in flight if its valid bit (31) is set */
    uint32_t interruption_info;  /* EXIT_READ_INTERRUPTION */
    uint32_t interruption_error; /* EXIT_READ_INTERRUPTION, if the information's bit 11 is set */
    uint32_t interruptibility;   /* common, as the next ones */
    uint64_t rip, rflags, cr0, dr7;
    uint32_t entry_controls;
    uint32_t ss_access_rights;
    struct exit_segment cs;
    uint8_t cr8;                    /* 0 to 15 */
    struct exit_segment ds, es;     /* EXIT_READ_STRING_IO */
    const uint64_t *gpr;            /* 16 registers in run page order; RSP's slot is not read */
    uint8_t instruction_byte_count; /* EXIT_READ_BYTES: 0 to 16, 0 if they could not be fetched */
    uint8_t instruction_bytes[EXIT_INSTRUCTION_BYTES];
    struct {
        uint64_t rax, rcx, rdx, rbx;
    } cpuid_default; /* CPUID only: what the hypervisor would answer */
    struct {
        uint64_t tsc_aux, offset, tsc, reference;
    } rdtsc;            /* RDTSC and RDTSCP only: members of WHV_X64_RDTSC_CONTEXT */
    const uint8_t *xmm; /* VMCALL only: XMM0 to XMM5, 16 bytes each */
};

/* Groups of fields that an exit reason's record needs. */
enum exit_read {
    EXIT_READ_COMMON = 1u << 0, /* every record: the fields marked common above */
    EXIT_READ_LENGTH = 1u << 1,
    EXIT_READ_QUALIFICATION = 1u << 2,
    EXIT_READ_GUEST_PHYSICAL = 1u << 3,
    EXIT_READ_GUEST_LINEAR = 1u << 4,
    EXIT_READ_INTERRUPTION = 1u << 5,
    EXIT_READ_STRING_IO = 1u << 6, /* ds and es, if exit_wants_bytes says so */
    EXIT_READ_BYTES = 1u << 7,     /* the instruction at CS:RIP, if exit_wants_bytes says so */
};

/* Mask of enum exit_read for any basic exit reason. */
uint32_t exit_reads(uint32_t reason);

/*
 * Whether this exit's record carries instruction bytes: the fetch itself did not fault, no event was being delivered,
 * and for I/O it is a string instruction. Needs the groups before EXIT_READ_STRING_IO.
 */
bool exit_wants_bytes(const struct exit_snapshot *snapshot);

enum exit_verdict {
    EXIT_RECORD_DONE,
    EXIT_UNEXPECTED, /* no record exists for this reason: it shows UnsupportedFeature, Intercept, with the reason */
};

/*
 * Writes the whole record, every byte outside the reason's own context zero. The record may be in memory that the root
 * changes at the same time: nothing is decided by what is read back from it.
 */
enum exit_verdict exit_decode(const struct exit_snapshot *snapshot, WHV_RUN_VP_EXIT_CONTEXT *record);

/* The record of a run that was cancelled; needs the common group alone. */
void exit_record_canceled(const struct exit_snapshot *snapshot, WHV_RUN_VP_EXIT_CONTEXT *record);

/* The records of a local APIC: ApicEoi (`value`: the vector), SMI and INIT/SIPI traps (the ICR), write traps. */
void exit_record_apic_access(const struct exit_snapshot *snapshot, WHV_RUN_VP_EXIT_REASON reason, uint32_t type,
                             uint64_t value, WHV_RUN_VP_EXIT_CONTEXT *record);

/* Attributes of a WHV segment register: those of VMX without the unusable flag, which becomes "not present". */
uint16_t exit_segment_attributes(uint32_t access_rights);
