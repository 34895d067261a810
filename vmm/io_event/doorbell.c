/* SPDX-License-Identifier: MIT */
#include "vmm/io_event/doorbell.h"

#include "arch/cpu/direct_map.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/io_event/write_table.h"
#include "vmm/partition/partition.h"

static bool is_active(const struct doorbell *d)
{
    return __atomic_load_n(&d->active, __ATOMIC_ACQUIRE);
}

static struct doorbell *find(struct write_table *table, const struct doorbell_match *match)
{
    for (unsigned i = 0; table != NULL && i < WHB_MAX_DOORBELLS; i++) {
        if (table->doorbells[i].active && doorbell_match_same(&table->doorbells[i].match, match)) {
            return &table->doorbells[i];
        }
    }
    return NULL;
}

static struct doorbell *find_free(struct write_table *table)
{
    for (unsigned i = 0; i < WHB_MAX_DOORBELLS; i++) {
        if (!table->doorbells[i].active) {
            return &table->doorbells[i];
        }
    }
    return NULL;
}

static enum whb_status add_locked(struct partition *p, const struct doorbell_match *match, uint64_t event)
{
    if (!p->set_up) {
        return WHB_ERROR_INVALID_STATE;
    }
    if (find(p->doorbells, match) != NULL) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    struct write_table *table = write_table_get(p);
    struct doorbell *free = table == NULL ? NULL : find_free(table);
    if (free == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    free->match = *match;
    free->event = event;
    __atomic_store_n(&free->active, true, __ATOMIC_RELEASE);
    write_table_grow(&table->doorbell_end, (uint32_t)(free - table->doorbells));
    return WHB_OK;
}

static bool read_match(const WHV_DOORBELL_MATCH_DATA *data, struct doorbell_match *match)
{
    return doorbell_match_read(data, 1ull << vmm.physical_bits, match);
}

enum whb_status doorbell_add(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data, uint64_t event)
{
    struct doorbell_match match;
    if (!read_match(data, &match)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&p->lock);
    enum whb_status status = add_locked(p, &match, event);
    spin_unlock(&p->lock);
    return status;
}

enum whb_status doorbell_remove(struct partition *p, const WHV_DOORBELL_MATCH_DATA *data)
{
    struct doorbell_match match;
    if (!read_match(data, &match)) {
        return WHB_ERROR_INVALID_ARGUMENT;
    }
    spin_lock(&p->lock);
    struct doorbell *d = find(p->doorbells, &match);
    if (d != NULL) {
        __atomic_store_n(&d->active, false, __ATOMIC_SEQ_CST);
        guest_memory_shootdown(p); /* a CPU that has acknowledged it is out of the handler that may have seen it */
    }
    spin_unlock(&p->lock);
    return d != NULL ? WHB_OK : WHB_ERROR_NOT_FOUND;
}

bool doorbell_watches(const struct write_table *table, uint64_t address)
{
    for (unsigned i = 0, end = write_table_end(&table->doorbell_end); i < end; i++) {
        if (is_active(&table->doorbells[i]) && table->doorbells[i].match.address == address) {
            return true;
        }
    }
    return false;
}

/* All that match, as different clients may have added them. */
bool doorbell_signal(const struct write_table *table, uint64_t address, uint64_t value, uint32_t size)
{
    bool any = false;
    for (unsigned i = 0, end = write_table_end(&table->doorbell_end); i < end; i++) {
        const struct doorbell *d = &table->doorbells[i];
        if (is_active(d) && doorbell_matches(&d->match, address, value, size)) {
            struct whb_event *event = phys_to_virt(d->event);
            (void)__atomic_fetch_add(&event->signals, 1, __ATOMIC_SEQ_CST);
            any = true;
        }
    }
    return any;
}
