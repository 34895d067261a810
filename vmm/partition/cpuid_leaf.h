/* SPDX-License-Identifier: MIT */
/* What the CPUID policies of root and guests share. For cpuid_policy.c and cpuid_root.c alone. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/partition/cpuid_policy.h"

#define BIT(n) (1u << (n))

#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_HYPERVISOR_END 0x50000000u
#define LEAF_EXTENDED 0x80000000u

#define LEAF_1_ECX_XSAVE BIT(26)
#define LEAF_1_ECX_OSXSAVE BIT(27)
#define LEAF_1_ECX_HYPERVISOR BIT(31)
/* The features of leaf DH, subleaf 1, that need no component of IA32_XSS and no execution control. */
#define LEAF_D_1_XSAVEC BIT(1)
#define LEAF_D_1_OFFERED (BIT(0) | LEAF_D_1_XSAVEC | BIT(2)) /* XSAVEOPT, XSAVEC, XGETBV of XINUSE */
#define LEAF_D_LAST 62u

#define CPUID_NOTHING ((struct cpuid_result){0, 0, 0, 0})

static inline uint32_t cpuid_minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A leaf that does not exist gives the data of the highest basic leaf, as Intel's processors do. */
uint32_t cpuid_resolve_leaf(cpuid_fn host, uint32_t leaf, uint32_t basic_limit, uint32_t extended_limit);

/* Leaf 1's ECX with OSXSAVE as the VP's CR4 makes it. */
uint32_t cpuid_with_osxsave(uint32_t ecx, uint64_t cr4);

/* Leaf DH of one XSAVE component, `number` 2 to 62. */
struct cpuid_result cpuid_component(cpuid_fn host, unsigned number, bool usable);

/* Bytes of an XSAVE image with these components, in standard or in compacted form (SDM vol. 1, 13.4). */
uint32_t cpuid_image_size(cpuid_fn host, uint64_t components, bool compacted);

/* A hypervisor's first leaf: `name` in EBX, ECX, EDX, in memory order. */
struct cpuid_result cpuid_signature(uint32_t highest, const char name[12]);
