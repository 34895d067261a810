/* SPDX-License-Identifier: MIT */
/* NMI, INIT and SIPI among the root's CPUs, and a hypercall from CPL 3. */
#include "tests/scenarios/scenario.h"

#define VECTOR_NMI 2u
#define VECTOR_UD 6u
#define TICKS 2000000000ull
#define COUNTER 0x3000u
#define PAGE_USER 4ull
#define PAGE_LARGE 0x80ull
#define PAGE_ADDRESS 0xffffffffff000ull

extern const uint8_t payload_count[], payload_count_end[];

static volatile uint32_t nmis, nested, nmi_cpu;
static uint32_t repeat; /* NMIs that the handler sends to itself */

static void pause_for(uint64_t ticks)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < ticks;) {
        cpu_pause();
    }
}

static void on_nmi(struct root_frame *frame)
{
    static volatile uint32_t depth;
    (void)frame;
    nested += depth;
    depth = 1;
    nmi_cpu = root_cpu();
    if (repeat > 0) {
        repeat--;
        apic_send(apic_id(), APIC_NMI);
        pause_for(20000);
    }
    depth = 0;
    __atomic_fetch_add(&nmis, 1, __ATOMIC_SEQ_CST);
}

static void nmi_begin(uint32_t again)
{
    nmis = nested = 0;
    repeat = again;
    root_set_handler(VECTOR_NMI, on_nmi);
}

static void check_nmis(uint32_t expected, uint32_t cpu)
{
    for (uint64_t begin = cpu_rdtsc(); nmis < expected && cpu_rdtsc() - begin < TICKS;) {
        cpu_pause();
    }
    pause_for(100000); /* one too many would come now */
    CHECK_EQ(expected, nmis);
    CHECK_EQ(0, nested);
    CHECK_EQ(cpu, nmi_cpu);
}

static void nmi_self(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        nmi_begin(0);
        apic_send(apic_id(), APIC_NMI);
        check_nmis(1, 0);
    }
}

/* An NMI that comes in the handler waits for its IRET. */
static void nmi_blocked(void)
{
    nmi_begin(3);
    apic_send(apic_id(), APIC_NMI);
    check_nmis(4, 0);
}

static void nmi_other(void)
{
    for (uint32_t i = 0; i < 20; i++) {
        nmi_begin(0);
        apic_send(scenario_machine->apic_ids[1], APIC_NMI);
        check_nmis(1, 1);
    }
}

static struct guest guest;
static volatile uint32_t canceled;

static void run_until_canceled(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    (void)arg;
    HRESULT hr;
    do {
        hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
    } while (hr == WHB_HR_INTERRUPTED);
    canceled += hr == S_OK && r.ExitReason == WHvRunVpExitReasonCanceled;
}

static bool guest_counts(void)
{
    volatile uint32_t *word = (volatile uint32_t *)(void *)(guest.ram + COUNTER);
    uint32_t before = *word;
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS;) {
        if (*word != before) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

static void start_guest_on_1(void)
{
    canceled = 0;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_count, payload_count_end, 0x1000);
    root_run_on(1, run_until_canceled, NULL);
    CHECK(guest_counts());
}

/* The root's NMIs reach it while its CPU is in a guest, which goes on afterwards. */
static void nmi_in_guest(void)
{
    start_guest_on_1();
    for (uint32_t i = 0; i < 20; i++) {
        nmi_begin(0);
        apic_send(scenario_machine->apic_ids[1], APIC_NMI);
        check_nmis(1, 1);
        CHECK(guest_counts());
    }
    CHECK_EQ(0, canceled);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(1, canceled);
    guest_destroy(&guest);
}

static void count_up(void *arg)
{
    ++*(uint32_t *)arg;
}

static void restart(void)
{
    static uint32_t done;
    done = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        CHECK(smp_restart(1));
        root_run_on(1, count_up, &done);
        CHECK(root_wait(1, TICKS));
        CHECK_EQ(i, done);
    }
}

