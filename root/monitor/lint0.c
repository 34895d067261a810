/* SPDX-License-Identifier: MIT */
#include "root/monitor/lint0.h"

#define APIC_BASE_ENABLE (1ull << 11)
#define SVR_ENABLE (1u << 8)
#define LVT_MASKED (1u << 16)
#define LVT_DELIVERY_SHIFT 8u
#define FIRST_VECTOR 16u /* the APIC refuses those below (11.5.2) */

enum lvt_delivery { LVT_FIXED = 0, LVT_NMI = 4, LVT_EXTINT = 7 };

enum lint0_way lint0_way(uint64_t apic_base, uint32_t spurious, uint32_t lvt)
{
    if ((apic_base & APIC_BASE_ENABLE) == 0) {
        return LINT0_EXTINT; /* the pin is INTR again (11.4.3) */
    }
    if ((spurious & SVR_ENABLE) == 0 || (lvt & LVT_MASKED) != 0) {
        return LINT0_MASKED; /* disabled by software, all entries are masked (11.4.7.2) */
    }
    switch (lvt >> LVT_DELIVERY_SHIFT & 7u) {
    case LVT_EXTINT:
        return LINT0_EXTINT;
    case LVT_NMI:
        return LINT0_NMI;
    case LVT_FIXED:
        return (lvt & 0xffu) >= FIRST_VECTOR ? LINT0_FIXED : LINT0_MASKED;
    default:
        return LINT0_MASKED;
    }
}
