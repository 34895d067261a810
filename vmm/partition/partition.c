/* SPDX-License-Identifier: MIT */
/*
 * The handle table. A slot's state word holds generation, life and references in one atomic word, so that taking a
 * reference is one compare-and-swap and a handle of a deleted partition never reaches its successor.
 */
#include "vmm/partition/partition.h"

#include "arch/cpu/cpu.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/partition/partition_slots.h"

struct partition_slot partition_slots[WHB_MAX_PARTITIONS];
static struct spinlock slots_lock; /* guards the birth of partitions */
static uint32_t alive;             /* atomic */

static uint64_t make_handle(uint32_t slot, uint64_t generation)
{
    return (generation << HANDLE_SLOTS_SHIFT) | slot;
}

struct partition *partition_get(uint64_t handle)
{
    return partition_take(handle);
}

void partition_put(struct partition *partition)
{
    partition_give(partition);
}

static struct partition_slot *find_free_slot(void)
{
    for (uint32_t i = 0; i < WHB_MAX_PARTITIONS; i++) {
        if ((__atomic_load_n(&partition_slots[i].state, __ATOMIC_ACQUIRE) & (SLOT_ALIVE | SLOT_CLOSING)) == 0) {
            return &partition_slots[i];
        }
    }
    return NULL;
}

static struct partition *allocate(uint32_t slot)
{
    uint32_t account = PAGE_ACCOUNT_PARTITIONS + slot;
    page_account_set_bound(account, PAGE_NO_BOUND); /* of the slot's last partition */
    struct partition *p = page_alloc_for(account, PAGE_USE_PARTITION);
    if (p == NULL) {
        return NULL;
    }
    p->slot = slot;
    p->policy = page_alloc_for(account, PAGE_USE_PARTITION);
    if (p->policy == NULL) {
        page_free(p, PAGE_USE_PARTITION);
        return NULL;
    }
    p->policy->msr_exits = 1; /* UnhandledMsrs: clients that know of no classes get those with X64MsrExit */
    return p;
}

static enum whb_status create_locked(uint64_t *handle)
{
    struct partition_slot *slot = find_free_slot();
    struct partition *p = slot == NULL ? NULL : allocate((uint32_t)(slot - partition_slots));
    if (p == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    /* 32 bits of generation, zero left out, so that a handle is never 0 and seldom repeats. */
    uint64_t generation = ((slot->state >> SLOT_GENERATION_SHIFT) + 1) & 0xffffffffu;
    generation = generation == 0 ? 1 : generation;
    p->handle = make_handle(p->slot, generation);
    slot->partition = p;
    __atomic_store_n(&slot->state, (generation << SLOT_GENERATION_SHIFT) | SLOT_ALIVE, __ATOMIC_RELEASE);
    (void)__atomic_fetch_add(&alive, 1, __ATOMIC_RELAXED);
    *handle = p->handle;
    return WHB_OK;
}

enum whb_status partition_create(uint64_t *handle)
{
    spin_lock(&slots_lock);
    enum whb_status status = create_locked(handle);
    spin_unlock(&slots_lock);
    return status;
}

static enum whb_status setup_locked(struct partition *p)
{
    if (p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (p->processor_count == 0) {
        return WHB_ERROR_INVALID_CONFIG;
    }
    if (!ept_init(&p->ept, partition_account(p), vmm.huge_2m, vmm.huge_1g)) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    p->eptp = ept_pointer(&p->ept, false);
    p->tsc_offset = 0 - rdtsc(); /* the guest's time starts now */
    p->ept_generation = 1;
    p->set_up = true;
    return WHB_OK;
}

enum whb_status partition_setup(uint64_t handle)
{
    struct partition *p = partition_get(handle);
    if (p == NULL) {
        return WHB_ERROR_INVALID_HANDLE;
    }
    spin_lock(&p->lock);
    enum whb_status status = setup_locked(p);
    spin_unlock(&p->lock);
    partition_put(p);
    return status;
}

enum whb_status partition_close(uint64_t handle, struct partition **p)
{
    uint64_t generation;
    struct partition_slot *slot = partition_find_slot(handle, &generation);
    uint64_t state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
    do {
        if (!partition_is_open(state, generation)) {
            return WHB_ERROR_INVALID_HANDLE;
        }
        if ((state & SLOT_REFERENCES) != 0) {
            return WHB_ERROR_BUSY;
        }
    } while (!__atomic_compare_exchange_n(&slot->state, &state, state | SLOT_CLOSING, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    *p = slot->partition;
    return WHB_OK;
}

static void free_all(struct partition *p)
{
    if (p->set_up) {
        ept_destroy(&p->ept);
    }
    page_free(p->doorbells, PAGE_USE_PARTITION);
    if (p->msr_bitmap != NULL) {
        page_free(p->msr_bitmap, PAGE_USE_PARTITION);
    }
    page_free(p->policy, PAGE_USE_PARTITION);
    page_free(p, PAGE_USE_PARTITION);
}

void partition_free(struct partition *p)
{
    struct partition_slot *slot = &partition_slots[p->slot];
    free_all(p);
    slot->partition = NULL;
    (void)__atomic_fetch_sub(&alive, 1, __ATOMIC_RELAXED);
    uint64_t generation = slot->state >> SLOT_GENERATION_SHIFT;
    __atomic_store_n(&slot->state, generation << SLOT_GENERATION_SHIFT, __ATOMIC_RELEASE);
}

uint32_t partition_count(void)
{
    return __atomic_load_n(&alive, __ATOMIC_RELAXED);
}

/* Until then its VPs can be loaded on any CPU, which the deleter asks for them. */
static void wait_for_deletion(const struct partition_slot *slot)
{
    lock_check_wait("the end of a partition", "");
    while ((__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) & SLOT_CLOSING) != 0) {
        spin_wait_hook();
    }
}

void partition_for_each_vp(void (*fn)(struct vp *vp, void *context), void *context)
{
    for (uint32_t i = 0; i < WHB_MAX_PARTITIONS; i++) {
        uint64_t state = __atomic_load_n(&partition_slots[i].state, __ATOMIC_ACQUIRE);
        struct partition *p = partition_get(make_handle(i, state >> SLOT_GENERATION_SHIFT));
        if (p == NULL) {
            wait_for_deletion(&partition_slots[i]);
            continue;
        }
        spin_lock(&p->lock);
        for (uint32_t v = 0; v < WHB_MAX_VPS; v++) {
            if (p->vps[v] != NULL) {
                fn(p->vps[v], context);
            }
        }
        spin_unlock(&p->lock);
        partition_put(p);
    }
}
