/* SPDX-License-Identifier: MIT */
/* What the parts of the APIC model share: the words of its page, and the timer. */
#pragma once

#include "arch/cpu/nospec.h"
#include "vmm/apic/model/apic_model.h"

#define APIC_SVR_WRITABLE 0x1ffu
#define APIC_ICR_LOW_WRITABLE 0xccfffu

/* Bits of ESR (11.5.3). */
#define ESR_SEND_ILLEGAL (1u << 5)
#define ESR_RECEIVE_ILLEGAL (1u << 6)
#define ESR_REGISTER_ILLEGAL (1u << 7)
#define APIC_ERRORS (ESR_SEND_ILLEGAL | ESR_RECEIVE_ILLEGAL | ESR_REGISTER_ILLEGAL)

#define APIC_PAGE_WORDS 1024u

enum apic_timer_mode {
    APIC_TIMER_ONE_SHOT,
    APIC_TIMER_PERIODIC,
    APIC_TIMER_DEADLINE,
};

static inline uint32_t apic_get(const struct apic *a, uint32_t offset)
{
    return __atomic_load_n(&a->page[index_nospec(offset / 4, APIC_PAGE_WORDS)], __ATOMIC_RELAXED);
}

static inline void apic_set(struct apic *a, uint32_t offset, uint32_t value)
{
    __atomic_store_n(&a->page[index_nospec(offset / 4, APIC_PAGE_WORDS)], value, __ATOMIC_RELAXED);
}

static inline bool apic_is_lvt(uint32_t offset)
{
    return offset >= APIC_LVT_TIMER && offset <= APIC_LVT_ERROR;
}

/* Vectors below 16 are illegal in every message and LVT entry (11.5.2). */
static inline bool apic_is_legal(uint8_t vector)
{
    return vector >= 16;
}

/* Bits of a LVT entry that software can write. */
uint32_t apic_lvt_writable(uint32_t offset);

/* Keeps the PPR what TPR and ISR make it. */
void apic_update_ppr(struct apic *a);

enum apic_timer_mode apic_timer_mode(const struct apic *a);
/* TSC ticks of one count. */
uint64_t apic_timer_divisor(const struct apic *a);
/* Stops in every mode. */
void apic_timer_disarm(struct apic *a);
/* Counts down from `count`, the first of which has lasted `passed` ticks; 0 stops. */
void apic_timer_start(struct apic *a, uint32_t count, uint64_t passed, struct apic_time now);
uint32_t apic_timer_count(const struct apic *a, struct apic_time now);
/* The count stays what it is, and falls at the new rate from now on. */
void apic_timer_divide(struct apic *a, uint32_t configuration, struct apic_time now);
