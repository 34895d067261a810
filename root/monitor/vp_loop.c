/* SPDX-License-Identifier: MIT */
/* The exit loop of a VP: run, look at the record, do what it asks, run again. */
#include "root/lib/string.h"
#include "root/monitor/crash.h"
#include "root/monitor/host.h"
#include "root/monitor/lint0.h"
#include "root/monitor/machine.h"
#include "root/monitor/vp_exits.h"

#define RFLAGS_IF 0x200u

/* The guest's CPU takes an external interrupt at its next entry. */
static bool is_open(const WHV_VP_EXIT_CONTEXT *c)
{
    return (c->Rflags & RFLAGS_IF) != 0 && !c->ExecutionState.InterruptShadow && !c->ExecutionState.InterruptionPending;
}

static void ask_for_window(struct machine_vp *vp)
{
    WHV_REGISTER_NAME name = WHvX64RegisterDeliverabilityNotifications;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.DeliverabilityNotifications.InterruptNotification = 1;
    (void)WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, &name, 1, &value);
    vp->window_asked = true;
}

/* A run that is canceled before its entry leaves the interrupt that was given for it where it was. */
static bool one_waits(struct machine_vp *vp)
{
    WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    if (vp->pic_given &&
        SUCCEEDED(WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, &name, 1, &value))) {
        vp->pic_given = value.ExtIntEvent.EventPending;
    }
    return vp->pic_given;
}

struct lint0 {
    enum lint0_way way;
    uint32_t lvt;
};

static struct lint0 read_lint0(struct machine_vp *vp)
{
    static const WHV_REGISTER_NAME names[] = {WHvX64RegisterApicBase, WHvX64RegisterApicSpurious,
                                              WHvX64RegisterApicLvtLint0};
    WHV_REGISTER_VALUE values[3];
    HRESULT hr = WHvGetVirtualProcessorRegisters(vp->machine->partition, vp->index, names, 3, values);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvGetVirtualProcessorRegisters (LINT0)", hr);
        return (struct lint0){LINT0_MASKED, 0};
    }
    uint32_t lvt = values[2].Reg32;
    return (struct lint0){lint0_way(values[0].Reg64, values[1].Reg32, lvt), lvt};
}

/* INTR has risen at a LINT0 that does not ask the 8259 pair: an interrupt of the local APIC's own. */
static void forward_rise(struct machine_vp *vp, const struct lint0 *lint0)
{
    WHV_INTERRUPT_CONTROL control;
    memset(&control, 0, sizeof(control));
    control.Destination = vp->index;
    control.Type = lint0->way == LINT0_NMI ? WHvX64InterruptTypeNmi : WHvX64InterruptTypeFixed;
    control.Vector = lint0->way == LINT0_NMI ? 0 : lint0->lvt & 0xffu;
    (void)WHvRequestInterrupt(vp->machine->partition, &control, sizeof(control));
}

/* The 8259 pair's interrupt, to VP 0. Its vector is asked for only when the guest takes it, as INTA does. */
static void offer_pic_interrupt(struct machine_vp *vp)
{
    if (!is_open(&vp->record.VpContext) || one_waits(vp)) {
        if (!vp->window_asked) {
            ask_for_window(vp);
        }
        return;
    }
    const WHV_REGISTER_NAME name = WHvRegisterPendingEvent;
    WHV_REGISTER_VALUE value;
    memset(&value, 0, sizeof(value));
    value.ExtIntEvent.EventPending = 1;
    value.ExtIntEvent.EventType = WHvX64PendingEventExtInt;
    value.ExtIntEvent.Vector = pic_acknowledge(&vp->machine->pic);
    HRESULT hr = WHvSetVirtualProcessorRegisters(vp->machine->partition, vp->index, &name, 1, &value);
    if (FAILED(hr)) {
        crash_call_failed(vp, "WHvSetVirtualProcessorRegisters (PIC interrupt)", hr);
    }
    vp->record.VpContext.ExecutionState.InterruptionPending = 1;
    vp->pic_given = true;
}

static uint64_t deadline(const struct machine *m)
{
    uint64_t ports = bus_deadline(&m->ports), mmio = bus_deadline(&m->mmio);
    return ports < mmio ? ports : mmio;
}

