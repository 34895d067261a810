/* SPDX-License-Identifier: MIT */
/*
 * The Enlightened VMCS (TLFS 6.0b, chapter 16.11, HV_VMX_ENLIGHTENED_VMCS): under a hypervisor that offers it, a VMCS
 * is an ordinary page, VMREAD and VMWRITE are accesses of that page, and VMPTRLD is a store into a page that both sides
 * know. Under KVM each of these is an exit otherwise (docs/bench.md). Only in the build for that, ENLIGHTENED_VMCS=1.
 */
#pragma once

#include <stdint.h>

#include "arch/vmx/vmcs_fields.h"

#define EVMCS_REVISION 1u
#define EVMCS_CLEAN_FIELDS 824u /* 32 bits: the hypervisor need not read again what is clean */
#define EVMCS_NOWHERE 0u        /* the revision's place: no field's */

#define EVMCS_PLACE(field, at)                                                                                         \
    case field##_ENCODING:                                                                                             \
        return at

static inline __attribute__((always_inline)) uint32_t evmcs_place16(uint32_t encoding)
{
    switch (encoding) {
        EVMCS_PLACE(VMCS_VPID, 632);
        EVMCS_PLACE(VMCS_GUEST_ES_SELECTOR, 128);
        EVMCS_PLACE(VMCS_GUEST_CS_SELECTOR, 130);
        EVMCS_PLACE(VMCS_GUEST_SS_SELECTOR, 132);
        EVMCS_PLACE(VMCS_GUEST_DS_SELECTOR, 134);
        EVMCS_PLACE(VMCS_GUEST_FS_SELECTOR, 136);
        EVMCS_PLACE(VMCS_GUEST_GS_SELECTOR, 138);
        EVMCS_PLACE(VMCS_GUEST_LDTR_SELECTOR, 140);
        EVMCS_PLACE(VMCS_GUEST_TR_SELECTOR, 142);
        EVMCS_PLACE(VMCS_HOST_ES_SELECTOR, 8);
        EVMCS_PLACE(VMCS_HOST_CS_SELECTOR, 10);
        EVMCS_PLACE(VMCS_HOST_SS_SELECTOR, 12);
        EVMCS_PLACE(VMCS_HOST_DS_SELECTOR, 14);
        EVMCS_PLACE(VMCS_HOST_FS_SELECTOR, 16);
        EVMCS_PLACE(VMCS_HOST_GS_SELECTOR, 18);
        EVMCS_PLACE(VMCS_HOST_TR_SELECTOR, 20);
    default:
        return EVMCS_NOWHERE;
    }
}

static inline __attribute__((always_inline)) uint32_t evmcs_place64(uint32_t encoding)
{
    switch (encoding) {
        EVMCS_PLACE(VMCS_IO_BITMAP_A, 104);
        EVMCS_PLACE(VMCS_IO_BITMAP_B, 112);
        EVMCS_PLACE(VMCS_MSR_BITMAP, 120);
        EVMCS_PLACE(VMCS_TSC_OFFSET, 400);
        EVMCS_PLACE(VMCS_VIRTUAL_APIC_PAGE, 408);
        EVMCS_PLACE(VMCS_EPT_POINTER, 624);
        EVMCS_PLACE(VMCS_GUEST_PHYSICAL_ADDRESS, 680);
        EVMCS_PLACE(VMCS_LINK_POINTER, 416);
        EVMCS_PLACE(VMCS_GUEST_DEBUGCTL, 424);
        EVMCS_PLACE(VMCS_GUEST_PAT, 432);
        EVMCS_PLACE(VMCS_GUEST_EFER, 440);
        EVMCS_PLACE(VMCS_GUEST_PDPTE0, 448);
        EVMCS_PLACE(VMCS_GUEST_PDPTE1, 456);
        EVMCS_PLACE(VMCS_GUEST_PDPTE2, 464);
        EVMCS_PLACE(VMCS_GUEST_PDPTE3, 472);
        EVMCS_PLACE(VMCS_HOST_PAT, 24);
        EVMCS_PLACE(VMCS_HOST_EFER, 32);
    default:
        return EVMCS_NOWHERE;
    }
}

