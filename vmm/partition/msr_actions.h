/* SPDX-License-Identifier: MIT */
/*
 * What a partition's properties say about its MSRs: MsrActionList first, then the classes of X64MsrExitBitmap (with
 * ExtendedVmExits.X64MsrExit), then what the hypervisor does by itself (vmm/run/guest_msr.c). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vmm/partition/partition_policy.h"

/* The verdict before the hypervisor's own handling: WHvMsrActionArchitectureDefault leaves the MSR to that. */
WHV_MSR_ACTION msr_action(const struct partition_policy *policy, uint32_t msr, bool write);

/* The verdict on an MSR that the hypervisor does not handle. WHvMsrActionArchitectureDefault: #GP. */
WHV_MSR_ACTION msr_action_unhandled(const struct partition_policy *policy);

/* False: a list that cannot be: an action that there is not, a reserved bit, an MSR named twice. */
bool msr_actions_check(const WHV_MSR_ACTION_ENTRY *entries, uint32_t count);

/*
 * Brings a bitmap (SDM vol. 3C, 25.6.9) that is, or was, msr_bitmap_guest's in line with the properties: what passes by
 * itself exits if the properties want to see it. Each bit goes from its old to its new value in one store.
 */
void msr_actions_apply(const struct partition_policy *policy, uint8_t *bitmap);
