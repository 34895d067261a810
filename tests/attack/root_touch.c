/* SPDX-License-Identifier: MIT */
/* Steps that touch what is not the root's: memory, ports, other CPUs by the interrupt command register. */
#include "tests/attack/arena.h"
#include "tests/attack/root.h"

#define MSR_ICR 0x830u
#define LEAF_ADDRESS_SIZES 0x80000008u
#define GIB (1ull << 30)
#define WINDOW (1ull << 39) /* PML4 entry 1: a page table of this file's own */
#define PAGE_LARGE 0x83ull
#define IO_APIC 0xfec00000ull
#define FAR_PLACES 5u
#define NMI_TICKS 20000u

static uint64_t *window; /* page directory: one entry for each CPU */
static const struct whb_handoff *handoff;

/* Where the root finds this physical address; what the hand-off's page tables lack has a window. */
static uint64_t linear_address(const struct step_cpu *s, uint64_t pa)
{
    if (pa < handoff->identity_mapped) {
        return pa;
    }
    uint64_t at = WINDOW + ((uint64_t)s->a->cpu << 21);
    window[s->a->cpu] = (pa & ~((2ull << 20) - 1)) | PAGE_LARGE;
    __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
    return at + (pa & ((2ull << 20) - 1));
}

/*
 * Above 4 GiB: a touch there may cost the hypervisor a table of the root's EPT, so there are few places, and
 * touch_prepare has been to all of them.
 */
static uint64_t far_place(uint32_t number)
{
    uint32_t width = cpu_cpuid(LEAF_ADDRESS_SIZES, 0).eax & 0xff;
    return number == 0 ? (1ull << width) - 64 : number * 4 * GIB;
}

static void read_byte(void *address)
{
    (void)*(volatile uint8_t *)address;
}

void touch_prepare(struct step_cpu *s, const struct whb_handoff *machine)
{
    uint64_t *pdpt = root_alloc_pages(1, ROOT_PAGE);
    handoff = machine;
    window = root_alloc_pages(1, ROOT_PAGE);
    pdpt[0] = (uintptr_t)window | 3;
    ((uint64_t *)(uintptr_t)(cpu_read_cr3() & ~0xfffull))[1] = (uintptr_t)pdpt | 3;
    for (uint32_t i = 0; i < FAR_PLACES; i++) {
        (void)root_try(read_byte, (void *)(uintptr_t)linear_address(s, far_place(i)), NULL);
    }
}

/* The hypervisor's; with `more`, to be read, its neighbours and all else: a write there would be the root's own end. */
static uint64_t any_physical(struct random *r, bool more)
{
    uint64_t size = arena.hypervisor_end - arena.hypervisor;
    switch (random_below(r, more ? 6 : 2)) {
    case 0:
        return arena.hypervisor + random_u64(r) % size;
    case 1:
        if (random_once_in(r, 2)) {
            return arena.hypervisor_end - 1 - random_below(r, 8);
        }
        return arena.hypervisor + random_below(r, 8) - (more ? 8 : 0);
    case 2:
        return random_u64(r) % arena.ram_end;
    case 3: /* around the chipset's holes */
        return 4 * GIB - 1 - random_below(r, 0x1000000);
    case 4:
        return random_u64(r) % IO_APIC;
    default:
        return far_place(random_below(r, FAR_PLACES)) + random_below(r, 56);
    }
}

void step_memory(struct step_cpu *s)
{
    static const uint8_t reads[][3] = {{0x8a, 0x06}, {0x8b, 0x06}, {0x48, 0x8b, 0x06}, {0x0f, 0xae, 0x3e}};
    static const uint8_t writes[][4] = {{0x88, 0x06}, {0x89, 0x06},       {0x48, 0x89, 0x06}, {0xf0, 0x0f, 0xb1, 0x0e},
                                        {0xf3, 0xa4}, {0x0f, 0xae, 0x06}, {0xf0, 0xff, 0x06}};
    struct random *r = &s->a->random;
    bool write = random_once_in(r, 3);
    const uint8_t *bytes = write ? PICK(r, writes) : PICK(r, reads);
    uint8_t code[4] = {0x90, 0x90, 0x90, 0x90}; /* NOP behind the shorter ones */
    memcpy(code, bytes, write ? 4 : 3);
    for (unsigned i = 2; i < sizeof(code); i++) {
        code[i] = code[i] == 0 ? 0x90 : code[i];
    }
    uint64_t pa = any_physical(r, !write);
    s->registers[STEP_RSI] = linear_address(s, pa);
    s->registers[STEP_RDI] = (uintptr_t)s->a->buffers;
    s->registers[STEP_RCX] = 16;
    s->registers[STEP_RAX] = s->registers[STEP_RDX] = 0;
    bool went = step_execute(s, code, sizeof(code));
    if (went && pa >= arena.hypervisor && pa < arena.hypervisor_end && bytes[0] != 0x0f) {
        attack_fail(s->a, "the hypervisor's memory is reached", pa, s->registers[STEP_RAX]);
    }
}

