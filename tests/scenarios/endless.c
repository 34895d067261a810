/* SPDX-License-Identifier: MIT */
/*
 * Guests that never end a run by themselves, most of them by exits without end that the hypervisor answers alone. An
 * interrupt of the root comes through in bounded time all the same, and a cancel from any CPU wins.
 */
#include "tests/scenarios/records.h"

DECLARE_PAYLOAD(endless_spin64);
DECLARE_PAYLOAD(endless_deaf64);
DECLARE_PAYLOAD(endless_cpuid64);
DECLARE_PAYLOAD(endless_dr64);
DECLARE_PAYLOAD(endless_vmread64);
DECLARE_PAYLOAD(endless_watch64);
DECLARE_PAYLOAD(endless_watch_handler64);
DECLARE_PAYLOAD(endless_align32);

#define GDT_AT 0x7000u
#define IDT_AT 0x6000u
#define TSS_AT 0x5000u
#define HANDLER_AT 0x1800u
#define WATCHED 0x3ff0u /* where the processor puts RSP of a frame on the stack that ends at 0x4000 */
#define STACK_OF_DB 0x4000u
#define USER_CODE 0x23u
#define USER_DATA 0x2bu
#define VECTOR_DB 1u
#define VECTOR_UD 6u
#define VECTOR_AC 17u
#define RFLAGS_FIXED 2u
#define RFLAGS_AC (1u << 18)
#define CR0_PE_ET_NE_AM 0x40031u
#define DR7_WRITE_8_GLOBAL_0 0x90402u

#define TIMER_COUNT 2000000u
#define SOON 40000000ull /* ticks: the timer's, and what many runs take on a machine with other work */
#define TICKS 2000000000ull
#define CANCELS 20u

static struct guest guest;
static volatile uint32_t timer_ticks;

static void set_segment(WHV_REGISTER_NAME name, uint64_t base, uint32_t limit, uint16_t selector, uint16_t attributes)
{
    WHV_REGISTER_VALUE v = {0};
    v.Segment.Base = base;
    v.Segment.Limit = limit;
    v.Segment.Selector = selector;
    v.Segment.Attributes = attributes;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, 0, &name, 1, &v));
}

static void spin(void)
{
    START(&guest, GUEST_LONG, endless_spin64);
}

static void deaf(void)
{
    START(&guest, GUEST_LONG, endless_deaf64);
}

static void cpuids(void)
{
    START(&guest, GUEST_LONG, endless_cpuid64);
}

static void debug_registers(void)
{
    START(&guest, GUEST_LONG, endless_dr64);
}

/* The stack wraps around within the page tables' first GiB and never ends: each frame goes to the same place. */
static void undefined(void)
{
    START(&guest, GUEST_LONG, endless_vmread64);
    guest_idt(&guest, 0, GUEST_LONG, VECTOR_UD, PAYLOAD_AT);
    guest.ram[IDT_AT + 16 * VECTOR_UD + 4] = 1; /* IST 1 */
    const uint64_t stack = STACK_OF_DB;
    memcpy(guest.ram + TSS_AT + 0x24, &stack, sizeof(stack));
    set_segment(WHvX64RegisterTr, TSS_AT, 0x67, 0x20, 0x8b);
}

/* CVE-2015-8104. */
static void debug_exceptions(void)
{
    START(&guest, GUEST_LONG, endless_watch64);
    memcpy(guest.ram + HANDLER_AT, payload_endless_watch_handler64,
           (size_t)(payload_endless_watch_handler64_end - payload_endless_watch_handler64));
    guest_idt(&guest, 0, GUEST_LONG, VECTOR_DB, HANDLER_AT);
    guest.ram[IDT_AT + 16 * VECTOR_DB + 4] = 1;    /* IST 1 */
    guest.ram[IDT_AT + 16 * VECTOR_DB + 5] = 0x8f; /* a trap gate: IF stays */
    const uint64_t stack = STACK_OF_DB;
    memcpy(guest.ram + TSS_AT + 0x24, &stack, sizeof(stack));
    set_segment(WHvX64RegisterTr, TSS_AT, 0x67, 0x20, 0x8b);
    guest_set(&guest, 0, WHvX64RegisterDr0, WATCHED);
    guest_set(&guest, 0, WHvX64RegisterDr7, DR7_WRITE_8_GLOBAL_0);
}

