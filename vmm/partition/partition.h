/* SPDX-License-Identifier: MIT */
/*
 * Partitions: handles, life time, properties, guest memory.
 *
 * A hypercall that names a partition holds a reference (partition_get, partition_put) for as long as it works on it; a
 * partition is deleted only when the deleter holds the only reference. Everything in struct partition that is not
 * atomic is guarded by its lock, except what setup froze.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "abi/hypercall.h"
#include "abi/whv.h"
#include "arch/cpu/nospec.h"
#include "arch/cpu/percpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/memory/ept.h"
#include "vmm/partition/partition_policy.h"

struct partition {
    struct spinlock lock;
    uint32_t slot; /* index in the handle table */
    uint64_t handle;
    bool set_up;               /* properties are frozen, VPs and mappings may be made */
    uint32_t processor_count;  /* 0: not set yet */
    uint64_t tsc_offset;       /* added to the TSC for VPs of this partition at their creation or reset */
    struct spinlock time_lock; /* guards the next three; taken by runs, so never held while a CPU is waited for */
    uint32_t suspended;        /* atomic; 1: time stands still since suspended_at (vmm/vp/vp_time.c) */
    uint64_t suspended_at;     /* host TSC */
    uint64_t paused_ticks;     /* atomic; TSC ticks of all ended suspensions */
    struct ept ept;
    struct spinlock ept_lock; /* of the entries, also against exit handlers; its holder waits for nothing */
    uint64_t eptp;
    uint64_t ept_generation;           /* atomic; counts changes of the EPT, starting at 1 */
    uint64_t cpu_generation[MAX_CPUS]; /* of each CPU, its own: the change after which it last did INVEPT */
    struct vp *vps[WHB_MAX_VPS]; /* atomic; NULL: never created. A deleted VP's struct stays until the partition goes */
    struct partition_policy *policy;
    uint8_t *msr_bitmap; /* the partition's own, once its properties need one; NULL: vmm.guest_msr_bitmap */
    struct write_table
        *doorbells; /* atomic; and posted ranges; NULL until the first one (vmm/io_event/write_table.h) */
};

_Static_assert(sizeof(struct partition) <= 4096, "a partition is one page");

/* Whose bound its pages count against (kernel/memory/page_alloc.h). */
static inline uint32_t partition_account(const struct partition *p)
{
    return PAGE_ACCOUNT_PARTITIONS + p->slot;
}

/* NULL: no such index, or never created. */
static inline struct vp *partition_vp(const struct partition *p, uint64_t index)
{
    return index < WHB_MAX_VPS ? __atomic_load_n(&p->vps[index_nospec(index, WHB_MAX_VPS)], __ATOMIC_ACQUIRE) : NULL;
}

/* Takes a reference. NULL: no such partition, or it is being deleted. */
struct partition *partition_get(uint64_t handle);
void partition_put(struct partition *partition);

enum whb_status partition_create(uint64_t *handle);
enum whb_status partition_setup(uint64_t handle);

/*
 * The end, in two steps: from the first on nobody finds the partition; between the two the caller destroys its VPs.
 * WHB_ERROR_BUSY: somebody has a reference.
 */
enum whb_status partition_close(uint64_t handle, struct partition **p);
void partition_free(struct partition *p);

/* Partitions alive, for the statistics. */
uint32_t partition_count(void);

/*
 * Calls `fn` for every VP that exists, with its partition's lock held. Of a partition that is being deleted it waits
 * for the end instead. The caller holds nothing.
 */
void partition_for_each_vp(void (*fn)(struct vp *vp, void *context), void *context);

/*
 * Guest memory (vmm/partition/guest_memory.c). The caller holds a reference; sizes and addresses in bytes. Changes are
 * made under the partition's lock, which is held while CPUs are waited for, and so never taken by an exit handler; each
 * access to the entries that may change them also takes ept_lock.
 *
 * guest_memory_map maps one piece (vmm/memory/extent_list.h) of a list, and says how many bytes of it that is; the list
 * is the caller's own copy, of which the piece's last extent is shortened.
 */
enum whb_status guest_memory_map(struct partition *p, struct whb_extent *extents, uint32_t count, uint64_t *bytes);
enum whb_status guest_memory_unmap(struct partition *p, uint64_t gpa, uint64_t size);

enum whb_status guest_memory_protect(struct partition *p, uint64_t gpa, uint64_t size, uint64_t flags);

/* `bitmap` is root RAM, 8-byte aligned, of ceil(pages / 64) words, or null. */
enum whb_status guest_memory_dirty(struct partition *p, uint64_t gpa, uint64_t size, uint64_t *bitmap);

/*
 * A write that a guest VP could not do at `gpa`. True: it was the first to a tracked page, and may be tried again now.
 * For exit handlers: takes no lock that is held while a CPU is waited for.
 */
bool guest_memory_write_fault(struct partition *p, uint64_t gpa);

/*
 * Moves up to 16 bytes between guest memory and `data`: all or nothing. Pages written become dirty.
 * WHB_ERROR_GPA_NOT_MAPPED, WHB_ERROR_ACCESS_DENIED (the rights, or no RAM behind it), WHB_ERROR_INVALID_STATE.
 */
enum whb_status guest_memory_access(struct partition *p, uint64_t gpa, void *data, uint64_t size, bool write);

/* Sets bits of the word at `gpa`, a multiple of 4, in one locked access. False: it is not RAM that may be written. */
bool guest_memory_set_bits(struct partition *p, uint64_t gpa, uint32_t bits);

/*
 * Between these two this CPU runs the partition, or looks at its memory as if it did: shootdowns kick it and wait for
 * it, so tables that it may be walking are not freed. The partition's lock must not be taken meanwhile.
 */
void guest_memory_pin(struct partition *p);
void guest_memory_unpin(void);

/* Mapped pages by leaf size. */
void guest_memory_counters(struct partition *p, WHV_PARTITION_MEMORY_COUNTERS *counters);

/* Makes every CPU that runs a VP of `p` drop its old translations, and waits for that. */
void guest_memory_shootdown(struct partition *p);

/*
 * Without a lock, so for exit handlers and between guest_memory_pin and guest_memory_unpin only. Copies from guest
 * memory to `to`; stops at the first byte that is not mapped readable. Returns the bytes
 * copied.
 */
uint64_t guest_memory_read(const struct partition *p, uint64_t gpa, void *to, uint64_t size);

/* Properties (vmm/partition/property.c) and capabilities (vmm/partition/capability.c). `value` is the hypervisor's own
 * copy. */
enum whb_status property_set(struct partition *p, uint64_t code, const void *value, uint64_t size);
enum whb_status property_get(struct partition *p, uint64_t code, void *value, uint64_t *size);
enum whb_status capability_get(uint64_t code, void *value, uint64_t *size);
#define PROPERTY_VALUE_MAX (CPUID_LIST_MAX * (uint32_t)sizeof(WHV_X64_CPUID_RESULT2))
