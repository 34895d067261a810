/* SPDX-License-Identifier: MIT */
#include "kernel/core/lock_order.h"

#include <stdbool.h>
#include <stddef.h>

#define NO_PLACE LOCK_ORDER_PLACES

/* The first ones are taken first. A lock is named as the calls of spin_lock name it. */
static const char *const order[] = {
    "&p->lock",      HELD_VP,      HELD_PIN,     "&slots_lock", "&p->ept_lock",
    "&p->time_lock", "&fill.lock", "&heap.lock", "&port_lock",  "&log_state.lock",
};

#define PLACES (sizeof(order) / sizeof(order[0]))
_Static_assert(PLACES <= LOCK_ORDER_PLACES, "each has a count");

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static unsigned place_of(const char *name)
{
    for (unsigned i = 0; i < PLACES; i++) {
        if (order[i] == name || same(order[i], name)) {
            return i;
        }
    }
    return NO_PLACE;
}

static const char *first_held(const struct lock_held *held, unsigned from)
{
    for (unsigned i = from; i < PLACES; i++) {
        if (held->count[i] != 0) {
            return order[i];
        }
    }
    return NULL;
}

/* A CPU can own many VPs at once, since nobody waits for a second one: who finds one owned gives up. */
const char *lock_order_take(struct lock_held *held, const char *name)
{
    unsigned place = place_of(name);
    if (place == NO_PLACE) {
        return "no place in the order";
    }
    const char *conflict = first_held(held, same(name, HELD_VP) ? place + 1 : place);
    held->count[place]++;
    return conflict;
}

const char *lock_order_drop(struct lock_held *held, const char *name)
{
    unsigned place = place_of(name);
    if (place == NO_PLACE || held->count[place] == 0) {
        return "nothing: it is not held";
    }
    held->count[place]--;
    return NULL;
}

const char *lock_order_wait(const struct lock_held *held, const char *last)
{
    unsigned place = place_of(last);
    return first_held(held, place == NO_PLACE ? 0 : place + 1);
}
