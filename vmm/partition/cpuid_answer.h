/* SPDX-License-Identifier: MIT */
/* CPUID's answer to a guest: the policy, changed by its partition's result lists. Pure. */
#pragma once

#include "abi/whv.h"
#include "vmm/partition/cpuid_policy.h"

/*
 * The policy's answer (cpuid_for_guest) with the lists applied. The highest leaves are those that the guest reads,
 * lists included: a basic or extended leaf beyond them that no entry names has the data of the highest basic leaf, as
 * on Intel's processors (SDM vol. 2A, CPUID); beyond a hypervisor's leaves there is nothing. `shown`: whose data it is.
 */
struct cpuid_result cpuid_answer(const struct cpuid_guest *guest, cpuid_fn host, const WHV_X64_CPUID_RESULT2 *list,
                                 uint32_t count, uint32_t leaf, uint32_t subleaf, uint32_t *shown);
