/* SPDX-License-Identifier: MIT */
/* The timer of a local APIC (SDM vol. 3A, 11.5.4). */
#include "vmm/apic_words.h"

#define TIMER_MODE_SHIFT 17u

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
    a->timer_armed = false;
    a->tsc_deadline = 0;
}

void apic_timer_start(struct apic *a, uint64_t now)
{
    uint64_t count = apic_get(a, APIC_INITIAL_COUNT);
    a->timer_start = now;
    a->timer_armed = count != 0;
    a->expiry = now + count * apic_timer_divisor(a);
}

uint32_t apic_timer_count(const struct apic *a, uint64_t now)
{
    uint64_t count = apic_get(a, APIC_INITIAL_COUNT);
    if (apic_timer_mode(a) == APIC_TIMER_DEADLINE || !a->timer_armed || count == 0) {
        return 0;
    }
    uint64_t passed = (now - a->timer_start) / apic_timer_divisor(a);
    if (apic_timer_mode(a) == APIC_TIMER_PERIODIC) {
        return (uint32_t)(count - passed % count);
    }
    return passed < count ? (uint32_t)(count - passed) : 0;
}

bool apic_timer_expire(struct apic *a, uint64_t now, uint8_t *vector)
{
    if (!a->timer_armed || (int64_t)(now - a->expiry) < 0) {
        return false;
    }
    uint32_t lvt = apic_get(a, APIC_LVT_TIMER);
    uint64_t period = apic_get(a, APIC_INITIAL_COUNT) * apic_timer_divisor(a);
    if (apic_timer_mode(a) == APIC_TIMER_PERIODIC && period != 0) {
        a->timer_start += (now - a->timer_start) / period * period;
        a->expiry = a->timer_start + period;
    } else {
        apic_timer_disarm(a);
    }
    *vector = (uint8_t)lvt;
    return (lvt & APIC_LVT_MASKED) == 0;
}

void apic_write_deadline(struct apic *a, uint64_t value, uint64_t now)
{
    (void)now;
    if (apic_timer_mode(a) != APIC_TIMER_DEADLINE) {
        return;
    }
    a->tsc_deadline = value;
    a->expiry = value;
    a->timer_armed = value != 0;
}
