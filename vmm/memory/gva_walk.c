/* SPDX-License-Identifier: MIT */
/* Formats of the entries: SDM vol. 3A, tables 4-4 to 4-20; rights: 4.6.1; reserved bits: 4.7. */
#include "vmm/memory/gva_walk.h"

#include <stddef.h>

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"

#define ENTRY_PRESENT (1ull << 0)
#define ENTRY_WRITE (1ull << 1)
#define ENTRY_USER (1ull << 2)
#define ENTRY_ACCESSED (1u << 5)
#define ENTRY_DIRTY (1u << 6)
#define ENTRY_LARGE (1ull << 7)
#define ENTRY_NX (1ull << 63)

#define PSE36_BITS 40u /* width of the addresses that a 4 MiB page of 32-bit paging can have */

struct paging_mode {
    unsigned levels;     /* tables that are read from memory */
    unsigned index_bits; /* 10 with 4-byte entries, else 9 */
    bool pae_tables;     /* PAE without long mode: bits 62:52 of an entry are reserved, not ignored */
};

/* What all entries of the walk permit together. */
struct walk_rights {
    bool write, user, no_execute;
};

/* Bits `high` to `low`; none if high < low. */
static uint64_t bit_range(unsigned high, unsigned low)
{
    return high < low ? 0 : (~0ull >> (63 - high)) & (~0ull << low);
}

static bool is_canonical(uint64_t gva, unsigned bits)
{
    unsigned shift = 64 - bits;
    return (uint64_t)((int64_t)(gva << shift) >> shift) == gva;
}

static struct paging_mode paging_mode(const struct gva_walk_state *s)
{
    if ((s->cr4 & CR4_PAE) == 0) {
        return (struct paging_mode){.levels = 2, .index_bits = 10};
    }
    if ((s->efer & EFER_LMA) == 0) {
        return (struct paging_mode){.levels = 2, .index_bits = 9, .pae_tables = true};
    }
    return (struct paging_mode){.levels = (s->cr4 & CR4_LA57) != 0 ? 5 : 4, .index_bits = 9};
}

static unsigned level_shift(const struct paging_mode *mode, unsigned level)
{
    return 12 + mode->index_bits * (level - 1);
}

/* Of the table that an entry, or CR3, refers to. */
static uint64_t table_address(const struct gva_walk_state *s, const struct paging_mode *mode, uint64_t entry)
{
    return entry & bit_range(mode->index_bits == 10 ? 31 : s->max_physical_bits - 1u, 12);
}

/* Address of the top table that is in memory. False: a PDPTE of PAE paging is not present. */
static bool find_root(const struct gva_walk_state *s, const struct paging_mode *mode, uint64_t gva, uint64_t *table)
{
    uint64_t entry = s->cr3;
    if (mode->pae_tables) {
        entry = s->pdpte[(gva >> 30) & 3];
        if ((entry & ENTRY_PRESENT) == 0) {
            return false;
        }
    }
    *table = table_address(s, mode, entry);
    return true;
}

static uint64_t entry_address(const struct paging_mode *mode, uint64_t table, uint64_t gva, unsigned level)
{
    uint64_t index = (gva >> level_shift(mode, level)) & ((1u << mode->index_bits) - 1);
    return table + index * (mode->index_bits == 9 ? 8 : 4);
}

static bool read_entry(const struct gva_walk_state *s, const struct paging_mode *mode, uint64_t table, uint64_t gva,
                       unsigned level, uint64_t *entry)
{
    uint64_t index = (gva >> level_shift(mode, level)) & ((1u << mode->index_bits) - 1);
    if (mode->index_bits == 9) {
        return s->read(s->ctx, table + index * 8, entry);
    }
    uint64_t pair;
    if (!s->read(s->ctx, table + (index & ~1ull) * 4, &pair)) {
        return false;
    }
    *entry = (index & 1) != 0 ? pair >> 32 : (uint32_t)pair;
    return true;
}

static bool is_leaf(const struct gva_walk_state *s, const struct paging_mode *mode, unsigned level, uint64_t entry)
{
    if (level == 1) {
        return true;
    }
    if ((entry & ENTRY_LARGE) == 0 || level > 3) {
        return false;
    }
    return mode->index_bits == 9 || (s->cr4 & CR4_PSE) != 0;
}

static uint64_t reserved_bits(const struct gva_walk_state *s, const struct paging_mode *mode, unsigned level, bool leaf)
{
    unsigned width = s->max_physical_bits;
    if (mode->index_bits == 10) {
        unsigned pse36 = width < PSE36_BITS ? width : PSE36_BITS;
        return level == 2 && leaf ? bit_range(21, pse36 - 19) : 0;
    }
    uint64_t reserved = bit_range(mode->pae_tables ? 62 : 51, width);
    if ((s->efer & EFER_NXE) == 0) {
        reserved |= ENTRY_NX;
    }
    if (level > 3) {
        reserved |= ENTRY_LARGE;
    }
    if (leaf && level > 1) {
        reserved |= bit_range(level_shift(mode, level) - 1, 13); /* bit 12 selects the PAT */
    }
    return reserved;
}

