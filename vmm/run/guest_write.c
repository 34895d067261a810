/* SPDX-License-Identifier: MIT */
#include "vmm/run/guest_write.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/string.h"
#include "arch/vmx/vmcs.h"
#include "vmm/io_event/doorbell.h"
#include "vmm/io_event/posted.h"
#include "vmm/io_event/write_table.h"
#include "vmm/partition/partition.h"
#include "vmm/run/exit_skip.h"
#include "vmm/run/fetch_plain.h"
#include "vmm/run/guest_exit.h"
#include "vmm/vp/completion.h"
#include "vmm/vp/mov_decode.h"

/* Exit qualifications: SDM vol. 3C, tables 28-5 and 28-7. */
#define IO_SIZE 7u
#define IO_IN (1u << 3)
#define IO_STRING (1u << 4)
#define IO_PORT_SHIFT 16u
#define VIOLATION_LINEAR_VALID (1u << 7)
#define VIOLATION_NOT_WALK (1u << 8)

#define PAGE_MASK 4095u

static const struct write_table *table_of(const struct vp *vp)
{
    return __atomic_load_n(&vp->partition->doorbells, __ATOMIC_ACQUIRE);
}

/* A doorbell rings instead of being posted: the client that asked for it waits for the signal. */
static bool finish(struct vp *vp, const struct write_table *table, uint64_t address, uint64_t value, uint32_t size)
{
    return doorbell_signal(table, address, value, size) || posted_append(vp, table, address, value, size);
}

/* The VP's own registers, read once: the root can write those in the run page. */
static void copy_registers(const struct vp *vp, uint64_t gpr[16])
{
    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = ((const volatile uint64_t *)vp->gpr)[i];
    }
    gpr[4] = vmcs_readnw(VMCS_GUEST_RSP);
}

/* The instruction that exited. */
struct code {
    uint64_t rip;
    enum mov_mode mode;
    unsigned count;
    uint8_t bytes[EXIT_INSTRUCTION_BYTES];
};

static void fetch(const struct vp *vp, struct code *code)
{
    uint32_t cs_access = vmcs_read32(VMCS_GUEST_CS_ACCESS), entry = vmcs_read32(VMCS_ENTRY_CONTROLS);
    code->rip = vmcs_readnw(VMCS_GUEST_RIP);
    if ((entry & ENTRY_IA32E) != 0 && (cs_access & ACCESS_LONG) != 0 && (cs_access & ACCESS_CONFORMING) == 0 &&
        fetch_plain(vp, code->rip, cs_access >> 5 & 3u, code->bytes)) {
        code->mode = MOV_MODE_64;
        code->count = EXIT_INSTRUCTION_BYTES;
        return;
    }
    struct exit_snapshot s;
    exit_fetch_instruction(vp, &s);
    code->mode = exit_mov_mode(&s);
    code->count = s.instruction_byte_count;
    memcpy(code->bytes, s.instruction_bytes, sizeof(code->bytes));
}

/*
 * The store must lie within the page of `gpa` and begin there: of a store over a page's end the processor reports the
 * part that failed, which may be the second.
 */
static bool begins_at(const struct mov_store *store, const uint64_t *gpr, const struct code *code, uint64_t gpa)
{
    uint64_t linear = mov_offset(store, gpr, code->rip);
    if (code->mode != MOV_MODE_64 || store->segment >= MOV_FS) {
        linear += vmcs_readnw(vmcs_base_field((enum vmcs_segment)(VMCS_SEG_ES + store->segment)));
    }
    return ((linear ^ gpa) & PAGE_MASK) == 0 && (gpa & PAGE_MASK) + store->size <= PAGE_MASK + 1;
}

bool guest_write_memory(struct vp *vp, uint64_t gpa, uint64_t qualification)
{
    const uint64_t plain = VIOLATION_LINEAR_VALID | VIOLATION_NOT_WALK;
    const struct write_table *table = table_of(vp);
    if (table == NULL || (qualification & plain) != plain || (vp->event.info & INTERRUPTION_VALID) != 0 ||
        !(doorbell_watches(table, gpa) || posted_watches(table, gpa))) {
        return false;
    }
    struct code code;
    struct mov_store store;
    uint64_t gpr[16];
    fetch(vp, &code);
    if (!mov_decode(code.bytes, code.count, code.mode, &store)) {
        return false;
    }
    copy_registers(vp, gpr);
    if (!begins_at(&store, gpr, &code, gpa) || !finish(vp, table, gpa, mov_value(&store, gpr), store.size)) {
        return false;
    }
    if (vp_pending(vp, PENDING_BREAKPOINTS) != 0) {
        completion_watch(vp, BREAKPOINT_WRITE, vmcs_readnw(VMCS_GUEST_LINEAR_ADDRESS), store.size);
    }
    advance_rip_by(store.length);
    return true;
}

/* The OUT that exited is to a doorbell or is posted; false: neither, or no OUT. */
static bool finish_port(struct vp *vp, const struct write_table *table)
{
    uint32_t qualification = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
    if ((qualification & (IO_IN | IO_STRING)) != 0) {
        return false;
    }
    uint32_t size = (qualification & IO_SIZE) + 1;
    uint64_t value = ((const volatile uint64_t *)vp->gpr)[0] & ((1ull << (8 * size)) - 1);
    return finish(vp, table, WHB_DOORBELL_PORT | (qualification >> IO_PORT_SHIFT), value, size);
}

bool guest_write_port(struct vp *vp)
{
    const struct write_table *table = table_of(vp);
    if (__builtin_expect(table == NULL, 1) || !finish_port(vp, table)) {
        return false;
    }
    if (vp_pending(vp, PENDING_BREAKPOINTS) != 0) {
        uint32_t q = (uint32_t)vmcs_readnw(VMCS_EXIT_QUALIFICATION);
        completion_watch(vp, BREAKPOINT_PORT, q >> IO_PORT_SHIFT, (q & IO_SIZE) + 1);
    }
    advance_rip();
    return true;
}

bool guest_write_port_plain(struct vp *vp)
{
    const struct write_table *table = table_of(vp);
    uint64_t next;
    if (table == NULL || !plain_next_instruction(false, &next) || !finish_port(vp, table)) {
        return false;
    }
    vmcs_writenw(VMCS_GUEST_RIP, next);
    return true;
}
