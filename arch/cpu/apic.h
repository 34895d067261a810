/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, as far as the hypervisor needs it: who am I, and inter-processor interrupts. It belongs to the root
 * partition, which may be in the middle of any register sequence; every call here leaves it as it was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Physical address of the xAPIC registers; 0: the local APIC is disabled. */
uint64_t apic_page(void);

/*
 * Boot CPU: takes the xAPIC registers, mapped at `page` in x2APIC mode too, since the root may go back to xAPIC mode.
 * Turns x2APIC mode on if allowed and present; the firmware's stays on. Returns whether it is on.
 */
bool apic_init_bsp(volatile void *page, bool allow_x2apic);

/* Brings another CPU's local APIC to the mode that the boot CPU chose. */
void apic_init_ap(void);

/* The APIC can be used (apic_init_bsp has run). */
bool apic_ready(void);

/* The calling CPU's local APIC is in x2APIC mode now. */
bool apic_is_x2apic(void);

/* APIC ID of the calling CPU, from CPUID: needs no APIC access and does not depend on its mode. */
uint32_t apic_id(void);

/* In xAPIC mode only IDs below 255 can be reached; others are ignored, as is everything while the APIC is disabled. */
void apic_send_init(uint32_t id);
void apic_send_startup(uint32_t id, uint8_t vector); /* vector: page number of the start address, below 1 MiB */
void apic_send_nmi(uint32_t id);
void apic_send_nmi_others(void); /* to all CPUs of the machine but this one */
