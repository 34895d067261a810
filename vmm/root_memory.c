/* SPDX-License-Identifier: MIT */
/* The root's EPT: guest-physical equals host-physical, the hypervisor's memory absent. */
#include "arch/cpu.h"
#include "kernel/layout.h"
#include "kernel/panic.h"
#include "kernel/spinlock.h"
#include "vmm/root_vp.h"
#include "vmm/vmm_state.h"

#define GIB (1ull << 30)
#define ROOT_RIGHTS (EPT_READ | EPT_WRITE | EPT_EXECUTE)

static struct spinlock fill_lock;

uint8_t vmm_memory_type(void *context, uint64_t hpa, uint64_t size)
{
    (void)context;
    return mtrr_type(&vmm.mtrrs, hpa, size);
}

static bool map_identity(uint64_t base, uint64_t end)
{
    struct ept_garbage garbage = {0};
    return base >= end ||
           ept_map(&vmm.root_ept, base, base, end - base, ROOT_RIGHTS, vmm_memory_type, NULL, &garbage) == EPT_OK;
}

/* Lower and upper of the hypervisor's two ranges. */
static void hypervisor_ranges(uint64_t base[2], uint64_t end[2])
{
    unsigned image = memory_layout.image_base < memory_layout.heap_base ? 0 : 1;
    base[image] = memory_layout.image_base;
    end[image] = memory_layout.image_base + memory_layout.image_size;
    base[1 - image] = memory_layout.heap_base;
    end[1 - image] = memory_layout.heap_base + memory_layout.heap_size;
}

void root_memory_init(void)
{
    uint64_t base[2], end[2];
    uint64_t top = (layout_ram_top() + GIB - 1) & ~(GIB - 1);
    top = top < 4 * GIB ? 4 * GIB : top;
    hypervisor_ranges(base, end);
    if (!ept_init(&vmm.root_ept, vmm.huge_2m, vmm.huge_1g) || !map_identity(0, base[0]) ||
        !map_identity(end[0], base[1]) || !map_identity(end[1], top)) {
        kernel_stop(
            "The hypervisor's heap is too small for the root partition's page tables: give it more with heap= on "
            "its command line.");
    }
    vmm.root_eptp = ept_pointer(&vmm.root_ept, false);
}

bool root_memory_fill(uint64_t pa)
{
    uint64_t base = pa & ~(GIB - 1), limit = 1ull << (vmm.physical_bits < 48 ? vmm.physical_bits : 48);
    if (pa >= limit || layout_is_hypervisor(pa & ~4095ull, 4096)) {
        return false;
    }
    spin_lock(&fill_lock);
    struct ept_leaf leaf;
    bool done =
        ept_lookup(&vmm.root_ept, pa, &leaf) || (!layout_is_hypervisor(base, GIB) && map_identity(base, base + GIB));
    spin_unlock(&fill_lock);
    return done;
}
