/* SPDX-License-Identifier: MIT */
/* Memory type range registers (SDM vol. 3A, 12.11), as the firmware left them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MTRR_TYPE_UC 0u
#define MTRR_TYPE_WC 1u
#define MTRR_TYPE_WT 4u
#define MTRR_TYPE_WP 5u
#define MTRR_TYPE_WB 6u
#define MTRR_TYPE_MIXED 0xffu

#define MTRR_FIXED_COUNT 11u
#define MTRR_VARIABLE_MAX 16u

struct mtrr_state {
    uint64_t cap, def_type;           /* IA32_MTRRCAP, IA32_MTRR_DEF_TYPE */
    uint64_t fixed[MTRR_FIXED_COUNT]; /* FIX64K_00000, FIX16K_80000, _A0000, FIX4K_C0000 to _F8000 */
    uint64_t base[MTRR_VARIABLE_MAX], mask[MTRR_VARIABLE_MAX]; /* IA32_MTRR_PHYSBASEn, _PHYSMASKn */
    unsigned variable_count;                                   /* at most MTRR_VARIABLE_MAX */
    uint8_t physical_bits;                                     /* width of physical addresses */
};

#if !__STDC_HOSTED__
/*
 * Reads the calling CPU's MTRRs. A CPU without them gives the state in which all memory is write-back, since only the
 * page tables then say otherwise. Variable ranges beyond MTRR_VARIABLE_MAX are ignored; no known CPU has more than 10.
 */
void mtrr_read(struct mtrr_state *state, uint8_t physical_bits);

/* The calling CPU's are what `before` says. */
bool mtrr_unchanged(const struct mtrr_state *before);
#endif

/*
 * Pure: the type of all `size` (more than 0) bytes from `pa`, both multiples of 4 KiB, or MTRR_TYPE_MIXED. Overlapping
 * ranges follow 12.11.4.1: UC wins, WT wins over WB; combinations the SDM leaves undefined and reserved types are UC.
 */
uint8_t mtrr_type(const struct mtrr_state *state, uint64_t pa, uint64_t size);

#define MTRR_MAP_LOW 2048u /* blocks of 2 MiB below 4 GiB */
#define MTRR_MAP_GIB 512u

/* The types of large blocks, so that most questions take one load. MTRR_TYPE_MIXED: ask mtrr_type. */
struct mtrr_map {
    uint8_t low[MTRR_MAP_LOW];
    uint8_t gib[MTRR_MAP_GIB]; /* from address 0 on */
};

/* Pure, both. mtrr_map_type answers as mtrr_type does. */
void mtrr_map_make(struct mtrr_map *map, const struct mtrr_state *state);
uint8_t mtrr_map_type(const struct mtrr_map *map, const struct mtrr_state *state, uint64_t pa, uint64_t size);
