/* SPDX-License-Identifier: MIT */
/* What the root writes to its registers does not bend the hypervisor's. */
#include "root/lib/memory.h"
#include "tests/scenarios/scenario.h"

#define VECTOR_NMI 2u
#define VECTOR_GP 13u
#define CR0_RESET 0x60000010u
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define TICKS 20000000ull

extern const uint8_t real_mode[], real_mode_end[], real_mode_nmi[];

/* At the start of its page, past a jump: what the real-mode code notes. */
struct notes {
    uint32_t jump, cr0, turns, nmis;
};

static uint64_t read_cr0(void)
{
    uint64_t value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static void write_cr0(void *arg)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(arg) : "memory");
}

static struct whb_mapping_audit audit(void)
{
    static struct whb_mapping_audit a;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_AUDIT_MAPPINGS, (uintptr_t)&a, sizeof(a), 0, 0, 0, NULL));
    return a;
}

/* As for the programming of MTRRs: CD, WBINVD, CD off again. Neither entries nor exits load CD and NW. */
static void caches(void)
{
    const uint64_t before = read_cr0(), forms[] = {CR0_CD, CR0_CD | CR0_NW};
    CHECK_EQ(0, before & (CR0_CD | CR0_NW));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(!root_try(write_cr0, (void *)(before | forms[i]), NULL));
        CHECK_EQ(before | forms[i], read_cr0());
        CHECK_EQ(0, audit().cr0_cd);
        __asm__ volatile("wbinvd" : : : "memory");
        CHECK(!root_try(write_cr0, (void *)before, NULL));
        CHECK_EQ(before, read_cr0());
    }
    struct root_fault fault = {0};
    CHECK(root_try(write_cr0, (void *)(before | CR0_NW), &fault));
    CHECK_EQ(VECTOR_GP, fault.vector);
    CHECK_EQ(before, read_cr0());
}

static void pause_for(uint64_t ticks)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < ticks;) {
        cpu_pause();
    }
}

static void write_ivt(unsigned vector, uint32_t pointer)
{
    __asm__ volatile("movl %1, (%0)" : : "r"(4ull * vector), "r"(pointer) : "memory");
}

/* CPU 1, which waits for SIPI, is to have had no NMI before the one that it gets in real mode. */
static void start_in_real_mode(void)
{
    uint64_t page = memory_low_page();
    volatile struct notes *notes = (volatile struct notes *)(uintptr_t)page;
    memcpy((void *)(uintptr_t)page, real_mode, (size_t)(real_mode_end - real_mode));
    write_ivt(VECTOR_NMI, (uint32_t)(page << 12) | (uint32_t)(real_mode_nmi - real_mode));
    apic_send(scenario_machine->apic_ids[1], APIC_SIPI | (uint32_t)(page >> 12));
    pause_for(TICKS);
    CHECK(notes->turns > 1000);
    CHECK_EQ(CR0_RESET, notes->cr0);
    CHECK_EQ(0, notes->nmis);
    apic_send(scenario_machine->apic_ids[1], APIC_NMI);
    pause_for(TICKS / 10);
    CHECK_EQ(1, notes->nmis);
    apic_send(scenario_machine->apic_ids[1], APIC_INIT); /* off the page, which is the trampoline's too */
    CHECK(smp_restart(1));
}

/* NMIs that come while it waits for SIPI, the last of them together with it. */
static void nmi_while_parked(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        apic_send(scenario_machine->apic_ids[1], APIC_INIT);
        pause_for(TICKS / 20);
        apic_send(scenario_machine->apic_ids[1], APIC_NMI);
        pause_for(i == 0 ? TICKS / 20 : (i - 1) * 300);
        start_in_real_mode();
    }
}

static volatile uint32_t in_handler;

static void stay(struct root_frame *frame)
{
    (void)frame;
    in_handler = 1;
    for (;;) {
        cpu_pause();
    }
}

/* An NMI that waits for the end of another's handler when INIT comes. */
static void nmi_before_init(void)
{
    in_handler = 0;
    root_set_handler(VECTOR_NMI, stay);
    for (uint32_t i = 0; i < 2; i++) {
        apic_send(scenario_machine->apic_ids[1], APIC_NMI);
        pause_for(TICKS / 20);
        CHECK_EQ(1, in_handler);
    }
    root_set_handler(VECTOR_NMI, NULL);
    apic_send(scenario_machine->apic_ids[1], APIC_INIT);
    pause_for(TICKS / 20);
    start_in_real_mode();
}

const struct scenario scenarios_root_bending[] = {
    {"root-caches", 1, caches},
    {"root-nmi-while-parked", 2, nmi_while_parked},
    {"root-nmi-before-init", 2, nmi_before_init},
    {0},
};
