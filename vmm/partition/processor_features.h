/* SPDX-License-Identifier: MIT */
/*
 * WHP's names of processor features and the CPUID bits that show them, one for one. Pure. Bits that no feature bit here
 * stands for are offered by nothing: their CPUID bits are hidden from guests (vmm/partition/cpuid_policy.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/cpu/cpu.h"

enum feature_set {
    FEATURES_BANK0, /* WHV_PROCESSOR_FEATURES */
    FEATURES_BANK1, /* WHV_PROCESSOR_FEATURES1 */
    FEATURES_XSAVE, /* WHV_PROCESSOR_XSAVE_FEATURES */
    FEATURE_SETS,
};

/* Bits of the three unions, or of what is left out of them. */
struct processor_features {
    uint64_t set[FEATURE_SETS];
};

/* The leaves that have features: `index` from 0 until this returns false. */
bool processor_features_leaf(unsigned index, uint32_t *leaf, uint32_t *subleaf);

/* Adds to `features` those that CPUID's answer `r` shows; the leaf need not have any. */
void processor_features_collect(struct processor_features *found, uint32_t leaf, uint32_t subleaf,
                                const struct cpuid_result *r);

/* Takes the features in `hidden` out of CPUID's answer. The leaf is one that exists. */
void processor_features_hide(const struct processor_features *hidden, uint32_t leaf, uint32_t subleaf,
                             struct cpuid_result *r);

/* The XCR0 bits of `supported` that are left without the features in `hidden`; 0: no XSAVE. */
uint64_t processor_features_xcr0(const struct processor_features *hidden, uint64_t supported);
