/* SPDX-License-Identifier: MIT */
/* What the 8259 pair's INTR does at a processor: its LINT0 pin by the local APIC's registers (SDM vol. 3A, 11.5.1). */
#pragma once

#include <stdint.h>

enum lint0_way {
    LINT0_MASKED, /* INTR is not seen */
    LINT0_EXTINT, /* the processor asks the 8259 pair for the vector as long as INTR is up: virtual wire, or no APIC */
    LINT0_FIXED,  /* each rise of INTR is an interrupt of the LVT entry's own vector */
    LINT0_NMI,    /* each rise is an NMI */
};

/* The values of IA32_APIC_BASE, the spurious interrupt vector register, and LVT LINT0. */
enum lint0_way lint0_way(uint64_t apic_base, uint32_t spurious, uint32_t lvt);
