/* SPDX-License-Identifier: MIT */
/* Cancels that race with exits, many partitions at once, and VMCALL of the root's 32-bit code. */
#include "tests/scenarios/records.h"

#define TICKS 2000000000ull
#define CANCELS 300u

DECLARE_PAYLOAD(turn);

static struct guest guest;
static volatile uint32_t canceled, exits, strange, finish; /* atomic */

/* Runs a VP that exits all the time, until `finish` and a last cancel. */
static void count_records(void *arg)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    (void)arg;
    for (;;) {
        HRESULT hr = WHvRunVirtualProcessor(guest.partition, 0, &r, sizeof(r));
        if (hr == WHB_HR_INTERRUPTED) {
            cpu_pause();
        } else if (hr == S_OK && r.ExitReason == WHvRunVpExitReasonX64IoPortAccess) {
            guest_skip(&guest, 0, &r);
            __atomic_fetch_add(&exits, 1, __ATOMIC_SEQ_CST);
        } else if (hr == S_OK && r.ExitReason == WHvRunVpExitReasonCanceled) {
            bool last = __atomic_load_n(&finish, __ATOMIC_SEQ_CST) != 0;
            __atomic_fetch_add(&canceled, 1, __ATOMIC_SEQ_CST);
            if (last) {
                return;
            }
        } else {
            strange++;
            return;
        }
    }
}

static bool grows(volatile uint32_t *word, uint32_t before)
{
    for (uint64_t begin = cpu_rdtsc(); cpu_rdtsc() - begin < TICKS;) {
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != before) {
            return true;
        }
        cpu_pause();
    }
    return false;
}

/* A burst of cancels gives at least one record after it began and at most as many as it had. */
static void burst(uint32_t size)
{
    uint32_t before = __atomic_load_n(&canceled, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < size; i++) {
        CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
        for (uint32_t wait = 0; wait < (i % 5) * 13; wait++) {
            cpu_pause();
        }
    }
    CHECK(grows(&canceled, before));
}

static void cancel_race(void)
{
    uint32_t sent = 0;
    canceled = exits = strange = finish = 0;
    guest_create(&guest, 1, 0);
    guest_load(&guest, 0, payload_turn, payload_turn_end, PAYLOAD_AT);
    root_run_on(1, count_records, NULL);
    while (sent < CANCELS) {
        uint32_t size = 1 + sent % 7;
        CHECK(grows(&exits, __atomic_load_n(&exits, __ATOMIC_SEQ_CST))); /* so that the VP is at its exits */
        burst(size);
        sent += size;
        CHECK(__atomic_load_n(&canceled, __ATOMIC_SEQ_CST) <= sent);
    }
    __atomic_store_n(&finish, 1, __ATOMIC_SEQ_CST);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK(root_wait(1, TICKS));
    CHECK_EQ(0, strange);
    CHECK(canceled >= 1 && canceled <= sent + 1);
    CHECK(exits > 0);
    guest_destroy(&guest);
}

/* Cancels for a VP, not for the partition: the other runs on; a deleted one refuses, one made anew knows of none. */
static void cancel_of_one(void)
{
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_create(&guest, 2, 0);
    guest_load(&guest, 0, payload_turn, payload_turn_end, PAYLOAD_AT);
    guest_load(&guest, 1, payload_turn, payload_turn_end, PAYLOAD_AT);
    CHECK_EQ(S_OK, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    guest_run(&guest, 1, &r, WHvRunVpExitReasonX64IoPortAccess);
    CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(guest.partition, 0));
    CHECK_EQ(WHV_E_VP_DOES_NOT_EXIST, WHvCancelRunVirtualProcessor(guest.partition, 0, 0));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(guest.partition, 0, 0));
    guest_load(&guest, 0, payload_turn, payload_turn_end, PAYLOAD_AT);
    guest_run(&guest, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_destroy(&guest);
}

#define MANY 64u

static WHV_PARTITION_HANDLE make_one(uint8_t *ram, uint32_t number)
{
    WHV_PARTITION_HANDLE p = NULL;
    const uint32_t vps = 1;
    const WHV_MAP_GPA_RANGE_FLAGS rights = WHvMapGpaRangeFlagRead | WHvMapGpaRangeFlagWrite | WHvMapGpaRangeFlagExecute;
    CHECK_EQ(S_OK, WHvCreatePartition(&p));
    CHECK_EQ(S_OK, WHvSetPartitionProperty(p, WHvPartitionPropertyCodeProcessorCount, &vps, sizeof(vps)));
    CHECK_EQ(S_OK, WHvSetupPartition(p));
    CHECK_EQ(S_OK, WHvMapGpaRange(p, ram, 0, 0x10000, rights));
    CHECK_EQ(S_OK, WHvCreateVirtualProcessor(p, 0, 0));
    struct guest g = {p, ram, 1};
    guest_load(&g, 0, payload_turn, payload_turn_end, PAYLOAD_AT);
    guest_set(&g, 0, WHvX64RegisterRbx, 0x10000 * number);
    return p;
}

