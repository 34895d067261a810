/* SPDX-License-Identifier: MIT */
/*
 * A check of the order of locks and waits while the hypervisor runs (LOCK_CHECK=1 and DEBUG=1, docs/locks.md): the
 * machine stops with both names. In every other build these hooks are nothing.
 */
#pragma once

#include "kernel/core/lock_order.h"

#if defined(LOCK_CHECK) && !__STDC_HOSTED__

/* This CPU takes `name`, or gives it back. Before it waits for it; after it is free. */
void lock_check_take(const char *name);
void lock_check_drop(const char *name);
/* The same for what it may or may not hold. */
void lock_check_forget(const char *name);

/* This CPU waits for another one to do `what`, holding at most what comes up to `last` in the order. */
void lock_check_wait(const char *what, const char *last);

/* While it waits until CPU `index` clears `*until`: that must not be waiting for SIPI, where it takes no NMI. */
void lock_check_awaited(const char *what, uint32_t index, const void *until);

#else

static inline void lock_check_take(const char *name)
{
    (void)name;
}

static inline void lock_check_drop(const char *name)
{
    (void)name;
}

static inline void lock_check_forget(const char *name)
{
    (void)name;
}

static inline void lock_check_wait(const char *what, const char *last)
{
    (void)what;
    (void)last;
}

static inline void lock_check_awaited(const char *what, uint32_t index, const void *until)
{
    (void)what;
    (void)index;
    (void)until;
}

#endif
