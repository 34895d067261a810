/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: one set for all CPUs, W^X.
 *
 *   0xffff800000000000  direct map: all RAM but the image's code and constants, RW NX (arch/cpu/direct_map.h)
 *   0xffffc00000000000  stacks, each with an absent page below it, RW NX
 *   0xffffd00000000000  device registers, RW NX, uncached
 *   0xffffffff80000000  image: code RX, constants R NX, data RW NX
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/memory/page.h"

#define PAGE_SIZE_2M (1ull << 21)
#define PAGE_SIZE_1G (1ull << 30)

/* What a mapping allows besides reading. */
enum paging_flags { PAGING_READ = 0, PAGING_WRITE = 1, PAGING_EXECUTE = 2, PAGING_UNCACHED = 4 };

struct whb_mapping_audit;

/*
 * Builds the final tables from the heap and the RAM that kernel/memory/layout.h knows, enables what the processor has
 * of NX, SMEP, SMAP and UMIP, and switches. The identity mapping of early boot ends here. Stops the machine if the heap
 * is too small.
 */
void paging_init(void);

/*
 * CR0, CR4, EFER and PAT of the calling CPU as the hypervisor wants them; CR4.VMXE is left as it is. x87 and SSE are
 * enabled (the compiler does not use them, guest switching does), OSXSAVE where the CPU has XSAVE.
 */
void paging_cpu_init(void);

/* Physical address of the top-level table: the value of CR3, below 4 GiB. */
uint64_t paging_root(void);

/*
 * Maps one 4 KiB page; va and pa page aligned, PAGING_WRITE and PAGING_EXECUTE not both. An existing mapping is
 * replaced. false: out of memory. Not locked: boot CPU only, before the other CPUs leave kernel/boot/smp.c.
 */
bool paging_map_page(uintptr_t va, uint64_t pa, unsigned flags);

/* Removes the mapping of one page, if there is one. The tables that led to it stay. */
void paging_unmap_page(uintptr_t va);

/* Removes everything below 512 GiB and frees its tables. The other CPUs must reload CR3 before they count on that. */
void paging_drop_low(void);

/* Maps device registers uncached; any alignment. NULL: out of memory or addresses. There is no way to unmap them. */
volatile void *paging_map_mmio(uint64_t pa, size_t size);

/* Walks the calling CPU's live tables and counts (abi/hypercall.h). */
void paging_audit(struct whb_mapping_audit *out);

/* Whether a page is mapped at va in the live tables. */
bool paging_is_mapped(uintptr_t va);
