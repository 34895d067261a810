/* SPDX-License-Identifier: MIT */
/* The end of an emulated instruction: breakpoints that it met, single steps, shadows. */
#include "abi/breakpoints.h"
#include "root/libwhv/emulator_flags.h"
#include "root/libwhv/emulator_state.h"

#define CR4_DE (1u << 3)

static bool get(struct emulation *e, const WHV_REGISTER_NAME *names, UINT32 count, WHV_REGISTER_VALUE *values)
{
    if (FAILED(e->emulator->callbacks.WHvEmulatorGetVirtualProcessorRegisters(e->context, names, count, values))) {
        e->status.GetVirtualProcessorRegistersCallbackFailed = 1;
        return false;
    }
    return true;
}

static bool load_breakpoints(struct emulation *e)
{
    static const WHV_REGISTER_NAME names[6] = {WHvX64RegisterDr0, WHvX64RegisterDr1, WHvX64RegisterDr2,
                                               WHvX64RegisterDr3, WHvX64RegisterDr7, WHvX64RegisterCr4};
    WHV_REGISTER_VALUE values[6] = {0};
    if (!get(e, names, 6, values)) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        e->dr[i] = values[i].Reg64;
    }
    e->dr7 = values[4].Reg64;
    e->watches_ports = (values[5].Reg64 & CR4_DE) != 0;
    return true;
}

bool emulator_load_breakpoints(struct emulation *e)
{
    return !e->vp->ExecutionState.DebugActive || load_breakpoints(e);
}

void emulator_watch(struct emulation *e, uint64_t linear, unsigned size, bool write)
{
    if (e->dr7 != 0) {
        e->hits |= (uint8_t)breakpoint_hits(e->dr, e->dr7, write ? BREAKPOINT_WRITE : BREAKPOINT_READ, linear, size);
    }
}

void emulator_watch_port(struct emulation *e, uint16_t port, unsigned size)
{
    if (e->watches_ports) {
        e->hits |= (uint8_t)breakpoint_hits(e->dr, e->dr7, BREAKPOINT_PORT, port, size);
    }
}

bool emulator_traps(const struct emulation *e)
{
    return e->hits != 0 || (e->vp->Rflags & EMULATOR_TF) != 0;
}

bool emulator_complete(struct emulation *e, WHV_REGISTER_NAME *names, WHV_REGISTER_VALUE *values, uint32_t *count)
{
    static const WHV_REGISTER_NAME now[2] = {WHvRegisterInterruptState, WHvX64RegisterPendingDebugException};
    WHV_REGISTER_VALUE is[2] = {0};
    struct whb_completion how = {
        .rip = e->rip,
        .rflags = e->rflags,
        .hits = e->hits,
        .goes_on = e->goes_on ? 1 : 0,
        .begins_shadow = e->begins_shadow ? 1 : 0,
    };
    if (whb_completion_is_special(e->vp, &how)) {
        if (!get(e, now, 2, is)) {
            return false;
        }
        how.interrupt_state = is[0].Reg64;
        how.pending_debug = is[1].Reg64;
    }
    *count = whb_complete_instruction(e->vp, &how, names, values);
    return true;
}
