/* SPDX-License-Identifier: MIT */
#include "vmm/partition/cpuid_answer.h"

#include <stdbool.h>

#include "vmm/partition/cpuid_leaf.h"
#include "vmm/partition/cpuid_override.h"

struct cpuid_lists {
    const struct cpuid_guest *guest;
    cpuid_fn host;
    const WHV_X64_CPUID_RESULT2 *list;
    uint32_t count;
};

static struct cpuid_result changed(const struct cpuid_lists *l, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r = cpuid_for_guest(l->guest, l->host, leaf, subleaf);
    cpuid_override(l->list, l->count, l->guest->vp_index, leaf, subleaf, &r);
    return r;
}

static bool is_named(const struct cpuid_lists *l, uint32_t leaf, uint32_t subleaf)
{
    return cpuid_is_overridden(l->list, l->count, l->guest->vp_index, leaf, subleaf);
}

struct cpuid_result cpuid_answer(const struct cpuid_guest *guest, cpuid_fn host, const WHV_X64_CPUID_RESULT2 *list,
                                 uint32_t count, uint32_t leaf, uint32_t subleaf, uint32_t *shown)
{
    const struct cpuid_lists lists = {guest, host, list, count};
    *shown = leaf;
    if (leaf <= 1 || (leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR_END) || is_named(&lists, leaf, subleaf)) {
        return changed(&lists, leaf, subleaf);
    }
    uint32_t range = leaf & LEAF_EXTENDED;
    if (leaf <= changed(&lists, range, 0).eax) {
        /* A list that raises the highest leaf adds leaves that the policy does not know, and would take for another. */
        bool known = leaf <= cpuid_for_guest(guest, host, range, 0).eax;
        return known ? changed(&lists, leaf, subleaf) : CPUID_NOTHING;
    }
    *shown = changed(&lists, 0, 0).eax;
    *shown = *shown < LEAF_HYPERVISOR ? *shown : 0;
    bool known = *shown <= cpuid_for_guest(guest, host, 0, 0).eax || is_named(&lists, *shown, subleaf);
    return known ? changed(&lists, *shown, subleaf) : CPUID_NOTHING;
}
