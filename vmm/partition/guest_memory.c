/* SPDX-License-Identifier: MIT */
/* Guest memory: the root's pages in a guest's EPT. */
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/string.h"
#include "kernel/core/kick.h"
#include "kernel/memory/layout.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/memory/extent_list.h"
#include "vmm/partition/partition.h"

#define PAGE_MASK 4095ull
#define APIC_PAGE 0xfee00000ull

static unsigned gpa_bits(void)
{
    return vmm.physical_bits < 47 ? vmm.physical_bits : 47;
}

static enum whb_status check_gpa_range(uint64_t gpa, uint64_t size)
{
    uint64_t limit = 1ull << gpa_bits();
    if (size == 0 || ((gpa | size) & PAGE_MASK) != 0 || gpa >= limit || size > limit - gpa) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return WHB_OK;
}

static enum whb_status status_of(enum ept_status status)
{
    switch (status) {
    case EPT_OK:
        return WHB_OK;
    case EPT_OUT_OF_MEMORY:
        return WHB_ERROR_OUT_OF_MEMORY;
    case EPT_NOT_MAPPED:
        return WHB_ERROR_GPA_NOT_MAPPED;
    default:
        return WHB_ERROR_INVALID_ARGUMENT;
    }
}

void guest_memory_shootdown(struct partition *p)
{
    uint64_t generation = __atomic_add_fetch(&p->ept_generation, 1, __ATOMIC_SEQ_CST);
    struct cpu *self = this_cpu();
    for (uint32_t i = 0; i < cpu_count; i++) {
        struct cpu *cpu = cpus[i];
        if (cpu == self || __atomic_load_n(&cpu->running, __ATOMIC_SEQ_CST) != p) {
            continue;
        }
        lock_check_wait("the end of old translations", "&p->lock");
        kick_cpu(cpu);
        while (__atomic_load_n(&cpu->running, __ATOMIC_ACQUIRE) == p &&
               __atomic_load_n(&cpu->flush_ack, __ATOMIC_ACQUIRE) < generation) {
            lock_check_awaited("the end of old translations", i, &cpu->running);
            spin_wait_hook();
        }
    }
}

#define KNOWN_FLAGS (WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE | WHB_MAP_TRACK_DIRTY)
_Static_assert(KNOWN_FLAGS == (EPT_READ | EPT_WRITE | EPT_EXECUTE | EPT_TRACK) && WHB_MAP_TRACK_DIRTY == EPT_TRACK,
               "flags are rights");

static enum whb_status check_flags(uint64_t flags)
{
    return (flags & ~(uint64_t)KNOWN_FLAGS) != 0 || (flags & WHB_MAP_READ) == 0 ? WHB_ERROR_INVALID_ARGUMENT : WHB_OK;
}

/* The root owns all physical memory that is not the hypervisor's. Where VPs have local APICs no memory can be. */
static enum whb_status check_extents(const struct partition *p, const struct whb_extent *extents, uint32_t count,
                                     uint64_t *bytes)
{
    const struct memory_layout *m = &memory_layout;
    bool apic = p->policy->apic_mode != WHvX64LocalApicEmulationModeNone;
    const struct extent_limits limits = {
        .gpa = 1ull << gpa_bits(),
        .pa = 1ull << vmm.physical_bits,
        .hypervisor = {{m->image_base, m->image_base + m->image_size}, {m->heap_base, m->heap_base + m->heap_size}},
        .apic = {APIC_PAGE, apic ? APIC_PAGE + PAGE_MASK + 1 : 0},
    };
    switch (extent_list_check(extents, count, &limits, bytes)) {
    case EXTENTS_GOOD:
        return WHB_OK;
    case EXTENTS_DENIED:
        return WHB_ERROR_ACCESS_DENIED;
    default:
        return WHB_ERROR_INVALID_ARGUMENT;
    }
}

static enum whb_status map_locked(struct partition *p, const struct whb_extent *extents, uint32_t count)
{
    struct ept_retired retired = {0};
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    spin_lock(&p->ept_lock);
    enum ept_status status = ept_map_list(&p->ept, extents, count, vmm_memory_type, NULL, &retired);
    spin_unlock(&p->ept_lock);
    if (status == EPT_OK) {
        guest_memory_shootdown(p);
        ept_retired_free(&retired);
    }
    return status_of(status);
}

