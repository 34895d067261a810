/* SPDX-License-Identifier: MIT */
/* Registers of a local APIC set from outside. */
#include "vmm/apic/model/apic_words.h"

/* Words of the block that the hardware reserves. */
#define BLOCK_PASSED 0x410u
#define BLOCK_DEADLINE 0x420u
#define BLOCK_DEADLINE_HIGH 0x430u
#define BLOCK_ERRORS 0x440u

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
    if (a->mode == APIC_X2APIC && offset == APIC_LDR) {
        return; /* the identity gives it */
    }
    if (mask != 0) {
        apic_set(a, offset, (value & mask) | (offset == APIC_DFR ? 0x0fffffffu : 0));
    }
}

/* The registers that say what the timer does. */
static bool same_timer(const struct apic *a, const uint32_t *words)
{
    const uint32_t mode = 3u << 17;
    return apic_get(a, APIC_INITIAL_COUNT) == words[APIC_INITIAL_COUNT / 4] &&
           apic_get(a, APIC_DIVIDE) == words[APIC_DIVIDE / 4] &&
           ((apic_get(a, APIC_LVT_TIMER) ^ words[APIC_LVT_TIMER / 4]) & mode) == 0;
}

static void restart_timer(struct apic *a, uint32_t count, uint64_t passed, struct apic_time now)
{
    uint32_t most = apic_get(a, APIC_INITIAL_COUNT);
    passed &= apic_timer_divisor(a) - 1;
    apic_timer_start(a, count < most ? count : most, passed, now);
}

void apic_save(const struct apic *a, uint32_t *words, struct apic_time now)
{
    for (uint32_t i = 0; i < APIC_BLOCK_WORDS; i++) {
        words[i] = i < APIC_BLOCK_FLAGS / 4 ? apic_get(a, i * 4) : 0;
    }
    uint32_t count = apic_timer_count(a, now);
    uint64_t left = count != 0 ? apic_timer_left(a, now) : 0;
    words[APIC_CURRENT_COUNT / 4] = count;
    (void)apic_peek(a, APIC_PPR, now, &words[APIC_PPR / 4]);
    words[APIC_BLOCK_FLAGS / 4] = APIC_BLOCK_MORE;
    words[BLOCK_PASSED / 4] = (uint32_t)(count * apic_timer_divisor(a) - left);
    words[BLOCK_DEADLINE / 4] = (uint32_t)a->tsc_deadline;
    words[BLOCK_DEADLINE_HIGH / 4] = (uint32_t)(a->tsc_deadline >> 32);
    words[BLOCK_ERRORS / 4] = a->pending_errors;
}

void apic_restore(struct apic *a, const uint32_t *words, uint32_t count, struct apic_time now)
{
    bool more = count > BLOCK_ERRORS / 4 && (words[APIC_BLOCK_FLAGS / 4] & APIC_BLOCK_MORE) != 0;
    bool same = same_timer(a, words);
    for (uint32_t offset = 0; offset < 0x400; offset += 16) {
        restore_register(a, offset, words[offset / 4]);
    }
    uint32_t current = words[APIC_CURRENT_COUNT / 4];
    if (more) {
        restart_timer(a, current, words[BLOCK_PASSED / 4], now);
        a->tsc_deadline = words[BLOCK_DEADLINE / 4] | (uint64_t)words[BLOCK_DEADLINE_HIGH / 4] << 32;
        a->pending_errors = words[BLOCK_ERRORS / 4] & APIC_ERRORS;
    } else if (current != 0 || !same) {
        restart_timer(a, current != 0 ? current : ~0u, 0, now);
    }
    apic_update_ppr(a);
}

void apic_poke(struct apic *a, uint32_t offset, uint64_t value, struct apic_time now)
{
    if (offset == APIC_CURRENT_COUNT) {
        restart_timer(a, (uint32_t)value, 0, now);
        return;
    }
    if (offset == APIC_DIVIDE) {
        apic_timer_divide(a, (uint32_t)value, now);
        return;
    }
    restore_register(a, offset, (uint32_t)value);
    if (offset == APIC_ICR) {
        restore_register(a, APIC_ICR_HIGH, (uint32_t)(value >> 32));
    } else if (offset == APIC_INITIAL_COUNT) {
        restart_timer(a, (uint32_t)value, 0, now);
    }
    apic_update_ppr(a);
}
