/* SPDX-License-Identifier: MIT */
/*
 * The guest's own page tables, walked in software (SDM vol. 3A, chapter 4). Pure: guest memory is read through a
 * callback. Accessed and dirty bits are set if asked for, protection keys are not applied (no guest is offered them).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct gva_walk_state {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t pdpte[4]; /* PAE paging without long mode uses these, not memory */
    bool user;         /* access from CPL 3 */
    bool ac;           /* RFLAGS.AC: lifts SMAP for supervisor accesses */
    bool exempt;       /* the access may reach user and supervisor pages alike */
    /* Reads 8 bytes at `gpa`, a multiple of 8. False: nothing readable there. */
    bool (*read)(void *ctx, uint64_t gpa, uint64_t *value);
    /*
     * Sets bits of the entry at `gpa` (4 or 8 bytes), atomically: accessed, and dirty for a write. NULL: bits stay as
     * they are. False: the entry cannot be written. Called only once the access is known to be allowed.
     */
    bool (*set_bits)(void *ctx, uint64_t gpa, uint32_t bits);
    void *ctx;
    uint8_t max_physical_bits; /* width of guest-physical addresses, 32 to 52 */
};

enum gva_access {
    GVA_READ,
    GVA_WRITE,
    GVA_EXECUTE,
};

/* All but the first leave *gpa alone. */
enum gva_result {
    GVA_OK,
    GVA_NOT_PRESENT,
    GVA_PROTECTION,
    GVA_RESERVED_BIT,    /* an entry on the way has a reserved bit set */
    GVA_TABLE_UNMAPPED,  /* an entry could not be read */
    GVA_TABLE_READ_ONLY, /* an entry's bits could not be set */
    GVA_NON_CANONICAL,   /* or, outside long mode, more than 32 bits */
};

/* The guest-physical address of one byte, with the checks of the access. Reads at most one entry per level. */
enum gva_result gva_walk(const struct gva_walk_state *state, uint64_t gva, enum gva_access access, uint64_t *gpa);
