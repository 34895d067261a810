/* SPDX-License-Identifier: MIT */
/* The exit trace: what it refuses, what it says, what it loses, each CPU its own, and that it gives its memory back. */
#include "tests/scenarios/scenario.h"

#define REASON_CPUID 10u
#define REASON_HLT 12u
#define REASON_IO 30u
#define PORT 0x80u
#define QUALIFICATION_OUT_IMM8                                                                                         \
    ((uint64_t)PORT << 16 | 1u << 6) /* SDM vol. 3C, table 28-5: one byte, OUT, immediate                              \
                                      */
#define CODE_AT 0x1000u
#define ROOM 128u

static struct guest guest;

/* Of each CPU, its own. */
static struct reading {
    struct whb_trace_read head;
    struct whb_trace_entry entries[ROOM];
    uint32_t count; /* of `entries`, less those of interrupts, kicks and the like */
} readings[2];

/* 1: xor eax, eax; cpuid; out 80h, al; hlt; jmp 1b */
static const uint8_t code[] = {0x31, 0xc0, 0x0f, 0xa2, 0xe6, PORT, 0xf4, 0xeb, 0xf7};

static uint64_t heap_free(void)
{
    static struct whb_statistics s;
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_STATISTICS, (uintptr_t)&s, sizeof(s), 0, 0, 0, NULL));
    return s.heap_free;
}

/* The calling CPU's entries from `position` on. Interrupts of the root's own and kicks come at any time. */
static void read_trace(struct reading *r, uint64_t position)
{
    UINT32 written = 0;
    CHECK_EQ(S_OK, whb_trace_read(position, r, offsetof(struct reading, count), &written));
    uint32_t read = (written - (uint32_t)sizeof(r->head)) / (uint32_t)sizeof(r->entries[0]);
    r->count = 0;
    for (uint32_t i = 0; i < read && i < ROOM; i++) {
        uint32_t reason = r->entries[i].reason;
        if (reason == REASON_CPUID || reason == REASON_HLT || reason == REASON_IO || reason == WHB_TRACE_NO_EXIT) {
            r->entries[r->count++] = r->entries[i];
        }
    }
}

static void check_entry(const struct whb_trace_entry *e, uint32_t vp, uint32_t reason)
{
    CHECK_EQ(reason, e->reason);
    CHECK_EQ(whb_handle(guest.partition), WHB_TRACE_PARTITION(e->vp));
    CHECK_EQ(vp, WHB_TRACE_VP(e->vp));
    CHECK_EQ(0, e->reserved);
}

/* The guest's OUT, then its HLT. */
static void run_round(uint32_t vp)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&guest, vp, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_skip(&guest, vp, &r);
    guest_run(&guest, vp, &r, WHvRunVpExitReasonX64Halt);
}

static void refusals(void)
{
    static const uint64_t bad[] = {1, 32, 63, 65, 96, 2 * WHB_TRACE_MAX_ENTRIES, 1ull << 32, 1ull << 63};
    uint64_t value, before = heap_free();
    struct reading *r = &readings[0];
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(WHB_ERROR_INVALID_ARGUMENT, whb_call(WHB_CALL_TRACE_SET, bad[i], 0, 0, 0, 0, NULL));
    }
    CHECK_EQ(WHB_ERROR_INVALID_STATE, whb_call(WHB_CALL_TRACE_READ, 0, (uintptr_t)r, sizeof(*r), 0, 0, NULL));
    (void)whb_call(WHB_CALL_FAIL_ALLOCATION, 1, 0, 0, 0, 0, NULL);
    CHECK_EQ(WHB_ERROR_OUT_OF_MEMORY, whb_call(WHB_CALL_TRACE_SET, 64, 0, 0, 0, 0, NULL));
    (void)whb_call(WHB_CALL_FAIL_ALLOCATION, 0, 0, 0, 0, 0, NULL);
    CHECK_EQ(before, heap_free());
    CHECK_EQ(S_OK, whb_trace_set(64));
    CHECK_EQ(WHB_ERROR_INVALID_STATE, whb_call(WHB_CALL_TRACE_SET, 64, 0, 0, 0, 0, NULL));
    CHECK_EQ(E_INVALIDARG, whb_trace_set(3));
    CHECK_EQ(E_POINTER, whb_trace_read(0, NULL, 64, NULL));
    CHECK_EQ(WHB_ERROR_BUFFER_TOO_SMALL, whb_call(WHB_CALL_TRACE_READ, 0, (uintptr_t)r, 23, 0, 0, &value));
    CHECK_EQ(sizeof(r->head), value);
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_TRACE_READ, 0, 0xfee00000, 4096, 0, 0, NULL));
    CHECK_EQ(WHB_ERROR_ACCESS_DENIED, whb_call(WHB_CALL_TRACE_READ, 0, (uintptr_t)r, UINT64_MAX, 0, 0, NULL));
    CHECK_EQ(WHB_OK, whb_call(WHB_CALL_TRACE_READ, 5, (uintptr_t)r, sizeof(r->head), 0, 0, &value));
    CHECK_EQ(sizeof(r->head), value);
    CHECK_EQ(0, r->head.position | r->head.written | r->head.lost);
    CHECK_EQ(S_OK, whb_trace_set(0));
    CHECK_EQ(S_OK, whb_trace_set(0));
    CHECK_EQ(before, heap_free());
}

