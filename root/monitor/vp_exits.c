/* SPDX-License-Identifier: MIT */
#include "root/monitor/vp_exits.h"

#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/host.h"

#define EXCEPTION_DB 1u
#define EXCEPTION_GP 13u
#define RFLAGS_IF 0x200u

static void set_registers(struct machine_vp *vp, const WHV_REGISTER_NAME *names, const WHV_REGISTER_VALUE *values,
                          uint32_t count)
{
    HRESULT hr = WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, count, values);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvSetVirtualProcessorRegisters", hr);
    }
}

/* IN changes AL, AX, or EAX, and the last clears the upper half of RAX (SDM vol. 1, 3.4.1.1). */
static uint64_t merge_rax(uint64_t rax, uint64_t value, uint32_t size)
{
    switch (size) {
    case 1:
        return (rax & ~0xffull) | (value & 0xff);
    case 2:
        return (rax & ~0xffffull) | (value & 0xffff);
    default:
        return value & 0xffffffff;
    }
}

static enum statistics_row port_access(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    const WHV_X64_IO_PORT_ACCESS_CONTEXT *io = &vp->record.IoPortAccess;
    uint32_t size = io->AccessInfo.AccessSize;
    bool write = io->AccessInfo.IsWrite;
    if (io->AccessInfo.StringOp) {
        vp_emulate_port(vp);
        return STATISTICS_PORT_STRING;
    }
    WHV_REGISTER_NAME names[1 + WHB_COMPLETION_REGISTERS];
    WHV_REGISTER_VALUE values[1 + WHB_COMPLETION_REGISTERS];
    uint32_t count = whb_complete_instruction(&vp->record.VpContext, NULL, names, values);
    machine_lock(m);
    if (write) {
        bus_write(&m->ports, io->PortNumber, size, size == 4 ? io->Rax & 0xffffffff : io->Rax & ((1u << 8 * size) - 1));
    } else {
        names[count] = WHvX64RegisterRax;
        values[count++].Reg64 = merge_rax(io->Rax, bus_read(&m->ports, io->PortNumber, size), size);
    }
    machine_unlock(m);
    set_registers(vp, names, values, count);
    return write ? STATISTICS_PORT_WRITE : STATISTICS_PORT_READ;
}

/* MSRs that the hypervisor knows do not come here: the others are not there, which #GP says. */
static void refuse_msr(struct machine_vp *vp)
{
    const WHV_X64_MSR_ACCESS_CONTEXT *msr = &vp->record.MsrAccess;
    WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.ExceptionEvent.EventPending = 1;
    value.ExceptionEvent.EventType = WHvX64PendingEventException;
    value.ExceptionEvent.DeliverErrorCode = vp->record.VpContext.ExecutionState.Cr0Pe; /* real mode has none */
    value.ExceptionEvent.Vector = EXCEPTION_GP;
    machine_debug(vp->machine, "%s of MSR %xh, which is not there: #GP", msr->AccessInfo.IsWrite ? "write" : "read",
                  msr->MsrNumber);
    set_registers(vp, &name, &value, 1);
}

static void end_of_interrupt(struct machine_vp *vp)
{
    machine_lock(vp->machine);
    ioapic_eoi(&vp->machine->ioapic, (uint8_t)vp->record.ApicEoi.InterruptVector);
    machine_unlock(vp->machine);
}

/*
 * A guest that has switched interrupts off and executed HLT on all VPs has ended: Linux does so where it has no way to
 * switch its machine off. VP 0 looks when it is canceled, which happens now and then, and then lets the others look.
 */
static void look_for_end(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    WHV_REGISTER_NAME name = WHvRegisterInternalActivityState;
    WHV_REGISTER_VALUE value;
    HRESULT hr = WHvGetVirtualProcessorRegisters(m->partition, vp->index, &name, 1, &value);
    bool halted = SUCCEEDED(hr) && value.InternalActivity.HaltSuspend && !value.InternalActivity.StartupSuspend;
    vp->dead = (halted && (vp->record.VpContext.Rflags & RFLAGS_IF) == 0) ||
               (SUCCEEDED(hr) && value.InternalActivity.StartupSuspend);
    bool all = vp->dead;
    for (uint32_t i = 0; i < m->config->cpus && all; i++) {
        bool dead = __atomic_load_n(&m->vps[i].dead, __ATOMIC_RELAXED);
        all = dead;
        if (!dead && vp->index == 0) {
            (void)WHvCancelRunVirtualProcessor(m->partition, i, 0);
        }
    }
    if (all) {
        machine_end(m, MACHINE_HALTED);
    }
}

enum statistics_row vp_exit(struct machine_vp *vp)
{
    vp->dead = false;
    bool stepped = vp_rom_step_end(vp);
    switch (vp->record.ExitReason) {
    case WHvRunVpExitReasonX64IoPortAccess:
        return port_access(vp);
    case WHvRunVpExitReasonMemoryAccess:
        vp_emulate_memory(vp);
        return STATISTICS_MMIO;
    case WHvRunVpExitReasonX64InterruptWindow:
        vp->window_asked = false;
        return STATISTICS_WINDOW;
    case WHvRunVpExitReasonX64ApicEoi:
        end_of_interrupt(vp);
        return STATISTICS_EOI;
    case WHvRunVpExitReasonException:
        if (vp->record.VpException.ExceptionType == EXCEPTION_DB) {
            vp_debug_exception(vp, stepped);
        } else {
            vp_x87_error(vp);
        }
        return STATISTICS_OTHER;
    case WHvRunVpExitReasonX64ApicWriteTrap:
        return STATISTICS_OTHER; /* done already; what it lets through is looked at before the next run */
    case WHvRunVpExitReasonX64MsrAccess:
        refuse_msr(vp);
        return STATISTICS_MSR;
    case WHvRunVpExitReasonX64Halt:
        return STATISTICS_HALT; /* cannot be: the local APIC waits inside run-VP */
    case WHvRunVpExitReasonCanceled:
        host_poll();
        look_for_end(vp);
        return STATISTICS_CANCELED;
    case WHvRunVpExitReasonUnsupportedFeature:
        if (vp->record.UnsupportedFeature.FeatureCode == WHvUnsupportedFeatureTaskSwitchTss) {
            vp_task_switch(vp);
        } else {
            crash_report(vp, "it did what the hypervisor does not offer");
        }
        return STATISTICS_OTHER;
    case WHvRunVpExitReasonUnrecoverableException:
        crash_report(vp, "triple fault: the processor would have shut down");
        return STATISTICS_OTHER;
    case WHvRunVpExitReasonInvalidVpRegisterValue:
        crash_report(vp, "the registers are in a state that no processor can run in");
        return STATISTICS_OTHER;
    default:
        crash_report(vp, "it did what the hypervisor does not offer");
        return STATISTICS_OTHER;
    }
}