static uint64_t leaf_address(const struct gva_walk_state *s, const struct paging_mode *mode, unsigned level,
                             uint64_t entry, uint64_t gva)
{
    unsigned shift = level_shift(mode, level);
    uint64_t offset = gva & bit_range(shift - 1, 0);
    if (mode->index_bits == 10) {
        uint64_t high = level == 2 ? (entry & bit_range(20, 13)) << 19 : 0; /* PSE-36: bits 39:32 */
        return (entry & bit_range(31, shift)) | high | offset;
    }
    return (entry & bit_range(s->max_physical_bits - 1u, shift)) | offset;
}

static bool user_page_allowed(const struct gva_walk_state *s, enum gva_access access)
{
    if (access == GVA_EXECUTE) {
        return (s->cr4 & CR4_SMEP) == 0;
    }
    return (s->cr4 & CR4_SMAP) == 0 || s->ac;
}

static bool access_allowed(const struct gva_walk_state *s, const struct walk_rights *rights, enum gva_access access)
{
    if (!s->exempt && s->user && !rights->user) {
        return false;
    }
    if (!s->exempt && !s->user && rights->user && !user_page_allowed(s, access)) {
        return false;
    }
    if (access == GVA_WRITE) {
        return rights->write || (!s->user && (s->cr0 & CR0_WP) == 0);
    }
    return access != GVA_EXECUTE || !rights->no_execute;
}

/* Where the entries of a walk lie, from the top level on. */
struct walk_path {
    unsigned count;
    uint64_t gpa[5];
    uint64_t entry[5];
};

static enum gva_result set_bits(const struct gva_walk_state *s, const struct walk_path *path, enum gva_access access)
{
    for (unsigned i = 0; s->set_bits != NULL && i < path->count; i++) {
        bool leaf = i == path->count - 1;
        uint32_t wanted = ENTRY_ACCESSED | (leaf && access == GVA_WRITE ? ENTRY_DIRTY : 0);
        if ((path->entry[i] & wanted) != wanted && !s->set_bits(s->ctx, path->gpa[i], wanted)) {
            return GVA_TABLE_READ_ONLY;
        }
    }
    return GVA_OK;
}

static enum gva_result walk_tables(const struct gva_walk_state *s, const struct paging_mode *mode, uint64_t gva,
                                   enum gva_access access, uint64_t *gpa)
{
    uint64_t table;
    struct walk_path path = {0};
    struct walk_rights rights = {.write = true, .user = true};
    if (!find_root(s, mode, gva, &table)) {
        return GVA_NOT_PRESENT;
    }
    for (unsigned level = mode->levels; level > 0; level--) {
        uint64_t entry;
        if (!read_entry(s, mode, table, gva, level, &entry)) {
            return GVA_TABLE_UNMAPPED;
        }
        if ((entry & ENTRY_PRESENT) == 0) {
            return GVA_NOT_PRESENT;
        }
        path.gpa[path.count] = entry_address(mode, table, gva, level);
        path.entry[path.count++] = entry;
        bool leaf = is_leaf(s, mode, level, entry);
        if ((entry & reserved_bits(s, mode, level, leaf)) != 0) {
            return GVA_RESERVED_BIT;
        }
        rights.write = rights.write && (entry & ENTRY_WRITE) != 0;
        rights.user = rights.user && (entry & ENTRY_USER) != 0;
        rights.no_execute = rights.no_execute || (entry & ENTRY_NX) != 0;
        if (leaf) {
            if (!access_allowed(s, &rights, access)) {
                return GVA_PROTECTION;
            }
            enum gva_result set = set_bits(s, &path, access);
            if (set == GVA_OK) {
                *gpa = leaf_address(s, mode, level, entry, gva);
            }
            return set;
        }
        table = table_address(s, mode, entry);
    }
    return GVA_NOT_PRESENT; /* not reached: an entry of level 1 is a leaf */
}

enum gva_result gva_walk(const struct gva_walk_state *s, uint64_t gva, enum gva_access access, uint64_t *gpa)
{
    bool paging = (s->cr0 & CR0_PG) != 0;
    struct paging_mode mode = paging_mode(s);
    unsigned bits = paging && mode.levels > 2 ? 12 + 9 * mode.levels : 0;
    if (bits != 0 ? !is_canonical(gva, bits) : gva >> 32 != 0) {
        return GVA_NON_CANONICAL;
    }
    if (!paging) {
        *gpa = gva;
        return GVA_OK;
    }
    return walk_tables(s, &mode, gva, access, gpa);
}
