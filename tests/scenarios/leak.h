/* SPDX-License-Identifier: MIT */
/*
 * State that a VP could leave behind for another: what fills it, what reads it, and what a fresh VP must find. The
 * registers are filled and read by the processor that the VP runs on, never by register calls.
 */
#pragma once

#include "tests/scenarios/scenario.h"

#define LEAK_MSRS 16u
#define LEAK_IMAGE 4096u

#define LEAK_XSAVE 1u
#define LEAK_AVX 2u
#define LEAK_AVX512 4u
#define LEAK_XGETBV1 8u

/* leak_payloads.S knows the offsets. */
struct leak_area {
    uint64_t gpr[16], rflags, cr2, dr[4], dr6, dr7;
    uint64_t xcr0;   /* out: XCR0 at first */
    uint64_t in_use; /* out: XGETBV of XINUSE, before anything else touched extended state */
    uint64_t features, msr_count;
    uint64_t xcr0_wanted, cr8;
    uint64_t unused1[2];
    uint32_t msr[LEAK_MSRS];
    uint64_t msr_value[LEAK_MSRS];
    uint64_t unused2[8];
    uint8_t vector[32][64]; /* out: registers 0 to 31 by moves, as wide as there are */
    uint64_t mask[8];       /* out */
    uint8_t unused3[0x5c0];
    uint8_t image[LEAK_IMAGE]; /* of XSAVE or FXSAVE */
};
_Static_assert(sizeof(struct leak_area) == 0x2000, "two pages");
_Static_assert(offsetof(struct leak_area, msr) == 0x100, "leak_payloads.S");
_Static_assert(offsetof(struct leak_area, vector) == 0x200, "leak_payloads.S");
_Static_assert(offsetof(struct leak_area, mask) == 0xa00, "leak_payloads.S");
_Static_assert(offsetof(struct leak_area, image) == 0x1000, "leak_payloads.S");

/* A VP with its code and its area. Slots are 16 KiB of guest RAM each, from 0x20000 on; partitions share the RAM. */
struct leak_vp {
    struct guest *guest;
    uint32_t index, slot;
    uint32_t seed; /* of the patterns that it was filled with; 0: never */
};
#define LEAK_SLOTS 16u

/* Writes the patterns of `seed` (1 to 255) to the area. */
void leak_patterns(struct leak_area *a, uint32_t seed);
/* An area for reading: all bytes that the reader does not write are no VP's. */
void leak_clear(struct leak_area *a);
/* General registers, and the others; `whose` goes into messages. */
void leak_check_general(const struct leak_area *a, const uint64_t expected[16], const char *whose);
void leak_check_state(const struct leak_area *a, uint32_t seed, const char *whose);
/* What a new VP has, general registers included. */
void leak_check_fresh(const struct leak_area *a);

/* Puts a new VP into long mode with its code; the registers stay what they are after reset. */
void leak_prepare(struct leak_vp *v, struct guest *g, uint32_t index, uint32_t slot);
/* Guest code fills the VP's registers. */
void leak_guest_fill(struct leak_vp *v, uint32_t seed);
/* Guest code stores the registers, and they are as its last filling or, without any, fresh; then it fills them. */
void leak_guest_check(struct leak_vp *v);
/* Runs the VP without use of extended state. */
void leak_guest_bare(struct leak_vp *v);
/* Starts it at another place of its code and runs it to the next OUT, on `port`. */
void leak_guest_run(struct leak_vp *v, const uint8_t *from, uint16_t port);

/* The root's own registers. leak_root_begin lets them be used on this CPU, leak_root_end puts them back. */
struct leak_root {
    struct leak_area saved, area;
    uint64_t cr4;
};
void leak_root_begin(struct leak_root *r);
void leak_root_fill(struct leak_root *r, uint32_t seed);
void leak_root_check(struct leak_root *r, uint32_t seed);
void leak_root_end(struct leak_root *r);

extern const uint8_t payload_leak[], payload_leak_end[], payload_leak_dump[], payload_leak_bare[], payload_leak_wait[];
void leak_fill(const struct leak_area *a);
void leak_dump(struct leak_area *a);
uint64_t leak_run(uint64_t partition, uint64_t index, uint64_t gpr[16]);
