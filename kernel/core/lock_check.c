/* SPDX-License-Identifier: MIT */
#include "kernel/core/lock_check.h"

#ifdef LOCK_CHECK

#include <stdbool.h>
#include <stddef.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/fatal.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/percpu.h"

static struct lock_held held[MAX_CPUS]; /* of each CPU, its own: the NMI handler takes no lock */

/* NULL: before there is a struct cpu, and once the machine stops, where each CPU is left where it is. */
static struct lock_held *held_here(void)
{
    const struct cpu *cpu = (const struct cpu *)(uintptr_t)rdmsr(MSR_IA32_GS_BASE);
    return cpu == NULL || __atomic_load_n(&panicking, __ATOMIC_RELAXED) != 0 ? NULL : &held[cpu->index];
}

static void stop(const char *what, const char *name, const char *conflict)
{
    if (conflict != NULL) {
        fatal("lock order: %s %s, with %s", what, name, conflict);
    }
}

void lock_check_take(const char *name)
{
    struct lock_held *h = held_here();
    if (h != NULL) {
        stop("takes", name, lock_order_take(h, name));
    }
}

void lock_check_drop(const char *name)
{
    struct lock_held *h = held_here();
    if (h != NULL) {
        stop("gives back", name, lock_order_drop(h, name));
    }
}

void lock_check_forget(const char *name)
{
    struct lock_held *h = held_here();
    if (h != NULL) {
        (void)lock_order_drop(h, name);
    }
}

void lock_check_wait(const char *what, const char *last)
{
    struct lock_held *h = held_here();
    if (h != NULL) {
        stop("waits for", what, lock_order_wait(h, last));
    }
}

void lock_check_awaited(const char *what, uint32_t index, const void *until)
{
    bool parked = __atomic_load_n(&cpus[index]->parked, __ATOMIC_ACQUIRE) != CPU_RUNNING;
    if (parked && __atomic_load_n((const uint64_t *)until, __ATOMIC_ACQUIRE) != 0 && held_here() != NULL) {
        stop("waits for", what, "a CPU that waits for SIPI");
    }
}

#endif