enum whb_status guest_memory_map(struct partition *p, struct whb_extent *extents, uint32_t count, uint64_t *bytes)
{
    enum whb_status status = check_extents(p, extents, count, bytes);
    if (status != WHB_OK) {
        return status;
    }
    if (*bytes > WHB_MAP_LEAVES * 4096ull) {
        count = extent_list_piece(extents, count, bytes);
    }
    spin_lock(&p->lock);
    status = map_locked(p, extents, count);
    spin_unlock(&p->lock);
    return status;
}

enum whb_status guest_memory_unmap(struct partition *p, uint64_t gpa, uint64_t size)
{
    enum whb_status status = check_gpa_range(gpa, size);
    if (status != WHB_OK) {
        return status;
    }
    struct ept_retired retired = {0};
    spin_lock(&p->lock);
    status = WHB_ERROR_INVALID_STATE;
    if (p->set_up) {
        spin_lock(&p->ept_lock);
        status = status_of(ept_unmap(&p->ept, gpa, size, &retired));
        spin_unlock(&p->ept_lock);
    }
    if (status == WHB_OK) {
        guest_memory_shootdown(p);
        ept_retired_free(&retired);
    }
    spin_unlock(&p->lock);
    return status;
}

/*
 * Without the partition's lock, since it serves exits: a lookup that meets a change reads either the old or the new
 * leaf, each a page of the root's that the guest could have read at that moment.
 */
uint64_t guest_memory_read(const struct partition *p, uint64_t gpa, void *to, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        struct ept_leaf leaf;
        if (!ept_lookup(&p->ept, gpa + done, &leaf) || (leaf.rights & EPT_READ) == 0) {
            return done;
        }
        uint64_t pa = leaf.hpa + ((gpa + done) & (leaf.size - 1));
        uint64_t in_page = 4096 - (pa & PAGE_MASK);
        uint64_t part = size - done < in_page ? size - done : in_page;
        if (!layout_is_ram(pa, part)) {
            return done;
        }
        memcpy((uint8_t *)to + done, phys_to_virt(pa), part);
        done += part;
    }
    return done;
}

enum whb_status guest_memory_protect(struct partition *p, uint64_t gpa, uint64_t size, uint64_t flags)
{
    enum whb_status status = check_flags(flags);
    status = status == WHB_OK ? check_gpa_range(gpa, size) : status;
    if (status != WHB_OK) {
        return status;
    }
    spin_lock(&p->lock);
    status = WHB_ERROR_INVALID_STATE;
    if (p->set_up) {
        spin_lock(&p->ept_lock);
        status = status_of(ept_protect(&p->ept, gpa, size, (unsigned)flags));
        spin_unlock(&p->ept_lock);
    }
    if (status == WHB_OK) {
        guest_memory_shootdown(p);
    }
    spin_unlock(&p->lock);
    return status;
}

enum whb_status guest_memory_dirty(struct partition *p, uint64_t gpa, uint64_t size, uint64_t *bitmap)
{
    enum whb_status status = check_gpa_range(gpa, size);
    if (status != WHB_OK) {
        return status;
    }
    uint64_t found = 0;
    spin_lock(&p->lock);
    status = WHB_ERROR_INVALID_STATE;
    if (p->set_up) {
        spin_lock(&p->ept_lock);
        status = status_of(ept_query_dirty(&p->ept, gpa, size, bitmap, &found));
        spin_unlock(&p->ept_lock);
    }
    if (found != 0) {
        guest_memory_shootdown(p);
    }
    spin_unlock(&p->lock);
    return status;
}

bool guest_memory_write_fault(struct partition *p, uint64_t gpa)
{
    if (!p->ept.tracking) {
        return false;
    }
    spin_lock(&p->ept_lock);
    enum ept_dirtied dirtied = ept_mark_dirty(&p->ept, gpa);
    spin_unlock(&p->ept_lock);
    return dirtied != EPT_DIRTY_REFUSED;
}

