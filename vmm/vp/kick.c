/* SPDX-License-Identifier: MIT */
/*
 * Kicks. The sender stores its request, marks a kick NMI as under way and sends it. The receiver sees the NMI either as
 * a VM exit or in the host; if in the host between the test of its kick flag and the entry, the handler diverts it.
 * Each request is stored before the NMI is sent and read after it arrived, so none is missed.
 */
#include "vmm/vp/kick.h"

#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/idt.h"
#include "kernel/core/spinlock.h"
#include "vmm/root/root_vp.h"

#define KICK_AGAIN_WAITS 0x10000u /* some milliseconds: far longer than an NMI takes */

void kick_note_nmi(struct cpu *cpu)
{
    if (__atomic_exchange_n(&cpu->kick_nmis, 0, __ATOMIC_SEQ_CST) == 0) {
        cpu->nmi_for_root++;
    }
}

/* Runs on the NMI stack at any point of the hypervisor; touches nothing but flags of this CPU and the frame. */
static void handle_host_nmi(struct trap_frame *frame)
{
    struct cpu *cpu = this_cpu();
    kick_note_nmi(cpu);
    __atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST);
    if (frame->rip >= (uintptr_t)vmx_enter_window && frame->rip < (uintptr_t)vmx_enter_window_end) {
        frame->rip = (uintptr_t)vmx_enter_kicked;
    }
}

void kick_init(void)
{
    nmi_handler = handle_host_nmi;
}

void kick_cpu(struct cpu *cpu)
{
    /* One NMI under way is enough: whoever set the mark sends it, and the receiver looks at all requests after it. */
    if (__atomic_exchange_n(&cpu->kick_nmis, 1, __ATOMIC_SEQ_CST) == 0) {
        apic_send_nmi(cpu->apic_id);
    }
}

void kick_unblock_nmi(void)
{
    uint64_t scratch;
    __asm__ volatile("movl %%ss, %k0\n\t"
                     "pushq %0\n\t"
                     "leaq 8(%%rsp), %0\n\t"
                     "pushq %0\n\t"
                     "pushfq\n\t"
                     "movl %%cs, %k0\n\t"
                     "pushq %0\n\t"
                     "leaq 1f(%%rip), %0\n\t"
                     "pushq %0\n\t"
                     "iretq\n\t"
                     "1:"
                     : "=&r"(scratch)
                     :
                     : "memory", "cc");
}

static void serve_recall(struct cpu *cpu)
{
    struct vp *vp = __atomic_load_n(&cpu->recall, __ATOMIC_ACQUIRE);
    if (vp != NULL) {
        vp_flush_here(cpu, vp);
        __atomic_store_n(&cpu->recall, NULL, __ATOMIC_RELEASE);
    }
}

void kick_serve(struct cpu *cpu)
{
    /* The flag first: a request stored after this line comes with an NMI that sets it again. */
    __atomic_store_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
    serve_recall(cpu);
    root_memory_flush(cpu);
}

static bool is_other(const struct cpu *self, const struct cpu *cpu)
{
    return cpu != self && __atomic_load_n(&cpu->parked, __ATOMIC_ACQUIRE) == CPU_RUNNING;
}

/*
 * In xAPIC mode the root may have changed a CPU's APIC ID, where the processor lets it, and an NMI to the old ID never
 * comes. One to all others does; each of them takes it for a kick.
 */
static void kick_all_again(const struct cpu *self)
{
    bool missing = false;
    for (uint32_t i = 0; i < cpu_count; i++) {
        missing |= is_other(self, cpus[i]) && __atomic_load_n(&cpus[i]->kick_nmis, __ATOMIC_RELAXED) != 0;
    }
    if (!missing || apic_is_x2apic()) {
        return;
    }
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (is_other(self, cpus[i])) {
            __atomic_store_n(&cpus[i]->kick_nmis, 1, __ATOMIC_SEQ_CST);
        }
    }
    apic_send_nmi_others();
}

void spin_wait_hook(void)
{
    struct cpu *cpu = this_cpu();
    serve_recall(cpu);
    if (++cpu->waits % KICK_AGAIN_WAITS == 0) {
        kick_all_again(cpu);
    }
    cpu_pause();
}

void kick_recall(struct vp *vp)
{
    struct cpu *holder = vp->loaded_on;
    lock_check_wait("a VP from the CPU that has it loaded", HELD_VP);
    struct vp *none = NULL;
    while (!__atomic_compare_exchange_n(&holder->recall, &none, vp, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        none = NULL;
        spin_wait_hook();
    }
    kick_cpu(holder);
    while (__atomic_load_n(&vp->loaded_on, __ATOMIC_ACQUIRE) != NULL) {
        lock_check_awaited("a VP", holder->index, &vp->loaded_on);
        spin_wait_hook();
    }
}
