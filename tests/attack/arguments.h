/* SPDX-License-Identifier: MIT */
/* Arguments of hypercalls, by what they mean. */
#pragma once

#include "tests/attack/arena.h"

enum argument {
    ARG_NONE,
    ARG_PARTITION,
    ARG_VP,
    ARG_GPA,      /* page aligned */
    ARG_GPA_BYTE, /* any */
    ARG_PAGES,    /* size in bytes, whole pages */
    ARG_GUEST_MEMORY,
    ARG_RUN_PAGE,
    ARG_MAP_FLAGS,
    ARG_OUTPUT, /* a buffer that the call writes */
    ARG_OUTPUT_SIZE,
    ARG_CAPABILITY,
    ARG_PROPERTY,
    ARG_PROPERTY_VALUE, /* these two after ARG_PROPERTY */
    ARG_PROPERTY_SIZE,
    ARG_NAMES, /* buffers, filled; the count comes after them */
    ARG_VALUES,
    ARG_COUNT,
    ARG_ACCESS_SIZE, /* of GPA_READ and GPA_WRITE */
    ARG_TRANSLATE_FLAGS,
    ARG_STATE_TYPE,
    ARG_STATE,      /* what VP_STATE_GET gave for the type, changed here and there */
    ARG_STATE_SIZE, /* and its size */
    ARG_COUNTER_SET,
    ARG_POSITION,
    ARG_INTERRUPT,
    ARG_DESTINATION,
    ARG_DOORBELL,
    ARG_EVENT,
    ARG_POSTED, /* the address of a range of posted writes */
    ARG_POSTED_SIZE,
    ARG_LEAF,
    ARG_ALLOCATION,
    ARG_TRACE, /* entries of an exit trace */
    ARG_APIC_OFFSET,
    ARG_APIC_WRITE,
    ARG_APIC_VALUE,
    ARG_EXTENTS, /* a list in the first buffer */
    ARG_EXTENT_COUNT,
};

/* Fills arguments[0..4] for a call, mostly as it should be: each is wrong once in a while. */
void arguments_make(struct attacker *a, const uint8_t kinds[5], uint64_t arguments[5]);

/* Any value at all, of those that meet limits of something. */
uint64_t argument_odd(struct random *r);
