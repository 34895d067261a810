/* SPDX-License-Identifier: MIT */
#include "tests/attack/arena.h"

#define ARENA_SIZE (8u << 20)
#define CELL 16u

struct arena arena;

/* Guests of one cell: each does something that exits or not, and goes on in the next cell or stays. */
static const uint8_t cells[][CELL] = {
    {0xf4, 0xeb, 0xfd},                               /* hlt; jmp */
    {0xe6, 0x10, 0xeb, 0xfc},                         /* out 0x10, al; jmp */
    {0xe4, 0x71, 0x40, 0xeb, 0xfb},                   /* in al, 0x71; inc; jmp */
    {0x0f, 0xa2, 0xe6, 0x11, 0xeb, 0xfa},             /* cpuid; out; jmp */
    {0x0f, 0x32, 0xf4, 0xeb, 0xfb},                   /* rdmsr; hlt; jmp */
    {0x0f, 0x30, 0xf4, 0xeb, 0xfb},                   /* wrmsr; hlt; jmp */
    {0xa2, 0x00, 0x90, 0xf4, 0xeb, 0xfa},             /* mov [0x9000], al; hlt; jmp */
    {0xc6, 0x06, 0x00, 0xf0, 0x5a, 0xeb, 0xf9},       /* mov byte [0xf000], 0x5a; jmp */
    {0xfb, 0xeb, 0xfe},                               /* sti; jmp $ */
    {0xeb, 0xfe},                                     /* jmp $ */
    {0x0f, 0x01, 0xc1, 0xf4},                         /* vmcall; hlt */
    {0xcd, 0x20, 0xf4},                               /* int 0x20; hlt */
    {0x0f, 0x20, 0xc0, 0x0f, 0x22, 0xc0, 0xf4},       /* mov eax, cr0; mov cr0, eax; hlt */
    {0x66, 0xb8, 0, 0, 0, 0x10, 0x66, 0xff, 0xe0},    /* mov eax, 0x10000000; jmp eax */
    {0xdb, 0xe3, 0x0f, 0x57, 0xc0, 0xf4, 0xeb, 0xf9}, /* fninit; xorps; hlt; jmp */
    {0x6c, 0x6e, 0xf3, 0x6e, 0xf4},                   /* insb; outsb; rep outsb; hlt */
};

static void fill_guest(struct random *r)
{
    uint8_t *at = (uint8_t *)(uintptr_t)arena.base;
    for (uint32_t i = 0; i < ARENA_GUEST; i += CELL) {
        memcpy(at + i, PICK(r, cells), CELL);
    }
}

static void find_ranges(const struct whb_handoff *machine)
{
    for (uint32_t i = 0; i < machine->range_count; i++) {
        const struct whb_memory_range *range = &machine->ranges[i];
        if (range->type == WHB_MEMORY_HYPERVISOR && arena.hypervisor == 0) {
            arena.hypervisor = range->base;
            arena.hypervisor_end = range->base + range->size;
        }
        if (range->type == WHB_MEMORY_AVAILABLE) {
            arena.ram_end = range->base + range->size;
        }
    }
}

void arena_init(struct random *r, const struct whb_handoff *machine)
{
    arena.base = (uintptr_t)root_alloc_pages(ARENA_SIZE / ROOT_PAGE, 2 << 20);
    arena.run_pages = arena.base + ARENA_GUEST;
    arena.events = arena.run_pages + ARENA_RUN_PAGES * ROOT_PAGE;
    arena.buffers = arena.events + ROOT_PAGE;
    find_ranges(machine);
    fill_guest(r);
}

void arena_delete(struct attacker *a, uint64_t handle)
{
    enum whb_status status;
    do {
        status = attack_do(a, WHB_CALL_PARTITION_DELETE, handle, 0, 0, 0, 0);
        cpu_pause();
    } while (status == WHB_ERROR_BUSY);
    __atomic_store_n(&PICK(&a->random, arena.stale), handle, __ATOMIC_RELAXED);
}

void arena_put(struct attacker *a, uint32_t place, uint64_t handle)
{
    uint64_t old = __atomic_exchange_n(&arena.partitions[place], handle, __ATOMIC_SEQ_CST);
    a->loose = old;
    if (old != 0) {
        arena_delete(a, old);
    }
    a->loose = 0;
}

static void set_property(struct attacker *a, uint64_t handle, uint32_t code, uint64_t value)
{
    memcpy(a->buffers, &value, sizeof(value));
    (void)attack_do(a, WHB_CALL_PROPERTY_SET, handle, code, (uintptr_t)a->buffers, sizeof(value), 0);
}

/* Real mode at a random cell of the low 32 KiB. */
static void set_start(struct attacker *a, uint64_t handle, uint64_t vp)
{
    const uint32_t names[2] = {WHvX64RegisterCs, WHvX64RegisterRip};
    WHV_REGISTER_VALUE values[2] = {0};
    values[0].Segment.Limit = 0xffff;
    values[0].Segment.Attributes = 0x9b;
    values[1].Reg64 = random_below(&a->random, 0x8000 / CELL) * CELL;
    memcpy(a->buffers, names, sizeof(names));
    memcpy(a->buffers + ATTACK_BUFFER, values, sizeof(values));
    (void)attack_do(a, WHB_CALL_VP_SET_REGISTERS, handle, vp, (uintptr_t)a->buffers,
                    (uintptr_t)a->buffers + ATTACK_BUFFER, 2);
}

void arena_build(struct attacker *a, uint32_t place)
{
    const uint64_t none[5] = {0};
    uint64_t handle;
    if (attack_call(a, WHB_CALL(WHB_CALL_PARTITION_CREATE), none, &handle) != WHB_OK) {
        return;
    }
    a->loose = handle;
    set_property(a, handle, WHvPartitionPropertyCodeProcessorCount, ARENA_VPS);
    set_property(a, handle, WHvPartitionPropertyCodeExtendedVmExits, random_u64(&a->random) & 0x2f);
    if (random_once_in(&a->random, 2)) {
        set_property(a, handle, WHvPartitionPropertyCodeLocalApicEmulationMode, random_below(&a->random, 3));
    }
    (void)attack_do(a, WHB_CALL_PARTITION_SETUP, handle, 0, 0, 0, 0);
    uint64_t flags = WHB_MAP_READ | WHB_MAP_WRITE | WHB_MAP_EXECUTE;
    if (random_once_in(&a->random, 2) &&
        attack_map(a, handle, arena.base, 0, ARENA_GUEST, flags | WHB_MAP_TRACK_DIRTY) == WHB_OK) {
        flags = 0;
    }
    if (flags != 0) {
        (void)attack_map(a, handle, arena.base, 0, ARENA_GUEST, flags);
    }
    for (uint64_t vp = 0; vp < ARENA_VPS - 1; vp++) {
        uint64_t page = arena.run_pages + random_below(&a->random, ARENA_RUN_PAGES) * ROOT_PAGE;
        (void)attack_do(a, WHB_CALL_VP_CREATE, handle, vp, page, 0, 0);
        set_start(a, handle, vp);
    }
    arena_put(a, place, handle);
}
