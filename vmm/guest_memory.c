/* SPDX-License-Identifier: MIT */
/* Guest memory: the root's pages in a guest's EPT. */
#include "arch/cpu.h"
#include "arch/direct_map.h"
#include "kernel/layout.h"
#include "kernel/string.h"
#include "vmm/kick.h"
#include "vmm/partition.h"
#include "vmm/vmm_state.h"

#define PAGE_MASK 4095ull

static enum whb_status check_gpa_range(uint64_t gpa, uint64_t size)
{
    uint64_t limit = 1ull << (vmm.physical_bits < 47 ? vmm.physical_bits : 47);
    if (size == 0 || ((gpa | size) & PAGE_MASK) != 0 || gpa >= limit || size > limit - gpa) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return WHB_OK;
}

/* The root owns all physical memory that is not the hypervisor's. */
static enum whb_status check_root_range(uint64_t pa, uint64_t size)
{
    uint64_t limit = 1ull << vmm.physical_bits;
    if ((pa & PAGE_MASK) != 0 || pa >= limit || size > limit - pa) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    return layout_is_hypervisor(pa, size) ? WHB_ERROR_ACCESS_DENIED : WHB_OK;
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
        kick_cpu(cpu);
        while (__atomic_load_n(&cpu->running, __ATOMIC_ACQUIRE) == p &&
               __atomic_load_n(&cpu->flush_ack, __ATOMIC_ACQUIRE) < generation) {
            spin_wait_hook();
        }
    }
}

enum whb_status guest_memory_map(struct partition *p, uint64_t root_pa, uint64_t gpa, uint64_t size, uint64_t flags)
{
    const uint64_t known = WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE;
    if ((flags & ~known) != 0 || (flags & WHB_MAP_READ) == 0) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    enum whb_status status = check_gpa_range(gpa, size);
    status = status == WHB_OK ? check_root_range(root_pa, size) : status;
    if (status != WHB_OK) {
        return status;
    }
    struct ept_garbage garbage = {0};
    spin_lock(&p->lock);
    status = WHB_ERROR_INVALID_STATE;
    if (p->set_up) {
        status = status_of(ept_map(&p->ept, gpa, root_pa, size, (unsigned)flags, vmm_memory_type, NULL, &garbage));
    }
    if (status == WHB_OK) {
        guest_memory_shootdown(p);
        ept_garbage_free(&garbage);
    }
    spin_unlock(&p->lock);
    return status;
}

enum whb_status guest_memory_unmap(struct partition *p, uint64_t gpa, uint64_t size)
{
    enum whb_status status = check_gpa_range(gpa, size);
    if (status != WHB_OK) {
        return status;
    }
    struct ept_garbage garbage = {0};
    spin_lock(&p->lock);
    status = WHB_ERROR_INVALID_STATE;
    if (p->set_up) {
        status = status_of(ept_unmap(&p->ept, gpa, size, &garbage));
    }
    if (status == WHB_OK) {
        guest_memory_shootdown(p);
        ept_garbage_free(&garbage);
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
