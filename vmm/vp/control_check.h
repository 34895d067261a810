/* SPDX-License-Identifier: MIT */
/*
 * A write to CR0 or CR4: whether it faults, and what it leads to (SDM vol. 2B, MOV to control registers; vol. 3A, 2.5,
 * 4.4.1, 10.8.5). Pure. All values are those that the VP reads.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct control_state {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t cr4_allowed;  /* bits that the VP may set; the VMCS's fixed bits are not its concern */
    uint32_t cs_access;    /* VMCS access rights: L is bit 13 */
    uint32_t tr_access;    /* type in bits 3:0 */
    uint8_t physical_bits; /* MAXPHYADDR */
};

/* What the registers become. EFER changes by LMA alone. */
struct control_next {
    uint64_t cr0, cr4, efer;
    bool loads_pdptes; /* from CR3, and control_pdpte_valid has to pass each */
};

/* Whether the VP is in 64-bit mode, where a MOV to a control register takes 64 bits. */
bool control_is_64_bit(const struct control_state *s);

/* MOV to CR0 and CR4; outside 64-bit mode the upper half of `value` does not count. False: #GP(0), nothing changes. */
bool control_check_cr0(const struct control_state *s, uint64_t value, struct control_next *next);
bool control_check_cr4(const struct control_state *s, uint64_t value, struct control_next *next);

/* CR0 after LMSW (PE, MP, EM, TS; PE is not cleared) and CLTS, which cannot fault once they exit. */
uint64_t control_lmsw(uint64_t cr0, uint16_t source);
uint64_t control_clts(uint64_t cr0);

/* A PDPTE of PAE paging that is not present, or has no reserved bit set (4.4.1). */
bool control_pdpte_valid(uint64_t pdpte, uint8_t physical_bits);