/* INTR is wired to VP 0's LINT0. True: an interrupt may have been taken. */
static bool serve_pic(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    bool up = pic_has_interrupt(&m->pic), rose = m->pic_rose;
    if (!rose && (!up || !is_open(&vp->record.VpContext))) {
        if (up && !vp->window_asked) {
            ask_for_window(vp);
        }
        return false;
    }
    struct lint0 lint0 = read_lint0(vp);
    m->pic_rose = false;
    if (rose && (lint0.way == LINT0_FIXED || lint0.way == LINT0_NMI)) {
        forward_rise(vp, &lint0);
    }
    if (!up || lint0.way != LINT0_EXTINT) {
        return false; /* a write of LINT0 or SVR is a record, after which this is looked at again */
    }
    offer_pic_interrupt(vp);
    return true;
}

/* VP 0's CPU is the one that keeps the machine's time. */
static void keep_time(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    machine_lock(m);
    uint64_t now = machine_now(m), next = deadline(m);
    if (next <= now) {
        bus_advance(&m->ports, now);
        bus_advance(&m->mmio, now);
        m->alarm = DEVICE_NEVER; /* it is spent */
        next = deadline(m);
    }
    if ((m->pic_rose || pic_has_interrupt(&m->pic)) && serve_pic(vp)) {
        next = deadline(m); /* a tick that was taken makes room for one that is owed */
    }
    if (next != m->alarm) {
        m->alarm = next;
        host_alarm(next == DEVICE_NEVER ? UINT64_MAX : machine_tsc_at(m, next));
    }
    machine_unlock(m);
}

/* Another VP's access may have given VP 0's CPU something to do. */
static void tell_vp0(struct machine *m)
{
    machine_lock(m);
    bool needed = m->pic_rose || deadline(m) < m->alarm;
    machine_unlock(m);
    if (needed) {
        (void)WHvCancelRunVirtualProcessor(m->partition, 0, 0);
    }
}

/* Waits for the others, then starts the machine again. */
static void reset_machine(struct machine *m)
{
    for (uint32_t i = 1; i < m->config->cpus; i++) {
        while (__atomic_load_n(&m->vps[i].stopped, __ATOMIC_ACQUIRE) == 0) {
            host_pause();
        }
    }
    const char *problem = machine_restart(m);
    if (problem != NULL) {
        machine_say(m, "does not start again: %s", problem);
    }
    __atomic_store_n(&m->end, problem == NULL ? MACHINE_RUNS : MACHINE_CRASHED, __ATOMIC_RELEASE);
    __atomic_fetch_add(&m->generation, 1, __ATOMIC_ACQ_REL);
}

/* True: the machine runs again. */
static bool wait_for_reset(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    if (vp->index == 0) {
        reset_machine(m);
    } else {
        uint32_t before = __atomic_load_n(&m->generation, __ATOMIC_ACQUIRE);
        __atomic_store_n(&vp->stopped, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&m->generation, __ATOMIC_ACQUIRE) == before) {
            host_pause();
        }
        __atomic_store_n(&vp->stopped, 0, __ATOMIC_RELEASE);
    }
    vp->window_asked = false;
    vp->pic_given = false;
    memset(&vp->record, 0, sizeof(vp->record));
    return machine_state(m) == MACHINE_RUNS;
}

static void run_until_end(struct machine_vp *vp)
{
    struct machine *m = vp->machine;
    while (machine_state(m) == MACHINE_RUNS) {
        if (vp->index == 0) {
            keep_time(vp);
        }
        uint64_t begin = host_tsc();
        HRESULT hr = WHvRunVirtualProcessor(m->partition, vp->index, &vp->record, sizeof(vp->record));
        uint64_t exit = host_tsc();
        vp->statistics.in_guest += exit - begin;
        if (FAILED(hr)) {
            crash_call_failed(vp, "WHvRunVirtualProcessor", hr);
            return;
        }
        enum statistics_row row = vp_exit(vp);
        if (vp->index != 0) {
            tell_vp0(m);
        }
        statistics_count(&vp->statistics, row, host_tsc() - exit);
    }
}

void machine_run_vp(struct machine_vp *vp)
{
    host_alarm_target(vp->machine->partition, vp->index);
    do {
        run_until_end(vp);
    } while (machine_state(vp->machine) == MACHINE_RESETS && wait_for_reset(vp));
    host_alarm_target(NULL, 0);
    __atomic_store_n(&vp->stopped, 1, __ATOMIC_RELEASE);
}