static void entries(void)
{
    struct reading *r = &readings[0];
    WHV_RUN_VP_EXIT_CONTEXT record;
    guest_create(&guest, 2, 0);
    guest_load(&guest, 1, code, code + sizeof(code), CODE_AT);
    uint64_t begin = cpu_rdtsc();
    CHECK_EQ(S_OK, whb_trace_set(64));
    run_round(1);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 1, 0));
    guest_run(&guest, 1, &record, WHvRunVpExitReasonCanceled);
    uint64_t end = cpu_rdtsc();
    read_trace(r, 0);
    CHECK_EQ(4, r->count);
    check_entry(&r->entries[0], 1, REASON_CPUID);
    check_entry(&r->entries[1], 1, REASON_IO);
    check_entry(&r->entries[2], 1, REASON_HLT);
    check_entry(&r->entries[3], 1, WHB_TRACE_NO_EXIT);
    CHECK_EQ(0, r->entries[0].root_ticks);
    CHECK_EQ(QUALIFICATION_OUT_IMM8, r->entries[1].qualification);
    CHECK(r->entries[1].root_ticks > 0);
    CHECK(r->entries[2].root_ticks > 0);
    CHECK_EQ(0, r->entries[3].root_ticks);
    uint64_t at = begin;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct whb_trace_entry *e = &r->entries[i];
        CHECK(e->tsc >= at && e->hypervisor_ticks > 0);
        at = e->tsc + e->hypervisor_ticks + e->root_ticks;
    }
    CHECK(at <= end);
    CHECK_EQ(S_OK, whb_trace_set(0));
    run_round(1); /* with the trace off again */
    guest_destroy(&guest);
}

/* A ring of 64 keeps the last 64; positions count on. */
static void lost(void)
{
    struct reading *r = &readings[0];
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, code, code + sizeof(code), CODE_AT);
    CHECK_EQ(S_OK, whb_trace_set(64));
    for (uint32_t i = 0; i < 50; i++) {
        run_round(0);
    }
    read_trace(r, 0);
    CHECK(r->head.written >= 150 && r->count <= 64);
    CHECK_EQ(r->head.written - 64, r->head.lost);
    CHECK_EQ(r->head.lost, r->head.position);
    for (uint32_t i = 1; i < r->count; i++) {
        CHECK(r->entries[i].tsc >= r->entries[i - 1].tsc + r->entries[i - 1].hypervisor_ticks);
    }
    check_entry(&r->entries[r->count - 1], 0, REASON_HLT);
    uint64_t written = r->head.written, last = r->entries[r->count - 1].tsc;
    read_trace(r, written - 1);
    CHECK_EQ(written - 1, r->head.position);
    CHECK_EQ(last, r->entries[0].tsc);
    read_trace(r, written);
    CHECK_EQ(0, r->count);
    read_trace(r, UINT64_MAX);
    CHECK_EQ(written, r->head.position);
    CHECK_EQ(0, r->count);
    CHECK_EQ(S_OK, whb_trace_set(0));
    CHECK_EQ(S_OK, whb_trace_set(128));
    read_trace(r, 0);
    CHECK_EQ(0, r->head.written);
    CHECK_EQ(S_OK, whb_trace_set(0));
    guest_destroy(&guest);
}

static void other_cpu(void *arg)
{
    struct reading *r = arg;
    CHECK_EQ(S_OK, whb_trace_set(64));
    for (uint32_t i = 0; i < 10; i++) {
        run_round(1);
    }
    read_trace(r, 0);
    CHECK_EQ(S_OK, whb_trace_set(0));
}

/* Two CPUs at once, one VP each: either ring has its own CPU's exits only. */
static void cpus(void)
{
    uint64_t before = heap_free();
    guest_create(&guest, 2, 0);
    guest_load(&guest, 0, code, code + sizeof(code), CODE_AT);
    guest_load(&guest, 1, code, code + sizeof(code), CODE_AT);
    CHECK_EQ(S_OK, whb_trace_set(64));
    root_run_on(1, other_cpu, &readings[1]);
    for (uint32_t i = 0; i < 10; i++) {
        run_round(0);
    }
    CHECK(root_wait(1, 4000000000ull));
    read_trace(&readings[0], 0);
    CHECK_EQ(S_OK, whb_trace_set(0));
    for (uint32_t cpu = 0; cpu < 2; cpu++) {
        uint32_t exits = 0;
        for (uint32_t i = 0; i < readings[cpu].count; i++) {
            CHECK_EQ(cpu, WHB_TRACE_VP(readings[cpu].entries[i].vp));
            exits += readings[cpu].entries[i].reason != WHB_TRACE_NO_EXIT;
        }
        CHECK_EQ(30, exits);
    }
    guest_destroy(&guest);
    CHECK_EQ(before, heap_free());
}

const struct scenario scenarios_exit_trace[] = {
    {"exit-trace-refusals", 1, refusals},
    {"exit-trace-entries", 1, entries},
    {"exit-trace-lost", 1, lost},
    {"exit-trace-cpus", 2, cpus},
    {0},
};
