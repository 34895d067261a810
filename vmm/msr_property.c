/* SPDX-License-Identifier: MIT */
/* The properties about MSRs, and the bitmap that follows from them. */
#include "abi/whv.h"
#include "kernel/page_alloc.h"
#include "kernel/string.h"
#include "vmm/msr_actions.h"
#include "vmm/msr_policy.h"
#include "vmm/partition.h"

#define CLASSES_OFFERED 0x3full

/* VPs take up a new bitmap at their next run, and what changes in theirs at once. */
enum whb_status msr_property_apply(struct partition *p)
{
    if (p->msr_bitmap == NULL && msr_actions_need_bitmap(p->policy)) {
        uint8_t *bitmap = page_alloc(PAGE_USE_PARTITION);
        if (bitmap == NULL) {
            return WHB_ERROR_OUT_OF_MEMORY;
        }
        msr_bitmap_guest(bitmap);
        __atomic_store_n(&p->msr_bitmap, bitmap, __ATOMIC_RELEASE);
    }
    if (p->msr_bitmap != NULL) {
        msr_actions_apply(p->policy, p->msr_bitmap);
    }
    return WHB_OK;
}

static enum whb_status set_classes(struct partition *p, const void *value)
{
    uint64_t classes, before = p->policy->msr_exits;
    memcpy(&classes, value, sizeof(classes));
    if ((classes & ~CLASSES_OFFERED) != 0) {
        return WHB_ERROR_NOT_SUPPORTED;
    }
    p->policy->msr_exits = classes;
    enum whb_status status = msr_property_apply(p);
    if (status != WHB_OK) {
        p->policy->msr_exits = before;
    }
    return status;
}

/* Before set-up: no VP reads the list meanwhile. */
static enum whb_status set_actions(struct partition *p, const void *value, uint64_t size)
{
    static WHV_MSR_ACTION_ENTRY before[MSR_ACTION_MAX]; /* guarded by the lock below; too large for a stack */
    static struct spinlock before_lock;
    uint32_t count = (uint32_t)(size / sizeof(WHV_MSR_ACTION_ENTRY)), old = p->policy->msr_action_count;
    if (p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (size % sizeof(WHV_MSR_ACTION_ENTRY) != 0 || count > MSR_ACTION_MAX || !msr_actions_check(value, count)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&before_lock);
    memcpy(before, p->policy->msr_actions, sizeof(before));
    memcpy(p->policy->msr_actions, value, size);
    p->policy->msr_action_count = count;
    enum whb_status status = msr_property_apply(p);
    if (status != WHB_OK) {
        memcpy(p->policy->msr_actions, before, sizeof(before));
        p->policy->msr_action_count = old;
    }
    spin_unlock(&before_lock);
    return status;
}

static enum whb_status set_unimplemented(struct partition *p, const void *value)
{
    uint32_t action;
    memcpy(&action, value, sizeof(action));
    if (p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (action > WHvMsrActionExit) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    p->policy->unimplemented_msr = action;
    return WHB_OK;
}

enum whb_status msr_property_set(struct partition *p, uint64_t code, const void *value, uint64_t size)
{
    switch (code) {
    case WHvPartitionPropertyCodeX64MsrExitBitmap:
        return set_classes(p, value);
    case WHvPartitionPropertyCodeMsrActionList:
        return set_actions(p, value, size);
    default:
        return set_unimplemented(p, value);
    }
}