static inline __attribute__((always_inline)) uint32_t evmcs_place32(uint32_t encoding)
{
    switch (encoding) {
        EVMCS_PLACE(VMCS_PIN_CONTROLS, 92);
        EVMCS_PLACE(VMCS_CPU_CONTROLS, 788);
        EVMCS_PLACE(VMCS_EXCEPTION_BITMAP, 792);
        EVMCS_PLACE(VMCS_PAGE_FAULT_MASK, 376);
        EVMCS_PLACE(VMCS_PAGE_FAULT_MATCH, 380);
        EVMCS_PLACE(VMCS_CR3_TARGET_COUNT, 384);
        EVMCS_PLACE(VMCS_EXIT_CONTROLS, 96);
        EVMCS_PLACE(VMCS_EXIT_MSR_STORE_COUNT, 388);
        EVMCS_PLACE(VMCS_EXIT_MSR_LOAD_COUNT, 392);
        EVMCS_PLACE(VMCS_ENTRY_CONTROLS, 796);
        EVMCS_PLACE(VMCS_ENTRY_MSR_LOAD_COUNT, 396);
        EVMCS_PLACE(VMCS_ENTRY_INTERRUPTION_INFO, 800);
        EVMCS_PLACE(VMCS_ENTRY_EXCEPTION_ERROR, 804);
        EVMCS_PLACE(VMCS_ENTRY_INSTRUCTION_LENGTH, 808);
        EVMCS_PLACE(VMCS_TPR_THRESHOLD, 812);
        EVMCS_PLACE(VMCS_CPU_CONTROLS2, 100);
        EVMCS_PLACE(VMCS_INSTRUCTION_ERROR, 688);
        EVMCS_PLACE(VMCS_EXIT_REASON, 692);
        EVMCS_PLACE(VMCS_EXIT_INTERRUPTION_INFO, 696);
        EVMCS_PLACE(VMCS_EXIT_INTERRUPTION_ERROR, 700);
        EVMCS_PLACE(VMCS_IDT_VECTORING_INFO, 704);
        EVMCS_PLACE(VMCS_IDT_VECTORING_ERROR, 708);
        EVMCS_PLACE(VMCS_EXIT_INSTRUCTION_LENGTH, 712);
        EVMCS_PLACE(VMCS_EXIT_INSTRUCTION_INFO, 716);
        EVMCS_PLACE(VMCS_GUEST_ES_LIMIT, 144);
        EVMCS_PLACE(VMCS_GUEST_CS_LIMIT, 148);
        EVMCS_PLACE(VMCS_GUEST_SS_LIMIT, 152);
        EVMCS_PLACE(VMCS_GUEST_DS_LIMIT, 156);
        EVMCS_PLACE(VMCS_GUEST_FS_LIMIT, 160);
        EVMCS_PLACE(VMCS_GUEST_GS_LIMIT, 164);
        EVMCS_PLACE(VMCS_GUEST_LDTR_LIMIT, 168);
        EVMCS_PLACE(VMCS_GUEST_TR_LIMIT, 172);
        EVMCS_PLACE(VMCS_GUEST_GDTR_LIMIT, 176);
        EVMCS_PLACE(VMCS_GUEST_IDTR_LIMIT, 180);
        EVMCS_PLACE(VMCS_GUEST_ES_ACCESS, 184);
        EVMCS_PLACE(VMCS_GUEST_CS_ACCESS, 188);
        EVMCS_PLACE(VMCS_GUEST_SS_ACCESS, 192);
        EVMCS_PLACE(VMCS_GUEST_DS_ACCESS, 196);
        EVMCS_PLACE(VMCS_GUEST_FS_ACCESS, 200);
        EVMCS_PLACE(VMCS_GUEST_GS_ACCESS, 204);
        EVMCS_PLACE(VMCS_GUEST_LDTR_ACCESS, 208);
        EVMCS_PLACE(VMCS_GUEST_TR_ACCESS, 212);
        EVMCS_PLACE(VMCS_GUEST_INTERRUPTIBILITY, 784);
        EVMCS_PLACE(VMCS_GUEST_ACTIVITY, 504);
        EVMCS_PLACE(VMCS_GUEST_SYSENTER_CS, 508);
        EVMCS_PLACE(VMCS_HOST_SYSENTER_CS, 88);
    default:
        return EVMCS_NOWHERE;
    }
}

