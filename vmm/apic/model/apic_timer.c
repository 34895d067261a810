/* SPDX-License-Identifier: MIT */
/* The timer of a local APIC (SDM vol. 3A, 11.5.4). */
#include "vmm/apic/model/apic_words.h"

#define TIMER_MODE_SHIFT 17u
#define DIVIDE_WRITABLE 0xbu

enum apic_timer_mode apic_timer_mode(const struct apic *a)
{
    uint32_t mode = apic_get(a, APIC_LVT_TIMER) >> TIMER_MODE_SHIFT & 3u;
    return mode == 2 ? APIC_TIMER_DEADLINE : mode == 1 ? APIC_TIMER_PERIODIC : APIC_TIMER_ONE_SHOT;
}

/* TSC ticks a count: the divide configuration's bits 3, 1 and 0 (11.5.4). */
uint64_t apic_timer_divisor(const struct apic *a)
{
    uint32_t d = apic_get(a, APIC_DIVIDE);
    uint32_t code = (d & 3u) | (d >> 1 & 4u);
    return 1ull << ((code + 1) & 7u);
}

void apic_timer_disarm(struct apic *a)
{
    a->counting = false;
    a->tsc_deadline = 0;
}

void apic_timer_start(struct apic *a, uint32_t count, uint64_t passed, struct apic_time now)
{
    a->counting = count != 0;
    a->expiry = now.clock + count * apic_timer_divisor(a) - passed;
}

static uint64_t period(const struct apic *a)
{
    return apic_get(a, APIC_INITIAL_COUNT) * apic_timer_divisor(a);
}

/* Every deadline is a time of the TSC as an unsigned number: one of 2^63 and more is far ahead, not past. */
uint64_t apic_timer_left(const struct apic *a, struct apic_time now)
{
    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE) {
        return a->tsc_deadline == 0 ? APIC_TIMER_NEVER : a->tsc_deadline > now.tsc ? a->tsc_deadline - now.tsc : 0;
    }
    if (!a->counting) {
        return APIC_TIMER_NEVER;
    }
    return (int64_t)(a->expiry - now.clock) > 0 ? a->expiry - now.clock : 0;
}

uint32_t apic_timer_count(const struct apic *a, struct apic_time now)
{
    enum apic_timer_mode mode = apic_timer_mode(a);
    if (mode == APIC_TIMER_DEADLINE || !a->counting) {
        return 0;
    }
    uint64_t left = apic_timer_left(a, now), divisor = apic_timer_divisor(a);
    if (left == 0 && mode == APIC_TIMER_PERIODIC && period(a) != 0) {
        left = period(a) - (now.clock - a->expiry) % period(a);
    }
    uint64_t count = (left + divisor - 1) / divisor, most = apic_get(a, APIC_INITIAL_COUNT);
    return (uint32_t)(count < most ? count : most);
}

void apic_timer_divide(struct apic *a, uint32_t configuration, struct apic_time now)
{
    uint64_t before = apic_timer_divisor(a);
    uint32_t count = apic_timer_count(a, now);
    apic_set(a, APIC_DIVIDE, configuration & DIVIDE_WRITABLE);
    if (apic_timer_divisor(a) != before && count != 0) {
        apic_timer_start(a, count, 0, now);
    }
}

bool apic_timer_expire(struct apic *a, struct apic_time now)
{
    if (apic_timer_left(a, now) != 0) {
        return false;
    }
    uint32_t lvt = apic_get(a, APIC_LVT_TIMER);
    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE) {
        a->tsc_deadline = 0;
    } else if (apic_timer_mode(a) == APIC_TIMER_PERIODIC && period(a) != 0) {
        a->expiry += ((now.clock - a->expiry) / period(a) + 1) * period(a);
    } else {
        a->counting = false;
    }
    if ((lvt & APIC_LVT_MASKED) == 0) {
        apic_accept(a, (uint8_t)lvt, false);
    }
    return true;
}

uint64_t apic_read_deadline(const struct apic *a)
{
    return apic_timer_mode(a) == APIC_TIMER_DEADLINE ? a->tsc_deadline : 0;
}

void apic_write_deadline(struct apic *a, uint64_t value, struct apic_time now)
{
    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE) {
        (void)apic_timer_expire(a, now); /* the deadline before may have come during the exit */
        a->tsc_deadline = value;
    }
}
