/* SPDX-License-Identifier: MIT */
#include "vmm/doorbell.h"

#include "arch/cpu.h"
#include "arch/direct_map.h"
#include "arch/vmcs.h"
#include "kernel/page_alloc.h"
#include "kernel/string.h"
#include "vmm/doorbell_match.h"
#include "vmm/guest_exit.h"
#include "vmm/mov_decode.h"
#include "vmm/partition.h"
#include "vmm/vmm_state.h"

/* Exit qualifications: SDM vol. 3C, tables 28-5 and 28-7. */
#define IO_SIZE 7u
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_PORT_SHIFT 16u
#define VIOLATION_LINEAR_VALID (1u << 7)
#define VIOLATION_NOT_WALK (1u << 8)

#define PAGE_MASK 4095u

struct doorbell {
    struct doorbell_match match;
    uint64_t event; /* root physical address */
    bool active;    /* atomic; the other members are constant while it is set */
};

struct doorbell_table {
    struct doorbell entries[WHB_MAX_DOORBELLS];
};

_Static_assert(sizeof(struct doorbell_table) <= 4096, "a partition's doorbells are one page");

static bool is_active(const struct doorbell *d)
{
    return __atomic_load_n(&d->active, __ATOMIC_ACQUIRE);
}

static struct doorbell *find(struct doorbell_table *table, const struct doorbell_match *match)
{
    for (unsigned i = 0; table != NULL && i < WHB_MAX_DOORBELLS; i++) {
        if (table->entries[i].active && doorbell_match_same(&table->entries[i].match, match)) {
            return &table->entries[i];
        }
    }
    return NULL;
}

static struct doorbell *find_free(struct doorbell_table *table)
{
    for (unsigned i = 0; i < WHB_MAX_DOORBELLS; i++) {
        if (!table->entries[i].active) {
            return &table->entries[i];
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
    struct doorbell_table *table = p->doorbells == NULL ? page_alloc(PAGE_USE_PARTITION) : p->doorbells;
    struct doorbell *free = table == NULL ? NULL : find_free(table);
    if (free == NULL) {
        return WHB_ERROR_OUT_OF_MEMORY;
    }
    free->match = *match;
    free->event = event;
    __atomic_store_n(&free->active, true, __ATOMIC_RELEASE);
    __atomic_store_n(&p->doorbells, table, __ATOMIC_RELEASE);
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

static bool is_watched(const struct doorbell_table *table, uint64_t address)
{
    for (unsigned i = 0; i < WHB_MAX_DOORBELLS; i++) {
        if (is_active(&table->entries[i]) && table->entries[i].match.address == address) {
            return true;
        }
    }
    return false;
}

/* All that match, as different clients may have added them. */
static bool signal(const struct doorbell_table *table, uint64_t address, uint64_t value, uint32_t size)
{
    bool any = false;
    for (unsigned i = 0; i < WHB_MAX_DOORBELLS; i++) {
        const struct doorbell *d = &table->entries[i];
        if (is_active(d) && doorbell_matches(&d->match, address, value, size)) {
            struct whb_event *event = phys_to_virt(d->event);
            (void)__atomic_fetch_add(&event->signals, 1, __ATOMIC_SEQ_CST);
            any = true;
        }
    }
    return any;
}

static const struct doorbell_table *table_of(const struct vp *vp)
{
    return __atomic_load_n(&vp->partition->doorbells, __ATOMIC_ACQUIRE);
}

/* The VP's own registers, read once: the root can write those in the run page. */
static void copy_registers(const struct vp *vp, uint64_t gpr[16])
{
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = ((const volatile uint64_t *)vp->gpr)[i];
    }
    gpr[4] = vmcs_readnw(VMCS_GUEST_RSP);
}

/*
 * The store must lie within the page of `gpa` and begin there: of a store over a page's end the processor reports the
 * part that failed, which may be the second.
 */
static bool begins_at(const struct mov_store *store, const uint64_t *gpr, const struct exit_snapshot *s, uint64_t gpa)
{
    uint64_t linear = mov_offset(store, gpr, s->rip);
    if (exit_mov_mode(s) != MOV_MODE_64 || store->segment >= MOV_FS) {
        linear += vmcs_readnw(vmcs_base_field((enum vmcs_segment)(VMCS_SEG_ES + store->segment)));
    }
    return ((linear ^ gpa) & PAGE_MASK) == 0 && (gpa & PAGE_MASK) + store->size <= PAGE_MASK + 1;
}

bool doorbell_memory_write(struct vp *vp, uint64_t gpa, uint64_t qualification)
{
    const uint64_t plain = VIOLATION_LINEAR_VALID | VIOLATION_NOT_WALK;
    const struct doorbell_table *table = table_of(vp);
    if (table == NULL || (qualification & plain) != plain || (vp->event.info & INTERRUPTION_VALID) != 0 ||
        !is_watched(table, gpa)) {
        return false;
    }
    struct exit_snapshot s;
    struct mov_store store;
    uint64_t gpr[16];
    exit_fetch_instruction(vp, &s);
    if (!mov_decode(s.instruction_bytes, s.instruction_byte_count, exit_mov_mode(&s), &store)) {
        return false;
    }
    copy_registers(vp, gpr);
    if (!begins_at(&store, gpr, &s, gpa) || !signal(table, gpa, mov_value(&store, gpr), store.size)) {
        return false;
    }
    exit_skip_bytes(store.length);
    return true;
}

bool doorbell_port_write(struct vp *vp)
{
    const struct doorbell_table *table = table_of(vp);
    if (table == NULL) {
        return false;
    }
    uint32_t qualification = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    if ((qualification & (IO_IN | IO_STRING)) != 0) {
        return false;
    }
    uint32_t size = (qualification & IO_SIZE) + 1;
    uint64_t value = ((const volatile uint64_t *)vp->gpr)[0] & ((1ull << (8 * size)) - 1);
    if (!signal(table, WHB_DOORBELL_PORT | (qualification >> IO_PORT_SHIFT), value, size)) {
        return false;
    }
    exit_skip_instruction();
    return true;
}
