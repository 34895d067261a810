/* SPDX-License-Identifier: MIT */
/* The root's EPT: guest-physical equals host-physical, the hypervisor's memory absent. */
#include "arch/cpu/cpu.h"
#include "kernel/boot/main.h"
#include "kernel/core/kick.h"
#include "kernel/core/spinlock.h"
#include "kernel/debug/panic.h"
#include "kernel/memory/layout.h"
#include "kernel/memory/page_alloc.h"
#include "vmm/cpu/vmm_state.h"
#include "vmm/root/root_port.h"
#include "vmm/root/root_vp.h"

#define GIB (1ull << 30)
#define MIB_2 (2ull << 20)
#define ROOT_RIGHTS (EPT_READ | EPT_WRITE | EPT_EXECUTE)

/*
 * Tables for what lies beyond the boot-time map. It is filled where it is touched, so when they are used up all of them
 * may be taken back. One instruction can touch far fewer places at once than these serve.
 */
#define FILL_TABLES 64u

static uint64_t boot_end; /* of the boot-time map */
static struct {
    struct spinlock lock; /* its holder waits for nothing */
    struct ept_retired retired;
    uint64_t generation; /* atomic; counts the times that tables were unlinked */
} fill;

static bool map_identity(uint64_t base, uint64_t end)
{
    struct ept_retired retired = {0};
    return base >= end ||
           ept_map(&vmm.root_ept, base, base, end - base, ROOT_RIGHTS, vmm_memory_type, NULL, &retired) == EPT_OK;
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

/* Pages with ACPI's sleep and reset registers, where these are in memory. Ports are vmm/root/root_port.h's. */
static bool withhold_registers(void)
{
    struct ept_retired retired = {0};
    for (unsigned i = 0; i < ACPI_LEAVING_COUNT; i++) {
        uint64_t page = acpi_power.leaving[i].address & ~4095ull;
        if (acpi_power.leaving[i].memory && ept_unmap(&vmm.root_ept, page, 4096, &retired) != EPT_OK) {
            return false;
        }
    }
    return true;
}

void root_memory_init(void)
{
    uint64_t base[2], end[2];
    uint64_t top = (layout_ram_top() + GIB - 1) & ~(GIB - 1);
    top = top < 4 * GIB ? 4 * GIB : top;
    hypervisor_ranges(base, end);
    boot_end = top;
    if (!ept_init(&vmm.root_ept, PAGE_ACCOUNT_ROOT_MAP, vmm.huge_2m, vmm.huge_1g) || !map_identity(0, base[0]) ||
        !map_identity(end[0], base[1]) || !map_identity(end[1], top) || !withhold_registers() ||
        !page_account_keep(PAGE_ACCOUNT_ROOT_MAP, PAGE_USE_EPT, FILL_TABLES)) {
        kernel_stop(
            "The hypervisor's heap is too small for the root partition's page tables: give it more with heap= on "
            "its command line.");
    }
    vmm.root_eptp = ept_pointer(&vmm.root_ept, false);
}

void root_memory_flush(struct cpu *cpu)
{
    uint64_t generation = __atomic_load_n(&fill.generation, __ATOMIC_SEQ_CST);
    if (cpu->root_map_flushed != generation) {
        vmx_flush_ept(vmm.root_eptp);
        __atomic_store_n(&cpu->root_map_flushed, generation, __ATOMIC_SEQ_CST);
    }
}

/* A CPU that waits for SIPI walks no tables, and flushes before its root VP goes on. */
static bool is_flushed(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->vmx_state, __ATOMIC_ACQUIRE) != CPU_VMX_ON ||
           __atomic_load_n(&cpu->root_map_flushed, __ATOMIC_SEQ_CST) == fill.generation ||
           __atomic_load_n(&cpu->parked, __ATOMIC_SEQ_CST) != CPU_RUNNING;
}

/*
 * Frees the unlinked tables if no CPU can use them any more. This CPU does not wait for the others, which may be
 * waiting for it: the root's instruction is tried again, until it finds them freed.
 */
static bool free_unlinked(struct cpu *self)
{
    bool all = true;
    root_memory_flush(self);
    for (uint32_t i = 0; i < cpu_count; i++) {
        if (!is_flushed(cpus[i])) {
            kick_cpu(cpus[i]);
            all = false;
        }
    }
    if (all) {
        ept_retired_free(&fill.retired);
    }
    return all;
}

static bool unlink_fills(uint64_t limit)
{
    if (boot_end >= limit || ept_unmap(&vmm.root_ept, boot_end, limit - boot_end, &fill.retired) != EPT_OK) {
        return false;
    }
    (void)__atomic_add_fetch(&fill.generation, 1, __ATOMIC_SEQ_CST);
    return fill.retired.head != 0;
}

/* Without leaves of 2 MiB a GiB would take more tables than there are. */
static bool fill_locked(struct cpu *self, uint64_t pa, uint64_t limit)
{
    uint64_t size = vmm.huge_2m ? GIB : MIB_2;
    struct ept_leaf leaf;
    while (root_port_in_range(&acpi_power, pa & ~(size - 1), size)) {
        size /= 512; /* not the page with the register */
    }
    uint64_t base = pa & ~(size - 1);
    if (ept_lookup(&vmm.root_ept, pa, &leaf)) {
        return true;
    }
    if (pa < boot_end) {
        return false;
    }
    if (fill.retired.head != 0 && !free_unlinked(self)) {
        return true;
    }
    return map_identity(base, base + size) || unlink_fills(limit);
}

bool root_memory_fill(struct cpu *self, uint64_t pa)
{
    uint64_t limit = 1ull << (vmm.physical_bits < 48 ? vmm.physical_bits : 48);
    if (pa >= limit || layout_is_hypervisor(pa & ~4095ull, 4096) ||
        root_port_in_range(&acpi_power, pa & ~4095ull, 4096)) {
        return false;
    }
    spin_lock(&fill.lock);
    bool done = fill_locked(self, pa, limit);
    spin_unlock(&fill.lock);
    return done;
}
