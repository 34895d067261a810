/* SPDX-License-Identifier: MIT */
/* Which MSR accesses of root and guests go to the processor without an exit: the MSR bitmaps (SDM vol. 3C, 25.6.9). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MSR_BITMAP_SIZE 4096u

/* All of a guest's accesses exit, except those that the list in msr_policy.c lets through. */
void msr_bitmap_guest(uint8_t bitmap[MSR_BITMAP_SIZE]);

/* The same for guests whose x2APIC the processor virtualizes: all reads of it but the timer's count, TPR, EOI,
 * self-IPI. */
void msr_bitmap_apicv(uint8_t bitmap[MSR_BITMAP_SIZE]);

/* One access that a guest's bitmap lets through, by its place in the list; false: there are not so many. */
struct msr_pass {
    uint32_t msr;
    bool write;
};
bool msr_guest_pass(uint32_t place, struct msr_pass *pass);

/* Byte of a bitmap that holds the bit msr % 8 of an MSR in one of the bitmap's two ranges. */
uint32_t msr_bitmap_offset(uint32_t msr, bool write);

/*
 * The root's accesses to MSRs of the bitmap's two ranges pass, except those that the list in msr_policy.c keeps back.
 * All others exit, as they always do.
 */
void msr_bitmap_root(uint8_t bitmap[MSR_BITMAP_SIZE]);

/*
 * Pure: whether the root may write `value` to IA32_APIC_BASE, which holds `now`. It may change to x2APIC mode, and
 * write what is there. A moved APIC page could cover the hypervisor's memory; a disabled APIC could not be kicked.
 */
bool msr_apic_base_allowed(uint64_t now, uint64_t value, bool has_x2apic);