/* INIT takes a CPU out of a guest that loops; the VP is free then and goes on elsewhere. */
static void restart_in_guest(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    static uint32_t done;
    done = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        start_guest_on_1();
        CHECK(smp_restart(1));
        CHECK_EQ(0, canceled);
        root_run_on(1, count_up, &done);
        CHECK(root_wait(1, TICKS));
        CHECK_EQ(i, done);
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
        guest_run(&guest, 0, &r, WHvRunVpExitReasonCanceled);
        root_run_on(1, run_until_canceled, NULL);
        CHECK(guest_counts());
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
        CHECK(root_wait(1, TICKS));
        CHECK_EQ(1, canceled);
        guest_destroy(&guest);
    }
}

/* Sets or clears the user bit on the way to an address in the root's own page tables. */
static void set_user(uint64_t address, bool user)
{
    uint64_t *table = (uint64_t *)(uintptr_t)(cpu_read_cr3() & PAGE_ADDRESS);
    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        uint64_t *entry = &table[address >> shift & 511];
        *entry = user ? *entry | PAGE_USER : *entry & ~PAGE_USER;
        if (shift != 39 && (*entry & PAGE_LARGE) != 0) {
            break;
        }
        table = (uint64_t *)(uintptr_t)(*entry & PAGE_ADDRESS);
    }
    __asm__ volatile("mov %0, %%cr3" : : "r"(cpu_read_cr3()) : "memory");
}

static void go_to_user(void *code)
{
    __asm__ volatile("pushq %0\n\tpushq %1\n\tpushq $2\n\tpushq %2\n\tpushq %3\n\tiretq"
                     :
                     : "i"(ROOT_USER_DATA), "r"((uint64_t)(uintptr_t)code + ROOT_PAGE), "i"(ROOT_USER_CODE), "r"(code),
                       "a"(WHB_CALL(WHB_CALL_VERSION))
                     : "memory");
    __builtin_unreachable();
}

static void call_from_user(void)
{
    static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1};
    struct root_fault fault = {0};
    uint8_t *code = root_alloc_pages(1, ROOT_PAGE), *stack = root_alloc_pages(1, ROOT_PAGE);
    memcpy(code, vmcall, sizeof(vmcall));
    trap_set_ring0_stack(0, (uintptr_t)stack + ROOT_PAGE);
    set_user((uintptr_t)code, true);
    CHECK(root_try(go_to_user, code, &fault));
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(ROOT_DATA));
    set_user((uintptr_t)code, false);
    CHECK_EQ(VECTOR_UD, fault.vector);
    CHECK_EQ((uintptr_t)code, fault.rip);
    root_free_page(code);
    root_free_page(stack);
}

#define ICR_LOW 0x300u
#define ICR_HIGH 0x310u

/*
 * xAPIC: the root is between its two writes to the ICR while the hypervisor sends NMIs of its own from this CPU
 * (recalling the VP that was last on CPU 1). The destination must be what the root wrote.
 */
static void half_written_icr(void)
{
    if (apic_is_x2apic()) {
        return;
    }
    start_guest_on_1();
    uint32_t destination = scenario_machine->apic_ids[0] << 24;
    apic_write(ICR_HIGH, destination);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    (void)guest_get(&guest, 0, WHvX64RegisterCr0);
    CHECK_EQ(destination, apic_read(ICR_HIGH));
    nmi_begin(0);
    apic_write(ICR_LOW, APIC_NMI);
    check_nmis(1, 0);
    guest_destroy(&guest);
}

const struct scenario scenarios_root_events[] = {
    {"root-nmi-self", 1, nmi_self},
    {"root-nmi-blocked", 1, nmi_blocked},
    {"root-vmcall-cpl3", 1, call_from_user},
    {"root-nmi-other", 2, nmi_other},
    {"root-nmi-in-guest", 2, nmi_in_guest},
    {"root-restart", 2, restart},
    {"root-restart-in-guest", 2, restart_in_guest},
    {"root-xapic-half-icr", 2, half_written_icr},
    {0},
};
