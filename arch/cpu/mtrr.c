/* SPDX-License-Identifier: MIT */
#include "arch/cpu/mtrr.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/string.h"

#define CAP_COUNT 0xffu
#define CAP_FIXED (1ull << 8)
#define DEF_TYPE 0xffu
#define DEF_FIXED_ENABLE (1ull << 10)
#define DEF_ENABLE (1ull << 11)
#define MASK_VALID (1ull << 11)
#define PAGE 4096u

/* 12.11.2.2: the fixed ranges cover the first MiB, eight ranges in each MSR */
#define FIXED_END 0x100000u
#define FIXED_16K_START 0x80000u
#define FIXED_4K_START 0xc0000u

#if !__STDC_HOSTED__
#define CPUID_1_EDX_MTRR (1u << 12)

void mtrr_read(struct mtrr_state *s, uint8_t physical_bits)
{
    static const uint32_t fixed_msrs[MTRR_FIXED_COUNT] = {
        MSR_IA32_MTRR_FIX64K_00000,    MSR_IA32_MTRR_FIX16K_80000,    MSR_IA32_MTRR_FIX16K_A0000,
        MSR_IA32_MTRR_FIX4K_C0000,     MSR_IA32_MTRR_FIX4K_C0000 + 1, MSR_IA32_MTRR_FIX4K_C0000 + 2,
        MSR_IA32_MTRR_FIX4K_C0000 + 3, MSR_IA32_MTRR_FIX4K_C0000 + 4, MSR_IA32_MTRR_FIX4K_C0000 + 5,
        MSR_IA32_MTRR_FIX4K_C0000 + 6, MSR_IA32_MTRR_FIX4K_F8000,
    };
    *s = (struct mtrr_state){.def_type = DEF_ENABLE | MTRR_TYPE_WB, .physical_bits = physical_bits};
    if ((cpuid(1, 0).edx & CPUID_1_EDX_MTRR) == 0) {
        return;
    }
    s->cap = rdmsr(MSR_IA32_MTRRCAP);
    s->def_type = rdmsr(MSR_IA32_MTRR_DEF_TYPE);
    unsigned count = s->cap & CAP_COUNT;
    s->variable_count = count < MTRR_VARIABLE_MAX ? count : MTRR_VARIABLE_MAX;
    for (unsigned i = 0; i < s->variable_count; i++) {
        s->base[i] = rdmsr(MSR_IA32_MTRR_PHYSBASE0 + 2 * i);
        s->mask[i] = rdmsr(MSR_IA32_MTRR_PHYSMASK0 + 2 * i);
    }
    for (unsigned i = 0; (s->cap & CAP_FIXED) != 0 && i < MTRR_FIXED_COUNT; i++) {
        s->fixed[i] = rdmsr(fixed_msrs[i]);
    }
}

bool mtrr_unchanged(const struct mtrr_state *before)
{
    struct mtrr_state now;
    mtrr_read(&now, before->physical_bits);
    return now.def_type == before->def_type && memcmp(now.fixed, before->fixed, sizeof(now.fixed)) == 0 &&
           memcmp(now.base, before->base, sizeof(now.base)) == 0 &&
           memcmp(now.mask, before->mask, sizeof(now.mask)) == 0;
}
#endif

static uint8_t known_type(uint64_t type)
{
    switch (type & 0xff) {
    case MTRR_TYPE_WC:
    case MTRR_TYPE_WT:
    case MTRR_TYPE_WP:
    case MTRR_TYPE_WB:
        return type & 0xff;
    default:
        return MTRR_TYPE_UC;
    }
}

static bool fixed_enabled(const struct mtrr_state *s)
{
    return (s->cap & CAP_FIXED) != 0 && (s->def_type & DEF_FIXED_ENABLE) != 0;
}

/* Type of a block in the first MiB, `size` a power of two that pa is a multiple of. */
static uint8_t fixed_type(const struct mtrr_state *s, uint64_t pa, uint64_t size)
{
    static const struct {
        uint32_t start, granule, first; /* `first` MSR of those with this granule */
    } areas[] = {{FIXED_4K_START, 0x1000, 3}, {FIXED_16K_START, 0x4000, 1}, {0, 0x10000, 0}};
    unsigned area = pa >= FIXED_4K_START ? 0 : pa >= FIXED_16K_START ? 1 : 2;
    if (size > areas[area].granule) {
        return MTRR_TYPE_MIXED;
    }
    uint64_t index = (pa - areas[area].start) / areas[area].granule;
    return known_type(s->fixed[areas[area].first + index / 8] >> (8 * (index % 8)));
}

