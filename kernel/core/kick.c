/* SPDX-License-Identifier: MIT */
/*
 * Kicks. The sender stores its request, marks a kick NMI as under way and sends it. The receiver sees the NMI either as
 * a VM exit or in the host; if in the host between the test of its kick flag and the entry, the handler diverts it.
 * Each request is stored before the NMI is sent and read after it arrived, so none is missed.
 */
#include "kernel/core/kick.h"

#include "arch/cpu/apic.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/idt.h"
#include "arch/cpu/percpu.h"
#include "kernel/core/spinlock.h"

#define KICK_AGAIN_WAITS 0x10000u /* some milliseconds: far longer than an NMI takes */

static struct kick_client client; /* zero until kick_init: NMIs are the root's, and nobody asks for anything */

void kick_note_nmi(struct cpu *cpu)
{
    if (__atomic_exchange_n(&cpu->kick_nmis, 0, __ATOMIC_SEQ_CST) == 0) {
        cpu->nmi_for_root++;
    }
}

/* At any point of the hypervisor; touches nothing but flags of this CPU and the frame. */
void kick_nmi(struct trap_frame *frame)
{
    if (client.serve == NULL) {
        if (cpu_count != 0) {
            this_cpu()->nmi_for_root++;
        }
        return;
    }
    struct cpu *cpu = this_cpu();
    kick_note_nmi(cpu);
    __atomic_store_n(&cpu->kick, 1, __ATOMIC_SEQ_CST);
    if (frame->rip >= (uintptr_t)client.window && frame->rip < (uintptr_t)client.window_end) {
        frame->rip = (uintptr_t)client.kicked;
    }
}

void kick_init(const struct kick_client *given)
{
    client = *given;
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

void kick_serve(struct cpu *cpu)
{
    /* The flag first: a request stored after this line comes with an NMI that sets it again. */
    __atomic_store_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
    client.serve(cpu);
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
    if (client.serve_waiting != NULL) {
        client.serve_waiting(cpu);
    }
    if (++cpu->waits % KICK_AGAIN_WAITS == 0) {
        kick_all_again(cpu);
    }
    cpu_pause();
}
