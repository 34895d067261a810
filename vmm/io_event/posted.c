/* SPDX-License-Identifier: MIT */
#include "vmm/io_event/posted.h"

#include "arch/cpu/cpu.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/io_event/write_table.h"
#include "vmm/partition/partition.h"
#include "vmm/vp/vp.h"

static enum whb_status add_locked(struct partition *p, const struct posted_range *range)
{
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    struct write_table *table = write_table_get(p);
    struct posted_entry *free = NULL;
    for (unsigned i = 0; table != NULL && i < WHB_MAX_POSTED_RANGES; i++) {
        struct posted_entry *entry = &table->posted[i];
        if (!entry->active) {
            free = free == NULL ? entry : free;
        } else if (posted_range_overlaps(&entry->range, range)) {
            return WHB_ERROR_INVALID_ARGUMENT;
        }
    }
    if (free == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    free->range = *range;
    __atomic_store_n(&free->active, true, __ATOMIC_RELEASE);
    write_table_grow(&table->posted_end, (uint32_t)(free - table->posted));
    return WHB_OK;
}

static bool read_range(uint64_t address, uint64_t size, struct posted_range *range)
{
    return posted_range_read(address, size, 1ull << vmm.physical_bits, range);
}

enum whb_status posted_add(struct partition *p, uint64_t address, uint64_t size)
{
    struct posted_range range;
    if (!read_range(address, size, &range)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&p->lock);
    enum whb_status status = add_locked(p, &range);
    spin_unlock(&p->lock);
    return status;
}

static enum whb_status remove_locked(struct partition *p, const struct posted_range *range)
{
    for (unsigned i = 0; p->doorbells != NULL && i < WHB_MAX_POSTED_RANGES; i++) {
        struct posted_entry *entry = &p->doorbells->posted[i];
        if (entry->active && entry->range.first == range->first && entry->range.last == range->last) {
            __atomic_store_n(&entry->active, false, __ATOMIC_SEQ_CST);
            guest_memory_shootdown(p); /* as in doorbell_remove */
            return WHB_OK;
        }
    }
    return WHB_ERROR_NOT_FOUND;
}

enum whb_status posted_remove(struct partition *p, uint64_t address, uint64_t size)
{
    struct posted_range range;
    if (!read_range(address, size, &range)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&p->lock);
    enum whb_status status = remove_locked(p, &range);
    spin_unlock(&p->lock);
    return status;
}

void posted_clear(struct vp *vp)
{
    vp->posted_tail = 0;
    __atomic_store_n(&vp->run->posted.head, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&vp->run->posted.tail, 0, __ATOMIC_RELEASE);
}

static bool holds(const struct write_table *table, uint64_t address, uint32_t size)
{
    for (unsigned i = 0, end = write_table_end(&table->posted_end); i < end; i++) {
        const struct posted_entry *entry = &table->posted[i];
        if (__atomic_load_n(&entry->active, __ATOMIC_ACQUIRE) && posted_range_holds(&entry->range, address, size)) {
            return true;
        }
    }
    return false;
}

bool posted_watches(const struct write_table *table, uint64_t address)
{
    return holds(table, address, 1);
}

/* The ring is the root's to write at any time: of it only `head` is read, once, and only compared. */
bool posted_append(struct vp *vp, const struct write_table *table, uint64_t address, uint64_t value, uint32_t size)
{
    if (!holds(table, address, size)) {
        return false;
    }
    struct whb_posted_ring *ring = &vp->run->posted;
    uint32_t next = vp->posted_tail + 1 == WHB_POSTED_SLOTS ? 0 : vp->posted_tail + 1;
    if (next == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE)) {
        return false;
    }
    ring->writes[vp->posted_tail] =
        (struct whb_posted_write){.address = address, .value = value, .tsc = rdtsc(), .size = size};
    vp->posted_tail = next;
    __atomic_store_n(&ring->tail, next, __ATOMIC_RELEASE);
    return true;
}