/* The RAM behind `gpa`, if it may be accessed, and how many bytes of it are in the same page. */
static enum whb_status find_ram(const struct partition *p, uint64_t gpa, bool write, void **ram, uint64_t *size)
{
    struct ept_leaf leaf;
    if (!ept_lookup(&p->ept, gpa, &leaf)) {
        return WHB_ERROR_GPA_NOT_MAPPED;
    }
    uint64_t pa = leaf.hpa + (gpa & (leaf.size - 1));
    if ((leaf.rights & (write ? EPT_WRITE : EPT_READ)) == 0 || !layout_is_ram(pa & ~PAGE_MASK, PAGE_MASK + 1)) {
        return WHB_ERROR_ACCESS_DENIED;
    }
    *ram = phys_to_virt(pa);
    *size = PAGE_MASK + 1 - (pa & PAGE_MASK);
    return WHB_OK;
}

static void copy_part(void *ram, void *data, uint64_t size, bool write)
{
    memcpy(write ? ram : data, write ? data : ram, size);
}

/* At most two pages: the first holds `size[0]` bytes of it, the second the rest. */
static enum whb_status access_locked(struct partition *p, uint64_t gpa, uint8_t *data, uint64_t size, bool write)
{
    void *ram[2];
    uint64_t room[2];
    enum whb_status status = find_ram(p, gpa, write, &ram[0], &room[0]);
    if (status == WHB_OK && room[0] < size) {
        status = find_ram(p, gpa + room[0], write, &ram[1], &room[1]);
    }
    if (status != WHB_OK) {
        return status;
    }
    uint64_t first = room[0] < size ? room[0] : size;
    if (write) {
        (void)ept_mark_dirty(&p->ept, gpa);
    }
    copy_part(ram[0], data, first, write);
    if (first < size) {
        if (write) {
            (void)ept_mark_dirty(&p->ept, gpa + first);
        }
        copy_part(ram[1], data + first, size - first, write);
    }
    return WHB_OK;
}

enum whb_status guest_memory_access(struct partition *p, uint64_t gpa, void *data, uint64_t size, bool write)
{
    if (size == 0 || size > WHB_MAX_GPA_ACCESS) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    if (!__atomic_load_n(&p->set_up, __ATOMIC_ACQUIRE)) {
        return WHB_ERROR_INVALID_STATE;
    }
    spin_lock(&p->ept_lock);
    enum whb_status status = access_locked(p, gpa, data, size, write);
    spin_unlock(&p->ept_lock);
    return status;
}

bool guest_memory_set_bits(struct partition *p, uint64_t gpa, uint32_t bits)
{
    void *ram;
    uint64_t room;
    spin_lock(&p->ept_lock);
    bool done = find_ram(p, gpa, true, &ram, &room) == WHB_OK;
    if (done) {
        (void)ept_mark_dirty(&p->ept, gpa);
        (void)__atomic_fetch_or((uint32_t *)ram, bits, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&p->ept_lock);
    return done;
}

void guest_memory_pin(struct partition *p)
{
    struct cpu *cpu = this_cpu();
    lock_check_take(HELD_PIN);
    __atomic_store_n(&cpu->flush_ack, 0, __ATOMIC_RELAXED); /* it may be another partition's, and larger */
    __atomic_store_n(&cpu->running, p, __ATOMIC_SEQ_CST);
}

void guest_memory_unpin(void)
{
    __atomic_store_n(&this_cpu()->running, NULL, __ATOMIC_RELEASE);
    lock_check_forget(HELD_PIN); /* vmm/run/run_straight.c pins by itself */
}

void guest_memory_counters(struct partition *p, WHV_PARTITION_MEMORY_COUNTERS *counters)
{
    spin_lock(&p->ept_lock);
    counters->Mapped4KPageCount = p->ept.leaf_4k;
    counters->Mapped2MPageCount = p->ept.leaf_2m;
    counters->Mapped1GPageCount = p->ept.leaf_1g;
    spin_unlock(&p->ept_lock);
}
