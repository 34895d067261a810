/* SPDX-License-Identifier: MIT */
#include "vmm/root/root_ipi.h"

#define ICR_RESERVED 0xfff33000ull
#define ICR_MODE(icr) (((icr) >> 8) & 7u)
#define ICR_MODE_SMI 2u
#define ICR_MODE_INIT 5u
#define ICR_MODE_SIPI 6u
#define ICR_LOGICAL (1ull << 11)
#define ICR_ASSERT (1ull << 14)
#define ICR_LEVEL (1ull << 15)
#define ICR_SHORTHAND(icr) (((icr) >> 18) & 3u)
#define BROADCAST 0xffffffffu

enum {
    SHORTHAND_NONE,
    SHORTHAND_SELF,
    SHORTHAND_ALL,
    SHORTHAND_OTHERS,
};

enum ipi_kind root_ipi_decode(uint64_t icr)
{
    if ((icr & ICR_RESERVED) != 0) {
        return IPI_FAULT;
    }
    switch (ICR_MODE(icr)) {
    case ICR_MODE_INIT:
        return (icr & ICR_LEVEL) != 0 && (icr & ICR_ASSERT) == 0 ? IPI_NONE : IPI_INIT;
    case ICR_MODE_SIPI:
        return IPI_SIPI;
    case ICR_MODE_SMI:
        return IPI_NONE;
    default:
        return IPI_PASS;
    }
}

/* In x2APIC mode the logical ID follows from the APIC ID: cluster in the upper half, one bit of 16 in the lower. */
static bool logical_match(uint32_t destination, uint32_t id)
{
    return destination >> 16 == id >> 4 && (destination & (1u << (id & 15u))) != 0;
}

bool root_ipi_targets(uint64_t icr, uint32_t self, uint32_t id)
{
    uint32_t destination = (uint32_t)(icr >> 32);
    switch (ICR_SHORTHAND(icr)) {
    case SHORTHAND_SELF:
        return id == self;
    case SHORTHAND_ALL:
        return true;
    case SHORTHAND_OTHERS:
        return id != self;
    default:
        break;
    }
    if (destination == BROADCAST) {
        return true;
    }
    return (icr & ICR_LOGICAL) != 0 ? logical_match(destination, id) : destination == id;
}