static inline __attribute__((always_inline)) uint32_t evmcs_placenw(uint32_t encoding)
{
    switch (encoding) {
        EVMCS_PLACE(VMCS_CR0_MASK, 512);
        EVMCS_PLACE(VMCS_CR4_MASK, 520);
        EVMCS_PLACE(VMCS_CR0_SHADOW, 528);
        EVMCS_PLACE(VMCS_CR4_SHADOW, 536);
        EVMCS_PLACE(VMCS_EXIT_QUALIFICATION, 720);
        EVMCS_PLACE(VMCS_GUEST_LINEAR_ADDRESS, 760);
        EVMCS_PLACE(VMCS_GUEST_CR0, 544);
        EVMCS_PLACE(VMCS_GUEST_CR3, 552);
        EVMCS_PLACE(VMCS_GUEST_CR4, 560);
        EVMCS_PLACE(VMCS_GUEST_ES_BASE, 216);
        EVMCS_PLACE(VMCS_GUEST_CS_BASE, 224);
        EVMCS_PLACE(VMCS_GUEST_SS_BASE, 232);
        EVMCS_PLACE(VMCS_GUEST_DS_BASE, 240);
        EVMCS_PLACE(VMCS_GUEST_FS_BASE, 248);
        EVMCS_PLACE(VMCS_GUEST_GS_BASE, 256);
        EVMCS_PLACE(VMCS_GUEST_LDTR_BASE, 264);
        EVMCS_PLACE(VMCS_GUEST_TR_BASE, 272);
        EVMCS_PLACE(VMCS_GUEST_GDTR_BASE, 280);
        EVMCS_PLACE(VMCS_GUEST_IDTR_BASE, 288);
        EVMCS_PLACE(VMCS_GUEST_DR7, 568);
        EVMCS_PLACE(VMCS_GUEST_RSP, 768);
        EVMCS_PLACE(VMCS_GUEST_RIP, 816);
        EVMCS_PLACE(VMCS_GUEST_RFLAGS, 776);
        EVMCS_PLACE(VMCS_GUEST_PENDING_DEBUG, 480);
        EVMCS_PLACE(VMCS_GUEST_SYSENTER_ESP, 488);
        EVMCS_PLACE(VMCS_GUEST_SYSENTER_EIP, 496);
        EVMCS_PLACE(VMCS_HOST_CR0, 40);
        EVMCS_PLACE(VMCS_HOST_CR3, 48);
        EVMCS_PLACE(VMCS_HOST_CR4, 56);
        EVMCS_PLACE(VMCS_HOST_FS_BASE, 576);
        EVMCS_PLACE(VMCS_HOST_GS_BASE, 584);
        EVMCS_PLACE(VMCS_HOST_TR_BASE, 592);
        EVMCS_PLACE(VMCS_HOST_GDTR_BASE, 600);
        EVMCS_PLACE(VMCS_HOST_IDTR_BASE, 608);
        EVMCS_PLACE(VMCS_HOST_SYSENTER_ESP, 64);
        EVMCS_PLACE(VMCS_HOST_SYSENTER_EIP, 72);
        EVMCS_PLACE(VMCS_HOST_RSP, 616);
        EVMCS_PLACE(VMCS_HOST_RIP, 80);
    default:
        return EVMCS_NOWHERE;
    }
}

/* Where a field is in the page; EVMCS_NOWHERE: it has no such field. Bits 14:13 are the width (24.11.2). */
static inline __attribute__((always_inline)) uint32_t evmcs_place(uint32_t encoding)
{
    switch (encoding >> 13 & 3u) {
    case 0:
        return evmcs_place16(encoding);
    case 1:
        return evmcs_place64(encoding);
    case 2:
        return evmcs_place32(encoding);
    default:
        return evmcs_placenw(encoding);
    }
}
