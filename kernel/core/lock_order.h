/* SPDX-License-Identifier: MIT */
/*
 * The order in which a CPU may take locks, and what it may hold while it waits for another CPU (docs/locks.md). Pure;
 * kernel/core/lock_check.h asks it in builds for tests.
 */
#pragma once

#include <stdint.h>

/*
 * No locks, but other CPUs wait for their end: of an owned VP's getting off another CPU, for which INIT waits, and of a
 * walk of guest memory, for which shootdowns do.
 */
#define HELD_VP "a VP that another CPU may have loaded"
#define HELD_PIN "guest memory pinned"

#define LOCK_ORDER_PLACES 16u

/* What one CPU holds: how often, by its place in the order. */
struct lock_held {
    uint8_t count[LOCK_ORDER_PLACES];
};

/*
 * Notes that the CPU takes, or has given back, what is written `name`. NULL: all is well. Else what it conflicts with:
 * the name of what is held and comes later or is the same, or that `name` has no place, or is not held.
 */
const char *lock_order_take(struct lock_held *held, const char *name);
const char *lock_order_drop(struct lock_held *held, const char *name);

/* NULL: what is held may be so during a wait that allows what comes up to `last`; "" for nothing. Else its name. */
const char *lock_order_wait(const struct lock_held *held, const char *last);
