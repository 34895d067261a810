/* SPDX-License-Identifier: MIT */
#include "vmm/root/root_ipi.h"

#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/vmx/vmcs.h"
#include "kernel/core/clock.h"
#include "kernel/core/kick.h"
#include "kernel/core/spinlock.h"
#include "vmm/partition/partition.h"
#include "vmm/root/root_vp.h"

#define SIPI_TRIES 20u
#define SIPI_WAIT_US 50u

/*
 * While a CPU waits for SIPI it takes no NMI, so nobody could get a VP back from it. A VP that another CPU owns at this
 * moment is either being recalled, which the wait serves, or is not loaded here.
 */
static void let_go(struct vp *vp, void *context)
{
    struct cpu *cpu = context;
    lock_check_wait("the owner of a VP", "&p->lock");
    while (__atomic_load_n(&vp->loaded_on, __ATOMIC_ACQUIRE) == cpu) {
        uint32_t free = VP_OWNER_NONE;
        if (__atomic_compare_exchange_n(&vp->owner, &free, cpu->index + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            if (vp->loaded_on == cpu) {
                vp_flush_here(cpu, vp);
            }
            vp_release(vp);
        } else {
            spin_wait_hook();
        }
    }
}

/*
 * Not always the processor's state: Bochs 2.7 blocks SMI and NMI for good on a CPU that left it by a SIPI exit, and
 * keeps an INIT pending that has exited. In x2APIC mode neither is needed.
 */
void root_ipi_park(struct cpu *cpu)
{
    bool software = apic_is_x2apic();
    lock_check_wait("SIPI", "");
    __atomic_store_n(&cpu->sipi, 0, __ATOMIC_RELAXED);
    if (!software) {
        vmcs_write32(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_FOR_SIPI);
    }
    __atomic_store_n(&cpu->parked, software ? CPU_PARKED_SOFTWARE : CPU_PARKED_HARDWARE, __ATOMIC_RELEASE);
}

void root_ipi_wait(struct cpu *cpu, struct vp *root)
{
    for (;;) {
        uint32_t sipi = __atomic_load_n(&cpu->sipi, __ATOMIC_ACQUIRE);
        if (sipi != 0) {
            root_ipi_sipi(cpu, root, sipi & 0xffu);
            return;
        }
        cpu_wait_nmi(); /* an NMI just before it is missed: send_sipi kicks again until it is heard */
        kick_serve(cpu);
    }
}

void root_ipi_init(struct cpu *cpu, struct vp *root)
{
    partition_for_each_vp(let_go, cpu);
    vmcs_setup_reset(root);
    root_ipi_park(cpu);
    __atomic_store_n(&cpu->init_wanted, 0, __ATOMIC_RELEASE); /* the last: send_init waits for it */
}

/*
 * Whether a processor keeps an NMI that comes while it waits for SIPI is not said. One that it dropped would never
 * clear its mark, and so keep all later kicks away. `kick` was 0 at the entry to that state.
 */
static void find_lost_kick(struct cpu *cpu)
{
    if (__atomic_load_n(&cpu->kick_nmis, __ATOMIC_SEQ_CST) != 0) {
        clock_delay_us(SIPI_WAIT_US); /* one that is under way arrives */
        if (__atomic_load_n(&cpu->kick, __ATOMIC_SEQ_CST) == 0) {
            __atomic_store_n(&cpu->kick_nmis, 0, __ATOMIC_SEQ_CST);
            __atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST); /* whoever found the mark set relies on it */
        }
    }
}

