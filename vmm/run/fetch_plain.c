/* SPDX-License-Identifier: MIT */
/*
 * A walk of the guest's tables for the one case that nearly every MMIO exit is. What the last look at the EPT found
 * serves as long as the walk stays in it: guests whose memory has large pages pay for one.
 */
#include "vmm/run/fetch_plain.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "kernel/memory/layout.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition.h"

#define FETCH_SIZE 16u
#define PRESENT (1ull << 0)
#define USER (1ull << 2)
#define LARGE (1ull << 7)
#define NX (1ull << 63)

/* Guest memory that one EPT leaf maps, readable and RAM. */
struct view {
    uint64_t gpa, size;
    const uint8_t *host;
};

static bool look(const struct vp *vp, struct view *v, uint64_t gpa)
{
    struct ept_leaf leaf;
    if (!ept_lookup(&vp->partition->ept, gpa, &leaf) || (leaf.rights & EPT_READ) == 0) {
        return false;
    }
    if (!layout_is_ram(leaf.hpa, leaf.size)) {
        return false;
    }
    *v = (struct view){gpa & ~(leaf.size - 1), leaf.size, phys_to_virt(leaf.hpa)};
    return true;
}

static inline const uint8_t *at(const struct vp *vp, struct view *v, uint64_t gpa)
{
    return gpa - v->gpa < v->size || look(vp, v, gpa) ? v->host + (gpa - v->gpa) : NULL;
}

/* NX counts as forbidden whether EFER.NXE is on or not: then it would be reserved. */
static bool may_fetch(uint64_t all, uint64_t any, uint64_t cr4, unsigned cpl)
{
    uint64_t reserved = NX | (0x000fffffffffffffull & ~((1ull << vmm.physical_bits) - 1));
    bool user = (all & USER) != 0;
    return (any & reserved) == 0 && (cpl == 3 ? user : !user || (cr4 & CR4_SMEP) == 0);
}

/* The page's address, and its offset bits from `rip`. False: not plain. */
static bool walk(const struct vp *vp, struct view *v, uint64_t rip, unsigned cpl, uint64_t *gpa)
{
    const uint64_t address = 0x000ffffffffff000ull;
    uint64_t cr4 = vmcs_readnw(VMCS_GUEST_CR4), entry = vmcs_readnw(VMCS_GUEST_CR3), all = ~0ull, any = 0;
    unsigned shift = 39;
    if ((cr4 & CR4_LA57) != 0) {
        return false;
    }
    entry &= (1ull << vmm.physical_bits) - 1; /* PCID is below, and bit 63 is not kept */
    for (;; shift -= 9) {
        const uint8_t *place = at(vp, v, (entry & address) + (rip >> shift & 511u) * 8);
        if (place == NULL) {
            return false;
        }
        entry = __atomic_load_n((const uint64_t *)(const void *)place, __ATOMIC_RELAXED);
        all &= entry;
        any |= entry;
        if ((entry & PRESENT) == 0) {
            return false;
        }
        if (shift == 12 || (entry & LARGE) != 0) {
            break;
        }
    }
    uint64_t offset = (1ull << shift) - 1;
    if (shift == 39 || (shift > 12 && (entry & offset & ~0x1fffull) != 0) || !may_fetch(all, any, cr4, cpl)) {
        return false; /* a large page of level 4, or reserved bits of one below; bit 12 selects the PAT */
    }
    *gpa = (entry & address & ~offset) | (rip & offset);
    return true;
}

bool fetch_plain(const struct vp *vp, uint64_t rip, unsigned cpl, uint8_t *to)
{
    struct view v = {0, 0, NULL};
    uint64_t gpa;
    if ((rip & 4095) > 4096 - FETCH_SIZE || (rip + (1ull << 47)) >> 48 != 0 || !walk(vp, &v, rip, cpl, &gpa)) {
        return false;
    }
    const uint8_t *from = at(vp, &v, gpa);
    if (from == NULL) {
        return false;
    }
    __builtin_memcpy(to, from, FETCH_SIZE);
    return true;
}
