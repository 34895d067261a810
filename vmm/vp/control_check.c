/* SPDX-License-Identifier: MIT */
#include "vmm/vp/control_check.h"

#include "arch/cpu/cpu.h"
#include "arch/cpu/msr.h"

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR4_CET (1ull << 23)
#define ACCESS_L (1u << 13)
#define ACCESS_TYPE 0xfu
#define TSS_16_AVAILABLE 1u
#define TSS_16_BUSY 3u
#define CR3_PCID 0xfffu
#define PDPTE_RESERVED (0x1e6ull) /* bits 2:1 and 8:5 */

static bool is_code_64(const struct control_state *s)
{
    return (s->cs_access & ACCESS_L) != 0;
}

bool control_is_64_bit(const struct control_state *s)
{
    return (s->efer & EFER_LMA) != 0 && is_code_64(s);
}

static uint64_t operand(const struct control_state *s, uint64_t value)
{
    return control_is_64_bit(s) ? value : (uint32_t)value;
}

static bool uses_pae(const struct control_next *n)
{
    return (n->cr0 & CR0_PG) != 0 && (n->cr4 & CR4_PAE) != 0 && (n->efer & EFER_LMA) == 0;
}

/* CR0.PG from 0 to 1 with EFER.LME set activates IA-32e mode. */
static bool may_activate(const struct control_state *s)
{
    uint32_t tss = s->tr_access & ACCESS_TYPE;
    return (s->cr4 & CR4_PAE) != 0 && !is_code_64(s) && tss != TSS_16_AVAILABLE && tss != TSS_16_BUSY;
}

bool control_check_cr0(const struct control_state *s, uint64_t value, struct control_next *next)
{
    value = operand(s, value);
    bool paging = (value & CR0_PG) != 0, before = (s->cr0 & CR0_PG) != 0;
    if (value >> 32 != 0 || (paging && (value & CR0_PE) == 0) || ((value & CR0_NW) != 0 && (value & CR0_CD) == 0) ||
        ((value & CR0_WP) == 0 && (s->cr4 & CR4_CET) != 0)) {
        return false;
    }
    *next = (struct control_next){.cr0 = (value & CR0_DEFINED) | CR0_ET, .cr4 = s->cr4, .efer = s->efer};
    if (paging && !before && (s->efer & EFER_LME) != 0) {
        if (!may_activate(s)) {
            return false;
        }
        next->efer |= EFER_LMA;
    } else if (!paging && before) {
        if (control_is_64_bit(s) || (s->cr4 & CR4_PCIDE) != 0) {
            return false;
        }
        next->efer &= ~EFER_LMA;
    }
    next->loads_pdptes = uses_pae(next) && ((s->cr0 ^ value) & (CR0_CD | CR0_NW | CR0_PG)) != 0;
    return true;
}

bool control_check_cr4(const struct control_state *s, uint64_t value, struct control_next *next)
{
    value = operand(s, value);
    uint64_t changes = s->cr4 ^ value;
    bool long_mode = (s->efer & EFER_LMA) != 0;
    if ((value & ~s->cr4_allowed) != 0 || ((value & CR4_CET) != 0 && (s->cr0 & CR0_WP) == 0)) {
        return false;
    }
    if (long_mode && ((value & CR4_PAE) == 0 || (changes & CR4_LA57) != 0)) {
        return false;
    }
    if ((changes & value & CR4_PCIDE) != 0 && (!long_mode || (s->cr3 & CR3_PCID) != 0)) {
        return false;
    }
    *next = (struct control_next){.cr0 = s->cr0, .cr4 = value, .efer = s->efer};
    next->loads_pdptes = uses_pae(next) && (changes & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) != 0;
    return true;
}

uint64_t control_lmsw(uint64_t cr0, uint16_t source)
{
    return (cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (source & (CR0_PE | CR0_MP | CR0_EM | CR0_TS));
}

uint64_t control_clts(uint64_t cr0)
{
    return cr0 & ~CR0_TS;
}

bool control_pdpte_valid(uint64_t pdpte, uint8_t physical_bits)
{
    uint64_t reserved = PDPTE_RESERVED | ~((1ull << physical_bits) - 1);
    return (pdpte & 1u) == 0 || (pdpte & reserved) == 0;
}
