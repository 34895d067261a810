/* SPDX-License-Identifier: MIT */
#include "vmm/partition/msr_actions.h"

#include "arch/cpu/msr.h"
#include "vmm/partition/msr_policy.h"

static WHV_MSR_ACTION listed_action(const struct partition_policy *policy, uint32_t msr, bool write)
{
    for (uint32_t i = 0; i < policy->msr_action_count; i++) {
        const WHV_MSR_ACTION_ENTRY *e = &policy->msr_actions[i];
        if (e->Index == msr) {
            return (WHV_MSR_ACTION)(write ? e->WriteAction : e->ReadAction);
        }
    }
    return WHvMsrActionArchitectureDefault;
}

static bool in_exiting_class(const struct partition_policy *policy, uint32_t msr, bool write)
{
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = policy->extended_exits};
    WHV_X64_MSR_EXIT_BITMAP classes = {.AsUINT64 = policy->msr_exits};
    if (exits.X64MsrExit == 0) {
        return false;
    }
    switch (msr) {
    case MSR_IA32_TSC:
        return write ? classes.TscMsrWrite != 0 : classes.TscMsrRead != 0;
    case MSR_IA32_APIC_BASE:
        return write && classes.ApicBaseMsrWrite != 0;
    case MSR_IA32_MISC_ENABLE:
        return !write && classes.MiscEnableMsrRead != 0;
    case MSR_IA32_BIOS_SIGN_ID:
        return !write && classes.McUpdatePatchLevelMsrRead != 0;
    default:
        return false;
    }
}

WHV_MSR_ACTION msr_action(const struct partition_policy *policy, uint32_t msr, bool write)
{
    WHV_MSR_ACTION action = listed_action(policy, msr, write);
    if (action == WHvMsrActionArchitectureDefault && in_exiting_class(policy, msr, write)) {
        action = WHvMsrActionExit;
    }
    return action;
}

WHV_MSR_ACTION msr_action_unhandled(const struct partition_policy *policy)
{
    WHV_EXTENDED_VM_EXITS exits = {.AsUINT64 = policy->extended_exits};
    WHV_X64_MSR_EXIT_BITMAP classes = {.AsUINT64 = policy->msr_exits};
    if (exits.X64MsrExit != 0 && classes.UnhandledMsrs != 0) {
        return WHvMsrActionExit;
    }
    return (WHV_MSR_ACTION)policy->unimplemented_msr;
}

bool msr_actions_check(const WHV_MSR_ACTION_ENTRY *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].ReadAction > WHvMsrActionExit || entries[i].WriteAction > WHvMsrActionExit ||
            entries[i].Reserved != 0) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (entries[k].Index == entries[i].Index) {
                return false;
            }
        }
    }
    return true;
}

static void set_exit(uint8_t *bitmap, uint32_t msr, bool write, bool exits)
{
    uint8_t *byte = bitmap + msr_bitmap_offset(msr, write);
    uint8_t mask = (uint8_t)(1u << (msr % 8u));
    uint8_t value = __atomic_load_n(byte, __ATOMIC_RELAXED);
    value = exits ? (uint8_t)(value | mask) : (uint8_t)(value & ~mask);
    __atomic_store_n(byte, value, __ATOMIC_RELAXED);
}

void msr_actions_apply(const struct partition_policy *policy, uint8_t *bitmap)
{
    struct msr_pass pass;
    for (uint32_t i = 0; msr_guest_pass(i, &pass); i++) {
        set_exit(bitmap, pass.msr, pass.write, msr_action(policy, pass.msr, pass.write) != 0);
    }
}