/*
 * The chipset's, without those that end the machine or belong to the console: ports 64H, 92H and CF9H, sleep control
 * and the CMOS shutdown byte have scenarios of their own.
 */
void step_port(struct step_cpu *s)
{
    static const uint16_t in[] = {0x00,  0x08,  0x20,  0x21,  0x40,   0x42,   0x43,   0x60,   0x61,   0x64,  0x71,
                                  0x80,  0x92,  0xa0,  0xa1,  0xb2,   0xcf8,  0xcf9,  0xcfc,  0x1f7,  0x3da, 0x402,
                                  0x510, 0x511, 0x604, 0x608, 0xb000, 0xb004, 0xb008, 0xae00, 0xc000, 0xffff};
    static const uint16_t out[] = {0x21, 0xa1, 0x40, 0x42, 0x61, 0x80, 0xcf8, 0x3c8, 0x5658, 0xffff};
    static const uint8_t bytes[][2] = {{0xec, 0x90}, {0x66, 0xed}, {0xed, 0x90}, {0xee, 0x90}};
    struct random *r = &s->a->random;
    uint32_t form = random_below(r, 4);
    s->registers[STEP_RDX] = form == 3 ? PICK(r, out) : PICK(r, in);
    if (form != 3 && random_once_in(r, 4)) {
        s->registers[STEP_RDX] = random_below(r, 0x10000);
    }
    s->registers[STEP_RAX] = random_u64(r);
    (void)step_execute(s, bytes[form], 2);
    cpu_outb(0x21, 0xff);
    cpu_outb(0xa1, 0xff);
}

enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_RESERVED, MODE_NMI, MODE_INIT, MODE_SIPI, MODE_EXTINT };

static bool write_icr(struct step_cpu *s, uint64_t icr)
{
    static const uint8_t wrmsr[] = {0x0f, 0x30};
    s->registers[STEP_RCX] = MSR_ICR;
    s->registers[STEP_RAX] = (uint32_t)icr;
    s->registers[STEP_RDX] = icr >> 32;
    return step_execute(s, wrmsr, sizeof(wrmsr));
}

static uint64_t any_destination(struct random *r)
{
    static const uint64_t destinations[] = {0, 1, 2, 3, 0x10, 0xfe, 0xff, 0x10001, 0xffff, 0xffffffff};
    return random_once_in(r, 8) ? random_u64(r) >> 32 : PICK(r, destinations);
}

/* NMIs may reach any CPU; INIT here reaches none, SIPI only CPUs that do not wait for it. */
void step_icr(struct step_cpu *s)
{
    struct random *r = &s->a->random;
    uint32_t mode = random_below(r, 8);
    uint64_t icr = (random_u64(r) & 0xccf00) | any_destination(r) << 32;
    icr = (icr & ~0x700ull) | mode << 8;
    icr |= random_once_in(r, 4) ? random_below(r, 16) : 0x20 + random_below(r, 0xe0);
    icr |= random_once_in(r, 8) ? random_u64(r) & 0xfff33000 : 0;
    if (mode == MODE_INIT) {
        icr = (icr & ~(0xccull << 12) & 0xffffffff) | 0xfffe0000ull << 32; /* nobody; or de-assert, to all */
        icr = random_once_in(r, 2) ? (icr & ~0x4000ull) | 0xc8000ull : icr & ~0x800ull;
    }
    if (!apic_is_x2apic()) {
        return;
    }
    step_lock(); /* no CPU has a table register with garbage, or is being restarted */
    (void)write_icr(s, icr);
    for (uint64_t begin = cpu_rdtsc(); mode == MODE_NMI && cpu_rdtsc() - begin < NMI_TICKS;) {
        cpu_pause();
    }
    step_unlock();
}

/* The first CPU stays, and restarts the others. */
void step_init_self(struct step_cpu *s)
{
    if (s->a->cpu != 0 && apic_is_x2apic()) {
        bool shorthand = random_once_in(&s->a->random, 2);
        __atomic_store_n(&s->waits, true, __ATOMIC_RELEASE);
        (void)write_icr(s, shorthand ? 0x44500 : (uint64_t)apic_id() << 32 | APIC_INIT);
    }
}