/* 12.11.4.1, for two ranges that both contain an address */
static uint8_t combine(uint8_t a, uint8_t b)
{
    if (a == b) {
        return a;
    }
    bool a_plain = a == MTRR_TYPE_WT || a == MTRR_TYPE_WB;
    bool b_plain = b == MTRR_TYPE_WT || b == MTRR_TYPE_WB;
    return a_plain && b_plain ? MTRR_TYPE_WT : MTRR_TYPE_UC;
}

/* As fixed_type, for the variable ranges. Mixed also if a range covers only part of the block, whatever its type. */
static uint8_t variable_type(const struct mtrr_state *s, uint64_t pa, uint64_t size)
{
    uint64_t width = (1ull << s->physical_bits) - 1;
    bool found = false, partial = false;
    uint8_t type = known_type(s->def_type & DEF_TYPE);
    for (unsigned i = 0; i < s->variable_count; i++) {
        uint64_t mask = s->mask[i] & width & ~(PAGE - 1ull);
        if ((s->mask[i] & MASK_VALID) == 0 || ((pa ^ s->base[i]) & mask & ~(size - 1)) != 0) {
            continue;
        }
        if ((mask & (size - 1)) != 0) {
            partial = true;
            continue;
        }
        uint8_t of_range = known_type(s->base[i]);
        type = found ? combine(type, of_range) : of_range;
        found = true;
    }
    /* UC wins over whatever a partial range adds, but only a range's UC, not the default's. */
    return partial && !(found && type == MTRR_TYPE_UC) ? MTRR_TYPE_MIXED : type;
}

/* Cuts a block that is not of one type, or may not be, in halves until each part is. */
static uint8_t block_type(const struct mtrr_state *s, uint64_t pa, uint64_t size)
{
    bool fixed = pa < FIXED_END && fixed_enabled(s);
    uint8_t type = fixed ? fixed_type(s, pa, size) : variable_type(s, pa, size);
    if (type != MTRR_TYPE_MIXED) {
        return type;
    }
    type = block_type(s, pa, size / 2);
    if (type == MTRR_TYPE_MIXED || block_type(s, pa + size / 2, size / 2) != type) {
        return MTRR_TYPE_MIXED;
    }
    return type;
}

/* The largest power of two that is at most `size` and divides pa. */
static uint64_t aligned_block(uint64_t pa, uint64_t size)
{
    uint64_t block = 1ull << (63 - __builtin_clzll(size));
    uint64_t alignment = pa & -pa;
    return alignment != 0 && alignment < block ? alignment : block;
}

uint8_t mtrr_type(const struct mtrr_state *s, uint64_t pa, uint64_t size)
{
    if ((s->def_type & DEF_ENABLE) == 0) {
        return MTRR_TYPE_UC;
    }
    uint64_t part = aligned_block(pa, size);
    uint8_t type = block_type(s, pa, part);
    while (type != MTRR_TYPE_MIXED && size > part) {
        pa += part;
        size -= part;
        part = aligned_block(pa, size);
        type = block_type(s, pa, part) == type ? type : MTRR_TYPE_MIXED;
    }
    return type;
}

#define LOW_SHIFT 21u
#define GIB_SHIFT 30u

void mtrr_map_make(struct mtrr_map *map, const struct mtrr_state *state)
{
    for (uint64_t i = 0; i < MTRR_MAP_LOW; i++) {
        map->low[i] = mtrr_type(state, i << LOW_SHIFT, 1u << LOW_SHIFT);
    }
    for (uint64_t i = 0; i < MTRR_MAP_GIB; i++) {
        map->gib[i] = mtrr_type(state, i << GIB_SHIFT, 1u << GIB_SHIFT);
    }
}

uint8_t mtrr_map_type(const struct mtrr_map *map, const struct mtrr_state *state, uint64_t pa, uint64_t size)
{
    uint64_t gib = pa >> GIB_SHIFT, low = pa >> LOW_SHIFT, last = pa + size - 1;
    if (gib < MTRR_MAP_GIB && last >> GIB_SHIFT == gib && map->gib[gib] != MTRR_TYPE_MIXED) {
        return map->gib[gib];
    }
    if (low < MTRR_MAP_LOW && last >> LOW_SHIFT == low && map->low[low] != MTRR_TYPE_MIXED) {
        return map->low[low];
    }
    return mtrr_type(state, pa, size);
}
