/* SPDX-License-Identifier: MIT */
/* What the parts of the APIC model share: the words of its page, and the timer. */
#pragma once

#include "vmm/apic_model.h"

#define APIC_SVR_WRITABLE 0x1ffu
#define APIC_ICR_LOW_WRITABLE 0xccfffu

enum apic_timer_mode {
    APIC_TIMER_ONE_SHOT,
    APIC_TIMER_PERIODIC,
    APIC_TIMER_DEADLINE,
};

static inline uint32_t apic_get(const struct apic *a, uint32_t offset)
{
    return __atomic_load_n(&a->page[offset / 4], __ATOMIC_RELAXED);
}

static inline void apic_set(struct apic *a, uint32_t offset, uint32_t value)
{
    __atomic_store_n(&a->page[offset / 4], value, __ATOMIC_RELAXED);
}

static inline bool apic_is_lvt(uint32_t offset)
{
    return offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR;
}

/* Bits of a LVT entry that software can write. */
uint32_t apic_lvt_writable(uint32_t offset);

/* Keeps the PPR what TPR and ISR make it. */
void apic_update_ppr(struct apic *a);

enum apic_timer_mode apic_timer_mode(const struct apic *a);
/* TSC ticks of one count. */
uint64_t apic_timer_divisor(const struct apic *a);
void apic_timer_disarm(struct apic *a);
/* Starts counting from the initial count. */
void apic_timer_start(struct apic *a, uint64_t now);
uint32_t apic_timer_count(const struct apic *a, uint64_t now);