static void check_one(WHV_PARTITION_HANDLE p, uint8_t *ram, uint32_t number, uint32_t turn)
{
    struct guest g = {p, ram, 1};
    WHV_RUN_VP_EXIT_CONTEXT r;
    guest_run(&g, 0, &r, WHvRunVpExitReasonX64IoPortAccess);
    guest_skip(&g, 0, &r);
    CHECK_EQ(0x10000 * number + turn, guest_get(&g, 0, WHvX64RegisterRbx));
}

/* 64 partitions share the root's memory; each runs its own VP. Dead handles are refused, then and later. */
static void many(void)
{
    static WHV_PARTITION_HANDLE p[MANY];
    uint64_t dead[MANY];
    uint32_t count;
    uint8_t *ram = root_alloc_pages(16, ROOT_PAGE);
    for (uint32_t i = 0; i < MANY; i++) {
        p[i] = make_one(ram, i);
        dead[i] = whb_handle(p[i]);
    }
    for (uint32_t turn = 1; turn <= 2; turn++) {
        for (uint32_t i = 0; i < MANY; i++) {
            check_one(p[i], ram, i, turn);
        }
    }
    for (uint32_t i = 0; i < MANY; i += 2) {
        CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(p[i], 0));
        CHECK_EQ(S_OK, WHvDeletePartition(p[i]));
    }
    for (uint32_t i = 1; i < MANY; i += 2) {
        check_one(p[i], ram, i, 3);
        CHECK_EQ(S_OK, WHvDeleteVirtualProcessor(p[i], 0));
        CHECK_EQ(S_OK, WHvDeletePartition(p[i]));
    }
    guest_create(&guest, 1, 0); /* takes a slot of theirs */
    for (count = 0; count < MANY; count++) {
        CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_PARTITION_DELETE, dead[count], 0, 0, 0, 0, NULL));
        CHECK_EQ(WHB_ERROR_INVALID_HANDLE, whb_call(WHB_CALL_VP_RUN, dead[count], 0, 0, 0, 0, NULL));
    }
    guest_destroy(&guest);
}

#define VECTOR_UD 6u
#define GDT_ROOM 64u
#define CODE_32_FLAT 0x00cf9b000000ffffull

static volatile uint32_t undefined, undefined_cs;

static void on_undefined(struct root_frame *frame)
{
    undefined++;
    undefined_cs = (uint32_t)frame->cs;
    frame->rip += 3; /* past VMCALL */
}

struct table {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static uint64_t call_in_32_bit_code(uint64_t selector, uint64_t rax)
{
    __asm__ volatile("leaq 2f(%%rip), %%rcx\n\t" /* what LRET of 32-bit code pops: EIP, CS */
                     "movl %[back], %%r8d\n\t"
                     "shlq $32, %%r8\n\t"
                     "orq %%rcx, %%r8\n\t"
                     "pushq %%r8\n\t"
                     "pushq %[cs]\n\t"
                     "leaq 1f(%%rip), %%rcx\n\t"
                     "pushq %%rcx\n\t"
                     "lretq\n\t"
                     ".code32\n"
                     "1:\tvmcall\n\t"
                     "lret\n\t"
                     ".code64\n"
                     "2:"
                     : "+a"(rax)
                     : [cs] "r"(selector), [back] "i"(ROOT_CODE), "D"(0), "S"(0), "d"(0)
                     : "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
    return rax;
}

/* Calls are for 64-bit code: in compatibility mode VMCALL is undefined. */
static void call_in_compatibility_mode(void)
{
    static uint64_t gdt[GDT_ROOM];
    struct table old, new;
    __asm__ volatile("sgdt %0" : "=m"(old));
    uint32_t used = (old.limit + 1u) / 8;
    memcpy(gdt, (const void *)(uintptr_t)old.base, used * sizeof(uint64_t));
    gdt[used] = CODE_32_FLAT;
    new = (struct table){(uint16_t)((used + 1) * 8 - 1), (uintptr_t)gdt};
    undefined = 0;
    root_set_handler(VECTOR_UD, on_undefined);
    __asm__ volatile("lgdt %0" : : "m"(new));
    uint64_t rax = call_in_32_bit_code((uint64_t)used * 8, WHB_CALL(WHB_CALL_VERSION));
    __asm__ volatile("lgdt %0" : : "m"(old));
    root_set_handler(VECTOR_UD, NULL);
    CHECK_EQ(1, undefined);
    CHECK_EQ(used * 8, undefined_cs);
    CHECK_EQ(WHB_CALL(WHB_CALL_VERSION), rax);
}

const struct scenario scenarios_races[] = {
    {"cancel/race", 2, cancel_race},
    {"cancel/of-one", 1, cancel_of_one},
    {"many-partitions", 1, many},
    {"root-vmcall-compatibility-mode", 1, call_in_compatibility_mode},
    {0},
};
