/* SPDX-License-Identifier: MIT */
/*
 * What CPUID answered a guest VP, by leaf and subleaf, so that the next time costs a look-up. What an answer depends on
 * beyond these changes seldom (properties, XCR0, the local APIC's mode), and then all answers are forgotten; only
 * OSXSAVE changes without an exit, so leaf 1 is good for one value of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"
#include "arch/vmx/vmcs.h"

#define CPUID_CACHE_SLOTS 32u

struct cpuid_answer {
    uint64_t key;
    uint32_t eax, ebx, ecx, edx;
    uint64_t wanted; /* 1: the root wants to answer this leaf, and the rest is the default result */
};

struct cpuid_cache {
    bool osxsave; /* CR4's, in the answer to leaf 1 */
    struct cpuid_answer answers[CPUID_CACHE_SLOTS];
};

static inline uint64_t cpuid_cache_key(uint32_t leaf, uint32_t subleaf)
{
    return (uint64_t)subleaf << 32 | leaf;
}

/* Apart are the leaves of each range, and the first subleaves of 4, 7, 0BH and 0DH from most of them. */
static inline uint32_t cpuid_cache_slot(uint32_t leaf, uint32_t subleaf)
{
    return (leaf ^ leaf >> 27 ^ subleaf << 3) % CPUID_CACHE_SLOTS;
}

/* An empty slot has a key that belongs into another one. */
static inline void cpuid_cache_forget(struct cpuid_cache *cache)
{
    for (uint32_t i = 0; i < CPUID_CACHE_SLOTS; i++) {
        cache->answers[i].key = i == 0 ? 1 : 0;
    }
}

#if !__STDC_HOSTED__
/* NULL: not known. The VP's VMCS is current. */
static inline const struct cpuid_answer *cpuid_cache_find(const struct cpuid_cache *cache, uint32_t leaf,
                                                          uint32_t subleaf)
{
    const struct cpuid_answer *a = &cache->answers[cpuid_cache_slot(leaf, subleaf)];
    if (a->key != cpuid_cache_key(leaf, subleaf)) {
        return NULL;
    }
    return leaf != 1 || ((vmcs_readnw(VMCS_GUEST_CR4) & CR4_OSXSAVE) != 0) == cache->osxsave ? a : NULL;
}
#endif
