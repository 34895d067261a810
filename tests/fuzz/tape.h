/* SPDX-License-Identifier: MIT */
/* The fuzzer's bytes as a source of choices, for building inputs that are nearly right. Zeros when it has run out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tape {
    const uint8_t *next;
    size_t left;
};

static inline uint8_t tape_byte(struct tape *tape)
{
    if (tape->left == 0) {
        return 0;
    }
    tape->left--;
    return *tape->next++;
}

/* Below `limit`, which is at most 256. */
static inline uint32_t tape_choose(struct tape *tape, uint32_t limit)
{
    return tape_byte(tape) % limit;
}

static inline uint64_t tape_u64(struct tape *tape)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | tape_byte(tape);
    }
    return value;
}

/* Mostly a small multiple of 256, so that ranges meet; now and then any number at all. */
static inline uint64_t tape_address(struct tape *tape)
{
    uint64_t value = tape_byte(tape);
    if (value == 0xff) {
        return tape_u64(tape);
    }
    return value << 8 << tape_choose(tape, 3) * 4;
}
