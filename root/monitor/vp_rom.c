/* SPDX-License-Identifier: MIT */
/*
 * Writes of the processor's own to ROM: the accessed and busy bits of descriptors, the accessed and dirty bits of page
 * tables, what it pushes when it delivers an event. They are no instruction's operands, so there is nothing to emulate.
 * For one instruction the page is a copy that can be written; then it is the ROM again, and what was written is lost.
 */
#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/host.h"
#include "root/monitor/prefixes.h"
#include "root/monitor/vp_exits.h"

#define PAGE 4096ull
#define RFLAGS_TF 0x100u
#define VECTOR_DB 1u
#define VECTOR_MF 16u
#define DR6_B0_TO_B3 0xfull
#define DR6_BS (1ull << 14)
#define IRET 0xcfu

static void call_failed(struct machine_vp *vp, HRESULT hr)
{
    if (FAILED(hr)) {
        crash_call_failed(vp, "a call for a write to ROM", hr);
    }
}

static void set_one(struct machine_vp *vp, WHV_REGISTER_NAME name, const WHV_REGISTER_VALUE *value)
{
    call_failed(vp, WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, &name, 1, value));
}

static bool within(const WHV_REGISTER_VALUE *value, bool is_table, uint64_t gva)
{
    uint64_t base = is_table ? value->Table.Base : value->Segment.Base;
    uint64_t limit = is_table ? value->Table.Limit : value->Segment.Limit;
    return gva - base <= limit;
}

/*
 * Whether the record's write is the processor's own (SDM vol. 3C, table 28-7): it has no linear address, or that of a
 * page walk; an event was being delivered; or it is in a descriptor table, where an instruction's own write would be
 * lost all the same.
 */
static bool is_own_write(struct machine_vp *vp)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterGdtr, WHvX64RegisterLdtr};
    const WHV_MEMORY_ACCESS_CONTEXT *access = &vp->record.MemoryAccess;
    if (!access->AccessInfo.GvaValid || vp->record.VpContext.ExecutionState.InterruptionPending) {
        return true;
    }
    WHV_REGISTER_VALUE values[2];
    HRESULT hr = WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, 2, values);
    call_failed(vp, hr);
    return SUCCEEDED(hr) && (within(&values[0], true, access->Gva) || within(&values[1], false, access->Gva));
}

/* #DB is a record while a step is on, besides what is one always. */
static void want_debug(struct machine_vp *vp, bool on)
{
    const uint64_t exceptions = 1u << VECTOR_MF | (on ? 1u << VECTOR_DB : 0);
    call_failed(vp, WHvSetPartitionProperty(vp->machine->partition, WHvPartitionPropertyCodeExceptionExitBitmap,
                                            &exceptions, sizeof(exceptions)));
}

static void set_tf(struct machine_vp *vp, bool on)
{
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.Reg64 = (vp->record.VpContext.Rflags & ~(uint64_t)RFLAGS_TF) | (on ? RFLAGS_TF : 0);
    set_one(vp, WHvX64RegisterRflags, &value);
}

/*
 * An instruction is stopped behind by TF. Where an event is delivered TF would be pushed: there the next exit of any
 * kind ends the step.
 */
static void begin(struct machine_vp *vp, struct rom_step *s)
{
    const WHV_MEMORY_ACCESS_CONTEXT *access = &vp->record.MemoryAccess;
    const WHV_VP_EXIT_CONTEXT *c = &vp->record.VpContext;
    uint32_t at = prefixes_length(access->InstructionBytes, access->InstructionByteCount, c->Cs.Long);
    s->vp = vp;
    s->traps = !c->ExecutionState.InterruptionPending;
    s->had_tf = (c->Rflags & RFLAGS_TF) != 0;
    s->pops_flags = at < access->InstructionByteCount && access->InstructionBytes[at] == IRET;
    if (s->traps) {
        want_debug(vp, true);
        set_tf(vp, true);
    }
}

static bool add_page(struct machine_vp *vp, struct rom_step *s, const uint8_t *rom, uint64_t page)
{
    if (s->count == ROM_STEP_PAGES) {
        return false;
    }
    uint8_t *copy = s->copies + s->count * PAGE;
    memcpy(copy, rom, PAGE);
    HRESULT hr = WHvMapGpaRange(vp->machine->partition, copy, page, PAGE,
                                WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute);
    call_failed(vp, hr);
    s->pages[s->count++] = page;
    return SUCCEEDED(hr);
}

bool vp_rom_write(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    struct rom_step *s = &m->rom_step;
    uint64_t page = vp->record.MemoryAccess.Gpa & ~(PAGE - 1);
    const uint8_t *rom = machine_rom_at(m, page, PAGE);
    if (rom == NULL || vp->record.MemoryAccess.AccessInfo.AccessType != WHvMemoryAccessWrite || !is_own_write(vp)) {
        return false;
    }
    machine_lock(m);
    bool mine = s->vp == vp, free = s->vp == NULL;
    s->copies = s->copies == NULL ? host_alloc_memory(ROM_STEP_PAGES * PAGE) : s->copies;
    bool done = s->copies != NULL;
    if (done && free) {
        begin(vp, s);
    }
    if (done && (mine || free)) { /* else another VP's step is on: this one tries again */
        done = add_page(vp, s, rom, page);
    }
    machine_unlock(m);
    return done;
}

static void restore(struct machine_vp *vp, struct rom_step *s)
{
    struct machine *m = vp->machine;
    for (uint32_t i = 0; i < s->count; i++) {
        uint8_t *rom = m->rom + (s->pages[i] - m->firmware.base);
        call_failed(vp, WHvMapGpaRange(m->partition, rom, s->pages[i], PAGE,
                                       WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagExecute));
    }
    if (s->traps) {
        want_debug(vp, false);
        if (!s->pops_flags) {
            set_tf(vp, s->had_tf);
        }
    }
    s->count = 0;
    s->vp = NULL;
}

bool vp_rom_step_end(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    struct rom_step *s = &m->rom_step;
    WHV_RUN_VP_EXIT_REASON reason = vp->record.ExitReason;
    if (s->vp != vp || reason == WHvRunVpExitReasonCanceled || reason == WHvRunVpExitReasonX64InterruptWindow ||
        (reason == WHvRunVpExitReasonMemoryAccess && machine_rom_at(m, vp->record.MemoryAccess.Gpa, 1) != NULL)) {
        return false;
    }
    machine_lock(m);
    restore(vp, s);
    machine_unlock(m);
    return s->traps && !s->had_tf;
}

void vp_debug_exception(struct machine_vp *vp, bool stepped)
{
    uint64_t causes = vp->record.VpException.ExceptionParameter;
    if (stepped && (causes & DR6_BS) != 0) {
        causes &= ~DR6_BS;
        if ((causes & DR6_B0_TO_B3) == 0) {
            return;
        }
    }
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.ExceptionEvent.EventPending = 1;
    value.ExceptionEvent.EventType = WHvX64PendingEventException;
    value.ExceptionEvent.Vector = VECTOR_DB;
    value.ExceptionEvent.ExceptionParameter = causes;
    set_one(vp, WHvRegisterPendingEvent, &value);
}
