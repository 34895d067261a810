/* SPDX-License-Identifier: MIT */
/* Whom an interprocessor interrupt reaches (SDM vol. 3A, 11.6). */
#include "vmm/apic/model/apic_model.h"

struct apic_ipi apic_decode_icr(uint64_t icr, enum apic_mode mode)
{
    uint32_t low = (uint32_t)icr;
    (void)mode;
    return (struct apic_ipi){
        .delivery = (enum apic_delivery)(low >> 8 & 7u),
        .vector = (uint8_t)low,
        .logical = (low >> 11 & 1u) != 0,
        .level_assert = (low >> 14 & 1u) != 0,
        .level_triggered = (low >> 15 & 1u) != 0,
        .shorthand = (uint8_t)(low >> 18 & 3u),
        .destination = (uint32_t)(icr >> 32),
    };
}

/* Logical destinations of xAPIC mode: flat or clusters, as the target's DFR says (11.6.2.2). */
static bool matches_xapic_logical(const struct apic_address *t, uint32_t destination)
{
    uint32_t ldr = t->ldr >> 24;
    if (destination > 0xff) {
        return false; /* a destination of x2APIC mode */
    }
    if (destination == 0xff) {
        return true;
    }
    if (t->dfr >> 28 == 0xf) {
        return (ldr & destination) != 0;
    }
    return t->dfr >> 28 == 0 && ldr >> 4 == destination >> 4 && (ldr & destination & 15u) != 0;
}

bool apic_matches(const struct apic_address *t, uint32_t destination, bool logical, enum apic_mode sender)
{
    bool wide = sender == APIC_X2APIC;
    if (t->mode == APIC_DISABLED) {
        return false;
    }
    if (destination == (wide ? 0xffffffffu : 0xffu)) {
        return true;
    }
    if (!logical) {
        return destination == t->id;
    }
    if (t->mode == APIC_X2APIC) {
        return t->ldr >> 16 == destination >> 16 && (t->ldr & destination & 0xffffu) != 0;
    }
    return matches_xapic_logical(t, destination);
}
