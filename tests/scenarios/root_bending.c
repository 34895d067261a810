/* SPDX-License-Identifier: MIT */
/* What the root writes to its registers does not bend the hypervisor's. */
#include "root/lib/memory.h"
#include "tests/scenarios/scenario.h"

#define VECTOR_NMI 2u
#define VECTOR_GP 13u
#define MSR_MTRR_CAP 0xfeu
#define MSR_MTRR_PHYSBASE0 0x200u
#define MSR_MTRR_FIX64K 0x250u
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define CR0_RESET 0x60000010u
#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define TICKS 2000000ull
#define WAIT_TICKS 2000000000ull /* for the other CPU, which may be a thread that waits its turn */

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

struct msr_write {
    uint32_t msr;
    uint64_t value;
};

static void write_msr(void *arg)
{
    const struct msr_write *w = arg;
    cpu_wrmsr(w->msr, w->value);
}

static bool msr_faults(uint32_t msr, uint64_t value)
{
    struct root_fault fault = {0};
    struct msr_write w = {msr, value};
    return root_try(write_msr, &w, &fault) && fault.vector == VECTOR_GP && fault.error == 0;
}

/* Reads back what it writes, then writes what it was; the processor's own stay as they are. */
static void change_mtrr(uint32_t msr, uint64_t value)
{
    uint64_t before = cpu_rdmsr(msr);
    CHECK(!msr_faults(msr, value));
    CHECK_EQ(value, cpu_rdmsr(msr));
    CHECK_EQ(1, audit().boot_mtrrs);
    CHECK(!msr_faults(msr, before));
    CHECK_EQ(before, cpu_rdmsr(msr));
}

static void mtrrs_here(void *arg)
{
    uint32_t last = MSR_MTRR_PHYSBASE0 + 2 * ((uint32_t)cpu_rdmsr(MSR_MTRR_CAP) & 0xff) - 2;
    (void)arg;
    CHECK_EQ(1, audit().boot_mtrrs);
    change_mtrr(MSR_MTRR_DEF_TYPE, 0); /* off: as Linux does around its changes */
    change_mtrr(MSR_MTRR_DEF_TYPE, 0xc01);
    change_mtrr(MSR_MTRR_FIX64K, 0x0605040100060606);
    change_mtrr(last, 0xe0000001);
    change_mtrr(last + 1, 0xff000800);
    CHECK(msr_faults(MSR_MTRR_DEF_TYPE, 0xc02));
    CHECK(msr_faults(MSR_MTRR_DEF_TYPE, 0x1c06));
    CHECK(msr_faults(MSR_MTRR_FIX64K, 2));
    CHECK(msr_faults(last, 7));
    CHECK(msr_faults(last, 0x100));
    CHECK(msr_faults(last + 1, 1ull << 62));
    CHECK(msr_faults(last + 2, 0));
    CHECK(msr_faults(MSR_MTRR_CAP, 0x508));
}

static void mtrrs(void)
{
    mtrrs_here(NULL);
    if (root_cpu_count() > 1) {
        root_run_on(1, mtrrs_here, NULL);
        CHECK(root_wait(1, WAIT_TICKS));
    }
}

/* Bochs ignores writes to MSRs that it does not know: they fault only where the hypervisor refuses them. */
static void refused_msrs(void)
{
    const uint32_t refused[] = {0x33, 0x1c4, 0x1f4, 0x1f5, 0x3f4, 0x3f5, 0x1400, 0x1401};
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        CHECK(msr_faults(refused[i], 1u << 29));
        CHECK(msr_faults(refused[i], 0));
    }
}

/* The hypervisor writes it for the root, and the processor finds the value bad there. */
static void faulting_msr(void)
{
    const uint64_t before = cpu_rdmsr(MSR_LSTAR), bad[] = {1ull << 63, 1ull << 62, (1ull << 63) - 1};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(msr_faults(MSR_LSTAR, bad[i]));
        CHECK(msr_faults(MSR_CSTAR, bad[i]));
        CHECK_EQ(before, cpu_rdmsr(MSR_LSTAR));
    }
    CHECK(!msr_faults(MSR_LSTAR, ~before));
    CHECK_EQ(~before, cpu_rdmsr(MSR_LSTAR));
    CHECK(!msr_faults(MSR_LSTAR, before));
    CHECK(audit().pages != 0);
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
    {"root-mtrrs", 1, mtrrs},
    {"root-refused-msrs", 1, refused_msrs},
    {"root-faulting-msr", 1, faulting_msr},
    {"root-nmi-while-parked", 2, nmi_while_parked},
    {"root-nmi-before-init", 2, nmi_before_init},
    {0},
};
