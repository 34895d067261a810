/* SPDX-License-Identifier: MIT */
/* Proof of W^X: what the live page tables allow, read from CR3 and not from what kernel/memory/paging.c believes. */
#include "abi/hypercall.h"
#include "arch/cpu/cpu.h"
#include "arch/cpu/direct_map.h"
#include "arch/cpu/msr.h"
#include "arch/cpu/paging_entry.h"
#include "arch/cpu/string.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/stack.h"

/* A leaf's rights are what all entries on the way to it allow (SDM vol. 3A, 4.6). */
struct rights {
    bool write, user, execute;
};

static struct rights narrow(struct rights above, uint64_t entry, bool nxe)
{
    return (struct rights){
        .write = above.write && (entry & PTE_WRITE),
        .user = above.user && (entry & PTE_USER),
        .execute = above.execute && !(nxe && (entry & PTE_NX)),
    };
}

static void count_leaf(struct whb_mapping_audit *out, struct rights rights, uint64_t pages)
{
    out->pages += pages;
    out->writable += rights.write ? pages : 0;
    out->executable += rights.execute ? pages : 0;
    out->writable_executable += rights.write && rights.execute ? pages : 0;
    out->user += rights.user ? pages : 0;
}

static void walk(struct whb_mapping_audit *out, uint64_t table_pa, unsigned level, struct rights above)
{
    const uint64_t *table = phys_to_virt(table_pa & PTE_ADDRESS);
    for (unsigned i = 0; i < PTE_TABLE_ENTRIES; i++) {
        if (!(table[i] & PTE_PRESENT)) {
            continue;
        }
        struct rights rights = narrow(above, table[i], out->efer_nxe != 0);
        if (level == 1 || (table[i] & PTE_LARGE)) {
            count_leaf(out, rights, (1ull << pte_shift(level)) / PAGE_SIZE);
        } else {
            walk(out, table[i], level - 1, rights);
        }
    }
}

bool paging_is_mapped(uintptr_t va)
{
    uint64_t entry = read_cr3();
    for (unsigned level = PTE_TOP_LEVEL; level > 0; level--) {
        const uint64_t *table = phys_to_virt(entry & PTE_ADDRESS);
        entry = table[pte_index(va, level)];
        if (!(entry & PTE_PRESENT)) {
            return false;
        }
        if (level < PTE_TOP_LEVEL && (entry & PTE_LARGE)) {
            break;
        }
    }
    return true;
}

static uint32_t feature_bits(void)
{
    if (cpuid(0, 0).eax < 7) {
        return 0;
    }
    struct cpuid_result r = cpuid(7, 0);
    return ((r.ebx >> 7) & 1) | ((r.ebx >> 20) & 1) << 1 | ((r.ecx >> 2) & 1) << 2;
}

void paging_audit(struct whb_mapping_audit *out)
{
    memset(out, 0, sizeof(*out));
    uint64_t cr4 = read_cr4();
    out->cr0_wp = (read_cr0() & CR0_WP) != 0;
    out->cr0_cd = (read_cr0() & (CR0_CD | CR0_NW)) != 0;
    out->efer_nxe = (rdmsr(MSR_IA32_EFER) & EFER_NXE) != 0;
    out->cr4_smep = (cr4 & CR4_SMEP) != 0;
    out->cr4_smap = (cr4 & CR4_SMAP) != 0;
    out->cr4_umip = (cr4 & CR4_UMIP) != 0;
    out->cpu_features = feature_bits();
    walk(out, read_cr3(), PTE_TOP_LEVEL, (struct rights){true, true, true});
    stack_count_guards(&out->stacks, &out->guard_gaps);
}
