/* SPDX-License-Identifier: MIT */
/* Registers of a local APIC set from outside. */
#include "vmm/apic_words.h"

/* Bits that can be set by restoring; 0: the register is not restored. */
static uint32_t restorable(uint32_t offset)
{
    switch (offset) {
    case APIC_TPR:
        return 0xffu;
    case APIC_LDR:
    case APIC_INITIAL_COUNT:
    case APIC_ESR:
        return ~0u;
    case APIC_DFR:
        return 0xf0000000u;
    case APIC_SVR:
        return APIC_SVR_WRITABLE;
    case APIC_ICR:
        return APIC_ICR_LOW_WRITABLE;
    case APIC_ICR_HIGH:
        return ~0u;
    case APIC_DIVIDE:
        return 0xbu;
    default:
        if (offset >= APIC_ISR && offset < APIC_ESR) {
            return (offset & 0x70u) == 0 ? ~0xffffu : ~0u; /* vectors below 16 cannot be */
        }
        return apic_is_lvt(offset) ? apic_lvt_writable(offset) : 0;
    }
}

static void restore_register(struct apic *a, uint32_t offset, uint32_t value)
{
    uint32_t mask = restorable(offset);
    if (a->mode == APIC_X2APIC && (offset == APIC_LDR || offset == APIC_DFR)) {
        return; /* the identity gives the LDR, and there is no DFR */
    }
    if (mask != 0) {
        apic_set(a, offset, (value & mask) | (offset == APIC_DFR ? 0x0fffffffu : 0));
    }
}

static void restart_timer(struct apic *a, uint32_t count, uint64_t now)
{
    uint64_t initial = apic_get(a, APIC_INITIAL_COUNT);
    apic_timer_disarm(a);
    if (apic_timer_mode(a) != APIC_TIMER_DEADLINE && count != 0 && count <= initial) {
        a->timer_armed = true;
        a->timer_start = now - (initial - count) * apic_timer_divisor(a);
        a->expiry = a->timer_start + initial * apic_timer_divisor(a);
    }
}

void apic_restore(struct apic *a, const uint32_t *words, uint64_t now)
{
    for (uint32_t offset = 0; offset < 0x400; offset += 16) {
        restore_register(a, offset, words[offset / 4]);
    }
    restart_timer(a, words[APIC_CURRENT_COUNT / 4], now);
    apic_update_ppr(a);
}

void apic_poke(struct apic *a, uint32_t offset, uint64_t value, uint64_t now)
{
    if (offset == APIC_CURRENT_COUNT) {
        restart_timer(a, (uint32_t)value, now);
        return;
    }
    restore_register(a, offset, (uint32_t)value);
    if (offset == APIC_ICR) {
        restore_register(a, APIC_ICR_HIGH, (uint32_t)(value >> 32));
    } else if (offset == APIC_INITIAL_COUNT) {
        apic_timer_start(a, now);
    }
    apic_update_ppr(a);
}
