/* SPDX-License-Identifier: MIT */
/* Interrupts from one VP, or from the root, to the local APICs of a partition. */
#include "abi/whv.h"
#include "kernel/core/kick.h"
#include "vmm/apic/apic.h"
#include "vmm/partition/partition.h"

#define BROADCAST_XAPIC 0xffu

static struct vp *find_vp(const struct partition *p, uint32_t index)
{
    struct vp *vp = partition_vp(p, index);
    return vp != NULL && __atomic_load_n(&vp->owner, __ATOMIC_ACQUIRE) != VP_OWNER_ABSENT ? vp : NULL;
}

/*
 * The request is stored. The mark first, then who owns the VP: an owner takes the VP first and then looks at the mark.
 * Who finds the VP owned kicks, since the owner's look before an entry may be over.
 */
static void wake(struct vp *target)
{
    vp_pend(target, PENDING_APIC);
    uint32_t owner = __atomic_load_n(&target->owner, __ATOMIC_SEQ_CST);
    if (owner != VP_OWNER_NONE && owner != VP_OWNER_ABSENT && owner - 1 != this_cpu()->index) {
        kick_cpu(cpus[owner - 1]);
    }
}

static void post_vector(struct vp *target, uint8_t vector, bool level)
{
    uint32_t bit = 1u << (vector % 32u);
    if (level) {
        (void)__atomic_fetch_or(&target->apic_levels[vector / 32u], bit, __ATOMIC_RELAXED);
    } else {
        (void)__atomic_fetch_and(&target->apic_levels[vector / 32u], ~bit, __ATOMIC_RELAXED);
    }
    (void)__atomic_fetch_or(&target->apic_requests[vector / 32u], bit, __ATOMIC_SEQ_CST);
}

static void post(struct vp *target, const struct apic_ipi *ipi)
{
    uint32_t signal = 0;
    switch (ipi->delivery) {
    case APIC_FIXED:
    case APIC_LOWEST:
        post_vector(target, ipi->vector, ipi->level_triggered);
        break;
    case APIC_NMI:
        signal = APIC_SIGNAL_NMI;
        break;
    case APIC_INIT:
        signal = APIC_SIGNAL_INIT;
        break;
    case APIC_SIPI:
        __atomic_store_n(&target->apic_sipi, ipi->vector, __ATOMIC_RELAXED);
        signal = APIC_SIGNAL_SIPI;
        break;
    default:
        return; /* SMI, ExtINT and the reserved modes reach nobody */
    }
    if (signal != 0) {
        (void)__atomic_fetch_or(&target->apic_signals, signal, __ATOMIC_SEQ_CST);
    }
    wake(target);
}

static bool is_target(const struct vp *target, const struct vp *from, const struct apic_ipi *ipi, enum apic_mode mode)
{
    struct apic_address address = {
        .mode = __atomic_load_n(&target->apic_address.mode, __ATOMIC_RELAXED),
        .id = __atomic_load_n(&target->apic_address.id, __ATOMIC_RELAXED),
        .ldr = __atomic_load_n(&target->apic_address.ldr, __ATOMIC_RELAXED),
        .dfr = __atomic_load_n(&target->apic_address.dfr, __ATOMIC_RELAXED),
    };
    switch (ipi->shorthand) {
    case 1:
        return target == from;
    case 2:
        return address.mode != APIC_DISABLED;
    case 3:
        return address.mode != APIC_DISABLED && target != from;
    default:
        return apic_matches(&address, ipi->destination, ipi->logical, mode);
    }
}

/* Lowest priority goes to the first VP that matches: a choice the SDM leaves to the machine (vol. 3A, 11.6.2.4). */
void apic_send(struct partition *p, struct vp *from, const struct apic_ipi *ipi, enum apic_mode mode)
{
    for (uint32_t i = 0; i < p->processor_count; i++) {
        struct vp *target = find_vp(p, i);
        if (target == NULL || !is_target(target, from, ipi, mode)) {
            continue;
        }
        post(target, ipi);
        if (ipi->delivery == APIC_LOWEST) {
            return;
        }
    }
}

static void request_lint1(struct partition *p, const struct apic_ipi *ipi, enum apic_mode mode)
{
    for (uint32_t i = 0; i < p->processor_count; i++) {
        struct vp *target = find_vp(p, i);
        if (target != NULL && is_target(target, NULL, ipi, mode)) {
            (void)__atomic_fetch_or(&target->apic_signals, APIC_SIGNAL_LINT1, __ATOMIC_SEQ_CST);
            wake(target);
        }
    }
}

/* False: a type, mode or vector that there is not. */
static bool check_request(WHV_INTERRUPT_CONTROL c)
{
    bool vectored = c.Type == WHvX64InterruptTypeFixed || c.Type == WHvX64InterruptTypeLowestPriority;
    bool known = vectored || c.Type == WHvX64InterruptTypeNmi || c.Type == WHvX64InterruptTypeInit ||
                 c.Type == WHvX64InterruptTypeSipi || c.Type == WHvX64InterruptTypeLocalInt1;
    return known && c.DestinationMode <= WHvX64InterruptDestinationModeLogical &&
           c.TriggerMode <= WHvX64InterruptTriggerModeLevel && c.TargetVtl == 0 && c.Reserved == 0 && c.Vector <= 255 &&
           (!vectored || c.Vector >= 16);
}

enum whb_status apic_request(struct partition *p, uint64_t control, uint64_t target)
{
    WHV_INTERRUPT_CONTROL c;
    uint64_t words[2] = {control, target};
    __builtin_memcpy(&c, words, sizeof(c));
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (p->policy->apic_mode == WHvX64LocalApicEmulationModeNone) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    if (!check_request(c)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum apic_mode mode = p->policy->apic_mode == WHvX64LocalApicEmulationModeX2Apic && c.Destination != BROADCAST_XAPIC
                              ? APIC_X2APIC
                              : APIC_XAPIC;
    struct apic_ipi ipi = {
        .delivery = (enum apic_delivery)c.Type,
        .vector = (uint8_t)c.Vector,
        .logical = c.DestinationMode == WHvX64InterruptDestinationModeLogical,
        .level_triggered = c.TriggerMode == WHvX64InterruptTriggerModeLevel,
        .level_assert = true,
        .destination = c.Destination,
    };
    if (c.Type == WHvX64InterruptTypeLocalInt1) {
        request_lint1(p, &ipi, mode);
    } else {
        apic_send(p, NULL, &ipi, mode);
    }
    return WHB_OK;
}
