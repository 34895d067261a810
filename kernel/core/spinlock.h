/* SPDX-License-Identifier: MIT */
/*
 * A test-and-set lock. The hypervisor runs with interrupts off, so there is no irqsave variant. A CPU that waits serves
 * requests of other CPUs meanwhile: the holder may be waiting for this very CPU (kernel/core/kick.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/lock_check.h"

struct spinlock {
    uint32_t locked; /* 1: held */
};

#if __STDC_HOSTED__
static inline void spin_wait_hook(void)
{
}
#else
/* Serves what other CPUs ask of this one, or just pauses (kernel/core/kick.c). */
void spin_wait_hook(void);
#endif

static inline bool spin_trylock(struct spinlock *lock)
{
    return __atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_lock(struct spinlock *lock)
{
    while (!spin_trylock(lock)) {
        while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED) != 0) {
            spin_wait_hook();
        }
    }
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

/* In builds that check the order, a lock's name is how it is written here. */
#if defined(LOCK_CHECK) && !__STDC_HOSTED__
#define spin_lock(lock) (lock_check_take(#lock), (spin_lock)(lock))
#define spin_unlock(lock) ((spin_unlock)(lock), lock_check_drop(#lock))
#endif
