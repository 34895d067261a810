/* SPDX-License-Identifier: MIT */
#include "vmm/vp/evict.h"

#include "kernel/core/kick.h"
#include "kernel/core/spinlock.h"

void evict_serve(struct cpu *cpu)
{
    struct vp *vp = __atomic_load_n(&cpu->recall, __ATOMIC_ACQUIRE);
    if (vp != NULL) {
        vp_flush_here(cpu, vp);
        __atomic_store_n(&cpu->recall, NULL, __ATOMIC_RELEASE);
    }
}

void vp_evict(struct vp *vp)
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