void root_ipi_sipi(struct cpu *cpu, struct vp *root, uint64_t vector)
{
    find_lost_kick(cpu);
    __atomic_store_n(&cpu->init_wanted, 0, __ATOMIC_RELEASE); /* it came to a CPU that had stopped for another one */
    __atomic_store_n(&cpu->parked, CPU_RUNNING, __ATOMIC_SEQ_CST);
    root_memory_flush(cpu); /* who finds it parked does not wait for it */
    vmcs_setup_reset(root);
    vmcs_write16(VMCS_GUEST_CS_SELECTOR, (uint16_t)(vector << 8));
    vmcs_writenw(VMCS_GUEST_CS_BASE, vector << 12);
    vmcs_writenw(VMCS_GUEST_RIP, 0);
    /* NMIs from before INIT, and those that came in the waiting state, are gone: nothing in real mode expects them. */
    cpu->nmi_for_root = 0;
    root->nmi_pending = false;
    root->fresh_sipi = true;
}

/*
 * A CPU that waits for SIPI keeps an INIT pending and takes it after the SIPI that followed it. Such an INIT, older
 * than the SIPI, has been obeyed already. It shows by the VP not having executed anything yet.
 */
void root_ipi_init_signal(struct cpu *cpu, struct vp *root)
{
    bool stale = root->fresh_sipi && vmcs_readnw(VMCS_GUEST_RIP) == 0;
    root->fresh_sipi = false;
    if (stale) {
        /* Bochs leaves the blocking of the wait-for-SIPI state in this field, with which no entry succeeds. */
        vmcs_write32(VMCS_GUEST_INTERRUPTIBILITY, 0);
    } else {
        root_ipi_init(cpu, root);
    }
}

static void send_init(struct cpu *target)
{
    if (__atomic_load_n(&target->parked, __ATOMIC_ACQUIRE) != CPU_RUNNING) {
        return; /* it is in that state already */
    }
    __atomic_store_n(&target->init_wanted, 1, __ATOMIC_SEQ_CST);
    if (target == this_cpu()) {
        return; /* the head of root_turn does it */
    }
    kick_cpu(target);
    /*
     * A SIPI may follow at once, and would be lost on a CPU that does not wait for it yet. A CPU that is itself to get
     * INIT sends none: the target may be waiting for it here. The target may have been started again already.
     */
    lock_check_wait("INIT to be obeyed", "");
    while (__atomic_load_n(&target->init_wanted, __ATOMIC_ACQUIRE) != 0 &&
           __atomic_load_n(&target->parked, __ATOMIC_ACQUIRE) == CPU_RUNNING &&
           __atomic_load_n(&this_cpu()->init_wanted, __ATOMIC_ACQUIRE) == 0) {
        spin_wait_hook();
    }
}

/*
 * A real SIPI that comes before the target's entry into the waiting state is lost, and so is a kick just before HLT:
 * each is repeated until the target runs. A CPU that does not wait ignores SIPIs.
 */
static void send_sipi(struct cpu *target, uint8_t vector)
{
    for (unsigned i = 0; i < SIPI_TRIES; i++) {
        switch (__atomic_load_n(&target->parked, __ATOMIC_ACQUIRE)) {
        case CPU_PARKED_HARDWARE:
            apic_send_startup(target->apic_id, vector);
            break;
        case CPU_PARKED_SOFTWARE:
            __atomic_store_n(&target->sipi, CPU_SIPI | vector, __ATOMIC_SEQ_CST);
            kick_cpu(target);
            break;
        default:
            return;
        }
        clock_delay_us(SIPI_WAIT_US);
    }
}

bool root_ipi_write(struct cpu *cpu, uint64_t icr)
{
    enum ipi_kind kind = root_ipi_decode(icr);
    if (kind == IPI_FAULT || (rdmsr(MSR_IA32_APIC_BASE) & APIC_BASE_X2APIC) == 0) {
        return false;
    }
    if (kind == IPI_PASS) {
        return wrmsr_safe(MSR_IA32_X2APIC_ICR, icr);
    }
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (cpus[i]->root_vp == NULL || !root_ipi_targets(icr, cpu->apic_id, cpus[i]->apic_id)) {
            continue;
        }
        if (kind == IPI_INIT) {
            send_init(cpus[i]);
        } else if (kind == IPI_SIPI) {
            send_sipi(cpus[i], (uint8_t)icr);
        }
    }
    return true;
}