/* CVE-2015-5307. */
static void alignment_checks(void)
{
    const uint64_t code = 0x00cffb000000ffff, data = 0x00cff3000000ffff;
    const WHV_REGISTER_NAME gdtr = WHvX64RegisterGdtr;
    const uint64_t gate = (uint64_t)PAYLOAD_AT | USER_CODE << 16 | 0xef00ull << 32;
    WHV_REGISTER_VALUE v = {0};
    START(&guest, GUEST_PROTECTED, endless_align32);
    memcpy(guest.ram + GDT_AT + (USER_CODE & ~7u), &code, sizeof(code));
    memcpy(guest.ram + GDT_AT + (USER_DATA & ~7u), &data, sizeof(data));
    v.Table.Base = GDT_AT;
    v.Table.Limit = 0x2f;
    CHECK_EQ(S_OK, WHvSetVirtualProcessorRegisters(guest.partition, 0, &gdtr, 1, &v));
    guest_idt(&guest, 0, GUEST_PROTECTED, VECTOR_AC, PAYLOAD_AT);
    memcpy(guest.ram + IDT_AT + 8 * VECTOR_AC, &gate, sizeof(gate));
    set_segment(WHvX64RegisterCs, 0, 0xffffffff, USER_CODE, 0xc0fb);
    set_segment(WHvX64RegisterSs, 0, 0xffffffff, USER_DATA, 0xc0f3);
    set_segment(WHvX64RegisterDs, 0, 0xffffffff, USER_DATA, 0xc0f3);
    set_segment(WHvX64RegisterEs, 0, 0xffffffff, USER_DATA, 0xc0f3);
    guest_set(&guest, 0, WHvX64RegisterCr0, CR0_PE_ET_NE_AM);
    guest_set(&guest, 0, WHvX64RegisterRflags, RFLAGS_FIXED | RFLAGS_AC);
    guest_set(&guest, 0, WHvX64RegisterRsp, 0x8002);
}

static const struct {
    const char *name;
    void (*start)(void);
} guests[] = {
    {"a loop", spin},
    {"a loop with interrupts off", deaf},
    {"CPUID", cpuids},
    {"MOV from DR6", debug_registers},
    {"#UD of VMREAD", undefined},
    {"#DB while #DB is delivered", debug_exceptions},
    {"#AC while #AC is delivered", alignment_checks},
};
#define GUESTS (sizeof(guests) / sizeof(guests[0]))

static void on_timer(struct root_frame *frame)
{
    (void)frame;
    timer_ticks++;
    apic_eoi();
}

/* With interrupts off in the root the run returns for the one that is pending. */
static void interrupts_come_through(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    root_set_handler(APIC_VECTOR_TIMER, on_timer);
    for (unsigned i = 0; i < GUESTS; i++) {
        guest_create(&guest, 1, 0);
        guests[i].start();
        timer_ticks = 0;
        apic_timer(TIMER_COUNT, false);
        uint64_t began = cpu_rdtsc();
        HRESULT hr = WHB_HR_INTERRUPTED;
        while (timer_ticks == 0 && hr == WHB_HR_INTERRUPTED && cpu_rdtsc() - began < SOON) {
            hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
            __asm__ volatile("sti; nop; cli" : : : "memory");
        }
        apic_timer(0, false);
        check_equal(guests[i].name, (uint32_t)WHB_HR_INTERRUPTED, (uint32_t)hr);
        check_equal(guests[i].name, 1, timer_ticks);
        CHECK(cpu_rdtsc() - began < SOON);
        guest_destroy(&guest);
    }
    root_set_handler(APIC_VECTOR_TIMER, NULL);
}

static volatile uint32_t canceled, strange; /* atomic */

static void run_until_canceled(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    (void)arg;
    for (uint32_t left = CANCELS; left != 0;) {
        HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
        if (hr == WHB_HR_INTERRUPTED) {
            continue;
        }
        strange += hr != S_OK || r.ExitReason != WHvRunVpExitReasonCanceled;
        left = strange != 0 ? 0 : left - 1;
        __atomic_fetch_add(&canceled, 1, __ATOMIC_SEQ_CST);
    }
}

static void cancels_win(void)
{
    for (unsigned i = 0; i < GUESTS; i++) {
        canceled = strange = 0;
        guest_create(&guest, 1, 0);
        guests[i].start();
        root_run_on(1, run_until_canceled, NULL);
        for (uint32_t n = 0; n < CANCELS; n++) {
            uint64_t began = cpu_rdtsc();
            CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
            while (__atomic_load_n(&canceled, __ATOMIC_SEQ_CST) == n && cpu_rdtsc() - began < SOON) {
                cpu_pause();
            }
            check_equal(guests[i].name, n + 1, canceled);
        }
        CHECK(root_wait(1, TICKS));
        check_equal(guests[i].name, 0, strange);
        guest_destroy(&guest);
    }
}

const struct scenario scenarios_endless[] = {
    {"endless/interrupts-come-through", 1, interrupts_come_through},
    {"endless/cancels-win", 2, cancels_win},
    {0},
};
